"""The page for Prometheus, read by Prometheus's own client."""

from __future__ import annotations

import math

from prometheus_client.parser import text_string_to_metric_families

from box_sidecar.metrics import Metrics

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(metrics: Metrics) -> Samples:
    """Each sample's value by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_what_was_counted_is_what_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.gauges(lambda: 3, lambda: None, lambda: True)
    for status in ("200", "200", "404"):
        metrics.request("/v1/tokens", status)
    metrics.token("hit")
    metrics.request('a "route"\\\n', "200")
    for seconds in (0.05, 0.051, 0.2, 31.0):
        metrics.box_request("users", "200", seconds)
    found = samples(metrics)
    assert found["box_sidecar_requests_total", (("route", "/v1/tokens"), ("status", "200"))] == 2
    assert found["box_sidecar_requests_total", (("route", 'a "route"\\\n'), ("status", "200"))] == 1
    assert found["box_sidecar_tokens_total", (("outcome", "hit"),)] == 1
    assert found["box_sidecar_cached_tokens", ()] == 3
    assert found["box_sidecar_circuit_breaker_open", ()] == 1
    assert math.isnan(found["box_sidecar_box_clock_offset_seconds", ()])
    call = (("route", "users"), ("status", "200"))
    limits = {"0.05": 1, "0.1": 2, "0.2": 3, "30.0": 3, "+Inf": 4}
    for limit, count in limits.items():
        labels = tuple(sorted((*call, ("le", limit))))
        assert found["box_sidecar_box_request_duration_seconds_bucket", labels] == count, limit
    assert found["box_sidecar_box_request_duration_seconds_count", call] == 4
    assert found["box_sidecar_box_request_duration_seconds_sum", call] == 31.301
