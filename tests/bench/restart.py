"""Restarts and updates under load: which requests are lost? ``python tests/bench/restart.py [REQUESTS [PROGRAM …]]``

A socket that systemd would hold, one ``box-sidecar`` after the other on it, and callers who do not stop asking. With
the programs of two versions' environments, each restart is an update, or the way back.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.callers import Outcome, call
from intranet.activation import Activated
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess, box_sidecar

_BETWEEN_S = 1.0


def restarts(sidecar: SidecarProcess, programs: Sequence[str], requests: int, least: int) -> tuple[Outcome, int]:
    """What became of so many requests, or a few more, and the number of restarts under them, at ``least`` so many.

    Each restart runs the next of the programs.
    """
    outcome, over, count = Outcome(), threading.Event(), 0
    with Activated(sidecar) as unit:
        callers = threading.Thread(target=call, args=(sidecar.socket, outcome, lambda: not over.is_set()))
        callers.start()
        try:
            while count < least or outcome.answered + len(outcome.lost) < requests:
                time.sleep(_BETWEEN_S)
                unit.stop()
                count += 1
                unit.start(programs[count % len(programs)])
        finally:
            over.set()
            callers.join()
    return outcome, count


def main() -> int:
    """Command line; 1 when a request was lost."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    programs = sys.argv[2:] or [box_sidecar()]
    with tempfile.TemporaryDirectory(prefix="wfb-") as folder, EmulatorProcess(Path(folder) / "box") as box:
        limits = {"mints_per_user_per_minute": 100_000}
        sidecar = SidecarProcess(Path(folder) / "s", app_config=box.app_config, api_url=box.url, policy=limits)
        outcome, count = restarts(sidecar, programs, requests, least=10)
    print(
        f"{outcome.answered:,} answered, {len(outcome.lost)} lost, in {count} restarts; longest {outcome.longest:.1f} s"
    )
    print(*outcome.lost[:20], sep="\n")
    return int(bool(outcome.lost))


if __name__ == "__main__":
    sys.exit(main())
