"""Start until the first answer, and memory at rest."""

from __future__ import annotations

import math
import signal
import statistics
import time
from pathlib import Path

from bench.machine import NO_MEMORY, pss
from bench.parts import TESTS, Bench, is_up
from bench.result import Row, candidate
from intranet.process import Process

START_S, MEMORY_MIB = 0.4, 45
_SETTLE_S = 0.5


def start(bench: Bench) -> Row:
    """The sidecar against a bare Falcon application on gunicorn."""
    seconds: dict[str, list[float]] = {"sidecar": [], "floor": []}
    memory: dict[str, list[float]] = {"sidecar": [], "floor": []}
    server, floor = bench.sidecar(), bench.floor()
    commands = {"sidecar": (server.command, server.socket), "floor": (floor.command, floor.socket)}
    for _ in bench.rounds(10, 2):
        for name, (command, socket) in commands.items():
            took, used = _once(command, socket)
            seconds[name].append(took)
            memory[name].append(used)
    slower = statistics.median(seconds["sidecar"]) / statistics.median(seconds["floor"])
    hidden = any(map(math.isnan, memory["sidecar"]))
    larger = statistics.median(memory["sidecar"]) / statistics.median(memory["floor"])
    return Row(
        "start",
        "start until ready; memory at rest (PSS)",
        [
            candidate("sidecar", seconds["sidecar"]),
            candidate("bare Falcon on gunicorn", seconds["floor"]),
            *([] if hidden else [candidate("sidecar", memory["sidecar"], "MiB PSS", 1)]),
            candidate("bare Falcon on gunicorn", memory["floor"], "MiB PSS", 1),
        ],
        f"{slower:.1f} times the time" + ("" if hidden else f", {larger:.1f} times the memory"),
        f"at most {START_S * 1000:.0f} ms and {MEMORY_MIB} MiB",
        statistics.median(seconds["sidecar"]) <= START_S and not statistics.median(memory["sidecar"]) > MEMORY_MIB,
        notes=[NO_MEMORY] if hidden else [],
    )


def _once(command: list[str], socket: Path) -> tuple[float, float]:
    """Seconds until it answers, and MiB once it has nothing to do."""
    socket.unlink(missing_ok=True)
    began = time.perf_counter()
    with Process(command, log=socket.with_suffix(".log"), cwd=TESTS) as process:
        while not is_up(socket):
            if not process.running():
                raise RuntimeError(process.tail())
            time.sleep(0.002)
        took = time.perf_counter() - began
        time.sleep(_SETTLE_S)
        memory = pss(process.pid)
        process.signal(signal.SIGKILL)  # gunicorn takes a second to stop
        return took, memory
