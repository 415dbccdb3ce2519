"""A socket that outlives who serves it, as systemd's socket unit has it, without systemd (sd_listen_fds(3))."""

from __future__ import annotations

import os
import signal
import socket
import sys
from types import TracebackType
from typing import Self

from intranet.process import Process
from intranet.sidecar_process import SidecarProcess, box_sidecar

# As systemd does: the socket becomes descriptor 3, and the environment says to whom it belongs.
_HAND_OVER = """
import os, sys
given, count, of, *command = sys.argv[1:]
if int(given) != 3:
    os.dup2(int(given), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS=count, LISTEN_PID=str(os.getpid()) if of == "own" else of, LISTEN_FDNAMES="box")
os.execv(command[0], command)
"""


def hand_over(listener: socket.socket, count: str = "1", of: str = "own") -> list[str]:
    """What comes before a command so that it gets this socket from "systemd"."""
    os.set_inheritable(listener.fileno(), True)
    return [sys.executable, "-c", _HAND_OVER, str(listener.fileno()), count, of]


class Activated:
    """A socket in the place of a sidecar's own, and one program after the other that serves it; a context manager."""

    def __init__(self, sidecar: SidecarProcess) -> None:
        self._sidecar = sidecar
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(sidecar.socket))
        sidecar.socket.chmod(0o660)
        self.listener.listen(2048)
        self.process: Process | None = None

    def start(self, program: str = "", up: bool = True) -> None:
        """Have a program (``box-sidecar`` of this environment) serve it, and wait until it is `up`."""
        command = [*hand_over(self.listener), program or box_sidecar(), "serve", "--config", str(self._sidecar.config)]
        self.process = Process(command, log=self._sidecar.log, pass_fds=[self.listener.fileno()])
        if up:
            self.process.wait_until(self._sidecar._is_up)

    def stop(self) -> None:
        """End it as systemd does: SIGTERM to the main process, and wait."""
        assert self.process
        os.kill(self.process.pid, signal.SIGTERM)
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
        self.listener.close()
