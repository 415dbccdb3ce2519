"""What is counted, for Prometheus. No label can hold a person, a folder or anything else a caller made up."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """Counters of one sidecar; ``held``, ``offset`` and ``broken`` are asked when the page is made."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter("box_sidecar_requests", "Answers given", ["route", "status"], registry=self._registry)
        self._tokens = Counter(
            "box_sidecar_tokens", "Tokens by where they came from, or the code of the refusal",
            ["outcome"], registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "box_sidecar_box_call_seconds", "Calls to Box", ["call", "outcome"], registry=self._registry,
            buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
        )  # fmt: skip
        self._refused = Counter(
            "box_sidecar_connections_refused", "Connections refused", ["reason"], registry=self._registry
        )
        self._reloads = Counter("box_sidecar_reloads", "Reloads", ["outcome"], registry=self._registry)
        # Children are looked up by labels once: the hot path only adds.
        self._known: dict[tuple[Counter, tuple[str, ...]], Callable[[], None]] = {}

    def gauges(self, held: Callable[[], int], offset: Callable[[], float | None], broken: Callable[[], bool]) -> None:
        """Register what is read off at the time of asking."""
        nan = float("nan")
        for name, text, read in (
            ("box_sidecar_tokens_held", "Tokens in memory", lambda: float(held())),
            ("box_sidecar_box_clock_offset_seconds", "Box's clock minus this host's",
             lambda: nan if (seconds := offset()) is None else seconds),
            ("box_sidecar_breaker_open", "1 while Box is not being called because it failed", lambda: float(broken())),
        ):  # fmt: skip
            Gauge(name, text, registry=self._registry).set_function(read)

    def request(self, route: str, status: str) -> None:
        """An answer with this status on a route of ours."""
        self._count(self._requests, route, status)

    def token(self, outcome: str) -> None:
        """A token issued (``hit``, ``mint``, ``stale``, ``renewed``) or refused (a code)."""
        self._count(self._tokens, outcome)

    def box_call(self, call: str, outcome: str, seconds: float) -> None:
        """A call to Box that took so long."""
        self._seconds.labels(call, outcome).observe(seconds)

    def refused(self, reason: str) -> None:
        """A connection refused: ``peer``, ``crowded`` or ``slow``."""
        self._refused.labels(reason).inc()

    def reloaded(self, outcome: str) -> None:
        """A reload: ``done`` or ``refused``."""
        self._reloads.labels(outcome).inc()

    def text(self) -> bytes:
        """The page for Prometheus."""
        return generate_latest(self._registry)

    def _count(self, counter: Counter, *labels: str) -> None:
        add = self._known.get((counter, labels))
        if add is None:
            add = self._known[counter, labels] = counter.labels(*labels).inc
        add()
