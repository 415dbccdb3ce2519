"""The check against Box's OpenAPI description is itself alive.

That every other test's traffic fits the description is asserted where its emulator ends (conftest.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from box_emulator.description import KNOWN_ERRORS, Description
from emulator_conformance.protocol import App
from intranet.emulator_process import EmulatorProcess


def test_known_errors_are_still_there(description: Path) -> None:
    """Loading fails where an error that is listed as known has been mended."""
    assert len(Description.load(description).operations) > 100
    assert all(error.evidence for error in KNOWN_ERRORS)


def test_what_does_not_fit_is_noted(description: Path, tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path, description=description) as emulator, App(emulator.url, emulator.app_config) as app:
        token = app.jwt().json()["access_token"]
        app.api(token, "GET", "users?limit=10").raise_for_status()
        assert emulator.violations() == []
        app.api(token, "GET", "users?usemarker=maybe").raise_for_status()
        app.api(token, "POST", "folders", json={"name": "x", "parent": {"id": "0"}, "sync_state": 7}).raise_for_status()
        problems = [(entry["side"], entry["operation"], entry["problem"]) for entry in emulator.violations()]
    assert {problem[:2] for problem in problems} == {("request", "get_users"), ("request", "post_folders")}
    assert "usemarker" in problems[0][2]
    assert "sync_state" in problems[1][2]


@pytest.mark.parametrize(
    ("name", "body"),
    [("login", {"login": 5}), ("status", {"status": "asleep"}), ("created_at", {"created_at": None})],
)
def test_wrong_answers_do_not_fit(description: Path, name: str, body: dict[str, object]) -> None:
    operation = Description.load(description).operation("GET", "/2.0/users/me")
    assert operation is not None
    schema = operation.responses["200"]
    assert schema is not None
    good = {"type": "user", "id": "1"}
    assert schema.problems(good) == []
    assert [problem for problem in schema.problems(good | body) if problem.startswith(name)]
