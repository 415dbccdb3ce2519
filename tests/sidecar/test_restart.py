"""A restart behind a socket that stays, as systemd has it: nobody notices but by the time that it takes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.restart import restarts
from intranet.activation import Activated
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess, box_sidecar
from sidecar.support import Wire, request_bytes, status_of

#: By hand, ``tests/bench/restart.py`` sends a hundred thousand.
REQUESTS, RESTARTS = 3000, 4


@pytest.fixture
def stopped(box: EmulatorProcess, folder: Path, request: pytest.FixtureRequest) -> SidecarProcess:
    """A sidecar that has not been started."""
    directory = folder / f"r{abs(hash(request.node.name)) % 10**8}"
    return SidecarProcess(directory, app_config=box.app_config, api_url=box.url)


@pytest.fixture
def unit(stopped: SidecarProcess) -> Iterator[Activated]:
    """The same, started behind a socket that stays."""
    with Activated(stopped) as started:
        yield started


def test_no_request_is_lost_in_restarts(stopped: SidecarProcess) -> None:
    outcome, count = restarts(stopped, [box_sidecar()], REQUESTS, RESTARTS)
    assert outcome.lost == [] and outcome.answered >= REQUESTS and count >= RESTARTS


def test_who_has_connected_is_heard_before_it_ends(stopped: SidecarProcess, unit: Activated) -> None:
    assert unit.process
    with Wire(stopped.socket) as fresh, Wire(stopped.socket) as kept:
        kept.send(request_bytes())
        assert status_of(kept.socket.recv(4096)) == 200
        os.kill(unit.process.pid, signal.SIGTERM)
        time.sleep(0.3)
        for wire in (fresh, kept):
            wire.send(request_bytes())
            answer = wire.read()
            assert status_of(answer) == 200 and b"connection: close" in answer.lower()


def test_who_asks_nothing_any_more_can_t_send_half_a_request(stopped: SidecarProcess, unit: Activated) -> None:
    assert unit.process
    with Wire(stopped.socket) as silent:
        os.kill(unit.process.pid, signal.SIGTERM)
        assert silent.read() == b""
        with pytest.raises(BrokenPipeError):
            silent.send(request_bytes())
