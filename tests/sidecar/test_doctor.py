"""Doctor: what is wrong, in one line, and what to click."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import translations
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess, box_sidecar, toml
from sidecar.conftest import Serve
from sidecar.support import last

TEMPLATES = translations.templates()
ORIGIN = "https://intranet.example.com"


def check(
    sidecar: SidecarProcess, *options: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``box-sidecar check`` with the configuration of a sidecar, which need not run."""
    command = [box_sidecar(), "check", "--config", str(sidecar.config), *options]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def findings(sidecar: SidecarProcess, *options: str, status: int) -> dict[str, dict[str, str]]:
    """The checks of ``check --json`` by id; each that does not pass has a fix."""
    ended = check(sidecar, "--json", *options)
    assert ended.returncode == status, ended.stdout + ended.stderr
    answer = json.loads(ended.stdout)
    order = ("pass", "warn", "fail")
    assert answer["status"] == max((found["status"] for found in answer["checks"]), key=order.index)
    assert (answer["status"] == "fail") == (status == 1)
    for found in answer["checks"]:
        assert found["summary"] and (found["status"] == "pass" or found["fix"]), found
        assert_told_by_templates(found)
    return {found["id"]: found for found in answer["checks"]}


def assert_told_by_templates(found: dict[str, Any]) -> None:
    """Who fills in the templates of a finding has its English, and each with parameters is in the catalogue."""
    for part in ("summary", "fix"):
        sentences = found["message"].get(part, [])
        filled = [
            one["template"].format_map(one["params"]) if "params" in one else one["template"] for one in sentences
        ]
        assert " ".join(filled) == found.get(part, "")
        assert {one["template"] for one in sentences if "params" in one} <= TEMPLATES.keys()


@pytest.fixture
def idle(box: EmulatorProcess, folder: Any, request: pytest.FixtureRequest) -> SidecarProcess:
    """A configuration without a running sidecar."""
    name = f"doctor{abs(hash(request.node.name)) % 10**8}"
    return SidecarProcess(folder / name, app_config=box.app_config, api_url=box.url, box={"timeout_s": 2.0})


def test_all_is_well(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    box.settings(cors_origins=[ORIGIN])
    options = ["--login", "ana@example.com", "--origin", ORIGIN, "--user", "root"]
    found = findings(sidecar, *options, status=0)
    assert {name: row["status"] for name, row in found.items()} == dict.fromkeys(
        [
            "key",
            "audit",
            "socket",
            "network",
            "clock",
            "app",
            "lookup",
            "user_token",
            "exchange",
            "cors",
            "configuration",
        ],
        "pass",
    )
    assert "Ana Souza" in found["user_token"]["summary"]
    told = check(sidecar, *options)
    assert told.returncode == 0 and told.stdout.count("✓") == 11
    assert not [token for token in box.tokens() if token["kind"] != "service" and token["alive"]], (
        "nothing stays behind"
    )


def test_the_route_says_the_same(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    answer = sidecar.request("GET", "/v1/doctor").json()
    assert answer["status"] == "pass"
    assert {found["id"] for found in answer["checks"]} == {
        "key",
        "audit",
        "socket",
        "network",
        "clock",
        "app",
        "lookup",
        "exchange",
        "configuration",
    }
    box.settings(app_authorized=False)
    box.expire_tokens(kind="service", revoke=True)
    broken = sidecar.request("GET", "/v1/doctor")
    assert broken.status_code == 200 and broken.json()["status"] == "fail"
    assert "Admin Console" in next(found for found in broken.json()["checks"] if found["status"] == "fail")["fix"]


@pytest.mark.parametrize(
    ("settings", "options", "failing", "words"),
    [
        ({"app_authorized": False}, [], "app", "authorize the app"),
        ({"user_tokens_enabled": False}, ["--login", "ana@example.com"], "user_token", "Generate user access tokens"),
        ({"app_scopes": ["root_readwrite"]}, [], "lookup", "Manage users"),
        ({"cors_origins": []}, ["--origin", ORIGIN], "cors", f"add {ORIGIN}"),
        ({"cors_origins": [ORIGIN + "/"]}, ["--origin", ORIGIN], "cors", "without a slash"),
        ({}, ["--origin", ORIGIN + "/"], "cors", "--origin"),
        ({}, ["--origin", "intranet"], "cors", "--origin"),
        ({}, ["--login", "nora@example.com"], "user_token", "primary e-mail"),
        ({}, ["--login", "boss@example.com"], "user_token", "denied_roles"),
        ({}, ["--user", "no-such-user"], "socket", "--user"),
    ],
)
def test_what_is_wrong_is_found_with_the_page_to_open(
    settings: dict[str, Any], options: list[str], failing: str, words: str, box: EmulatorProcess, idle: SidecarProcess
) -> None:
    box.settings(**settings)
    found = findings(idle, *options, status=1)
    assert {name for name, row in found.items() if row["status"] == "fail"} == {failing}
    assert words in found[failing]["fix"]


def test_an_exchange_that_box_refuses_is_found(box: EmulatorProcess, idle: SidecarProcess) -> None:
    body = {"error": "invalid_scope", "error_description": "The requested scope is invalid."}
    box.fault("status", path="/oauth2/token", grant="token-exchange", status=400, body=body, times=None)
    found = findings(idle, status=1)
    assert found["exchange"]["status"] == "fail" and "Application Scopes" in found["exchange"]["fix"]


def test_a_wrong_clock_is_reported_and_harmless(box: EmulatorProcess, idle: SidecarProcess) -> None:
    box.settings(clock_offset_s=7200)
    found = findings(idle, "--login", "ana@example.com", status=0)
    assert found["clock"]["status"] == "warn"
    assert "+7200" in found["clock"]["summary"] or "+7199" in found["clock"]["summary"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://box.invalid", "https://127.0.0.1:9"])
def test_it_ends_well_without_a_network(url: str, idle: SidecarProcess) -> None:
    idle.settings["box"]["api_url"] = url
    idle.write_config()
    found = findings(idle, "--login", "ana@example.com", "--origin", ORIGIN, status=1)
    assert found["network"]["status"] == "fail"
    assert "key" in found and "app" not in found


def test_a_box_that_hangs_does_not_hang_doctor(box: EmulatorProcess, idle: SidecarProcess) -> None:
    idle.settings["box"]["timeout_s"] = 0.5
    idle.write_config()
    box.fault("hang", times=None, seconds=60)
    assert findings(idle, status=1)["network"]["status"] == "fail"


def test_the_proxy_is_named(idle: SidecarProcess) -> None:
    idle.settings["box"]["api_url"] = "https://box.invalid"
    idle.write_config()
    ended = check(idle, env={"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""})
    assert ended.returncode == 1
    assert "proxy" in ended.stdout and "NO_PROXY" in ended.stdout


def test_a_private_authority_is_named(folder: Any, idle: SidecarProcess) -> None:
    with EmulatorProcess(folder / "doctor-tls", tls=True) as box:
        idle.settings["box"] |= {"api_url": box.url, "app_config": str(box.app_config)}
        idle.write_config()
        assert "SSL_CERT_FILE" in findings(idle, status=1)["network"]["fix"]
        assert check(idle, env={"SSL_CERT_FILE": str(box.ca)}).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give the socket to another group")
def test_whether_the_web_servers_user_may_connect(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(server={"socket_group": "www-data"})
    assert findings(sidecar, "--user", "www-data", status=0)["socket"]["status"] == "pass"
    assert "socket_group" in findings(sidecar, "--user", "nobody", status=1)["socket"]["fix"]
    sidecar.directory.chmod(0o700)
    assert "chmod" in findings(sidecar, "--user", "www-data", status=1)["socket"]["fix"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may open every socket")
def test_a_user_whom_only_the_sidecar_turns_away_is_told_so(serve: Serve) -> None:
    sidecar = serve(server={"socket_mode": "0666"})
    assert "allowed_users" in findings(sidecar, "--user", "nobody", status=1)["socket"]["fix"]


def test_a_key_id_that_box_would_not_make_is_suspicious(box: EmulatorProcess, idle: SidecarProcess) -> None:
    content = json.loads(box.app_config.read_text())
    content["boxAppSettings"]["appAuth"]["publicKeyID"] = "abc"
    app = idle.directory / "app.json"
    app.touch(mode=0o600)
    app.write_text(json.dumps(content))
    idle.settings["box"]["app_config"] = "app.json"
    idle.write_config()
    found = findings(idle, status=1)
    assert found["key"]["status"] == "warn"
    assert "publicKeyID" in found["app"]["fix"]


def test_a_file_is_compared_with_what_runs(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    assert findings(sidecar, status=0)["configuration"]["status"] == "pass"
    policy = {"policy": {"denied_logins": ["kenji@example.com"]}}
    other = sidecar.config.with_name("other.toml")
    other.write_text(sidecar.config.read_text() + toml(policy))
    ended = check(sidecar, "--config", str(other))
    assert ended.returncode == 0
    assert "! configuration: The running sidecar has another configuration than this." in ended.stdout
    assert "SIGHUP" in ended.stdout
    for restarts in ("[server]", "box.api_url", "cache.ledger", "cache.store", "usage.file"):
        assert restarts in ended.stdout, "what a reload does not take over"
    said = sidecar.request("GET", "/v1/doctor").text
    assert "kenji" not in said and json.loads(said)["status"] == "pass", "it compares with its own file"
    sidecar.config.write_text("[box\n")
    answer = sidecar.request("GET", "/v1/doctor").json()
    (found,) = [row for row in answer["checks"] if row["id"] == "configuration"]
    assert found["status"] == answer["status"] == "fail" and "not valid TOML" in found["summary"]


@pytest.mark.parametrize("broken", ["toml", "json", "key"])
def test_a_configuration_that_can_not_be_read_is_2(broken: str, box: EmulatorProcess, idle: SidecarProcess) -> None:
    app = idle.directory / "app.json"
    app.touch(mode=0o600)
    content = json.loads(box.app_config.read_text())
    content["boxAppSettings"]["appAuth"]["passphrase"] = "wrong"
    app.write_text(json.dumps(content) if broken == "key" else "{}")
    idle.settings["box"]["app_config"] = "app.json"
    idle.write_config()
    if broken == "toml":
        idle.config.write_text("box = 1")
    ended = check(idle, "--json")
    assert ended.returncode == 2
    assert ended.stdout == "" and len(ended.stderr.splitlines()) == 1


def test_doctor_does_not_ask_box_again_for_each_who_asks_at_once(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    since = last(box)
    sidecar.request("GET", "/v1/doctor")
    assert 3 <= len(box.log(since)) <= 6


def test_an_old_key_and_copies_that_others_can_read_are_told(
    box: EmulatorProcess, idle: SidecarProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    app = folder / "box_config.json"
    shutil.copy(box.app_config, app)
    app.chmod(0o600)
    idle.settings["box"]["app_config"] = str(app)
    idle.write_config()
    assert "key_file" not in findings(idle, status=0)

    # Not told: what nobody else can read, another app's, what is no copy, what would hold us up.
    (folder / "private.json").write_bytes(app.read_bytes())
    (folder / "private.json").chmod(0o600)
    shutil.copy(box.ccg_config, folder / "other.json")
    (folder / "other.json").chmod(0o644)
    (folder / "notes.json").write_text("{")
    os.mkfifo(folder / "pipe.json")
    (folder / "link.json").symlink_to(app)
    assert "key_file" not in findings(idle, status=0)

    a_year = 366 * 24 * 3600
    os.utime(app, (time.time() - a_year, time.time() - a_year))
    assert "366 days old" in findings(idle, status=0)["key_file"]["summary"]
    copy = folder / "box_config.json.bak"
    copy.write_bytes(app.read_bytes())
    copy.chmod(0o640)
    found = findings(idle, status=0)["key_file"]
    assert found["status"] == "warn" and str(copy) in found["summary"] and "another key pair" in found["fix"]
    told = check(idle).stdout
    assert told.count("key_file") >= 2 and "BEGIN" not in told
    folder.chmod(0o700)
    assert "a copy" not in check(idle).stdout
