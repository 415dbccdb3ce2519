"""What the service manager is told, and hands over: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3).

Readiness, reloads, life and end; a listening socket, and what it keeps from one main process for the next.

systemd listens to the main process alone (``NotifyAccess=main``), and only the worker knows whether it serves. So the
worker reports to its master, which passes it on: what systemd hears, two processes that are alive have said.
"""

from __future__ import annotations

import array
import contextlib
import math
import os
import socket
import time
from collections.abc import MutableMapping

from box_sidecar.logs import printable
from box_sidecar.problems import ConfigError

_FIRST_FD = 3  # SD_LISTEN_FDS_START
_MESSAGE_BYTES = 4096


class ServiceManager:
    """systemd's end of ours. Without a ``$NOTIFY_SOCKET`` there is nobody to tell, and all of it does nothing.

    Made by the master before it forks. It takes the variables out of the ``environment``: nobody else is to use them.

    Raises:
        ConfigError: nobody can say what is handed over.
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self.handed_over = _handed_over(environment)
        """What systemd hands over: descriptors and their names, which may be anything, in any order."""
        address = environment.pop("NOTIFY_SOCKET", "")
        #: As sd_notify(3) has it: a path, or a name in the abstract namespace. Nothing else is ever spoken to.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._is_there = len(address) > 1 and address[0] in "/@"
        self._main = os.getpid()
        self._pause_s = _watchdog_s(environment) / 3
        self._due = 0.0
        self._outgoing = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._reports, self._to_main = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (self._outgoing, self._reports, self._to_main):
            end.setblocking(False)
        self.is_waiting = self._is_there
        """Whether it has been told of something that is under way, and not yet that it ended (``READY=1``)."""

    def tell(self, **assignments: object) -> None:
        """Say it, in systemd's words: ``tell(READY=1, STATUS="serving")``. From the worker by way of the master."""
        if not self._is_there:
            return
        message = "\n".join(f"{name}={printable(str(value))}" for name, value in assignments.items()).encode()
        if os.getpid() == self._main:
            self._send(message)
        else:
            with contextlib.suppress(OSError):  # a master that reads nothing has systemd's watchdog after it
                self._to_main.send(message[:_MESSAGE_BYTES])

    def kept(self, name: str) -> list[int]:
        """What it has kept under this name; it is handed over no longer."""
        found = [descriptor for descriptor, its_name in self.handed_over.items() if its_name == name]
        for descriptor in found:
            del self.handed_over[descriptor]
        return found

    def keep(self, name: str, descriptor: int) -> None:
        """Have it kept for the main process after this one, in the place of all of that name; to be called by the
        master. The unit says how many can be (``FileDescriptorStoreMax=``)."""
        if self._is_there:
            self._send(f"FDSTOREREMOVE=1\nFDNAME={name}".encode())
            self._send(f"FDSTORE=1\nFDNAME={name}".encode(), descriptor)

    def reloading(self) -> None:
        """A reload begins; ``READY=1`` ends it, however it ends."""
        self.tell(RELOADING=1, MONOTONIC_USEC=time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)

    def alive(self) -> None:
        """What serves is alive; to be called every second, told as often as the watchdog wants to know."""
        now = time.monotonic()
        if now >= self._due and self._pause_s < math.inf:
            self._due = now + self._pause_s
            self.tell(WATCHDOG=1)

    def pass_on(self) -> None:
        """Tell systemd what the worker has reported; for the master, time and again."""
        with contextlib.suppress(BlockingIOError):
            while self._is_there:
                self._send(self._reports.recv(_MESSAGE_BYTES))

    def _send(self, message: bytes, *descriptors: int) -> None:
        if message.startswith((b"RELOADING=1", b"READY=1")):
            self.is_waiting = message.startswith(b"RELOADING")
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        with contextlib.suppress(OSError):
            self._outgoing.sendmsg([message], rights, 0, self._address)


def _handed_over(environment: MutableMapping[str, str]) -> dict[int, str]:
    count, pid, names = (environment.pop(f"LISTEN_{name}", "") for name in ("FDS", "PID", "FDNAMES"))
    if pid != str(os.getpid()):
        return {}  # meant for another process, as sd_listen_fds has it
    try:
        given = range(_FIRST_FD, _FIRST_FD + int(count))
        # What is closed by execve(2) has not come through it: it is ours.
        if not all(map(os.get_inheritable, given)):
            raise ValueError(count)
        for descriptor in given:
            os.set_inheritable(descriptor, False)
    except (ValueError, OSError):  # no number, or more than there are
        raise ConfigError(f"LISTEN_FDS={count}: not so much is open; exactly one socket can be taken over") from None
    return dict(zip(given, (*names.split(":"), *[""] * len(given)), strict=False))


def _watchdog_s(environment: MutableMapping[str, str]) -> float:
    """After how long without a sign systemd takes us for dead; infinite where it does not look."""
    microseconds, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
    is_ours = pid in {"", str(os.getpid())}
    return int(microseconds) / 1e6 if is_ours and microseconds.isascii() and microseconds.isdigit() else math.inf
