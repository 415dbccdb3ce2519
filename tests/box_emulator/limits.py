"""Rate limits: so many calls a minute or second and user."""

from __future__ import annotations

import math
import time
from collections import deque

from aiohttp import web

from .errors import BoxError

MINUTE_S = 60.0


class RateLimiter:
    """Counts the last calls by user and by what they are, on the monotonic clock."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], deque[float]] = {}

    def count(self, user_id: str, limit: int, kind: str = "any", window_s: float = MINUTE_S) -> None:
        """Count a call; over the limit, 429 with ``Retry-After`` until the oldest one is out of the window. G23."""
        if limit <= 0:
            return
        now = time.monotonic()
        calls = self._calls.setdefault((user_id, kind), deque())
        while calls and calls[0] <= now - window_s:
            calls.popleft()
        if len(calls) >= limit:
            raise rate_limited(math.ceil(calls[0] + window_s - now))
        calls.append(now)

    def clear(self) -> None:
        self._calls.clear()


def rate_limited(retry_after_s: int) -> BoxError:
    message = "Request rate limit exceeded, please try again later"
    return BoxError(429, "rate_limit_exceeded", message, headers={"Retry-After": str(retry_after_s)})


RATES = web.AppKey("rates", RateLimiter)
