"""What Box sees of us: assertions and grants (RFC 7523, RFC 8693, RFC 7009) and the users it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeVar

from authlib.oauth2.rfc6749.util import list_to_scope
from authlib.oauth2.rfc7523 import JWTBearerGrant

from box_sidecar.app_config import AppConfig
from box_sidecar.box.assertion import AssertionSigner
from box_sidecar.box.clock import BoxClock
from box_sidecar.box.deadline import within
from box_sidecar.box.errors import explain
from box_sidecar.box.responses import AppUserPage, FileResponse, TokenResponse, UserPage, granted_scopes, to_user
from box_sidecar.box.transport import Answer, Request, Transport
from box_sidecar.clock import monotonic
from box_sidecar.model import Resource, Token, User, normalize_login
from box_sidecar.problems import Problem
from box_sidecar.secret import Secret

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - RFC 8693, section 2.1
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - RFC 8693, section 3
_CLOCKS = 3  # beliefs of Box's time that are tried for one grant
_SERVICE_MIN_LIFE_S = 60.0
_SERVICE_REFRESH_AHEAD_S = 600.0
_USER_FIELDS = "id,type,name,login,status,role"
_PAGE = 1000  # the most that Box gives at once
_LAST_OFFSET = 10_000  # the most that Box skips (OpenAPI description, GET /users)

T = TypeVar("T")


#: How a token for a person's root is asked for: without a resource; with ``folders/0``; without, and believed unseen.
_RootWay = Literal["plain", "named", "believed"]


class _Downscoped(NamedTuple):
    """A token of an exchange, and what Box says it may do (see :func:`granted_scopes`)."""

    token: Token
    granted: tuple[str, ...] | None


_UNSTATED = "Box's answer does not say what the token may do, so it was revoked and thrown away."
_UNSTATED_FIX = (
    "Please report it with the output of box-sidecar check --probe --json. Until it is understood, "
    "policy.accept_unstated_scopes = true believes such tokens for a person's root unseen."
)


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
        self._signer = AssertionSigner(app) if app.private_key else None
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

    async def _ask_for_grant(self, subject_type: str, subject: str, belief: float) -> Answer[TokenResponse]:
        def make() -> Request:
            return Request(form=self._grant_form(subject_type, subject, self._clock.now(belief)))

        return await self._transport.call("token", "POST", "/oauth2/token", make, TokenResponse)

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
        answer = await self._transport.call("token", "POST", "/oauth2/token", lambda: Request(form=form), TokenResponse)
        narrowed = answer.value("exchange")
        token = Token(Secret(narrowed.access_token), started + narrowed.expires_in)
        if token.secret == parent.secret:
            raise Problem("box_refused", detail="Box answered with the token that was to be narrowed.")
        return _Downscoped(token, granted_scopes(narrowed.restricted_to, asked, resource))

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
        wanted = normalize_login(login)
        found: dict[str, User] = {}
        params = {"filter_term": login, "user_type": "managed", "fields": _USER_FIELDS, "limit": str(_PAGE)}
        offset = 0
        while offset <= _LAST_OFFSET:
            if offset:
                on_next_page()
            page = await self._api("users", "GET", "/2.0/users", UserPage, params=params | {"offset": str(offset)})
            found |= {user.id: user for user in page.entries if normalize_login(user.login) == wanted}
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
        return (await self._api("users", "GET", "/2.0/users", AppUserPage, params=params)).of(external_id)

    async def get_user(self, user_id: str) -> User:
        """One user by Box's id."""
        told = await self._api("users", "GET", f"/2.0/users/{user_id}", dict, params={"fields": _USER_FIELDS})
        user = to_user(told)
        if user.id != user_id:
            raise Problem("box_refused", detail="Box's answer is not about this person.")
        return user

    async def create_app_user(self, external_id: str, name: str) -> User:
        """Make an app user. Not repeated when it is unknown whether Box did it: look for it before trying again."""
        body = {"name": name, "is_platform_access_only": True, "external_app_user_id": external_id}
        told = await self._api(
            "users", "POST", "/2.0/users", dict, params={"fields": _USER_FIELDS}, json=body, repeatable=False
        )
        return to_user(told)

    async def folders_above(self, file_id: str, token: Token) -> list[str]:
        """Ids of the folders that a file lies in, as the token's owner sees them, from the root down."""
        answer = await self._transport.call(
            "files",
            "GET",
            f"/2.0/files/{file_id}",
            lambda: Request(bearer=token.secret.reveal()),
            FileResponse,
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


def _root_ways(known: _RootWay | None, accept_unstated: bool) -> tuple[_RootWay, ...]:
    """The ways to ask for a root's token, in the order in which to try them."""
    ways: tuple[_RootWay, ...] = ("plain", "named", "believed") if accept_unstated else ("plain", "named")
    return ways if known is None else (known, *(way for way in ways if way != known))
