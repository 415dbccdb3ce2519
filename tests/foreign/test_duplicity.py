"""duplicity, Debian's, on boxsdk 3: backups that can be restored."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from foreign.machine import Machine, clients
from foreign.walk import Begin

pytestmark = pytest.mark.system


def test_duplicity(machine: Machine, walk: Begin) -> None:
    home = machine.home
    source, restored = home / "source", home / "restored"
    (source / "sub").mkdir(parents=True)
    (source / "noise.bin").write_bytes(os.urandom(3_000_000))
    (source / "sub" / "ünï.txt").write_text("one\n")
    url = f"box:///backups/laptop?config={machine.box.app_config}"
    environment = {"PYTHONPATH": str(clients()), "PASSPHRASE": "correct horse"}
    options = ("--no-encryption", "--archive-dir", str(home / "archive"), "--volsize", "1")

    def duplicity(*arguments: object) -> str:
        return machine.run("/usr/bin/duplicity", *map(str, arguments), env=environment)

    version = duplicity("--version").split()[1]
    on = walk("duplicity, Debian's, JWT", version, "full, incremental, verify, restore, expiry, cleanup")
    with on.step("full"):
        duplicity("full", *options, source, url)
    with on.step("collection-status"):
        assert "Full" in duplicity("collection-status", *options, url)
    with on.step("incremental"):
        (source / "sub" / "ünï.txt").write_text("two\n")
        duplicity("incremental", *options, source, url)
    with on.step("verify"):
        duplicity("verify", *options, url, source)
    with on.step("list-current-files"):
        assert "noise.bin" in duplicity("list-current-files", *options, url)
    with on.step("restore"):
        duplicity("restore", *options, url, restored)
        assert subprocess.run(["diff", "-r", source, restored], check=False).returncode == 0
    with on.step("restore without the archive on this machine"):
        shutil.rmtree(home / "archive")
        shutil.rmtree(restored)
        duplicity("restore", *options, "--file-to-restore", "sub/ünï.txt", url, restored)
        assert restored.read_text() == "two\n"
    with on.step("remove-all-but-n-full"):
        duplicity("full", *options, source, url)
        duplicity("remove-all-but-n-full", 1, "--force", *options, url)
        assert "incremental" not in duplicity("collection-status", *options, url).casefold()
    with on.step("cleanup"):
        duplicity("cleanup", "--force", *options, url)
