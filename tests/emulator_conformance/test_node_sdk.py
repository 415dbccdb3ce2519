"""Box's official Node SDK, unmodified but for its base URLs. Where it stumbles, the emulator is wrong."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from intranet.emulator_process import EmulatorProcess

NODE_TESTS = Path(__file__).parent / "node" / "conformance.test.mjs"


def test_conformance(emulator: EmulatorProcess) -> None:
    names = {
        "BOX_URL": emulator.url,
        "BOX_CONFIG": str(emulator.app_config),
        "BOX_CCG_CONFIG": str(emulator.ccg_config),
    }
    run = subprocess.run(
        ["node", "--test", NODE_TESTS], env=os.environ | names, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "# skipped 0" in run.stdout
    assert {"jwt-bearer", "client_credentials", "token-exchange"} <= {entry["grant"] for entry in emulator.log()}
