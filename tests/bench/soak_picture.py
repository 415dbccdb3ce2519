"""A soak as a picture: latency, memory, descriptors and what was told, over time, with the faults behind them."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from bench.picture import OTHERS, OURS
from bench.verdict import Record

_SECOND = "#00a37a"
_COLOURS = {"first": OURS, "second": _SECOND}
_REFUSED = "#c4314b"


def draw(record: Record, directory: Path) -> None:
    """Write soak.svg."""
    figure, axes = plt.subplots(4, 1, figsize=(13, 10), sharex=True, layout="constrained")
    minutes = [window.at / 60 for window in record.windows]
    for axis in axes:
        for fault in record.faults:
            axis.axvspan(fault.began / 60, fault.ended / 60, color=OTHERS, alpha=0.35, linewidth=0)
        axis.spines[["top", "right"]].set_visible(False)
    _line(axes[0], minutes, [window.ratio() for window in record.windows], OURS, "both")
    axes[0].set_yscale("log")
    axes[0].set_title("Latency of a token at hand, times that of the floor at the same moments (median)", loc="left")
    for name, colour in _COLOURS.items():
        _line(axes[1], minutes, [window.uses[name].memory for window in record.windows], colour, f"{name} sidecar")
        _line(axes[2], minutes, [window.uses[name].descriptors for window in record.windows], colour, name)
    axes[1].set_title("Memory (PSS, MiB); the worker of the first is killed now and then, that of the second never",
                      loc="left")  # fmt: skip
    axes[1].legend(frameon=False, loc="lower right")
    axes[2].set_title("Open descriptors", loc="left")
    axes[3].bar([fault.began / 60 for fault in record.faults],
                [sum(fault.told.values()) + fault.broken for fault in record.faults],
                width=max(record.seconds / 60 / 150, 0.02), color=_REFUSED, align="edge")  # fmt: skip
    axes[3].set_yscale("symlog")
    axes[3].set_title("Requests that were told why not, or broke at a kill, by fault", loc="left")
    axes[3].set_xlabel("minutes; grey: something is wrong")
    for axis in axes:
        axis.title.set_fontsize(9)
    for axis in axes[1:]:
        axis.set_ylim(bottom=0)
    machine = record.machine
    figure.suptitle(
        f"make soak: {sum(record.answered.values()):,} requests, {len(record.faults)} faults, "
        f"{len(record.unexplained)} lost · {machine['processors']} × {machine['processor']} · {record.started[:10]}",
        fontsize=11,
    )
    figure.savefig(directory / "soak.svg")
    plt.close(figure)


def _line(axis: Axes, at: list[float], values: list[float], colour: str, name: str) -> None:
    axis.plot(at, values, color=colour, linewidth=1.2, marker=".", markersize=4, label=name)
