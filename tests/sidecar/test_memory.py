"""What it costs to remember: ten thousand tokens within 80 MB, all processes counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from box_sidecar.elements import ELEMENTS
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.support import post, together

PEOPLE = 1250
WIDGETS = [[], *([scope] for scope in ELEMENTS["explorer"].features), ["item_download", "item_upload"]]
LIMIT_MB = 80.0


def pss(sidecar: SidecarProcess) -> float:
    """Proportional set size of all its processes in MB (proc(5), smaps_rollup)."""
    assert sidecar.process
    total = 0
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            if os.getpgid(pid) == sidecar.process.pid:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += int(rollup.partition("\nPss:")[2].split()[0])
        except ProcessLookupError:
            continue
    return total / 1024


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may measure a process that is not dumpable")
def test_ten_thousand_tokens_within_eighty_megabytes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = folder / "crowd.toml"
    seed.write_text(
        "".join(f'[[people]]\nname = "Person {n}"\nlogin = "person{n}@example.com"\n' for n in range(PEOPLE))
    )
    policy = {"mints_per_minute": 1_000_000, "mints_per_user_per_minute": 1000}
    with (
        EmulatorProcess(folder / "crowd", seed=seed) as box,
        SidecarProcess(folder / "full", app_config=box.ccg_config, api_url=box.url, policy=policy) as sidecar,
        sidecar.client() as client,
    ):
        box.settings(rate_limit_per_minute=0)
        assert post(client, "person0@example.com").status_code == 200
        before = pss(sidecar)

        def visit(worker: int) -> set[int]:
            with sidecar.client() as own:
                return {
                    post(own, f"person{number}@example.com", scopes=scopes).status_code
                    for number in range(worker, PEOPLE, 4)
                    for scopes in WIDGETS
                }

        assert set().union(*together(4, visit)) == {200}
        assert "box_sidecar_cached_tokens 10000.0" in client.get("/metrics").text
        after = pss(sidecar)
        with capsys.disabled():
            print(f"\nPSS of the sidecar: {before:.1f} MB with one token, {after:.1f} MB with 10,000")
        assert post(client, "person1@example.com").status_code == 200
    assert after <= LIMIT_MB
