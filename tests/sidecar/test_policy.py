"""What policy forbids, nobody gets, whatever the web server asks for."""

from __future__ import annotations

import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import calls, code, greeted, last, post, until


def test_only_people_of_the_named_domains_get_tokens(box: EmulatorProcess, serve: Serve) -> None:
    box.add_user("Otto", "otto@other.example")
    sidecar = serve(policy={"login_domains": ["Example.COM"]})
    assert sidecar.token("ana@EXAMPLE.com").status_code == 200
    since = last(box)
    for login in ("otto@other.example", "ana@example.com.br", "ana@sub.example.com", "ana@example.com@other.example"):
        answer = sidecar.token(login)
        assert (answer.status_code, code(answer)) == (403, "login_not_allowed"), login
    assert calls(box, since) == [], "Box is not even asked"
    by_id = {"user": {"id": box.user("otto@other.example")["id"]}, "element": "explorer"}
    assert code(sidecar.request("POST", "/v1/tokens", json=by_id)) == "login_not_allowed"


def test_app_users_are_of_their_own_domain(box: EmulatorProcess, serve: Serve) -> None:
    body = {"user": {"external_app_user_id": "wp-1"}, "element": "explorer"}
    for domains, status in ((["example.com"], 403), (["example.com", "boxdevedition.com"], 200)):
        sidecar = serve(policy={"login_domains": domains, "provision_app_users": True})
        sidecar.request("POST", "/v1/users", json={"external_app_user_id": "wp-1", "name": "One"})
        assert sidecar.request("POST", "/v1/tokens", json=body).status_code == status


def test_denied_logins_get_none_in_any_letter_case(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"denied_logins": ["ANA@example.com"]})
    assert code(sidecar.token("Ana@Example.com")) == "login_not_allowed"
    by_id = {"user": {"id": box.user("ana@example.com")["id"]}, "element": "explorer"}
    assert code(sidecar.request("POST", "/v1/tokens", json=by_id)) == "login_not_allowed"
    assert sidecar.token("kenji@example.com").status_code == 200


@pytest.mark.parametrize("login", ["boss@example.com", "coadmin@example.com"])
def test_boxs_administrators_get_none_unless_policy_says_so(
    login: str, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    answer = sidecar.token(login)
    assert (answer.status_code, code(answer)) == (403, "role_not_allowed")
    assert not [token for token in box.tokens() if token["kind"] != "service"], "not even a user token is made"


def test_roles_are_denied_as_policy_says(serve: Serve) -> None:
    sidecar = serve(policy={"denied_roles": ["user", "coadmin"]})
    assert sidecar.token("boss@example.com").status_code == 200
    for login in ("ana@example.com", "coadmin@example.com"):
        assert code(sidecar.token(login)) == "role_not_allowed"


def test_elements_and_scopes_are_the_most_that_policy_names(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"elements": {"explorer": ["item_download"], "uploader": []}})
    greeted(box)
    since = last(box)
    file = box.item("ana@example.com", "/Bem-vinda.txt")["id"]
    for element in ("picker", "preview", "sidebar", "metadata"):
        answer = sidecar.token("ana@example.com", element, file=file)
        assert (answer.status_code, code(answer)) == (403, "element_not_allowed"), element
    for scope in ("item_upload", "base_explorer", "root_readwrite", "manage_managed_users", "admin_readwrite"):
        answer = sidecar.token("ana@example.com", "explorer", ("item_download", scope))
        assert (answer.status_code, code(answer)) == (403, "scope_not_allowed"), scope
        assert scope in answer.json()["detail"] and "item_download" not in answer.json()["detail"]
    assert code(sidecar.token("ana@example.com", "uploader", ("item_download",))) == "scope_not_allowed"
    assert calls(box, since) == []
    assert sidecar.token("ana@example.com", "explorer", ("item_download",)).status_code == 200


def test_only_the_named_folders_may_be_asked_for(box: EmulatorProcess, serve: Serve) -> None:
    allowed = box.item("ana@example.com", "/Projetos")["id"]
    other = box.item("ana@example.com", "/Recibos")["id"]
    below = box.item("ana@example.com", "/Projetos/Aurora")["id"]
    sidecar = serve(policy={"folders": [allowed]})
    assert sidecar.token("ana@example.com", folder=allowed).status_code == 200
    for place in ({}, {"folder": "0"}, {"folder": "00"}, {"folder": other}, {"folder": below}):
        answer = sidecar.token("ana@example.com", **place)
        assert (answer.status_code, code(answer)) == (403, "folder_not_allowed"), place


def test_a_file_may_be_asked_for_below_a_named_folder_only(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"folders": [box.item("ana@example.com", "/Projetos")["id"]]})
    deep = box.item("ana@example.com", "/Projetos/Aurora/Proposta.docx")["id"]
    top = box.item("ana@example.com", "/Bem-vinda.txt")["id"]
    assert sidecar.token("ana@example.com", "preview", file=deep).status_code == 200
    assert code(sidecar.token("ana@example.com", "preview", file=top)) == "folder_not_allowed"
    assert code(sidecar.token("kenji@example.com", "preview", file=deep)) == "resource_not_found"
    assert not [token for token in box.tokens() if token["kind"] == "downscoped" and token["resource"]["id"] != deep]


def test_one_person_gets_so_many_new_tokens_a_minute_and_others_are_not_hindered(
    box: EmulatorProcess, serve: Serve
) -> None:
    sidecar = serve(policy={"mints_per_user_per_minute": 3})
    features = ["item_preview", "item_download", "item_upload", "item_share"]
    with sidecar.client() as client:
        for feature in features[:3]:
            assert post(client, "ana@example.com", scopes=[feature]).status_code == 200
        since = last(box)
        answer = post(client, "ana@example.com", scopes=[features[3]])
        assert (answer.status_code, code(answer)) == (429, "rate_limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert calls(box, since) == []
        for _ in range(5):
            assert post(client, "ana@example.com", scopes=[features[0]]).status_code == 200, "the cache is not counted"
        assert post(client, "kenji@example.com").status_code == 200


def test_all_together_cause_so_many_calls_a_minute(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"mints_per_minute": 10})
    with sidecar.client() as client:
        answers = [post(client, f"guess{number}@example.com") for number in range(30)]
        assert {code(answer) for answer in answers[:10]} == {"user_not_found"}
        assert {code(answer) for answer in answers[10:]} == {"rate_limited"}
        assert code(client.get("/v1/users", params={"login": "more@example.com"})) == "rate_limited"
        assert code(client.get("/v1/doctor")) == "rate_limited"
    assert calls(box).count("GET /2.0/users") == 10


def test_what_box_tells_by_one_name_of_a_person_holds_by_all_names(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 8})
    sidecar = serve(cache={"min_life_s": 0.5, "refresh_ahead_s": 7.5})
    user_id = box.user("ana@example.com")["id"]
    assert sidecar.request("GET", "/v1/users", params={"login": "ana@example.com"}).is_success
    body = {"user": {"id": user_id}, "element": "explorer"}
    assert sidecar.request("POST", "/v1/tokens", json=body).is_success
    box.change_user(user_id, role="admin")
    until(lambda: any(line["event"] == "renewal_failed" for line in sidecar.audit()))
    assert code(sidecar.request("POST", "/v1/tokens", json=body)) == "role_not_allowed"
    assert code(sidecar.token("ana@example.com")) == "role_not_allowed"


def test_who_is_gone_by_their_id_is_gone_by_all_names(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    user_id = box.user("ana@example.com")["id"]
    assert sidecar.token("ana@example.com").is_success
    box.delete_user(user_id)
    assert code(sidecar.request("GET", "/v1/users", params={"id": user_id})) == "user_not_found"
    assert code(sidecar.token("ana@example.com")) == "user_not_found"


def test_a_look_up_costs_what_it_asks_of_box(box: EmulatorProcess, serve: Serve) -> None:
    # Of "z" Box finds everybody whose name or login begins with it: up to eleven pages.
    entries = [{"type": "user", "id": str(9000 + number), "name": "Z", "login": f"z{number}@example.com"}
               for number in range(1000)]  # fmt: skip
    sidecar = serve(policy={"mints_per_minute": 12})
    greeted(box)
    box.fault("merge", path="/2.0/users", body={"entries": entries, "limit": 1000}, times=None)
    assert code(sidecar.token("z")) == "user_ambiguous"
    assert [code(sidecar.token(login)) for login in ("z1", "z2", "z3")] == ["rate_limited"] * 3
    assert calls(box).count("GET /2.0/users") == 12
