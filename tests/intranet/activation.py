"""A socket that outlives who serves it, and memory that does, as systemd has them, without systemd.

Socket activation and the file descriptor store, as sd_listen_fds(3) and sd_pid_notify_with_fds(3) have them.
"""

from __future__ import annotations

import array
import os
import signal
import socket
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from intranet.process import Process
from intranet.sidecar_process import SidecarProcess, box_sidecar

# As systemd does: what is handed over becomes descriptor 3 and so on, and the environment says what it is and whose.
_HAND_OVER = """
import os, sys
given, names, count, of, *command = sys.argv[1:]
high = [os.dup2(int(one), 100 + place) for place, one in enumerate(given.split(","))]
for place, one in enumerate(high, 3):
    os.dup2(one, place)
    os.set_inheritable(place, True)
os.environ.update(LISTEN_FDS=count, LISTEN_PID=str(os.getpid()) if of == "own" else of, LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""
_MESSAGE_BYTES = 4096
_MOST_FDS = 8


def hand_over(*given: tuple[str, int], count: str = "", of: str = "own") -> list[str]:
    """What comes before a command so that it gets these from "systemd": names and descriptors, in their order."""
    for _, descriptor in given:
        os.set_inheritable(descriptor, True)
    names, descriptors = ":".join(name for name, _ in given), ",".join(str(descriptor) for _, descriptor in given)
    return [sys.executable, "-c", _HAND_OVER, descriptors, names, count or str(len(given)), of]


class DescriptorStore:
    """What a service asks its manager to keep (``FDSTORE=1``), by name; ``address`` is its ``$NOTIFY_SOCKET``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.kept: list[tuple[str, int]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def listen(self) -> None:
        """Take what has been sent so far."""
        while True:
            try:
                message, ancillary, _, _ = self._socket.recvmsg(_MESSAGE_BYTES, socket.CMSG_SPACE(4 * _MOST_FDS))
            except BlockingIOError:
                return
            said = dict(line.partition("=")[::2] for line in message.decode().split("\n"))
            sent = [one for _, _, data in ancillary for one in array.array("i", data)]
            if "FDSTOREREMOVE" in said:
                self._forget(name for name, _ in list(self.kept) if name == said["FDNAME"])
            elif "FDSTORE" in said:
                self.kept += [(said["FDNAME"], descriptor) for descriptor in sent]

    def clear(self) -> None:
        """Forget all, as when the service is stopped."""
        self.listen()
        self._forget(name for name, _ in list(self.kept))

    def close(self) -> None:
        """End it."""
        self.clear()
        self._socket.close()

    def _forget(self, names: Iterable[str]) -> None:
        gone = set(names)
        for name, descriptor in self.kept:
            if name in gone:
                os.close(descriptor)
        self.kept = [(name, descriptor) for name, descriptor in self.kept if name not in gone]


class Activated:
    """A socket in the place of a sidecar's own, and one program after the other that serves it; a context manager.

    What one of them wants to be kept, the next one gets.
    """

    def __init__(self, sidecar: SidecarProcess) -> None:
        self._sidecar = sidecar
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(sidecar.socket))
        sidecar.socket.chmod(0o660)
        self.listener.listen(2048)
        self.store = DescriptorStore(str(sidecar.directory / "notify"))
        self.process: Process | None = None

    def start(self, program: str = "", up: bool = True) -> None:
        """Have a program (``box-sidecar`` of this environment) serve it, and wait until it is `up`."""
        self.store.listen()
        given = [("box-sidecar.socket", self.listener.fileno()), *self.store.kept]
        command = [*hand_over(*given), program or box_sidecar(), "serve", "--config", str(self._sidecar.config)]
        descriptors, env = (
            [descriptor for _, descriptor in given],
            {**(self._sidecar.env or {}), "NOTIFY_SOCKET": self.store.address},
        )
        self.process = Process(command, log=self._sidecar.log, env=env, pass_fds=descriptors)
        if up:
            self.process.wait_until(self._sidecar._is_up)
        self.store.listen()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it as systemd does: a signal to the main process, and wait."""
        assert self.process
        os.kill(self.process.pid, by)
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        self.process.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process:
            self.process.stop(timeout=25)
        self.store.close()
        self.listener.close()
