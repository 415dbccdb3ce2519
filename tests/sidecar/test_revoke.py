"""Log-out, role change, deletion: everything of a person is revoked at Box and forgotten, also what is on its way."""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType, SimpleNamespace
from typing import Any

import httpx
import pytest

from box_sidecar.audit import Peer
from box_sidecar.by_person import ByPerson
from box_sidecar.model import Resource, Subject
from box_sidecar.problems import Problem
from box_sidecar.resources import Tokens
from box_sidecar.revocation import RevocationLog
from box_sidecar.settings import PolicySettings, Settings
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.scripted_box import DOWN, LOGINS, Stage
from sidecar.support import Wire, code, greeted, last, request_bytes, together, until


def revoke(sidecar: SidecarProcess, **user: str) -> httpx.Response:
    return sidecar.request("POST", "/v1/tokens/revoke", json={"user": user or {"login": "ana@example.com"}})


def alive(box: EmulatorProcess, login: str = "ana@example.com") -> list[dict[str, Any]]:
    return [token for token in box.tokens() if token["login"] == login and token["alive"]]


def test_every_token_of_the_person_is_revoked_at_box_and_nobody_elses(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    for scopes in ((), ("item_share",)):
        sidecar.token("ana@example.com", scopes=scopes)
    kenjis = sidecar.token("kenji@example.com").json()["access_token"]
    assert len(alive(box)) == 3  # two widgets', and the user token they were made from
    answer = revoke(sidecar, login="ANA@example.com")
    assert (answer.status_code, answer.json()) == (200, {"revoked": 3})
    assert alive(box) == []
    assert sidecar.token("kenji@example.com").json()["access_token"] == kenjis
    assert len(alive(box, "kenji@example.com")) == 2
    line = [line for line in sidecar.audit() if line["event"] == "tokens_revoked"][-1]
    assert line["outcome"] == "revoked 3" and line["peer_uid"] is not None
    assert sidecar.token("ana@example.com").status_code == 200
    assert sidecar.audit()[-1]["outcome"] == "mint", "the person is looked at anew"


def test_tokens_that_were_renewed_meanwhile_are_revoked_too(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 6})
    sidecar = serve(cache={"min_life_s": 0.5, "refresh_ahead_s": 5.5})
    first = sidecar.token("ana@example.com").json()["access_token"]
    until(lambda: sidecar.token("ana@example.com").json()["access_token"] != first)
    assert first in {token["token"] for token in alive(box)}, "a browser may still hold the token that was replaced"
    assert revoke(sidecar).status_code == 200
    assert alive(box) == []


def test_a_token_that_was_not_renewed_for_good_reason_is_revoked_too(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 8})
    sidecar = serve(cache={"min_life_s": 0.5, "refresh_ahead_s": 7.5})
    held = sidecar.token("ana@example.com").json()["access_token"]
    box.change_user(box.user("ana@example.com")["id"], role="admin")
    until(lambda: any(line["event"] == "renewal_failed" for line in sidecar.audit()))
    assert held in {token["token"] for token in alive(box)}, "it is handed out no more, but a browser may hold it"
    assert revoke(sidecar, id=box.user("ana@example.com")["id"]).status_code == 200
    assert alive(box) == []


@pytest.mark.parametrize("by", ["login", "id"])
def test_a_person_is_found_however_named_and_however_the_token_was_asked_for(
    by: str, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    identity = box.user("ana@example.com")["id"]
    ask = {"id": identity} if by == "login" else {"login": "ana@example.com"}
    sidecar.request("POST", "/v1/tokens", json={"user": ask, "element": "explorer"})
    named = {"login": "ana@example.com"} if by == "login" else {"id": identity}
    assert revoke(sidecar, **named).json() == {"revoked": 2}
    assert alive(box) == []


def test_of_somebody_we_never_saw_there_is_nothing_to_revoke_and_nothing_to_ask(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    since = last(box)
    assert revoke(sidecar, login="nora@example.com").json() == {"revoked": 0}
    assert box.log(since) == []


@pytest.mark.parametrize(
    ("path", "grant"),
    [("/2.0/users", ""), ("/oauth2/token", "jwt-bearer"), ("/oauth2/token", "token-exchange")],
)
def test_a_token_that_is_being_made_is_handed_out_to_nobody(
    path: str, grant: str, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    since = last(box)
    box.fault("delay", path=path, grant=grant, seconds=0.8)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(sidecar.token, "ana@example.com")
        time.sleep(0.4)
        assert not coming.done()
        assert revoke(sidecar).status_code == 200
        answer = coming.result()
    assert answer.status_code == 409 and code(answer) == "tokens_revoked"
    assert "access_token" not in answer.text
    until(lambda: alive(box) == [], 5)
    assert box.log(since)
    assert sidecar.token("ana@example.com").status_code == 200


def test_when_box_is_down_they_are_forgotten_and_box_is_told_later(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    sidecar.token("ana@example.com")
    box.fault("cut", path="/oauth2/revoke", times=None)
    answer = revoke(sidecar)
    assert (answer.status_code, code(answer)) == (503, "box_unavailable")
    assert len(alive(box)) == 2
    box.clear_faults()
    until(lambda: alive(box) == [], 40, 0.3)


def test_a_caller_who_does_not_wait_leaves_no_token_alive(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    sidecar.token("ana@example.com")
    box.fault("delay", path="/oauth2/revoke", seconds=1, times=2)
    with Wire(sidecar.socket) as wire:
        wire.send(request_bytes("POST", "/v1/tokens/revoke", {"user": {"login": "ana@example.com"}}))
        time.sleep(0.3)
    until(lambda: alive(box) == [], 10)


def test_a_token_goes_out_to_nobody_after_a_log_out_while_the_audit_waits() -> None:
    with Stage() as stage:
        service, gate = stage.service, stage.loop.create_future()

        async def write(_entry: object) -> None:
            await gate

        audit = SimpleNamespace(require=lambda: None, write=write, pseudonym=lambda login: "p:1")
        sidecar: Any = SimpleNamespace(
            audit=audit, issuer=service.issuer, revocations=service.revocations, current=service.current
        )

        async def read(_most: int) -> bytes:
            return b'{"user": {"login": "a@example.com"}, "element": "explorer"}'

        req: Any = SimpleNamespace(stream=SimpleNamespace(read=read), context=SimpleNamespace(id="1", peer=Peer(0, 0)))
        resp: Any = SimpleNamespace(data=None)
        answering = stage.begin(Tokens(sidecar).on_post(req, resp))
        assert len(stage.living()) == 1 and not answering.done()
        stage.revoke()
        gate.set_result(None)
        stage.loop.settle()
        assert str(answering.exception()).startswith("tokens_revoked") and resp.data is None
        assert stage.living() == set()


def test_a_refused_revocation_is_not_called_one(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    sidecar.token("ana@example.com")
    body = {"error": "invalid_client", "error_description": "The client credentials are invalid"}
    box.fault("status", path="/oauth2/revoke", status=400, body=body, times=2)
    answer = revoke(sidecar)
    assert (answer.status_code, code(answer)) == (502, "bad_client_credentials")


def test_a_deleted_person_gets_nothing_more(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    sidecar.token("ana@example.com")
    identity = box.user("ana@example.com")["id"]
    revoke(sidecar)
    box.delete_user(identity)
    assert code(sidecar.token("ana@example.com")) == "user_not_found"


def test_a_deleted_person_with_a_remembered_user_token_gets_no_other_token(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    sidecar.token("ana@example.com")
    box.delete_user(box.user("ana@example.com")["id"])
    assert code(sidecar.token("ana@example.com", scopes=("item_share",))) == "user_not_found"


def test_a_log_out_by_the_login_of_before_a_renaming_reaches_all(box: EmulatorProcess, serve: Serve) -> None:
    """Asked for by id, and renewed under the new login: the old one, by which the site knows the person, still counts.

    The same for a token asked for by the old login, which Box no longer finds when it is to be renewed.
    """
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 8})
    sidecar = serve(cache={"min_life_s": 0.5, "refresh_ahead_s": 7.5})
    ana, kenji = (box.user(login)["id"] for login in ("ana@example.com", "kenji@example.com"))
    assert sidecar.request("POST", "/v1/tokens", json={"user": {"id": ana}, "element": "explorer"}).is_success
    assert sidecar.token("kenji@example.com").is_success
    box.change_user(ana, login="ana.maria@example.com")
    box.change_user(kenji, login="kenji.t@example.com")
    ends = {line["user_id"]: line["event"] for line in until(lambda: both_ended(sidecar), 8)}
    assert ends == {ana: "token_renewed", kenji: "renewal_failed"}
    assert alive(box, "ana.maria@example.com") and alive(box, "kenji.t@example.com")
    for login in ("ana@example.com", "kenji@example.com"):
        assert revoke(sidecar, login=login).json()["revoked"] >= 2
    assert alive(box, "ana.maria@example.com") == alive(box, "kenji.t@example.com") == []


def both_ended(sidecar: SidecarProcess) -> list[dict[str, Any]]:
    """The renewals' audit lines, once each of two people has one."""
    lines = [line for line in sidecar.audit() if line["event"] in {"token_renewed", "renewal_failed"}]
    return lines if len({line["user_id"] for line in lines}) == 2 else []


def test_what_box_could_not_be_told_of_one_is_not_another_s_to_wait_for(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    sidecar.token("ana@example.com")
    box.fault("cut", path="/oauth2/revoke", times=None)
    assert code(revoke(sidecar)) == "box_unavailable"
    answer = revoke(sidecar, login="nora@example.com")
    assert (answer.status_code, answer.json()) == (200, {"revoked": 0})
    box.clear_faults()
    until(lambda: sidecar.request("GET", "/health/ready").is_success, 15)
    assert revoke(sidecar).status_code == 200, "and whoever asks again waits until Box has been told"
    assert alive(box) == []


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python a piece of work takes; each turn of a loop counts."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def unlimited(**policy: Any) -> Settings:
    """Under which nobody is refused for asking too often."""
    return Settings(policy=PolicySettings(mints_per_minute=1_000_000, mints_per_user_per_minute=1_000_000, **policy))


@pytest.mark.parametrize("whose", ["p0@example.com", "stranger@example.com"])
def test_to_revoke_one_persons_is_the_same_work_whatever_the_others_have(whose: str) -> None:
    def work(people: int) -> int:
        with Stage(unlimited()) as stage:
            for number in range(people):
                stage.world.add(f"10{number}", f"p{number}@example.com")
                stage.token(f"p{number}@example.com")
            stage.world.is_patient = True
            revoking = stage.service.revocations.revoke(Subject("login", whose))

            async def until_it_waits_for_box() -> int:
                def step() -> None:
                    with contextlib.suppress(StopIteration):
                        revoking.send(None)

                lines = lines_run(step)
                revoking.close()
                return lines

            return stage.run(until_it_waits_for_box())

    few, many = work(10), work(900)
    assert few == many
    assert few > 5


def test_what_box_can_not_be_told_of_one_again_and_again_is_in_nobodys_way() -> None:
    with Stage(unlimited()) as stage:
        for number in range(300):
            stage.token(LOGINS[0], resource=Resource("folder", str(number)))
        stage.token(LOGINS[1])
        stage.world.fails["revoke"] = DOWN
        for login in LOGINS[:2]:
            with pytest.raises(Problem, match="box_unavailable"):
                stage.revoke(value=login)
        stage.world.fails["revoke of 1"] = stage.world.fails.pop("revoke")
        assert {stage.world.made[secret].user_id for secret in stage.world.living()} == {"1", "2"}
        for _ in range(3):
            stage.loop.advance(31)
        assert {stage.world.made[secret].user_id for secret in stage.world.living()} == {"1"}
        stage.world.fails.clear()
        for _ in range(6):
            stage.loop.advance(31)
        assert stage.world.living() == set()


def test_many_revocations_at_once_leave_time_for_who_asks(box: EmulatorProcess, serve: Serve) -> None:
    """As after a restart, or when policy takes something from many: a hundred calls begun in one moment would be one
    standstill for everybody else."""
    sidecar = serve(cache={"ledger": ""})
    people = [box.add_user(f"Person {number}", f"p{number}@example.com")["login"] for number in range(60)]
    together(8, lambda turn: [sidecar.token(login) for login in people[turn::8]])
    box.settings(route_latency=[{"path": "/oauth2/revoke", "ms": 200}])
    since = last(box)
    sidecar.settings["policy"] = {"denied_logins": people}  # tightens, so nobody sends a signal
    sidecar.write_config()
    until(lambda: not any(token["alive"] and token["kind"] == "downscoped" for token in box.tokens()), 30)
    calls = [entry for entry in box.log(since) if entry["path"] == "/oauth2/revoke"]
    assert len(calls) >= 60
    begins_and_ends = [(call["time"], 1) for call in calls]
    begins_and_ends += [(call["time"] + call["duration_ms"] / 1000, -1) for call in calls]
    at_once = itertools.accumulate(change for _, change in sorted(begins_and_ends))
    assert 8 <= max(at_once) <= 20


def test_what_takes_the_place_of_a_token_that_has_ended_is_found_by_person_too(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("box_sidecar.clock.monotonic", lambda: now)
    kept: ByPerson[str, float] = ByPerson(3, lambda ends: ends, lambda _, __: "ana", print)
    kept["explorer"] = 5.0
    now = 6.0
    kept["explorer"] = 9.0
    assert (kept.keys_of("ana"), kept.of("ana")) == (["explorer"], [9.0])


def test_caches_that_forget_by_themselves_tell_whose_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("box_sidecar.clock.monotonic", lambda: now)
    left: list[str] = []
    kept: ByPerson[int, float] = ByPerson(3, lambda ends: ends, lambda key, _: f"p{key // 10}", left.append)
    kept[10], kept[11], kept[20] = 5.0, 9.0, 9.0
    kept[30] = 20.0  # no room: 10 goes
    assert (kept.keys_of("p1"), kept.keys_of("p2"), left) == ([11], [20], [])
    kept[11] = 10.0  # replaced
    now = 9.5
    kept[40] = 20.0  # 20 has ended
    assert (kept.keys_of("p2"), kept.has("p2"), left) == ([], False, ["p2"])
    kept[41] = 1.0  # had ended before it came
    kept[40] = 1.0
    assert left == ["p2", "p4"]
    now = 10.5
    assert kept.pop(11, None) is None
    del kept[30]
    assert left == ["p2", "p4", "p3"]
    kept.expire()
    assert left == ["p2", "p4", "p3", "p1"] and not any(kept.has(f"p{number}") for number in range(5))


def test_marks_that_had_to_be_forgotten_count_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("box_sidecar.clock.monotonic", lambda: now)
    marks = RevocationLog(2, 600.0)
    since = marks.is_revoked_since
    began = marks.revocation_epoch
    marks.mark(["ana"])
    assert since(began, ["ana"]) and not since(began, ["kenji"]) and not since(marks.revocation_epoch, ["ana"])
    later = marks.revocation_epoch
    marks.mark(["olga"])
    marks.mark(["trap"])  # no room for ana's
    assert since(began, ["ana"]) and since(began, ["kenji"])
    assert not since(later, ["kenji"]), "of what began afterwards nothing was forgotten"
    assert since(later, ["olga"])
    now = 601.0
    marks.mark(["ines"])  # the others are too old
    assert since(later, ["kenji"])


def test_long_names_take_no_more_room_among_the_marks_than_short_ones() -> None:
    marks = RevocationLog(20_000, 600.0)
    since = marks.is_revoked_since
    began = marks.revocation_epoch
    tracemalloc.start()
    for number in range(20_000):
        marks.mark([Subject("external_app_user_id", f"{number} " + "\N{GRINNING FACE}" * 240)])
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 300 * 20_000
    assert since(began, [Subject("external_app_user_id", "7 " + "\N{GRINNING FACE}" * 240)])
    assert not since(began, [Subject("external_app_user_id", "7")])
