"""The soak, shortened, with the judgement of the hour; and what that makes of figures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bench import soak_picture, verdict
from bench.asking import Asked
from bench.faults import FAULTS, explains
from bench.soak import SHORT, soak
from bench.verdict import Happened, Record, Use, Window

QUIET = Use(memory=60.0, descriptors=30, to_box=8, processes=2, threads=4)


def window(at: float, first: Use = QUIET, latency: float = 0.4, tokens: int = 20) -> Window:
    milliseconds = {"first": latency, "second": latency, "floor": 0.8}
    return Window(at, 500, milliseconds, {"first": first, "second": QUIET}, 50, tokens)


@pytest.fixture
def record() -> Record:
    faults = [Happened("Box is down", 10, 16, {"box_unavailable": 30}, 0), Happened("worker killed", 40, 46, {}, 2)]
    machine = {"processors": 2, "processor": "Z80", "system": "CP/M", "kernel": "2.2"}
    return Record(
        started="2026-01-01T00:00:00+00:00",
        seconds=600.0,
        seed=1,
        machine=machine,
        versions={},
        answered={"first: token": 5000},
        people=100,
        tokens=400,
        faults=faults,
        windows=[window(60.0 * minute) for minute in range(9)],
        unexplained=[],
        strangers=[],
        secrets=[],
        looked_through=2**20,
        left_out=[],
    )


def test_a_soak_in_which_nothing_grew_has_held(record: Record) -> None:
    assert verdict.findings(record) == []
    assert verdict.text(record).endswith("\nheld")
    assert "| Lost in any other way | 0 |" in verdict.markdown(record)


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (window(0, first=Use(67.0, 30, 8, 2, 4)), "memory of the first sidecar grew from 60.0 to 67.0 MiB"),
        (window(0, first=Use(60.0, 36, 8, 2, 4)), "descriptors of the first sidecar grew from 30 to 36"),
        (window(0, first=Use(60.0, 30, 8, 3, 4)), "processes and threads of the first sidecar"),
        (window(0, latency=0.8), "latency grew from 0.50 to 1.00 times the floor's"),
        (window(0, first=Use(60.0, 30, 257, 2, 4)), "the first sidecar kept 257 connections to Box"),
    ],
)
def test_what_grew_is_named(last: Window, words: str, record: Record) -> None:
    record.windows[6:] = [last] * 3
    (found,) = verdict.findings(record)
    assert words in found and verdict.text(record).endswith("NOT HELD")


def test_calls_that_nobody_needed_are_counted(record: Record) -> None:
    record.windows = [window(each.at, tokens=10) for each in record.windows]
    assert verdict.findings(record) == ["5.00 calls to Box for a new token"]


def test_what_was_lost_is_told_and_a_soak_too_short_is_none(record: Record) -> None:
    record.unexplained = ["at 3.0 s"]
    del record.windows[5:]
    found = ["lost: at 3.0 s", "only 5 quiet windows: too short to judge"]
    assert verdict.findings(record) == found
    assert verdict.text(record).splitlines() == [*found, "NOT HELD"]


def test_a_soak_that_was_not_ended_is_none(record: Record) -> None:
    record.looked_through = 0  # as what is kept now and then has it
    (found,) = verdict.findings(record)
    assert "did not come to its end" in found


def test_a_record_survives_its_file_and_is_drawn(record: Record, tmp_path: Path) -> None:
    again = msgspec.json.decode(msgspec.json.encode(record), type=Record)
    assert again == record
    soak_picture.draw(again, tmp_path)
    assert "</svg>" in (tmp_path / "soak.svg").read_text()


@pytest.mark.parametrize(
    ("name", "server", "began", "ended", "outcome", "is_explained"),
    [
        ("Box is down", "second", 12, 13, "box_unavailable", True),
        ("Box is down", "second", 5, 9, "box_unavailable", False),
        ("Box is down", "second", 21, 21, "box_unavailable", True),
        ("Box is down", "second", 27, 27, "box_unavailable", False),
        ("Box is down", "second", 12, 13, "internal_error", False),
        ("Box is down", "second", 12, 13, "broken", False),
        ("disk full (first)", "second", 12, 13, "not_ready", False),
        ("worker killed (first)", "first", 9.9, 10.1, "broken", True),
        ("worker killed (first)", "first", 10.5, 10.6, "broken", False),
        ("worker killed (first)", "first", 9.9, 10.1, "not_ready", False),
        ("PHP killed", "WordPress", 12, 13, "broken", True),
        ("PHP killed", "first", 12, 13, "broken", False),
    ],
)
def test_only_a_fault_of_the_moment_explains_what_was_told(
    name: str, server: str, began: float, ended: float, outcome: str, is_explained: bool
) -> None:
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    asked = Asked(server, "token", "ana@example.com", began, ended, outcome, "")
    kills = [10.0] if "worker" in name else []
    assert explains(fault, 10, 16, asked, kills) is is_explained


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """The path of a Unix socket has room for 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="wfb-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.system
@pytest.mark.flaky(reruns=1)
def test_two_minutes_of_bad_days(short_folder: Path) -> None:
    """Each fault once; by hand, ``make soak`` goes on for an hour.

    Memory and latency of minutes, beside another test that installs whole machines: tried once more, and named then.
    """
    record = soak(short_folder, 0, SHORT, seed=1)
    assert verdict.findings(record) == []
    assert len(record.faults) == len(FAULTS) or record.left_out
