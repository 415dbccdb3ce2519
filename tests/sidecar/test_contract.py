"""Routes, codes and headers, as outside callers rely on them."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import Wire, code, last, request_bytes, status_of

#: What callers rely on is the same whatever dialect Box speaks.
DIALECTS: dict[str, dict[str, Any]] = {
    "guides": {"root_restricted_to": "with_folder", "downscoped_search": False},
    "mocks": {"root_restricted_to": "joined", "filter_term_marker": "endless", "exp_refusal": "bare"},
    "silent": {"root_restricted_to": "empty", "root_resource": True, "fresh_subject_token_refused": True},
}


@pytest.fixture(params=list(DIALECTS.values()), ids=list(DIALECTS), autouse=True)
def dialect(request: pytest.FixtureRequest, box: EmulatorProcess) -> None:
    box.settings(**request.param)


ANA: dict[str, Any] = {"user": {"login": "ana@example.com"}, "element": "explorer"}

SCOPES = {
    "explorer": ("base_explorer", "item_preview item_download item_rename item_share item_upload item_delete"),
    "picker": ("base_picker", "item_share item_upload"),
    "preview": ("base_preview", "item_download annotation_edit annotation_view_all annotation_view_self"),
    "sidebar": ("base_sidebar", "item_comment item_rename item_upload item_task"),
    "uploader": ("base_upload", ""),
}


def test_a_token_is_for_this_person_with_these_scopes_on_this_folder(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    folder = box.item("ana@example.com", "/Projetos")["id"]
    answer = sidecar.token("ana@example.com", "explorer", ("item_upload", "item_download"), folder=folder)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    ana = box.user("ana@example.com")
    assert body.pop("access_token") in {token["token"] for token in box.tokens() if token["kind"] == "downscoped"}
    assert 3590 < body.pop("expires_in") <= 3600
    assert body == {
        "token_type": "bearer",
        "scopes": ["base_explorer", "item_download", "item_upload"],
        "resource": {"type": "folder", "id": folder},
        "user": {"id": ana["id"], "login": "ana@example.com", "name": "Ana Souza"},
    }
    (issued,) = [token for token in box.tokens() if token["kind"] == "downscoped"]
    assert issued["login"] == "ana@example.com"
    assert issued["scopes"] == ["base_explorer", "item_download", "item_upload"]
    assert issued["resource"] == {"type": "folder", "id": folder}


@pytest.mark.parametrize("element", SCOPES)
def test_every_element_gets_its_base_scope_and_what_was_asked_and_nothing_else(
    element: str, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    base, features = SCOPES[element]
    place = {"file": box.item("ana@example.com", "/Bem-vinda.txt")["id"]} if element in {"preview", "sidebar"} else {}
    bare = sidecar.token("ana@example.com", element, **place).json()
    assert bare["scopes"] == [base]
    full = sidecar.token("ana@example.com", element, tuple(features.split()), **place).json()
    assert sorted(full["scopes"]) == sorted([base, *features.split()])
    granted = [token["scopes"] for token in box.tokens() if token["kind"] == "downscoped"]
    assert granted == ([[base], sorted([base, *features.split()])] if features else [[base]])


def test_the_root_folder_is_meant_when_none_is_named_and_is_no_resource_for_box(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    unnamed = sidecar.token("ana@example.com").json()
    named = sidecar.token("ana@example.com", folder="0").json()
    assert unnamed["resource"] == {"type": "folder", "id": "0"}
    assert unnamed["access_token"] == named["access_token"]
    (issued,) = [token for token in box.tokens() if token["kind"] == "downscoped"]
    assert issued["resource"] is None


def test_the_order_of_scopes_and_a_scope_named_twice_make_no_difference(sidecar: SidecarProcess) -> None:
    one = sidecar.token("ana@example.com", scopes=("item_upload", "item_download")).json()
    other = sidecar.token("ana@example.com", scopes=("item_download", "item_upload", "item_download")).json()
    assert one["access_token"] == other["access_token"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"\xff\xfe", ""),
        (b'{"element": 5, ', ""),
        (b'{"x": ' + b"[" * 30_000, ""),
        (b'{"user": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", ""),
        ({"element": "explorer"}, "user"),
        ({"user": {"login": "ana@example.com"}}, "element"),
        (ANA | {"user": {}}, "user"),
        (ANA | {"user": {"login": "ana@example.com", "id": "1"}}, "user"),
        (ANA | {"user": "ana@example.com"}, "user"),
        (ANA | {"user": {"login": 1}}, "user.login"),
        (ANA | {"user": {"login": ""}}, "user.login"),
        (ANA | {"user": {"login": "ana@example.com\n"}}, "user.login"),
        (ANA | {"user": {"login": "a b"}}, "user.login"),
        (ANA | {"user": {"login": "a" * 400}}, "user.login"),
        (ANA | {"user": {"id": "12\n"}}, "user.id"),
        (ANA | {"user": {"id": "../../etc"}}, "user.id"),
        (ANA | {"user": {"id": 12}}, "user.id"),
        (ANA | {"user": {"login": "ana@example.com", "role": "admin"}}, "user"),
        (ANA | {"scopes": "item_download"}, "scopes"),
        (ANA | {"scopes": [None]}, "scopes"),
        (ANA | {"scopes": ["item_download base_explorer"]}, "scopes"),
        (ANA | {"refused": "0" * 63}, "refused"),
        (ANA | {"refused": "0" * 64 + "\n"}, "refused"),
        (ANA | {"refused": "A" * 64}, "refused"),
        (ANA | {"refused": 0}, "refused"),
        (ANA | {"folder": 0}, "folder"),
        (ANA | {"folder": "٣"}, "folder"),
        (ANA | {"folder": "1/../2"}, "folder"),
        (ANA | {"folder": "1", "file": "2"}, ""),
        (ANA | {"file": "1"}, "folder"),
        (ANA | {"element": "preview"}, "file"),
        (ANA | {"token": "x"}, "token"),
    ],
)
def test_a_request_that_is_not_understood_is_refused_and_names_the_field(
    body: Any, wrong: str, sidecar_for_all: SidecarProcess
) -> None:
    details = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = sidecar_for_all.request("POST", "/v1/tokens", **details)
    assert (answer.status_code, code(answer)) == (400, "invalid_request")
    if wrong:
        assert wrong in {error["field"].partition("[")[0] for error in answer.json()["errors"]}


def test_each_wrong_field_is_named_at_once(sidecar_for_all: SidecarProcess) -> None:
    body = {"user": {"login": 3}, "scopes": 1, "who": "me"}
    answer = sidecar_for_all.request("POST", "/v1/tokens", json=body)
    named = {error["field"] for error in answer.json()["errors"]}
    assert named == {"user.login", "scopes", "who", "element"}


@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/tokens/revoke", "/v1/users", "/v1/doctor", "/v1", "/v1/nothing"])
@pytest.mark.parametrize("value", [None, "0", "yes", "1, 1"])
def test_no_v1_route_answers_without_the_header(path: str, value: str | None, sidecar_for_all: SidecarProcess) -> None:
    with sidecar_for_all.client() as client:
        del client.headers["Box-Sidecar"]
        headers = {"Box-Sidecar": value} if value else {}
        for method in ("GET", "POST", "OPTIONS"):
            answer = client.request(method, path, headers=headers)
            assert (answer.status_code, code(answer)) == (412, "missing_header")


@pytest.mark.parametrize(
    "header",
    [
        *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything", "Forwarded"),
        *("x-forwarded", "X-Real-IP", "Via"),
        # A web server that forwards without saying so passes on what only a browser sends.
        *("Origin", "Cookie", "Sec-Fetch-Site"),
    ],
)
def test_a_forwarded_request_is_refused_on_every_route(header: str, sidecar_for_all: SidecarProcess) -> None:
    for method, path in (
        ("POST", "/v1/tokens"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
    ):
        answer = sidecar_for_all.request(method, path, json=ANA, headers={header: "for=192.0.2.1"})
        assert (answer.status_code, code(answer)) == (400, "forwarded_request")


@pytest.mark.parametrize("path", ["//v1/tokens", "///v1/tokens", "/%76%31/tokens"])
def test_slashes_are_no_way_around_the_header(path: str, sidecar_for_all: SidecarProcess) -> None:
    with Wire(sidecar_for_all.socket) as wire:
        wire.send(request_bytes("POST", path, ANA).replace(b"Box-Sidecar: 1\r\n", b"Connection: close\r\n"))
        answer = wire.read()
    assert status_of(answer) in {404, 412}
    assert b"access_token" not in answer


@pytest.mark.parametrize("given", ["abc-123", "A.b_c", "x" * 64])
def test_a_sane_request_id_is_the_answers_too_and_the_audits(given: str, sidecar: SidecarProcess) -> None:
    answer = sidecar.request("POST", "/v1/tokens", json=ANA, headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] == given
    assert sidecar.audit()[-1]["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"b', "{}", "ä".encode()])
def test_an_insane_request_id_is_replaced(given: Any, sidecar_for_all: SidecarProcess) -> None:
    answer = sidecar_for_all.request("GET", "/health/live", headers={"X-Request-Id": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/health/startup", "/health/live", "/health/ready", "/metrics", "/openapi.json"])
def test_operational_routes_need_no_header(path: str, sidecar_for_all: SidecarProcess) -> None:
    with sidecar_for_all.client() as client:
        del client.headers["Box-Sidecar"]
        answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/tokens/x", 404, "not_found"),
        ("GET", "/V1/tokens", 404, "not_found"),
        ("GET", "/v1/tokens", 405, "method_not_allowed"),
        ("DELETE", "/v1/users", 405, "method_not_allowed"),
        ("POST", "/metrics", 405, "method_not_allowed"),
        ("TRACE", "/v1/tokens", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_a_problem_too(
    method: str, path: str, status: int, expected: str, sidecar_for_all: SidecarProcess
) -> None:
    answer = sidecar_for_all.request(method, path)
    assert (answer.status_code, code(answer)) == (status, expected)
    if status == 405:
        assert answer.headers["allow"]


def test_metrics_count_and_name_nobody(serve: Serve) -> None:
    sidecar = serve()
    sidecar.token("ana@example.com")
    sidecar.token("ana@example.com")
    sidecar.token("nobody@example.com")
    sidecar.request("GET", "/made/up/by/a/caller")
    answer = sidecar.request("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    text = answer.text
    for line in (
        'box_sidecar_tokens_total{outcome="mint"} 1.0',
        'box_sidecar_tokens_total{outcome="hit"} 1.0',
        'box_sidecar_tokens_total{outcome="user_not_found"} 1.0',
        "box_sidecar_cached_tokens 1.0",
        "box_sidecar_circuit_breaker_open 0.0",
        'box_sidecar_requests_total{route="/v1/tokens",status="200"} 2.0',
        'box_sidecar_requests_total{route="unknown",status="404"} 1.0',
    ):
        assert line in text
    assert "example" not in text and "made" not in text


def test_a_refusal_of_boxs_carries_boxs_own_words(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    box.settings(user_tokens_enabled=False)
    answer = sidecar.token("ana@example.com")
    assert (answer.status_code, code(answer)) == (502, "user_tokens_not_enabled")
    assert answer.json()["box"] == {
        "status": 400,
        "error": "invalid_request",
        "error_description": "Cannot obtain user token based on the enterprise configuration for your app",
    }
    assert "Generate user access tokens" in answer.json()["fix"]


def test_a_restricted_to_that_says_more_than_was_asked_is_refused_and_the_token_thrown_away(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    folder = box.item("ana@example.com", "/Projetos")
    right = {"scope": "base_explorer", "object": {"type": "folder", "id": folder["id"]}}
    for told in (
        [right, right | {"scope": "item_delete"}],
        [right, {"scope": "base_explorer"}],
        [right | {"object": {"type": "folder", "id": "0"}}],
        [right | {"object": {"type": "file", "id": folder["id"]}}],
        [right | {"object": None}],
        [],
        None,
    ):
        since = last(box)
        box.fault("merge", path="/oauth2/token", grant="token-exchange", body={"restricted_to": told})
        answer = sidecar.token("ana@example.com", folder=folder["id"])
        assert (answer.status_code, code(answer)) == (502, "box_refused"), told
        assert [entry["path"] for entry in box.log(since)][-1] == "/oauth2/revoke"
        assert not any(token["alive"] for token in box.tokens() if token["kind"] == "downscoped")
    assert sidecar.token("ana@example.com", folder=folder["id"]).status_code == 200


def test_a_parent_that_comes_back_unnarrowed_is_never_handed_out(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    sidecar.token("ana@example.com")
    (parent,) = [token["token"] for token in box.tokens() if token["kind"] == "user"]
    box.fault("merge", path="/oauth2/token", grant="token-exchange", body={"access_token": parent})
    answer = sidecar.token("ana@example.com", scopes=("item_share",))
    assert code(answer) == "box_refused"
    assert parent not in answer.text


def test_box_may_grant_less_than_was_asked_and_the_answer_says_so(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    told = {"restricted_to": [{"scope": "base_explorer"}]}
    box.fault("merge", path="/oauth2/token", grant="token-exchange", body=told)
    assert sidecar.token("ana@example.com", scopes=("item_share",)).json()["scopes"] == ["base_explorer"]


def test_the_app_with_client_credentials_works_from_its_own_json(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(app_config=box.ccg_config)
    assert sidecar.token("kenji@example.com").status_code == 200
    grants = {entry["grant"] for entry in box.log() if entry["grant"]}
    assert grants == {"client_credentials", "token-exchange"}


@pytest.fixture(scope="module")
def sidecar_for_all(_emulator: EmulatorProcess, folder: Any) -> Any:
    """One for tests that are over before Box is asked."""
    with SidecarProcess(folder / "contract", app_config=_emulator.app_config, api_url=_emulator.url) as running:
        yield running


def test_every_answer_on_the_wire_is_one_of_the_contracts(sidecar_for_all: SidecarProcess) -> None:
    answer: httpx.Response = sidecar_for_all.request("GET", "/openapi.json")
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    routes = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert routes == {
        ("POST", "/v1/tokens"),
        ("POST", "/v1/tokens/revoke"),
        ("GET", "/v1/users"),
        ("POST", "/v1/users"),
        ("GET", "/v1/doctor"),
        ("GET", "/v1/usage"),
        ("GET", "/health/startup"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
    }
