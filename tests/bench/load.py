"""Clients on a Unix socket, lean enough to leave the server the bottleneck: one thread, epoll, HTTP/1.1 kept alive."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_CHUNK = 65536
_PATIENCE_S = 60.0


class LoadError(RuntimeError):
    """The server answered something else than 200, or hung up; the message carries what it said."""


@dataclass(slots=True)
class Outcome:
    """What a run of requests took: `seconds` of each, from sending to the answer's last byte, in order of arrival;
    `elapsed` and `cpu` of this client (s) for all of them; and the last answer's body.
    """

    seconds: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    cpu: float = 0.0
    body: bytes = b""


class _Connection:
    __slots__ = ("received", "sent_at", "socket")

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(_PATIENCE_S)
        self.socket.connect(str(path))
        self.received = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def body(self) -> bytes | None:
        """The answer's body once it is whole; what follows the head is counted, nothing more is parsed."""
        data = self.socket.recv(_CHUNK)
        if not data:
            raise LoadError(f"the server hung up after {self.received[:500]!r}")
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        if not head.startswith(b"HTTP/1.1 200"):
            raise LoadError(f"{head[:100]!r} {body[:500]!r}")
        length = head.lower().partition(b"content-length:")[2]
        return body if len(body) >= int(length.partition(b"\r\n")[0]) else None


def drive(path: Path, requests: Iterable[bytes], connections: int, warm: bool = True) -> Outcome:
    """Send all requests to the socket at `path`, on so many connections at once, each one request after the other.

    `warm` connections are made before the clock starts; else connecting is part of what is measured.
    """
    outcome = Outcome()
    waiting = iter(requests)
    poll = select.epoll()
    began, cpu = time.perf_counter(), time.process_time()
    clients = {client.socket.fileno(): client for client in (_Connection(path) for _ in range(connections))}
    try:
        for number in clients:
            poll.register(number, select.EPOLLIN)
        if warm:
            began, cpu = time.perf_counter(), time.process_time()
        busy = 0
        for client, request in zip(clients.values(), waiting, strict=False):
            client.send(request)
            busy += 1
        while busy:
            for number, _ in poll.poll():
                client = clients[number]
                body = client.body()
                if body is None:
                    continue
                outcome.seconds.append(time.perf_counter() - client.sent_at)
                outcome.body = body
                request = next(waiting, b"")
                if request:
                    client.send(request)
                else:
                    busy -= 1
        outcome.elapsed, outcome.cpu = time.perf_counter() - began, time.process_time() - cpu
    finally:
        for client in clients.values():
            client.socket.close()
        poll.close()
    return outcome


def drive_anew(path: Path, requests: Iterable[bytes]) -> None:
    """Send each request to the socket at `path` on a connection of its own, one after the other, as PHP does."""
    for request in requests:
        client = _Connection(path)
        try:
            client.send(request)
            while client.body() is None:
                pass
        finally:
            client.socket.close()


def token_request(login: str, scopes: Iterable[str] = ("item_download",), folder: str = "0") -> bytes:
    """``POST /v1/tokens`` for the explorer, with the headers that the plugin sends."""
    return _post(
        "/v1/tokens", {"user": {"login": login}, "element": "explorer", "scopes": list(scopes), "folder": folder}
    )


def revocation_request(login: str) -> bytes:
    """``POST /v1/tokens/revoke``, with the headers that the plugin sends."""
    return _post("/v1/tokens/revoke", {"user": {"login": login}})


def _post(route: str, value: Any) -> bytes:
    body = json.dumps(value).encode()
    head = (
        f"POST {route} HTTP/1.1\r\nHost: intranet.example.com\r\nUser-Agent: widgets-for-box/0.1.0\r\n"
        "Accept: application/json\r\nBox-Sidecar: 1\r\nX-Request-Id: 0b5c1f2e-6a3d-4c58-9a77-2f1d5f0e9b11\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: Path, route: str) -> dict[str, Any]:
    """The JSON of a GET, on a connection of its own."""
    request = f"GET {route} HTTP/1.1\r\nHost: sidecar\r\nBox-Sidecar: 1\r\n\r\n".encode()
    return dict(json.loads(drive(path, [request], 1).body))
