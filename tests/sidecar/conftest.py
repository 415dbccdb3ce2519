"""One emulator for all tests of the sidecar, as new for each; a sidecar for each test, set up as the test needs it."""

from __future__ import annotations

import itertools
import os
import re
import resource
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from intranet.emulator_process import EmulatorProcess, find_description
from intranet.packages import PackagesError
from intranet.sidecar_process import SidecarProcess
from intranet.store_process import valkey
from sidecar.support import greeted, until

Serve = Callable[..., SidecarProcess]

# By default an example that takes 200 ms fails: on a busy machine that may be any.
settings.register_profile("on a busy machine", deadline=None)
settings.load_profile("on a busy machine")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder with a short name: the path of a Unix socket has room for 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="sidecar-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def _emulator(folder: Path) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(folder / "box", description=find_description()) as emulator:
        yield emulator


@pytest.fixture
def box(_emulator: EmulatorProcess) -> Iterator[EmulatorProcess]:
    """Box, as after its start. What the sidecar sends it must fit Box's own description, where a copy of that is."""
    _emulator.reset()
    before = len(_emulator.violations())
    yield _emulator
    ours = [found for found in _emulator.violations()[before:] if found["user_agent"] == "box-sidecar"]
    assert [found for found in ours if found["side"] == "request"] == []


@pytest.fixture(scope="session")
def _names() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def program(request: pytest.FixtureRequest) -> Sequence[str]:
    """The server that a store is: Redis, or with `support.ON_VALKEY_TOO` the other one after it."""
    if getattr(request, "param", "redis") == "redis":
        return ("redis-server",)
    try:
        return valkey()
    except PackagesError as error:
        pytest.skip(str(error))


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for a thousand connections in the process of the tests."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


HOST_CLOCK = """
import pathlib, time
true = time.time
offset = pathlib.Path(__file__).with_name("offset")
time.time = lambda: true() + float(offset.read_text())
"""


@pytest.fixture
def host_clock(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH, in which the file ``offset`` sets the host's clock wrong by so many seconds.

    libfaketime would do it below Python, but breaks CPython's ``time.sleep``.
    """
    (tmp_path / "sitecustomize.py").write_text(HOST_CLOCK)
    (tmp_path / "offset").write_text("0")
    return tmp_path


@pytest.fixture
def serve(box: EmulatorProcess, folder: Path, _names: Iterator[int]) -> Iterator[Serve]:
    """Starts sidecars for this emulator: ``serve(cache={"min_life_s": 1})``. Calls to Box time out after 2 s."""
    started: list[SidecarProcess] = []

    def start(**details: Any) -> SidecarProcess:
        details = {"app_config": box.app_config, "api_url": box.url, **details}
        details["box"] = {"timeout_s": 2.0, **details.get("box", {})}
        sidecar = SidecarProcess(folder / str(next(_names)), **details)
        started.append(sidecar)
        return sidecar.start()

    yield start
    for sidecar in started:
        if sidecar.process:
            # At once: the calls of one that ends in peace would be in the log that the next test reads.
            sidecar.process.signal(signal.SIGKILL)
            sidecar.stop()


@pytest.fixture(scope="session")
def _shared(_emulator: EmulatorProcess, folder: Path) -> Iterator[SidecarProcess]:
    # What was charged outlives the reloads that make it new for each test, so the limits must be out of their reach.
    settings: dict[str, Any] = {
        "box": {"timeout_s": 2.0},
        "policy": {"mints_per_minute": 100_000, "mints_per_user_per_minute": 100_000},
    }
    with SidecarProcess(
        folder / "shared", app_config=_emulator.app_config, api_url=_emulator.url, **settings
    ) as running:
        yield running


@pytest.fixture
def sidecar(box: EmulatorProcess, _shared: SidecarProcess) -> SidecarProcess:
    """A sidecar with the usual settings that knows nothing yet: another Box app's meanwhile, it has forgotten all."""
    own = _shared.settings["box"]["app_config"]
    _take_over(_shared, str(box.ccg_config))
    greeted(box)
    box.reset()
    _take_over(_shared, own)
    return _shared


def _take_over(sidecar: SidecarProcess, app_config: str) -> None:
    before = _reloads(sidecar)
    sidecar.settings["box"]["app_config"] = app_config
    sidecar.write_config()
    assert sidecar.process
    os.kill(sidecar.process.pid, signal.SIGHUP)
    until(lambda: _reloads(sidecar) > before, 10)


def _reloads(sidecar: SidecarProcess) -> float:
    page = sidecar.request("GET", "/metrics").text
    found = re.search(r'^box_sidecar_reloads_total\{outcome="done"\} (\S+)', page, re.M)
    return float(found[1]) if found else 0.0
