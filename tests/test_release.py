"""One command gives every part one version; where it refuses, nothing has changed."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from intranet.release import REPOSITORY

WHO = {"GIT_AUTHOR_NAME": "A", "GIT_COMMITTER_NAME": "A"}
MAIL = {"GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_EMAIL": "a@example.com"}
STATE = (("rev-parse", "HEAD"), ("status", "--porcelain"), ("diff", "HEAD"), ("tag",))
BLOCKS = ("explorer", "picker", "preview", "uploader")
PLACES = (
    ("sidecar/box_sidecar/__init__.py", r'__version__ = "([^"]*)"'),
    ("sidecar/box_sidecar/openapi.json", r'"version": "([^"]*)"'),
    ("wp-plugin/widgets-for-box.php", r"\* Version: +(\S+)"),
    ("wp-plugin/widgets-for-box.php", r"const VERSION = '([^']*)'"),
    ("wp-plugin/readme.txt", r"Stable tag: (\S+)"),
    *((f"wp-plugin/blocks/{block}/block.json", r'"version": "([^"]*)"') for block in BLOCKS),
    ("CHANGELOG.md", r"## (\S+) \(\d{4}-\d\d-\d\d\)"),
)


def run(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **WHO, **MAIL, "GIT_CONFIG_GLOBAL": "/dev/null"}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def versions(checkout: Path) -> set[str]:
    """What the parts say they are."""
    found = [re.search(pattern, (checkout / path).read_text()) for path, pattern in PLACES]
    return {match[1] if match else "none" for match in found}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with what is here now, in which the words about 9.8.7 are written."""
    made = tmp_path / "checkout"
    for folder in (".ci", "sidecar", "wp-plugin"):
        shutil.copytree(
            REPOSITORY / folder, made / folder, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
        )
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    (made / "CHANGELOG.md").write_text(changelog.replace("\n## ", "\n## 9.8.7 (unreleased)\n\n* Words.\n\n## ", 1))
    readme = made / "wp-plugin/readme.txt"
    readme.write_text(readme.read_text().replace("== Changelog ==\n", "== Changelog ==\n\n= 9.8.7 =\n* Words.\n"))
    commit(made)
    return made


def commit(checkout: Path) -> None:
    for command in (
        ("git", "init", "--quiet"),
        ("git", "add", "--all"),
        ("git", "commit", "--quiet", "--message", "All"),
    ):
        done = run(checkout, *command)
        assert done.returncode == 0, done.stderr


def test_every_part_has_the_version_and_the_tag_is_made(checkout: Path) -> None:
    done = run(checkout, ".ci/release", "9.8.7")
    assert done.returncode == 0, done.stderr
    assert versions(checkout) == {"9.8.7"}
    assert f"\n## 9.8.7 ({datetime.datetime.now(datetime.UTC).date()})\n" in (checkout / "CHANGELOG.md").read_text()
    assert run(checkout, "git", "status", "--porcelain").stdout == ""
    assert run(checkout, "git", "log", "-1", "--format=%s").stdout == "Release 9.8.7\n"
    tagged, head = (run(checkout, "git", "rev-parse", f"{name}^{{commit}}").stdout for name in ("v9.8.7", "HEAD"))
    assert tagged == head != ""
    again = run(checkout, ".ci/release", "9.8.7")
    assert (again.returncode, again.stderr) == (
        1,
        "release: the tag v9.8.7 exists; a released version does not change\n",
    )


def leave_changes(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text("Something else.\n")


def leave_a_file(checkout: Path) -> None:
    (checkout / "new").touch()


def forget_the_changelog(checkout: Path) -> None:
    changelog = checkout / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## 9.8.7 (unreleased)", "## 9.8.6 (2026-01-01)"))
    commit(checkout)


def forget_the_page(checkout: Path) -> None:
    readme = checkout / "wp-plugin/readme.txt"
    readme.write_text(readme.read_text().replace("= 9.8.7 =", "= 9.8.6 ="))
    commit(checkout)


def tell_it_twice(checkout: Path) -> None:
    readme = checkout / "wp-plugin/readme.txt"
    readme.write_text(readme.read_text() + "Stable tag: 1.0.0\n")
    commit(checkout)


def have_a_hook_that_refuses(checkout: Path) -> None:
    hook = checkout / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)


def nothing(checkout: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("version", "before", "words"),
    [
        ("9.8.7", leave_changes, "the working tree has changes"),
        ("9.8.7", leave_a_file, "the working tree has changes"),
        ("9.8.7", forget_the_changelog, "CHANGELOG.md must begin with “## 9.8.7 (unreleased)”"),
        ("9.8.7", forget_the_page, "readme.txt has no changelog “= 9.8.7 =”"),
        ("9.8.7", tell_it_twice, "readme.txt tells its version 2 times"),
        ("9.8.7", have_a_hook_that_refuses, "git commit failed: not today"),
        ("v9.8.7", nothing, "is not a version like 1.2.0"),
        ("9.8", nothing, "is not a version like 1.2.0"),
        ("9.8.07", nothing, "is not a version like 1.2.0"),
        ("9.8.7 --force", nothing, "is not a version like 1.2.0"),
        ("0.0.1", nothing, "0.0.1 is lower than the present"),
        ("", nothing, "Usage: make release VERSION=1.2.0"),
    ],
)
def test_what_is_no_release_changes_nothing(
    version: str, before: Callable[[Path], None], words: str, checkout: Path
) -> None:
    before(checkout)
    state = [run(checkout, "git", *command).stdout for command in STATE]
    done = run(checkout, ".ci/release", version)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert state == [run(checkout, "git", *command).stdout for command in STATE]
