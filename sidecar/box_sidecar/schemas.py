"""The bodies of requests and answers, as types: what is decoded, encoded and described is one thing."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from box_sidecar.model import Path, Resource, Subject
from box_sidecar.problems import BoxReason, Problem
from box_sidecar.sentences import Said, said
from box_sidecar.settings import Digits
from box_sidecar.usage import DAYS

# Python's "$" would let a line end pass after the last character; "(?!\n)" does not, in any dialect.
Login = Annotated[str, Meta(min_length=1, max_length=320, pattern=r"^[^\s\x00-\x1f\x7f]+$(?!\n)")]
ExternalId = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Name = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Word = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[a-z_]+$(?!\n)")]
# One to eight names that Box takes for folders: none is blank at an end, "." or "..", none has a backslash or control.
_NAMES = r"^(?!.*[\x00-\x1f\x7f-\x9f\u2028\u2029\\])((?!\.{1,2}(/|$)|\s)[^/]{1,255}(?<!\s)(/(?!$)|$)){1,8}$(?!\n)"
FolderPath = Annotated[str, Meta(min_length=1, max_length=512, pattern=_NAMES)]
Sha256 = Annotated[str, Meta(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$(?!\n)")]


# To JSON Schema 12.0 is an integer too, as it is to JavaScript; msgspec's int refuses it.
CallCount = Annotated[float, Meta(ge=0, le=100_000, multiple_of=1)]
PageNumber = Annotated[float, Meta(ge=0, lt=10**10, multiple_of=1)]


class Calls(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """How often an Element has called Box since it was told last, by kind."""

    list: CallCount = 0
    read: CallCount = 0
    search: CallCount = 0
    upload: CallCount = 0
    download: CallCount = 0
    change: CallCount = 0
    other: CallCount = 0


class Report(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a browser tells of its widget: the ``page`` of the site by its number, and the calls of its Element."""

    page: PageNumber = 0
    calls: Calls | None = None


class UserRef(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A person, named in exactly one way."""

    login: Login | None = None
    id: Digits | None = None
    external_app_user_id: ExternalId | None = None

    def __post_init__(self) -> None:
        if (self.login, self.id, self.external_app_user_id).count(None) != 2:
            raise ValueError("name the user by exactly one of login, id, external_app_user_id")

    @property
    def who(self) -> Subject:
        """The same for the layers below."""
        if self.login is not None:
            return Subject("login", self.login)
        if self.id is not None:
            return Subject("id", self.id)
        return Subject("external_app_user_id", self.external_app_user_id or "")


class TokenUser(UserRef, forbid_unknown_fields=True, omit_defaults=True):
    """Whose token it shall be. With a ``name``, an app user who is not there yet is made, if policy allows it."""

    name: Name | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name is not None and self.external_app_user_id is None:
            raise ValueError("name goes with external_app_user_id")


class TokenRequest(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Body of ``POST /v1/tokens``. Folder ``"0"``, the person's root, is meant if neither folder nor file is there.

    ``path`` has names of folders, each in the one before, below that folder: ``"Receipts/2026"``. They are looked up as
    the person; below a root the first one must be the person's own.

    ``refused`` is the SHA-256, in hexadecimal digits, of a token that Box has refused: if that is the one in memory,
    another is made in its place.

    ``report`` is counted, and decides nothing.
    """

    user: TokenUser
    element: Word
    scopes: Annotated[list[Word], Meta(max_length=20)] = []
    folder: Digits | None = None
    file: Digits | None = None
    path: FolderPath | None = None
    refused: Sha256 | None = None
    report: Report | None = None

    def __post_init__(self) -> None:
        if self.file is not None and (self.folder is not None or self.path is not None):
            raise ValueError("give a folder or a file, not both")

    @property
    def resource(self) -> Resource:
        """Folder or file. Names are compared in Unicode's normal form C: Box may have composed them otherwise."""
        if self.file is not None:
            return Resource("file", self.file)
        if self.path is None:
            return Resource("folder", self.folder or "0")
        return Path("folder", self.folder or "0", tuple(unicodedata.normalize("NFC", self.path).split("/")))


class RevokeRequest(Struct, forbid_unknown_fields=True):
    """Body of ``POST /v1/tokens/revoke``: one person's tokens, or all there are."""

    user: UserRef | None = None
    all: Literal[True] | None = None

    def __post_init__(self) -> None:
        if (self.user is None) == (self.all is None):
            raise ValueError("give a user, or all")


class UsageQuery(Struct, forbid_unknown_fields=True):
    """Query of ``GET /v1/usage``: how many days, today included."""

    days: Annotated[int, Meta(ge=1, le=DAYS)] = DAYS


class ProvisionRequest(Struct, forbid_unknown_fields=True):
    """Body of ``POST /v1/users``."""

    external_app_user_id: ExternalId
    name: Name


class Person(Struct):
    """Whose token it is."""

    id: str
    login: str
    name: str


class TokenAnswer(Struct):
    """Answer of ``POST /v1/tokens``; ``expires_in`` in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    scopes: tuple[str, ...]
    resource: Resource
    user: Person

    def __repr__(self) -> str:
        return "TokenAnswer(…)"


class UserAnswer(Struct):
    """Answer of ``/v1/users``."""

    id: str
    login: str
    name: str
    status: str
    role: str


class RevokeAnswer(Struct):
    """Answer of ``POST /v1/tokens/revoke``: how many tokens were revoked at Box."""

    revoked: int


class Message(Struct, omit_defaults=True):
    """The sentences of a finding, for who shows them in another language: each a template and its parameters."""

    summary: tuple[Said, ...] = ()
    fix: tuple[Said, ...] = ()


class Check(Struct, omit_defaults=True):
    """One finding of doctor's. ``status`` is ``pass``, ``warn`` or ``fail``; ``fix`` names what to click or type.

    Both are English; ``message`` has the same by template and parameters.
    """

    id: str
    status: str
    summary: str
    fix: str = ""
    message: Message | None = None

    def __post_init__(self) -> None:
        if self.message is None:
            self.message = Message(said(self.summary), said(self.fix))
        self.summary, self.fix = str(self.summary), str(self.fix)  # nothing but text is encoded as text


class DoctorAnswer(Struct):
    """Answer of ``GET /v1/doctor``; ``status`` is the worst of all, ``configuration`` a mark of the one that runs."""

    status: str
    checks: list[Check]
    configuration: str = ""


class HealthAnswer(Struct, omit_defaults=True):
    """Answer of ``/health/…``; ``why`` if ``status`` is ``fail``, or there is something to say all the same."""

    status: str
    why: str = ""


class FieldError(Struct):
    """One wrong field of a request."""

    field: str
    message: str


class ProblemDocument(Struct, omit_defaults=True):
    """``application/problem+json`` (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    fix: str
    request_id: str
    box: BoxReason | None = None
    errors: list[FieldError] = []


T = TypeVar("T")

_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (TokenRequest, RevokeRequest, ProvisionRequest)
}


def decode(raw: bytes, kind: type[T]) -> T:
    """A request's body, strictly decoded.

    Raises:
        Problem: ``invalid_request``; its ``errors`` name each field that is wrong.
    """
    try:
        return _decoders[kind].decode(raw)  # type: ignore[no-any-return]
    except msgspec.ValidationError:
        pass
    except _NOT_JSON:
        raise Problem("invalid_request", detail="The body is not JSON.") from None
    try:
        errors = _each_error(msgspec.json.decode(raw), kind)
    except _NOT_JSON:
        # The decoder had stopped at a wrong field, before what is no JSON at all.
        raise Problem("invalid_request", detail="The body is not JSON.") from None
    detail = "; ".join(f"{error['field']}: {error['message']}" for error in errors)
    raise Problem("invalid_request", detail=detail[:1000], errors=errors)


def _each_error(value: Any, kind: type[Any]) -> list[dict[str, str]]:
    """msgspec stops at the first error; a caller wants all of them: so judge one field at a time."""
    if not isinstance(value, dict):
        return [{"field": "", "message": "the body must be a JSON object"}]
    errors = []
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for name in list(value)[:50]:
        if name not in fields:
            errors.append({"field": name[:60], "message": "unknown field"})
            continue
        try:
            msgspec.convert(value[name], fields[name].type)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$")
            errors.append({"field": name + where.rstrip("`"), "message": what})
    for name, field in fields.items():
        if field.required and name not in value:
            errors.append({"field": name, "message": "is missing"})
    if not errors:  # what concerns several fields together
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            errors.append({"field": "", "message": str(error).partition(" - at `")[0]})
    return errors
