"""What the service manager is told: readiness, reloads, life and end (sd_notify(3), sd_watchdog_enabled(3)).

systemd listens to the main process alone (``NotifyAccess=main``), and only the worker knows whether it serves. So the
worker reports to its master, which passes it on: what systemd hears, two processes that are alive have said.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
from collections.abc import MutableMapping

from box_sidecar.logs import printable

_MESSAGE_BYTES = 4096


class ServiceManager:
    """systemd's end of ours. Without a ``$NOTIFY_SOCKET`` there is nobody to tell, and all of it does nothing.

    Made by the master before it forks. It takes the variables out of the ``environment``: nobody else is to use them.
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
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

    def _send(self, message: bytes) -> None:
        if message.startswith((b"RELOADING=1", b"READY=1")):
            self.is_waiting = message.startswith(b"RELOADING")
        with contextlib.suppress(OSError):
            self._outgoing.sendto(message, self._address)


def _watchdog_s(environment: MutableMapping[str, str]) -> float:
    """After how long without a sign systemd takes us for dead; infinite where it does not look."""
    microseconds, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
    is_ours = pid in {"", str(os.getpid())}
    return int(microseconds) / 1e6 if is_ours and microseconds.isascii() and microseconds.isdigit() else math.inf
