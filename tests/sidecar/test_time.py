"""A wrong clock, on either side, by hours, or jumping: at most one retry, and then never again."""

from __future__ import annotations

import itertools
import re
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from box_sidecar.box.clock import BoxClock
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import calls, code, greeted, last

GRANT = "jwt-bearer"


def refused(box: EmulatorProcess, since: int = 0) -> int:
    """Grants that Box refused."""
    return sum(1 for entry in box.log(since) if entry["grant"] == GRANT and entry["status"] != 200)


@pytest.mark.parametrize("hours", [-9.5, -0.1, 0.05, 26])
def test_a_clock_wrong_by_hours_costs_one_retry_and_the_next_tokens_none(
    hours: float, box: EmulatorProcess, serve: Serve
) -> None:
    box.settings(clock_offset_s=hours * 3600)
    sidecar = serve()
    assert sidecar.token("ana@example.com").status_code == 200
    assert refused(box) == 1
    for login in ("kenji@example.com", "olga@example.com"):
        assert sidecar.token(login).status_code == 200
    assert refused(box) == 1
    offset = re.search(r"^box_sidecar_box_clock_offset_seconds (\S+)", sidecar.request("GET", "/metrics").text, re.M)
    assert offset and abs(float(offset[1]) - hours * 3600) < 2


def test_boxs_clock_may_jump_while_we_run(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    assert sidecar.token("ana@example.com").status_code == 200
    for offset, login in ((7200, "kenji@example.com"), (-7200, "olga@example.com")):
        since = last(box)
        box.settings(clock_offset_s=offset)
        box.expire_tokens(kind="user", revoke=True)
        assert sidecar.token(login).status_code == 200
        assert refused(box, since) <= 1
        since = last(box)
        assert sidecar.token(login, scopes=("item_share",)).status_code == 200
        assert sidecar.token("o'brien+box@example.com").status_code == 200
        assert refused(box, since) == 0


def test_a_clock_that_can_not_be_learnt_is_not_tried_for_ever(box: EmulatorProcess, serve: Serve) -> None:
    words = (
        "Please check the 'exp' claim. The 'exp' value exceeds the maximum value of 60 seconds beyond the issue time."
    )
    body = {"error": "invalid_grant", "error_description": words}
    sidecar = serve()
    greeted(box)
    since = last(box)
    box.fault("status", path="/oauth2/token", grant=GRANT, times=None, status=400, body=body)
    answer = sidecar.token("ana@example.com")
    assert (answer.status_code, code(answer)) == (502, "clock_skew")
    assert calls(box, since).count("POST /oauth2/token") == 1  # both clocks agree: nothing else to try


class Proxy(BaseHTTPRequestHandler):
    """Something between here and Box that puts a time of its own into the answers: into all, or every other one."""

    box = ""
    every = 1
    answered = itertools.count()

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        told = httpx.request(self.command, self.box + self.path, content=body, headers=headers, trust_env=False)
        lie = next(self.answered) % self.every == 0
        date = formatdate(time.time() - 3600, usegmt=True) if lie else told.headers["date"]
        self.send_response_only(told.status_code)
        self.send_header("Date", date)
        self.send_header("Content-Type", told.headers.get("content-type", ""))
        self.send_header("Content-Length", str(len(told.content)))
        self.end_headers()
        self.wfile.write(told.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("every", [1, 2])
def test_a_date_that_is_not_boxs_makes_no_token_fail(every: int, box: EmulatorProcess, serve: Serve) -> None:
    handler = type("Handler", (Proxy,), {"box": box.url, "every": every, "answered": itertools.count()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        sidecar = serve(api_url=f"http://127.0.0.1:{proxy.server_port}")
        people = (
            "ana@example.com",
            "kenji@example.com",
            "olga@example.com",
            "o'brien+box@example.com",
        )
        for login in people:
            assert sidecar.token(login).status_code == 200
        proxy.shutdown()


def test_each_attempt_has_a_fresh_assertion(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    # The emulator, as Box, refuses a jti that it has seen; a request that was carried out before its answer was lost
    # has shown it one.
    greeted(box)
    since = last(box)
    for kind in ("cut", "status"):
        box.fault(kind, path="/oauth2/token", grant=GRANT, after=True)
    assert sidecar.token("ana@example.com").status_code == 200
    assert calls(box, since).count(GRANT) == 3
    assert [entry["status"] for entry in box.log(since) if entry["grant"] == GRANT][-1] == 200


def test_the_life_of_a_token_is_what_box_says_and_not_an_hour(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 4247})
    assert 4240 <= sidecar.token("ana@example.com").json()["expires_in"] <= 4247


class Clocks:
    """A host's two clocks and Box's, as they are said to be."""

    def __init__(self) -> None:
        self.steady = 1000.0
        self.wall = 1_700_000_000.0
        self.box = 1_700_000_000.0
        self.clock = BoxClock(lambda: self.wall, lambda: self.steady)

    def wait(self, seconds: float) -> None:
        self.steady, self.wall, self.box = self.steady + seconds, self.wall + seconds, self.box + seconds

    def answer(self, wrong_by: float = 0.0) -> None:
        self.clock.observe(formatdate(int(self.box + wrong_by), usegmt=True))

    @property
    def error(self) -> float:
        return abs(self.clock.now() - self.box)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 3000), st.floats(10, 1e8)), max_size=30), st.floats(-1e6, 1e6))
def test_dates_that_a_proxy_made_up_teach_nothing(answers: list[tuple[bool, float, float]], host: float) -> None:
    """As long as no two of them in a row agree."""
    clocks = Clocks()
    clocks.wall += host
    clocks.answer()
    lie = 0.0
    for true, pause, wrong_by in answers:
        clocks.wait(pause)
        lie = 0.0 if true else lie + wrong_by
        clocks.answer(lie)
        assert clocks.error < 6


@given(st.floats(-1e8, 1e8), st.floats(-1e8, 1e8), st.booleans())
def test_a_jump_of_either_clock_is_followed_within_two_answers(box: float, host: float, at_once: bool) -> None:
    clocks = Clocks()
    clocks.answer()
    clocks.box, clocks.wall = clocks.box + box, clocks.wall + host
    for _ in range(2):
        clocks.wait(0 if at_once else 30)
        clocks.answer()
    assert clocks.error < 6


def test_a_date_of_long_ago_is_not_taken_for_now_because_it_was_heard_before() -> None:
    clocks = Clocks()
    clocks.answer()
    clocks.wait(3600)
    clocks.answer(-3600)
    assert clocks.error < 2


@given(st.lists(st.sampled_from([0.0, 7200.0]), min_size=1, max_size=20))
def test_one_of_the_beliefs_is_right_whatever_half_of_the_answers_say(answers: list[float]) -> None:
    """And once Box has accepted it, a single answer does not change that any more."""
    clocks = Clocks()
    clocks.wall += 86_400
    clocks.answer()
    for wrong_by in answers:
        clocks.wait(10)
        clocks.answer(wrong_by)
    right = [belief for belief in clocks.clock.beliefs() if abs(clocks.clock.now(belief) - clocks.box) < 6]
    assert len(right) == 1
    assert len(clocks.clock.beliefs()) <= 3
    clocks.clock.settle(right[0])
    assert clocks.error < 6
    clocks.wait(10)
    clocks.answer(7200)
    assert clocks.error < 6


def test_the_hosts_clock_is_tried_where_nothing_else_is_right() -> None:
    clocks = Clocks()
    for wrong_by in (3600, 3600, 7200):
        clocks.wait(2)
        clocks.answer(wrong_by)
    tried = [clocks.clock.now(belief) for belief in clocks.clock.beliefs()]
    assert [round(time - clocks.box, -1) for time in tried] == [3600, 7200, 0]


@pytest.mark.parametrize("hours", [-5, 26])
def test_a_host_whose_clock_is_wrong_and_jumps(
    hours: int, host_clock: Path, box: EmulatorProcess, serve: Serve
) -> None:
    offset = host_clock / "offset"
    offset.write_text(str(hours * 3600))
    sidecar = serve(env={"PYTHONPATH": str(host_clock)})
    assert sidecar.token("ana@example.com").status_code == 200
    assert refused(box) == 1, "the host's clock was not wrong for the sidecar"
    for jump, login in ((8_640_000, "kenji@example.com"), (-10_800, "olga@example.com"), (0, "trap@example.com")):
        offset.write_text(str(jump))
        answer = sidecar.token(login)
        assert answer.status_code == 200
        assert 3590 < answer.json()["expires_in"] <= 3600
    assert sidecar.token("ana@example.com").json()["expires_in"] > 3500
    assert refused(box) == 1
