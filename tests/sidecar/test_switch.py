"""Off in ten seconds: all tokens ended by one command, and none issued by one word in the configuration."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from box_sidecar.model import Resource, Subject
from box_sidecar.problems import Problem
from box_sidecar.settings import PolicySettings, Settings
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess, box_sidecar
from sidecar.conftest import Serve
from sidecar.scripted_box import DENIED, DOWN, LOGINS, Stage
from sidecar.support import as_user, code, greeted, last, needs_root, request_bytes, status_of, until


def alive(box: EmulatorProcess) -> list[dict[str, Any]]:
    """People's tokens."""
    return [token for token in box.tokens() if token["alive"] and token["kind"] != "service"]


def revoke(sidecar: SidecarProcess, **body: Any) -> httpx.Response:
    return sidecar.request("POST", "/v1/tokens/revoke", json=body)


def command(sidecar: SidecarProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    full = [box_sidecar(), *arguments, "--config", str(sidecar.config)]
    return subprocess.run(full, capture_output=True, text=True, timeout=90, check=False)


def hang_up(sidecar: SidecarProcess) -> None:
    """SIGHUP, and until it is taken over."""
    assert sidecar.process
    before = sidecar.log.read_text().count("configuration reloaded")
    os.kill(sidecar.process.pid, signal.SIGHUP)
    until(lambda: sidecar.log.read_text().count("configuration reloaded") > before)


def switch(sidecar: SidecarProcess, on: bool) -> None:
    sidecar.settings.setdefault("policy", {})["issue"] = on
    sidecar.write_config()


def test_one_word_ends_all_and_another_signal_brings_it_back(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    sidecar.token("ana@example.com")
    sidecar.token("kenji@example.com", "picker")
    assert len(alive(box)) == 4
    switch(sidecar, on=False)  # and nobody sends a signal
    until(lambda: sidecar.token("ana@example.com").status_code == 503)
    until(lambda: alive(box) == [])
    for answer in (sidecar.token("ana@example.com"), sidecar.token("nobody@example.com"), sidecar.token("x", "hubs")):
        assert code(answer) == "issuing_stopped" and "access_token" not in answer.text
        assert int(answer.headers["retry-after"]) == 300
    assert revoke(sidecar, user={"login": "ana@example.com"}).json() == {"revoked": 0}
    assert sidecar.request("GET", "/v1/users?login=ana@example.com").status_code == 200
    ready = sidecar.request("GET", "/health/ready")
    assert (ready.status_code, "policy.issue" in ready.json()["why"]) == (503, True)
    assert sidecar.request("GET", "/health/live").status_code == 200
    (found,) = [check for check in sidecar.request("GET", "/v1/doctor").json()["checks"] if check["id"] == "issuing"]
    assert found["status"] == "fail" and "SIGHUP" in found["fix"]
    checked = command(sidecar, "check", "--json")
    assert checked.returncode == 1 and "issuing" in [check["id"] for check in json.loads(checked.stdout)["checks"]]
    assert alive(box) == []
    switch(sidecar, on=True)
    until(lambda: "policy.issue is true instead of false" in sidecar.log.read_text())
    assert sidecar.token("ana@example.com").status_code == 503, "that takes a signal"
    hang_up(sidecar)
    assert sidecar.token("ana@example.com").status_code == 200


def test_a_token_on_its_way_is_handed_out_to_nobody_and_a_restart_stays_off(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    greeted(box)
    for path, grant in (("/oauth2/token", "jwt-bearer"), ("/oauth2/token", "token-exchange")):
        box.fault("delay", path=path, grant=grant, seconds=1.5)
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(sidecar.token, "ana@example.com")
            time.sleep(0.3)
            switch(sidecar, on=False)
            hang_up(sidecar)
            assert not coming.done()
            answer = coming.result()
        assert code(answer) in {"issuing_stopped", "tokens_revoked"} and "access_token" not in answer.text
        until(lambda: alive(box) == [])
        switch(sidecar, on=True)
        hang_up(sidecar)
    sidecar.token("ana@example.com")
    assert len(alive(box)) == 2
    sidecar.stop()
    switch(sidecar, on=False)
    sidecar.start()
    until(lambda: alive(box) == [])  # by the ledger
    assert code(sidecar.token("ana@example.com")) == "issuing_stopped"


def test_all_are_revoked_by_one_command(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(policy={"provision_app_users": True})
    sidecar.token("ana@example.com")
    sidecar.token("kenji@example.com", "picker")
    done = command(sidecar, "revoke", "--login", "Ana@example.com")
    assert done.returncode == 0 and "Revoked at Box: 2 tokens" in done.stdout, done
    done = command(sidecar, "revoke", "--login", "ana@example.com")
    assert done.returncode == 0 and "knows none of this person" in done.stdout, done
    assert len(alive(box)) == 2
    service = [token["token"] for token in box.tokens() if token["kind"] == "service" and token["alive"]]
    done = command(sidecar, "revoke", "--all")
    assert done.returncode == 0 and "Revoked at Box: 3 tokens" in done.stdout and "policy.issue" in done.stdout, done
    assert alive(box) == [] and service and not [t for t in box.tokens() if t["token"] in service and t["alive"]]
    (line,) = [line for line in sidecar.audit() if line["event"] == "all_revoked"]
    assert line["outcome"] == "revoked 3" and line["peer_uid"] == os.geteuid()
    assert sidecar.token("ana@example.com").status_code == 200, "nobody has switched anything off"
    box.fault("cut", path="/oauth2/revoke", times=None)
    done = command(sidecar, "revoke", "--all")
    assert done.returncode == 1 and "Box could not be told" in done.stderr and "0 of 3 tokens" in done.stderr, done
    box.clear_faults()
    until(lambda: alive(box) == [], 60)
    sidecar.stop()
    done = command(sidecar, "revoke", "--all")
    assert done.returncode == 1 and "No sidecar answers at" in done.stderr, done
    assert command(sidecar, "revoke").returncode == 2
    assert command(sidecar, "revoke", "--all", "--login", "a@example.com").returncode == 2


def test_a_body_that_means_two_things_or_none_revokes_nothing(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    sidecar.token("ana@example.com")
    user = {"login": "ana@example.com"}
    for body in ({}, {"all": False}, {"all": 1}, {"all": "true"}, {"all": None}, {"all": True, "user": user}):
        assert code(revoke(sidecar, **body)) == "invalid_request", body
    assert len(alive(box)) == 2


@needs_root
def test_who_may_connect_may_not_therefore_end_everybodys(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(server={"allowed_users": [0, 33], "socket_mode": "0666"})
    sidecar.token("ana@example.com")
    body = {"all": True}
    answer = as_user(33, 33, sidecar.socket, request_bytes("POST", "/v1/tokens/revoke", body, "Connection: close"))
    assert status_of(answer) == 403 and b"caller_not_allowed" in answer
    assert len(alive(box)) == 2
    assert [line["outcome"] for line in sidecar.audit() if line["event"] == "all_revoked"] == ["caller_not_allowed"]
    answer = as_user(33, 33, sidecar.socket, request_bytes("GET", "/v1/usage", None, "Connection: close"))
    assert status_of(answer) == 200


def test_many_are_ended_though_some_calls_fail(box: EmulatorProcess, serve: Serve) -> None:
    since = last(box)
    limits = {"mints_per_minute": 100_000, "mints_per_user_per_minute": 100_000}
    sidecar = serve(policy=limits)
    people = [f"person{number}@example.com" for number in range(150)]
    for login in people:
        box.add_user("A Person", login)
    with ThreadPoolExecutor(8) as pool:
        assert {answer.status_code for answer in pool.map(sidecar.token, people)} == {200}
    assert len(alive(box)) == 300
    box.fault("status", path="/oauth2/revoke", status=500, times=3)  # retried
    assert revoke(sidecar, all=True).json() == {"revoked": 301}
    assert alive(box) == [] and box.log(since)


def test_nothing_that_began_before_ends_in_an_answer() -> None:
    with Stage() as stage:
        stage.token(LOGINS[0])
        stage.token(LOGINS[1])
        stage.world.is_patient = True
        coming = stage.begin(stage.service.issuer.issue(*asked(LOGINS[2])))
        stage.world.is_patient = False
        assert stage.run(stage.service.revocations.revoke_all()) == 4
        stage.world.answer()
        stage.loop.settle()
        assert str(coming.exception()).startswith("tokens_revoked")
        assert stage.living() == set()
        assert list(stage.service.cache.names) == []
        stage.token(LOGINS[0])
        stage.world.fails["revoke"] = DOWN
        task = stage.begin(stage.service.revocations.revoke_all())
        assert "0 of 2 tokens" in str(task.exception())
        del stage.world.fails["revoke"]
        stage.loop.advance(40)
        stage.loop.advance(2)
        assert stage.living() == set()


def test_what_box_refuses_of_one_saves_nobody_elses() -> None:
    limits = PolicySettings(mints_per_minute=100_000, mints_per_user_per_minute=100_000)
    with Stage(Settings(policy=limits)) as stage:
        stage.token(LOGINS[0])
        for number in range(250):
            stage.token(LOGINS[1], resource=Resource("folder", str(number)))
        stage.world.fails["revoke of 1"] = DENIED
        with pytest.raises(Problem, match="251 of 253 tokens"):
            stage.run(stage.service.revocations.revoke_all())
        assert {stage.world.made[secret].user_id for secret in stage.world.living()} == {"1"}
        stage.world.fails.clear()


def test_a_service_token_that_was_on_its_way_is_ended_too(box: EmulatorProcess, serve: Serve) -> None:
    box.fault("delay", path="/oauth2/token", seconds=1.0)
    sidecar = serve()
    assert revoke(sidecar, all=True).json() == {"revoked": 0}
    made = until(lambda: [token["alive"] for token in box.tokens() if token["kind"] == "service"][1:])
    assert made == [True]
    assert [token["alive"] for token in box.tokens() if token["kind"] == "service"] == [False, True]


def asked(login: str) -> tuple[Any, ...]:
    return Subject("login", login), "explorer", (), Resource("folder", "0")
