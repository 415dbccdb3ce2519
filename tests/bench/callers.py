"""Callers who never stop asking for a token, and what became of each request: nothing but the standard library.

``python3 callers.py SOCKET FILE`` asks as PHP does, a connection for each request, and on connections that are kept,
until there is such a file; then it prints what came of it as JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

_BODY = json.dumps({"user": {"login": "ana@example.com"}, "element": "explorer", "scopes": ["item_download"]}).encode()
REQUEST = (
    "POST /v1/tokens HTTP/1.1\r\nHost: sidecar\r\nBox-Sidecar: 1\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n\r\n"
).encode() + _BODY


@dataclass(slots=True)
class Outcome:
    """How many requests were answered with a token, what became of each of the others, and the longest that one took
    (s)."""

    answered: int = 0
    lost: list[str] = field(default_factory=list)
    longest: float = 0.0


class _Caller:
    """One request after the other. A kept connection is left when the server says so, and made anew when it is gone."""

    def __init__(self, path: str, kept: bool) -> None:
        self._path, self._kept = path, kept
        self.socket: socket.socket | None = None
        self._received, self._began = b"", 0.0

    def ask(self) -> socket.socket:
        """Send a request, on a new connection if there is none."""
        self._received, self._began = b"", time.monotonic()
        if self.socket is None:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(self._path)
        self.socket.sendall(REQUEST)
        return self.socket

    def hear(self, outcome: Outcome) -> bool:
        """Take what has come of the answer; whether that is all of it."""
        assert self.socket
        if not (data := self.socket.recv(65536)):
            raise ConnectionError(f"hung up after {self._received[:200]!r}")
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not separator or len(body) < int(length):
            return False
        if not head.startswith(b"HTTP/1.1 200") or b'"access_token"' not in body:
            raise ConnectionError(f"{head[:20]!r} {body[:200]!r}")
        outcome.answered += 1
        outcome.longest = max(outcome.longest, time.monotonic() - self._began)
        if not self._kept or b"connection: close" in head.lower():
            self.leave()
        return True

    def leave(self) -> None:
        """Hang up."""
        if self.socket:
            self.socket.close()
        self.socket = None


def call(path: str | Path, outcome: Outcome, goes_on: Callable[[], bool], callers: int = 8) -> None:
    """Ask on the socket while it ``goes_on``, and until all are answered; every other of the callers keeps its
    connection. What comes of it is told in the ``outcome`` all the while."""
    poll, asked = select.epoll(), dict[int, _Caller]()

    def ask(caller: _Caller) -> None:
        try:
            number = caller.ask().fileno()
        except OSError as error:
            fail(caller, error)
        else:
            poll.register(number, select.EPOLLIN)
            asked[number] = caller

    def fail(caller: _Caller, error: OSError) -> None:
        outcome.lost.append(repr(error))
        caller.leave()
        time.sleep(0.01)

    idle = [_Caller(str(path), kept=bool(number % 2)) for number in range(callers)]
    while asked or goes_on():
        while idle and goes_on():
            ask(idle.pop())
        for number, _ in poll.poll(0.1):
            caller = asked[number]
            try:
                is_whole = caller.hear(outcome)
            except OSError as error:
                fail(caller, error)
                is_whole = True
            if is_whole:
                del asked[number]
                if caller.socket:
                    poll.unregister(number)
                idle.append(caller)
    for caller in idle:
        caller.leave()
    poll.close()


if __name__ == "__main__":
    told = Outcome()
    call(sys.argv[1], told, lambda: not Path(sys.argv[2]).exists())
    print(json.dumps(asdict(told)))
