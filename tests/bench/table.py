"""The report as a table for terminals and as Markdown."""

from __future__ import annotations

from bench.result import RATE, Candidate, Report, Row

_REACHED = {True: "yes", False: "no", None: "–"}


def text(report: Report) -> str:
    """For a terminal."""
    lines: list[str] = []
    for row in report.rows:
        lines += ["", row.what]
        lines += [f"    {_amount(candidate):>22}   {candidate.name}" for candidate in row.candidates]
        lines.append(f"  → {row.verdict}   [goal: {row.goal}; reached: {_REACHED[row.reached]}]")
        lines += [f"    {note}" for note in row.notes]
    lines += [f"\n{what}: could not be measured: {why}" for what, why in report.failed.items()]
    return "\n".join([*lines, "", *_surroundings(report)])


def markdown(report: Report) -> str:
    """For the README."""
    lines = ["| What | Measured | Result | Goal | Reached |", "|---|---|---|---|---|"]
    lines += [_markdown_row(row) for row in report.rows]
    return "\n".join([*lines, "", *_surroundings(report)])


def _markdown_row(row: Row) -> str:
    measured = "<br>".join(f"{candidate.name}: {_amount(candidate)}" for candidate in row.candidates)
    result = "<br>".join([f"**{row.verdict}**", *row.notes])
    return f"| {row.what} | {measured} | {result} | {row.goal} | {_REACHED[row.reached]} |"


def _amount(candidate: Candidate) -> str:
    median = f"{number(candidate.median)} {candidate.unit}"
    return median if candidate.samples == 1 or candidate.unit == RATE else f"{median} (p99 {number(candidate.p99)})"


def number(value: float) -> str:
    """Three digits, or all of a whole number's."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _surroundings(report: Report) -> list[str]:
    machine = report.machine
    return [
        f"Medians. {machine['processors']} × {machine['processor']}, {machine['memory_gib']} GiB, {machine['system']}, "
        f"kernel {machine['kernel']}, load {machine['load_before']} before.",
        ", ".join(f"{name} {version}" for name, version in report.versions.items()) + ".",
        f"{report.started}, {report.seconds:.0f} s{', shortened (QUICK=1)' if report.quick else ''}.",
    ]
