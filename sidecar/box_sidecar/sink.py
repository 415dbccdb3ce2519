"""Where the audit's lines go: the kernel has taken them when a write returns, or it fails; nobody is waited for."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import queue
import socket
import stat
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from box_sidecar.problems import ConfigError

_STDOUT = 1
_PATIENCE_S = 2.0


class File:
    """A regular file. A line that could be written only in part is closed by the start of the next."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.is_torn = _ends_torn(descriptor)

    def begun(self, lines: bytes) -> bytes:
        """Lines with what must come before them."""
        return b"\n" + lines if self.is_torn else lines

    def finish(self, rest: bytes) -> None:
        """Write what is left of lines."""
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]
            self.is_torn = bool(rest)

    def write_now(self, lines: bytes) -> bool:
        """Write them in one piece, as far as the kernel does: a regular file waits for no reader."""
        self.finish(self.begun(lines))
        return True

    async def write(self, lines: bytes) -> None:
        """The same."""
        self.write_now(lines)

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


class Stream:
    """A pipe, socket or terminal: whoever reads it may stop, and nobody waits for that.

    Its descriptor is shared with other processes, so it can't be made non-blocking for us alone. What can't be written
    at once is written in a thread.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        self._send = _sender(file.descriptor)
        self._jobs: queue.SimpleQueue[tuple[Callable[[], object], Future[None]] | None] = queue.SimpleQueue()
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

    def write_now(self, lines: bytes) -> bool:
        """Whether they went in without waiting. What went in only in part is closed by the next line."""
        return self._stuck.done() and self._send_now(lines) == b""

    def _send_now(self, lines: bytes) -> bytes | None:
        """What of the lines, and of what must come before them, did not go in; ``None`` if it was not their turn."""
        if not self._send or not self._last.done():
            return None
        rest = self._file.begun(lines)
        with contextlib.suppress(BlockingIOError):
            rest = rest[self._send(rest) :]
            self._file.is_torn = bool(rest)
        return rest

    async def write(self, lines: bytes) -> None:
        """Write lines within two seconds. If that fails they are not written later, except the ones under way."""
        if not self._stuck.done():
            raise OSError(errno.EAGAIN, "nobody reads it")
        rest = self._send_now(lines)
        if rest is None:
            await self._leave_to_thread(partial(self._file.write_now, lines))
        elif rest:
            await self._leave_to_thread(partial(self._file.finish, rest))

    async def _leave_to_thread(self, work: Callable[[], object]) -> None:
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


def open_sink(path: str) -> File | Stream:
    descriptor = _STDOUT if path == "-" else _open_file(path)
    regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    return File(descriptor) if regular else Stream(File(descriptor))


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
