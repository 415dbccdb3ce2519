"""The table of clients in the emulator's README says what this run found."""

from __future__ import annotations

import os
import re

import pytest

from foreign.walk import Walk
from intranet.release import REPOSITORY

pytestmark = pytest.mark.system

README = REPOSITORY / "tests/box_emulator/README.md"
MARKED = re.compile(r"(<!-- generated: clients -->\n).*?(<!-- /generated -->)", re.DOTALL)
HEAD = ["| Client | Version | Operations | Agreed |", "|---|---|---|---|"]


def test_the_readme_tells_what_was_agreed(walks: list[Walk]) -> None:
    """With RECORD=1 it is written anew. What Debian brings differs from release to release."""
    table = [*HEAD, *sorted(walk.row() for walk in walks)]
    if os.environ.get("RECORD"):
        text = "\n".join(table)
        README.write_text(MARKED.sub(lambda found: f"{found[1]}{text}\n{found[2]}", README.read_text()))
    marked = MARKED.search(README.read_text())
    assert marked
    told = marked[0].splitlines()[1:-1]
    if {client(row) for row in table} < {client(row) for row in told}:
        pytest.skip("not all clients have run")
    assert list(map(comparable, told)) == list(map(comparable, table)), "run with RECORD=1"


def client(row: str) -> str:
    return row.split("|")[1].strip()


def comparable(row: str) -> str:
    return client(row) if "Debian" in row else row
