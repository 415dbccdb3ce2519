"""A Valkey or Redis server of a test's own."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from intranet.process import Process


class StoreProcess:
    """``redis-server`` on a Unix socket in `directory`, keeping nothing on the disk; a context manager.

    `options` are the server's own: ``StoreProcess(..., "--maxmemory", "10mb")``.
    """

    def __init__(self, directory: Path, *options: str, program: str = "redis-server") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.socket = directory / "store.sock"
        self._log = directory / "store.log"
        self._command = [
            *(program, "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"),
            *("--dir", str(directory), *options),
        ]
        self.process: Process | None = None
        self.client: Any = redis.Redis(unix_socket_path=str(self.socket))

    @property
    def url(self) -> str:
        """As ``cache.store`` names it."""
        return f"unix://{self.socket}"

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        self.process = Process(self._command, log=self._log)
        with contextlib.suppress(PermissionError):  # Elsewhere it has a machine of its own, and nobody to wait for.
            os.setpriority(os.PRIO_PROCESS, self.process.pid, -15)
        self.process.wait_until(self._answers)
        return self

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.exceptions.ConnectionError:
            return False

    def stop(self) -> None:
        """End it; what it held is gone."""
        if self.process:
            self.process.signal(signal.SIGCONT)
            self.process.stop()
            self.process = None

    def pause(self) -> None:
        """It takes connections, and answers nothing."""
        assert self.process
        self.process.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It answers again."""
        assert self.process
        self.process.signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.client.close()
