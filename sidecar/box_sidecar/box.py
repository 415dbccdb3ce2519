"""What Box sees of us: assertions and grants (RFC 7523, RFC 8693, RFC 7009) and the users it is asked for."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from authlib.oauth2.rfc6749.util import list_to_scope
from authlib.oauth2.rfc7523 import JWTBearerGrant
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.jwk import RSAKey

from box_sidecar.catalogue import Problem, explain
from box_sidecar.clock import BoxClock, monotonic
from box_sidecar.config import AppConfig, ConfigError, Secret
from box_sidecar.transport import Answer, Request, Transport, within

#: Box's guide "JWT without SDK": always this, whatever host the request goes to.
AUDIENCE = "https://api.box.com/oauth2/token"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - RFC 8693, section 2.1
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - RFC 8693, section 3

_ASSERTION_LIFE_S = 45  # Box allows 60; the rest is for the way
_CLOCKS = 3  # beliefs of Box's time that are tried for one grant
_SERVICE_MIN_LIFE_S = 60.0
_SERVICE_REFRESH_AHEAD_S = 600.0
_USER_FIELDS = "id,type,name,login,status,role"
_PAGE = 1000  # the most that Box gives at once
_LAST_OFFSET = 10_000  # the most that Box skips (OpenAPI description, GET /users)
_APP_USER_DOMAIN = "@boxdevedition.com"
_LIFE_MAX_S = 86_400.0  # Box's tokens live for an hour or a little more

T = TypeVar("T")


def fold(login: str) -> str:
    """A login whatever its letter case.

    Only letters that are each other's upper and lower case are the same. ``str.casefold`` would also make a k of the
    Kelvin sign and ss of ß, and so one person of two.
    """
    if login.isascii():
        return login.lower()
    return "".join(lower if (lower := char.lower()).upper() == char else char for char in login)


class User(msgspec.Struct, frozen=True):
    """A person as Box knows them. ``role`` is ``admin``, ``coadmin`` or ``user``."""

    id: str
    login: str = ""
    name: str = ""
    status: str = ""
    role: str = ""


class Resource(msgspec.Struct, frozen=True):
    """A folder or file that a token is limited to. Folder ``"0"`` is the person's own root: no limit at all."""

    type: Literal["folder", "file"]
    id: str

    @property
    def is_root(self) -> bool:
        """Whether it stands for everything that the person has."""
        return self.type == "folder" and self.id == "0"


@dataclass(frozen=True, slots=True)
class Token:
    """A token of Box's and when it ends on the monotonic clock, counted from before it was asked for."""

    secret: Secret
    expires_at: float
    scopes: tuple[str, ...] = ()

    @property
    def life(self) -> float:
        """Seconds left."""
        return self.expires_at - monotonic()


class _Restriction(msgspec.Struct):
    scope: str
    object: dict[str, Any] | None = None


class _TokenAnswer(msgspec.Struct):
    access_token: str
    expires_in: float
    token_type: str = "bearer"  # noqa: S105
    restricted_to: list[_Restriction] | None = None

    def __post_init__(self) -> None:
        if self.expires_in <= 0 or self.token_type.lower() != "bearer":
            raise ValueError("not a bearer token")
        if not self.access_token or not (self.access_token.isascii() and self.access_token.isprintable()):
            raise ValueError("not a token")  # RFC 6749, appendix A.12
        self.expires_in = min(self.expires_in, _LIFE_MAX_S)

    def __repr__(self) -> str:
        return "_TokenAnswer(…)"


def _person(record: Any) -> User:
    """What Box tells of one person. What is no text is left out, and what is left out is not taken for harmless.

    So one odd record spoils nobody else's; without an id it is nobody's (see ``TokenService``).
    """
    told = {name: value for name, value in record.items() if isinstance(value, str)} if isinstance(record, dict) else {}
    user_id = told.get("id", "")
    return User(
        user_id if user_id.isascii() and user_id.isdigit() else "",
        *(told.get(name, "") for name in ("login", "name", "status", "role")),
    )


class _UserPage(msgspec.Struct, rename={"records": "entries"}):
    records: list[Any]
    limit: int | None = None  # Box's own, where it lowers ours

    @property
    def entries(self) -> list[User]:
        return [_person(record) for record in self.records]


class _AppUserPage(msgspec.Struct, rename={"records": "entries"}):
    records: list[Any]

    def of(self, external_id: str) -> list[User]:
        """Who has this id of the app's own; whom Box says to have another is none of them."""
        return [
            user
            for user, told in ((_person(record), _external_id(record)) for record in self.records)
            if told == external_id or (told is None and fold(user.login).endswith(_APP_USER_DOMAIN))
        ]


def _external_id(record: Any) -> Any:
    return record.get("external_app_user_id") if isinstance(record, dict) else None


class _PathEntry(msgspec.Struct):
    id: str


class _PathCollection(msgspec.Struct):
    entries: list[_PathEntry]


class _FileAnswer(msgspec.Struct):
    path_collection: _PathCollection


#: How a token for a person's root is asked for: without a resource; with ``folders/0``; without, and believed unseen.
_RootWay = Literal["plain", "named", "believed"]


class _Downscoped(NamedTuple):
    """A token of an exchange, and what Box says it may do (see :func:`_granted`)."""

    token: Token
    granted: tuple[str, ...] | None


_UNSTATED = "Box's answer does not say what the token may do, so it was revoked and thrown away."
_UNSTATED_FIX = (
    "Please report it with the output of box-sidecar check --probe --json. Until it is understood, "
    "policy.accept_unstated_scopes = true believes such tokens for a person's root unseen."
)


class Signer:
    """The app's private key, opened once, and the assertions it signs (RFC 7523, section 3).

    Raises:
        ConfigError: the key can't be opened with the passphrase, or is no RSA key of 2048 bits or more.
    """

    def __init__(self, app: AppConfig) -> None:
        pem, passphrase = app.key_pair
        try:
            key = load_pem_private_key(pem.reveal().encode(), passphrase.reveal().encode() or None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ConfigError(
                "boxAppSettings.appAuth.privateKey can't be opened with boxAppSettings.appAuth.passphrase; "
                "download the JSON again in the Developer Console (Generate a Public/Private Keypair)"
            ) from None
        if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
            raise ConfigError("boxAppSettings.appAuth.privateKey is not an RSA key of at least 2048 bits")
        self._key = RSAKey(key, key)
        self._header = {"alg": "RS256", "kid": app.key_id}
        self._issuer = app.client_id

    def assertion(self, subject_type: str, subject: str, now: float) -> str:
        """A new assertion at Box's time ``now``.

        It carries no ``iat`` and no ``nbf``: both are optional, and one more claim that Box would hold
        against its clock.
        """
        claims = {
            "iss": self._issuer,
            "sub": subject,
            "box_sub_type": subject_type,
            "aud": AUDIENCE,
            "jti": secrets.token_urlsafe(32),
            "exp": int(now) + _ASSERTION_LIFE_S,
        }
        return jwt.encode(self._header, claims, self._key)


class Box:
    """The calls that we make to Box, each returning a value or raising the :class:`Problem` it means."""

    def __init__(
        self, app: AppConfig, transport: Transport, clock: BoxClock, *, accept_unstated_scopes: bool = False
    ) -> None:
        self._app = app
        self._accept_unstated_scopes = accept_unstated_scopes
        self._root_way: _RootWay | None = None
        self._transport = transport
        self._clock = clock
        self._signer = Signer(app) if app.private_key else None
        self._service: Token | None = None
        self._service_lock = asyncio.Lock()
        self._renewal: asyncio.Task[Token] | None = None

    # Tokens

    async def service_token(self) -> Token:
        """The service account's token: one for all, renewed in the background before it ends."""
        token = self._service
        if token is None or token.life < _SERVICE_MIN_LIFE_S:
            return await self._renew_service_token(token)
        if token.life < _SERVICE_REFRESH_AHEAD_S and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.create_task(self._renew_in_background(token))
        return token

    async def _renew_service_token(self, old: Token | None) -> Token:
        async with self._service_lock:
            if self._service is None or self._service is old:
                self._service = await self._grant("service", "enterprise", self._app.enterprise_id)
            return self._service

    async def _renew_in_background(self, old: Token) -> Token:
        with within(self._transport.patience):
            try:
                return await self._renew_service_token(old)
            except Problem:
                return old  # still good; the next call tries again

    async def user_token(self, user_id: str) -> Token:
        """A token that can do all that the person can; it never leaves this process."""
        try:
            return await self._grant("user", "user", user_id)
        except Problem as problem:
            if problem.refusal != "ccg-user-credentials":
                raise
            refused = problem
        # Box has one sentence for everything here. A look at the person tells a deleted one from a setting of the app.
        await self.get_user(user_id)
        raise refused

    async def _grant(self, where: str, subject_type: str, subject: str) -> Token:
        """One grant; a refusal that a new assertion can mend is answered with one.

        A refused time is tried again by whatever else Box's time may be, the refusal's own ``Date`` included; a refused
        ``jti`` once more, as Box's own SDKs do.
        """
        belief, *_ = self._clock.beliefs()
        tried: list[float] = []
        jtis = 2
        while True:
            started = monotonic()
            answer = await self._ask_for_grant(subject_type, subject, belief)
            refusal = explain(where, answer.reason) if answer.reason else None
            if refusal and refusal.code == "clock_skew":
                tried.append(belief)
                others = self._clock.beliefs(tried)
                if others and len(tried) < _CLOCKS:
                    belief = others[0]
                    continue
            elif refusal and refusal.refusal == "jti-replayed" and jtis > 1:
                jtis -= 1
                continue
            granted = answer.value(where)
            self._clock.settle(belief)
            return Token(Secret(granted.access_token), started + granted.expires_in)

    async def _ask_for_grant(self, subject_type: str, subject: str, belief: float) -> Answer[_TokenAnswer]:
        def make() -> Request:
            return Request(form=self._grant_form(subject_type, subject, self._clock.now(belief)))

        return await self._transport.call("token", "POST", "/oauth2/token", make, _TokenAnswer)

    def _grant_form(self, subject_type: str, subject: str, now: float) -> dict[str, str]:
        form = self._client()
        if self._signer is None:
            # Box guide "Client Credentials Grant"; RFC 6749, section 4.4.
            return form | {
                "grant_type": "client_credentials",
                "box_subject_type": subject_type,
                "box_subject_id": subject,
            }
        return form | {
            "grant_type": JWTBearerGrant.GRANT_TYPE,
            "assertion": self._signer.assertion(subject_type, subject, now),
        }

    def _client(self) -> dict[str, str]:
        return {"client_id": self._app.client_id, "client_secret": self._app.client_secret.reveal()}

    async def exchange(self, parent: Token, scopes: Iterable[str], resource: Resource) -> Token:
        """Downscope (RFC 8693): a token for exactly these scopes, and this folder or file unless it is the root.

        How Box tells what a token for the root may do is documented nowhere, nor whether it takes ``folders/0`` as
        resource. The first token for a root finds out which way says it, and the next ones go that way at once.

        Raises:
            Problem: besides what Box refuses, ``box_refused`` if ``restricted_to`` says more than was asked for, or
                nothing; that token is revoked, not used.
        """
        asked = tuple(scopes)
        if not resource.is_root:
            return await self._told(await self._downscope(parent, asked, resource, name_it=True))
        for way in _root_ways(self._root_way, self._accept_unstated_scopes):
            downscoped = await self._try_root(parent, asked, resource, way)
            if downscoped is not None:
                self._root_way = way
                return downscoped
        self._root_way = None
        raise Problem("box_refused", detail=_UNSTATED, fix=_UNSTATED_FIX)

    async def _try_root(self, parent: Token, asked: tuple[str, ...], root: Resource, way: _RootWay) -> Token | None:
        """A token for the root asked for in one way; None if Box does not take it or does not say what it grants."""
        try:
            answer = await self._downscope(parent, asked, root, name_it=way == "named")
        except Problem as problem:
            if way == "named" and problem.refusal == "bad-resource":
                return None
            raise
        if answer.granted is None and way == "believed":
            return replace(answer.token, scopes=asked)
        if answer.granted is None:
            await self.revoke(answer.token.secret)
            return None
        return await self._told(answer)

    async def _told(self, answer: _Downscoped) -> Token:
        """The token, if Box's answer says no more than was asked."""
        if answer.granted:
            return replace(answer.token, scopes=answer.granted)
        await self.revoke(answer.token.secret)
        if answer.granted is None:
            raise Problem("box_refused", detail=_UNSTATED, fix=_UNSTATED_FIX)
        raise Problem(
            "box_refused",
            detail="Box's answer grants more than was asked for.",
            fix="The token was revoked and thrown away. If it happens again, ask Box support about restricted_to.",
        )

    async def _downscope(
        self, parent: Token, asked: tuple[str, ...], resource: Resource, *, name_it: bool
    ) -> _Downscoped:
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": parent.secret.reveal(),
            "subject_token_type": ACCESS_TOKEN_TYPE,
            "scope": list_to_scope(asked),
        }
        if name_it:
            form["resource"] = f"https://api.box.com/2.0/{resource.type}s/{resource.id}"
        started = monotonic()
        answer = await self._transport.call("token", "POST", "/oauth2/token", lambda: Request(form=form), _TokenAnswer)
        narrowed = answer.value("exchange")
        token = Token(Secret(narrowed.access_token), started + narrowed.expires_in)
        if token.secret == parent.secret:
            raise Problem("box_refused", detail="Box answered with the token that was to be narrowed.")
        return _Downscoped(token, _granted(narrowed.restricted_to, asked, resource))

    async def revoke(self, token: Secret) -> None:
        """Revoke at Box (RFC 7009). Quiet if Box no longer knows the token; raises if Box can't be reached."""
        form = self._client() | {"token": token.reveal()}
        answer = await self._transport.call("revoke", "POST", "/oauth2/revoke", lambda: Request(form=form), type(None))
        if answer.reason and answer.reason.error not in {"invalid_token", "invalid_grant", "invalid_request"}:
            raise explain("revoke", answer.reason)

    # Users

    async def find_users(self, login: str, on_next_page: Callable[[], None] = lambda: None) -> list[User]:
        """All users with exactly this login, letter case apart.

        Box's ``filter_term`` is a prefix of name *or* login, so every page is read and compared. ``on_next_page`` is
        called before each but the first, and may raise.
        """
        wanted = fold(login)
        found: dict[str, User] = {}
        params = {"filter_term": login, "user_type": "managed", "fields": _USER_FIELDS, "limit": str(_PAGE)}
        offset = 0
        while offset <= _LAST_OFFSET:
            if offset:
                on_next_page()
            page = await self._api("users", "GET", "/2.0/users", _UserPage, params=params | {"offset": str(offset)})
            found |= {user.id: user for user in page.entries if fold(user.login) == wanted}
            # By offset: with a filter_term the marker never says that this was the last page.
            if len(page.entries) < max(1, min(_PAGE, page.limit or _PAGE)):
                return list(found.values())
            offset += len(page.entries)
        raise Problem(
            "user_ambiguous",
            detail=f"More than {offset} people at Box have a name or login that begins with this one.",
        )

    async def find_app_users(self, external_id: str) -> list[User]:
        """The app users that this app made under this id of its own; whom Box says to have another is none of them."""
        params = {"external_app_user_id": external_id, "fields": f"{_USER_FIELDS},external_app_user_id"}
        return (await self._api("users", "GET", "/2.0/users", _AppUserPage, params=params)).of(external_id)

    async def get_user(self, user_id: str) -> User:
        """One user by Box's id."""
        told = await self._api("users", "GET", f"/2.0/users/{user_id}", dict, params={"fields": _USER_FIELDS})
        user = _person(told)
        if user.id != user_id:
            raise Problem("box_refused", detail="Box's answer is not about this person.")
        return user

    async def create_app_user(self, external_id: str, name: str) -> User:
        """Make an app user. Not repeated when it is unknown whether Box did it: look for it before trying again."""
        body = {"name": name, "is_platform_access_only": True, "external_app_user_id": external_id}
        told = await self._api(
            "users", "POST", "/2.0/users", dict, params={"fields": _USER_FIELDS}, json=body, repeatable=False
        )
        return _person(told)

    async def folders_above(self, file_id: str, token: Token) -> list[str]:
        """Ids of the folders that a file lies in, as the token's owner sees them, from the root down."""
        answer = await self._transport.call(
            "files",
            "GET",
            f"/2.0/files/{file_id}",
            lambda: Request(bearer=token.secret.reveal()),
            _FileAnswer,
            params={"fields": "path_collection"},
        )
        return [folder.id for folder in answer.value("files").path_collection.entries]

    async def _api(
        self,
        route: str,
        method: str,
        path: str,
        decode: type[T],
        *,
        params: Mapping[str, str],
        json: Any = None,
        repeatable: bool = True,
    ) -> T:
        """Call as the service account; a token that Box refuses is replaced once."""

        async def attempt(token: Token) -> Answer[T]:
            request = Request(bearer=token.secret.reveal(), json=json)
            return await self._transport.call(
                route, method, path, lambda: request, decode, params=params, repeatable=repeatable
            )

        token = await self.service_token()
        answer = await attempt(token)
        if answer.reason and answer.reason.status == 401:
            if self._service is token:
                self._service = None
            answer = await attempt(await self.service_token())
        return answer.value("api")


def _granted(
    restrictions: list[_Restriction] | None, asked: tuple[str, ...], resource: Resource
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


def _root_ways(known: _RootWay | None, accept_unstated: bool) -> tuple[_RootWay, ...]:
    """The ways to ask for a root's token, in the order in which to try them."""
    ways: tuple[_RootWay, ...] = ("plain", "named", "believed") if accept_unstated else ("plain", "named")
    return ways if known is None else (known, *(way for way in ways if way != known))
