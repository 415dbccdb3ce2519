"""Faults on demand are what they say, hit what they should, and end when they should."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator_conformance.protocol import App
from intranet.emulator_process import EmulatorProcess
from intranet.process import ProcessError


@pytest.fixture
def token(app: App) -> str:
    return str(app.jwt().json()["access_token"])


def me(app: App, token: str) -> httpx.Response:
    return app.api(token, "GET", "users/me")


def test_status_with_body_and_headers(app: App, token: str, emulator: EmulatorProcess) -> None:
    emulator.fault("status", path="/2.0/users/me", status=429, headers={"Retry-After": "7"}, body={"code": "slow"})
    answer = me(app, token)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (429, "7", {"code": "slow"})
    assert me(app, token).status_code == 200


def test_html_and_empty_bodies(app: App, token: str, emulator: EmulatorProcess) -> None:
    emulator.fault("html", status=502)
    emulator.fault("empty", status=500)
    page, nothing = me(app, token), me(app, token)
    assert (page.status_code, page.headers["Content-Type"].split(";")[0]) == (502, "text/html")
    assert (nothing.status_code, nothing.content) == (500, b"")


def test_truncated_json(app: App, token: str, emulator: EmulatorProcess) -> None:
    whole = me(app, token).content
    emulator.fault("truncate")
    half = me(app, token)
    assert half.status_code == 200
    assert whole.startswith(half.content)
    assert len(half.content) < len(whole)


def test_cut_connections(app: App, token: str, emulator: EmulatorProcess) -> None:
    emulator.fault("cut")
    with pytest.raises(httpx.RemoteProtocolError):
        me(app, token)
    emulator.fault("cut_half")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        me(app, token)
    assert me(app, token).status_code == 200


@pytest.mark.parametrize("kind", ["cut", "status"])
def test_a_request_may_have_been_carried_out(app: App, emulator: EmulatorProcess, kind: str) -> None:
    ana = app.user_token(emulator.user("ana@example.com")["id"])
    for after in (False, True):
        emulator.fault(kind, path="/2.0/folders", after=after)
        body = {"name": f"After {after}", "parent": {"id": "0"}}
        try:
            assert app.api(ana, "POST", "folders", json=body).status_code == 503
        except httpx.RemoteProtocolError:
            assert kind == "cut"
    paths = {item["path"] for item in emulator.items("ana@example.com")}
    assert "/After True" in paths
    assert "/After False" not in paths


def test_hang_and_delay(app: App, token: str, emulator: EmulatorProcess) -> None:
    emulator.fault("hang", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        app.api(token, "GET", "users/me", timeout=0.3)
    emulator.fault("delay", seconds=0.3)
    began = time.monotonic()
    assert me(app, token).status_code == 200
    assert time.monotonic() - began >= 0.3


def test_merge(app: App, token: str, emulator: EmulatorProcess) -> None:
    emulator.fault("merge", body={"name": None, "status": "inactive", "extra": {"deep": 1}})
    body = me(app, token).json()
    assert "name" not in body
    assert (body["status"], body["extra"]) == ("inactive", {"deep": 1})


def test_matching_counting_and_skipping(app: App, token: str, emulator: EmulatorProcess) -> None:
    emulator.fault("status", method="POST", path="/2.0/users/me")
    emulator.fault("status", path="/2.0/folders")
    assert me(app, token).status_code == 200
    emulator.clear_faults()
    emulator.fault("status", method="GET", path="/2.0/users", times=2, skip=1)
    assert [me(app, token).status_code for _ in range(4)] == [200, 503, 503, 200]
    emulator.fault("status", times=None)
    assert [me(app, token).status_code for _ in range(5)] == [503] * 5
    emulator.clear_faults()
    assert me(app, token).status_code == 200


def test_cors_preflights_use_up_no_fault(app: App, token: str, emulator: EmulatorProcess) -> None:
    emulator.fault("status", path="/2.0/users/me")
    wish = {"Origin": "http://intranet.example", "Access-Control-Request-Method": "GET"}
    assert app.http.options("/2.0/users/me", headers=wish).status_code == 200
    assert me(app, token).status_code == 503


def test_matching_by_grant(app: App, emulator: EmulatorProcess) -> None:
    emulator.fault("status", grant="token-exchange", status=500)
    user = app.user_token(emulator.user("ana@example.com")["id"])
    assert app.exchange(user, "base_explorer").status_code == 500
    assert app.exchange(user, "base_explorer").status_code == 200


def test_latency_by_route(app: App, token: str, emulator: EmulatorProcess) -> None:
    emulator.settings(latency_ms=1, route_latency=[{"path": "/2.0/users/me", "ms": 250}])
    began = time.monotonic()
    me(app, token)
    assert time.monotonic() - began >= 0.25
    emulator.settings(route_latency=[])
    assert emulator.log()[-1]["duration_ms"] >= 250


@pytest.mark.parametrize(
    "changes",
    [{"latency": 1}, {"latency_ms": "fast"}, {"token_life_s": {"parent": 1}}, {"app_access": "all"}],
)
def test_settings_are_checked(emulator: EmulatorProcess, changes: dict[str, Any]) -> None:
    before = emulator.settings()
    with pytest.raises(ValueError, match="400"):
        emulator.settings(**changes)
    assert emulator.settings() == before


def test_settings_of_the_start_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOX_EMULATOR_SETTINGS", '{"root_restricted_to": "joined", "users_max_offset": 5}')
    start = {"users_max_offset": 7, "token_life_s": {"user": 60}, "cors_origins": ["https://a.example"]}
    with EmulatorProcess(tmp_path, cors_origins=["https://b.example"], settings=start) as emulator:
        before = emulator.settings()
        assert (before["root_restricted_to"], before["users_max_offset"]) == ("joined", 7)
        assert before["token_life_s"] == {"user": 60}
        assert before["cors_origins"] == ["https://a.example", "https://b.example"]
        emulator.settings(root_restricted_to="absent", cors_origins=[])
        emulator.reset()
        assert emulator.settings() == before


@pytest.mark.parametrize(("name", "value"), [("latency", 1), ("root_resource", "perhaps")])
def test_settings_of_the_start_are_checked(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(ProcessError, match=rf"box_emulator: --setting: .*{name}"):
        EmulatorProcess(tmp_path, settings={name: value}).start()


def test_unknown_faults_are_refused(emulator: EmulatorProcess) -> None:
    with pytest.raises(ValueError, match="400"):
        emulator.fault("explode")


def test_the_log_tells_what_came(app: App, token: str, emulator: EmulatorProcess) -> None:
    since = emulator.log()[-1]["n"]
    emulator.fault("cut")
    with pytest.raises(httpx.RemoteProtocolError):
        me(app, token)
    me(app, "nonsense")
    app.api(token, "GET", "users", params={"filter_term": "ana"})
    cut, refused, search = emulator.log(since)
    assert cut["fault"] == "cut"
    assert (refused["status"], refused["token_kind"]) == (401, None)
    assert (search["status"], search["token_kind"], search["query"]) == (200, "service", {"filter_term": "ana"})


def test_reset_goes_back_to_the_seed(app: App, emulator: EmulatorProcess) -> None:
    ana = emulator.user("ana@example.com")["id"]
    before = emulator.items("ana@example.com")
    token = app.user_token(ana)
    app.upload(token, "0", "new.txt", b"new").raise_for_status()
    emulator.change_user(ana, role="admin")
    emulator.settings(app_authorized=False)
    emulator.reset()
    assert emulator.items("ana@example.com") == before
    assert emulator.user("ana@example.com")["role"] == "user"
    assert (emulator.tokens(), emulator.log()) == ([], [])
    assert emulator.settings()["app_authorized"]
    assert app.jwt().status_code == 200


def test_the_control_interface_has_no_faults(emulator: EmulatorProcess) -> None:
    emulator.fault("cut", times=None)
    emulator.settings(latency_ms=5000)
    began = time.monotonic()
    emulator.reset()
    assert time.monotonic() - began < 4


def test_the_control_interface_is_not_for_web_pages(emulator: EmulatorProcess) -> None:
    """A page in the demo's browser must not read the tokens, nor change anything."""
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert httpx.get(f"{emulator.url}/_emulator/tokens", headers=headers).status_code == 403
        assert httpx.post(f"{emulator.url}/_emulator/reset", headers=headers).status_code == 403
    rebound = httpx.get(f"{emulator.url}/_emulator/tokens", headers={"Host": "evil.example"})
    assert rebound.status_code == 403


def test_tls_with_a_private_ca(tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path, tls=True) as emulator:
        assert emulator.url.startswith("https://127.0.0.1:")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{emulator.url}/2.0/users/me", trust_env=False)
        trusting = ssl.create_default_context(cafile=emulator.ca)
        trusting.verify_flags |= ssl.VERIFY_X509_STRICT
        assert httpx.get(f"{emulator.url}/2.0/users/me", verify=trusting, trust_env=False).status_code == 401


def test_the_certificate_has_the_names_that_it_is_given(tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path, tls=True, tls_names=("api.box.com", "upload.box.com")) as emulator:
        trusting = ssl.create_default_context(cafile=emulator.ca)
        port = int(emulator.url.rpartition(":")[2])
        for name in ("api.box.com", "upload.box.com", "localhost"):
            with socket.create_connection(("127.0.0.1", port)) as plain:
                trusting.wrap_socket(plain, server_hostname=name).close()
        with socket.create_connection(("127.0.0.1", port)) as plain, pytest.raises(ssl.SSLCertVerificationError):
            trusting.wrap_socket(plain, server_hostname="app.box.com")


def test_an_emulator_in_another_network_is_controlled_through_a_socket(tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path, within=("env",)) as emulator:
        assert emulator.user("ana@example.com")["kind"] == "managed"
        assert emulator.settings(latency_ms=1)["latency_ms"] == 1
        assert (tmp_path / "control.sock").is_socket()


def test_a_bad_seed_is_named(tmp_path: Path) -> None:
    seed = tmp_path / "seed.toml"
    seed.write_text('[[people]]\nname = "X"\nlogin = "x@example.com"\ncolour = "red"\n')
    with pytest.raises(ProcessError, match=r"seed\.toml.*colour"), EmulatorProcess(tmp_path, seed=seed):
        pass
    seed.write_text('[[people]]\nname = "X"\nlogin = "x@example.com"\ntree = { "a.txt" = 5 }\n')
    with pytest.raises(ProcessError, match=r"seed\.toml: Expected"), EmulatorProcess(tmp_path, seed=seed):
        pass


def test_a_seed_of_ones_own(tmp_path: Path) -> None:
    seed = tmp_path / "seed.toml"
    seed.write_text(
        '[[people]]\nname = "X"\nlogin = "x@example.com"\n'
        'tree = { "Many/" = { "f{08..11}.bin" = { size = 10 } }, "p.png" = { image = "red" }, "d.pdf" = { pages = 2 } }'
    )
    with EmulatorProcess(tmp_path, seed=seed) as emulator:
        items = {item["path"]: item for item in emulator.items("x@example.com")}
        assert {path for path in items if "Many/" in path} == {f"/Many/f{n}.bin" for n in ("08", "09", "10", "11")}
        assert items["/Many/f08.bin"]["size"] == 10
        assert emulator.content(items["/p.png"]["id"]).startswith(b"\x89PNG")
        assert emulator.content(items["/d.pdf"]["id"]).startswith(b"%PDF")


def test_a_taken_port_is_said_in_one_line(tmp_path: Path, emulator: EmulatorProcess) -> None:
    port = int(emulator.url.rpartition(":")[2])
    with (
        pytest.raises(ProcessError, match=r"box_emulator: .*address already in use"),
        EmulatorProcess(tmp_path, port=port),
    ):
        pass


def test_the_inspector_shows_no_token(app: App, token: str, emulator: EmulatorProcess) -> None:
    overview = httpx.get(f"{emulator.url}/_emulator/overview")
    assert [entry["kind"] for entry in overview.json()["tokens"]] == ["service"]
    assert token not in overview.text
    page = httpx.get(emulator.url)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Box emulator" in page.text


def test_download_tickets_are_not_logged(app: App, emulator: EmulatorProcess) -> None:
    ana = app.user_token(emulator.user("ana@example.com")["id"])
    file = emulator.item("ana@example.com", "/Bem-vinda.txt")["id"]
    location = app.api(ana, "GET", f"files/{file}/content").headers["Location"]
    assert httpx.get(location).status_code == 200
    assert emulator.log()[-1]["path"] == "/d/1/***/download"
