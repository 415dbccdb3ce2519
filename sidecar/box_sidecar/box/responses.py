"""Box's answers as types, judged before anything is believed."""

from __future__ import annotations

from typing import Any

import msgspec

from box_sidecar.model import Resource, User, normalize_login

_APP_USER_DOMAIN = "@boxdevedition.com"
_LIFE_MAX_S = 86_400.0  # Box's tokens live for an hour or a little more


class Restriction(msgspec.Struct):
    scope: str
    object: dict[str, Any] | None = None


class TokenResponse(msgspec.Struct):
    access_token: str
    expires_in: float
    token_type: str = "bearer"  # noqa: S105
    restricted_to: list[Restriction] | None = None

    def __post_init__(self) -> None:
        if self.expires_in <= 0 or self.token_type.lower() != "bearer":
            raise ValueError("not a bearer token")
        if not self.access_token or not (self.access_token.isascii() and self.access_token.isprintable()):
            raise ValueError("not a token")  # RFC 6749, appendix A.12
        self.expires_in = min(self.expires_in, _LIFE_MAX_S)

    def __repr__(self) -> str:
        return "TokenResponse(…)"


def to_user(record: Any) -> User:
    """What Box tells of one person. What is no text is left out, and what is left out is not taken for harmless.

    So one odd record spoils nobody else's; without an id it is nobody's (see ``TokenService``).
    """
    told = {name: value for name, value in record.items() if isinstance(value, str)} if isinstance(record, dict) else {}
    user_id = told.get("id", "")
    return User(
        user_id if user_id.isascii() and user_id.isdigit() else "",
        *(told.get(name, "") for name in ("login", "name", "status", "role")),
    )


class UserPage(msgspec.Struct, rename={"records": "entries"}):
    records: list[Any]
    limit: int | None = None  # Box's own, where it lowers ours

    @property
    def entries(self) -> list[User]:
        return [to_user(record) for record in self.records]


class AppUserPage(msgspec.Struct, rename={"records": "entries"}):
    records: list[Any]

    def of(self, external_id: str) -> list[User]:
        """Who has this id of the app's own; whom Box says to have another is none of them."""
        return [
            user
            for user, told in ((to_user(record), _external_id(record)) for record in self.records)
            if told == external_id or (told is None and normalize_login(user.login).endswith(_APP_USER_DOMAIN))
        ]


def _external_id(record: Any) -> Any:
    return record.get("external_app_user_id") if isinstance(record, dict) else None


class _PathEntry(msgspec.Struct):
    id: str


class _PathCollection(msgspec.Struct):
    entries: list[_PathEntry]


class FileResponse(msgspec.Struct):
    path_collection: _PathCollection


def granted_scopes(
    restrictions: list[Restriction] | None, asked: tuple[str, ...], resource: Resource
) -> tuple[str, ...] | None:
    """The scopes that ``restricted_to`` tells, in the order of ``asked``.

    Seen are one entry a scope, and one for all with their names joined by commas. An entry for a root has no object,
    or folder ``0``.

    Returns:
        An empty tuple if it does not keep within what was asked; ``None`` if it says nothing.
    """
    if not restrictions:
        return None
    told: set[str] = set()
    for restriction in restrictions:
        scopes = restriction.scope.replace(",", " ").split()
        limited = restriction.object or {}
        here = (limited.get("type"), limited.get("id")) == (resource.type, resource.id)
        if not scopes or not (here or (resource.is_root and not limited)):
            return ()
        told.update(scopes)
    return tuple(scope for scope in asked if scope in told) if told.issubset(asked) else ()
