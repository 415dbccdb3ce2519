"""The two clocks: one that never jumps, for lives; Box's own, for claims.

A host whose clock is wrong, by hours or while it runs, must not matter: Box judges ``exp`` by its own
clock, and tells that clock's time in the ``Date`` of every answer (RFC 9110, section 6.6.1).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import partial

#: Seconds since boot, time asleep included: a suspended machine's tokens age too.
monotonic: Callable[[], float] = partial(time.clock_gettime, time.CLOCK_BOOTTIME)


class BoxClock:
    """Box's time, remembered against the monotonic clock, so that a jump of the host's clock is never seen.

    Until Box has answered once, the host's clock is all there is.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._base: float | None = None  # Box's time when the steady clock read zero
        self._last = ""  # many answers come in one second, and say the same

    def observe(self, date: str | None) -> None:
        """Learn from an answer's ``Date`` header; one that can't be read teaches nothing."""
        if not date or date == self._last:
            return
        try:
            seconds = parsedate_to_datetime(date).timestamp()
        except (ValueError, TypeError, OverflowError):
            return
        self._last = date
        # The header tells whole seconds, cut off: the middle is the best guess.
        self._base = seconds + 0.5 - self._steady()

    def now(self) -> float:
        """Box's time, seconds since 1970."""
        return self._wall() if self._base is None else self._base + self._steady()

    def host_now(self) -> float:
        """This host's time, seconds since 1970: for when Box's ``Date`` turns out not to be Box's."""
        return self._wall()

    @property
    def offset(self) -> float | None:
        """Seconds that Box's clock is ahead of this host's; ``None`` before Box has answered."""
        return None if self._base is None else self.now() - self._wall()
