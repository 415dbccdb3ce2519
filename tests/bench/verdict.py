"""What a soak has seen, and whether the promise was held."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

MEMORY, LATENCY, DESCRIPTORS, THREADS = 1.10, 1.5, 5, 6
"""How much more the last third may have than the first: memory and latency as ratios, the others as numbers. Threads
are of a pool that asyncio fills when there is something to look up; on two processors it has six."""

TO_BOX = 256
"""Connections to Box that a sidecar may keep."""

WINDOWS = 6
"""Quiet windows without which nothing can be judged."""

CALLS = 3.3
"""Calls to Box for each new token, log-outs apart: three where the person was not known, and what was tried again."""


class Happened(Struct):
    """A fault: when it began and ended (s since the soak's begin), what callers were told and how often, and how many
    connections broke."""

    name: str
    began: float
    ended: float
    told: dict[str, int]
    broken: int


class Use(Struct):
    """What a sidecar uses: MiB of memory (PSS), descriptors of its worker but for connections ``to_box``, processes,
    threads."""

    memory: float
    descriptors: int
    to_box: int
    processes: int
    threads: int


class Window(Struct):
    """Some seconds with no fault: ``at`` (s since the soak's begin), ``latency`` of tokens at hand and of the floor
    (median, ms) by server, what each sidecar used at their end, and the calls that Box got for how many new tokens."""

    at: float
    requests: int
    latency: dict[str, float]
    uses: dict[str, Use]
    calls: int
    tokens: int

    def ratio(self) -> float:
        """Of the sidecars' latency to the floor's, at the same moments."""
        ours = [value for server, value in self.latency.items() if server != "floor"]
        return statistics.mean(ours) / self.latency["floor"]


class Record(Struct):
    """All of a run."""

    started: str
    seconds: float
    seed: int
    machine: dict[str, Any]
    versions: dict[str, str]
    answered: dict[str, int]
    people: int
    tokens: int
    faults: list[Happened]
    windows: list[Window]
    unexplained: list[str]
    strangers: list[str]
    secrets: list[str]
    looked_through: int
    left_out: list[str]


def findings(record: Record) -> list[str]:
    """What broke the promise; nothing if it was held."""
    found = [f"lost: {each}" for each in record.unexplained]
    found += [f"another one's: {each}" for each in record.strangers]
    found += [f"a secret: {each}" for each in record.secrets]
    if not record.looked_through:
        found.append("no log was looked through for secrets: it did not come to its end")
    if len(record.windows) < WINDOWS:
        return [*found, f"only {len(record.windows)} quiet windows: too short to judge"]
    for name in record.windows[0].uses:
        one, other = growth(record, name)
        if other.memory > one.memory * MEMORY:
            found.append(f"memory of the {name} sidecar grew from {one.memory:.1f} to {other.memory:.1f} MiB")
        if other.descriptors > one.descriptors + DESCRIPTORS:
            found.append(f"descriptors of the {name} sidecar grew from {one.descriptors} to {other.descriptors}")
        if (most := max(window.uses[name].to_box for window in record.windows)) > TO_BOX:
            found.append(f"the {name} sidecar kept {most} connections to Box")
        if other.processes != one.processes or other.threads > one.threads + THREADS:
            found.append(f"processes and threads of the {name} sidecar: {one} became {other}")
    before, after = ratios(record)
    if after > before * LATENCY:
        found.append(f"latency grew from {before:.2f} to {after:.2f} times the floor's")
    if calls(record) > CALLS:
        found.append(f"{calls(record):.2f} calls to Box for a new token")
    return found


def growth(record: Record, name: str) -> tuple[Use, Use]:
    """What a sidecar used in the first third of the quiet windows, and in the last: medians."""
    first, last = thirds(record)
    return _median(window.uses[name] for window in first), _median(window.uses[name] for window in last)


def ratios(record: Record) -> tuple[float, float]:
    """Latency as a ratio to the floor's, in the best quarter of either third: what else the machine does comes and
    goes, and what grows is in all of them."""
    first, last = thirds(record)
    return statistics.quantiles(map(Window.ratio, first))[0], statistics.quantiles(map(Window.ratio, last))[0]


def calls(record: Record) -> float:
    """Calls to Box for each new token, in all quiet windows together."""
    return sum(window.calls for window in record.windows) / max(1, sum(window.tokens for window in record.windows))


def thirds(record: Record) -> tuple[list[Window], list[Window]]:
    """The first and the last third of the quiet windows."""
    size = len(record.windows) // 3
    return record.windows[:size], record.windows[-size:]


def _median(uses: Iterable[Use]) -> Use:
    rows = list(uses)
    return Use(
        statistics.median(use.memory for use in rows),
        *(int(statistics.median_low(getattr(use, name) for use in rows)) for name in Use.__struct_fields__[1:]),
    )


def summary(record: Record) -> list[tuple[str, str]]:
    """The numbers, as rows of a table."""
    told = sum(sum(fault.told.values()) for fault in record.faults)
    broken = sum(fault.broken for fault in record.faults)
    before, after = ratios(record)
    rows = [
        ("Time", f"{record.seconds / 60:.0f} min, {len(record.faults)} faults of {_kinds(record)} kinds"),
        ("Requests answered", f"{sum(record.answered.values()):,}, {record.tokens:,} new tokens among them"),
        ("Told that it can't be now, and why", f"{told:,}, each by a code that the fault of the moment explains"),
        ("Connections that broke at a `kill -9`, or found no PHP", f"{broken}"),
        ("Lost in any other way", f"{len(record.unexplained)}"),
        ("Latency of a token at hand, times the floor's", f"{before:.2f} in the first third, {after:.2f} in the last"),
    ]
    for name in record.windows[0].uses:
        one, other = growth(record, name)
        rows.append(
            (
                f"Memory, descriptors, threads of the {name} sidecar",
                f"{one.memory:.1f} MiB, {one.descriptors}, {one.threads} in the first third; "
                f"{other.memory:.1f} MiB, {other.descriptors}, {other.threads} in the last",
            )
        )
    rows.append(("Calls to Box for a new token", f"{calls(record):.2f}"))
    rows.append(("Tokens given to somebody else", f"{len(record.strangers)}"))
    rows.append(
        ("Secrets in logs and audits", f"{len(record.secrets)}, in {record.looked_through / 2**20:.0f} MiB of them")
    )
    return rows


def _kinds(record: Record) -> int:
    return len({fault.name for fault in record.faults})


def text(record: Record) -> str:
    """For a terminal."""
    rows = summary(record) if len(record.windows) >= WINDOWS else []
    lines = [f"{what:>52}   {value}" for what, value in rows]
    lines += [f"left out: {each}" for each in record.left_out]
    found = findings(record)
    return "\n".join([*lines, *found, "NOT HELD" if found else "held"])


def markdown(record: Record) -> str:
    """For the papers."""
    machine = record.machine
    lines = ["| What | In the record |", "|---|---|", *(f"| {what} | {value} |" for what, value in summary(record))]
    lines += [f"\nLeft out here: {each}." for each in record.left_out]
    lines.append(
        f"\n{machine['processors']} × {machine['processor']}, {machine['system']}, kernel {machine['kernel']}; "
        f"{record.started}, seed {record.seed}."
    )
    return "\n".join(lines)
