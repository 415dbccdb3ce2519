"""What it costs to remember: ten thousand tokens, all processes counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from box_sidecar.elements import ELEMENTS
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.support import post, together

WIDGETS = [[], *([scope] for scope in ELEMENTS["explorer"].features), ["item_download", "item_upload"]]
TOKENS = 10_000
LIMIT_MB = 80.0
LIMIT_FOR_TOKENS_MB = 30.0


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
@pytest.mark.timeout(900)
@pytest.mark.parametrize("widgets", [WIDGETS, [[]]], ids=["of 1,250 people", "of 10,000 people"])
def test_ten_thousand_tokens_are_held(
    widgets: list[list[str]], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = TOKENS // len(widgets)
    seed = folder / "crowd.toml"
    seed.write_text(
        "".join(f'[[people]]\nname = "Person {n}"\nlogin = "person{n}@example.com"\n' for n in range(people))
    )
    policy = {"mints_per_minute": 1_000_000, "mints_per_user_per_minute": 1000}
    with (
        EmulatorProcess(folder / f"crowd{people}", seed=seed) as box,
        SidecarProcess(folder / f"full{people}", app_config=box.ccg_config, api_url=box.url, policy=policy) as sidecar,
        sidecar.client() as client,
    ):
        box.settings(rate_limit_per_minute=0)
        assert post(client, "person0@example.com").status_code == 200
        before = pss(sidecar)

        def visit(worker: int) -> set[int]:
            with sidecar.client() as own:
                return {
                    post(own, f"person{number}@example.com", scopes=scopes).status_code
                    for number in range(worker, people, 4)
                    for scopes in widgets
                }

        assert set().union(*together(4, visit)) == {200}
        assert "box_sidecar_cached_tokens 10000.0" in client.get("/metrics").text
        after = pss(sidecar)
        with capsys.disabled():
            print(f"\nPSS: {before:.1f} MB with one token, {after:.1f} MB with 10,000 of {people:,} people")
        assert post(client, "person1@example.com").status_code == 200
    assert after - before <= LIMIT_FOR_TOKENS_MB
    if people < TOKENS:
        assert after <= LIMIT_MB
