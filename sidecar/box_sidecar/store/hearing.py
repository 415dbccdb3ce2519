"""What the other sidecars revoke, heard from a stream; and what is known here of all that was revoked."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from box_sidecar import clock
from box_sidecar.model import Subject, Token
from box_sidecar.sharing import Sharing
from box_sidecar.store import scripts
from box_sidecar.store.connection import StoreConnection, StoreError
from box_sidecar.store.keys import EVERYBODY, Keys

log = logging.getLogger(__name__)

MEMORY_S = 90_000.0  # longer than any token lives
_WAIT_S = 0.25
_RETRY_S = 0.5
_RESEND_S = 600.0
_MESSAGES = 10_000
_EPOCHS = 100_000
_AT_ONCE = 500
_BEGINNING = "0-0"


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

    def mark(self, number: int, about: Iterable[str]) -> bool:
        """These names were revoked in this epoch; whether any of that is new."""
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
        return bool(newer)

    def of(self, name: str) -> int:
        """The last one that this name's values must be above."""
        return max(self._known.get(name, (0, 0.0))[0], self._known.get(EVERYBODY, (0, 0.0))[0], self._forgotten)

    def items(self) -> list[tuple[str, int]]:
        """All that are known, by name."""
        return [(name, number) for name, (number, _) in self._known.items()]


class Hearing:
    """Reads the stream, and writes what is revoked here to it; what can't be written at once is written later.

    ``sharing`` is told; ``open_token`` opens a value, to tell whose token has ended.
    """

    def __init__(
        self,
        store: StoreConnection,
        keys: Keys,
        sharing: Sharing,
        open_token: Callable[[str, bytes], tuple[str, Token] | None],
    ) -> None:
        self.epochs = Epochs()
        self.in_touch = False
        self._store, self._keys = store, keys
        self._sharing = sharing
        self._open_token = open_token
        self._last = ""
        self._heard_at = clock.monotonic()
        self._turn = asyncio.Lock()
        self._sent: deque[_Sent] = deque(maxlen=_MESSAGES)
        self.unsent: OrderedDict[tuple[Subject, ...], None] = OrderedDict()

    async def listen(self, on_well: Callable[[], None], on_trouble: Callable[[StoreError], None]) -> None:
        """Wait at the stream, for ever."""
        while True:
            try:
                if not self.in_touch:
                    await self._store.open()
                await self.look()
                await self._send_what_is_left()
                on_well()
                self.in_touch = True
                await self._store.wait(self._keys.stream, self._last, _WAIT_S)
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

    async def look(self) -> None:
        """Read what has come; raises :class:`StoreError`."""
        async with self._turn:
            is_there, last, new = await self._store.run(scripts.LOOK, [self._keys.stream], [self._last])
            if self._last not in {"", _BEGINNING} and not is_there:
                if clock.monotonic() - self._heard_at > _RESEND_S / 2:
                    log.error("the store has lost what was revoked; what is in memory is handed out no more")
                    self._sharing.on_lost()
                await self._restore()
                _, last, new = await self._store.run(scripts.LOOK, [self._keys.stream], [_BEGINNING])
            for _, details in new:
                self._hear(dict(zip(details[::2], details[1::2], strict=False)))
            self._last = (new[-1][0] if new else last).decode() or _BEGINNING
            self._heard_at = clock.monotonic()

    def _hear(self, details: dict[bytes, bytes]) -> None:
        opened = self._keys.sealer.open(self._keys.stream, details.get(b"sealed", b"").decode("ascii", "replace"))
        try:
            number, about = int(details[b"number"]), details[b"about"].decode("ascii").split(",")
            message = msgspec.msgpack.decode(opened or b"", type=_Message)
        except (KeyError, ValueError, msgspec.DecodeError):
            self._store.outcomes["unauthentic"] += 1
            return
        if not self.epochs.mark(number, about):
            return
        if further := tuple(name for name in self._sharing.on_heard(message.names) if name not in message.names):
            self.unsent[further] = None

    async def revoke(self, names: tuple[Subject, ...], *, later: bool) -> list[tuple[str, Token]]:
        """Write that these people's tokens have ended; everybody's, if nobody is named. Where that is to be done later,
        or can't be done now, it is once the stream can be read again; raises :class:`StoreError` in the second case."""
        try:
            if not later:
                return await self._send(names)
            self.unsent[names] = None
            return []
        except StoreError:
            self.unsent[names] = None
            while len(self.unsent) > _MESSAGES:
                self.unsent.clear()
                self.unsent[()] = None
            raise

    async def _send(self, names: tuple[Subject, ...]) -> list[tuple[str, Token]]:
        keys = self._keys
        sealed = keys.sealer.seal(keys.stream, msgspec.msgpack.encode(_Message(names)))
        tags = [keys.name(name) for name in names] or [EVERYBODY]
        answer = await self._store.run(
            scripts.REVOKE,
            [keys.stream, keys.counter],
            [keys.prefix, round(MEMORY_S * 1000), _MESSAGES, sealed, *tags],
        )
        number, about, found = int(answer[0]), answer[1].decode().split(","), answer[2]
        self.epochs.mark(number, about)
        self._sent.append(_Sent(clock.monotonic(), number, sealed, tuple(about)))
        opened = (self._open_token(field.decode(), value) for field, value in zip(found[::2], found[1::2], strict=True))
        return [token for token in opened if token is not None]

    async def _send_what_is_left(self) -> None:
        while self.unsent:
            names = next(iter(self.unsent))
            for owner, token in await self._send(names):
                self._sharing.on_found(owner, token)
            self.unsent.pop(names, None)

    async def _restore(self) -> None:
        """Put back what the store has lost of epochs, and of our own messages that others may not have heard."""
        log.warning("the store was emptied or has gone back; it is told again what was revoked")
        for sent in list(self._sent):
            if clock.monotonic() - sent.when < _RESEND_S:
                await self._put_back(sent.number, sent.sealed, sent.about)
        known: dict[int, list[str]] = {}
        for name, number in self.epochs.items():
            known.setdefault(number, []).append(name)
        for number, names in known.items():
            for start in range(0, len(names), _AT_ONCE):
                await self._put_back(number, "", names[start : start + _AT_ONCE])

    async def _put_back(self, number: int, sealed: str, about: Sequence[str]) -> None:
        details: list[Any] = [self._keys.prefix, round(MEMORY_S * 1000), _MESSAGES, number, sealed, *about]
        await self._store.run(scripts.RESTORE, [self._keys.stream], details)
