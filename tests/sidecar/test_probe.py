"""The probe that a customer runs against their own Box: it finds what differs, changes nothing, and names nobody."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from box_sidecar.model import Token
from box_sidecar.secret import Secret
from box_sidecar.tools.browser import Browser, may_upload_to
from box_sidecar.tools.report import describe_restriction
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import box_sidecar

ANA = "ana@example.com"


@pytest.fixture
def config(box: EmulatorProcess, tmp_path: Path) -> Path:
    """A configuration that works, its JSON beside it; no sidecar runs."""
    shutil.copy(box.app_config, tmp_path / "box_config.json")
    path = tmp_path / "box-sidecar.toml"
    path.write_text(f'[box]\napi_url = "{box.url}"\n\n[server]\nsocket = "{tmp_path}/s.sock"\n')
    return path


def check(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [box_sidecar(), "check", "--config", str(config), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def probe(config: Path) -> dict[str, Any]:
    """The report as JSON."""
    found: dict[str, Any] = json.loads(check(config, "--probe", "--login", ANA, "--json").stdout)["probe"]
    return found


def outcomes(report: dict[str, Any], element: str) -> dict[str, str]:
    return {
        attempt["action"]: attempt["outcome"]
        for told in report["elements"]
        if told["element"] == element
        for attempt in told["tries"]
    }


def findings(report: dict[str, Any]) -> dict[str, str]:
    return {found["id"]: found["status"] for found in report["checks"]}


def belongings(box: EmulatorProcess) -> Any:
    return [box.items(ANA), box.items(ANA, trashed=True), box.items("kenji@example.com")]


def test_a_box_as_it_should_be_gets_a_table_of_ticks(box: EmulatorProcess, config: Path) -> None:
    box.settings(downscoped_search=True)
    before = belongings(box)
    ended = check(config, "--probe", "--login", ANA)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    header = next(line for line in ended.stdout.splitlines() if "explorer" in line and "picker" in line)
    assert header.split() == ["explorer", "uploader", "picker", "preview", "sidebar"]
    assert re.search(r"^search +✓ +✓$", ended.stdout, re.M)
    assert re.search(r"^upload +✓ +✓ +✓$", ended.stdout, re.M)
    assert re.search(r"^root_restricted_to +2 entries for 2 scopes, no object$", ended.stdout, re.M)
    assert "✓ folder_limit" in ended.stdout
    assert "✓ revocation" in ended.stdout
    # Nothing is left at Box: no folder, nothing in the trash, no token but the service account's.
    assert belongings(box) == before
    assert not [token for token in box.tokens() if token["alive"]]


def test_the_report_names_nobody_and_nothing(box: EmulatorProcess, config: Path) -> None:
    text = check(config, "--probe", "--login", ANA, "--json").stdout
    report = json.loads(text)
    assert report["checks"]["user_token"] == "pass"
    names = {item["path"].rpartition("/")[2] for item in box.items(ANA)}
    secrets = {token["token"] for token in box.tokens()} | {json.loads(box.app_config.read_text())["enterpriseID"]}
    people = {value for user in box.users() for value in (user["id"], user["name"], user["login"])}
    for private in names | secrets | people:
        assert private not in text
    assert "sample" not in text
    assert "@" not in text


DIALECTS = {
    "roots tell nothing, searching is refused": (
        {"root_restricted_to": "empty", "root_resource": True, "downscoped_search": False},
        {"root_restricted_to": "empty", "root_resource": "2 entries for 2 scopes, folder 0",
         "downscoped_search": "refused"},
    ),
    "one entry for all scopes, markers without end": (
        {"root_restricted_to": "joined", "filter_term_marker": "endless", "downscoped_search": True},
        {"root_restricted_to": "one entry for all scopes, folder 0", "root_resource": "refused (400 invalid_resource)",
         "filter_term_marker": "endless", "downscoped_search": "works"},
    ),
    "as the guides have it": (
        {"root_restricted_to": "with_folder", "root_resource": True, "filter_term_marker": "null"},
        {"root_restricted_to": "2 entries for 2 scopes, folder 0", "filter_term_marker": "ends"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "told"), DIALECTS.values(), ids=DIALECTS)
def test_a_dialect_is_told(settings: dict[str, Any], told: dict[str, str], box: EmulatorProcess, config: Path) -> None:
    box.settings(**settings)
    report = probe(config)
    assert {name: report["dialects"][name] for name in told} == told
    assert "not tried" not in report["dialects"].values()
    search = "works" if settings.get("downscoped_search", False) else "refused"
    assert outcomes(report, "explorer")["search"] == search
    assert findings(report)["explorer"] == ("pass" if search == "works" else "warn")


def test_client_credentials_are_told_too(box: EmulatorProcess, config: Path) -> None:
    box.settings(downscoped_search=True)
    shutil.copy(box.ccg_config, config.with_name("box_config.json"))
    report = probe(config)
    assert (report["status"], report["dialects"]["grant"]) == ("pass", "client_credentials")


def test_what_box_does_not_let_an_element_do_is_found(box: EmulatorProcess, config: Path) -> None:
    box.fault("status", method="GET", path=r"/2\.0/files/\d+/thumbnail", times=None, status=403)
    box.fault("status", method="PUT", path=r"/2\.0/files/\d+", times=None, status=403, body={"code": "forbidden"})
    report = probe(config)
    assert outcomes(report, "explorer")["thumbnail"] == "refused"
    assert outcomes(report, "explorer")["share"] == "refused"
    assert findings(report)["explorer"] == "warn"
    box.fault("status", method="GET", path=r"/2\.0/folders/0", times=None, status=403)
    ended = check(config, "--probe", "--login", ANA)
    assert ended.returncode == 1
    assert "✗ explorer: Box does not let the explorer do: list (403)" in ended.stdout


def test_a_token_that_can_do_more_than_its_scopes_is_found(box: EmulatorProcess, config: Path) -> None:
    config.write_text(config.read_text() + '\n[policy.elements]\nexplorer = ["item_preview"]\n')
    assert outcomes(probe(config), "explorer")["delete"] == "not_granted"
    box.fault("status", method="DELETE", path=r"/2\.0/files/\d+$", times=1, status=204)
    report = probe(config)
    assert outcomes(report, "explorer")["delete"] == "beyond"
    assert (report["status"], findings(report)["explorer"]) == ("fail", "fail")


def test_a_folders_token_that_opens_others_is_found(box: EmulatorProcess, config: Path) -> None:
    # The last look at the root in a run is that of the token for one folder, before the revocation is tried.
    box.fault("status", method="GET", path=r"/2\.0/folders/0$", times=None, status=200, body={"id": "0"})
    report = probe(config)
    assert findings(report)["folder_limit"] == "fail"
    assert findings(report)["revocation"] == "fail"
    assert report["status"] == "fail"


def test_without_a_person_or_a_folder_to_write_to_it_says_what_to_do(box: EmulatorProcess, config: Path) -> None:
    ended = check(config, "--probe")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "--login" in ended.stderr
    box.fault("status", method="POST", path=r"/2\.0/folders", times=None, status=403)
    ended = check(config, "--probe", "--login", ANA)
    assert ended.returncode == 1
    assert "✗ probe_folder: Box does not let the person make a folder" in ended.stdout
    assert "policy.folders" in ended.stdout


def test_it_stays_within_the_folders_of_the_policy(box: EmulatorProcess, config: Path) -> None:
    folder = box.item(ANA, "/Recibos")["id"]
    config.write_text(config.read_text() + f'\n[policy]\nfolders = ["{folder}"]\n')
    box.settings(downscoped_search=True)
    before = belongings(box)
    report = probe(config)
    assert report["status"] == "pass"
    assert belongings(box) == before


def test_a_dead_connection_in_the_middle_leaves_nothing_behind(box: EmulatorProcess, config: Path) -> None:
    before = belongings(box)
    box.fault("cut", method="GET", path="/2.0/search", times=None)
    box.fault("hang", method="GET", path="/2.0/recent_items", times=1, seconds=1)
    report = probe(config)
    assert outcomes(report, "explorer")["search"] == "failed"
    assert belongings(box) == before


@pytest.mark.parametrize(
    "restricted_to",
    [
        [{"scope": "base_explorer", "object": [1]}],
        [{"scope": "base_explorer", "object": {"id": ["0"]}}],
        [{"scope": "base_explorer", "object": "0"}, {}],
    ],
)
def test_a_restriction_of_no_known_form_is_told_as_such(restricted_to: Any) -> None:
    assert describe_restriction(restricted_to, ("base_explorer", "item_download")).endswith("other objects")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("OPTIONS", "/2.0/files/content", {"upload_url": "https://[::1"}),
        ("OPTIONS", "/2.0/files/content", {"upload_url": "https://evil.example\uff0f.box.com/"}),
        ("POST", "/(api/)?2.0/files/content", {"entries": {"0": 1}}),
        ("POST", "/(api/)?2.0/files/content", {"entries": ["1"]}),
    ],
)
def test_an_odd_answer_leaves_a_report_and_nothing_behind(
    method: str, path: str, body: Any, box: EmulatorProcess, config: Path
) -> None:
    before = belongings(box)
    box.fault("merge", method=method, path=path, body=body, times=None)
    ended = check(config, "--probe", "--login", ANA, "--json")
    assert "Traceback" not in ended.stderr
    assert json.loads(ended.stdout)["probe"]["status"] == "fail"
    assert belongings(box) == before
    assert {token["kind"] for token in box.tokens() if token["alive"]} <= {"service", "user"}


def test_a_probe_that_can_not_go_on_ends_the_tokens_that_it_made(box: EmulatorProcess, config: Path) -> None:
    before = belongings(box)
    # The exchanges of doctor and of the elements go well, what the probe asks for after them is refused.
    body = {"error": "invalid_resource", "error_description": "The target resource is invalid."}
    box.fault("status", path="/oauth2/token", grant="token-exchange", status=400, body=body, skip=6, times=None)
    ended = check(config, "--probe", "--login", ANA, "--json")
    assert ended.returncode == 1
    assert belongings(box) == before
    assert {token["kind"] for token in box.tokens() if token["alive"]} <= {"service", "user"}


@pytest.mark.parametrize(
    ("url", "is_boxs"),
    [
        ("https://upload.box.com/api/2.0/files/content", True),
        ("https://upload.app.box.com:443/", True),
        ("https://dl.boxcloud.com/1", True),
        ("https://api.example/1", True),
        ("https://api.example:8443/1", False),
        ("https://upload.box.com:8443/", False),
        ("https://upload.box.com:99999/", False),
        ("http://upload.box.com/", False),
        ("https://box.com.evil.example/", False),
        ("https://evil.example\\@upload.box.com/", False),
        ("https://someone@upload.box.com/", False),
        ("https://evil.example%2f.box.com/", False),
        ("https://evil.example\uff0f.box.com/", False),
        ("https://[::1", False),
        ("//upload.box.com/", False),
        ("", False),
    ],
)
def test_a_token_is_sent_to_box_s_own_addresses_only(url: str, is_boxs: bool) -> None:
    assert may_upload_to(url, "https://api.example") is is_boxs


def test_an_answer_is_read_to_its_end_in_whatever_pieces_it_comes() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 201 Created\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{"id":')
        await writer.drain()
        await asyncio.sleep(0.3)
        writer.write(b' "777"}')
        await writer.drain()
        writer.close()

    async def ask() -> Any:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, aiohttp.ClientSession() as session:
            return (await Browser(base, session).call(Token(Secret("t"), 0.0), "POST", "/2.0/folders")).json()

    assert asyncio.run(ask()) == {"id": "777"}
