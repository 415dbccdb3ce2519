"""Sidecars as processes with a real store between them: what Box is asked, who is refused, what is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.process import ProcessError, free_port
from intranet.release import REPOSITORY
from intranet.sidecar_process import SidecarProcess, box_sidecar
from intranet.store_process import StoreProcess
from sidecar.conftest import Serve
from sidecar.support import (
    ON_VALKEY_TOO,
    Wire,
    calls,
    code,
    last,
    metric,
    request_bytes,
    status_of,
    token,
    until,
    worker_of,
)

GRANT, LOOKUP, EXCHANGE = "jwt-bearer", "GET /2.0/users", "token-exchange"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path / "store") as running:
        yield running


@pytest.fixture
def servers(serve: Serve, store: StoreProcess) -> Callable[..., list[SidecarProcess]]:
    """So many of them, started side by side."""

    def start(count: int, **details: Any) -> list[SidecarProcess]:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: serve(cache={"store": store.url, "ledger": ""}, **details), range(count)))

    return start


def crowd(box: EmulatorProcess, sidecars: list[SidecarProcess], people: int, each: int) -> None:
    """People who come at once, each on several of the servers: Box is asked what one sidecar would ask it."""
    logins = [f"p{number}@example.com" for number in range(people)]
    for number, login in enumerate(logins):
        box.add_user(f"P {number}", login)
    until(lambda: calls(box).count(GRANT) == len(sidecars))  # each greets Box
    since = last(box)
    asked = [((number + one) % len(sidecars), login) for one in range(each) for number, login in enumerate(logins)]

    def ask(number: int, login: str) -> tuple[str, str]:
        body = {"user": {"login": login}, "element": "explorer"}
        with Wire(sidecars[number].socket, timeout=90.0) as wire:
            wire.send(request_bytes("POST", "/v1/tokens", body, "Content-Type: application/json", "Connection: close"))
            answer = wire.read()
        assert status_of(answer) == 200, answer
        return login, json.loads(answer.partition(b"\r\n\r\n")[2])["access_token"]

    with ThreadPoolExecutor(people) as pool:
        got = set(pool.map(lambda who: ask(*who), asked))
    assert len(got) == people
    assert Counter(calls(box, since)) == {GRANT: people, LOOKUP: people, EXCHANGE: people}


@pytest.mark.system
@pytest.mark.parametrize("count", [2, 8])
def test_500_people_at_once_cost_box_what_they_would_cost_on_one_server(
    count: int, box: EmulatorProcess, servers: Callable[..., list[SidecarProcess]], many_files: None
) -> None:
    # The emulator takes seconds for all of them, so nobody is to lose patience with Box.
    crowd(box, servers(count, box={"timeout_s": 60.0}), 500, 2)


def test_a_log_out_on_one_server_is_one_on_the_other(
    box: EmulatorProcess, servers: Callable[..., list[SidecarProcess]]
) -> None:
    one, other = servers(2)
    first = token(one)
    assert token(other) == first
    assert one.request("POST", "/v1/tokens/revoke", json={"user": {"login": "ana@example.com"}}).status_code == 200
    assert [known["revoked"] for known in box.tokens() if known["token"] == first] == [True]
    until(lambda: metric(other, "cached_tokens") == 0)
    second = token(other)
    assert second != first and token(one) == second


@pytest.mark.system
@pytest.mark.parametrize("ahead", [600, -600, 2])
def test_servers_whose_clocks_differ_share_all_the_same(
    ahead: int, host_clock: Path, box: EmulatorProcess, serve: Serve, store: StoreProcess
) -> None:
    (host_clock / "offset").write_text(str(ahead))
    shared = {"cache": {"store": store.url, "ledger": ""}, "policy": {"mints_per_user_per_minute": 3}}
    right = serve(**shared)
    wrong = serve(**shared, env={"PYTHONPATH": str(host_clock)})
    until(lambda: calls(box).count(GRANT) >= 2 + (ahead == 600 or ahead == -600))  # refused once, for its time
    for maker, finder, login in ((right, wrong, "ana@example.com"), (wrong, right, "kenji@example.com")):
        made, found = maker.token(login).json(), finder.token(login).json()
        assert made["access_token"] == found["access_token"]
        assert 3500 < found["expires_in"] <= made["expires_in"] + 1
    # The limits' minute is one.
    first = token(wrong)
    for server, feature in ((right, "item_share"), (wrong, "item_upload")):
        token(server, scopes=(feature,))
    answers = [server.token("ana@example.com", scopes=("item_download",)) for server in (right, wrong)]
    assert [code(answer) for answer in answers] == ["rate_limited"] * 2
    assert all(0 < int(answer.headers["retry-after"]) <= 60 for answer in answers)
    # So are log-outs, from either side.
    for teller, hearer, login in ((wrong, right, "kenji@example.com"), (right, wrong, "ana@example.com")):
        held = metric(hearer, "cached_tokens")
        assert teller.request("POST", "/v1/tokens/revoke", json={"user": {"login": login}}).status_code == 200
        until(lambda: metric(hearer, "cached_tokens") < held)  # noqa: B023
    assert [known["revoked"] for known in box.tokens() if known["token"] == first] == [True]
    second = token(right, "kenji@example.com")
    assert token(wrong, "kenji@example.com") == second
    assert sum(entry["grant"] == GRANT and entry["status"] != 200 for entry in box.log()) == (abs(ahead) > 60)


@pytest.mark.system
@pytest.mark.parametrize("ahead", [600, -600])
def test_whom_box_has_not_told_the_time_serves_nothing_beyond_its_end(
    ahead: int, host_clock: Path, box: EmulatorProcess, serve: Serve, store: StoreProcess
) -> None:
    box.settings(token_life_s={"service": 3600, "user": 3600, "downscoped": 660})
    (host_clock / "offset").write_text(str(ahead))
    shared = {"cache": {"store": store.url, "ledger": "", "min_life_s": 10}}
    right = serve(**shared)
    made = right.token("ana@example.com").json()
    nowhere = f"http://127.0.0.1:{free_port()}"
    cut_off = serve(**shared, api_url=nowhere, env={"PYTHONPATH": str(host_clock)})
    found = cut_off.token("ana@example.com").json()
    assert found["access_token"] == made["access_token"]
    assert made["expires_in"] - max(ahead, 0) - 20 <= found["expires_in"] <= made["expires_in"]


@pytest.mark.system
def test_who_was_killed_in_the_middle_holds_nobody_up(
    box: EmulatorProcess, servers: Callable[..., list[SidecarProcess]]
) -> None:
    one, other = servers(2)
    since = last(box)
    box.fault("delay", grant=EXCHANGE, seconds=30)
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(one.token, "ana@example.com")
        until(lambda: EXCHANGE in calls(box, since) or GRANT in calls(box, since))
        time.sleep(0.5)
        os.kill(worker_of(one), signal.SIGKILL)
        box.clear_faults()
        token(other)
        assert lost.exception() is not None or lost.result().status_code != 200


def test_without_the_store_it_goes_on_and_says_so(
    box: EmulatorProcess, servers: Callable[..., list[SidecarProcess]], store: StoreProcess
) -> None:
    one, other = servers(2)
    first = token(one)
    store.pause()
    until(lambda: metric(one, "store_up") == 0)
    assert token(one) == first
    token(other)
    ready = one.request("GET", "/health/ready")
    assert ready.status_code == 200 and "goes on with its own memory" in ready.json()["why"]
    findings = {check["id"]: check for check in one.request("GET", "/v1/doctor").json()["checks"]}
    assert findings["store"]["status"] == "warn"
    store.go_on()
    until(lambda: metric(one, "store_up") == 1)
    assert one.request("GET", "/health/ready").json() == {"status": "pass"}
    findings = {check["id"]: check for check in one.request("GET", "/v1/doctor").json()["checks"]}
    assert findings["store"]["summary"].startswith("The store answers: Redis 7.")
    store.client.config_set("maxmemory-policy", "allkeys-lru")
    findings = {check["id"]: check for check in one.request("GET", "/v1/doctor").json()["checks"]}
    assert findings["store"]["summary"].endswith("its maxmemory-policy is allkeys-lru.")
    told = one.log.read_text()
    assert told.count("this sidecar goes on with its own memory") == 1
    assert told.count("the store can be used again") == 1


@pytest.mark.system
def test_one_that_starts_anew_finds_what_the_others_have(
    box: EmulatorProcess, servers: Callable[..., list[SidecarProcess]]
) -> None:
    one, other = servers(2)
    first = token(one)
    other.stop()
    other.start()
    since = last(box)
    assert token(other) == first
    assert EXCHANGE not in calls(box, since) and LOOKUP not in calls(box, since)


def test_a_store_that_is_not_there_keeps_nobody_from_serving(serve: Serve, box: EmulatorProcess) -> None:
    sidecar = serve(cache={"store": "unix:///nowhere/store.sock"})
    token(sidecar)
    assert "goes on with its own memory" in sidecar.request("GET", "/health/ready").json()["why"]


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("http://host", "cache.store: store must begin with redis://"),
        ("redis://host/x", "cache.store names no database"),
    ],
)
def test_an_impossible_address_is_told_before_anything_is_served(serve: Serve, store: str, told: str) -> None:
    with pytest.raises(ProcessError, match=told):
        serve(cache={"store": store})


def test_a_missing_module_is_told_in_one_line(serve: Serve, tmp_path: Path) -> None:
    sidecar = serve()
    sidecar.settings["cache"] = {"store": "redis://127.0.0.1"}
    sidecar.write_config()
    (tmp_path / "redis.py").write_text("raise ModuleNotFoundError('No module named redis', name='redis')\n")
    command = [box_sidecar(), "check", "--config", str(sidecar.config)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert ended.returncode == 2
    (line,) = ended.stderr.strip().splitlines()
    assert "cache.store needs the Python module redis; install sidecar/store.lock" in line


@ON_VALKEY_TOO
def test_the_documented_user_may_do_what_it_must_and_nothing_else(
    serve: Serve, tmp_path: Path, program: Sequence[str]
) -> None:
    line = next(
        line.strip() for line in (REPOSITORY / "docs/servers.md").read_text().splitlines() if ">PASSWORD" in line
    )
    (tmp_path / "users.acl").write_text(f"user default on nopass ~* &* +@all\n{line}\n")
    with StoreProcess(tmp_path / "store", "--aclfile", str(tmp_path / "users.acl"), program=program) as store:
        sidecar = serve()
        password = sidecar.directory / "store_password"
        password.write_text("PASSWORD\n")
        password.chmod(0o600)
        url = f"unix://box-sidecar@{store.socket}?password-file=store_password"
        sidecar.settings["cache"] = {"store": url}
        sidecar.stop()
        sidecar.write_config()
        sidecar.start()
        token(sidecar)
        assert sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "ana@example.com"}}).json()
        token(sidecar)
        assert sidecar.request("GET", "/health/ready").json() == {"status": "pass"}
        assert metric(sidecar, 'store_requests_total{outcome="refused"}') == 0
        findings = {check["id"]: check for check in sidecar.request("GET", "/v1/doctor").json()["checks"]}
        assert findings["store"]["status"] == "pass"
        assert ("Valkey 8." if len(program) > 1 else "Redis 7.") in findings["store"]["summary"]
        assert "PASSWORD" not in sidecar.log.read_text()
        log = store.client.acl_log()
        assert log == []
