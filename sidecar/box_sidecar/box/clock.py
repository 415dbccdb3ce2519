"""The two clocks: one that never jumps, for lives; Box's own, for claims.

A host whose clock is wrong, by hours or while it runs, must not matter: Box judges ``exp`` by its own
clock, and tells that clock's time in the ``Date`` of every answer (RFC 9110, section 6.6.1).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime

from box_sidecar.clock import monotonic

_AGREE_S = 5.0  # two readings of one clock, each some way old, differ by less


class BoxClock:
    """Box's time, remembered against the monotonic clock, so that a jump of the host's clock is never seen.

    Until Box has answered once, the host's clock is all there is. From then on one answer that tells another time is
    not believed: a proxy may have made its ``Date``, or kept it. Two in a row that agree are. Box's own verdict on an
    assertion is better than any of them: :meth:`beliefs` says what else to try, :meth:`settle` what Box has accepted.

    A *belief* is Box's time when the steady clock read zero, seconds since 1970.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._belief: float | None = None
        self._doubt: float | None = None  # what the last answer told, if that was something else
        self._rival: float | None = None  # what was told or believed otherwise last
        self._last = ("", 0.0)  # many answers come in one second, and say the same

    def observe(self, date: str | None) -> None:
        """Learn from an answer's ``Date`` header; one that can't be read teaches nothing."""
        if not date:
            return
        if date != self._last[0]:
            try:
                self._last = (date, parsedate_to_datetime(date).timestamp())
            except (ValueError, TypeError, OverflowError):
                return
        # The header tells whole seconds, cut off: the middle is the best guess.
        told = self._last[1] + 0.5 - self._steady()
        if self._belief is None or _agree(told, self._belief):
            self._belief, self._doubt = told, None
        elif self._doubt is not None and _agree(told, self._doubt):
            self._believe(told)
        else:
            self._doubt = self._rival = told

    def _believe(self, belief: float) -> None:
        if self._belief is not None and not _agree(self._belief, belief):
            self._rival = self._belief
        self._belief, self._doubt = belief, None

    def now(self, belief: float | None = None) -> float:
        """Box's time, seconds since 1970; by this belief instead of the usual one, if there is one."""
        if belief is None:
            belief = self._belief
        return self._wall() if belief is None else belief + self._steady()

    def beliefs(self, tried: Sequence[float] = ()) -> list[float]:
        """All that Box's time may be but what was tried, the likeliest first, no two alike: as believed, as told
        otherwise, the host's.

        To be tried in turn when Box refuses an assertion for its time. There are three at the most, one at the least.
        """
        host = self._wall() - self._steady()
        found: list[float] = []
        for belief in (self._belief, self._rival, host):
            if belief is not None and not any(_agree(belief, other) for other in (*tried, *found)):
                found.append(belief)
        return found

    def settle(self, belief: float) -> None:
        """Box has accepted an assertion made by this belief: so it is right, whatever answers tell."""
        if self._belief is None or not _agree(self._belief, belief):
            self._believe(belief)
        self._doubt = None

    @property
    def offset(self) -> float | None:
        """Seconds that Box's clock is ahead of this host's; ``None`` before Box has answered."""
        return None if self._belief is None else self.now() - self._wall()


def _agree(one: float, other: float) -> bool:
    return abs(one - other) <= _AGREE_S
