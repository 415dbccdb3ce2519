"""What is counted, for Prometheus. No label can hold a person, a folder or anything else a caller made up.

The page is Prometheus's text format (version 0.0.4), which is a few lines to write; prometheus_client would take
1.5 MiB beside the key, an HTTP server included.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate

from box_sidecar.usage import MonthUsage

#: Counters by name: what they count, and their labels.
_COUNTERS = {
    "requests": ("Answers given", ("route", "status")),
    "tokens": ("Tokens by where they came from, or the code of the refusal", ("outcome",)),
    "tokens_issued": ("Tokens handed out", ("element",)),
    "element_calls": ("Calls of Box UI Elements to Box, as browsers tell", ("kind",)),
    "connections_refused": ("Connections refused", ("reason",)),
    "reloads": ("Reloads", ("outcome",)),
}
_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, math.inf)


class _Histogram:
    """How many took up to so many ``_SECONDS``, and how long all together."""

    def __init__(self) -> None:
        self.counts = [0] * len(_SECONDS)
        self.sum = 0.0


class Metrics:
    """Counters of one sidecar: plain numbers until somebody asks, since there is one thread."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in _COUNTERS}
        self._box_requests: defaultdict[tuple[str, str], _Histogram] = defaultdict(_Histogram)
        self._gauges: list[tuple[str, str, Callable[[], float | None]]] = []
        self._store: Counter[str] | None = None

    def gauges(self, held: Callable[[], int], offset: Callable[[], float | None], broken: Callable[[], bool]) -> None:
        """Register what is read off at the time of asking."""
        self._gauges += [
            ("cached_tokens", "Tokens in memory", held),
            ("box_clock_offset_seconds", "Box's clock minus this host's", offset),
            ("circuit_breaker_open", "1 while Box is not being called because it failed", broken),
        ]

    def store(self, is_up: Callable[[], bool], outcomes: Counter[str]) -> None:
        """Register what is told of the store, if there is one."""
        self._gauges.append(("store_up", "1 while the store that the sidecars share can be used", is_up))
        self._store = outcomes

    def month(self, read: Callable[[], MonthUsage]) -> None:
        """Register where the calls of this calendar month are told."""
        self._gauges += [
            ("month_calls", "Calls to Box in this calendar month, the Elements' included", lambda: read().calls),
            ("month_calls_forecast", "The same for all of it, by the last days", lambda: read().forecast),
            (
                "month_calls_allotment",
                "Calls to Box that are allowed in a month; 0 if not set",
                lambda: read().allotment,
            ),
        ]

    def request(self, route: str, status: str) -> None:
        """An answer with this status on a route of ours."""
        self._counts["requests"][route, status] += 1

    def token(self, outcome: str) -> None:
        """A token issued (``hit``, ``mint``, ``stale``, ``renewed``) or refused (a code)."""
        self._counts["tokens"][outcome,] += 1

    def issued(self, element: str) -> None:
        """A token that was handed out for this element."""
        self._counts["tokens_issued"][element,] += 1

    def element_calls(self, counts: Mapping[str, int]) -> None:
        """What a browser tells of its Element's calls, by kind."""
        for kind, number in counts.items():
            if number:
                self._counts["element_calls"][kind,] += number

    def box_request(self, route: str, status: str, seconds: float) -> None:
        """A call to Box that took so long; ``status`` is ``failed`` where no answer came."""
        histogram = self._box_requests[route, status]
        histogram.counts[bisect_left(_SECONDS, seconds)] += 1
        histogram.sum += seconds

    def refused(self, reason: str) -> None:
        """A connection refused: ``peer``, ``crowded`` or ``slow``."""
        self._counts["connections_refused"][reason,] += 1

    def reloaded(self, outcome: str) -> None:
        """A reload: ``done`` or ``refused``."""
        self._counts["reloads"][outcome,] += 1

    def text(self) -> bytes:
        """The page for Prometheus."""
        return "".join(f"{line}\n" for line in self._lines()).encode()

    def _lines(self) -> Iterator[str]:
        for name, (text, labels) in _COUNTERS.items():
            yield from _head(f"{name}_total", text, "counter")
            for values, count in self._counts[name].items():
                yield _sample(f"{name}_total", count, **dict(zip(labels, values, strict=True)))
        if self._store is not None:
            yield from _head(
                "store_requests_total", "Requests to the store, and values of it that were refused", "counter"
            )
            for outcome, count in self._store.items():
                yield _sample("store_requests_total", count, outcome=outcome)
        name = "box_request_duration_seconds"
        yield from _head(name, "Calls to Box", "histogram")
        for (route, status), histogram in self._box_requests.items():
            for limit, count in zip(_SECONDS, accumulate(histogram.counts), strict=True):
                yield _sample(f"{name}_bucket", count, route=route, status=status, le=_number(limit))
            yield _sample(f"{name}_count", sum(histogram.counts), route=route, status=status)
            yield _sample(f"{name}_sum", histogram.sum, route=route, status=status)
        for name, text, read in self._gauges:
            yield from _head(name, text, "gauge")
            yield _sample(name, math.nan if (value := read()) is None else value)


def _head(name: str, text: str, kind: str) -> tuple[str, str]:
    return f"# HELP box_sidecar_{name} {text}", f"# TYPE box_sidecar_{name} {kind}"


def _sample(name: str, value: float, **labels: str) -> str:
    pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"box_sidecar_{name}{{{pairs}}} {_number(value)}" if pairs else f"box_sidecar_{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return repr(float(value)) if math.isfinite(value) else ("+Inf" if value > 0 else "-Inf")
