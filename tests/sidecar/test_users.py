"""Who is who: the exact login over all pages, the traps beside it, and app users."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import calls, code, greeted, last, together, until


def user(sidecar: SidecarProcess, **query: str) -> httpx.Response:
    return sidecar.request("GET", "/v1/users", params=query)


def provision(sidecar: SidecarProcess, external_id: str = "wp-7", name: str = "Nora") -> httpx.Response:
    return sidecar.request("POST", "/v1/users", json={"external_app_user_id": external_id, "name": name})


@pytest.mark.parametrize("login", ["ana@example.com", "ANA@EXAMPLE.COM", "Ana@Example.com"])
def test_the_login_is_compared_exactly_whatever_its_case(
    login: str, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    # Box's search finds three more for this: a name, a longer domain, and it says so first.
    assert sidecar.token(login).json()["user"]["id"] == box.user("ana@example.com")["id"]


@pytest.mark.parametrize("login", ["ana", "ana@", "ana@example", "Ana Souza", "na@example.com", "trap@example.co"])
def test_a_prefix_or_a_name_is_nobody(login: str, sidecar: SidecarProcess) -> None:
    body = {"user": {"login": login.replace(" ", "")}, "element": "explorer"}
    answer = sidecar.request("POST", "/v1/tokens", json=body)
    assert (answer.status_code, code(answer)) == (404, "user_not_found")


def test_a_plus_and_an_apostrophe_in_a_login_are_nothing_special(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    login = "o'brien+box@example.com"
    assert sidecar.token(login).json()["user"]["login"] == login
    assert user(sidecar, login=login).json()["id"] == box.user(login)["id"]


def test_letters_that_only_look_alike_do_not_make_two_people_one(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    box.add_user("Straße", "straße@example.com")
    box.add_user("Ольга", "ОЛЬГА@example.com")
    assert sidecar.token("kenji@example.com").status_code == 200
    for twin in ("\u212aenji@example.com", "strasse@example.com", "o\u017flga@example.com"):
        assert code(sidecar.token(twin)) == "user_not_found", twin
    assert sidecar.token("straße@example.com").json()["user"]["name"] == "Straße"
    assert code(sidecar.token("strasse@example.com")) == "user_not_found"
    assert sidecar.token("ольга@example.com").json()["user"]["name"] == "Ольга"


def test_the_look_up_reads_every_page(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    for number in range(1050):
        box.add_user("zoe@example.com", f"zoe@example.com.{number:04d}.example")
    zoe = box.add_user("Zoë", "zoe@example.com")
    assert sidecar.token("zoe@example.com").json()["user"]["id"] == zoe["id"]
    assert calls(box).count("GET /2.0/users") == 2


def test_two_with_one_login_are_nobody(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    ana = box.user("ana@example.com")
    twins = [{"type": "user", "id": identity, "login": "Ana@example.com", "name": "Ana", "status": "active",
              "role": "user"} for identity in (ana["id"], "1")]  # fmt: skip
    box.fault("merge", path="/2.0/users", body={"entries": twins})
    answer = sidecar.token("ana@example.com")
    assert (answer.status_code, code(answer)) == (409, "user_ambiguous")


@pytest.mark.parametrize("status", ["active", "cannot_delete_edit", "cannot_delete_edit_upload"])
def test_a_person_who_may_work_gets_a_token(status: str, box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    box.change_user(box.user("ana@example.com")["id"], status=status)
    assert sidecar.token("ana@example.com").status_code == 200


def test_what_box_does_not_tell_about_a_person_is_not_taken_for_harmless(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    ana = box.user("ana@example.com")
    entry = {"type": "user", "id": ana["id"], "login": "ana@example.com", "name": "Ana"}
    for details, expected in (
        ({"status": "active"}, "role_not_allowed"),
        ({"role": "user"}, "user_inactive"),
        ({"role": "user", "status": "suspended"}, "user_inactive"),
    ):
        box.fault("merge", path="/2.0/users", body={"entries": [entry | details]})
        answer = sidecar.token("ana@example.com")
        assert (answer.status_code, code(answer)) == (403, expected)
        sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "ana@example.com"}})


def test_one_odd_record_is_nobody_elses_trouble(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(cache={"unknown_user_ttl_s": 0.01})
    greeted(box)
    kenji = {"type": "user", **{name: box.user("kenji@example.com")[name] for name in ("id", "login", "name")}}
    kenji |= {"status": "active", "role": "user"}
    ana = kenji | {"id": box.user("ana@example.com")["id"], "login": "ana@example.com"}
    for odd, expected in (
        (ana | {"role": None}, "role_not_allowed"),
        (ana | {"status": None}, "user_inactive"),
        (ana | {"status": 1, "name": ["Ana"]}, "user_inactive"),
        (ana | {"id": None}, "box_refused"),
        (ana | {"id": int(ana["id"])}, "box_refused"),
        (ana | {"login": None}, "user_not_found"),
        ("ana@example.com", "user_not_found"),
        (None, "user_not_found"),
    ):
        for login in ("ana@example.com", "kenji@example.com"):
            sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": login}})
            box.fault("status", path="/2.0/users", status=200, body={"entries": [odd, kenji]})
        assert code(sidecar.token("ana@example.com")) == expected, odd
        answer = sidecar.token("kenji@example.com")
        assert answer.is_success and answer.json()["user"]["id"] == kenji["id"], odd
        time.sleep(0.02)
    assert "breaker_open 0.0" in sidecar.request("GET", "/metrics").text


def test_half_a_character_in_a_name_is_no_obstacle(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    ana = box.user("ana@example.com")["id"]
    page = (
        '{"entries": [{"id": "1", "login": "ana@example.com\\ud83d", "role": "user", "status": "active"},'
        '{"id": "%s", "login": "ana@example.com", "name": "Ana \\uD83D", "role": "user", "status": "active"}]}'
    )
    box.fault("status", path="/2.0/users", status=200, body=page % ana)
    answer = sidecar.token("ana@example.com")
    assert answer.json()["user"]["id"] == ana
    assert answer.json()["user"]["name"].startswith("Ana \ufffd")


def test_an_answer_about_somebody_else_is_not_believed(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    kenji = box.user("kenji@example.com")["id"]
    box.fault("merge", path=f"/2.0/users/{kenji}", body={"id": box.user("ana@example.com")["id"]})
    body = {"user": {"id": kenji}, "element": "explorer"}
    assert code(sidecar.request("POST", "/v1/tokens", json=body)) == "box_refused"


def test_a_person_is_found_by_id_too_and_policy_holds_all_the_same(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    ask = {"element": "explorer"}
    kenji = box.user("kenji@example.com")["id"]
    by_id = sidecar.request("POST", "/v1/tokens", json=ask | {"user": {"id": kenji}})
    assert by_id.json()["user"]["login"] == "kenji@example.com"
    boss = box.user("boss@example.com")["id"]
    assert code(sidecar.request("POST", "/v1/tokens", json=ask | {"user": {"id": boss}})) == "role_not_allowed"
    assert code(sidecar.request("POST", "/v1/tokens", json=ask | {"user": {"id": "1"}})) == "user_not_found"


def test_looking_a_person_up_tells_status_and_role(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    answer = user(sidecar, login="INES@example.com")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": box.user("ines@example.com")["id"],
        "login": "ines@example.com",
        "name": "Inés Inactiva",
        "status": "inactive",
        "role": "user",
    }
    assert code(user(sidecar, login="nora@example.com")) == "user_not_found"
    assert code(user(sidecar, external_app_user_id="wp-1")) == "user_not_found"


@pytest.mark.parametrize(
    "query", ["", "login=", "login=a%20b", "login=a&login=b", "login=a&id=1", "name=Ana", "login=ana@example.com&x=1"]
)
def test_a_look_up_names_one_person_in_one_way(query: str, sidecar: SidecarProcess) -> None:
    answer = sidecar.request("GET", f"/v1/users?{query}")
    assert (answer.status_code, code(answer)) == (400, "invalid_request")


def test_a_refused_look_up_is_in_the_audit_too(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"login_domains": ["example.com"]})
    assert user(sidecar, login="ana@example.com").is_success
    assert code(user(sidecar, login="ana@elsewhere.example")) == "login_not_allowed"
    assert code(user(sidecar, login="nora@example.com")) == "user_not_found"
    assert code(user(sidecar, id="1")) == "user_not_found"
    assert code(provision(sidecar)) == "provisioning_not_allowed"
    found, *refused = sidecar.audit()
    assert (found["event"], found["user_id"]) == ("user_looked_up", box.user("ana@example.com")["id"])
    assert [(line["event"], line["outcome"]) for line in refused] == [
        ("user_refused", "login_not_allowed"),
        ("user_refused", "user_not_found"),
        ("user_refused", "user_not_found"),
        ("user_refused", "provisioning_not_allowed"),
    ]
    assert refused[2]["person"] == "id:1"
    assert all(line["person"] and line["peer_uid"] is not None for line in refused)


def test_doctor_costs_what_it_asks_of_box_and_is_in_the_audit(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"mints_per_minute": 11})
    greeted(box)
    since = last(box)
    assert sidecar.request("GET", "/v1/doctor").status_code == 200
    assert len(calls(box, since)) == 4
    assert sidecar.request("GET", "/v1/doctor").status_code == 200
    assert code(sidecar.request("GET", "/v1/doctor")) == "rate_limited"
    assert [(line["event"], line["outcome"]) for line in sidecar.audit()][::2] == [
        ("doctor_ran", "pass"),
        ("doctor_ran", "rate_limited"),
    ]


def test_an_unknown_person_is_remembered_briefly_and_found_once_the_account_appears(
    box: EmulatorProcess, serve: Serve
) -> None:
    sidecar = serve(cache={"unknown_user_ttl_s": 1.5})
    assert code(sidecar.token("nora@example.com")) == "user_not_found"
    since = last(box)
    nora = box.add_user("Nora", "nora@example.com")
    assert code(sidecar.token("NORA@example.com")) == "user_not_found"
    assert calls(box, since) == []
    found = until(lambda: (answer := sidecar.token("nora@example.com")).is_success and answer, 5, 0.2)
    assert isinstance(found, httpx.Response) and found.json()["user"]["id"] == nora["id"]


def test_a_known_person_is_asked_for_again_after_user_ttl_s(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(cache={"user_ttl_s": 0.5})
    assert sidecar.token("ana@example.com").status_code == 200
    box.change_user(box.user("ana@example.com")["id"], role="coadmin")
    refused = until(lambda: (answer := sidecar.token("ana@example.com")).is_error and answer, 5, 0.2)
    assert isinstance(refused, httpx.Response) and code(refused) == "role_not_allowed"


def test_app_users_are_not_made_unless_policy_allows_it(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    answer = provision(sidecar)
    assert answer.status_code == 403
    code(answer)
    assert "POST /2.0/users" not in calls(box)


@pytest.fixture
def provisioning(serve: Serve) -> SidecarProcess:
    return serve(policy={"provision_app_users": True})


def test_an_app_user_is_made_once_and_found_again(box: EmulatorProcess, provisioning: SidecarProcess) -> None:
    made = provision(provisioning, name="Nora №1")
    again = provision(provisioning, name="Another name")
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json() == user(provisioning, external_app_user_id="wp-7").json()
    assert made.json()["name"] == "Nora №1"
    assert made.json()["login"].endswith("@boxdevedition.com")
    body = {"user": {"external_app_user_id": "wp-7"}, "element": "uploader"}
    assert provisioning.request("POST", "/v1/tokens", json=body).json()["user"]["id"] == made.json()["id"]


def test_an_app_user_who_was_unknown_a_moment_ago_gets_a_token(provisioning: SidecarProcess) -> None:
    body = {"user": {"external_app_user_id": "wp-7"}, "element": "uploader"}
    assert code(provisioning.request("POST", "/v1/tokens", json=body)) == "user_not_found"
    provision(provisioning)
    assert provisioning.request("POST", "/v1/tokens", json=body).status_code == 200


def named(sidecar: SidecarProcess, **person: str) -> httpx.Response:
    return sidecar.request("POST", "/v1/tokens", json={"user": person, "element": "explorer"})


def test_a_token_that_names_the_person_makes_the_app_user(box: EmulatorProcess, provisioning: SidecarProcess) -> None:
    assert code(named(provisioning, external_app_user_id="wp-7")) == "user_not_found"
    answer = named(provisioning, external_app_user_id="wp-7", name="Nora")
    assert answer.status_code == 200 and answer.json()["user"]["name"] == "Nora"
    again = named(provisioning, external_app_user_id="wp-7", name="Somebody")
    assert again.json()["user"] == answer.json()["user"], "nobody is renamed"
    assert [event["event"] for event in provisioning.audit()] == [
        "token_refused", "user_created", "token_issued", "token_issued"
    ]  # fmt: skip
    assert "Nora" not in provisioning.log.read_text(), "the name is in no line of the log or the audit"


def test_ten_tokens_at_once_make_one_app_user(box: EmulatorProcess, provisioning: SidecarProcess) -> None:
    answers = together(10, lambda _: named(provisioning, external_app_user_id="wp-7", name="Nora"))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["user"]["id"] for answer in answers}) == 1
    assert "user_created" in [event["event"] for event in provisioning.audit()]
    assert calls(box).count("POST /2.0/users") == 1


@pytest.mark.parametrize("unknown_for_s", [0.01, 60.0])
def test_who_logs_out_while_being_made_gets_no_token(unknown_for_s: float, box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"provision_app_users": True}, cache={"unknown_user_ttl_s": unknown_for_s})
    greeted(box)
    box.fault("delay", method="POST", path="/2.0/users", seconds=1.0)
    person = {"external_app_user_id": "wp-7"}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(named, sidecar, **person, name="Nora")
        until(lambda: calls(box).count("GET /2.0/users") == 2)
        assert sidecar.request("POST", "/v1/tokens/revoke", json={"user": person}).status_code == 200
        assert code(asked.result()) == "tokens_revoked"
    assert not [entry for entry in box.log() if entry["grant"] == "token-exchange"]
    assert sidecar.audit()[-1]["outcome"] == "tokens_revoked"
    assert named(sidecar, **person).status_code == 200, "who was made is known"


def test_a_request_that_makes_somebody_takes_no_longer_than_others(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"provision_app_users": True})  # all calls for one request have 3 s
    greeted(box)
    box.fault("delay", times=None, seconds=1.2)
    began = time.monotonic()
    assert code(named(sidecar, external_app_user_id="wp-7", name="Nora")) == "box_unavailable"
    assert time.monotonic() - began < 5
    until(lambda: "POST /2.0/users" in calls(box))  # given up by us, and then answered: not in the next test's log


def test_without_leave_a_name_makes_nobody(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    assert code(named(sidecar, external_app_user_id="wp-7", name="Nora")) == "user_not_found"
    assert "POST /2.0/users" not in calls(box)


@pytest.mark.parametrize("person", [{"login": "ana@example.com"}, {"id": "1"}], ids=["login", "id"])
def test_a_name_goes_with_an_app_user_alone(provisioning: SidecarProcess, person: dict[str, str]) -> None:
    assert code(named(provisioning, **person, name="Nora")) == "invalid_request"


def test_ten_requests_at_once_make_one_app_user(box: EmulatorProcess, provisioning: SidecarProcess) -> None:
    box.settings(latency_ms=50)
    answers = together(10, lambda _: provision(provisioning))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert calls(box).count("POST /2.0/users") == 1


def test_whoever_loses_the_race_with_another_sidecar_finds_the_winners_app_user(
    box: EmulatorProcess, provisioning: SidecarProcess
) -> None:
    # Between our look-up, which is made to find nobody, and our creation the other one's has happened.
    made = provision(provisioning).json()
    box.fault("merge", method="GET", path="/2.0/users", body={"entries": []})
    answer = provision(provisioning)
    assert (answer.status_code, answer.json()) == (200, made)


@pytest.mark.parametrize("kind", ["cut", "status"])
def test_a_creation_whose_answer_was_lost_is_not_repeated_but_looked_up(
    kind: Any, box: EmulatorProcess, provisioning: SidecarProcess
) -> None:
    box.fault(kind, method="POST", path="/2.0/users", after=True)
    answer = provision(provisioning)
    assert answer.is_success, answer.text
    assert calls(box).count("POST /2.0/users") == 1
    assert len([person for person in box.users() if person["kind"] == "app"]) == 1


def test_an_app_user_of_another_id_is_not_taken_for_this_one(
    box: EmulatorProcess, provisioning: SidecarProcess
) -> None:
    other = provision(provisioning, "wp-8").json()
    entry = other | {"type": "user", "external_app_user_id": "wp-8"}
    box.fault("merge", method="GET", path="/2.0/users", body={"entries": [entry]})
    body = {"user": {"external_app_user_id": "wp-7"}, "element": "explorer"}
    assert code(provisioning.request("POST", "/v1/tokens", json=body)) == "user_not_found"
