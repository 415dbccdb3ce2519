"""Plugin and sidecar are updated one after the other: each of ours works beside the other one of before."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from intranet.release import REPOSITORY
from intranet.stack import Stack
from plugin.support import ask, descriptor, end_by_log_out

BEFORE = "44fc525"
"""The version before this one. No release is tagged yet, so it is the last commit of before the statistics."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both parts as they were then."""
    folder = tmp_path_factory.mktemp("before")
    archive = folder / "before.tar"
    command = [
        "git",
        "-C",
        str(REPOSITORY),
        "archive",
        f"--output={archive}",
        BEFORE,
        "sidecar/box_sidecar",
        "wp-plugin",
    ]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("the history is not here")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder


@pytest.fixture(params=["plugin", "sidecar"])
def mixed(request: pytest.FixtureRequest, before: Path, plugin_zip: Path, short_directory: Path) -> Iterator[Stack]:
    """An intranet in which one part is of before."""
    parts: dict[str, Any] = {"plugin": plugin_zip}
    if request.param == "plugin":
        parts["plugin"] = before / "widgets-for-box.zip"
        subprocess.run([before / "wp-plugin/bin/build-zip", parts["plugin"]], check=True, capture_output=True)
    else:
        parts["sidecar_source"] = before / "sidecar"
    with Stack(short_directory / f"old-{request.param}", **parts) as stack:
        known = stack.sidecar.request("GET", "/openapi.json").json()["paths"]
        assert ("/v1/usage" in known) is (request.param == "plugin"), "the parts are what they are taken for"
        yield stack


def test_one_part_of_before_is_enough_for_files(mixed: Stack) -> None:
    """A token, what it opens, its end with the session, and the pages of the administrator."""
    site = mixed.wordpress
    ana = site.login("ana", site.people["ana"].password)
    widget = descriptor(site, '[box_explorer can="download"]')
    for report in ({}, {"calls": {"list": 2}, "page": 2}):
        answer = ana.rest("POST", "widgets-for-box/v1/token", json={"widget": widget, **report})
        assert answer.status_code == 200, answer.text
    token = ask(ana, widget).raise_for_status().json()["token"]

    def opened() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{mixed.emulator.url}/2.0/folders/0/items", headers=headers).status_code

    assert opened() == 200
    end_by_log_out(site, ana)
    assert opened() == 401

    admin = site.login("admin")
    pages = ["options-general.php?page=widgets-for-box", "site-health.php", "users.php"]
    for page in pages:
        shown = admin.get(f"/wp-admin/{page}")
        assert shown.status_code == 200
        assert "Fatal error" not in shown.text
    assert "PHP Fatal" not in site.log()
