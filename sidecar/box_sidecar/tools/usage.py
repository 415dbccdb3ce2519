"""``box-sidecar usage``: how much is used, by day, and what it comes to in calls to Box."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import msgspec

from box_sidecar.logs import printable
from box_sidecar.tools.running import ask
from box_sidecar.usage import DayUsage, MonthUsage, UsageAnswer

_BAR = 24
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def run(arguments: argparse.Namespace) -> int:
    """Print it; the exit status.

    Raises:
        ConfigError, Problem: it can't be had.
    """
    raw = ask(arguments.config, "GET", f"/v1/usage?days={arguments.days}")
    if arguments.json:
        print(msgspec.json.format(raw, indent=2).decode())
        return 0
    answer = msgspec.json.decode(raw, type=UsageAnswer)
    for line in _lines(answer):
        print(printable(line))
    return 0


def _lines(answer: UsageAnswer) -> Iterator[str]:
    if not answer.days:
        yield "Nothing has been counted yet."
    else:
        most = max(sum(day.tokens.values()) for day in answer.days)
        yield f"{'day (UTC)':10} {'tokens':>8} {'people':>7} {'failed':>7} {'calls':>8}"
        for day in answer.days:
            yield _row(day, most)
        yield ""
        yield from _sums("Tokens by element", [day.tokens for day in answer.days])
        yield from _sums("Calls to Box by kind", [day.box_calls for day in answer.days])
        yield from _sums("Failures by code", [day.failures for day in answer.days])
    yield from _month(answer.month)
    if answer.brake:
        yield "The brake is on: widgets wait for a click."


def _row(day: DayUsage, most: int) -> str:
    tokens, failed, calls = (sum(counts.values()) for counts in (day.tokens, day.failures, day.box_calls))
    return f"{day.date:10} {tokens:8} {day.people:7} {failed:7} {calls:8}  {_bar(tokens, most)}".rstrip()


def _bar(value: int, most: int) -> str:
    eighths = round(value / most * _BAR * 8) if most else 0
    try:
        "█▏".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "#" * round(eighths / 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _sums(title: str, days: list[dict[str, int]]) -> Iterator[str]:
    sums: dict[str, int] = {}
    for counts in days:
        for name, count in counts.items():
            sums[name] = sums.get(name, 0) + count
    if sums:
        yield f"{title}:"
        yield from (f"  {name:24} {count:8}" for name, count in sorted(sums.items(), key=lambda item: -item[1]))
        yield ""


def _month(month: MonthUsage) -> Iterator[str]:
    yield f"Calls to Box this month (UTC), the Elements' as browsers tell: {month.calls}"
    if month.forecast is None:
        yield "Forecast for the whole month: none before three whole days are counted"
    else:
        yield f"Forecast for the whole month: {month.forecast}"
    if month.allotment:
        share = "" if month.share is None else f", of which the forecast is {month.share:.0%}"
        yield f"Allotment (usage.allotment): {month.allotment}{share}"
