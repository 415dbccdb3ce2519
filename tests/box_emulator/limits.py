"""The general rate limit: so many API calls a minute and user."""

from __future__ import annotations

import math
import time
from collections import deque

from aiohttp import web

from .errors import BoxError

WINDOW_S = 60.0


class RateLimiter:
    """Counts the calls of the last minute by user, on the monotonic clock."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[float]] = {}

    def count(self, user_id: str, limit: int) -> None:
        """Count a call; over the limit, 429 with ``Retry-After`` until the oldest call is a minute old."""
        if limit <= 0:
            return
        now = time.monotonic()
        calls = self._calls.setdefault(user_id, deque())
        while calls and calls[0] <= now - WINDOW_S:
            calls.popleft()
        if len(calls) >= limit:
            raise rate_limited(math.ceil(calls[0] + WINDOW_S - now))
        calls.append(now)

    def clear(self) -> None:
        self._calls.clear()


def rate_limited(retry_after_s: int) -> BoxError:
    message = "Request rate limit exceeded, please try again later"
    return BoxError(429, "rate_limit_exceeded", message, headers={"Retry-After": str(retry_after_s)})


RATES = web.AppKey("rates", RateLimiter)
