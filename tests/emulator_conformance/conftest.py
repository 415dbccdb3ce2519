"""One emulator for each module of tests, as after a start for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator_conformance.protocol import App
from intranet.emulator_process import EmulatorProcess, find_description


@pytest.fixture(scope="module")
def running_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """An emulator that checks its traffic against Box's description, where a developer has that."""
    with EmulatorProcess(tmp_path_factory.mktemp("box"), description=find_description()) as emulator:
        yield emulator
        problems = {f"{entry['operation']} ({entry['side']}): {entry['problem']}" for entry in emulator.violations()}
        assert problems == set()
        own_log = emulator.log_file.read_text()
        assert "Traceback" not in own_log, own_log


@pytest.fixture
def emulator(running_emulator: EmulatorProcess) -> EmulatorProcess:
    running_emulator.reset()
    return running_emulator


@pytest.fixture
def app(emulator: EmulatorProcess) -> Iterator[App]:
    """The application with a key pair."""
    with App(emulator.url, emulator.app_config) as app:
        yield app


@pytest.fixture
def ccg_app(emulator: EmulatorProcess) -> Iterator[App]:
    """The application with client credentials alone."""
    with App(emulator.url, emulator.ccg_config) as app:
        yield app


@pytest.fixture
def description() -> Path:
    path = find_description()
    if path is None:
        pytest.skip("Box's OpenAPI description is not here; name a copy in BOX_OPENAPI")
    return path
