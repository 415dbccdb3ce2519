"""A child process that is gone when its owner is: also when the owner is killed, and with all that it started."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

PORTS = range(20_000, 32_000)
"""For servers of our own: below those that Linux gives to clients."""
_claims: list[IO[str]] = []
"""Files of the ports that were given out; their locks end with this process."""


class ProcessError(RuntimeError):
    """A program did not start, ended early or did not get ready in time; the message carries the end of its log."""


class Process:
    """Runs `command` in a session of its own, its output in the file `log`.

    A shell waits at the other end of a pipe for the owner's end and then kills the whole process group. Nothing else
    is sure: some servers leave their workers behind when they are killed, and PR_SET_PDEATHSIG reaches only the first
    process of a tree.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.command = [str(part) for part in command]
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            try:
                self._child = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=cwd,
                    env=None if env is None else {**os.environ, **env},
                    start_new_session=True,
                    pass_fds=pass_fds,
                )
            except FileNotFoundError as error:
                raise ProcessError(f"{self.command[0]} is not installed") from error
        self.pid = self._child.pid
        self._guard = subprocess.Popen(
            ["sh", "-c", 'read _; kill -s KILL -- "-$1" 2>/dev/null', "guard", str(self.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def running(self) -> bool:
        """Whether the first process of the group still runs."""
        return self._child.poll() is None

    def wait_until(self, ready: Callable[[], bool], timeout: float = 20.0) -> None:
        """Wait until `ready()` is true; ProcessError when the process ends before that or `timeout` (s) passes."""
        end = time.monotonic() + timeout
        while not ready():
            if not self.running():
                self.stop()
                raise ProcessError(f"{self.command[0]} ended with status {self._child.returncode}:\n{self.tail()}")
            if time.monotonic() > end:
                self.stop()
                raise ProcessError(f"{self.command[0]} was not ready within {timeout:g} s:\n{self.tail()}")
            time.sleep(0.02)

    def wait_for_port(self, port: int, host: str = "127.0.0.1", timeout: float = 20.0) -> None:
        """Wait until something accepts connections on `port`."""
        self.wait_until(lambda: answers(port, host), timeout)

    def tail(self, lines: int = 20) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; no error when there is nobody left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def stop(self, timeout: float = 5.0) -> None:
        """SIGTERM to the group, SIGKILL to what is left of it after `timeout` (s). May be called again."""
        if self._guard.stdin is None or self._guard.stdin.closed:
            return
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout)
        self.signal(signal.SIGKILL)
        self._child.wait()
        self._guard.kill()
        self._guard.wait()
        self._guard.stdin.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on, and that nobody else gets from here while this process runs.

    The kernel's own choice would be one that it may give to any client in the next moment, as it does to the requests
    of suites that run side by side.
    """
    folder = Path(tempfile.gettempdir()) / f"wfb-ports-{os.geteuid()}"
    folder.mkdir(exist_ok=True)
    for port in random.sample(PORTS, len(PORTS)):
        claim = (folder / str(port)).open("w")
        with contextlib.suppress(OSError), socket.socket() as probe:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            probe.bind((host, port))
            _claims.append(claim)
            return port
        claim.close()
    raise ProcessError(f"no port between {PORTS[0]} and {PORTS[-1]} is free")
