"""So many calls a minute, in any minute, and neither a reload nor the death of the worker begins a new one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from box_sidecar.problems import Problem
from box_sidecar.rate_limit import Ledger, MintLimits
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import calls, code, greeted, last, post, until, worker_of


def kill_worker(sidecar: SidecarProcess) -> None:
    """End the worker as a crash would, and wait for the next one."""
    worker = worker_of(sidecar)
    os.kill(worker, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{worker}").exists(), 20)
    # A connection that the dead worker had accepted ends with it; later ones wait for the next worker.
    until(lambda: sidecar.request("GET", "/health/live").status_code == 200, 20)
    assert worker_of(sidecar) != worker


def reload(sidecar: SidecarProcess) -> None:
    """Let it take its files again."""
    assert sidecar.process
    before = sidecar.log.read_text().count("configuration reloaded")
    os.kill(sidecar.process.pid, signal.SIGHUP)
    until(lambda: sidecar.log.read_text().count("configuration reloaded") > before, 20)


@pytest.mark.parametrize("interrupt", [kill_worker, reload])
def test_a_persons_limit_outlives_what_the_worker_may_not(
    interrupt: Callable[[SidecarProcess], None], box: EmulatorProcess, serve: Serve
) -> None:
    sidecar = serve(policy={"mints_per_user_per_minute": 3})
    for feature in ("item_preview", "item_download"):
        assert sidecar.token("ana@example.com", scopes=(feature,)).status_code == 200
    interrupt(sidecar)
    assert sidecar.token("ana@example.com", scopes=("item_upload",)).status_code == 200
    interrupt(sidecar)
    since = last(box)
    answer = sidecar.token("ana@example.com", scopes=("item_share",))
    assert (answer.status_code, code(answer)) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert not [entry for entry in box.log(since) if entry["grant"] == "token-exchange"]
    assert sidecar.token("kenji@example.com").status_code == 200


@pytest.mark.parametrize("interrupt", [kill_worker, reload])
def test_the_limits_of_all_people_outlive_it_too(
    interrupt: Callable[[SidecarProcess], None], box: EmulatorProcess, serve: Serve
) -> None:
    sidecar = serve(policy={"mints_per_minute": 4})
    people = [f"person{number}@example.com" for number in range(6)]
    for login in people:
        box.add_user(login, login)
    greeted(box)
    for login in people[:4]:
        assert sidecar.token(login).status_code == 200
    interrupt(sidecar)
    since = last(box)
    for number in range(10):
        assert code(sidecar.token(people[number % 2], scopes=("item_share",))) == "rate_limited"
        assert code(sidecar.request("GET", "/v1/users", params={"login": f"guess{number}@example.com"})) == (
            "rate_limited"
        )
    assert "GET /2.0/users" not in calls(box, since)
    assert not [entry for entry in box.log(since) if entry["grant"] == "token-exchange"]


def test_a_reload_takes_other_limits_and_keeps_what_was_counted(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"mints_per_user_per_minute": 2})
    features = ["item_preview", "item_download", "item_upload", "item_share"]
    with sidecar.client() as client:
        for feature in features[:2]:
            assert post(client, "ana@example.com", scopes=[feature]).status_code == 200
        assert code(post(client, "ana@example.com", scopes=[features[2]])) == "rate_limited"
        for limit, allowed in ((3, True), (3, False), (1, False)):
            sidecar.settings["policy"]["mints_per_user_per_minute"] = limit
            sidecar.write_config()
            reload(sidecar)
            status = post(client, "ana@example.com", scopes=[features[2 if allowed else 3]]).status_code
            assert status == (200 if allowed else 429)


class Clock:
    """A clock that stands until it is told otherwise."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The sidecar's clock."""
    clock = Clock()
    monkeypatch.setattr("box_sidecar.clock.monotonic", clock)
    return clock


def charged(limits: MintLimits, person: str, times: int) -> int:
    """How many of so many mints are allowed."""
    allowed = 0
    for _ in range(times):
        try:
            limits.charge_mint(person)
        except Problem as problem:
            assert problem.code == "rate_limited"
        else:
            allowed += 1
    return allowed


def test_no_minute_has_more_than_the_limit_wherever_it_begins(clock: Clock) -> None:
    limits = MintLimits(3, 5, Ledger(), Ledger())
    allowed: list[float] = []
    for _ in range(200):
        clock.now += 3.7
        allowed += [clock.now] * charged(limits, "1", 2)
    assert len(allowed) > 30
    for first in allowed:
        assert sum(first <= one < first + 60 for one in allowed) <= 3


def test_who_waits_as_long_as_is_said_is_served(clock: Clock) -> None:
    limits = MintLimits(2, 3, Ledger(), Ledger())
    limits.charge_mint("1")
    clock.now += 20
    limits.charge_mint("1")
    for person in ("1", "1", "2", "3"):
        clock.now += 1
        try:
            limits.charge_mint(person)
        except Problem as problem:
            assert problem.retry_after is not None
            clock.now += problem.retry_after
            limits.charge_mint(person)


def test_a_ledger_remembers_the_last_minute_of_whoever_wrote_it_before(clock: Clock) -> None:
    mints, others = Ledger(), Ledger()
    child = os.fork()
    if child == 0:
        limits = MintLimits(5, 10, mints, others)
        charged(limits, "1", 5)
        charged(limits, "2", 1)
        for _ in range(9):
            limits.charge_call()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    limits = MintLimits(5, 10, mints, others)
    assert charged(limits, "1", 3) == 0
    assert charged(limits, "2", 9) == 4
    limits.charge_call()
    with pytest.raises(Problem):
        limits.charge_call()
    clock.now += 60
    assert charged(MintLimits(5, 10, mints, others), "1", 9) == 5


def test_a_ledger_that_went_round_forgets_only_the_oldest(clock: Clock) -> None:
    ledger = Ledger(4)
    for number in range(11):
        ledger.add(float(number), number)
    assert ledger.since(-1.0) == [(float(number), number) for number in range(7, 11)]
    assert ledger.since(8.0) == [(9.0, 9), (10.0, 10)]
    assert charged(MintLimits(99, 99, Ledger(4), Ledger(4)), "1", 9) == 4, "no more than can be counted"
