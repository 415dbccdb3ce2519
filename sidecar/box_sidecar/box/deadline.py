"""When the work under way must have ended."""

from __future__ import annotations

import math
from contextvars import ContextVar

from box_sidecar.clock import monotonic

#: When the work under way must have ended, on the monotonic clock. Set once a story, inherited by its tasks.
deadline: ContextVar[float] = ContextVar("deadline")


class within:  # noqa: N801 - a context manager reads like a function; as a class it is on the way of every request
    """All calls to Box inside end, retries included, after this many seconds, or with the story that it is part of."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._token = deadline.set(min(deadline.get(math.inf), monotonic() + self._seconds))

    def __exit__(self, *error: object) -> None:
        deadline.reset(self._token)
