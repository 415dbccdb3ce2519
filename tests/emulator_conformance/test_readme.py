"""The emulator's README says what is guessed and what can be chosen, and so does its code."""

from __future__ import annotations

import re

import msgspec

from box_emulator.settings import Settings
from intranet.release import REPOSITORY

EMULATOR = REPOSITORY / "tests/box_emulator"
README = (EMULATOR / "README.md").read_text()
SOURCE = "\n".join(path.read_text() for path in EMULATOR.rglob("*.py"))


def test_every_guess_has_its_number_in_the_code_and_in_the_table() -> None:
    told = re.findall(r"^\| G(\d+) \|", README, re.MULTILINE)
    assert [int(number) for number in told] == list(range(1, len(told) + 1))
    assert set(re.findall(r"\bG(\d+)\b", SOURCE)) == set(told)


def test_no_guess_goes_without_a_number() -> None:
    """What the code itself calls a guess or not documented."""
    for line in SOURCE.splitlines():
        if re.search(r"guess|not documented|undocumented", line, re.IGNORECASE):
            assert re.search(r"\bG\d+\b|guess_type", line), line


def test_dialects_are_told_with_their_defaults() -> None:
    section = README.partition("## Dialects")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)`", section, re.MULTILINE)
    assert len(rows) >= 10
    settings = msgspec.to_builtins(Settings())
    for name, default in rows:
        assert msgspec.json.encode(settings[name]).decode().strip('"') == default, name


def test_every_value_of_a_dialect_is_told() -> None:
    section = README.partition("## Dialects")[2].partition("\n## ")[0]
    schema = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    for row in re.findall(r"^\| `.*", section, re.MULTILINE):
        name, values = re.findall(r"`(\w+)`", row.split("|")[1])[0], row.split("|")[2]
        assert set(re.findall(r"`(\w+)`", values)) >= set(schema[name].get("enum", [])), name
