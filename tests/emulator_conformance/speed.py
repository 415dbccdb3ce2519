"""How fast the emulator lists folders in a big tree: ``python tests/emulator_conformance/speed.py``.

Counts requests for each second of the emulator's own CPU time, so that other load on the machine hardly matters.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emulator_conformance.protocol import App
from intranet.emulator_process import EmulatorProcess

ITEMS = 100_000
REQUESTS = 1500
SEED = """
[[people]]
name = "Big"
login = "big@example.com"
tree = { "Folder {001..100}/" = { "File {0001..0999}.txt" = "x" } }
"""
EXPLORER_FIELDS = (
    "id,name,type,size,parent,extension,permissions,path_collection,modified_at,created_at,modified_by,"
    "has_collaborations,is_externally_owned,item_collection,authenticated_download_url,is_download_available"
)
LISTINGS = {
    "10 items": "limit=10",
    "100 items": "limit=100",
    "50 items with the explorer's fields": f"limit=50&fields={EXPLORER_FIELDS}",
    "1000 items": "limit=1000",
}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(emulator: EmulatorProcess, app: App) -> Iterator[tuple[str, float, float]]:
    """For each kind of listing: requests for each second of CPU time, and of the clock."""
    token = app.user_token(emulator.user("big@example.com")["id"])
    folders = [item["id"] for item in emulator.items("big@example.com") if item["type"] == "folder"]
    with httpx.Client(base_url=emulator.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
        for name, query in LISTINGS.items():
            count = REQUESTS // 10 if "1000" in name else REQUESTS
            cpu, clock = cpu_seconds(emulator.pid), time.monotonic()
            for number in range(count):
                client.get(f"/2.0/folders/{folders[number % len(folders)]}/items?{query}").raise_for_status()
            yield name, count / (cpu_seconds(emulator.pid) - cpu), count / (time.monotonic() - clock)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        seed = Path(scratch) / "seed.toml"
        seed.write_text(SEED)
        began = time.monotonic()
        with (
            EmulatorProcess(Path(scratch) / "state", seed=seed) as emulator,
            App(emulator.url, emulator.app_config) as app,
        ):
            status = Path(f"/proc/{emulator.pid}/status").read_text()
            memory = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
            print(f"{ITEMS:,} items: started in {time.monotonic() - began:.1f} s, {int(memory) / 1024:.0f} MB")
            emulator.settings(rate_limit_per_minute=0)
            for name, by_cpu, by_clock in measure(emulator, app):
                print(f"listing {name}: {by_cpu:,.0f} a second of CPU ({by_clock:,.0f} by the clock, one client)")


if __name__ == "__main__":
    main()
