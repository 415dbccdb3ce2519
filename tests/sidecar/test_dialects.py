"""Where Box's behaviour is documented twice or nowhere: the sidecar works with every Box that has been seen."""

from __future__ import annotations

import time
from typing import Any

import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import calls, code, greeted, last

ANA = "ana@example.com"
EXCHANGE = "token-exchange"

FOLDER_0 = {"type": "folder", "id": "0", "sequence_id": None, "etag": None, "name": "All Files"}

#: What a Box may say of an explorer's token for the root that was asked for with one feature scope.
SAYS: dict[str, list[dict[str, Any]]] = {
    "an entry a scope": [{"scope": "base_explorer"}, {"scope": "item_download"}],
    "with the root as object": [
        {"scope": "base_explorer", "object": FOLDER_0},
        {"scope": "item_download", "object": FOLDER_0},
    ],
    "joined by commas": [{"scope": "base_explorer,item_download", "object": FOLDER_0}],
    "joined by commas, no object": [{"scope": "item_download, base_explorer"}],
}

#: What says more, or something else, than was asked for.
SAYS_TOO_MUCH: dict[str, list[dict[str, Any]]] = {
    "one more scope": [*SAYS["an entry a scope"], {"scope": "item_upload"}],
    "one more in the list": [{"scope": "base_explorer,item_download,item_delete", "object": FOLDER_0}],
    "another folder": [{"scope": "base_explorer,item_download", "object": {"type": "folder", "id": "77"}}],
    "a file": [{"scope": "base_explorer,item_download", "object": {"type": "file", "id": "0"}}],
    "an entry without a scope": [*SAYS["an entry a scope"], {"scope": ""}],
    "everything": [{"scope": "root_readwrite"}],
}


def root_token(sidecar: SidecarProcess, **body: Any) -> Any:
    return sidecar.token(ANA, "explorer", scopes=("item_download",), **body)


def alive(box: EmulatorProcess) -> list[dict[str, Any]]:
    return [token for token in box.tokens() if token["kind"] == "downscoped" and token["alive"]]


@pytest.mark.parametrize("says", SAYS.values(), ids=SAYS)
def test_every_way_to_tell_a_roots_scopes_is_understood(
    says: Any, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    box.fault("merge", path="/oauth2/token", grant=EXCHANGE, body={"restricted_to": says})
    answer = root_token(sidecar)
    assert answer.status_code == 200, answer.text
    assert answer.json()["scopes"] == ["base_explorer", "item_download"]
    assert calls(box).count(EXCHANGE) == 1


@pytest.mark.parametrize("says", SAYS_TOO_MUCH.values(), ids=SAYS_TOO_MUCH)
def test_a_token_that_may_do_more_is_revoked_and_not_used(
    says: Any, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    box.fault("merge", path="/oauth2/token", grant=EXCHANGE, body={"restricted_to": says}, times=None)
    answer = root_token(sidecar)
    assert (answer.status_code, code(answer)) == (502, "box_refused")
    assert alive(box) == []


def test_a_folders_token_must_name_the_folder_in_whatever_form(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    folder = box.item(ANA, "/Recibos")["id"]
    joined = {"scope": "base_explorer,item_download", "object": {"type": "folder", "id": folder}}
    box.fault("merge", path="/oauth2/token", grant=EXCHANGE, body={"restricted_to": [joined]})
    assert root_token(sidecar, folder=folder).status_code == 200
    for says in ([], None, [joined | {"object": None}], [joined | {"object": FOLDER_0}]):
        box.fault("merge", path="/oauth2/token", grant=EXCHANGE, body={"restricted_to": says})
        answer = sidecar.token(ANA, "picker", folder=folder)
        assert (answer.status_code, code(answer)) == (502, "box_refused")


@pytest.mark.parametrize("says", ["per_scope", "with_folder", "joined"])
def test_a_root_costs_one_exchange_where_box_tells_its_scopes(
    says: str, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    box.settings(root_restricted_to=says)
    assert root_token(sidecar).json()["scopes"] == ["base_explorer", "item_download"]
    assert calls(box).count(EXCHANGE) == 1


@pytest.mark.parametrize("says", ["empty", "absent"])
def test_where_a_root_says_nothing_it_is_asked_for_by_name(
    says: str, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    box.settings(root_restricted_to=says, root_resource=True)
    answer = root_token(sidecar)
    assert answer.status_code == 200, answer.text
    assert [token["token"] for token in alive(box)] == [answer.json()["access_token"]]
    assert calls(box).count(EXCHANGE) == 2
    # And from now on at once.
    since = last(box)
    assert sidecar.token("kenji@example.com").status_code == 200
    assert calls(box, since).count(EXCHANGE) == 1
    assert "POST /oauth2/revoke" not in calls(box, since)


@pytest.mark.parametrize("says", ["empty", "absent"])
def test_where_nothing_says_it_the_token_is_refused(says: str, box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    box.settings(root_restricted_to=says, root_resource=False)
    answer = root_token(sidecar)
    assert (answer.status_code, code(answer)) == (502, "box_refused")
    assert "--probe --json" in answer.json()["fix"]
    assert "accept_unstated_scopes" in answer.json()["fix"]
    assert alive(box) == []
    # A Box that learns to tell is understood at once.
    box.settings(root_restricted_to="per_scope")
    assert root_token(sidecar).status_code == 200


@pytest.mark.parametrize("says", ["empty", "absent"])
def test_an_administrator_may_have_such_a_root_believed(says: str, box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"accept_unstated_scopes": True})
    greeted(box)
    box.settings(root_restricted_to=says, root_resource=False)
    assert root_token(sidecar).status_code == 200
    since = last(box)
    answer = sidecar.token("kenji@example.com", scopes=("item_download",))
    assert answer.json()["scopes"] == ["base_explorer", "item_download"]
    assert calls(box, since).count(EXCHANGE) == 1
    # Only for the root, and only what says nothing at all.
    folder = box.item(ANA, "/Recibos")["id"]
    box.fault("merge", path="/oauth2/token", grant=EXCHANGE, body={"restricted_to": []})
    assert code(root_token(sidecar, folder=folder)) == "box_refused"
    for says_more in SAYS_TOO_MUCH.values():
        box.fault("merge", path="/oauth2/token", grant=EXCHANGE, body={"restricted_to": says_more})
        assert code(sidecar.token("olga@example.com", scopes=("item_download",))) in {"box_refused"}


def test_the_way_is_found_again_when_box_changes_its_mind(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    box.settings(root_restricted_to="empty", root_resource=True)
    assert root_token(sidecar).status_code == 200
    box.settings(root_restricted_to="per_scope", root_resource=False)
    assert sidecar.token("kenji@example.com").status_code == 200


def test_a_look_up_ends_though_the_marker_never_does(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    box.settings(filter_term_marker="endless")
    assert sidecar.token(ANA).status_code == 200
    assert calls(box).count("GET /2.0/users") == 1


def test_a_person_is_found_behind_a_thousand_others(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    for number in range(1001):
        box.add_user(f"zoe{number:04}", f"zoe@example.com.{number:04}")
    box.add_user("Zoe", "zoe@example.com")
    answer = sidecar.token("ZOE@example.com")
    assert answer.status_code == 200, answer.text
    assert calls(box).count("GET /2.0/users") == 2


def test_a_box_that_gives_fewer_at_once_is_read_to_the_end(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    entries = [{"type": "user", "id": str(9000 + number), "name": "Bo", "login": f"bo@example.com.{number}"}
               for number in range(100)]  # fmt: skip
    box.fault("merge", path="/2.0/users", body={"entries": entries, "limit": 100, "total_count": 101})
    bo = box.add_user("Bo", "bo@example.com")
    last_page = [
        {"type": "user", "id": bo["id"], "name": "Bo", "login": "bo@example.com", "status": "active", "role": "user"}
    ]
    box.fault("merge", path="/2.0/users", body={"entries": last_page, "limit": 100, "total_count": 101})
    assert sidecar.token("bo@example.com").json()["user"]["id"] == bo["id"]
    assert calls(box).count("GET /2.0/users") == 2


def test_a_box_that_repeats_itself_is_given_up_on(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    entries = [{"type": "user", "id": str(9000 + number), "name": "Bo", "login": f"bo@example.com.{number}"}
               for number in range(1000)]  # fmt: skip
    box.fault("merge", path="/2.0/users", body={"entries": entries, "limit": 1000}, times=None)
    answer = sidecar.token("bo@example.com")
    assert (answer.status_code, code(answer)) == (409, "user_ambiguous")
    assert calls(box).count("GET /2.0/users") == 11


def test_a_subject_token_that_box_has_just_issued_is_replaced_once(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    words = {"error": "invalid_grant", "error_description": "The subject_token provided is invalid"}
    box.fault("status", path="/oauth2/token", grant=EXCHANGE, status=400, body=words)
    assert sidecar.token(ANA).status_code == 200
    since = last(box)
    box.fault("status", path="/oauth2/token", grant=EXCHANGE, status=400, body=words, times=None)
    answer = sidecar.token("kenji@example.com")
    assert (answer.status_code, code(answer)) == (502, "box_refused")
    assert calls(box, since).count("jwt-bearer") == 2
    assert calls(box, since).count("POST /oauth2/token") == 3  # the exchanges


def test_a_subject_token_that_box_does_not_know_yet_is_tried_again(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    box.settings(fresh_subject_token_refused=True)
    for login in (ANA, "kenji@example.com", "olga@example.com"):
        since = last(box)
        assert sidecar.token(login).status_code == 200
        assert calls(box, since).count("jwt-bearer") == 1


def test_what_else_box_says_of_a_second_try_is_told_and_not_tried_again(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    unknown = {"error": "invalid_grant", "error_description": "The subject_token provided is invalid"}
    box.fault("status", path="/oauth2/token", grant=EXCHANGE, status=400, body=unknown)
    beyond = {"error": "invalid_scope", "error_description": "The requested scope is invalid."}
    box.fault("status", path="/oauth2/token", grant=EXCHANGE, status=400, body=beyond, times=None)
    since = last(box)
    answer = sidecar.token(ANA)
    assert (answer.status_code, code(answer)) == (502, "insufficient_app_scopes")
    assert calls(box, since).count("jwt-bearer") == 1
    assert calls(box, since).count("POST /oauth2/token") == 2


def test_a_jti_that_box_refuses_is_replaced_once(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    words = {
        "error": "invalid_grant",
        "error_description": "Please check the 'jti' claim. A unique 'jti' value is required.",
    }
    box.fault("status", path="/oauth2/token", grant="jwt-bearer", status=400, body=words)
    assert sidecar.token(ANA).status_code == 200
    since = last(box)
    box.fault("status", path="/oauth2/token", grant="jwt-bearer", status=400, body=words, times=None)
    assert code(sidecar.token("kenji@example.com")) == "box_refused"
    assert calls(box, since).count("jwt-bearer") == 0
    assert calls(box, since).count("POST /oauth2/token") == 2


def test_odd_refusals_of_a_jti_are_got_over(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    box.settings(jti_refused_every=2)
    for login in (ANA, "kenji@example.com", "olga@example.com", "o'brien+box@example.com"):
        assert sidecar.token(login).status_code == 200


def test_the_older_text_about_exp_is_the_same_refusal(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    box.settings(exp_refusal="bare", clock_offset_s=-300)
    assert sidecar.token(ANA).status_code == 200


def ccg(serve: Serve, box: EmulatorProcess) -> SidecarProcess:
    return serve(app_config=box.ccg_config, cache={"unknown_user_ttl_s": 0.2})


def test_client_credentials_name_every_cause_in_the_order_to_check(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = ccg(serve, box)
    greeted(box)
    box.settings(user_tokens_enabled=False)
    answer = sidecar.token(ANA)
    assert (answer.status_code, code(answer)) == (502, "user_tokens_not_enabled")
    fix = answer.json()["fix"]
    # The secret is not among the causes: the look-up, made with the service account's token, has just worked.
    causes = ("secret is right", "user access tokens", "App Access Level", "authorize the app")
    assert [fix.index(words) for words in causes] == sorted(fix.index(words) for words in causes)
    box.settings(user_tokens_enabled=True, app_access="app")
    answer = sidecar.token(ANA)
    # With “App Access Only” managed users do not exist for the app: Box says the same of them as of the deleted.
    assert code(answer) == "user_not_found"
    assert "App + Enterprise Access" in answer.json()["fix"]


def test_client_credentials_with_a_wrong_secret_say_so(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = ccg(serve, box)
    greeted(box)
    box.rotate(secret=True)
    box.expire_tokens(kind="service", revoke=True)
    answer = sidecar.token(ANA)
    assert (answer.status_code, code(answer)) == (502, "bad_client_credentials")
    fix = answer.json()["fix"]
    assert fix.index("secret") < fix.index("enterpriseID") < fix.index("authorize the app")


def test_a_person_deleted_at_box_is_forgotten_with_client_credentials_too(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = ccg(serve, box)
    greeted(box)
    person = box.add_user("Short Stay", "short.stay@example.com")
    assert sidecar.request("GET", "/v1/users?login=short.stay@example.com").status_code == 200
    box.delete_user(person["id"])
    answer = sidecar.token("short.stay@example.com")
    assert (answer.status_code, code(answer)) == (404, "user_not_found")
    # Who comes under the same login is another person, and is looked up anew.
    other = box.add_user("Long Stay", "short.stay@example.com")
    time.sleep(0.3)
    assert sidecar.token("short.stay@example.com").json()["user"]["id"] == other["id"]


def test_app_access_only_is_named_as_a_cause(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    assert sidecar.request("GET", f"/v1/users?login={ANA}").status_code == 200
    box.settings(app_access="app")
    answer = sidecar.token(ANA)
    assert (answer.status_code, code(answer)) == (502, "user_tokens_not_enabled")
    assert "App Access Only" in answer.json()["detail"]
    assert "App + Enterprise Access" in answer.json()["fix"]
