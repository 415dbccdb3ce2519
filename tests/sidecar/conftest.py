"""One emulator for all tests of the sidecar, as new for each; a sidecar for each test, set up as the test needs it."""

from __future__ import annotations

import itertools
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from intranet.emulator import Emulator, find_description
from intranet.sidecar import Sidecar

Serve = Callable[..., Sidecar]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder with a short name: the path of a Unix socket has room for 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="sidecar-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def _emulator(folder: Path) -> Iterator[Emulator]:
    with Emulator(folder / "box", description=find_description()) as emulator:
        yield emulator


@pytest.fixture
def box(_emulator: Emulator) -> Iterator[Emulator]:
    """Box, as after its start. What the sidecar sends it must fit Box's own description, where a copy of that is."""
    _emulator.reset()
    before = len(_emulator.violations())
    yield _emulator
    ours = [found for found in _emulator.violations()[before:] if found["user_agent"] == "box-sidecar"]
    assert [found for found in ours if found["side"] == "request"] == []


@pytest.fixture(scope="session")
def _ending() -> Iterator[list[Sidecar]]:
    """Sidecars told to stop, which nobody needs to wait for before the end."""
    ending: list[Sidecar] = []
    yield ending
    for sidecar in ending:
        sidecar.stop()


@pytest.fixture(scope="session")
def _names() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def serve(box: Emulator, folder: Path, _names: Iterator[int], _ending: list[Sidecar]) -> Iterator[Serve]:
    """Starts sidecars for this emulator: ``serve(cache={"min_life_s": 1})``. Calls to Box time out after 2 s."""
    started: list[Sidecar] = []

    def start(**details: Any) -> Sidecar:
        details = {"app_config": box.app_config, "api_url": box.url, **details}
        details["box"] = {"timeout_s": 2.0, **details.get("box", {})}
        sidecar = Sidecar(folder / str(next(_names)), **details)
        started.append(sidecar)
        return sidecar.start()

    yield start
    for sidecar in started:
        if sidecar.process:
            sidecar.process.signal(signal.SIGTERM)
            _ending.append(sidecar)


@pytest.fixture
def sidecar(serve: Serve) -> Sidecar:
    """A sidecar with the usual settings."""
    return serve()
