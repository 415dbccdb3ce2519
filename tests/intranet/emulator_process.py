"""The Box emulator as a process."""

from __future__ import annotations

import json
import os
import ssl
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from intranet.process import Process

TESTS = Path(__file__).resolve().parents[1]


def find_description() -> Path | None:
    """Box's own OpenAPI description, where a developer has a copy: in ``BOX_OPENAPI`` or beside the repository."""
    named = os.environ.get("BOX_OPENAPI")
    path = Path(named) if named else TESTS.parents[1] / "shared" / "box-openapi.json"
    return path if path.exists() else None


class EmulatorProcess:
    """``python -m box_emulator`` as a context manager, with a method for each call of its control interface.

    `state_dir` holds the applications' JSON files and may be used again. `settings` are those of the start, to which
    a reset leads back; the environment's ``BOX_EMULATOR_SETTINGS`` (a JSON object) goes before them, so that a whole
    suite can be run in another dialect. `within` is a command that starts others in a network of their own, such as
    ``nsenter``; the emulator is then spoken to through a Unix socket in `state_dir`. The process ends with its parent.
    """

    def __init__(
        self,
        state_dir: Path | str,
        *,
        port: int = 0,
        seed: Path | str | None = None,
        cors_origins: Iterable[str] = (),
        tls: bool = False,
        tls_names: Iterable[str] = (),
        within: Sequence[str] = (),
        description: Path | str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.state_dir = Path(state_dir)
        self._arguments = ["--state", str(self.state_dir), "--port", str(port)]
        if seed is not None:
            self._arguments += ["--seed", str(seed)]
        for origin in cors_origins:
            self._arguments += ["--cors-origin", origin]
        if description is not None:
            self._arguments += ["--description", str(description)]
        started_with = json.loads(os.environ.get("BOX_EMULATOR_SETTINGS", "{}")) | dict(settings or {})
        for name, value in started_with.items():
            self._arguments += ["--setting", f"{name}={json.dumps(value)}"]
        if tls:
            self._arguments.append("--tls")
        for name in tls_names:
            self._arguments += ["--tls-name", name]
        self._within = within
        self._socket = self.state_dir / "control.sock" if within else None
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)
            self._arguments += ["--socket", str(self._socket)]
        self.log_file = self.state_dir / "emulator.log"
        self._process: Process | None = None
        self._client = httpx.Client()
        self.url = ""

    @property
    def app_config(self) -> Path:
        """The Developer Console's JSON of the app with a key pair."""
        return self.state_dir / "box_config.json"

    @property
    def ccg_config(self) -> Path:
        """The same of the app with client credentials alone."""
        return self.state_dir / "box_config_ccg.json"

    @property
    def ca(self) -> Path:
        """The private CA's certificate, with `tls`."""
        return self.state_dir / "ca.pem"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        """Start the process and wait until it accepts connections.

        :raises ProcessError: it ended instead, or was not ready in time; carries what it wrote
        """
        self.log_file.unlink(missing_ok=True)
        # Who enters another mount namespace comes out in its root.
        command = [*self._within, "env", f"--chdir={TESTS}", sys.executable, "-m", "box_emulator", *self._arguments]
        self._process = Process(command, log=self.log_file, cwd=TESTS)
        self._process.wait_until(lambda: bool(self._ready_line()))
        self.url = json.loads(self._ready_line())["url"]
        if self._socket is not None:
            transport = httpx.HTTPTransport(uds=str(self._socket))
            self._client = httpx.Client(base_url="http://localhost", timeout=30.0, transport=transport)
            return self
        verify = ssl.create_default_context(cafile=self.ca) if self.url.startswith("https:") else False
        self._client = httpx.Client(base_url=self.url, timeout=30.0, trust_env=False, verify=verify)
        return self

    def _ready_line(self) -> str:
        """The line in which the process tells its URL, once it is whole."""
        lines = self.log_file.read_text().splitlines(keepends=True)
        return next((line for line in lines if line.startswith("{") and line.endswith("\n")), "")

    def stop(self) -> None:
        """End the process."""
        self._client.close()
        if self._process is not None:
            self._process.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """The requests numbered above `since`, the oldest first."""
        return self._entries("log", since=since)

    def tokens(self) -> list[dict[str, Any]]:
        """Every token ever issued, with its value."""
        return self._entries("tokens")

    def users(self) -> list[dict[str, Any]]:
        return self._entries("users")

    def user(self, login: str) -> dict[str, Any]:
        """The one person with this login."""
        return next(user for user in self.users() if user["login"] == login)

    def items(self, login: str, trashed: bool = False) -> list[dict[str, Any]]:
        """All that a person owns: each item with its ``path`` (``/Folder/File.txt``), ``id``, ``type``, ``size``,
        ``owner``, ``created_by``, ``shared_link`` (its access level or None) and, of a file, ``sha1`` and ``versions``.
        """
        return self._entries("items", login=login, trashed=str(trashed).lower())

    def item(self, login: str, path: str) -> dict[str, Any]:
        """The one item of a person at this path."""
        return next(item for item in self.items(login) if item["path"] == path)

    def content(self, file_id: str) -> bytes:
        """A file's current content."""
        response = self._client.get(f"/_emulator/files/{file_id}")
        response.raise_for_status()
        return response.content

    def violations(self) -> list[dict[str, Any]]:
        """Traffic that did not fit the `description`; each with ``side`` (request or answer) and ``user_agent``."""
        return self._entries("violations")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings (see ``box_emulator.settings.Settings``) and return all of them."""
        return dict(self._call("POST", "settings", changes))

    def fault(self, kind: str, method: str = "", path: str = "", grant: str = "", **details: Any) -> None:
        """Have the next matching request fail (see ``box_emulator.faults.Fault``)."""
        match = {"method": method, "path": path, "grant": grant}
        self._call("POST", "faults", {"kind": kind, "match": match, **details})

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def add_user(self, name: str, login: str, **details: Any) -> dict[str, Any]:
        return dict(self._call("POST", "users", {"name": name, "login": login, **details}))

    def change_user(self, user_id: str, **changes: Any) -> dict[str, Any]:
        return dict(self._call("PATCH", f"users/{user_id}", changes))

    def delete_user(self, user_id: str) -> None:
        self._call("DELETE", f"users/{user_id}")

    def expire_tokens(
        self, token: str | None = None, kind: str | None = None, login: str | None = None, revoke: bool = False
    ) -> int:
        """End a token, or all of a kind and person, now; returns how many."""
        choice = {"token": token, "kind": kind, "login": login, "revoke": revoke}
        return int(self._call("POST", "tokens/expire", choice)["expired"])

    def rotate(self, key: bool = False, secret: bool = False) -> None:
        """Replace key or secret at Box and in the JSON files; what was read from them before is worthless."""
        self._call("POST", "rotate", {"key": key, "secret": secret})

    def renew_key(self) -> None:
        """A second key pair for each app that has one, in the JSON files; the first goes on working."""
        self._call("POST", "rotate", {"key": True, "keep_old": True})

    def remove_old_key(self) -> None:
        """Of several keys only the one in the JSON files works any more."""
        self._call("POST", "rotate", {"remove_old": True})

    def add_key(self, key_id: str, pem: str) -> None:
        """Another public key of the app with a key pair, as the Developer Console's “Add a Public Key” takes it."""
        self._call("POST", "keys", {"id": key_id, "pem": pem})

    def remove_key(self, key_id: str) -> None:
        """Remove one that was added."""
        self._call("POST", "keys", {"id": key_id, "pem": ""})

    def reset(self) -> None:
        """Back to the seed and to the settings of the start."""
        self._call("POST", "reset")

    def _entries(self, name: str, **query: Any) -> list[dict[str, Any]]:
        response = self._client.get(f"/_emulator/{name}", params=query)
        response.raise_for_status()
        entries: list[dict[str, Any]] = response.json()["entries"]
        return entries

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        response = self._client.request(method, f"/_emulator/{path}", json=body)
        if response.is_error:
            raise ValueError(f"{method} /_emulator/{path}: {response.status_code} {response.text}")
        return response.json() if response.content else None
