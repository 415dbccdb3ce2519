"""The report as a picture: one panel a row, medians as bars, a line out to the 99th percentile."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from bench.result import RATE, Candidate, Report, Row
from bench.table import number

OURS, OTHERS = "#0061d5", "#b9c2cc"
_COLUMNS = 2


def draw(report: Report, directory: Path) -> None:
    """Write bench.png and bench.svg."""
    panels = [(row, candidates) for row in report.rows for candidates in _by_unit(row)]
    lines = -(-len(panels) // _COLUMNS)
    figure, axes = plt.subplots(lines, _COLUMNS, figsize=(13, 1.9 * lines), layout="constrained", squeeze=False)
    for axis, (row, candidates) in zip(axes.flat, panels, strict=False):
        _panel(axis, row, candidates)
    for axis in list(axes.flat)[len(panels) :]:
        axis.set_visible(False)
    machine = report.machine
    figure.suptitle(
        f"make bench: medians, line to p99 · {machine['processors']} × {machine['processor']} · {report.started[:10]}",
        fontsize=11,
    )
    figure.savefig(directory / "bench.png", dpi=110)
    figure.savefig(directory / "bench.svg")
    plt.close(figure)


def _by_unit(row: Row) -> list[list[Candidate]]:
    units = dict.fromkeys(candidate.unit for candidate in row.candidates)
    return [[candidate for candidate in row.candidates if candidate.unit == unit] for unit in units]


def _panel(axis: Axes, row: Row, candidates: list[Candidate]) -> None:
    medians = [candidate.median for candidate in candidates]
    places = list(range(len(candidates), 0, -1))
    colours = [OURS if place == places[0] or row.id == "growth" else OTHERS for place in places]
    tails = [max(0.0, candidate.p99 - candidate.median) for candidate in candidates]
    errors = None if candidates[0].unit == RATE else [[0.0] * len(tails), tails]
    axis.barh(places, medians, color=colours, height=0.62, xerr=errors, ecolor="#5b6472", capsize=2)
    if max(medians) > 30 * min(medians):
        axis.set_xscale("log")
        axis.set_xlim(min(medians) / 3, max(medians) * 8)
    else:
        axis.set_xlim(0, max(m + t for m, t in zip(medians, tails, strict=True)) * 1.25)
    axis.set_yticks(places, [textwrap.fill(candidate.name, 34) for candidate in candidates], fontsize=8)
    right = axis.get_xlim()[1]
    for place, candidate in zip(places, candidates, strict=True):
        label = f" {number(candidate.median)} {candidate.unit} "
        side = "right" if candidate.median > 0.6 * right else "left"
        axis.annotate(label, (candidate.median, place + 0.34), fontsize=7.5, va="bottom", ha=side)
    axis.set_ylim(0.4, len(candidates) + 0.95)
    title = textwrap.fill(f"{row.what}: {row.verdict}", 72)
    axis.set_title(title, fontsize=8.5, loc="left", fontweight="bold")
    axis.tick_params(axis="x", labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
