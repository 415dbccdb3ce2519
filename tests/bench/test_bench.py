"""What the benchmarks make of figures. Figures themselves are no tests' business."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench import picture, table
from bench.result import RATE, Report, Row, candidate, p99, single


@pytest.fixture
def report() -> Report:
    fast = candidate("sidecar", [0.001 * n for n in range(1, 101)])
    rows = [
        Row("one", "a token", [fast, candidate("recipe", [0.4, 0.5, 0.4])], "9 times faster", "200 times", False),
        Row("two", "many", [candidate("sidecar", [7000, 6000], RATE, 1), single("floor", 9000, RATE)], "72 %", "-"),
    ]
    machine = {
        "processors": 2,
        "processor": "Z80",
        "memory_gib": 1,
        "system": "CP/M",
        "kernel": "2.2",
        "load_before": 0,
    }
    return Report("2026-01-01T00:00:00+00:00", True, 1.0, machine, {"Python": "3"}, rows, {"three": "no Chromium"})


def test_a_percentile_is_one_of_the_values() -> None:
    assert p99([float(n) for n in range(1, 201)]) == 198
    assert p99([5.0]) == 5
    spread = candidate("x", [0.003, 0.001, 0.002])
    assert (spread.median, spread.p99, spread.samples) == (2, 3, 3)


def test_both_tables_tell_result_goal_and_whether_it_was_reached(report: Report) -> None:
    for text in (table.text(report), table.markdown(report)):
        assert all(told in text for told in ("50.5 ms (p99 99)", "9 times faster", "200 times", "Z80", "shortened"))
        assert "6,500 requests/s" in text
        assert "requests/s (p99" not in text
    assert "reached: no" in table.text(report)
    assert "three: could not be measured: no Chromium" in table.text(report)
    assert "| 200 times | no |" in table.markdown(report)


def test_a_report_survives_its_file(report: Report, tmp_path: Path) -> None:
    again = msgspec.json.decode(msgspec.json.encode(report), type=Report)
    assert again == report
    picture.draw(again, tmp_path)
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in (tmp_path / "bench.svg").read_text()
