"""One of all sidecars makes what they all want, under a lease; the others wait for it, for so long."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from box_sidecar import clock
from box_sidecar.box.deadline import deadline
from box_sidecar.problems import Problem
from box_sidecar.store import scripts
from box_sidecar.store.connection import Patience, StoreError, patience
from box_sidecar.store.hearing import MEMORY_S, Epochs, latest_number
from box_sidecar.store.keys import Keys

T = TypeVar("T")

_LEASE_S = 3.0
_LEASE_RENEWAL_S = 1.0
_LOOK_MIN_S, _LOOK_MAX_S = 0.01, 0.1
_WORK_S = 15.0
_TURNS = 5


@dataclass(slots=True)
class Work(Generic[T]):
    """One value that all want: where it is, whose, and how it is opened, made, sealed and thrown away."""

    field: str
    person: str
    names: tuple[str, ...]
    open: Callable[[bytes, float], tuple[T, int, str] | None]
    """What is sealed and still there for so long (s), its number and whose it is; ``None`` if it will not do."""
    make: Callable[[], Awaitable[T]]
    seal: Callable[[T, int], tuple[bytes, str, float]]
    """What to seal, whose it is and how long it lives (s)."""
    discard: Callable[[T], Awaitable[None]]


class Run(Protocol):
    """Runs a script at the store, or raises :class:`StoreError`; ``again`` as :meth:`StoreConnection.poll`."""

    def __call__(self, script: str, keys: list[str], values: list[Any], *, again: bool = False) -> Awaitable[Any]:
        """What it answers."""


class Flights:
    """All such work of one app. ``now`` is Box's time, seconds since 1970."""

    def __init__(self, run: Run, keys: Keys, epochs: Epochs, outcomes: Counter[str], now: Callable[[], float]) -> None:
        self._run, self._keys, self._epochs = run, keys, epochs
        self._outcomes = outcomes
        self._tasks: set[asyncio.Task[None]] = set()
        self._now = now

    async def do(self, work: Work[T]) -> T:
        """What another has made, or what this one makes: one at a time, as long as the store answers and no longer than
        two thirds of the time left for all of it. After that, and where it tells now this and now that, alone."""
        mine, unlike, pause, again, turns = os.urandom(16).hex(), b"", _LOOK_MIN_S, False, 0
        started = clock.monotonic()
        ends = started + (deadline.get(started + _WORK_S) - started) * 2 / 3
        while turns < _TURNS and clock.monotonic() + pause < ends:
            try:
                value, epoch, number, left = await self._begin(work, mine, unlike, again=again)
            except StoreError:  # it may be for this one to make it all the same, which nobody is to wait for
                self._later(scripts.LEASE, [self._keys.lease(work.field)], [mine, 0])
                break
            if value:
                if (found := self._opened(work, value, epoch, left)) is not None:
                    return found
                unlike, turns = value, turns + 1
            elif number:
                made = await self._make(work, mine)
                if await self._is_kept(work, mine, unlike, made, number):
                    return made
                mine, unlike, turns = os.urandom(16).hex(), b"", turns + 1
            else:
                again = True
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LOOK_MAX_S)
        return await work.make()

    async def _begin(self, work: Work[T], mine: str, unlike: bytes, *, again: bool) -> tuple[bytes, int, int, float]:
        """The value there is, its person's epoch and how long it is still there (s); or a number, if it is for this one
        to make it."""
        keys = self._keys
        where = [keys.value(work.field), keys.lease(work.field)]
        lease = [mine, round(_LEASE_S * 1000), unlike]
        names = [keys.prefix, round(MEMORY_S * 1000), work.person, *work.names]
        answer = await self._run(scripts.BEGIN, where, [*lease, *names], again=again)
        try:
            value, epoch, number, left = answer[0], int(answer[1]), int(answer[2] or 0), int(answer[3]) / 1000
        except (TypeError, ValueError, LookupError, OverflowError):
            raise StoreError("its answers can't be read") from None
        if not isinstance(value, bytes) or not 0 <= number <= latest_number(self._now()):
            raise StoreError("its answers are none, or its clock is wrong by more than a day")
        return value, epoch, number, left

    def content(self, field: str, value: bytes) -> bytes | None:
        """What one of us has sealed for this place."""
        sealed = value.decode("ascii", "replace").rpartition("|")[2]
        return self._keys.sealer.open(self._keys.value(field), sealed)

    def _opened(self, work: Work[T], value: bytes, epoch: int, left: float) -> T | None:
        """What counts: sealed by one of us for this place, newer than all that is known to be revoked, and of use."""
        content = self.content(work.field, value)
        if content is None:
            self._outcomes["unauthentic"] += 1
            return None
        try:
            opened = work.open(content, left)
        except msgspec.DecodeError:  # another version's
            return None
        if opened is None:
            return None
        found, number, person = opened
        if value.split(b"|")[1:-1] != [person.encode()]:  # the epoch would be another's
            self._outcomes["unauthentic"] += 1
            return None
        return found if number > max(epoch, self._epochs.of(person)) else None

    async def _make(self, work: Work[T], mine: str) -> T:
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

    async def _is_kept(self, work: Work[T], mine: str, unlike: bytes, made: T, number: int) -> bool:
        """Whether what was made may be used; else it has ended, or will as soon as Box can be told."""
        try:
            outcome = await self._put(work, mine, unlike, made, number)
        except BaseException:
            await work.discard(made)
            raise
        if outcome != b"kept":
            await work.discard(made)
        if outcome == b"revoked":
            raise Problem("tokens_revoked")
        return outcome == b"kept"

    async def _put(self, work: Work[T], mine: str, unlike: bytes, made: T, number: int) -> bytes:
        """``kept``, ``late`` or ``revoked``; what nobody else can find is kept here."""
        keys = self._keys
        content, person, life = work.seal(made, number)
        value = f"{number}|{person}|{keys.sealer.seal(keys.value(work.field), content)}"
        where = [keys.value(work.field), keys.lease(work.field), keys.fields(person), keys.everybody]
        what = [mine, number, value, round(life * 1000), unlike, keys.prefix, round(MEMORY_S * 1000)]
        what += [work.field, person, *work.names]
        try:
            outcome: bytes = await self._run(scripts.PUT, where, what)
        except StoreError:
            self._later(scripts.PUT, where, what)
            return b"kept"
        return outcome

    def _later(self, script: str, keys: list[str], values: list[Any]) -> None:
        """Run it for the others, who wait for it, where this request has no patience left."""

        async def run() -> None:
            patience.set(Patience())
            with contextlib.suppress(StoreError):
                await self._run(script, keys, values)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
