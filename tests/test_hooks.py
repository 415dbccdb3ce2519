"""The hooks before a commit run the tools of `make lint`, here and now, and fetch nothing."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from intranet.release import REPOSITORY

CONFIG = REPOSITORY / ".pre-commit-config.yaml"
(LOCAL,) = yaml.safe_load(CONFIG.read_text())["repos"]
HOOKS: dict[str, dict[str, Any]] = {hook["id"]: hook for hook in LOCAL["hooks"]}
LINT = re.findall(
    r"^\t(.+)$", (REPOSITORY / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0], re.MULTILINE
)
LINT = [line.replace("$(BIN)", ".venv/bin") for line in LINT]
COMMANDS = [name for name, hook in HOOKS.items() if hook["language"] == "system"]


def sources() -> list[str]:
    """What may be committed: the files of the product, of the tests and beside them."""
    found = [path for folder in ("sidecar", "tests", "wp-plugin") for path in (REPOSITORY / folder).rglob("*")]
    made = {"node_modules", "__pycache__", "build"}
    return sorted(str(path.relative_to(REPOSITORY)) for path in found if path.is_file() and not made & set(path.parts))


def test_nothing_is_fetched() -> None:
    assert LOCAL["repo"] == "local"
    assert {hook["language"] for hook in HOOKS.values()} <= {"system", "pygrep"}
    assert not any("additional_dependencies" in hook for hook in HOOKS.values())
    pre_commit = Path(sys.executable).with_name("pre-commit")
    assert subprocess.run([pre_commit, "validate-config", CONFIG], check=False).returncode == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_one_of_lint(name: str) -> None:
    """Word for word, so what passes there passes here; but for the names of files, which take the place of folders."""
    hook = HOOKS[name]
    files = [path for path in sources() if re.search(hook.get("files", ""), path)]
    assert files
    if hook.get("pass_filenames") is False:
        assert hook["entry"] in LINT
        return
    # The pinned tools lie beside this Python, wherever that is.
    entry = [part.replace(".venv/bin", str(Path(sys.executable).parent)) for part in shlex.split(hook["entry"])]
    done = subprocess.run([*entry, *files], cwd=REPOSITORY, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_long_subject_is_refused_and_a_long_body_is_not() -> None:
    hook = HOOKS["subject"]
    assert hook["stages"] == ["commit-msg"]
    assert hook["args"] == ["--multiline"]  # the expression sees the whole message
    assert re.search(hook["entry"], "x" * 73 + "\n")
    assert not re.search(hook["entry"], "x" * 72 + "\n\n" + "y" * 80 + "\n")
