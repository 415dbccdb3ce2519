"""Tokens, people and limits that are all sidecars' together: made by one of them, found by the others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec

from box_sidecar import clock
from box_sidecar.app_config import AppConfig
from box_sidecar.model import Subject, Token, TokenKey, User
from box_sidecar.problems import Problem
from box_sidecar.secret import Secret
from box_sidecar.settings import PolicySettings
from box_sidecar.sharing import Found, Made, Sharing, StoreFacts
from box_sidecar.store import scripts
from box_sidecar.store.address import Address
from box_sidecar.store.connection import Patience, RefusalError, SpentError, StoreConnection, StoreError, patience
from box_sidecar.store.flight import Flights, Work
from box_sidecar.store.hearing import Hearing
from box_sidecar.store.keys import Keys

log = logging.getLogger(__name__)

_START_S = 1.0
_SLOW_S = 0.008  # a first token takes six answers
_WINDOW_S = 60.0
_OLDEST = 7  # Redis; the first whose scripts say whether they may run where memory is full
_UNASKED = "it was not asked yet"
_LIFE_MAX_S = 86_400.0


class _SealedToken(msgspec.Struct, array_like=True, gc=False):
    """``number`` orders it among revocations and other tokens; ``ends`` by Box's clock."""

    number: int
    ends: float
    user_id: str
    token: str
    scopes: tuple[str, ...]


class _SealedUser(msgspec.Struct, array_like=True, gc=False):
    """``told``: when Box told of them, by its clock."""

    number: int
    told: float
    user: User


class Store(Sharing):
    """All that is shared. ``now`` is Box's time, seconds since 1970: all sidecars have the same, whatever their hosts'
    clocks say, once Box has answered. Until then the host's is believed where it makes a life shorter; no life is
    longer than the value is there by the store's clock."""

    def __init__(self, address: Address, app: AppConfig, policy: PolicySettings, now: Callable[[], float]) -> None:
        self.address = address
        self.connection = StoreConnection(address)
        self._now = now
        self.listening: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()
        self.is_down = True
        self.is_slow = False
        self.why = _UNASKED
        self._begin_as(app)
        self.configure(app, policy)

    def configure(self, app: AppConfig, policy: PolicySettings) -> None:
        """Go on as this app, whose secret may be another, and by this policy: only who has the same shares tokens."""
        if (app.client_id, app.enterprise_id, app.client_secret) != self._app:
            unsent = list(self.hearing.unsent)
            self._begin_as(app)
            for names, _ in unsent:
                self.hearing.later(names)
            if self.listening:
                self.listening.cancel()
                self._listen()
        self._policy = self._keys.tag("policy", policy)

    def _begin_as(self, app: AppConfig) -> None:
        self._app = app.client_id, app.enterprise_id, app.client_secret
        self._keys = Keys(app)
        self.hearing = Hearing(self.connection, self._keys, self, self._open_ended, self._now)
        epochs, outcomes = self.hearing.epochs, self.connection.outcomes
        self.flights = Flights(self._run, self._keys, epochs, outcomes, self._now)

    def _listen(self) -> None:
        self.listening = asyncio.create_task(self.hearing.listen(self._well, self._trouble))

    @property
    def in_touch(self) -> bool:  # type: ignore[override]
        """See :class:`Sharing`."""
        return self.hearing.in_touch or self.is_down

    async def start(self, *, at_the_beginning: bool = False) -> None:
        """Begin to listen; as long as the store does not answer at once, without it."""
        if at_the_beginning:
            self.hearing.begin_at_the_beginning()
        self._listen()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                await self._asked.wait()

    async def stop(self) -> None:
        """End it."""
        if self.listening:
            self.listening.cancel()
            await asyncio.gather(self.listening, return_exceptions=True)
        await self.connection.close()

    def _well(self, took: float) -> None:
        """The stream can be read; that takes so long (s), at best of late."""
        self._asked.set()
        if self.is_down or (self.is_slow and took <= _SLOW_S):
            if self.why != _UNASKED:
                log.warning("the store can be used again")
            self.is_down, self.is_slow, self.why = False, False, ""
        if took > _SLOW_S:
            self.is_slow = True
            self._trouble(RefusalError(f"each answer takes {took * 1000:.0f} ms, and a request waits 50 ms for all"))

    def _trouble(self, error: StoreError) -> None:
        """Not to be asked, until the stream can be read again; or only to be told of, if it answers."""
        self._asked.set()
        if isinstance(error, SpentError):
            return
        if self.why in {"", _UNASKED}:
            log.error("the store: %s; this sidecar goes on with its own memory", error)
        self.why = str(error)
        if not isinstance(error, RefusalError):
            self.is_down = True

    async def examine(self) -> StoreFacts:
        """See :class:`Sharing`."""
        try:
            server, memory = await self.connection.about("server"), await self.connection.about("memory")
        except StoreError as error:
            return StoreFacts(why=str(error))
        version = str(server.get("valkey_version") or server.get("redis_version", ""))
        name = "Valkey" if "valkey_version" in server else "Redis"
        policy = str(memory.get("maxmemory_policy", ""))
        is_full = 0 < memory.get("maxmemory", 0) <= memory.get("used_memory", 0)
        return StoreFacts(
            server=f"{name} {version}",
            why=self.why if self.listening else "",
            is_old=not version.partition(".")[0].isdigit() or int(version.partition(".")[0]) < _OLDEST,
            is_full=is_full and policy == "noeviction",
            is_readable=self.address.is_readable,
            forgets="" if policy in {"", "noeviction", "volatile-ttl"} else policy,
        )

    async def begin(self) -> None:
        """See :class:`Sharing`."""
        patience.set(Patience())
        if not self.in_touch:
            try:
                await self.hearing.look()
            except StoreError as error:
                self._trouble(error)
                self.is_down = True

    async def _run(self, script: str, keys: Sequence[str], values: Sequence[Any], *, again: bool = False) -> Any:
        if self.is_down:
            raise StoreError(self.why)
        run = self.connection.poll if again else self.connection.run
        try:
            answer = await run(script, keys, values)
        except StoreError as error:
            self._trouble(error)
            raise
        if script is scripts.PUT and self.why and not self.is_slow:  # it takes what is new again
            log.warning("the store can be used again")
            self.why = ""
        return answer

    # Tokens and people

    async def token(
        self,
        key: TokenKey,
        names: tuple[Subject, ...],
        will_do: Callable[[Token], bool],
        make: Made,
        discard: Callable[[Token], Awaitable[None]],
    ) -> Token:
        """See :class:`Sharing`."""
        person = self._keys.person(key.user_id)

        def opened(content: bytes, left: float) -> tuple[Token, int, str] | None:
            sealed = msgspec.msgpack.decode(content, type=_SealedToken)
            token = self._token(sealed, left)
            fits = sealed.user_id == key.user_id and token.life > 0 and will_do(token)
            return (token, sealed.number, person) if fits else None

        def seal(token: Token, number: int) -> tuple[bytes, str, float]:
            ends = self._now() + token.life
            sealed = _SealedToken(number, ends, key.user_id, token.secret.reveal(), token.scopes)
            return msgspec.msgpack.encode(sealed), person, token.life

        field = self._keys.tag("token", self._policy, key)
        tags = tuple(map(self._keys.name, names))
        return await self.flights.do(Work(field, person, tags, opened, make, seal, discard))

    def _token(self, sealed: _SealedToken, left: float = _LIFE_MAX_S) -> Token:
        life = min(sealed.ends - self._now(), left)
        return Token(Secret(sealed.token), clock.monotonic() + life, sealed.scopes)

    def _open_ended(self, field: str, value: bytes) -> tuple[str, Token] | None:
        content = self.flights.content(field, value)
        with contextlib.suppress(msgspec.DecodeError):
            sealed = msgspec.msgpack.decode(content or b"", type=_SealedToken)
            return sealed.user_id, self._token(sealed)
        return None  # a person, or nobody's

    async def user(
        self, subject: Subject, will_do: Callable[[float], bool], find: Callable[[], Awaitable[User]]
    ) -> Found:
        """See :class:`Sharing`."""

        def opened(content: bytes, left: float) -> tuple[Found, int, str] | None:
            sealed = msgspec.msgpack.decode(content, type=_SealedUser)
            told = clock.monotonic() - max(_LIFE_MAX_S - left, self._now() - sealed.told)
            return ((sealed.user, told), sealed.number, self._keys.person(sealed.user.id)) if will_do(told) else None

        async def make() -> Found:
            return await find(), clock.monotonic()

        def seal(found: Found, number: int) -> tuple[bytes, str, float]:
            sealed = _SealedUser(number, self._now(), found[0])
            return msgspec.msgpack.encode(sealed), self._keys.person(found[0].id), _LIFE_MAX_S

        async def discard(_: Found) -> None:
            """Of what Box told there is nothing to end."""

        work = Work(self._keys.tag("user", subject.key), "", (self._keys.name(subject),), opened, make, seal, discard)
        return await self.flights.do(work)

    # Limits

    async def charge_mint(self, user_id: str, per_user: int, overall: int) -> None:
        """See :class:`Sharing`."""
        await self._charge("mints", overall, self._keys.person(user_id), per_user)

    async def charge_call(self, overall: int) -> None:
        """See :class:`Sharing`."""
        await self._charge("calls", overall, "", 0)

    async def _charge(self, what: str, overall: int, person: str, per_user: int) -> None:
        where = [self._keys.charges(what), self._keys.charges(f"{what}:{person}")]
        details = [round(_WINDOW_S * 1_000_000), overall, per_user, os.urandom(12).hex()]
        try:
            full, left = await self._run(scripts.CHARGE, where, details)
            wait = min(_WINDOW_S, max(1.0, int(left) / 1_000_000))
        except (StoreError, TypeError, ValueError, OverflowError):
            return  # its own limits hold in any case
        if full in (b"person", b"all"):
            whose = "this person" if full == b"person" else "all people together"
            setting = "mints_per_user_per_minute" if full == b"person" else "mints_per_minute"
            limit = per_user if full == b"person" else overall
            raise Problem(
                "rate_limited",
                detail=f"More than {limit} {what} for {whose} (policy.{setting}) in a minute, on all servers.",
                retry_after=wait,
            )

    # Revocation

    async def revoke(self, names: Iterable[Subject]) -> list[tuple[str, Token]]:
        """See :class:`Sharing`."""
        if self.listening is None:
            return []
        patience.set(Patience())
        try:
            return await self.hearing.revoke(tuple(names), later=self.is_down)
        except StoreError as error:
            self._trouble(error)
            return []
