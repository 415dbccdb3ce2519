"""Which tokens are alive at Box, written down sealed, so that one that a restart forgot can still be revoked.

A token is in the kernel's hands before anybody gets it: that outlives ``kill -9``, but no loss of power, since nobody
waits for the disk. What Box had made when the sidecar was killed, and had not told yet, nobody has, and nobody can
know.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from box_sidecar import clock
from box_sidecar.model import Subject, Token
from box_sidecar.problems import ConfigError
from box_sidecar.sealed import Sealer
from box_sidecar.secret import Secret
from box_sidecar.sink import File
from box_sidecar.trusted_file import check_way

log = logging.getLogger(__name__)

T = TypeVar("T")

_TURN_BYTES = 64 * 1024
_MOST_BYTES = 32 * 1024 * 1024  # of each of two files; six hundred tokens a minute take two thirds of that in an hour
_LINE_BYTES = 33_000
_LOCK_TRIES = 40  # the worker before this one may not have ended altogether
_LOCK_PAUSE_S = 0.05
_LIFE_MAX_S = 86_400.0
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
#: A value by its name, or the name of one that is dropped. The dot tells a line that is whole from one that was torn.
_LINE = re.compile(rb"([0-9]{1,12}) ([0-9a-f]{32}) ([A-Za-z0-9_=-]{40,32000}) [.]|- ([0-9a-f]{32})")

Entry = tuple[str, str, int]
"""A name, what is sealed under it, and when that ends."""


class FileStore:
    """Keeps sealed values by name until their end, in seconds since 1970, as lines that are only ever appended.

    Once all in the older of two files has ended it makes room for the newer. ``now`` is the time by which that is
    judged; an end further off than anything lives was written by a clock that was wrong.

    Raises:
        ConfigError: somebody else could write there, or does: another sidecar.
        OSError: it can't be written.
    """

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        check_way(path.parent)
        self._path, self._older, self._new = (path.with_name(f"{path.name}{end}") for end in ("", ".old", ".new"))
        self._now = now
        self._file = _open(path)
        self._size = os.fstat(self._file.descriptor).st_size
        # Not judged by a clock yet: Box has told no time so far.
        self._ends, self._older_ends = _last_end(path), _last_end(self._older)

    def put(self, name: str, sealed: str, ends: int) -> None:
        """Append it."""
        now = self._now()
        self._older_ends = min(self._older_ends, now + _LIFE_MAX_S)
        try:
            if self._size > _TURN_BYTES and now > self._older_ends:
                self._turn()
        finally:
            self._append(_line(name, sealed, ends))
            self._ends = max(self._ends, ends)

    def drop(self, name: str) -> None:
        """Append that it is to be forgotten."""
        self._append(f"- {name}\n".encode())

    def _append(self, line: bytes) -> None:
        if self._size > _MOST_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        self._size += len(line)
        self._file.write_now(line)

    def _turn(self) -> None:
        """What has ended goes; what was the newer file is the older from now on."""
        file = self._begin()
        try:
            with contextlib.suppress(FileNotFoundError):  # somebody has removed it
                self._path.replace(self._older)
            self._new.replace(self._path)
        except OSError:
            file.close()
            raise
        self._older_ends = self._ends
        self._go_on_with(file, 0, 0)

    def _begin(self) -> File:
        """A file to take the newer one's place, which is ours before it does."""
        self._new.unlink(missing_ok=True)
        return _open(self._new)

    def _go_on_with(self, file: File, size: int, ends: float) -> None:
        self._file.close()
        self._file, self._size, self._ends = file, size, ends

    def all(self) -> dict[str, tuple[str, int]]:
        """What both files hold that has not ended; what is no line of ours, like one that was torn, is passed over."""
        found: dict[str, tuple[str, int]] = {}
        now = self._now()
        for path in (self._older, self._path):
            for name, sealed, ends in _entries(path):
                if ends > now:
                    found[name] = sealed, ends
                else:
                    found.pop(name, None)
        return found

    def replace(self, entries: Iterable[Entry]) -> None:
        """Hold these and nothing else: whoever is killed meanwhile has what was there before, or these."""
        file, size, ends = self._begin(), 0, 0
        try:
            for entry in entries:
                line = _line(*entry)
                file.write_now(line)
                size, ends = size + len(line), max(ends, entry[2])
            self._new.replace(self._path)
        except OSError:
            file.close()
            raise
        self._go_on_with(file, size, ends)
        self._older.unlink(missing_ok=True)
        self._older_ends = 0

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def _open(path: Path) -> File:
    """A file that is ours alone, made if need be."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _FLAGS, 0o600)
    try:
        _check(os.fstat(descriptor), path)
        _lock(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return File(descriptor)


def _check(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise ConfigError(f"{path} is not a file of this user's alone; run: rm {path}")


def _lock(descriptor: int, path: Path) -> None:
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_S)
        else:
            return
    raise ConfigError(f"{path} is another sidecar's: give each a file of its own")


def _line(name: str, sealed: str, ends: int) -> bytes:
    return f"{ends} {name} {sealed} .\n".encode()


def _entries(path: Path) -> Iterator[Entry]:
    """What is in a file, one after the other, so that a huge one takes no more room than what lives; what is dropped
    has ended in 1970."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb") as file:
        _check(os.fstat(descriptor), path)
        while line := file.readline(_LINE_BYTES):
            if parsed := _LINE.fullmatch(line.removesuffix(b"\n")):
                ends, name, sealed, gone = parsed.groups()
                yield (gone.decode(), "", 0) if gone else (name.decode(), sealed.decode(), int(ends))


def _last_end(path: Path) -> float:
    return max((ends for _, _, ends in _entries(path)), default=0)


class Recorded(NamedTuple):
    """A token in the ledger: whose, ``""`` for the service account's; by which names that person is known; and whether
    it was to be revoked already."""

    owner: str
    names: tuple[Subject, ...]
    token: Token
    is_ended: bool


class _Record(msgspec.Struct, array_like=True, gc=False):
    """What is sealed. Without a ``token`` it only says by which names a person is known by now."""

    owner: str
    names: tuple[Subject, ...]
    token: str
    is_ended: bool = False


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Record).decode


class Ledger:
    """Tokens that are alive at Box, in a store; where that can't be used ``why`` says why, and tokens are made all the
    same.
    """

    names_of: Callable[[str], tuple[Subject, ...]]
    """By which names a person is known; for whoever opens it to set."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.names_of = lambda _: ()
        self._now = now
        self._store: FileStore | None = None
        self._sealer: Sealer | None = None
        self.why = ""

    def open(self, path: Path | None, secret: Secret) -> None:
        """Use this file, if one is named, and keys of the app's secret; raises nothing."""
        self.close()
        self._sealer, self.why = Sealer(secret, "ledger"), ""
        try:
            self._store = FileStore(path, self._now) if path else None
        except (ConfigError, OSError) as error:
            self._fail(str(error) if isinstance(error, ConfigError) else f"{path}: {error.strerror}")

    def close(self) -> None:
        """Let go of the file."""
        if self._store:
            self._store.close()
        self._store = None

    def add(self, owner: str, token: Token, *, is_ended: bool = False) -> None:
        """Box has made a token for somebody, ``""`` for the service account; or it is to be revoked, and Box could not
        be told."""
        self._put(_Record(owner, self.names_of(owner), token.secret.reveal(), is_ended), token.life)

    def add_names(self, owner: str, ends_at: float) -> None:
        """A person is known by another name, too, until what is held of them ends (on the monotonic clock)."""
        self._put(_Record(owner, self.names_of(owner), ""), ends_at - clock.monotonic())

    def end(self, secret: Secret) -> None:
        """Box knows this token no more."""
        if self._store and self._sealer:
            self._try(partial(self._store.drop, _name(self._sealer, secret.reveal())), None)

    def recorded(self) -> Iterator[Recorded]:
        """What is alive by all that is known here, the oldest first."""
        if not self._store or not self._sealer:
            return
        nothing: list[tuple[_Record, int]] = []
        records = self._try(partial(_opened, self._store, self._sealer), nothing)
        names: dict[str, tuple[Subject, ...]] = {}
        for record, _ in records:
            names[record.owner] = tuple(dict.fromkeys((*names.get(record.owner, ()), *record.names)))
        now, steady = self._now(), clock.monotonic()
        for record, ends in records:
            if record.token:
                token = Token(Secret(record.token), steady + min(ends - now, _LIFE_MAX_S))
                yield Recorded(record.owner, names[record.owner], token, record.is_ended)

    def begin_anew(self, secret: Secret, *, forget: bool) -> None:
        """The app has another secret; or it is another app, and nothing of the one before counts: ``forget``.

        What can't be read is left as it is.
        """
        before, self._sealer = self._sealer, Sealer(secret, "ledger")
        if self._store and before:
            self._try(partial(self._seal_anew, self._store, before, self._sealer, forget=forget), None)

    def _seal_anew(self, store: FileStore, before: Sealer, after: Sealer, *, forget: bool) -> None:
        kept = [] if forget else _opened(store, before)
        store.replace(_sealed(after, record, ends) for record, ends in kept)

    def _put(self, record: _Record, life: float) -> None:
        if self._store and self._sealer:
            entry = _sealed(self._sealer, record, int(self._now() + min(life, _LIFE_MAX_S)) + 1)
            self._try(partial(self._store.put, *entry), None)

    def _try(self, work: Callable[[], T], otherwise: T) -> T:
        try:
            done = work()
        except (ConfigError, OSError) as error:
            self._fail(str(error) if isinstance(error, ConfigError) else f"it can't be used: {error.strerror}")
            return otherwise
        if self.why:
            log.warning("the ledger of tokens can be used again")
            self.why = ""
        return done

    def _fail(self, why: str) -> None:
        if not self.why:
            log.error("the ledger of tokens: %s; what is issued meanwhile can't be revoked after a restart", why)
        self.why = why


def _name(sealer: Sealer, token: str) -> str:
    return sealer.tag(token).hex()[:32]


def _sealed(sealer: Sealer, record: _Record, ends: int) -> Entry:
    name = _name(sealer, record.token) if record.token else os.urandom(16).hex()
    return name, sealer.seal(name, _encode(record)), ends


def _opened(store: FileStore, sealer: Sealer) -> list[tuple[_Record, int]]:
    """Every record that lives, and its end; raises what reading does."""
    found, lost, entries = [], 0, store.all()
    for name in list(entries):
        sealed, ends = entries.pop(name)
        try:
            found.append((_decode(sealer.open(name, sealed) or b""), ends))
        except msgspec.DecodeError:
            lost += 1
    if lost:
        # As after a rotation of the client secret; by another version; or by somebody who does not know the secret.
        log.warning("%d entries of the ledger can't be opened with this client secret and are passed over", lost)
    return found
