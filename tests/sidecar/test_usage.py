"""What is used is counted to the call, kept over restarts without anybody's name, and never in anybody's way."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from box_sidecar.secret import Secret
from box_sidecar.usage import DAYS, Usage, UsageAnswer
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess, box_sidecar
from sidecar.conftest import Serve
from sidecar.support import Wire, calls, code, greeted, last, request_bytes, status_of

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
SECRET = Secret("the app's client secret")
DAY = 86_400.0


class Calendar:
    """Time that passes when the test says so, on both clocks, or jumps on the wall's alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.steady = NOON.timestamp(), 0.0
        monkeypatch.setattr("box_sidecar.clock.monotonic", lambda: self.steady)

    def now(self) -> float:
        return self.wall

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def jump(self, seconds: float) -> None:
        """And as long as it takes to notice."""
        self.wall += seconds
        self.steady += 61


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    return Calendar(monkeypatch)


def usage(calendar: Calendar, path: Path | None = None) -> Usage:
    made = Usage(SECRET, calendar.now)
    made.load(path)
    return made


def told(used: Usage, days: int = DAYS, allotment: int = 0, *, brake: bool = False) -> UsageAnswer:
    return used.answer(days, allotment, brake=brake)


def test_days_are_utcs_and_only_those_with_anything_are_told(calendar: Calendar) -> None:
    used = usage(calendar)
    used.token("explorer", "1", 12)
    used.token("explorer", "1", 12)
    used.token("picker", "2")
    calendar.pass_by(12 * 3600 - 1)
    used.failure("user_not_found")
    calendar.pass_by(1)
    used.token("explorer", "1", 7)
    calendar.pass_by(3 * DAY)
    used.call()
    used.calls({"list": 3, "read": 0})
    first, second, third = told(used).days
    assert (first.date, second.date, third.date) == ("2026-11-18", "2026-11-19", "2026-11-22")
    assert (first.tokens, first.people, first.failures) == ({"explorer": 2, "picker": 1}, 2, {"user_not_found": 1})
    assert [(page.page, page.element, page.tokens) for page in first.pages] == [(12, "explorer", 2)]
    assert second.people == 1 and third.box_calls == {"sidecar": 1, "list": 3}
    assert [day.date for day in told(used, 4).days] == ["2026-11-19", "2026-11-22"]
    assert [day.date for day in told(used, 1).days] == ["2026-11-22"]


def test_ninety_days_are_kept(calendar: Calendar, tmp_path: Path) -> None:
    used = usage(calendar, tmp_path / "usage.json")
    for _ in range(100):
        used.call()
        calendar.pass_by(DAY)
    used.call()
    days = told(used).days
    assert len(days) == DAYS
    assert days[-1].date == (NOON + timedelta(100)).date().isoformat()
    used.save()
    assert len(json.loads((tmp_path / "usage.json").read_bytes())["days"]) <= DAYS + 1


@pytest.mark.parametrize("years", [-20, -1, 1, 20])
def test_a_clock_that_is_wrong_for_a_while_costs_next_to_nothing(years: int, calendar: Calendar) -> None:
    used = usage(calendar)
    for _ in range(60):
        used.call()
        calendar.pass_by(DAY)
    calendar.jump(years * 365 * DAY)
    used.token("explorer", "1")
    calendar.jump(-years * 365 * DAY)
    used.token("explorer", "1")
    assert len(told(used).days) >= 60
    assert told(used).days[-1].people == 1


@pytest.mark.parametrize("now", [-6.2e10, 0.0, 2.53e11])
def test_no_time_that_a_proxy_tells_keeps_a_token_from_anybody(now: float, calendar: Calendar) -> None:
    calendar.wall = now
    used = usage(calendar)
    used.token("explorer", "1")
    assert told(used).days[0].people == 1 and told(used).month.calls == 0


def test_an_hour_back_over_midnight_counts_nobody_twice(calendar: Calendar) -> None:
    used = usage(calendar)
    used.token("explorer", "1")
    calendar.jump(12.5 * 3600)
    used.token("explorer", "1")
    calendar.jump(-3600)
    used.token("explorer", "1")
    assert len(told(used).days) == 1, "tomorrow is not told yet"
    calendar.pass_by(3600)
    assert [(day.people, day.tokens["explorer"]) for day in told(used).days] == [(1, 2), (1, 1)]


def test_the_month_is_foretold_from_whole_days_and_held_against_the_allotment(calendar: Calendar) -> None:
    used = usage(calendar)  # 18 November, noon
    for day in range(7):
        assert (told(used).month.forecast is None) is (day < 3), "three whole days, the first one included"
        used.calls({"list": 90})
        used.call()
        calendar.pass_by(DAY)
    used.calls({"read": 9})
    month = told(used, allotment=1000, brake=True).month
    assert month.calls == 7 * 91 + 9
    assert month.forecast == round(month.calls + 91 * 5.5)  # until the end of the 30th, from the 25th at noon
    assert month.share == month.forecast / 1000
    assert not told(used, allotment=1000, brake=True).brake
    assert told(used, allotment=700, brake=True).brake and not told(used, allotment=700).brake
    assert not told(used, brake=True).brake and told(used).month.share is None
    calendar.pass_by(10 * DAY)
    assert told(used).month.calls == 0, "another month"


def test_a_restart_goes_on_and_counts_nobody_twice(calendar: Calendar, tmp_path: Path) -> None:
    path = tmp_path / "usage.json"
    used = usage(calendar, path)
    for number in range(30):
        used.token("explorer", str(number), 3)
    used.save()
    again = usage(calendar, path)
    for number in range(20, 40):
        again.token("explorer", str(number), 3)
    (day,) = told(again).days
    assert (day.people, day.tokens, day.pages[0].tokens) == (40, {"explorer": 50}, 50)
    calendar.pass_by(2 * DAY)
    again.call()
    again.save()
    assert "seen" not in json.loads(path.read_bytes())["days"]["2026-11-18"], "only a number is left"
    assert told(usage(calendar, path)).days[0].people == 40


def test_what_strangers_can_make_many_of_is_bounded(calendar: Calendar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("box_sidecar.usage._PEOPLE", 50)
    used = usage(calendar)
    for number in range(1, 1001):
        used.token("explorer", str(number), number)
    (day,) = told(used).days
    assert day.people == 50 and day.tokens == {"explorer": 1000}
    assert len(day.pages) == 201 and sum(page.tokens for page in day.pages) == 1000
    assert (day.pages[0].page, day.pages[0].tokens) == (0, 800)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 100_000, b"\0" * 1000, b'{"version":2,"days":{}}', b'{"version":1,"days":{"2026-13-01":{}}}',
     b'{"version":1,"days":{"2026-11-18":{"pages":{"x":1}}}}', b'{"version":1,"days":{"2026-11-18":{"people":-1}}}',
     b'{"version":1,"days":{}} ' + b" " * 17_000_000],
    ids=["empty", "cut", "deep", "zeros", "another version", "no such day", "no page", "below nothing", "huge"],
)  # fmt: skip
def test_a_file_that_is_none_of_ours_is_put_aside_and_counting_begins_anew(
    content: bytes, calendar: Calendar, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "usage.json"
    path.write_bytes(content)
    used = usage(calendar, path)
    assert "counting starts anew" in caplog.text
    assert path.with_name("usage.json.damaged").read_bytes() == content
    used.call()
    used.save()
    assert told(usage(calendar, path)).days[0].box_calls == {"sidecar": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["usage.json", "usage.json.damaged"]


def test_a_file_that_cannot_be_written_is_said_once_and_counting_goes_on(
    calendar: Calendar, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "away"
    used = usage(calendar, folder / "usage.json")
    for _ in range(3):
        used.call()
        used.save()
    assert caplog.text.count("counting goes on in memory") == 1
    assert told(used).days[0].box_calls == {"sidecar": 3}
    folder.mkdir()
    used.save()
    assert told(usage(calendar, folder / "usage.json")).days[0].box_calls == {"sidecar": 3}
    outside = tmp_path / "somebody's"
    outside.write_text("keep me")
    link = tmp_path / "usage.json"
    link.symlink_to(outside)
    usage(calendar, link).call()
    assert outside.read_text() == "keep me", "a link is not followed"


# With real processes


def report(page: int | None = None, **kinds: int) -> dict[str, Any]:
    return ({} if page is None else {"page": page}) | ({"calls": kinds} if kinds else {})


def get(sidecar: SidecarProcess, days: int | str = 90) -> dict[str, Any]:
    answer = sidecar.request("GET", f"/v1/usage?days={days}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_day_is_counted_to_the_call_and_outlives_a_restart(box: EmulatorProcess, serve: Serve) -> None:
    since = last(box)
    sidecar = serve(usage={"allotment": 1000})
    greeted(box)
    first = sidecar.token("ana@example.com", report=report(12, list=4, download=2)).json()["access_token"]
    again = sidecar.token("ana@example.com", report=report(12, list=1))
    assert again.json()["access_token"] == first, "what is reported is no part of what is asked for"
    assert sidecar.audit()[-1]["outcome"] == "hit"
    sidecar.token("kenji@example.com", "picker", report=report(13))
    assert sidecar.token("kenji@example.com", "picker").status_code == 200
    assert sidecar.token("nobody@example.com", report=report(12, search=1)).status_code == 404
    assert sidecar.token("nobody@example.com").status_code == 404
    assert sidecar.token("ana@example.com", "hubs").status_code == 403
    box.fault("status", path="/oauth2/token", grant="token-exchange", status=503, times=2)  # retried, and counted
    assert sidecar.token("ana@example.com", scopes=("item_share",)).status_code == 200
    assert sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "kenji@example.com"}}).json() == {
        "revoked": 2
    }
    used = get(sidecar)
    (day,) = used["days"]
    seen = len(calls(box, since))
    assert day["box_calls"] == {"sidecar": seen, "list": 5, "download": 2, "search": 1}
    assert day["tokens"] == {"explorer": 3, "picker": 2} and day["people"] == 2
    assert day["failures"] == {"user_not_found": 2, "element_not_allowed": 1}
    assert {"page": 12, "element": "explorer", "tokens": 2} in day["pages"]
    assert {"page": 13, "element": "picker", "tokens": 1} in day["pages"] and len(day["pages"]) == 2
    assert used["month"] == {"calls": seen + 8, "forecast": None, "allotment": 1000, "share": None}
    assert used["brake"] is False
    page = sidecar.request("GET", "/metrics").text
    for line in (
        'tokens_issued_total{element="explorer"} 3.0', 'element_calls_total{kind="list"} 5.0',
        f"month_calls {seen + 8}.0", "month_calls_allotment 1000.0", "month_calls_forecast NaN",
    ):  # fmt: skip
        assert f"box_sidecar_{line}" in page
    sidecar.stop()
    file = sidecar.directory / "usage.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_text()
    for name in ("ana", "kenji", box.user("ana@example.com")["id"], box.user("kenji@example.com")["id"]):
        assert name not in content
    sidecar.start()
    sidecar.token("ana@example.com")
    (day,) = get(sidecar)["days"]
    assert day["people"] == 2 and day["tokens"] == {"explorer": 4, "picker": 2}
    assert day["box_calls"]["sidecar"] == len(calls(box, since))
    plain = command(sidecar, "usage")
    assert plain.returncode == 0 and re.search(r"\d{4}-\d\d-\d\d +6 +2 +3 +\d+  █+\n", plain.stdout), plain.stdout
    assert "Allotment (usage.allotment): 1000" in plain.stdout and "user_not_found" in plain.stdout
    plain = command(sidecar, "usage", "--days", "1", PYTHONIOENCODING="ascii")
    assert plain.returncode == 0 and "###" in plain.stdout, plain
    assert command(sidecar, "usage", "--days", "91").returncode == 1
    assert json.loads(command(sidecar, "usage", "--json").stdout)["days"][0]["people"] == 2


def command(sidecar: SidecarProcess, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [box_sidecar(), *arguments, "--config", str(sidecar.config)],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PYTHONUTF8": "1", **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "ok"),
    [
        ({}, True),
        ({"page": 0, "calls": {}}, True),
        ({"page": 10**10 - 1, "calls": {"list": 100_000, "other": 0}}, True),
        ({"page": 3452.0, "calls": {"list": 1e2, "change": 3784.0}}, True),
        ({"page": 10**10}, False),
        ({"page": -1}, False),
        ({"page": "12"}, False),
        ({"page": 1.5}, False),
        ({"calls": {"list": 100_001}}, False),
        ({"calls": {"list": -1}}, False),
        ({"calls": {"list": 0.5}}, False),
        ({"calls": {"sidecar": 1}}, False),
        ({"calls": {"lists": 1}}, False),
        ({"calls": [1]}, False),
        ({"element": "explorer"}, False),
        ([], False),
        ("x", False),
    ],
)
def test_a_report_is_judged_as_strictly_as_all_else(
    told: Any, ok: bool, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    sidecar.token("ana@example.com")
    before = get(sidecar)["days"]
    answer = sidecar.token("ana@example.com", report=told)
    assert answer.status_code == (200 if ok else 400)
    if not ok:
        assert code(answer) == "invalid_request"
        assert answer.json()["errors"][0]["field"].startswith("report")
        assert get(sidecar)["days"] == before, "nothing of it is counted"


@pytest.mark.parametrize(
    "query", ["days=0", "days=91", "days=-1", "days=x", "days=1.5", "days=1&days=2", "day=1", "days="]
)
def test_how_many_days_is_a_number_up_to_ninety(query: str, sidecar: SidecarProcess) -> None:
    assert code(sidecar.request("GET", f"/v1/usage?{query}")) == "invalid_request"


def test_a_report_costs_other_bodies_nothing(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    """Bodies that never come again are not remembered in place of those that do."""
    sidecar.token("ana@example.com")
    body = {"user": {"login": "ana@example.com"}, "element": "explorer"}
    with Wire(sidecar.socket) as wire:
        pieces = [request_bytes("POST", "/v1/tokens", body | {"report": {"page": n}}) for n in range(1, 300)]
        wire.send(b"".join(pieces) + request_bytes("POST", "/v1/tokens", body, "Connection: close"))
        answers = wire.read()
    assert status_of(answers) == 200 and answers.count(b"HTTP/1.1 200") == 300
    pages = get(sidecar)["days"][-1]["pages"]
    assert len(pages) <= 201 and sum(page["tokens"] for page in pages) >= 299
