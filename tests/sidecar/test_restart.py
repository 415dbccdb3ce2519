"""A restart behind a socket that stays, as systemd has it: nobody notices but by the time that it takes."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.restart import restarts
from intranet.activation import Activated
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess, box_sidecar
from sidecar.support import Wire, calls, code, last, request_bytes, status_of

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


def test_limits_go_on_over_restarts_and_the_master_s_death(box: EmulatorProcess, stopped: SidecarProcess) -> None:
    stopped.settings["policy"] = {"mints_per_user_per_minute": 3, "mints_per_minute": 6}
    stopped.write_config()
    ends = (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM)
    with Activated(stopped) as unit:
        for feature, by in zip(("item_preview", "item_download", "item_upload"), ends, strict=True):
            assert stopped.token("ana@example.com", scopes=(feature,)).status_code == 200
            unit.stop(by)
            unit.start()
        since = last(box)
        answer = stopped.token("ana@example.com", scopes=("item_share",))
        assert (answer.status_code, code(answer)) == (429, "rate_limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert not [entry for entry in box.log(since) if entry["grant"] == "token-exchange"]
        assert stopped.token("kenji@example.com").status_code == 200
        # Look-ups are counted apart, and go on, too: each of the four took one for Ana, who was forgotten.
        unit.stop()
        unit.start()
        found = [stopped.request("GET", "/v1/users", params={"login": f"{name}@example.com"}) for name in "xy"]
        assert [code(answer) for answer in found] == ["user_not_found", "rate_limited"]
        # Stopped and started, it begins anew: systemd lets go of what it kept.
        unit.stop()
        unit.store.clear()
        unit.start()
        assert stopped.token("ana@example.com", scopes=("item_share",)).status_code == 200


def test_what_is_kept_and_can_t_be_gone_on_with_is_said_and_begins_anew(
    stopped: SidecarProcess, unit: Activated
) -> None:
    def foreign(name: str) -> tuple[str, int]:
        return name, os.memfd_create(name)

    kept = unit.store.kept
    assert sorted(name for name, _ in kept) == ["calls", "mints"]
    unit.stop()
    unit.store.kept = [foreign("mints"), kept[1], foreign("of another version"), kept[0]]
    unit.start()
    assert stopped.token("ana@example.com").status_code == 200
    log = stopped.log.read_text()
    assert "what was charged against the limits begins anew, what was kept is of no use: its size" in log
    assert "what systemd kept as “of another version” is of no use" in log
    assert sorted(name for name, _ in unit.store.kept) == ["calls", "mints", "of another version"]


def test_a_restart_costs_one_new_token_for_each_person_who_comes(
    box: EmulatorProcess, stopped: SidecarProcess, unit: Activated
) -> None:
    people = ("ana@example.com", "kenji@example.com")
    assert {stopped.token(login).status_code for login in people} == {200}
    unit.stop()
    since = last(box)
    unit.start()
    for _ in range(3):
        assert {stopped.token(login).status_code for login in people} == {200}
    # The service account's token; then, for each person, who they are, their own token, and the widget's.
    assert Counter(calls(box, since)) == {"jwt-bearer": 1 + 2, "GET /2.0/users": 2, "token-exchange": 2}
