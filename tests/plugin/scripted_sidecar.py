"""A stand-in for the sidecar that answers what a test tells it to and remembers what it was asked.

The plugin's tests use it where the real sidecar can't be made to answer so: broken answers, odd codes, delays.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self


@dataclasses.dataclass(frozen=True)
class Request:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclasses.dataclass(frozen=True)
class Answer:
    """What to send back: JSON, or the text as it is; after `delay` seconds."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    delay: float = 0.0


def problem(status: int, code: str, fix: str = "", **more: object) -> Answer:
    """An error as the sidecar words it (RFC 9457)."""
    body = {"type": f"/problems/{code}", "title": code, "status": status, "detail": f"detail of {code}", "code": code}
    return Answer(status, {**body, "fix": fix, "request_id": "request-1", **more})


def token(request: Request) -> Answer:
    """A token for whatever was asked, with the base scope added; and every revocation succeeds."""
    asked = request.body
    if request.path == "/v1/tokens/revoke":
        return Answer(body={"revoked": 1})
    kind = "file" if "file" in asked else "folder"
    name = next(iter(asked["user"].values()))
    return Answer(
        body={
            "access_token": f"token-of-{name}",
            "token_type": "bearer",
            "expires_in": 3600,
            "scopes": [f"base_{asked['element']}", *asked["scopes"]],
            "resource": {"type": kind, "id": "42" if "path" in asked else asked.get(kind, "0")},
            "user": {"id": "1", "login": name, "name": name},
        }
    )


def hang(request: Request) -> Answer:
    """An answer that comes when nobody waits for it any more."""
    return Answer(503, delay=60.0)


class ScriptedSidecar:
    """Listens at `socket` while the context lasts. Set `answer` to change what it says."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = token
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        self._server = _Server(str(self.socket), _Handler)
        self._server.sidecar = self
        self.socket.chmod(0o666)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop and remove the socket."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            self.socket.unlink(missing_ok=True)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    sidecar: ScriptedSidecar


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        raw = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, json.loads(raw) if raw else None)
        self.server.sidecar.requests.append(request)
        answer = self.server.sidecar.answer(request)
        time.sleep(answer.delay)
        body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        with contextlib.suppress(BrokenPipeError):  # Whoever asked may have gone.
            self.end_headers()
            self.wfile.write(body.encode())

    do_GET = do_POST = _serve  # noqa: N815 -- http.server's names.

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: `requests` tells."""
