"""A wrong clock, on either side, by hours, or jumping: at most one retry, and then never again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from intranet.emulator import Emulator
from intranet.sidecar import Sidecar
from sidecar.conftest import Serve
from sidecar.support import calls, code, greeted, last

GRANT = "jwt-bearer"


def refused(box: Emulator, since: int = 0) -> int:
    """Grants that Box refused."""
    return sum(1 for entry in box.log(since) if entry["grant"] == GRANT and entry["status"] != 200)


@pytest.mark.parametrize("hours", [-9.5, -0.1, 0.05, 26])
def test_a_clock_wrong_by_hours_costs_one_retry_and_the_next_tokens_none(
    hours: float, box: Emulator, serve: Serve
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


def test_boxs_clock_may_jump_while_we_run(box: Emulator, serve: Serve) -> None:
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


def test_a_clock_that_can_not_be_learnt_is_not_tried_for_ever(box: Emulator, serve: Serve) -> None:
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
    assert calls(box, since).count("POST /oauth2/token") == 3  # by Box's clock twice, by this host's once


def test_each_attempt_has_a_fresh_assertion(box: Emulator, sidecar: Sidecar) -> None:
    # The emulator, as Box, refuses a jti that it has seen; a request that was carried out before its answer was lost
    # has shown it one.
    greeted(box)
    since = last(box)
    for kind in ("cut", "status"):
        box.fault(kind, path="/oauth2/token", grant=GRANT, after=True)
    assert sidecar.token("ana@example.com").status_code == 200
    assert calls(box, since).count(GRANT) == 3
    assert [entry["status"] for entry in box.log(since) if entry["grant"] == GRANT][-1] == 200


def test_the_life_of_a_token_is_what_box_says_and_not_an_hour(box: Emulator, sidecar: Sidecar) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 4247})
    assert 4240 <= sidecar.token("ana@example.com").json()["expires_in"] <= 4247


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


@pytest.mark.parametrize("hours", [-5, 26])
def test_a_host_whose_clock_is_wrong_and_jumps(hours: int, host_clock: Path, box: Emulator, serve: Serve) -> None:
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
