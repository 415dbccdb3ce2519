"""What is remembered: one flight for many, renewal ahead for whoever is there, and nothing for ever."""

from __future__ import annotations

import hashlib
import time

import pytest

from box_sidecar.model import Token
from box_sidecar.secret import Secret
from box_sidecar.token_cache import TokenCache
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import ask, calls, code, greeted, last, post, together, until


def test_a_first_token_is_one_look_up_one_grant_one_exchange_and_the_second_nothing(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    since = last(box)
    first = sidecar.token("ana@example.com").json()["access_token"]
    assert calls(box, since) == ["GET /2.0/users", "jwt-bearer", "token-exchange"]
    since = last(box)
    assert sidecar.token("ANA@example.com").json()["access_token"] == first
    assert sidecar.audit()[-1]["outcome"] == "hit"
    assert sidecar.token("ana@example.com", scopes=("item_share",)).json()["access_token"] != first
    assert calls(box, since) == ["token-exchange"], "the user token is kept for other widgets of the page"


def test_forty_who_want_the_same_are_one_flight(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    since = last(box)
    box.settings(latency_ms=100)
    answers = ask(sidecar, "ana@example.com", 40)
    assert len({answer.json()["access_token"] for answer in answers}) == 1
    assert sorted(calls(box, since)) == ["GET /2.0/users", "jwt-bearer", "token-exchange"]


def test_the_widgets_of_a_page_share_the_look_up_and_the_user_token(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    since = last(box)
    box.settings(latency_ms=100)
    scopes = [(), ("item_share",), ("item_upload",), ("item_download", "item_share")]
    with sidecar.client() as client:
        answers = together(8, lambda number: post(client, "ana@example.com", scopes=scopes[number % 4]))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(calls(box, since)) == ["GET /2.0/users", "jwt-bearer"] + ["token-exchange"] * 4


def test_many_people_share_one_service_token(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(latency_ms=50)
    sidecar = serve()
    logins = ["ana@example.com", "kenji@example.com", "olga@example.com", "o'brien+box@example.com"]
    with sidecar.client() as client:
        answers = together(4, lambda number: post(client, logins[number]))
    assert {answer.json()["user"]["login"] for answer in answers} == set(logins)
    assert sum(token["kind"] == "service" for token in box.tokens()) == 1


def test_a_caller_who_goes_away_does_not_end_the_flight_for_the_others(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    box.settings(latency_ms=400)
    with sidecar.client(timeout=0.2) as impatient:

        def first(number: int) -> int:
            if number == 0:
                try:
                    post(impatient, "ana@example.com")
                except Exception:
                    return 0
            time.sleep(0.1)
            return sidecar.token("ana@example.com").status_code

        assert together(2, first) == [0, 200]
    assert calls(box).count("token-exchange") == 1


def test_a_token_in_use_is_renewed_ahead_and_nobody_waits(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 4})
    sidecar = serve(cache={"min_life_s": 1, "refresh_ahead_s": 2.5})
    tokens, outcomes = set(), set()
    end = time.monotonic() + 8
    while time.monotonic() < end:
        answer = sidecar.token("ana@example.com").json()
        assert answer["expires_in"] >= 1
        tokens.add(answer["access_token"])
        outcomes.add(sidecar.audit()[-1]["outcome"])
        time.sleep(0.1)
    assert len(tokens) >= 3
    mints = [line for line in sidecar.audit() if line["event"] == "token_issued" and line["outcome"] == "mint"]
    assert len(mints) == 1, "only the first visit waits for Box"
    assert any(line["event"] == "token_renewed" for line in sidecar.audit())


def test_renewals_are_no_way_around_the_limits(box: EmulatorProcess, serve: Serve) -> None:
    """A token that lives for less than refresh_ahead_s is renewed once in a while, not for each who asks."""
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 300})
    sidecar = serve(cache={"min_life_s": 1, "refresh_ahead_s": 600.0}, policy={"mints_per_user_per_minute": 1})
    tokens = {sidecar.token("ana@example.com").json()["access_token"] for _ in range(30)}
    assert len(tokens) == 1
    assert calls(box).count("token-exchange") == 1


def test_a_token_that_nobody_uses_any_more_lapses(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 3})
    sidecar = serve(cache={"min_life_s": 0.5, "refresh_ahead_s": 1.5})
    sidecar.token("ana@example.com")
    until(lambda: "box_sidecar_cached_tokens 0.0" in sidecar.request("GET", "/metrics").text, 12, 0.3)
    made = sum(token["kind"] == "downscoped" for token in box.tokens())
    assert made <= 2, "once more for the one who was just here, and never again"


def test_a_renewal_finds_out_that_the_person_may_no_longer(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 4})
    sidecar = serve(cache={"min_life_s": 0.5, "refresh_ahead_s": 3})
    assert sidecar.token("ana@example.com").status_code == 200
    box.change_user(box.user("ana@example.com")["id"], role="admin")
    refused = until(lambda: (answer := sidecar.token("ana@example.com")).is_error and answer, 8, 0.2)
    assert refused and code(refused) == "role_not_allowed"


def test_no_answer_has_less_life_than_min_life_s(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 5})
    sidecar = serve(cache={"min_life_s": 3.5, "refresh_ahead_s": 0})
    first = sidecar.token("ana@example.com").json()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        answer = sidecar.token("ana@example.com").json()
        assert answer["expires_in"] >= 3
        time.sleep(0.15)
    assert answer["access_token"] != first["access_token"]


def test_tokens_that_live_too_short_are_said_to_be_so(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 60})
    answer = serve(cache={"min_life_s": 120}).token("ana@example.com")
    assert (answer.status_code, code(answer)) == (502, "box_refused")
    assert "min_life_s" in answer.json()["fix"]


def test_a_user_token_about_to_end_is_not_used_to_make_another(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 61, "downscoped": 3600})
    sidecar = serve()
    assert sidecar.token("ana@example.com").status_code == 200
    time.sleep(1.2)
    since = last(box)
    assert sidecar.token("ana@example.com", scopes=("item_share",)).status_code == 200
    assert calls(box, since) == ["jwt-bearer", "token-exchange"]


def test_the_service_token_is_renewed_before_it_ends(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 65, "user": 3600, "downscoped": 3600})
    sidecar = serve()
    greeted(box)
    assert sidecar.token("ana@example.com").status_code == 200
    until(lambda: sum(token["kind"] == "service" for token in box.tokens()) >= 2, 5)
    assert not any(entry["status"] == 401 for entry in box.log())


def test_the_cache_is_bounded(box: EmulatorProcess, serve: Serve) -> None:
    for number in range(8):
        box.add_user(f"Person {number}", f"person{number}@example.com")
    sidecar = serve(cache={"max_tokens": 5})
    for number in range(8):
        assert sidecar.token(f"person{number}@example.com").status_code == 200
    assert "box_sidecar_cached_tokens 5.0" in sidecar.request("GET", "/metrics").text
    assert sidecar.token("person7@example.com").status_code == 200
    assert sidecar.audit()[-1]["outcome"] == "hit"
    assert sidecar.token("person0@example.com").status_code == 200
    assert sidecar.audit()[-1]["outcome"] == "mint", "the least recently used went first"


def test_a_user_token_is_kept_only_for_the_widgets_of_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("box_sidecar.clock.monotonic", lambda: now)
    kept = TokenCache(10).user_tokens
    kept["1"] = Token(Secret("for an hour"), now + 3600)
    kept["2"] = Token(Secret("for two minutes"), now + 120)
    now += 59
    assert set(kept) == {"1", "2"}
    now += 2
    assert [user for user in ("1", "2") if user in kept] == ["1"]
    now += 240
    assert "1" not in kept
    for number in range(2_000):
        kept[str(number)] = Token(Secret(""), now + 3600)
    assert len(kept) == 1_000


def digest(token: str) -> str:
    """What is said of a token that Box has refused."""
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.mark.parametrize("end", ["the token", "everything of the person"])
def test_a_token_that_box_refused_is_replaced_and_any_other_is_not(
    end: str, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    dead = sidecar.token("ana@example.com").json()["access_token"]
    if end == "the token":
        box.expire_tokens(token=dead, revoke=True)
    else:
        box.expire_tokens(login="ana@example.com", revoke=True)
    since = last(box)
    assert sidecar.token("ana@example.com").json()["access_token"] == dead, "nobody has told it yet"
    for other in (digest("another"), digest(dead)[::-1]):
        assert sidecar.token("ana@example.com", refused=other).json()["access_token"] == dead
    assert calls(box, since) == []
    fresh = sidecar.token("ana@example.com", refused=digest(dead)).json()["access_token"]
    grants = ["token-exchange"] if end == "the token" else ["token-exchange", "jwt-bearer", "token-exchange"]
    assert calls(box, since) == grants
    assert fresh in {token["token"] for token in box.tokens() if token["alive"]}
    since = last(box)
    assert sidecar.token("ana@example.com", refused=digest(dead)).json()["access_token"] == fresh
    assert sidecar.token("ana@example.com").json()["access_token"] == fresh
    assert calls(box, since) == []


def test_all_widgets_of_a_page_that_report_the_same_refusal_are_one_flight(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    dead = sidecar.token("ana@example.com").json()["access_token"]
    since = last(box)
    box.settings(latency_ms=100)
    answers = ask(sidecar, "ana@example.com", 20, refused=digest(dead))
    (fresh,) = {answer.json()["access_token"] for answer in answers}
    assert fresh != dead
    assert calls(box, since) == ["token-exchange"]
    sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "ana@example.com"}})
    living = {token["token"] for token in box.tokens() if token["alive"]}
    assert not living & {dead, fresh}, "whatever was said of it, the old one can still be revoked"


def test_to_say_that_box_refused_a_token_is_no_way_around_the_limits(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"mints_per_user_per_minute": 2})
    first = sidecar.token("ana@example.com").json()["access_token"]
    second = sidecar.token("ana@example.com", refused=digest(first)).json()["access_token"]
    assert code(sidecar.token("ana@example.com", refused=digest(second))) == "rate_limited"
    assert sidecar.token("ana@example.com").json()["access_token"] == second


def test_a_token_that_box_refused_is_no_last_resort(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    dead = sidecar.token("ana@example.com").json()["access_token"]
    box.fault("cut", times=None)
    assert code(sidecar.token("ana@example.com", refused=digest(dead))) == "box_unavailable"
