"""What is counted, for Prometheus. No label can hold a person, a folder or anything else a caller made up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

#: Counters by name: what they count, and their labels.
_COUNTERS = {
    "requests": ("Answers given", ("route", "status")),
    "tokens": ("Tokens by where they came from, or the code of the refusal", ("outcome",)),
    "connections_refused": ("Connections refused", ("reason",)),
    "reloads": ("Reloads", ("outcome",)),
}


class _Counters(Collector):
    """Plain integers until somebody asks: there is one thread, and prometheus_client's own counters lock each time."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in _COUNTERS}

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What prometheus_client asks for to make the page."""
        for name, (text, labels) in _COUNTERS.items():
            family = CounterMetricFamily(f"box_sidecar_{name}", text, labels=labels)
            for values, count in self.counts[name].items():
                family.add_metric(values, count)
            yield family


class Metrics:
    """Counters of one sidecar; ``held``, ``offset`` and ``broken`` are asked when the page is made."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        counters = _Counters()
        self._registry.register(counters)
        self._counts = counters.counts
        seconds = Histogram(
            "box_sidecar_box_request_duration_seconds", "Calls to Box", ["route", "status"], registry=self._registry,
            buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
        )  # fmt: skip
        self._box_request = cache(seconds.labels)

    def gauges(self, held: Callable[[], int], offset: Callable[[], float | None], broken: Callable[[], bool]) -> None:
        """Register what is read off at the time of asking."""

        def known_offset() -> float:
            return math.nan if (seconds := offset()) is None else seconds

        for name, text, read in (
            ("cached_tokens", "Tokens in memory", held),
            ("box_clock_offset_seconds", "Box's clock minus this host's", known_offset),
            ("circuit_breaker_open", "1 while Box is not being called because it failed", broken),
        ):
            Gauge(f"box_sidecar_{name}", text, registry=self._registry).set_function(read)

    def request(self, route: str, status: str) -> None:
        """An answer with this status on a route of ours."""
        self._counts["requests"][route, status] += 1

    def token(self, outcome: str) -> None:
        """A token issued (``hit``, ``mint``, ``stale``, ``renewed``) or refused (a code)."""
        self._counts["tokens"][outcome,] += 1

    def box_request(self, route: str, status: str, seconds: float) -> None:
        """A call to Box that took so long; ``status`` is ``failed`` where no answer came."""
        self._box_request(route, status).observe(seconds)

    def refused(self, reason: str) -> None:
        """A connection refused: ``peer``, ``crowded`` or ``slow``."""
        self._counts["connections_refused"][reason,] += 1

    def reloaded(self, outcome: str) -> None:
        """A reload: ``done`` or ``refused``."""
        self._counts["reloads"][outcome,] += 1

    def text(self) -> bytes:
        """The page for Prometheus."""
        return generate_latest(self._registry)
