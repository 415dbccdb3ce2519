"""The sidecar as a process on a real socket."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from intranet.process import Process


def box_sidecar() -> str:
    """The command as installed beside this Python, else the one on PATH."""
    beside = Path(sys.executable).with_name("box-sidecar")
    found = str(beside) if beside.exists() else shutil.which("box-sidecar")
    if not found:
        raise FileNotFoundError("box-sidecar is not installed; run: make build")
    return found


def toml(settings: Mapping[str, Mapping[str, Any]]) -> str:
    """Tables of scalars and lists as TOML; a table in a table becomes `[outer.inner]`. JSON's scalars are TOML's."""
    lines: list[str] = []
    for table, values in settings.items():
        inner = {f"{table}.{name}": value for name, value in values.items() if isinstance(value, Mapping)}
        lines.append(f"[{table}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items() if not isinstance(value, Mapping)]
        if inner:
            lines.append(toml(inner))
    return "\n".join(lines) + "\n"


class SidecarProcess:
    """``box-sidecar serve`` in `directory` (configuration, socket, log), a context manager.

    `settings` are tables of its configuration file: ``SidecarProcess(..., cache={"min_life_s": 1})``. `command` comes
    before the program, for instance ``faketime``; `env` is added to the environment.
    """

    def __init__(
        self,
        directory: Path,
        *,
        app_config: Path,
        api_url: str,
        command: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.socket = directory / "box-sidecar.sock"
        self.config = directory / "box-sidecar.toml"
        self.log = directory / "box-sidecar.log"
        self._command = command
        self.env = env
        self.settings: dict[str, dict[str, Any]] = {name: dict(table) for name, table in settings.items()}
        self.settings["box"] = {"app_config": str(app_config), "api_url": api_url, **self.settings.get("box", {})}
        self.settings["server"] = {"socket": str(self.socket), **self.settings.get("server", {})}
        self.write_config()
        self.process: Process | None = None

    def write_config(self) -> None:
        """Write the settings as they are now."""
        self.config.write_text(toml(self.settings))

    def start(self) -> Self:
        """Start it and wait until it is ready.

        :raises ProcessError: it ended instead; carries its log
        """
        command = [*self._command, box_sidecar(), "serve", "--config", str(self.config)]
        self.process = Process(command, log=self.log, env=self.env)
        self.process.wait_until(self._is_up)
        return self

    def _is_up(self) -> bool:
        try:
            return self.request("GET", "/health/startup").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """End it; harmless if it has ended."""
        if self.process:
            self.process.stop(timeout=25)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def client(self, timeout: float = 30.0) -> httpx.Client:
        """A client on the socket, with the header that the sidecar asks for."""
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.socket)),
            base_url="http://sidecar",
            headers={"Box-Sidecar": "1"},
            timeout=timeout,
            trust_env=False,
        )

    def request(self, method: str, path: str, **details: Any) -> httpx.Response:
        """One request on a connection of its own; `details` as httpx takes them."""
        with self.client() as client:
            return client.request(method, path, **details)

    def token(self, login: str, element: str = "explorer", scopes: tuple[str, ...] = (), **body: Any) -> httpx.Response:
        """``POST /v1/tokens`` for a login."""
        body = {"user": {"login": login}, "element": element, "scopes": list(scopes), **body}
        return self.request("POST", "/v1/tokens", json=body)

    def audit(self) -> list[dict[str, Any]]:
        """The audit lines on standard output."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith('{"time"')]
