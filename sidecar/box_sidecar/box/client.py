"""What Box sees of us: grants (RFC 7523, RFC 8693), revocations (RFC 7009) and the users it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import msgspec
from authlib.oauth2.rfc6749.util import list_to_scope
from authlib.oauth2.rfc7523 import JWTBearerGrant

from box_sidecar.app_config import AppConfig
from box_sidecar.box.assertion import AssertionSigner, Signer
from box_sidecar.box.clock import BoxClock
from box_sidecar.box.errors import explain
from box_sidecar.box.responses import Answer, FileResponse, Item, Page, TokenResponse, UserPage, granted_scopes, to_user
from box_sidecar.box.throttle import acting_person
from box_sidecar.box.transport import Request, Route, Transport
from box_sidecar.clock import monotonic
from box_sidecar.model import Resource, Token, User
from box_sidecar.problems import Problem
from box_sidecar.secret import Secret
from box_sidecar.sentences import say
from box_sidecar.single_flight import SingleFlight
from box_sidecar.tracing import step

T = TypeVar("T")

OnMade = Callable[[str, Token], None]
OnEnded = Callable[[Secret], None]

#: What is the same in every downscoping (RFC 8693, sections 2.1 and 3).
_DOWNSCOPE = urlencode(
    {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
)
_TOKEN_PATH = "/oauth2/token"  # noqa: S105
_CLOCKS = 3  # beliefs of Box's time that are tried for one grant
_SERVICE_MIN_LIFE_S = 60.0
_SERVICE_REFRESH_AHEAD_S = 600.0
_PAGE = 1000  # the most that Box gives at once
_PAGES = 10  # of a folder
_LAST_OFFSET = 10_000  # the most that Box skips (OpenAPI description, GET /users)
_USER_FIELDS = "fields=id,type,name,login,status,role"

_TOKEN = Route("token", "POST", TokenResponse)
_REVOKE = Route("revoke", "POST", type(None))
_USER_PAGE = Route("users", "GET", UserPage)
_USER: Route[dict[str, Any]] = Route("users", "GET", dict)
_NEW_USER: Route[dict[str, Any]] = Route("users", "POST", dict, repeatable=False)
_FILE = Route("files", "GET", FileResponse)
_ITEMS = Route("folders", "GET", Page)
_NEW_FOLDER = Route("folders", "POST", Item, repeatable=False)

_UNSTATED = Problem(
    "box_refused",
    detail=say("Box's answer does not say what the token may do, so it was revoked and thrown away."),
    fix=say(
        "Please report it with the output of box-sidecar check --probe --json. Until it is understood, "
        "policy.accept_unstated_scopes = true believes such tokens for a person's root unseen."
    ),
)
_MORE_THAN_ASKED = Problem(
    "box_refused",
    detail=say("Box's answer grants more than was asked for."),
    fix=say("The token was revoked and thrown away. If it happens again, ask Box support about restricted_to."),
)

#: How a token for a person's root is asked for: without a resource; with ``folders/0``; without, and believed unseen.
_RootWay = Literal["plain", "named", "believed"]
_NAMED: tuple[_RootWay] = ("named",)


def downscope_request(user_token: Token, scopes: Iterable[str], resource: Resource | None) -> Request:
    """What downscopes a token (RFC 8693, section 2.1); without ``resource`` it opens all that this one does."""
    form = {"subject_token": user_token.secret.reveal(), "scope": list_to_scope(scopes)}
    if resource is not None:
        form["resource"] = f"https://api.box.com/2.0/{resource.type}s/{resource.id}"
    return Request(_TOKEN_PATH, f"{_DOWNSCOPE}&{urlencode(form)}".encode())


class BoxClient:
    """The calls that we make to Box, each returning a value or raising the :class:`Problem` it means.

    ``signer`` makes the assertions where the private key is not in the app's JSON.
    ``on_made`` is told of every token at once, before anything else is done with it, and whose it is, by Box's id;
    ``on_ended`` of each that is revoked.
    """

    def __init__(
        self,
        app: AppConfig,
        transport: Transport,
        clock: BoxClock,
        *,
        signer: Signer | None = None,
        accept_unstated_scopes: bool = False,
        on_made: OnMade = lambda _owner, _token: None,
        on_ended: OnEnded = lambda _secret: None,
    ) -> None:
        self._on_made, self._on_ended = on_made, on_ended
        self._transport = transport
        self._clock = clock
        self._accept_unstated_scopes = accept_unstated_scopes
        self._enterprise_id = app.enterprise_id
        credentials = {"client_id": app.client_id, "client_secret": app.client_secret.reveal()}
        self._credentials = Secret(urlencode(credentials))
        self._signer = signer or (AssertionSigner(app.client_id, app.key) if app.key else None)
        self._service_token: Token | None = None
        self._service_grants: SingleFlight[Token] = SingleFlight()
        self._service_generation = 0
        self._root_way: _RootWay | None = None

    @property
    def is_down(self) -> bool:
        """Whether Box is not called, since it has failed again and again."""
        return self._transport.breaker.is_open

    # Grants

    async def service_token(self) -> Token:
        """The service account's token: one for all, renewed in the background before it ends."""
        token = self._service_token
        if token is not None and token.life >= _SERVICE_REFRESH_AHEAD_S:
            return token
        renewal = self._service_grants.start("service", self._renew_service_token)
        if token is not None and token.life >= _SERVICE_MIN_LIFE_S:
            return token
        return await asyncio.shield(renewal)

    @step("service token")
    async def _renew_service_token(self) -> Token:
        while True:
            generation = self._service_generation
            token = await self._grant("service", "enterprise", self._enterprise_id)
            if generation == self._service_generation:
                self._service_token = token
                return token
            await self.revoke(token.secret)

    def forget_service_token(self) -> Token | None:
        """It is to be revoked, and so is one that is on its way: the next call gets another. What it was."""
        self._service_generation += 1
        token, self._service_token = self._service_token, None
        return token

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
            token = Token(Secret(granted.access_token), started + granted.expires_in)
            self._on_made(subject if subject_type == "user" else "", token)
            self._clock.settle(belief)
            return token

    async def _ask_for_grant(self, subject_type: str, subject: str, belief: float) -> Answer[TokenResponse]:
        async def make() -> Request:
            if self._signer is None:
                # Box guide "Client Credentials Grant"; RFC 6749, section 4.4.
                grant = {
                    "grant_type": "client_credentials",
                    "box_subject_type": subject_type,
                    "box_subject_id": subject,
                }
            else:
                assertion = await self._signer.assertion(subject_type, subject, self._clock.now(belief))
                grant = {"grant_type": JWTBearerGrant.GRANT_TYPE, "assertion": assertion}
            return Request(_TOKEN_PATH, self._signed(grant))

        return await self._transport.call(_TOKEN, make)

    def _signed(self, form: dict[str, str]) -> bytes:
        """A form with the app's credentials in it (RFC 6749, section 2.3.1)."""
        return f"{self._credentials.reveal()}&{urlencode(form)}".encode()

    @step("revoke")
    async def revoke(self, token: Secret) -> None:
        """Revoke at Box (RFC 7009). Quiet if Box no longer knows the token; raises if Box can't be reached."""
        request = Request("/oauth2/revoke", self._signed({"token": token.reveal()}))
        answer = await self._transport.call(_REVOKE, lambda: request)
        if answer.reason and answer.reason.error not in {"invalid_token", "invalid_grant", "invalid_request"}:
            raise explain("revoke", answer.reason)
        self._on_ended(token)

    # Downscoping

    async def downscope(self, user_token: Token, scopes: Iterable[str], resource: Resource) -> Token:
        """Exchange a token (RFC 8693) for one with exactly these scopes, and this folder or file unless it is the root.

        How Box tells what a token for the root may do is documented nowhere, nor whether it takes ``folders/0`` as
        resource. The first token for a root finds out which way says it, and the next ones go that way at once.

        Raises:
            Problem: besides what Box refuses, ``box_refused`` if ``restricted_to`` says more than was asked for, or
                nothing; that token is revoked, not used.
        """
        asked = tuple(scopes)
        for way in self._root_ways() if resource.is_root else _NAMED:
            try:
                token, granted = await self._downscope(user_token, asked, resource, name_it=way == "named")
            except Problem as problem:
                if resource.is_root and way == "named" and problem.refusal == "bad-resource":
                    continue
                raise
            if granted is None and way == "believed":
                granted = asked
            if granted:
                if resource.is_root:
                    self._root_way = way
                return replace(token, scopes=granted)
            await self.revoke(token.secret)
            if granted is not None:
                raise replace(_MORE_THAN_ASKED)
        if resource.is_root:
            self._root_way = None
        raise replace(_UNSTATED)

    def _root_ways(self) -> Iterable[_RootWay]:
        """The ways to ask for a root's token, in the order in which to try them."""
        ways: tuple[_RootWay, ...] = (
            ("plain", "named", "believed") if self._accept_unstated_scopes else ("plain", "named")
        )
        return ways if self._root_way is None else dict.fromkeys((self._root_way, *ways))

    async def _downscope(
        self, user_token: Token, asked: tuple[str, ...], resource: Resource, *, name_it: bool
    ) -> tuple[Token, tuple[str, ...] | None]:
        """The new token, and what Box says it may do (see :func:`granted_scopes`)."""
        request = downscope_request(user_token, asked, resource if name_it else None)
        started = monotonic()
        answer = (await self._transport.call(_TOKEN, lambda: request)).value("exchange")
        token = Token(Secret(answer.access_token), started + answer.expires_in)
        if token.secret == user_token.secret:
            raise Problem("box_refused", detail=say("Box answered with the token that was to be narrowed."))
        self._on_made(acting_person.get(), token)
        return token, granted_scopes(answer.restricted_to, asked, resource)

    async def folders_above(self, file_id: str, token: Token) -> list[str]:
        """Ids of the folders that a file lies in, as the token's owner sees them, from the root down."""
        request = Request(f"/2.0/files/{file_id}?fields=path_collection", bearer=token.secret.reveal())
        return (await self._transport.call(_FILE, lambda: request)).value("files").folder_ids

    # Folders

    async def find_folders(
        self, parent: str, name: str, token: Token, owner: str | None, on_next_page: Callable[[], None]
    ) -> set[str]:
        """Ids of the folders with exactly this name in another, as the token's owner sees them; of ``owner``, if given.

        Where items come sorted by type first, not all pages are read; in a root they do not (OpenAPI description,
        folder items).

        Raises:
            Problem: ``path_ambiguous`` if there are too many to look at all; ``resource_not_found`` without the parent.
        """
        found: set[str] = set()
        query: dict[str, Any] = {"fields": "name,owned_by", "usemarker": "true", "limit": _PAGE}
        if parent != "0":
            query["sort"] = "name"
        for _ in range(_PAGES):
            page = await self._items(parent, urlencode(query), token)
            found |= {item.id for item in page.entries if item.is_folder(name, owner)}
            if not page.next_marker or ("sort" in query and page.entries and page.entries[-1].type != "folder"):
                return found
            query["marker"] = page.next_marker
            on_next_page()
        told = say("More than {count} items lie there, and not all of them were looked at.", count=_PAGES * _PAGE)
        raise Problem("path_ambiguous", detail=told)

    async def _items(self, folder_id: str, query: str, token: Token) -> Page:
        request = Request(f"/2.0/folders/{folder_id}/items?{query}", bearer=token.secret.reveal())
        return (await self._transport.call(_ITEMS, lambda: request)).value("folders")

    async def create_folder(self, parent: str, name: str, token: Token) -> str | None:
        """Make a folder, as the token's owner; its id, or ``None`` if the name is taken."""
        body = msgspec.json.encode({"name": name, "parent": {"id": parent}})
        request = Request("/2.0/folders?fields=name", body, token.secret.reveal(), "application/json")
        answer = await self._transport.call(_NEW_FOLDER, lambda: request)
        if answer.reason and answer.reason.error == "item_name_in_use":
            return None
        return answer.value("folders").id

    # Users

    async def find_users(self, login: str, on_next_page: Callable[[], None] = lambda: None) -> list[User]:
        """All users with exactly this login, letter case apart.

        Box's ``filter_term`` is a prefix of name *or* login, so every page is read and compared. ``on_next_page`` is
        called before each but the first, and may raise.
        """
        found: dict[str, User] = {}
        query = f"/2.0/users?{urlencode({'filter_term': login})}&user_type=managed&{_USER_FIELDS}&limit={_PAGE}"
        offset = 0
        while offset <= _LAST_OFFSET:
            if offset:
                on_next_page()
            page = await self._as_service(_USER_PAGE, f"{query}&offset={offset}")
            found |= {user.id: user for user in page.with_login(login)}
            # By offset: with a filter_term the marker never says that this was the last page.
            if len(page.entries) < max(1, min(_PAGE, page.limit or _PAGE)):
                return list(found.values())
            offset += len(page.entries)
        told = say("More than {count} people at Box have a name or login that begins with this one.", count=offset)
        raise Problem("user_ambiguous", detail=told)

    async def find_app_users(self, external_id: str) -> list[User]:
        """The app users that this app made under this id of its own."""
        query = urlencode({"external_app_user_id": external_id})
        page = await self._as_service(_USER_PAGE, f"/2.0/users?{query}&{_USER_FIELDS},external_app_user_id")
        return page.with_external_id(external_id)

    async def get_user(self, user_id: str) -> User:
        """One user by Box's id."""
        user = to_user(await self._as_service(_USER, f"/2.0/users/{user_id}?{_USER_FIELDS}"))
        if user.id != user_id:
            raise Problem("box_refused", detail=say("Box's answer is not about this person."))
        return user

    async def create_app_user(self, external_id: str, name: str) -> User:
        """Make an app user. Not repeated when it is unknown whether Box did it: look for it before trying again."""
        body = {"name": name, "is_platform_access_only": True, "external_app_user_id": external_id}
        return to_user(await self._as_service(_NEW_USER, f"/2.0/users?{_USER_FIELDS}", msgspec.json.encode(body)))

    async def _as_service(self, route: Route[T], path: str, json: bytes | None = None) -> T:
        """Call as the service account; a token that Box refuses is replaced once."""

        async def attempt(token: Token) -> Answer[T]:
            request = Request(path, json, token.secret.reveal(), "application/json")
            return await self._transport.call(route, lambda: request)

        token = await self.service_token()
        answer = await attempt(token)
        if answer.reason and answer.reason.status == 401:
            if self._service_token is token:
                self._service_token = None
            answer = await attempt(await self.service_token())
        return answer.value("api")
