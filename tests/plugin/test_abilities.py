"""What other programs may ask: abilities of WordPress 6.9 and newer, and the commands of WP-CLI."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intranet.wordpress import WordPress
from plugin.conftest import Site
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, problem, token

#: WP-CLI is not at hand; its functions that the command calls are, and its arguments are as WP-CLI passes them.
STAND_IN = """
    eval( 'class WP_CLI {
        static function log( $text ) { echo "$text\\n"; }
        static function success( $text ) { echo "Success: $text\\n"; }
        static function warning( $text ) { echo "Warning: $text\\n"; }
        static function error( $text ) { echo "Error: $text\\n"; }
        static function halt( $status ) { echo "halt $status\\n"; }
    }' );
    eval( 'namespace WP_CLI\\Utils;
        function format_items( $format, $items, $fields ) { echo $format, wp_json_encode( $items ), "\\n"; }' );
    $command = new WidgetsForBox\\Command();
"""

USAGE = {
    "days": [
        {
            "date": "2026-11-28",
            "tokens": {"explorer": 40, "uploader": 2},
            "people": 12,
            "failures": {"user_not_found": 3},
            "box_calls": {"sidecar": 30, "list": 80},
            "pages": [{"page": "12", "element": "explorer", "tokens": 40}],
        },
        {"date": "2026-11-29", "tokens": {}, "people": 0, "failures": {}, "box_calls": {}, "pages": []},
    ],
    "month": {"calls": 1234, "forecast": 5678, "allotment": 50000, "share": 0.11},
    "brake": False,
}


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory, plugin_zip: Path, short_directory: Path) -> Iterator[WordPress]:
    """The newest WordPress: it has abilities."""
    constants = {"WIDGETS_FOR_BOX_SOCKET": str(short_directory / "sidecar.sock")}
    with Site(tmp_path_factory.mktemp("newest"), version="newest", constants=constants, plugin=plugin_zip) as wordpress:
        yield wordpress


def box(request: Request) -> Answer:
    """A Box without nora, and a doctor who finds something."""
    if request.path == "/v1/doctor":
        check = {"id": "app", "status": "fail", "summary": "Not authorized.", "fix": None}
        return Answer(body={"status": "fail", "checks": [check]})
    if request.path.startswith("/v1/usage"):
        return Answer(body=USAGE)
    if "nora" in request.path:
        return problem(404, "user_not_found")
    if request.path.startswith("/v1/users?"):
        user = {"id": "7", "login": "ana@example.com", "name": "Ana", "status": "active", "role": "user", "more": "x"}
        return Answer(body=user)
    return token(request)


def _answer(body: object, request: Request) -> Answer:
    return Answer(body=body)


def execute(site: WordPress, *asked: tuple[str, str, object]) -> list[Any]:
    """What abilities answer, each to somebody and with some input; the code for a failure."""
    answers = site.php(
        """
        $answers = array();
        foreach ( $data['asked'] as list( $who, $name, $given ) ) {
            wp_set_current_user( get_user_by( 'login', $who )->ID ?? 0 );
            $answer    = wp_get_ability( 'widgets-for-box/' . $name )->execute( $given );
            $answers[] = is_wp_error( $answer ) ? $answer->get_error_code() : $answer;
        }
        echo wp_json_encode( $answers );
        """,
        asked=asked,
    )
    found: list[Any] = json.loads(answers)
    return found


def test_abilities(newest: WordPress, sidecar: ScriptedSidecar) -> None:
    sidecar.answer = box
    given: tuple[object, ...] = (
        {"user": "ana"},
        {"user": "nora@example.com"},
        {"user": "nobody"},
        {"user": "ana", "element": "x"},
        {},
    )
    checked, ana, nora, *others = execute(
        newest, ("admin", "check", None), *(("admin", "find-user", one) for one in given)
    )
    assert checked["status"] == "fail"
    assert {"id": "app", "status": "fail", "summary": "Not authorized.", "fix": ""} in checked["checks"]
    assert ana == {
        "status": "matched",
        "box": {"id": "7", "login": "ana@example.com", "name": "Ana", "status": "active", "role": "user"},
        "reason": "",
    }
    assert nora == {
        "status": "no_account",
        "box": None,
        "reason": "There is no Box account for this person yet.",
    }
    assert others == ["rest_user_invalid_id", "ability_invalid_input", "ability_invalid_input"]
    assert not [request for request in sidecar.requests if request.path == "/v1/tokens"], "No token is made."
    # Nobody else, and nobody at all.
    asked = len(sidecar.requests)
    refused = execute(
        newest,
        *(
            (who, name, one)
            for who in ("ana", "olga", "nobody")
            for name, one in (("check", None), ("find-user", given[0]))
        ),
    )
    assert refused == ["ability_invalid_permissions"] * 6
    assert len(sidecar.requests) == asked
    # The sidecar is away: that says nothing about a person.
    sidecar.stop()
    try:
        found, checked = execute(newest, ("admin", "find-user", given[0]), ("admin", "check", None))
    finally:
        sidecar.start()
    assert found == "sidecar_unreachable"
    assert checked["status"] == "fail"


def test_abilities_are_not_public(newest: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = newest.login("admin")
    listed = admin.rest("GET", "wp-abilities/v1/abilities?per_page=100")
    assert listed.status_code == 200
    assert "widgets-for-box" not in listed.text
    for name in ("check", "find-user"):
        run = admin.rest("GET", f"wp-abilities/v1/abilities/widgets-for-box/{name}/run?input[user]=ana")
        assert run.status_code == 404
        meta = json.loads(
            newest.php(
                "echo wp_json_encode( wp_get_ability( $data['name'] )->get_meta() );", name=f"widgets-for-box/{name}"
            )
        )
        assert (meta["public"], meta["show_in_rest"], meta["mcp"]["public"]) == (False, False, False)
        assert meta["annotations"]["readonly"] is True
    assert not sidecar.requests


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_commands_about_people_and_usage(site: WordPress, sidecar: ScriptedSidecar) -> None:
    sidecar.answer = box
    forget = (
        "delete_metadata( 'user', 0, '_widgets_for_box_found', '', true ); delete_option( 'widgets_for_box_look_up' );"
        "delete_site_option( 'widgets_for_box_look_up_pace' );"
    )
    try:
        listed = site.php(
            forget + STAND_IN + "$command->people( array(), array( 'look-up' => true, 'format' => 'json' ) );"
        )
        rows = {row["login"]: row for row in json.loads(listed.removeprefix("json"))}
        assert (rows["ana"]["status"], rows["nora"]["status"]) == ("matched", "no_account")
        assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\+00:00", rows["ana"]["looked_up"])
        only = site.php(STAND_IN + "$command->people( array(), array( 'status' => 'no_account', 'format' => 'csv' ) );")
        assert [row["login"] for row in json.loads(only.removeprefix("csv"))] == ["nora"]
        wrong = site.php(STAND_IN + "$command->people( array(), array( 'status' => 'x' ) );")
        assert wrong.startswith("Error: x is none of: matched, ")
    finally:
        site.php(forget)
    shown = site.php(STAND_IN + "$command->usage( array(), array( 'days' => '7' ) );")
    assert sidecar.requests[-1].path == "/v1/usage?days=7"
    assert json.loads(shown.removeprefix("table").splitlines()[0]) == [
        {"date": "2026-11-28", "tokens": 42, "people": 12, "failures": 3, "box_calls": 110},
        {"date": "2026-11-29", "tokens": 0, "people": 0, "failures": 0, "box_calls": 0},
    ]
    assert "Calls to Box this month: 1,234 so far, 5,678 expected, of 50,000." in shown
    for days in ("0", "91", "-1", "7; x", ""):
        assert site.php(STAND_IN + "$command->usage( array(), $data );", days=days).startswith("Error: --days")
    # An older sidecar has no such route; another program answers anything.
    sidecar.answer = lambda request: problem(404, "not_found", "Update the sidecar.")
    assert "Update the sidecar." in site.php(STAND_IN + "$command->usage( array(), array() );")
    answers: tuple[object, ...] = ({}, {"days": "x"}, [])
    for body in answers:
        sidecar.answer = functools.partial(_answer, body)
        assert site.php(STAND_IN + "$command->usage( array(), array() );").startswith("Error: sidecar_bad_answer")
    odd = {"days": [None, {"date": "<b>", "tokens": 3}, {"date": "2026-11-28", "tokens": 3, "failures": [[1]]}]}
    sidecar.answer = lambda request: Answer(body={**USAGE, **odd})
    shown = site.php(STAND_IN + "$command->usage( array(), array() );")
    assert '"tokens":0' in shown
    assert "<b>" not in shown
