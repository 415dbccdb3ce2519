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
from box_sidecar.trusted_file import check_way, read_file

log = logging.getLogger(__name__)

T = TypeVar("T")

_TURN_BYTES = 64 * 1024
_MOST_BYTES = 64 * 1024 * 1024  # of each of two files; six hundred tokens a minute take a third of that in an hour
_LOCK_TRIES = 40  # the worker before this one may not have ended altogether
_LOCK_PAUSE_S = 0.05
_LIFE_MAX_S = 86_400.0
#: A value by its name, or the name of one that is dropped. The dot tells a line that is whole from one that was torn.
_LINE = re.compile(rb"([0-9]{1,12}) ([0-9a-f]{32}) ([A-Za-z0-9_=-]{40,32000}) [.]|- ([0-9a-f]{32})")


class FileStore:
    """Keeps sealed values by name until their end, in seconds since 1970, as lines that are only ever appended.

    Once all in the older of two files has ended it makes room for the newer.

    Raises:
        ConfigError: somebody else could write there, or does: another sidecar.
        OSError: it can't be written.
    """

    def __init__(self, path: Path) -> None:
        check_way(path.parent)
        self._path, self._older = path, path.with_name(f"{path.name}.old")
        self._file = self._open()
        self._size = os.fstat(self._file.descriptor).st_size
        self._ends = max((ends for _, ends in _entries(_lines(path)).values()), default=0)
        self._older_ends = max((ends for _, ends in _entries(_lines(self._older)).values()), default=0)

    def _open(self) -> File:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        descriptor = os.open(self._path, flags, 0o600)
        try:
            _check(os.fstat(descriptor), self._path)
            _lock(descriptor, self._path)
        except BaseException:
            os.close(descriptor)
            raise
        return File(descriptor)

    def put(self, name: str, sealed: str, ends: int) -> None:
        """Append it."""
        if self._size > _TURN_BYTES and time.time() > self._older_ends:
            self._turn()
        self._ends = max(self._ends, ends)
        self._append(f"{ends} {name} {sealed} .\n".encode())

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
        with contextlib.suppress(FileNotFoundError):  # somebody has removed it
            self._path.replace(self._older)
        self._older_ends, self._ends, self._size = self._ends, 0, 0
        old, self._file = self._file, self._open()
        old.close()

    def all(self) -> dict[str, tuple[str, int]]:
        """What both files hold; what is no line of ours, like one that was torn, is passed over."""
        found = _entries([*_lines(self._older), *_lines(self._path)])
        now = time.time()
        return {name: entry for name, entry in found.items() if entry[1] > now}

    def clear(self) -> None:
        """Empty both files."""
        self._older.unlink(missing_ok=True)
        os.ftruncate(self._file.descriptor, 0)
        self._size = self._ends = self._older_ends = 0

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


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


def _lines(path: Path) -> list[bytes]:
    try:
        return read_file(path, _MOST_BYTES + _TURN_BYTES)[0].split(b"\n")
    except FileNotFoundError:
        return []


def _entries(lines: Iterable[bytes]) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for line in lines:
        if parsed := _LINE.fullmatch(line):
            ends, name, sealed, gone = parsed.groups()
            if gone:
                found.pop(gone.decode(), None)
            else:
                found[name.decode()] = sealed.decode(), int(ends)
    return found


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

    def __init__(self) -> None:
        self.names_of = lambda _: ()
        self._store: FileStore | None = None
        self._sealer: Sealer | None = None
        self.why = ""

    def open(self, path: Path | None, secret: Secret) -> None:
        """Use this file, if one is named, and keys of the app's secret; raises nothing."""
        self.close()
        self._sealer, self.why = Sealer(secret, "ledger"), ""
        try:
            self._store = FileStore(path) if path else None
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
        opened = {name: (self._sealer.open(name, sealed), ends) for name, (sealed, ends) in self._all().items()}
        if lost := sum(value is None for value, _ in opened.values()):
            # As after a rotation of the client secret; or somebody has written there who does not know it.
            log.warning("%d entries of the ledger can't be opened with this client secret and are passed over", lost)
        records = [(_decode(value), ends) for value, ends in opened.values() if value is not None]
        names: dict[str, tuple[Subject, ...]] = {}
        for record, _ in records:
            names[record.owner] = tuple(dict.fromkeys((*names.get(record.owner, ()), *record.names)))
        now, steady = time.time(), clock.monotonic()
        for record, ends in records:
            if record.token:
                token = Token(Secret(record.token), steady + min(ends - now, _LIFE_MAX_S))
                yield Recorded(record.owner, names[record.owner], token, record.is_ended)

    def begin_anew(self, secret: Secret, *, forget: bool) -> None:
        """The app has another secret; or it is another app, and nothing of the one before counts: ``forget``."""
        if not self._store or not self._sealer:
            return
        kept = [] if forget else list(self.recorded())
        self._try(self._store.clear, None)
        self._sealer = Sealer(secret, "ledger")
        for owner, names, token, is_ended in kept:
            self._put(_Record(owner, names, token.secret.reveal(), is_ended), token.life)

    def _all(self) -> dict[str, tuple[str, int]]:
        return self._try(self._store.all, {}) if self._store else {}

    def _put(self, record: _Record, life: float) -> None:
        if self._store and self._sealer:
            name = _name(self._sealer, record.token) if record.token else os.urandom(16).hex()
            sealed = self._sealer.seal(name, _encode(record))
            self._try(partial(self._store.put, name, sealed, int(time.time() + life) + 1), None)

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
