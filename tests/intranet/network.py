"""Two networks with cables between them that can be pulled: what is sent is lost, and nobody is told."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from intranet.process import Process, ProcessError

READY = 'ip link set lo up; touch "$1"; exec sleep infinity'


class NoNetworks(Exception):
    """This machine lets nobody have networks of their own; the message says why."""


class Cables:
    """Network namespaces `here` and `there` (commands that start others in them); a context manager.

    The cable of this number leads from ``address(number)`` there to an address of its own here.
    """

    def __init__(self, home: Path, count: int) -> None:
        self._count = count
        self._ends: list[Process] = []
        try:
            for name in ("here", "there"):
                ready = home / name
                command = ["unshare", "--net", "sh", "-c", READY, "sh", str(ready)]
                self._ends.append(Process(command, log=home / f"{name}.log"))
                self._ends[-1].wait_until(ready.exists)
        except ProcessError as error:
            self.stop()
            raise NoNetworks(str(error)) from error
        self.here, self.there = (["nsenter", f"--net=/proc/{end.pid}/ns/net"] for end in self._ends)

    def __enter__(self) -> Self:
        for number in range(self._count):
            ours, theirs = (f"02:00:00:00:0{number}:0{side}" for side in (1, 2))
            peer = f"peer name cable{number} address {theirs} netns {self._ends[1].pid}"
            self._ip(self.here, f"link add cable{number} address {ours} type veth {peer}")
            self._ip(self.here, f"address add 10.77.{number}.1/24 dev cable{number}")
            self._ip(self.here, f"link set cable{number} up")
            # Else the kernel would soon say by itself that nobody is there.
            self._ip(self.here, f"neighbour add {self.address(number)} lladdr {theirs} dev cable{number} nud permanent")
            self._ip(self.there, f"address add {self.address(number)}/24 dev cable{number}")
            self.plug(number)
        return self

    def address(self, number: int) -> str:
        """Where this cable leads to."""
        return f"10.77.{number}.2"

    def pull(self, number: int) -> None:
        """What is sent on this cable is lost from now on, in both directions."""
        self._ip(self.there, f"link set cable{number} down")

    def plug(self, number: int) -> None:
        """It arrives again."""
        self._ip(self.there, f"link set cable{number} up")

    def stop(self) -> None:
        """Both networks end."""
        for end in self._ends:
            end.stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @staticmethod
    def _ip(within: list[str], words: str) -> None:
        done = subprocess.run([*within, "ip", *words.split()], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoNetworks(f"ip {words}: {done.stderr.strip()}")
