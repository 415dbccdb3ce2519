"""The plugin's PHPUnit tests, inside a real WordPress."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from intranet.wordpress import WordPress
from plugin.conftest import Site
from plugin.scripted_sidecar import ScriptedSidecar

TESTS = Path(__file__).parent / "php"


@pytest.mark.parametrize("suite", sorted(path.name for path in TESTS.glob("*Test.php")))
def test_phpunit(site: WordPress, sidecar: ScriptedSidecar, suite: str) -> None:
    command = ["php", str(TESTS / "run.php"), str(site.docroot), "--do-not-cache-result", str(TESTS / suite)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    Site.forget_sessions()  # some of these tests end everybody's
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No tests executed" not in done.stdout
