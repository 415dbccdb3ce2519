"""The people of the enterprise."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from .clock import iso
from .errors import BoxError

Status = Literal["active", "inactive", "cannot_delete_edit", "cannot_delete_edit_upload"]
Role = Literal["admin", "coadmin", "user"]

APP_USER_DOMAIN = "boxdevedition.com"
GIGABYTE = 1 << 30

MINI = ("type", "id", "name", "login")
STANDARD = (
    *MINI,
    "created_at",
    "modified_at",
    "language",
    "timezone",
    "space_amount",
    "space_used",
    "max_upload_size",
    "status",
    "job_title",
    "phone",
    "address",
    "avatar_url",
    "notification_email",
)


@dataclass(slots=True)
class User:
    id: str
    name: str
    login: str
    created_at: float
    status: Status = "active"
    role: Role = "user"
    language: str = "en"
    timezone: str = "America/Los_Angeles"
    job_title: str = ""
    phone: str = ""
    address: str = ""
    space_amount: int = 100 * GIGABYTE
    max_upload_size: int = 5 * GIGABYTE
    aliases: list[str] = field(default_factory=list)
    is_platform_access_only: bool = False
    external_app_user_id: str | None = None
    client_id: str | None = None
    """The application that made this app user or owns this service account."""

    service_account: bool = False
    modified_at: float = 0.0
    space_used: int = 0

    @property
    def managed(self) -> bool:
        """Whether this is a managed user proper: neither app user nor service account."""
        return not self.is_platform_access_only and not self.service_account

    def mini(self) -> dict[str, Any]:
        return {"type": "user", "id": self.id, "name": self.name, "login": self.login}

    def json(self, fields: list[str] | None, enterprise: dict[str, Any]) -> dict[str, Any]:
        """Schema ``UserFull``: the standard fields, or the mini form and what `fields` names."""
        values = self._all(enterprise)
        names = STANDARD if fields is None else dict.fromkeys((*MINI, *fields))
        return {name: values[name] for name in names if name in values}

    def _all(self, enterprise: dict[str, Any]) -> dict[str, Any]:
        return {
            **self.mini(),
            "created_at": iso(self.created_at),
            "modified_at": iso(self.modified_at or self.created_at),
            "language": self.language,
            "timezone": self.timezone,
            "space_amount": self.space_amount,
            "space_used": self.space_used,
            "max_upload_size": self.max_upload_size,
            "status": self.status,
            "job_title": self.job_title,
            "phone": self.phone,
            "address": self.address,
            "avatar_url": f"https://app.box.com/api/avatar/large/{self.id}",
            "notification_email": None,
            "role": self.role,
            "tracking_codes": [],
            "can_see_managed_users": True,
            "is_sync_enabled": True,
            "is_external_collab_restricted": False,
            "is_exempt_from_device_limits": False,
            "is_exempt_from_login_verification": False,
            "enterprise": enterprise,
            "my_tags": [],
            "hostname": "https://app.box.com/",
            "is_platform_access_only": self.is_platform_access_only,
            "external_app_user_id": self.external_app_user_id,
        }


class Directory:
    """Users by id, by login, and by prefix of name or login."""

    def __init__(self) -> None:
        self._by_id: dict[str, User] = {}
        self._by_login: dict[str, User] = {}
        self._prefixes: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[User]:
        return iter(self._by_id.values())

    def get(self, user_id: str) -> User | None:
        return self._by_id.get(user_id)

    def by_login(self, login: str) -> User | None:
        return self._by_login.get(login.casefold())

    def by_external_id(self, external_id: str, client_id: str) -> User | None:
        """The app user with this id among those that the application made itself."""
        for user in self:
            if user.external_app_user_id == external_id and user.client_id == client_id:
                return user
        return None

    def add(self, user: User) -> None:
        """Take a new user in; a login that is another's login or alias is refused as Box does (409)."""
        self.refuse_taken(user.login, user)
        self._by_id[user.id] = user
        self._index(user)

    def change(self, user: User, **changes: Any) -> None:
        if "login" in changes:
            self.refuse_taken(changes["login"], user)
        self._unindex(user)
        for name, value in changes.items():
            setattr(user, name, value)
        self._index(user)

    def remove(self, user: User) -> None:
        self._unindex(user)
        del self._by_id[user.id]

    def starting_with(self, prefix: str) -> list[User]:
        """Users whose name or login begins with `prefix`, whatever the case, in order of id (G12)."""
        key = prefix.casefold()
        ids: set[str] = set()
        for position in range(bisect_left(self._prefixes, (key, "")), len(self._prefixes)):
            text, user_id = self._prefixes[position]
            if not text.startswith(key):
                break
            ids.add(user_id)
        return [self._by_id[user_id] for user_id in sorted(ids, key=int)]

    def refuse_taken(self, login: str, user: User) -> None:
        """409 for a login that is another's login or alias."""
        holder = self.by_login(login) or next((other for other in self if login.casefold() in other.aliases), None)
        if holder is not None and holder is not user:
            raise BoxError(409, "user_login_already_used", "User with the specified login already exists")

    def _index(self, user: User) -> None:
        self._by_login[user.login.casefold()] = user
        for text in {user.login.casefold(), user.name.casefold()}:
            insort(self._prefixes, (text, user.id))

    def _unindex(self, user: User) -> None:
        del self._by_login[user.login.casefold()]
        for text in {user.login.casefold(), user.name.casefold()}:
            self._prefixes.remove((text, user.id))
