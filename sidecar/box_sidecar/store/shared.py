"""Tokens, people and limits that are all sidecars' together: made by one of them, found by the others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from box_sidecar import clock
from box_sidecar.app_config import AppConfig
from box_sidecar.box.deadline import deadline
from box_sidecar.model import Subject, Token, TokenKey, User
from box_sidecar.problems import Problem
from box_sidecar.secret import Secret
from box_sidecar.settings import PolicySettings
from box_sidecar.sharing import Found, Made, Sharing, StoreFacts
from box_sidecar.store import scripts
from box_sidecar.store.address import Address
from box_sidecar.store.connection import Patience, RefusalError, StoreConnection, StoreError, patience
from box_sidecar.store.hearing import MEMORY_S, Hearing
from box_sidecar.store.keys import Keys

log = logging.getLogger(__name__)

T = TypeVar("T")

_LEASE_S = 3.0
_LEASE_RENEWAL_S = 1.0
_LOOK_MIN_S, _LOOK_MAX_S = 0.01, 0.1
_START_S = 1.0
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


@dataclass(slots=True)
class _Work(Generic[T]):
    """One value that all want: where it is, whose, and how it is opened, made, sealed and thrown away."""

    field: str
    person: str
    names: tuple[str, ...]
    open: Callable[[bytes], tuple[T, int, str] | None]
    """What is sealed, its number and whose it is; ``None`` if it will not do."""
    make: Callable[[], Awaitable[T]]
    seal: Callable[[T, int], tuple[bytes, str, float]]
    """What to seal, whose it is and how long it lives (s)."""
    discard: Callable[[T], Awaitable[None]]


class Store(Sharing):
    """All that is shared. ``now`` is Box's time, seconds since 1970: all sidecars have the same, whatever their hosts'
    clocks say."""

    def __init__(self, address: Address, app: AppConfig, policy: PolicySettings, now: Callable[[], float]) -> None:
        self.address = address
        self.connection = StoreConnection(address)
        self._now = now
        self._listening: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()
        self.is_down = True
        self.why = _UNASKED
        self._begin_as(app)
        self.configure(app, policy)

    def configure(self, app: AppConfig, policy: PolicySettings) -> None:
        """Go on as this app, whose secret may be another, and by this policy: only who has the same shares tokens."""
        if (app.client_id, app.enterprise_id, app.client_secret) != self._app:
            unsent = self._hearing.unsent
            self._begin_as(app)
            self._hearing.unsent.update(unsent)
            if self._listening:
                self._listening.cancel()
                self._listen()
        self._policy = self._keys.tag("policy", policy)

    def _begin_as(self, app: AppConfig) -> None:
        self._app = app.client_id, app.enterprise_id, app.client_secret
        self._keys = Keys(app)
        self._hearing = Hearing(self.connection, self._keys, self, self._open_ended)

    def _listen(self) -> None:
        self._listening = asyncio.create_task(self._hearing.listen(self._well, self._trouble))

    @property
    def in_touch(self) -> bool:  # type: ignore[override]
        """See :class:`Sharing`."""
        return self._hearing.in_touch or self.is_down

    async def start(self) -> None:
        """Begin to listen; as long as the store does not answer at once, without it."""
        self._listen()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                await self._asked.wait()

    async def stop(self) -> None:
        """End it."""
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self.connection.close()

    def _well(self) -> None:
        self._asked.set()
        if not self.is_down:
            return
        if self.why != _UNASKED:
            log.warning("the store can be used again")
        self.is_down, self.why = False, ""

    def _trouble(self, error: StoreError) -> None:
        """Not to be asked, until the stream can be read again; or only to be told of, if it answers."""
        self._asked.set()
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
        is_full = 0 < memory.get("maxmemory", 0) <= memory.get("used_memory", 0)
        return StoreFacts(
            server=f"{name} {version}",
            why=self.why if self._listening else "",
            is_old=not version.partition(".")[0].isdigit() or int(version.partition(".")[0]) < _OLDEST,
            is_full=is_full and memory.get("maxmemory_policy") == "noeviction",
            is_readable=self.address.is_readable,
        )

    async def begin(self) -> None:
        """See :class:`Sharing`."""
        patience.set(Patience())
        if not self.in_touch:
            try:
                await self._hearing.look()
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

        def opened(content: bytes) -> tuple[Token, int, str] | None:
            sealed = msgspec.msgpack.decode(content, type=_SealedToken)
            token = self._token(sealed)
            fits = sealed.user_id == key.user_id and token.life > 0 and will_do(token)
            return (token, sealed.number, person) if fits else None

        def seal(token: Token, number: int) -> tuple[bytes, str, float]:
            ends = self._now() + token.life
            sealed = _SealedToken(number, ends, key.user_id, token.secret.reveal(), token.scopes)
            return msgspec.msgpack.encode(sealed), person, token.life

        field = self._keys.tag("token", self._policy, key)
        tags = tuple(map(self._keys.name, names))
        return await self._do(_Work(field, person, tags, opened, make, seal, discard))

    def _token(self, sealed: _SealedToken) -> Token:
        life = min(sealed.ends - self._now(), _LIFE_MAX_S)
        return Token(Secret(sealed.token), clock.monotonic() + life, sealed.scopes)

    def _open_ended(self, field: str, value: bytes) -> tuple[str, Token] | None:
        content = self._content(field, value)
        with contextlib.suppress(msgspec.DecodeError):
            sealed = msgspec.msgpack.decode(content or b"", type=_SealedToken)
            return sealed.user_id, self._token(sealed)
        return None  # a person, or nobody's

    async def user(
        self, subject: Subject, will_do: Callable[[float], bool], find: Callable[[], Awaitable[User]]
    ) -> Found:
        """See :class:`Sharing`."""

        def opened(content: bytes) -> tuple[Found, int, str] | None:
            sealed = msgspec.msgpack.decode(content, type=_SealedUser)
            told = clock.monotonic() - max(0.0, self._now() - sealed.told)
            return ((sealed.user, told), sealed.number, self._keys.person(sealed.user.id)) if will_do(told) else None

        async def make() -> Found:
            return await find(), clock.monotonic()

        def seal(found: Found, number: int) -> tuple[bytes, str, float]:
            sealed = _SealedUser(number, self._now(), found[0])
            return msgspec.msgpack.encode(sealed), self._keys.person(found[0].id), _LIFE_MAX_S

        async def discard(_: Found) -> None:
            """Of what Box told there is nothing to end."""

        work = _Work(self._keys.tag("user", subject.key), "", (self._keys.name(subject),), opened, make, seal, discard)
        return await self._do(work)

    async def _do(self, work: _Work[T]) -> T:
        """What another has made, or what this one makes: one at a time, as long as the store answers."""
        mine, unlike, pause, again = os.urandom(16).hex(), b"", _LOOK_MIN_S, False
        while True:
            try:
                value, epoch, number = await self._begin(work, mine, unlike, again=again)
            except StoreError:
                return await work.make()
            if value:
                if (found := self._opened(work, value, int(epoch))) is not None:
                    return found
                unlike = value
            elif number:
                made = await self._make(work, mine)
                outcome = await self._put(work, mine, unlike, made, int(number))
                if outcome == b"kept":
                    return made
                await work.discard(made)
                if outcome == b"revoked":
                    raise Problem("tokens_revoked")
                mine, unlike = os.urandom(16).hex(), b""
            else:
                again = True
                await _pause(pause)
                pause = min(2 * pause, _LOOK_MAX_S)

    async def _begin(self, work: _Work[T], mine: str, unlike: bytes, *, again: bool) -> Any:
        keys, memory = self._keys, round(MEMORY_S * 1000)
        where = [keys.value(work.field), keys.lease(work.field), keys.counter]
        lease = [mine, round(_LEASE_S * 1000), unlike]
        return await self._run(
            scripts.BEGIN, where, [*lease, keys.prefix, memory, work.person, *work.names], again=again
        )

    def _content(self, field: str, value: bytes) -> bytes | None:
        sealed = value.decode("ascii", "replace").rpartition("|")[2]
        return self._keys.sealer.open(self._keys.value(field), sealed)

    def _opened(self, work: _Work[T], value: bytes, epoch: int) -> T | None:
        """What counts: sealed by one of us for this place, newer than all that is known to be revoked, and of use."""
        content = self._content(work.field, value)
        if content is None:
            self.connection.outcomes["unauthentic"] += 1
            return None
        try:
            opened = work.open(content)
        except msgspec.DecodeError:  # another version's
            return None
        if opened is None:
            return None
        found, number, person = opened
        if value.split(b"|")[1:-1] != [person.encode()]:  # the epoch would be another's
            self.connection.outcomes["unauthentic"] += 1
            return None
        return found if number > max(epoch, self._hearing.epochs.of(person)) else None

    async def _make(self, work: _Work[T], mine: str) -> T:
        keeper = asyncio.create_task(self._keep(work.field, mine))
        try:
            return await work.make()
        except BaseException:
            with contextlib.suppress(StoreError):
                await self._run(scripts.LEASE, [self._keys.lease(work.field)], [mine, 0])
            raise
        finally:
            keeper.cancel()

    async def _keep(self, field: str, mine: str) -> None:
        while True:
            await asyncio.sleep(_LEASE_RENEWAL_S)
            with contextlib.suppress(StoreError):
                lease = [mine, round(_LEASE_S * 1000)]
                await self._run(scripts.LEASE, [self._keys.lease(field)], lease, again=True)

    async def _put(self, work: _Work[T], mine: str, unlike: bytes, made: T, number: int) -> bytes:
        """``kept``, ``late`` or ``revoked``; what nobody else can find is kept here."""
        keys = self._keys
        content, person, life = work.seal(made, number)
        value = f"{number}|{person}|{keys.sealer.seal(keys.value(work.field), content)}"
        where = [keys.value(work.field), keys.lease(work.field), keys.fields(person)]
        what = [mine, number, value, round(life * 1000), unlike, keys.prefix, round(MEMORY_S * 1000)]
        try:
            outcome: bytes = await self._run(scripts.PUT, where, [*what, work.field, person, *work.names])
        except StoreError:
            return b"kept"
        self.why = ""
        return outcome

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
        except StoreError:
            return  # its own limits hold in any case
        if full:
            whose = "this person" if full == b"person" else "all people together"
            setting = "mints_per_user_per_minute" if full == b"person" else "mints_per_minute"
            limit = per_user if full == b"person" else overall
            raise Problem(
                "rate_limited",
                detail=f"More than {limit} {what} for {whose} (policy.{setting}) in a minute, on all servers.",
                retry_after=max(1.0, int(left) / 1_000_000),
            )

    # Revocation

    async def revoke(self, names: Iterable[Subject]) -> list[tuple[str, Token]]:
        """See :class:`Sharing`."""
        if self._listening is None:
            return []
        patience.set(Patience())
        try:
            return await self._hearing.revoke(tuple(names), later=self.is_down)
        except StoreError as error:
            self._trouble(error)
            return []


async def _pause(seconds: float) -> None:
    """While another makes it: no longer than whoever wants it."""
    if clock.monotonic() + seconds >= deadline.get(float("inf")):
        raise Problem(
            "box_unavailable", detail="Another server is having this made, which takes long.", retry_after=2.0
        )
    await asyncio.sleep(seconds)
