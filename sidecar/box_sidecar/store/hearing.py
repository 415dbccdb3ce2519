"""What the other sidecars revoke, heard from a stream; and what is known here of all that was revoked."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from box_sidecar import clock
from box_sidecar.model import Subject, Token
from box_sidecar.sharing import Sharing
from box_sidecar.store import scripts
from box_sidecar.store.connection import Patience, StoreConnection, StoreError, patience
from box_sidecar.store.keys import EVERYBODY, Keys

log = logging.getLogger(__name__)

MEMORY_S = 90_000.0  # longer than any token lives
_WAIT_S = 0.25
_LOOKS = 16  # one a wait: four seconds
_RETRY_S = 0.5
_RESEND_S = 600.0
_MESSAGES = 10_000
_EPOCHS = 100_000
_AT_ONCE = 500
_READ_AT_ONCE = 1_000  # as the script has it
_BEGINNING = "0-0"
_NOBODY_S = 600.0  # longer than any work that is under way
_FAR_S = 86_400.0


class _Message(msgspec.Struct, array_like=True, gc=False):
    """Whose tokens have ended: everybody's, if nobody is named."""

    names: tuple[Subject, ...]


class _Sent(NamedTuple):
    """A message of ours, to be put back into a store that has lost it."""

    when: float
    number: int
    sealed: str
    about: tuple[str, ...]


class Epochs:
    """In which epoch each name was revoked last, as far as is known here. What had to be forgotten is everybody's."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._forgotten = 0

    def mark(self, number: int, about: Iterable[str]) -> None:
        """These names were revoked in this epoch."""
        now = clock.monotonic()
        newer = [name for name in about if self._known.get(name, (0, 0.0))[0] < number]
        for name in newer:
            self._known[name] = number, now
            self._known.move_to_end(name)
        while self._known:
            epoch, marked = next(iter(self._known.values()))
            if len(self._known) <= _EPOCHS and now - marked < MEMORY_S:
                break
            self._known.popitem(last=False)
            if now - marked < MEMORY_S:
                self._forgotten = max(self._forgotten, epoch)

    def of(self, name: str) -> int:
        """The last one that this name's values must be above."""
        return max(self._known.get(name, (0, 0.0))[0], self._known.get(EVERYBODY, (0, 0.0))[0], self._forgotten)

    def items(self) -> list[tuple[str, int]]:
        """All that are known, by name."""
        return [(name, number) for name, (number, _) in self._known.items()]


class Hearing:
    """Reads the stream, and writes what is revoked here to it; what can't be written at once is written later.

    ``sharing`` is told; ``open_token`` opens a value, to tell whose token has ended; ``now`` is Box's time.
    """

    def __init__(
        self,
        store: StoreConnection,
        keys: Keys,
        sharing: Sharing,
        open_token: Callable[[str, bytes], tuple[str, Token] | None],
        now: Callable[[], float],
    ) -> None:
        self.epochs = Epochs()
        self.in_touch = False
        self._store, self._keys = store, keys
        self._sharing = sharing
        self._open_token = open_token
        self._now = now
        self.last = ""
        self._heard_at = clock.monotonic()
        self._is_lost = False
        self._looking: asyncio.Task[None] | None = None
        self._took: deque[tuple[float, float]] = deque(maxlen=_LOOKS)  # when, and how long the fastest look since took
        self._known: OrderedDict[int, None] = OrderedDict()  # hashes of messages that are ours, or were heard
        self._sent: deque[_Sent] = deque(maxlen=_MESSAGES)
        #: What is to be sent, and how it was sealed if that was tried: it may have come, and the answer not.
        self.unsent: OrderedDict[tuple[tuple[Subject, ...], str], None] = OrderedDict()

    def begin_at_the_beginning(self) -> None:
        """Hear what was revoked before this sidecar began, as far as the store knows."""
        self.last = _BEGINNING

    async def listen(self, on_well: Callable[[float], None], on_trouble: Callable[[StoreError], None]) -> None:
        """Wait at the stream, for ever. ``on_well`` is told how long the store takes to answer, at best of late (s)."""
        while True:
            try:
                if not self.in_touch:
                    await self._store.open()
                began = clock.monotonic()
                await self.look()
                took = self._fastest(clock.monotonic() - began)
                if self._is_lost:
                    self.in_touch = False  # who comes meanwhile looks
                    await self._restore()
                await self._send_what_is_left()
                on_well(took)
                self.in_touch = True
                await self._store.wait(self._keys.stream, self.last, _WAIT_S)
            except StoreError as error:
                was_well, self.in_touch = self.in_touch, False
                if not was_well:  # twice: a connection that broke is made anew at once
                    on_trouble(error)
                    await asyncio.sleep(_RETRY_S)
            except Exception as error:  # whatever it was, it must not end this
                self.in_touch = False
                log.error("the store's messages can't be read: %s", type(error).__name__)
                on_trouble(StoreError("its messages can't be read"))
                await asyncio.sleep(_RETRY_S)

    def _fastest(self, took: float) -> float:
        """How long a look takes (s), at best in four seconds, however many there were: a busy moment of this process is
        not the store's. 0 as long as it is not known."""
        when = clock.monotonic()
        if self._took and when - self._took[-1][0] < _WAIT_S:
            when, least = self._took.pop()
            took = min(least, took)
        self._took.append((when, took))
        return min(took for _, took in self._took) if len(self._took) == _LOOKS else 0.0

    async def look(self) -> None:
        """Read what has come before this was asked, all who ask meanwhile together; raises :class:`StoreError`."""
        left = patience.get(None) or Patience()
        before = self._looking
        if before and not before.done():  # it may have missed what came since it began
            await self._end_of(before, left)
        if self._looking is before or self._looking is None:
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        await self._end_of(self._looking, left)

    async def _end_of(self, looking: asyncio.Task[None], left: Patience) -> None:
        await left.wait(looking)
        try:
            looking.result()
        except (asyncio.CancelledError, ValueError, TypeError, AttributeError, LookupError):
            raise StoreError("its messages can't be read") from None

    async def _look(self) -> None:
        patience.set(Patience())
        for _ in range(2 * _MESSAGES // _READ_AT_ONCE):
            is_there, last, new = await self._store.run(scripts.LOOK, [self._keys.stream], [self.last])
            if self.last not in {"", _BEGINNING} and not is_there:
                self._miss(last.decode())
                continue
            for _, each in new:
                self._hear(dict(zip(each[::2], each[1::2], strict=False)))
            self.last = (new[-1][0] if new else last).decode() or _BEGINNING
            if len(new) < _READ_AT_ONCE:
                self._heard_at = clock.monotonic()
                return
        raise StoreError("its messages have no end")

    def _miss(self, newest: str) -> None:
        """What was read last is not there any more. If there is newer, what was between may be gone with it; else the
        store was emptied or has gone back, and whoever has revoked anything in the last time will say it again."""
        is_newer = _order(newest) > _order(self.last)
        if is_newer or clock.monotonic() - self._heard_at > _RESEND_S / 2:
            log.error("the store has lost what was revoked; what is in memory is handed out no more")
            self._sharing.on_lost()
        self._is_lost, self.last = True, _BEGINNING

    def _hear(self, details: dict[bytes, bytes]) -> None:
        """Only what is sealed is believed, once; number and names beside it can do no more than keep values from being
        used."""
        sealed = details.get(b"sealed", b"").decode("ascii", "replace")
        try:
            content = self._keys.sealer.open(self._keys.stream, sealed) or b""
            names = msgspec.msgpack.decode(content, type=_Message).names
        except msgspec.DecodeError:
            self._store.outcomes["unauthentic"] += 1
            return
        people = () if hash(sealed) in self._known else tuple(self._sharing.on_heard(names))
        self._know(sealed)
        about = set(details.get(b"about", b"").decode("ascii", "replace").split(",")) - {EVERYBODY}
        about |= set(map(self._keys.name, (*names, *people))) if names else {EVERYBODY}
        self.epochs.mark(self._number(details.get(b"number", b"")), about)
        if further := tuple(name for name in people if name not in names):
            self.later(further)

    def _know(self, sealed: str) -> None:
        self._known[hash(sealed)] = None
        if len(self._known) > 2 * _MESSAGES:
            self._known.popitem(last=False)

    def _number(self, text: bytes) -> int:
        try:
            return min(int(text), latest_number(self._now()))
        except ValueError:
            return 0

    async def revoke(self, names: tuple[Subject, ...], *, later: bool) -> list[tuple[str, Token]]:
        """Write that these people's tokens have ended; everybody's, if nobody is named. Where that is to be done later,
        or can't be done now, it is once the stream can be read again; raises :class:`StoreError` in the second case."""
        if not later:
            return await self._send(names)
        self.later(names)
        return []

    def later(self, names: tuple[Subject, ...], sealed: str = "") -> None:
        """Write it once the store can be reached; everybody's, if that are too many."""
        self.unsent[names, sealed] = None
        if len(self.unsent) > _MESSAGES:
            self.unsent.clear()
            self.unsent[(), ""] = None

    async def _send(self, names: tuple[Subject, ...], sealed: str = "") -> list[tuple[str, Token]]:
        keys = self._keys
        sealed = sealed or keys.sealer.seal(keys.stream, msgspec.msgpack.encode(_Message(names)))
        self._know(sealed)
        tags = [keys.name(name) for name in names] or [EVERYBODY]
        where, memory = [keys.stream, keys.found(sealed)], round(MEMORY_S * 1000)
        details: list[Any] = [keys.prefix, memory, _MESSAGES, sealed, round(_NOBODY_S * 1000), *tags]
        try:
            number, about, count, found = await self._store.run(scripts.REVOKE, where, details)
            epoch, people = self._number(number), about.decode().split(",")
            self.epochs.mark(epoch, people)
            self._remember(_Sent(clock.monotonic(), epoch, sealed, tuple(people)))
            while len(found) < count:
                more = await self._store.run(scripts.FOUND, where[1:], [len(found)])
                if not more:
                    break
                found += more
            opened = map(self._open_token, (field.decode() for field in found[::2]), found[1::2])
            return [token for token in opened if token is not None]
        except (ValueError, TypeError, AttributeError):
            self.later(names)
            raise StoreError("its answers can't be read") from None
        except BaseException:  # it may have come all the same: what it found it finds again
            self.later(names, sealed)
            raise

    def _remember(self, sent: _Sent) -> None:
        self._sent.append(sent)
        while sent.when - self._sent[0].when >= _RESEND_S:  # nobody would be told again
            self._sent.popleft()

    async def _send_what_is_left(self) -> None:
        while self.unsent:
            names, sealed = next(iter(self.unsent))
            del self.unsent[names, sealed]
            for owner, token in await self._send(names, sealed):
                self._sharing.on_found(owner, token)

    async def _restore(self) -> None:
        """Put back what the store has lost of epochs, and of our own messages that others may not have heard."""
        log.warning("the store was emptied or has gone back; it is told again what was revoked")
        for sent in list(self._sent):
            if clock.monotonic() - sent.when < _RESEND_S:
                await self._put_back(sent.sealed, [(name, sent.number) for name in sent.about])
        known = self.epochs.items()
        for start in range(0, len(known), _AT_ONCE):
            await self._put_back("", known[start : start + _AT_ONCE])
        self._is_lost = False

    async def _put_back(self, sealed: str, about: Sequence[tuple[str, int]]) -> None:
        details: list[Any] = [self._keys.prefix, round(MEMORY_S * 1000), _MESSAGES, sealed]
        details += itertools.chain.from_iterable(about)
        await self._store.run(scripts.RESTORE, [self._keys.stream], details)


def latest_number(now: float) -> int:
    """The counter's highest number that is believed at this time (s since 1970): the store's clock may be wrong."""
    return round((now + _FAR_S) * 1_000_000)


def _order(entry: str) -> tuple[int, ...]:
    return tuple(map(int, entry.split("-"))) if entry else (0,)
