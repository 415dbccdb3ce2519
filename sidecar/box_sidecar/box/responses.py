"""Box's answers, judged before anything of them is believed: what came back, what it is, and what it may say."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, cast

import msgspec

from box_sidecar.box.errors import RetryableError, explain
from box_sidecar.logs import redact_error
from box_sidecar.model import Resource, User, normalize_login
from box_sidecar.problems import BoxReason
from box_sidecar.sentences import say

T = TypeVar("T")

_APP_USER_DOMAIN = "@boxdevedition.com"
_LIFE_MAX_S = 86_400.0  # Box's tokens live for an hour or a little more
_RETRY_AFTER_MAX_S = 300.0
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


class Reply(NamedTuple):
    """What came back, before anybody has judged it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return "Reply(…)"  # a body may hold a token


class Answer(Generic[T]):
    """What Box said: a value for a success, ``reason`` for a refusal (any 4xx but 408 and 429)."""

    __slots__ = ("_value", "reason")

    def __init__(self, value: T, reason: BoxReason | None = None) -> None:
        self._value = value
        self.reason = reason

    def value(self, where: str) -> T:
        """The success's value; raises the :class:`Problem` that a refusal means in this step."""
        if self.reason is not None:
            raise explain(where, self.reason)
        return self._value


def understand(reply: Reply, decode: type[T]) -> Answer[T]:
    """Sort an answer by status and content type, before its body is believed to be JSON.

    Raises:
        RetryableError: Box, or something on the way to it, failed or wants us to wait.
    """
    status, headers, body = reply
    if 200 <= status < 300:
        return Answer(_decode(status, body, decode))
    wait = retry_after(headers.get("Retry-After"), headers.get("Date"))
    if status == 429:
        raise RetryableError(say("Box answered 429, too many requests."), rate_limited=True, wait=wait)
    if status >= 500 or status == 408:
        raise RetryableError(say("Box answered {status}.", status=status), wait=wait)
    if 300 <= status < 400:
        raise RetryableError(say("Something between here and Box answered {status}, a redirect.", status=status))
    kind = headers.get("Content-Type", "").partition(";")[0].lower()
    if body.strip() and "json" not in kind:
        shown = redact_error(kind, 60) or "no Content-Type"
        told = say("Something between here and Box answered {status} with {kind}.", status=status, kind=shown)
        raise RetryableError(told)
    return Answer(cast(T, None), refusal_reason(status, body))


def _decode(status: int, body: bytes, decode: type[T]) -> T:
    try:
        # What is decoded as nothing may be anything: a revocation's body is empty.
        return _decode_json(b"null" if decode is type(None) else body, decode)
    except msgspec.ValidationError as error:
        form = redact_error(str(error), 200)
        what = say("Box answered {status} with JSON of another form: {form}.", status=status, form=form)
        raise RetryableError(what, odd=True) from None
    except _UNREADABLE:
        raise RetryableError(say("Box answered {status} with something that can't be read.", status=status)) from None


def _decode_json(body: bytes, decode: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=decode)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if b"\\u" not in body:
            raise
    # Half a character ("\ud83d") is JSON, but no text (RFC 8259, section 8.2). What it stands in is not lost for it.
    text = json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return msgspec.json.decode(text.decode("utf-8", "replace"), type=decode)


def retry_after(value: str | None, date: str | None) -> float | None:
    """``Retry-After`` in seconds: a number or a date (RFC 9110, section 10.2.3), absurd values bounded."""
    if not value:
        return None
    try:
        seconds = (
            float(value)
            if value.strip().isdigit()
            else (parsedate_to_datetime(value) - parsedate_to_datetime(date or "")).total_seconds()
        )
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _RETRY_AFTER_MAX_S)


class _ErrorBody(msgspec.Struct):
    """Both shapes of Box's errors: the token endpoint's (RFC 6749, section 5.2) and the API's."""

    error: str = ""
    error_description: str = ""
    code: str = ""
    message: str = ""


def refusal_reason(status: int, body: bytes) -> BoxReason:
    """Box's own words for a refusal, as far as they may be shown."""
    try:
        said = msgspec.json.decode(body, type=_ErrorBody)
    except _UNREADABLE:
        said = _ErrorBody()
    description = said.error_description or said.message
    return BoxReason(status, redact_error(said.error or said.code, 60), redact_error(description, 300))


# What a success may say


class Restriction(msgspec.Struct):
    """One entry of ``restricted_to``."""

    scope: str
    object: dict[str, Any] | None = None


class TokenResponse(msgspec.Struct):
    """A token (RFC 6749, section 5.1), and what Box says it may do."""

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


def to_user(record: Any) -> User:
    """What Box tells of one person. What is no text is left out, and what is left out is not taken for harmless.

    So one odd record spoils nobody else's; without an id it is nobody's, and no token is made for it.
    """
    told = {name: value for name, value in record.items() if isinstance(value, str)} if isinstance(record, dict) else {}
    user_id = told.get("id", "")
    return User(
        user_id if user_id.isascii() and user_id.isdigit() else "",
        *(told.get(name, "") for name in ("login", "name", "status", "role")),
    )


class UserPage(msgspec.Struct):
    """One page of people, each record as odd as Box likes; ``limit`` is Box's own, where it lowers ours."""

    entries: list[Any]
    limit: int | None = None

    def with_login(self, login: str) -> list[User]:
        """Who has exactly this login, letter case apart: Box looks for names that begin with it, too."""
        wanted = normalize_login(login)
        return [user for user in map(to_user, self.entries) if normalize_login(user.login) == wanted]

    def with_external_id(self, external_id: str) -> list[User]:
        """Who has this id of the app's own; whom Box says to have another is none of them."""
        found = []
        for record in self.entries:
            told = record.get("external_app_user_id") if isinstance(record, dict) else None
            user = to_user(record)
            if told == external_id or (told is None and normalize_login(user.login).endswith(_APP_USER_DOMAIN)):
                found.append(user)
        return found


class Item(msgspec.Struct):
    """What lies in a folder. A person's root, "0", lies in none."""

    type: str
    id: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,19}$(?!\n)")]
    name: str | None = None
    owned_by: dict[str, Any] | None = None

    def is_folder(self, name: str, owner: str | None) -> bool:
        """Whether it is a folder with exactly this name, however its characters are composed, and of this owner if one
        is given."""
        theirs = owner is None or (self.owned_by or {}).get("id") == owner
        return self.type == "folder" and theirs and unicodedata.normalize("NFC", self.name or "") == name


class Page(msgspec.Struct):
    """One page of what lies in a folder; without a ``next_marker`` it is the last."""

    entries: list[Item]
    next_marker: str | None = None


class _PathEntry(msgspec.Struct):
    id: str


class _PathCollection(msgspec.Struct):
    entries: list[_PathEntry]


class FileResponse(msgspec.Struct):
    """Where a file lies."""

    path_collection: _PathCollection

    @property
    def folder_ids(self) -> list[str]:
        """From the root down."""
        return [folder.id for folder in self.path_collection.entries]
