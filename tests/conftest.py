"""What several suites share: the intranet as real processes, and a browser to look at it with."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from intranet.browser import Browser
from intranet.release import REPOSITORY
from intranet.stack import Stack

SCREENSHOTS = REPOSITORY / "dist" / "screenshots"


@pytest.fixture(scope="session")
def plugin_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's zip, built from this working tree."""
    target = tmp_path_factory.mktemp("plugin") / "widgets-for-box.zip"
    subprocess.run([REPOSITORY / "wp-plugin/bin/build-zip", target], check=True, capture_output=True)
    return target


@pytest.fixture(scope="session")
def short_directory() -> Iterator[Path]:
    """A folder with a short name: the path of a Unix socket has room for 107 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="wfb-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def _stack(short_directory: Path, plugin_zip: Path) -> Iterator[Stack]:
    # Tokens that live for seconds are what some tests are about.
    with Stack(short_directory / "stack", plugin=plugin_zip, sidecar={"cache": {"min_life_s": 1.0}}) as running:
        yield running


@pytest.fixture
def stack(_stack: Stack) -> Iterator[Stack]:
    """The whole intranet, one for all tests: each leaves it running, without faults and with the usual settings."""
    settings = _stack.emulator.settings()
    yield _stack
    _stack.emulator.clear_faults()
    _stack.emulator.settings(**settings)
    if _stack.sidecar.process is None or not _stack.sidecar.process.running():
        _stack.sidecar.start()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: Playwright's event loop must not meet another suite's."""
    with Browser() as running:
        yield running
