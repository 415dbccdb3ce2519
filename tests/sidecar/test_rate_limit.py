"""So many calls a minute, in any minute, and neither a reload nor the death of worker or master begins a new one."""

from __future__ import annotations

import fcntl
import math
import os
import signal
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

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


def test_the_next_master_goes_on_in_the_same_memory(clock: Clock) -> None:
    before, after = Ledger(8), Ledger(8)
    before.add(clock.now, 1)
    after.take_over(os.dup(before.file))
    before.add(clock.now, 2)
    assert after.since(0.0) == [(clock.now, 1), (clock.now, 2)]
    with pytest.raises(PermissionError):
        os.ftruncate(after.file, 0)  # nobody can cut it off under whoever counts in it


HEADER = struct.pack("=8sQ", b"charges1", 1)
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


@pytest.mark.parametrize(
    ("content", "seals"),
    [
        (HEADER + struct.pack("=dQ", 1000.0, 1), 0),
        (HEADER + struct.pack("=dQ", 1000.0, 1), SEALS | fcntl.F_SEAL_WRITE),
        (HEADER + struct.pack("=dQ", 1000.0, 1) * 9, SEALS),
        (b"", SEALS),
        (HEADER.replace(b"1", b"2") + struct.pack("=dQ", 1000.0, 1), SEALS),
        *(
            (HEADER + struct.pack("=dQ", when, 1), SEALS)
            for when in (1000.1, math.inf, math.nan, 2.0**63)
        ),
        (struct.pack("=8sQdQdQ", b"charges1", 2, 1000.0, 1, 999.0, 1), SEALS),
        (struct.pack("=8sQdQ", b"charges1", 2**64 - 1, 1000.0, 1), SEALS),
    ],
)  # fmt: skip
def test_memory_that_can_t_be_right_is_left_and_counting_goes_on(clock: Clock, content: bytes, seals: int) -> None:
    ledger, file = Ledger(2), os.memfd_create("kept", os.MFD_ALLOW_SEALING)
    ledger.add(clock.now, 7)
    os.pwrite(file, content, 0)
    if len(content) <= len(HEADER) + 32:
        os.ftruncate(file, len(HEADER) + 32 if content else 0)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)
    with pytest.raises(ValueError, match=r"in it can't be|another version|its size|no memory"):
        ledger.take_over(file)
    assert ledger.since(0.0) == [(clock.now, 7)]
    ledger.add(clock.now, 8)


@pytest.mark.parametrize("what", [os.pipe, lambda: (os.open("/dev/null", os.O_RDWR), 0)])
def test_what_is_no_memory_is_left_too(what: Callable[[], tuple[int, int]]) -> None:
    file, _ = what()
    with pytest.raises(ValueError, match="no memory"):
        Ledger(2).take_over(file)


class Story(RuleBasedStateMachine):
    """People who ask, time that passes, workers and masters that end: what is allowed is what a list of times says."""

    PER_USER, OVERALL = 3, 5

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.clock = Clock()
        self.patch.setattr("box_sidecar.clock.monotonic", self.clock)
        self.mints, self.calls = Ledger(8), Ledger(8)
        self.allowed: list[tuple[float, str]] = []
        self.looked_up: list[float] = []
        self.worker()

    @rule()
    def worker(self) -> None:
        """Another one, or a reload."""
        self.limits = MintLimits(self.PER_USER, self.OVERALL, self.mints, self.calls)

    @rule(kept=st.booleans())
    def master(self, kept: bool) -> None:
        """Another one, for which the first one's memory was kept; or which finds it stopped before."""
        for name in ("mints", "calls"):
            ledger, before = Ledger(8), getattr(self, name)
            if kept:
                ledger.take_over(os.dup(before.file))
            os.close(before.file)
            setattr(self, name, ledger)
        if not kept:
            self.allowed, self.looked_up = [], []
        self.worker()

    @rule(seconds=st.sampled_from([0.0, 0.5, 7.0, 29.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        """None, some, or a whole minute."""
        self.clock.now += seconds

    @rule(person=st.sampled_from("abc"))
    def mint(self, person: str) -> None:
        """Somebody asks for a new token."""
        last = [whose for when, whose in self.allowed if when > self.clock.now - 60]
        is_free = len(last) < self.OVERALL and last.count(person) < self.PER_USER
        assert charged(self.limits, person, 1) == is_free
        self.allowed += [(self.clock.now, person)] * is_free

    @rule()
    def call(self) -> None:
        """Somebody is looked up."""
        is_free = len([when for when in self.looked_up if when > self.clock.now - 60]) < self.OVERALL
        try:
            self.limits.charge_call()
        except Problem:
            assert not is_free
        else:
            assert is_free
            self.looked_up.append(self.clock.now)

    def teardown(self) -> None:
        """The clock is right again."""
        os.close(self.mints.file)
        os.close(self.calls.file)
        self.patch.undo()


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=40, stateful_step_count=30, deadline=None, database=None)
