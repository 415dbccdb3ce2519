"""The benchmarks: ``make bench``, or this file with ``--only ROW`` for some of them.

Candidates are measured by turns, in one run, on one machine; the ratios are the result. Leaves bench.json, bench.png
and bench.svg under dist/bench; ``--markdown`` prints the table of the last run for the README.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench import cached, cold, machine, options, page, picture, start, table  # noqa: E402
from bench.parts import Bench, Effort  # noqa: E402
from bench.result import Report, Row  # noqa: E402
from intranet.release import REPOSITORY  # noqa: E402

TARGET = REPOSITORY / "dist" / "bench"

ROWS: dict[str, Callable[[Bench], Row]] = {
    "kept": cached.kept,
    "anew": cached.anew,
    "cold": cold.wall,
    "cpu": cold.cpu,
    "crowd": cold.crowd,
    "hanging": cached.hanging,
    "start": start.start,
    "growth": cached.growth,
    "revocation": cached.revocation,
    "shared_cached": options.shared_cached,
    "shared_first": options.shared_first,
    "hardware": options.hardware,
    "traced": options.traced,
}
PAGE_ROWS: dict[str, Callable[[page.Site], Row]] = {
    "in_page": page.in_page,
    "render": page.render,
    "route": page.route,
    "navigation": page.navigation,
}
ORDER = [
    "in_page", "kept", "anew", "cold", "cpu", "crowd", "hanging", "growth", "revocation",
    "shared_cached", "shared_first", "hardware", "traced",
    "render", "route", "navigation", "start",
]  # fmt: skip


def main() -> int:
    """Command line; 1 when a candidate could not be measured, whatever the figures of the others."""
    parser = argparse.ArgumentParser(description="Measure, side by side with what one could use instead.")
    parser.add_argument("--markdown", action="store_true", help="print the table of the last run as Markdown")
    parser.add_argument("--only", nargs="+", choices=ORDER, default=ORDER, metavar="ROW", help=", ".join(ORDER))
    arguments = parser.parse_args()
    if arguments.markdown:
        print(table.markdown(msgspec.json.decode((TARGET / "bench.json").read_bytes(), type=Report)))
        return 0
    directory = Path(tempfile.mkdtemp(prefix="wfb-bench-"))  # short: a socket's path has room for 107 bytes
    try:
        report = measure(directory, arguments.only, quick=os.environ.get("QUICK", "") not in {"", "0"})
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    if report.rows:
        picture.draw(report, TARGET)
    print(table.text(report))
    return 1 if report.failed else 0


def measure(directory: Path, names: list[str], *, quick: bool) -> Report:
    """Measure the rows of these names."""
    began = time.monotonic()
    described = machine.describe()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    rows: dict[str, Row] = {}
    failed: dict[str, str] = {}
    effort = Effort(quick)
    if set(PAGE_ROWS).intersection(names):
        with page.site(directory / "site", effort) as site:
            for name in filter(names.__contains__, PAGE_ROWS):
                _try(name, partial(PAGE_ROWS[name], site), rows, failed)
    if set(ROWS).intersection(names):
        with Bench(directory, effort) as bench:
            for name in filter(names.__contains__, ROWS):
                _try(name, partial(ROWS[name], bench), rows, failed)
    ordered = [rows[name] for name in ORDER if name in rows]
    seconds = round(time.monotonic() - began, 1)
    return Report(started, quick, seconds, described, machine.versions(), ordered, failed)


def _try(name: str, measured: Callable[[], Row], rows: dict[str, Row], failed: dict[str, str]) -> None:
    """One candidate that does not run must not take the others with it."""
    began = time.monotonic()
    try:
        rows[name] = measured()
        outcome = rows[name].verdict
    except Exception as error:
        failed[name] = outcome = f"{type(error).__name__}: {error}"
    print(f"{name} ({time.monotonic() - began:.0f} s): {outcome}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
