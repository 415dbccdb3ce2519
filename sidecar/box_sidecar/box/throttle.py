"""What Box's 429 means for the calls that follow: whose limit it was, and until when it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from cachetools import TLRUCache

from box_sidecar.clock import monotonic
from box_sidecar.problems import Problem
from box_sidecar.sentences import say

_EVERYBODY = ""
_PEOPLE = 10_000  # of whom it is remembered that Box wants them to wait
_MANY = 5  # people whom Box limits at once on one route: then it is not theirs, it is the app's limit

#: For whom Box is called: the Box id of a person whose own limit the calls count against, or nobody's.
acting_person: ContextVar[str] = ContextVar("acting_person", default=_EVERYBODY)


@contextmanager
def acting_for(user_id: str) -> Iterator[None]:
    """All calls to Box inside are this person's: when Box wants them to wait, it wants nobody else to."""
    token = acting_person.set(user_id)
    try:
        yield
    finally:
        acting_person.reset(token)


class Throttle:
    """Until when Box wants no calls, for each kind of call (``route``) and person."""

    def __init__(self) -> None:
        self._rate_limited_until: dict[str, TLRUCache[str, float]] = {}  # route → person → on the monotonic clock

    def record(self, route: str, wait: float) -> None:
        """Whose limit it was waits, ``wait`` seconds long; when it is many people's at once, everybody does."""
        until = self._rate_limited_until.get(route)
        if until is None:
            until = TLRUCache(_PEOPLE, lambda _person, end, _now: end, timer=monotonic)
            self._rate_limited_until[route] = until
        until[acting_person.get()] = monotonic() + wait
        if len(until) >= _MANY:
            until[_EVERYBODY] = monotonic() + wait

    def check(self, route: str) -> None:
        """Raise ``box_rate_limited`` while Box wants no such calls of whoever this one is for."""
        if self._rate_limited_until:
            wait = max(self._left(route, _EVERYBODY), self._left(route, acting_person.get()))
            if wait > 0:
                raise Problem("box_rate_limited", detail=say("Box asked us to wait."), retry_after=wait)

    @property
    def left(self) -> float:
        """Seconds for which Box wants no calls of some kind from this app at all; 0 if there is none."""
        return max((self._left(route, _EVERYBODY) for route in self._rate_limited_until), default=0.0)

    def _left(self, route: str, person: str) -> float:
        until = self._rate_limited_until.get(route)
        return max(0.0, until.get(person, 0.0) - monotonic()) if until else 0.0
