"""What administrators see: status, trial, Site Health, settings, the admin area's pages."""

from __future__ import annotations

import html
import re

import pytest

from intranet.wordpress import WordPress
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, problem, token
from plugin.support import ROUTE, descriptor, profile_form, remove, revoked, user_id

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


def test_the_command_that_tries_everything_is_named(site: WordPress, sidecar: ScriptedSidecar) -> None:
    sidecar.answer = doctor
    admin = site.login("admin")
    command = ">box-sidecar check --probe --login EMAIL</code>"
    assert command in admin.get("/wp-admin/options-general.php?page=widgets-for-box").text
    assert command in admin.rest("GET", "widgets-for-box/v1/site-health").json()["description"]


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
    assert refused.json()["message"] == "There is no Box account for this person yet."
    assert admin.rest("POST", "widgets-for-box/v1/trial", json={"user": 99999}).status_code == 404


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("user_not_found", 404),
        ("user_inactive", 403),
        ("user_ambiguous", 409),
        ("login_not_allowed", 403),
        ("role_not_allowed", 403),
    ],
)
def test_who_looks_somebody_up_reads_about_that_person(
    site: WordPress, sidecar: ScriptedSidecar, code: str, status: int
) -> None:
    """And is offered nothing that only that person could do."""
    sidecar.answer = lambda request: problem(status, code)
    site.php("update_option( 'widgets_for_box', array( 'contact' => 'it.desk@example.com' ) );")
    try:
        admin = site.login("admin")
        answers = [
            admin.rest("POST", "widgets-for-box/v1/trial", json={"user": user_id(site, "ana")}),
            admin.rest("GET", "widgets-for-box/v1/account?login=ana%40example.com"),
        ]
    finally:
        site.php("delete_option( 'widgets_for_box' );")
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert re.search(r"\bperson\b", answer.json()["message"])
        assert not re.search(r"\byou", answer.json()["message"], re.IGNORECASE)
        assert answer.json()["data"].keys() <= {"status", "fix", "detail", "request_id"}


def test_who_looks_up_an_unconfirmed_address_is_not_sent_to_their_own_profile(
    site: WordPress, sidecar: ScriptedSidecar
) -> None:
    site.php(
        "wp_insert_user( array( 'user_login' => 'imported', 'user_email' => 'imported@example.com',"
        " 'user_pass' => 'a', 'role' => 'subscriber' ) );"
    )
    try:
        answer = site.login("admin").rest("POST", "widgets-for-box/v1/trial", json={"user": user_id(site, "imported")})
    finally:
        remove(site, "imported")
    assert answer.json()["message"].startswith("The e-mail address of this person is not confirmed")
    assert "profile" not in answer.json()["data"]
    assert not sidecar.requests


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
    page = site.login("admin").get("/wp-admin/site-health.php?tab=debug").raise_for_status().text
    assert "WIDGETS_FOR_BOX_ELEMENTS_URL" in page
    assert "(wp-config.php)" in page


@pytest.mark.parametrize(
    "path",
    [
        "options-general.php?page=widgets-for-box",
        "profile.php",
        "plugins.php",
        "users.php?page=widgets-for-box-addresses",
        "options-privacy.php?tab=policyguide",
    ],
)
def test_admin_pages_open(site: WordPress, sidecar: ScriptedSidecar, path: str) -> None:
    page = site.login("admin").get(f"/wp-admin/{path}").raise_for_status().text
    assert "Widgets for Box" in page or "widgets_for_box" in page
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
        # Whoever opens a settings page next may be the one who is told.
        refused = admin.post("/wp-admin/options.php", data={**sent, "widgets_for_box[api_host]": "<script>x</script>"})
        assert "&lt;script&gt;x&lt;/script&gt; is not an https:// address" in refused.text
        assert "<script>x</script>" not in refused.text
    finally:
        site.php("delete_option( 'widgets_for_box' );")


def test_person_sees_which_box_user_they_are(site: WordPress, sidecar: ScriptedSidecar) -> None:
    page = site.login("ana").get("/wp-admin/profile.php").text
    assert re.search(r"Sees the files of.*ana@example\.com", page, re.DOTALL)
    assert "ana@example.com was this account’s address when Widgets for Box was set up" in page
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


def test_set_up_is_announced_until_somebody_has_looked(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    site.php("update_site_option( 'widgets_for_box_baseline', array( 'when' => 1, 'by' => 1, 'count' => 1234 ) );")
    assert "1,234 accounts were recorded as confirmed" not in site.login("olga").get("/wp-admin/").text
    page = admin.get("/wp-admin/plugins.php").text
    assert "1,234 accounts were recorded as confirmed" in page
    looked = re.search(r'href="([^"]*action=widgets_for_box_setup_seen[^"]*)"', page)
    assert looked
    address = html.unescape(looked[1])
    assert site.login("olga").get(address).status_code == 403
    assert "1,234 accounts were recorded as confirmed" in admin.get("/wp-admin/plugins.php").text
    listed = admin.get(address).text
    assert "1,234 accounts were recorded as confirmed" in listed, "It stays on record."
    assert "recorded as confirmed" not in admin.get("/wp-admin/plugins.php").text


@pytest.mark.parametrize(
    ("button", "status", "sentence"), [("all", 200, "accounts were"), ("none", 404, "0 accounts were")]
)
def test_addresses_are_recorded_by_a_button_where_no_activation_did(
    site: WordPress, sidecar: ScriptedSidecar, button: str, status: int, sentence: str
) -> None:
    """As after an update of an active plugin by replacing its files: no activation hook runs."""
    widget = descriptor(site, "[box_explorer]")
    ana, admin = site.login("ana"), site.login("admin")
    site.php(
        "delete_site_option( 'widgets_for_box_baseline' );"
        " delete_metadata( 'user', 0, '_widgets_for_box_address', '', true );"
    )
    try:
        assert ana.rest("POST", ROUTE, json={"widget": widget}).status_code == 404
        offer = "Record today’s addresses as confirmed"
        for page in ("index.php", "plugins.php", "users.php", "users.php?page=widgets-for-box-addresses"):
            assert offer in admin.get(f"/wp-admin/{page}").text
        assert offer not in site.login("olga").get("/wp-admin/").text
        nonce = form_nonce(admin.get("/wp-admin/").text)
        sent = {"action": "widgets_for_box_record_setup", "_wpnonce": nonce, "addresses": button}
        target = "/wp-admin/admin-post.php"
        assert site.login("olga").post(target, data=sent).status_code == 403
        assert admin.post(target, data={**sent, "_wpnonce": "0"}).status_code == 403
        assert ana.rest("POST", ROUTE, json={"widget": widget}).status_code == 404
        assert offer in admin.post(target, data={**sent, "addresses": "other"}).text
        assert f"{sentence} recorded as confirmed" in admin.post(target, data=sent).text
        assert ana.rest("POST", ROUTE, json={"widget": widget}).status_code == status
        assert offer not in admin.get("/wp-admin/").text
    finally:
        site.php(
            "delete_site_option( 'widgets_for_box_baseline' );"
            " delete_metadata( 'user', 0, '_widgets_for_box_address', '', true );"
            " WidgetsForBox\\Address_Book::record_setup();"
        )


def form_nonce(page: str) -> str:
    """The nonce of the form that records the addresses."""
    found = re.search(r'value="widgets_for_box_record_setup">.*?name="_wpnonce" value="(\w+)"', page, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("answer", ["copy", "moved"])
def test_site_at_another_address_is_asked_about(site: WordPress, sidecar: ScriptedSidecar, answer: str) -> None:
    key = {"key": "wordpress-0123456789abcdef", "home": "www.example.com"}
    site.php("update_site_option( 'widgets_for_box_site_key', $data['key'] );", key=key)
    box_user = (
        "update_option( 'widgets_for_box', array( 'account' => 'app_user' ) );"
        " echo wp_json_encode( WidgetsForBox\\People::box_user( get_user_by( 'login', 'ana' ) ) );"
        " delete_option( 'widgets_for_box' );"
    )
    try:
        assert site.php(box_user) == "null"
        admin = site.login("admin")
        page = admin.get("/wp-admin/options-general.php?page=widgets-for-box").text
        assert "were made for www.example.com" in page
        form = re.search(r'action="([^"]*widgets_for_box_settle)".*?name="_wpnonce" value="(\w+)"', page, re.DOTALL)
        assert form
        sent = {"_wpnonce": form[2], "site": answer}
        assert site.login("olga").post(form[1], data=sent).status_code == 403
        assert admin.post(form[1], data={**sent, "_wpnonce": "0"}).status_code == 403
        assert site.php(box_user) == "null"
        assert "were made for" not in admin.post(form[1], data=sent).text
        kept = "wordpress-0123456789abcdef" in site.php(box_user)
        assert kept == (answer == "moved")
        assert "external_app_user_id" in site.php(box_user)
    finally:
        site.php("delete_site_option( 'widgets_for_box_site_key' );")


def test_people_are_found_by_typing(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")
    page = admin.get("/wp-admin/options-general.php?page=widgets-for-box").text
    assert 'list="widgets-for-box-people"' in page
    assert ">Ana Souza" not in page, "The page does not list people."
    route = "wp/v2/users?context=edit&per_page=10&_fields=id,name,username&search=souza"
    found = admin.rest("GET", route).json()
    assert [person["username"] for person in found] == ["ana"]
    assert site.login("ana").rest("GET", route).status_code == 403


def test_leftovers_end_with_the_plugin(site: WordPress, sidecar: ScriptedSidecar) -> None:
    left = site.php(
        """
        require_once ABSPATH . 'wp-admin/includes/plugin.php';
        $plugin = 'widgets-for-box/widgets-for-box.php';
        $id = get_user_by( 'login', 'nora' )->ID;
        foreach ( array( '_widgets_for_box_link', 'widgets_for_box_confirmed_email', 'widgets_for_box_email_key',
            'widgets_for_box_account' ) as $key ) {
            update_user_meta( $id, $key, 'x' );
        }
        wp_schedule_single_event( time() + 600, 'widgets_for_box_revoke_again' );
        deactivate_plugins( $plugin );
        $events = wp_json_encode( _get_cron_array() );
        activate_plugin( $plugin );
        $keys = array_keys( get_user_meta( $id ) );
        echo wp_json_encode( array(
            strpos( $events, 'revoke_again' ),
            array_values( preg_grep( '/^widgets_for_box|_widgets_for_box_link/', $keys ) ),
        ) );
        """
    )
    assert left == "[false,[]]"


def test_role_that_loses_something_loses_its_tokens(site: WordPress, sidecar: ScriptedSidecar) -> None:
    widget = descriptor(site, "[box_explorer]")
    ana, admin = site.login("ana"), site.login("admin")
    address = "/wp-admin/options-general.php?page=widgets-for-box"
    form = profile_form(admin, address) | {"widgets_for_box[account]": "email"}
    scopes = ["use", "item_preview", "item_download"]
    roles = ("administrator", "editor", "author", "contributor", "subscriber")

    def save(subscribers: list[str]) -> list[dict[str, str]]:
        assert ana.rest("POST", ROUTE, json={"widget": widget}).status_code == 200
        sidecar.requests.clear()
        ticks = {f"widgets_for_box[roles][{role}][]": scopes for role in roles}
        sent = {**form, **ticks, "widgets_for_box[roles][subscriber][]": subscribers}
        assert "settings-updated=true" in str(admin.post("/wp-admin/options.php", data=sent).url)
        return revoked(sidecar)

    try:
        assert {"login": "ana@example.com"} in save(scopes), "Other scopes than these two are gone."
        assert save(scopes) == []
        assert save([*scopes, "item_upload"]) == []
        assert save(scopes) == [{"login": "ana@example.com"}]
    finally:
        site.php("delete_option( 'widgets_for_box' );")
