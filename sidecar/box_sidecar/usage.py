"""What is used, day by day: tokens, people, failures, calls to Box; kept in a small file that names nobody.

Browsers say themselves how often the Elements called Box. It is believed for these numbers and nothing else.
"""

from __future__ import annotations

import asyncio
import calendar
import contextlib
import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from box_sidecar import clock
from box_sidecar.problems import ConfigError
from box_sidecar.sealed import Sealer
from box_sidecar.secret import Secret
from box_sidecar.trusted_file import check_way, read_file

log = logging.getLogger(__name__)

DAYS = 90
SIDECAR = "sidecar"
_WRITE_S = 60.0
_DAY_S = 86_400.0
_LOOK_S = 60.0
_FIRST_YEAR, _LAST_YEAR = 366 * 86_400.0, 250e9
_PEOPLE = 100_000  # counted in a day
_PAGES = 200  # told apart in a day, elements counted each; the others' tokens are page 0's
_FILE_MAX = 16_000_000  # bytes
_WEEK = 7
_FEW = 3  # days: from fewer nothing is foretold
_BRAKE = 0.9

Count = Annotated[int, Meta(ge=0, le=2**53)]
Counts = dict[Annotated[str, Meta(max_length=60)], Count]
PageCounts = dict[Annotated[str, Meta(pattern=r"^\d{1,10} [a-z_]{1,40}$(?!\n)")], Count]
Date = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$(?!\n)")]


class PageUsage(Struct):
    """Tokens that one element of one page of the site was given; page 0 is none, or all others."""

    page: int
    element: str
    tokens: int


class DayUsage(Struct):
    """A day by UTC. ``box_calls`` are the ``sidecar``'s own, and the Elements' by kind, as browsers tell."""

    date: str
    tokens: dict[str, int]
    people: int
    failures: dict[str, int]
    box_calls: dict[str, int]
    pages: list[PageUsage]


class MonthUsage(Struct):
    """Calls to Box in this calendar month, by UTC; ``share`` of the ``allotment`` that the ``forecast`` comes to.

    Nothing is foretold before three whole days have been counted.
    """

    calls: int
    forecast: int | None
    allotment: int
    share: float | None


class UsageAnswer(Struct):
    """Answer of ``GET /v1/usage``: days with anything in them, the oldest first; whether Elements should save calls."""

    days: list[DayUsage]
    month: MonthUsage
    brake: bool


class _Day(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """As in the file. ``seen`` are marks of the people, for as long as more may come."""

    tokens: Counts = field(default_factory=dict)
    people: Count = 0
    seen: set[Count] = field(default_factory=set)
    failures: Counts = field(default_factory=dict)
    calls: Counts = field(default_factory=dict)
    pages: PageCounts = field(default_factory=dict)

    @property
    def number_of_people(self) -> int:
        return max(self.people, len(self.seen))

    @property
    def total_calls(self) -> int:
        return sum(self.calls.values())


class _Contents(Struct, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1, le=1)]
    days: dict[Date, _Day]


def _add(counts: dict[str, int], name: str, number: int = 1) -> None:
    counts[name] = counts.get(name, 0) + number


class Usage:
    """Counts; people by marks that only the holder of the app's ``secret`` can make. ``now`` is Box's time."""

    def __init__(self, secret: Secret, now: Callable[[], float]) -> None:
        self._mark = Sealer(secret, "usage").tag
        self._now = now
        self._days: dict[str, _Day] = {}
        self._today = _Day()
        self._date = date.min
        self._known: set[str] = set()
        self._look_at = 0.0
        self._path: Path | None = None
        self._written = b""
        self._is_broken = False

    # Counting

    def _day(self) -> _Day:
        if clock.monotonic() >= self._look_at:
            self._turn()
        return self._today

    def _turn(self) -> None:
        """It may be another day by now: or an earlier one, for a clock that was wrong."""
        now = min(max(self._now(), _FIRST_YEAR), _LAST_YEAR)  # whatever a proxy makes of Box's time
        self._look_at = clock.monotonic() + min(_LOOK_S, _DAY_S - now % _DAY_S)
        today = datetime.fromtimestamp(now, UTC).date()
        if today == self._date:
            return
        self._date, self._known = today, set()
        self._today = self._days.setdefault(today.isoformat(), _Day())
        others = sorted(name for name, day in self._days.items() if day is not self._today)
        for name in others:
            if abs((date.fromisoformat(name) - today).days) > 1:  # nobody comes then any more
                self._days[name].people, self._days[name].seen = self._days[name].number_of_people, set()
        # One at a time: a clock that is years ahead for a moment must not cost what was counted.
        if others and (others[0] <= (today - timedelta(DAYS)).isoformat() or len(others) >= DAYS):
            del self._days[others[0]]

    def token(self, element: str, user_id: str, page: int = 0) -> None:
        """An answer with a token."""
        day = self._day()
        _add(day.tokens, element)
        if user_id not in self._known and len(day.seen) < _PEOPLE:
            self._known.add(user_id)
            day.seen.add(int.from_bytes(self._mark(user_id)[:6], "big"))
        if page:
            name = f"{page} {element}"
            _add(day.pages, name if name in day.pages or len(day.pages) < _PAGES else f"0 {element}")

    def failure(self, code: str) -> None:
        """A token that was refused."""
        _add(self._day().failures, code)

    def call(self) -> None:
        """A request to Box."""
        _add(self._day().calls, SIDECAR)

    def calls(self, counts: Mapping[str, int]) -> None:
        """What a browser says of calls that its Element made, by kind."""
        day = self._day()
        for kind, number in counts.items():
            if number:
                _add(day.calls, kind, number)

    # Telling

    def answer(self, days: int, allotment: int, *, brake: bool) -> UsageAnswer:
        """The last so many days."""
        self._day()
        first = (self._date - timedelta(days - 1)).isoformat()
        told = [_told(name, day) for name, day in sorted(self._days.items()) if name >= first and day != _Day()]
        month = self.month(allotment)
        spent = brake and allotment > 0 and month.calls >= _BRAKE * allotment
        return UsageAnswer([day for day in told if day.date <= self._date.isoformat()], month, spent)

    def month(self, allotment: int) -> MonthUsage:
        """This month until now and, by the week before today, to its end."""
        self._day()
        calls = sum(day.total_calls for name, day in self._days.items() if name[:7] == self._date.isoformat()[:7])
        forecast = self._forecast(calls)
        return MonthUsage(
            calls, forecast, allotment, forecast / allotment if forecast is not None and allotment else None
        )

    def _forecast(self, calls: int) -> int | None:
        """A week, so that no weekend weighs more than it should; today only counts for what it has brought already."""
        before = [date.fromisoformat(name) for name, day in self._days.items() if day != _Day()]
        counted = min(_WEEK, max(((self._date - day).days for day in before), default=0))
        if counted < _FEW:
            return None
        names = [(self._date - timedelta(back)).isoformat() for back in range(1, counted + 1)]
        a_day = sum(self._days[name].total_calls for name in names if name in self._days) / counted
        length = calendar.monthrange(self._date.year, self._date.month)[1]
        return round(calls + a_day * (length - self._date.day + 1 - self._now() % _DAY_S / _DAY_S))

    # Keeping

    def load(self, path: Path | None) -> None:
        """Go on with what is in this file, and write there from now on; one that is no such file is put aside."""
        self._path = path
        if path is None:
            return
        try:
            raw, _ = read_file(path, _FILE_MAX)
            check_way(path)
            contents = msgspec.json.decode(raw, type=_Contents)
            for name in contents.days:
                date.fromisoformat(name)
        except FileNotFoundError:
            pass
        except (ConfigError, ValueError, RecursionError) as error:  # msgspec's errors and a wrong date are ValueErrors
            why = error if isinstance(error, ConfigError) else "it is not what is written there"
            log.warning("%s: counting starts anew, and it becomes %s.damaged: %s", path, path, why)
            with contextlib.suppress(OSError):
                path.replace(f"{path}.damaged")
        else:
            self._days, self._written, self._date, self._look_at = contents.days, raw, date.min, 0.0

    async def keep(self) -> None:
        """Write it every minute, without anybody's waiting."""
        while True:
            await asyncio.sleep(_WRITE_S)
            await asyncio.to_thread(self.save)

    def save(self) -> None:
        """Write it, whole or not at all: in a file beside it, which takes its place."""
        days = {name: day for name, day in self._days.copy().items() if day != _Day()}
        new = msgspec.json.encode(_Contents(1, days))
        if self._path is None or new == self._written or not days:
            return
        beside = Path(f"{self._path}.new")
        try:
            beside.unlink(missing_ok=True)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(new)
            beside.replace(self._path)
            self._written, self._is_broken = new, False
        except OSError as error:
            if not self._is_broken:
                log.warning("%s can't be kept, counting goes on in memory: %s", self._path, error.strerror)
            self._is_broken = True


def _told(name: str, day: _Day) -> DayUsage:
    most_first = sorted(((name.split(), count) for name, count in day.pages.items()), key=lambda item: -item[1])
    pages = [PageUsage(int(page), element, count) for (page, element), count in most_first]
    return DayUsage(name, day.tokens, day.number_of_people, day.failures, day.calls, pages)
