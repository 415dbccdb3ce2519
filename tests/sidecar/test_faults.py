"""Bad days of Box and of the network: what is retried, what is said, who is served all the same."""

from __future__ import annotations

import contextlib
import signal
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import Wire, calls, code, greeted, last, post, request_bytes, until

TOKEN = {"path": "/oauth2/token", "grant": "token-exchange"}
EXCHANGE = "POST /oauth2/token"  # as Box's log shows a request that it did not read

#: Each a way to fail; all of them may be repeated for a token.
FAILURES: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "status": 500},
    "502, a gateway's page": {"kind": "html", "status": 502},
    "503, nothing": {"kind": "empty", "status": 503},
    "504 with JSON": {"kind": "status", "status": 504, "body": {"code": "upstream_timeout"}},
    "408": {"kind": "status", "status": 408},
    "200 with a page": {"kind": "html", "status": 200},
    "200, nothing": {"kind": "empty", "status": 200},
    "200 with JSON of something else": {"kind": "status", "status": 200, "body": {"token": "none"}},
    "403 of a gateway": {"kind": "html", "status": 403},
    "a redirect": {"kind": "status", "status": 302, "headers": {"Location": "/oauth2/elsewhere"}},
    "truncated JSON": {"kind": "truncate"},
    "cut before an answer": {"kind": "cut"},
    "cut after it was carried out": {"kind": "cut", "after": True},
    "cut in the middle": {"kind": "cut_half"},
}


@pytest.mark.parametrize("failure", FAILURES)
def test_one_failure_is_not_noticed(failure: str, box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    for match in ({"path": "/oauth2/token", "grant": "jwt-bearer"}, {"path": "/2.0/users"}, TOKEN):
        box.fault(**match, **FAILURES[failure])
    assert sidecar.token("ana@example.com").status_code == 200
    assert "elsewhere" not in " ".join(entry["path"] for entry in box.log())


@pytest.mark.parametrize("failure", ["500", "502, a gateway's page", "cut before an answer", "truncated JSON"])
def test_a_lasting_failure_is_said_in_time_and_with_an_hour_to_come_back(
    failure: str, box: EmulatorProcess, serve: Serve
) -> None:
    sidecar = serve(box={"timeout_s": 1.0})
    greeted(box)
    box.fault(**TOKEN, **FAILURES[failure], times=None)
    began = time.monotonic()
    answer = sidecar.token("ana@example.com")
    assert time.monotonic() - began < 1.0 * 1.5 + 3
    assert (answer.status_code, code(answer)) == (503, "box_unavailable")
    assert "status.box.com" in answer.json()["fix"]
    assert 2 <= calls(box).count("token-exchange") + calls(box).count(EXCHANGE) <= 4


def test_a_box_that_hangs_does_not_hang_us(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(box={"timeout_s": 0.6})
    greeted(box)
    box.fault("hang", **TOKEN, times=None, seconds=30)
    began = time.monotonic()
    answer = sidecar.token("ana@example.com")
    assert time.monotonic() - began < 0.6 * 1.5 + 3
    assert code(answer) == "box_unavailable"


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("body", [{"code": "rate_limit_exceeded"}, None, "<html>Too many</html>"])
def test_a_429_is_waited_out_as_box_says(form: str, body: Any, box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    wait = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
    box.fault("status", **TOKEN, status=429, body=body, headers={"Retry-After": wait})
    since = last(box)
    assert sidecar.token("ana@example.com").status_code == 200
    first, second = [entry["time"] for entry in box.log(since) if entry["path"] == "/oauth2/token"][-2:]
    assert second - first >= 0.9


@pytest.mark.parametrize("wait", ["99999999", "9" * 400, "-5", "soon", "", "²", formatdate(4e9, usegmt=True)])
def test_an_absurd_retry_after_is_bounded(wait: str, box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(box={"timeout_s": 0.6})
    greeted(box)
    box.fault("status", **TOKEN, status=429, times=None, headers={"Retry-After": wait} if wait != "²" else {})
    answer = sidecar.token("ana@example.com")
    assert (answer.status_code, code(answer)) == (503, "box_rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 300


def test_while_box_wants_us_to_wait_it_is_left_alone(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(box={"timeout_s": 0.6})
    greeted(box)
    box.fault("status", **TOKEN, status=429, headers={"Retry-After": "4"})
    assert code(sidecar.token("ana@example.com")) == "box_rate_limited"
    since = last(box)
    for _ in range(5):
        assert code(sidecar.token("ana@example.com")) == "box_rate_limited"
    assert EXCHANGE not in calls(box, since) and "token-exchange" not in calls(box, since)
    until(lambda: sidecar.token("ana@example.com").is_success, 8, 0.2)


def test_one_persons_limit_at_box_is_theirs_alone(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    held = sidecar.token("ana@example.com").json()["access_token"]
    for grant in ("token-exchange", "jwt-bearer"):
        box.fault("status", path="/oauth2/token", grant=grant, status=429, headers={"Retry-After": "300"})
    assert code(limited := sidecar.token("ana@example.com", scopes=("item_share",))) == "box_rate_limited"
    assert 200 < int(limited.headers["retry-after"]) <= 300
    assert code(sidecar.token("kenji@example.com")) == "box_rate_limited"
    since = last(box)
    assert code(sidecar.token("ana@example.com", scopes=("item_upload",))) == "box_rate_limited"
    assert calls(box, since) == [], "she is left alone as Box wants"
    assert sidecar.token("ana@example.com").json()["access_token"] == held
    assert sidecar.token("olga@example.com").status_code == 200
    assert sidecar.request("GET", "/health/ready").status_code == 200


def test_the_apps_limit_at_box_is_told_to_who_asks_whether_we_are_ready(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    greeted(box)
    box.fault("status", path="/2.0/users", status=429, headers={"Retry-After": "60"})
    assert code(sidecar.token("ana@example.com")) == "box_rate_limited"
    ready = sidecar.request("GET", "/health/ready")
    assert ready.status_code == 503 and "Rate limited" in ready.json()["why"]
    assert 50 <= int(ready.headers["retry-after"]) <= 60


def test_when_box_limits_many_people_at_once_it_means_the_app(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    people = [box.add_user(f"Person {number}", f"person{number}@example.com")["login"] for number in range(7)]
    box.fault("status", **TOKEN, status=429, times=None, headers={"Retry-After": "60"})
    since = last(box)
    assert {code(sidecar.token(login)) for login in people} == {"box_rate_limited"}
    assert calls(box, since).count(EXCHANGE) == 5, "the sixth is not tried any more"
    assert sidecar.request("GET", "/health/ready").status_code == 503


ODD_TOKENS: list[dict[str, Any]] = [
    {"expires_in": "3600"},
    {"expires_in": 0},
    {"expires_in": -5},
    {"token_type": "mac"},
    {"access_token": 7},
    {"access_token": "no\ntoken"},
    {"restricted_to": "everything"},
]


def test_an_odd_answer_is_a_refusal_and_no_failure_of_box(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    for odd in ODD_TOKENS:
        since = last(box)
        box.fault("merge", **TOKEN, body=odd, times=2)
        answer = sidecar.token("ana@example.com")
        assert (answer.status_code, code(answer)) == (502, "box_refused"), odd
        assert calls(box, since).count("token-exchange") == 2, "once more, and not a third time"
        box.clear_faults()
    assert "breaker_open 0.0" in metrics(sidecar)
    assert sidecar.token("kenji@example.com").status_code == 200


def test_a_life_is_a_number_and_no_eternity(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    for number, (told, least, most) in enumerate([(3600.0, 3590, 3600), (10**18, 86_000, 86_400)]):
        greeted(box)
        box.fault("merge", path="/oauth2/token", body={"expires_in": told}, times=2)
        answer = sidecar.token(("ana@example.com", "kenji@example.com")[number])
        assert least <= answer.json()["expires_in"] <= most


def test_the_breaker_stops_hammering_serves_what_it_has_and_notices_the_recovery(
    box: EmulatorProcess, serve: Serve
) -> None:
    sidecar = serve(box={"timeout_s": 1.0})
    held = sidecar.token("ana@example.com").json()["access_token"]
    box.fault("status", status=500, times=None)
    until(lambda: sidecar.token("kenji@example.com").is_error and "breaker_open 1.0" in metrics(sidecar), 10)

    time.sleep(0.3)  # until Box has noted what it answered last
    since = last(box)
    began = time.monotonic()
    for _ in range(20):
        assert code(sidecar.token("kenji@example.com")) == "box_unavailable"
    assert time.monotonic() - began < 10
    assert set(calls(box, since)) <= {"GET /2.0/users/me"}, "only probes"
    ready = sidecar.request("GET", "/health/ready")
    assert ready.status_code == 503 and "Box" in ready.json()["why"]
    assert sidecar.request("GET", "/health/live").status_code == 200
    assert sidecar.token("ana@example.com").json()["access_token"] == held

    box.clear_faults()
    until(lambda: sidecar.request("GET", "/health/ready").status_code == 200, 15)
    assert sidecar.token("kenji@example.com").status_code == 200


def metrics(sidecar: SidecarProcess) -> str:
    return sidecar.request("GET", "/metrics").text


def test_without_box_a_token_is_given_until_it_ends_and_no_longer(box: EmulatorProcess, serve: Serve) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 5})
    sidecar = serve(box={"timeout_s": 0.5}, cache={"min_life_s": 3.5, "refresh_ahead_s": 0, "user_ttl_s": 0.1})
    held = sidecar.token("ana@example.com").json()
    ends = time.monotonic() + held["expires_in"] + 1
    box.fault("cut", times=None)
    time.sleep(2)  # less than min_life_s is left
    answer = sidecar.token("ana@example.com")
    assert answer.json()["access_token"] == held["access_token"]
    assert answer.json()["expires_in"] <= 3
    assert sidecar.audit()[-1]["outcome"] == "stale"
    refused = until(lambda: (late := sidecar.token("ana@example.com")).is_error and late, 8, 0.2)
    assert isinstance(refused, httpx.Response) and code(refused) == "box_unavailable"
    assert time.monotonic() < ends + 2


def test_fifty_requests_that_hang_on_box_do_not_slow_one_that_is_cached(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(box={"timeout_s": 20.0})
    with sidecar.client() as client, contextlib.ExitStack() as hanging:
        assert post(client, "ana@example.com").status_code == 200
        before = duration(client)
        box.fault("hang", path="/2.0/users", times=None, seconds=60)
        wires = [hanging.enter_context(Wire(sidecar.socket)) for _ in range(50)]
        for number, wire in enumerate(wires):
            body = {"user": {"login": f"hanging{number}@example.com"}, "element": "explorer"}
            wire.send(request_bytes("POST", "/v1/tokens", body))
        time.sleep(0.5)
        meanwhile = duration(client)
        for wire in wires:
            wire.socket.setblocking(False)
            with pytest.raises(BlockingIOError):
                wire.socket.recv(1)
    assert meanwhile < before * 4 + 0.01


def duration(client: httpx.Client) -> float:
    """Median seconds of a cached token."""
    times = []
    for _ in range(60):
        began = time.monotonic()
        assert post(client, "ana@example.com").status_code == 200
        times.append(time.monotonic() - began)
    return statistics.median(times)


def test_a_host_whose_name_is_not_known(serve: Serve) -> None:
    sidecar = serve(api_url="https://box.invalid", box={"timeout_s": 0.5})
    assert code(sidecar.token("ana@example.com")) == "box_unavailable"


def test_a_host_where_nobody_listens(serve: Serve) -> None:
    sidecar = serve(api_url="http://127.0.0.1:9", box={"timeout_s": 0.5})
    answer = sidecar.token("ana@example.com")
    assert code(answer) == "box_unavailable"
    assert "connection" in answer.json()["detail"]


@pytest.fixture(scope="module")
def tls_box(folder: Path) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(folder / "tls", tls=True) as emulator:
        yield emulator


def test_a_private_authority_is_trusted_where_ssl_cert_file_names_it(tls_box: EmulatorProcess, serve: Serve) -> None:
    app = {"app_config": tls_box.app_config, "api_url": tls_box.url}
    with_it = serve(**app, env={"SSL_CERT_FILE": str(tls_box.ca)})
    assert with_it.token("ana@example.com").status_code == 200
    without = serve(**app, box={"timeout_s": 0.5})
    answer = without.token("ana@example.com")
    assert code(answer) == "box_unavailable"
    assert "SSL_CERT_FILE" in answer.json()["detail"]


def test_a_reload_trusts_the_authorities_as_they_are_by_then(
    tls_box: EmulatorProcess, serve: Serve, tmp_path: Path
) -> None:
    authorities = tmp_path / "authorities.pem"
    authorities.write_text("")
    sidecar = serve(app_config=tls_box.app_config, api_url=tls_box.url, env={"SSL_CERT_FILE": str(authorities)})
    assert code(sidecar.token("ana@example.com")) == "box_unavailable"
    authorities.write_bytes(tls_box.ca.read_bytes())
    assert sidecar.process
    sidecar.process.signal(signal.SIGHUP)
    until(lambda: sidecar.token("ana@example.com").status_code == 200)


class Proxy:
    """An HTTP proxy that knows CONNECT (RFC 9110, section 9.3.6), and remembers for whom."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._tunnel, args=(client,), daemon=True).start()

    def _tunnel(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        method, target, _ = head.decode("latin-1").split(" ", 2)
        self.asked.append(f"{method} {target}")
        host, _, port = target.rpartition(":")
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=_copy, args=(server, client), daemon=True).start()
        _copy(client, server)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    running = Proxy()
    yield running
    running.close()


def test_a_proxy_in_the_environment_is_used(proxy: Proxy, tls_box: EmulatorProcess, serve: Serve) -> None:
    environment = {"SSL_CERT_FILE": str(tls_box.ca), "HTTPS_PROXY": proxy.url, "NO_PROXY": ""}
    app = {"app_config": tls_box.app_config, "api_url": tls_box.url}
    assert serve(**app, env=environment).token("kenji@example.com").status_code == 200
    assert set(proxy.asked) == {f"CONNECT {tls_box.url.removeprefix('https://')}"}
    proxy.asked.clear()
    direct = serve(**app, env=environment | {"NO_PROXY": "127.0.0.1"})
    assert direct.token("kenji@example.com").status_code == 200
    assert proxy.asked == []


def test_a_netrc_is_not_read(box: EmulatorProcess, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("default login somebody password elses\n")
    (tmp_path / "netrc").chmod(0o600)
    sidecar = serve(env={"NETRC": str(tmp_path / "netrc")})
    assert sidecar.token("ana@example.com").status_code == 200


def test_a_proxy_that_is_not_there_is_named(tls_box: EmulatorProcess, serve: Serve) -> None:
    environment = {"SSL_CERT_FILE": str(tls_box.ca), "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    app = {"app_config": tls_box.app_config, "api_url": tls_box.url, "box": {"timeout_s": 0.5}}
    answer = serve(**app, env=environment).token("ana@example.com")
    assert code(answer) == "box_unavailable"
    assert "proxy" in answer.json()["detail"]


def test_a_401_on_the_service_token_is_handled_once(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    assert sidecar.token("ana@example.com").status_code == 200
    since = last(box)
    box.expire_tokens(kind="service", revoke=True)
    assert sidecar.token("kenji@example.com").status_code == 200
    assert calls(box, since) == [
        "GET /2.0/users", "jwt-bearer", "GET /2.0/users", "jwt-bearer", "token-exchange",
    ]  # fmt: skip


def test_a_401_that_stays_is_not_looped(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    since = last(box)
    headers = {"WWW-Authenticate": 'Bearer realm="Service", error="invalid_token"'}
    box.fault("empty", path="/2.0/users", status=401, headers=headers, times=None)
    answer = sidecar.token("ana@example.com")
    assert (answer.status_code, code(answer)) == (502, "app_not_authorized")
    assert calls(box, since) == ["GET /2.0/users", "jwt-bearer", "GET /2.0/users"]


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_a_user_token_that_box_no_longer_knows_is_replaced_once(
    end: str, box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    assert sidecar.token("ana@example.com").status_code == 200
    since = last(box)
    box.expire_tokens(kind="user", revoke=end == "revoked")
    assert sidecar.token("ana@example.com", scopes=("item_share",)).status_code == 200
    assert calls(box, since) == ["token-exchange", "jwt-bearer", "token-exchange"]
