"""The requests that came, as tests and the inspector want to see them: without secrets."""

from __future__ import annotations

import itertools
import re
from collections import deque
from typing import Any

from aiohttp import web

from .tokens import Token

KEPT = 100_000
SECRET_PARAMETERS = frozenset({"access_token"})
TICKET = re.compile("^/d/1/[^/]+/")


class RequestLog:
    """The last requests, each with a running number `n`; those of the control interface are not among them."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._numbers = itertools.count(1)

    def add(self, request: web.Request, started: float, duration_s: float, status: int, fault: str | None) -> None:
        """Note a request; `started` is by Box's clock, `status` 0 where no answer was sent."""
        token: Token | None = request.get("token")
        user = request.get("user")
        self._entries.append(
            {
                "n": next(self._numbers),
                "time": started,
                "method": request.method,
                "path": TICKET.sub("/d/1/***/", request.path),
                "query": {k: "***" if k in SECRET_PARAMETERS else v for k, v in request.query.items()},
                "status": status,
                "duration_ms": round(duration_s * 1000, 3),
                "grant": request.get("grant"),
                "token_kind": token.kind if token else None,
                "scopes": sorted(token.scopes) if token else None,
                "user": user.login if user else None,
                "origin": request.headers.get("Origin"),
                "user_agent": request.headers.get("User-Agent"),
                "traceparent": request.headers.get("traceparent"),
                "fault": fault,
            }
        )

    def since(self, number: int) -> list[dict[str, Any]]:
        """The entries after the one numbered `number`."""
        newer = itertools.takewhile(lambda entry: entry["n"] > number, reversed(self._entries))
        return list(newer)[::-1]

    def last(self, count: int) -> list[dict[str, Any]]:
        """The last entries, the newest first."""
        return list(itertools.islice(reversed(self._entries), count))

    def clear(self) -> None:
        self._entries.clear()


LOG = web.AppKey("log", RequestLog)
