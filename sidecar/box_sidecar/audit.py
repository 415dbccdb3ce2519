"""The audit: one JSON object a line for each token issued, refused, renewed or revoked, and never the token."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hmac
import logging
import os
import queue
import socket
import stat
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path

import msgspec
from msgspec import Struct

from box_sidecar.model import normalize_login
from box_sidecar.problems import ConfigError, Problem
from box_sidecar.secret import Secret

log = logging.getLogger(__name__)

_STDOUT = 1
_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of the socket, by the kernel's word (``SO_PEERCRED``, unix(7))."""

    uid: int | None = None
    pid: int | None = None


class AuditEvent(Struct, kw_only=True, omit_defaults=True):
    """What is known of one event; what is not known is left out.

    ``person`` is a pseudonym that only the holder of the app's secret can trace to a login. ``scopes`` were asked for,
    ``granted`` were given.
    """

    time: datetime | None = None
    event: str
    request_id: str
    peer_uid: int | None
    peer_pid: int | None
    person: str = ""
    user_id: str = ""
    element: str = ""
    scopes: Sequence[str] | None = None
    resource: str = ""
    outcome: str = ""
    granted: tuple[str, ...] | None = None
    duration_ms: float | None = None


def _pseudonym(key: bytes, login: str) -> str:
    """What stands for a login in the audit, letter case apart."""
    return hmac.digest(key, normalize_login(login).encode(), "sha256").hex()[:32]


class Audit:
    """Writes to ``path``, or to standard output for ``"-"``.

    A person stands in it as an HMAC of the login: the same person has the same pseudonym in every line, and only who
    knows the app's secret can tell whose it is.

    Raises:
        ConfigError: the file can't be opened.
    """

    def __init__(self, path: str, secret: Secret) -> None:
        self.path = path
        key = hmac.digest(secret.reveal().encode(), b"box-sidecar audit 1", "sha256")
        #: The pseudonym of a login; remembered, since it costs more than all else in a line.
        self.pseudonym = lru_cache(10_000)(partial(_pseudonym, key))
        self._encode = msgspec.json.Encoder().encode
        self._lost = 0
        self._sink = _open(path)

    def reopen(self) -> None:
        """After log rotation, write to the new file of the same name, or go on with the old if that can't be opened."""
        if self.path == "-":
            return
        try:
            old, self._sink = self._sink, _open(self.path)
        except ConfigError as error:
            log.error("the audit goes on in the file that was open: %s", error)
        else:
            old.close()

    def close(self) -> None:
        """Close the file; standard output stays open."""
        self._sink.close()

    @property
    def is_broken(self) -> bool:
        """Whether the last line could not be written."""
        return self._lost > 0

    def require(self) -> None:
        """Refuse before anything is begun that could not be audited.

        Raises:
            Problem: ``not_ready``.
        """
        if self._lost:
            self._lost += 1
            raise _problem("Nothing was done.")

    async def write(self, entry: AuditEvent) -> None:
        """One line, in one write, which the kernel has taken when this returns.

        Raises:
            Problem: ``not_ready`` if it has not within two seconds; its detail says what was done all the same.
        """
        try:
            await self._put(entry)
        except OSError as error:
            if not self._lost:
                log.error("the audit can't be written: %s", error.strerror)
            self._lost += 1
            raise _problem(_what_holds(entry)) from None

    def write_now(self, entry: AuditEvent) -> bool:
        """As :meth:`write`, if the kernel takes the line at once; else ``False``, and :meth:`write` must say it."""
        if self._lost:
            return False
        entry.time = datetime.now(UTC)
        return self._sink.write_now(self._encode(entry) + b"\n")

    async def resume(self) -> None:
        """If lines were lost, try whether it can be written by now; the first line says how many."""
        if self._lost:
            with contextlib.suppress(OSError):
                await self._put()

    async def _put(self, *entries: AuditEvent) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            resumed = AuditEvent(event="audit_resumed", request_id="-", peer_uid=None, peer_pid=None)
            resumed.outcome = f"{lost} entries lost"
            entries = (resumed, *entries)
        now = datetime.now(UTC)
        for entry in entries:
            entry.time = now
        try:
            await self._sink.write(b"".join(self._encode(entry) + b"\n" for entry in entries))
        except OSError:
            self._lost += lost
            raise
        if lost:
            log.warning("the audit can be written again; %d entries were lost", lost)


def _problem(what_holds: str) -> Problem:
    return Problem(
        "not_ready",
        detail=f"The audit can't be written. {what_holds}",
        fix="Look at log.audit_file: is the disk full? Where it is standard output: does nobody read that?",
    )


def _what_holds(entry: AuditEvent) -> str:
    """What was done and what was not, where the line about it could not be written."""
    match entry.event:
        case "token_issued":
            return "No token is handed out; one that Box made for this stays in memory, where it can be revoked."
        case "tokens_revoked" if entry.outcome.startswith("revoked"):
            return f"The revocation was done all the same ({entry.outcome})."
        case "tokens_revoked":
            return f"The revocation failed, too ({entry.outcome})."
        case "user_created":
            return "The user was made at Box all the same."
        case _:
            return "Nothing was done."


class _File:
    """Appends lines to a descriptor. One that could be written only in part is closed by the start of the next."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.is_torn = _ends_torn(descriptor)

    def append(self, lines: bytes) -> None:
        """Write them in one piece, as far as the kernel does; OSError if it does not."""
        self.finish(self.begun(lines))

    def begun(self, lines: bytes) -> bytes:
        """Lines with what must come before them."""
        return b"\n" + lines if self.is_torn else lines

    def finish(self, rest: bytes) -> None:
        """Write what is left of lines."""
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]
            self.is_torn = bool(rest)

    async def write(self, lines: bytes) -> None:
        """As :meth:`append`, at once: a regular file waits for no reader."""
        self.append(lines)

    def write_now(self, lines: bytes) -> bool:
        """Whether they are written."""
        try:
            self.append(lines)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go of it, unless it is standard output."""
        if self.descriptor != _STDOUT:
            os.close(self.descriptor)


def _ends_torn(descriptor: int) -> bool:
    """Whether a regular file ends in the middle of a line; not known of one that we may not read."""
    try:
        size = os.fstat(descriptor).st_size
        return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    except OSError:
        return False


class _Stream:
    """A pipe, socket or terminal: whoever reads it may stop, and nobody waits for that.

    Its descriptor is shared with other processes, so it can't be made non-blocking for us alone. What can't be written
    at once is written in a thread.
    """

    def __init__(self, file: _File) -> None:
        self._file = file
        self._send = _sender(file.descriptor)
        self._jobs: queue.SimpleQueue[tuple[Callable[[], None], Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._last: Future[None] = Future()
        self._last.cancel()
        self._stuck = self._last

    def _run(self) -> None:
        while job := self._jobs.get():
            work, done = job
            if done.set_running_or_notify_cancel():
                try:
                    work()
                    done.set_result(None)
                except OSError as error:
                    done.set_exception(error)
        self._file.close()

    async def write(self, lines: bytes) -> None:
        """Write lines within two seconds. If that fails they are not written later, except the ones under way."""
        if not self._stuck.done():
            raise OSError(errno.EAGAIN, "nobody reads it")
        work = partial(self._file.append, lines)
        if self._send and self._last.done():  # the thread has nothing to do
            rest = self._file.begun(lines)
            with contextlib.suppress(BlockingIOError):
                rest = rest[self._send(rest) :]
                self._file.is_torn = bool(rest)
                if not rest:
                    return
                work = partial(self._file.finish, rest)
        await self._leave_to_thread(work)

    def write_now(self, lines: bytes) -> bool:
        """Whether they went in without waiting. What went in only in part is closed by the next line."""
        if not (self._send and self._last.done() and self._stuck.done()):
            return False
        rest = self._file.begun(lines)
        try:
            self._file.is_torn = self._send(rest) < len(rest)
        except OSError:
            return False
        return not self._file.is_torn

    async def _leave_to_thread(self, work: Callable[[], None]) -> None:
        if not self._thread.is_alive():
            self._thread.start()
        done = self._last = Future()
        self._jobs.put((work, done))
        waiting = asyncio.wrap_future(done)
        waiting.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        if not (await asyncio.wait({waiting}, timeout=_PATIENCE_S))[0]:
            if not done.cancel():
                self._stuck = done
            raise OSError(errno.ETIMEDOUT, "nobody reads it")
        waiting.result()

    def close(self) -> None:
        """Close it once all is written; nobody waits for that either."""
        if self._thread.is_alive():
            self._jobs.put(None)
        else:
            self._file.close()


def _sender(descriptor: int) -> Callable[[bytes], int] | None:
    """Writes what goes in without waiting, or raises BlockingIOError; ``None`` where the kernel has no such way."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        connection = socket.socket(fileno=os.dup(descriptor))
        return lambda data: connection.send(data, socket.MSG_DONTWAIT)
    if stat.S_ISFIFO(mode):
        with contextlib.suppress(OSError):  # a pipe of another user's can't be opened again
            own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            return partial(os.write, own)
    return None


def _open(path: str) -> _File | _Stream:
    descriptor = _STDOUT if path == "-" else _open_file(path)
    regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    return _File(descriptor) if regular else _Stream(_File(descriptor))


def _open_file(path: str) -> int:
    """A regular file or a device, opened for appending without waiting for anybody.

    Raises:
        ConfigError: it can't be opened, or is something else.
    """
    flags = os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        try:
            descriptor = os.open(path, os.O_RDWR | flags, 0o640)
        except PermissionError:
            descriptor = os.open(path, os.O_WRONLY | flags, 0o640)
    except OSError as error:
        raise ConfigError(f"log.audit_file: {Path(path)} can't be opened: {error.strerror}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISCHR(mode):
        os.close(descriptor)
        raise ConfigError(f'log.audit_file: {Path(path)} is not a file; name one, or "-" for standard output')
    os.set_blocking(descriptor, True)
    return descriptor
