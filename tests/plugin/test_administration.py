"""What administrators see: status, trial, Site Health, settings, the admin area's pages."""

from __future__ import annotations

import re

import pytest

from intranet.wordpress import WordPress
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, problem, token
from plugin.test_people import profile_form, user_id

REPORT = {
    "status": "fail",
    "checks": [
        {"id": "key", "status": "pass", "summary": "The key opens.", "fix": None},
        {"id": "clock", "status": "warn", "summary": "Slow <b>clock</b>.", "fix": "Turn on <i>NTP</i>."},
        {"id": "app", "status": "fail", "summary": "Not authorized.", "fix": "Open the Admin Console."},
    ],
}


def doctor(request: Request) -> Answer:
    return Answer(body=REPORT) if request.path == "/v1/doctor" else token(request)


def test_status_shows_what_the_doctor_finds(site: WordPress, sidecar: ScriptedSidecar) -> None:
    sidecar.answer = doctor
    report = site.login("admin").rest("GET", "widgets-for-box/v1/status").json()
    assert report["status"] == "fail"
    found = {check["id"]: check for check in report["checks"]}
    assert found["sidecar"]["status"] == "pass"
    assert found["clock"] == {**REPORT["checks"][1]}  # type: ignore[dict-item]
    assert found["app"]["fix"] == "Open the Admin Console."
    assert found["registration"]["status"] == "pass"


def test_status_says_what_to_do_when_the_sidecar_is_down(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    nonce = admin.nonce()
    sidecar.stop()
    try:
        report = admin.rest("GET", "widgets-for-box/v1/status", nonce=nonce).json()
    finally:
        sidecar.start()
    assert report["status"] == "fail"
    assert "Start the sidecar" in report["checks"][0]["fix"]


def test_trial_says_who_somebody_is_and_keeps_the_token(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    answer = admin.rest("POST", "widgets-for-box/v1/trial", json={"user": user_id(site, "ana")})
    assert answer.json() == {"user": {"id": "1", "login": "ana@example.com", "name": "ana@example.com"}}
    assert "token-of" not in answer.text
    sidecar.answer = lambda request: problem(404, "user_not_found", "Make an account.")
    refused = admin.rest("POST", "widgets-for-box/v1/trial", json={"user": user_id(site, "nora")})
    assert (refused.status_code, refused.json()["data"]["fix"]) == (404, "Make an account.")
    assert admin.rest("POST", "widgets-for-box/v1/trial", json={"user": 99999}).status_code == 404


def test_look_up(site: WordPress, sidecar: ScriptedSidecar) -> None:
    user = {"id": "5", "login": "o'brien+box@example.com", "name": "Sinéad", "status": "active", "role": "user"}
    sidecar.answer = lambda request: Answer(body=user)
    admin = site.login("admin")
    answer = admin.rest("GET", "widgets-for-box/v1/account?login=o%27brien%2Bbox%40example.com")
    assert answer.json() == user
    assert sidecar.requests[0].path == "/v1/users?login=o%27brien%2Bbox%40example.com"


def test_site_health(site: WordPress, sidecar: ScriptedSidecar) -> None:
    sidecar.answer = doctor
    result = site.login("admin").rest("GET", "widgets-for-box/v1/site-health").json()
    assert (result["status"], result["test"]) == ("critical", "widgets_for_box")
    assert "Open the Admin Console." in result["description"]
    assert "<b>" not in result["description"]
    assert "&lt;b&gt;" in result["description"]
    sidecar.answer = lambda request: Answer(body={"status": "pass", "checks": []})
    assert site.login("admin").rest("GET", "widgets-for-box/v1/site-health").json()["status"] == "good"


def test_debug_information_names_the_settings(site: WordPress, sidecar: ScriptedSidecar) -> None:
    html = site.login("admin").get("/wp-admin/site-health.php?tab=debug").raise_for_status().text
    assert "WIDGETS_FOR_BOX_ELEMENTS_URL" in html
    assert "(wp-config.php)" in html


@pytest.mark.parametrize(
    "path",
    ["options-general.php?page=widgets-for-box", "profile.php", "plugins.php", "options-privacy.php?tab=policyguide"],
)
def test_admin_pages_open(site: WordPress, sidecar: ScriptedSidecar, path: str) -> None:
    html = site.login("admin").get(f"/wp-admin/{path}").raise_for_status().text
    assert "Widgets for Box" in html or "widgets_for_box" in html
    assert not sidecar.requests, "The page itself waits for nobody."


def test_settings_are_saved_by_administrators_only(site: WordPress, sidecar: ScriptedSidecar) -> None:
    before = site.php("echo wp_json_encode( get_option( 'widgets_for_box' ) );")
    assert "Bob" not in before
    admin = site.login("admin")
    address = "/wp-admin/options-general.php?page=widgets-for-box"
    assert "Set by WIDGETS_FOR_BOX_SOCKET" in admin.get(address).text
    form = profile_form(admin, address)
    sent = {
        **form,
        "widgets_for_box[account]": "email",
        "widgets_for_box[no_account_text]": "Ask <script>x</script> Bob",
    }
    ana = site.login("ana")
    assert ana.get(address).status_code == 403
    assert ana.post("/wp-admin/options.php", data=sent).status_code == 403
    forged = {name: value for name, value in sent.items() if name != "_wpnonce"}
    assert admin.post("/wp-admin/options.php", data=forged).status_code == 403
    assert site.php("echo wp_json_encode( get_option( 'widgets_for_box' ) );") == before
    try:
        saved = admin.post("/wp-admin/options.php", data=sent)
        assert "settings-updated=true" in str(saved.url)
        stored = site.php("echo wp_json_encode( get_option( 'widgets_for_box' ) );")
        assert "Ask Bob" in stored.replace("  ", " ")
        refused = admin.post("/wp-admin/options.php", data={**sent, "widgets_for_box[api_host]": "http://evil.example"})
        assert "is not an https:// address" in refused.text
        assert "evil.example" not in site.php("echo wp_json_encode( get_option( 'widgets_for_box' ) );")
    finally:
        site.php("delete_option( 'widgets_for_box' );")


def test_person_sees_which_box_user_they_are(site: WordPress, sidecar: ScriptedSidecar) -> None:
    html = site.login("ana").get("/wp-admin/profile.php").text
    assert re.search(r"Sees the files of.*ana@example\.com", html, re.DOTALL)
    assert not sidecar.requests


def test_command_line(site: WordPress, sidecar: ScriptedSidecar) -> None:
    """WP-CLI is not at hand; its functions that the command calls are, and its arguments are as WP-CLI passes them."""
    stand_in = """
        eval( 'class WP_CLI {
            static function success( $text ) { echo "Success: $text\\n"; }
            static function warning( $text ) { echo "Warning: $text\\n"; }
            static function error( $text ) { echo "Error: $text\\n"; }
            static function halt( $status ) { echo "halt $status\\n"; }
        }' );
        eval( 'namespace WP_CLI\\Utils;
            function format_items( $format, $items, $fields ) { echo $format, wp_json_encode( $items ), "\\n"; }' );
        require WP_PLUGIN_DIR . '/widgets-for-box/includes/class-command.php';
        $command = new WidgetsForBox\\Command();
    """
    sidecar.answer = doctor
    checked = site.php(stand_in + "$command->check( array(), array( 'format' => 'json' ) );")
    assert checked.startswith("json[")
    assert '"id":"app","status":"fail"' in checked
    assert checked.endswith("halt 1\n")
    assert site.php(stand_in + "$command->user( array( 'ana' ) );") == (
        "Success: ana is ana@example.com <ana@example.com> at Box (id 1).\n"
    )
    assert site.php(stand_in + "$command->user( array( 'kenji@example.com' ) );").startswith("Success: kenji is ")
    assert site.php(stand_in + "$command->user( array( 'nobody' ) );") == "Error: There is no WordPress user nobody.\n"
    sidecar.answer = lambda request: problem(403, "role_not_allowed", "Use another account.")
    assert site.php(stand_in + "$command->user( array( 'ana' ) );").endswith("Use another account.\n")
