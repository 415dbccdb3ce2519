"""One request to the sidecar that runs, through its socket."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any, NamedTuple

_PATIENCE_S = 60.0


class Answer(NamedTuple):
    """HTTP's status and the body."""

    status: int
    body: bytes


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("sidecar", timeout=_PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        """To the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get(path: str, route: str) -> Answer | None:
    """What the sidecar on the socket at ``path`` answers; ``None`` if it does not."""
    return _request(path, "GET", route, None)


def post(path: str, route: str, body: dict[str, Any]) -> Answer | None:
    """As :func:`get`."""
    return _request(path, "POST", route, json.dumps(body))


def _request(path: str, method: str, route: str, body: str | None) -> Answer | None:
    connection = _Connection(path)
    try:
        connection.request(method, route, body, {"Box-Sidecar": "1", "Content-Type": "application/json"})
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
