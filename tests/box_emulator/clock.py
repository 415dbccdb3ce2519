"""Box's clock, and its way to write times."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache


def iso(timestamp: float) -> str:
    """RFC 3339 in UTC with seconds; Box itself writes Pacific time with an offset (G25)."""
    return _iso(int(timestamp))


@lru_cache(maxsize=1 << 16)
def _iso(timestamp: int) -> str:
    # A third of the time of a big listing would go into this.
    return datetime.fromtimestamp(timestamp, UTC).isoformat()


def http_date(timestamp: float) -> str:
    """The format of the ``Date`` header (RFC 9110, section 5.6.7)."""
    return formatdate(timestamp, usegmt=True)


class Clock:
    """This machine's clock plus an offset that tests choose."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> float:
        """Seconds since the epoch by Box's clock."""
        return time.time() + self.offset_s
