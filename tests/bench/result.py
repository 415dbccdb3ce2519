"""What was measured: candidates, rows, and the report that holds them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

RATE = "requests/s"
"""The one unit of which more is better: its 99th percentile tells nothing."""


class Candidate(Struct):
    """One way of doing a thing. `median` and `p99` are in `unit`, over `samples` of them."""

    name: str
    unit: str
    median: float
    p99: float
    samples: int


class Row(Struct, omit_defaults=True):
    """One line of the table.

    `verdict` is the result as a ratio, in words; `reached` whether it is the `goal`, None where there is nothing to
    reach. The candidate that matters comes first.
    """

    id: str
    what: str
    candidates: list[Candidate]
    verdict: str
    goal: str
    reached: bool | None = None
    notes: list[str] = []


class Report(Struct):
    """All of a run. `machine` and `versions` are what it ran on; `failed` are the rows that could not be measured."""

    started: str
    quick: bool
    seconds: float
    machine: dict[str, Any]
    versions: dict[str, str]
    rows: list[Row]
    failed: dict[str, str]


def candidate(name: str, values: Sequence[float], unit: str = "ms", scale: float = 1000.0) -> Candidate:
    """Median and 99th percentile (nearest rank) of `values`, which times `scale` are in `unit`."""
    ordered = sorted(value * scale for value in values)
    rank = math.ceil(0.99 * len(ordered)) - 1
    return Candidate(name, unit, statistics.median(ordered), ordered[rank], len(ordered))


def single(name: str, value: float, unit: str) -> Candidate:
    """A candidate with one value, as of memory."""
    return Candidate(name, unit, value, value, 1)


def p99(values: Sequence[float]) -> float:
    """The 99th percentile (nearest rank)."""
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]
