"""docs/: each link leads somewhere, each quoted sentence is said somewhere, and each command runs in a test."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from docs import COMMANDS, MANUAL, REPOSITORY
from intranet.sidecar_process import box_sidecar
from intranet.soft_token import SoftToken


def words(text: str) -> str:
    """A text on one line, without what only marks it up."""
    return re.sub(r"\s+", " ", text.replace("\\n", " ").replace("*", "")).strip()


def anchors(document: Path) -> set[str]:
    """The headings as GitHub links to them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", [*MANUAL, REPOSITORY / "sidecar/README.md"], ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", document.read_text()):
        there = document.parent / target if target else document
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def test_the_first_page_names_every_other() -> None:
    text = (REPOSITORY / "docs/README.md").read_text()
    assert {path.name for path in MANUAL} - {"README.md"} == set(re.findall(r"\]\(([\w-]+\.md)\)", text))


def test_what_is_quoted_is_said() -> None:
    """People look a failure up by the words that they see."""
    folders = {"sidecar/box_sidecar": "*.py", "wp-plugin": "*.php", "tests/box_emulator": "*.py"}
    said = " ".join(
        words(path.read_text()) for folder, kind in folders.items() for path in (REPOSITORY / folder).rglob(kind)
    )
    said = re.sub(r'" "', "", said).replace("\\", "")
    for page in ("failures.md", "emergencies.md"):
        text = (REPOSITORY / "docs" / page).read_text()
        quoted = [words(quote) for quote in re.findall(r"“([^”]+)”", text) if len(quote.split()) > 3]
        assert quoted
        titles = {words(title) for path in MANUAL for title in re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)}
        missing = [quote for quote in quoted if quote not in said and quote not in titles]
        assert missing == []


def test_a_key_is_made_in_hardware_as_the_manual_has_it(tmp_path: Path) -> None:
    token = SoftToken(tmp_path / "token")
    command = COMMANDS["keygen"].replace("/etc/box-sidecar/pin", str(token.pin_file))
    environment = {**os.environ, **token.env, "PATH": f"{Path(box_sidecar()).parent}:{os.environ['PATH']}"}
    made = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert made.stdout.startswith("-----BEGIN PUBLIC KEY-----")
    (uri,) = re.findall(r"pkcs11:[^']+", command)
    text = (REPOSITORY / "docs/keys.md").read_text()
    assert text.count(uri.replace(str(token.pin_file), "/etc/box-sidecar/pin")) == 2, "the configuration has the same"


def test_every_command_runs_in_a_test() -> None:
    blocks = [line for path in MANUAL for line in re.findall(r"^ *```sh(.*)$", path.read_text(), re.MULTILINE)]
    assert sorted(name.strip() for name in blocks) == sorted(COMMANDS), "each has a name of its own"
    used = {
        name
        for path in (REPOSITORY / "tests").glob("*.py")
        for name in re.findall(r'COMMANDS\["(\w+)"\]', path.read_text())
    }
    assert used == set(COMMANDS)
