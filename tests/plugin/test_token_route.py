"""The route that hands tokens to the browser: who gets what, and what does not get past it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from urllib.parse import urlsplit

import httpx
import pytest

from intranet.wordpress import WordPress
from plugin.scripted_sidecar import Answer, ScriptedSidecar, problem, token
from plugin.support import ROUTE, ask, descriptor


@pytest.fixture
def widget(site: WordPress) -> str:
    """An explorer of the root folder that allows downloads and uploads."""
    return descriptor(site, '[box_explorer folder="0" can="download,upload"]')


def test_token_is_for_the_person_of_the_session(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    for name in ("ana", "kenji"):
        answer = ask(site.login(name), widget)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "token": f"token-of-{name}@example.com",
            "expires_in": 3600,
            "scopes": ["base_explorer", "item_download", "item_upload"],
        }
        assert "no-store" in answer.headers["Cache-Control"]
    assert [request.body["user"] for request in sidecar.requests] == [
        {"login": "ana@example.com"},
        {"login": "kenji@example.com"},
    ]


def test_sidecar_is_asked_as_the_contract_says(site: WordPress, sidecar: ScriptedSidecar) -> None:
    ask(site.login("ana"), descriptor(site, '[box_explorer folder="4711" can="download"]'))
    (request,) = sidecar.requests
    assert (request.method, request.path) == ("POST", "/v1/tokens")
    assert request.headers["box-sidecar"] == "1"
    assert re.fullmatch(r"[\w-]{36}", request.headers["x-request-id"])
    assert not {name for name in request.headers if name.startswith(("x-forwarded", "forwarded", "cookie"))}
    assert request.body == {
        "user": {"login": "ana@example.com"},
        "element": "explorer",
        "scopes": ["item_download"],
        "folder": "4711",
    }


def test_path_is_asked_for_and_its_folder_told(site: WordPress, sidecar: ScriptedSidecar) -> None:
    widget = descriptor(site, '[box_explorer path="経費/R&amp;D 2026" can="download"]')
    answer = ask(site.login("ana"), widget)
    assert answer.json() == {
        "token": "token-of-ana@example.com",
        "expires_in": 3600,
        "scopes": ["base_explorer", "item_download"],
        "folder": "42",
    }
    (request,) = sidecar.requests
    assert (request.body["folder"], request.body["path"]) == ("0", "経費/R&D 2026")


def test_path_of_the_browsers_own_is_none(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    ana = site.login("ana")
    ana.rest("POST", ROUTE, json={"widget": widget, "path": "Receipts"})
    assert "path" not in sidecar.requests[-1].body
    payload, signature = descriptor(site, '[box_explorer path="Receipts"]').split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert said.pop("path") == "Receipts"
    without = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    assert ask(ana, f"{without}.{signature}").status_code == 400


@pytest.mark.parametrize(
    "resource",
    [None, "42", {}, {"id": "42"}, {"type": "file", "id": "42"}]
    + [{"type": "folder", "id": id} for id in ("0", "", "1/2", 42, None)],
)
def test_token_that_does_not_tell_where_a_path_led_is_not_handed_out(
    site: WordPress, sidecar: ScriptedSidecar, resource: object
) -> None:
    sidecar.answer = lambda request: Answer(body={**token(request).body, "resource": resource})
    answer = ask(site.login("ana"), descriptor(site, '[box_uploader path="Receipts"]'))
    assert (answer.status_code, answer.json()["code"]) == (502, "sidecar_bad_answer")
    assert "token-of" not in answer.text


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (404, "folder_not_found", "There is no folder “a<b>/%s” for you"),
        (409, "path_ambiguous", "More than one folder"),
    ],
)
def test_person_is_told_which_folder_is_missing(
    site: WordPress, sidecar: ScriptedSidecar, status: int, code: str, words: str
) -> None:
    sidecar.answer = lambda request: problem(status, code, fix="for administrators")
    page = site.php("echo WidgetsForBox\\Widgets::html( 'explorer', array( 'path' => 'a<b>/%s' ) );")
    found = re.search(r'data-widget="([^"]+)"', page)
    assert found
    answer = ask(site.login("ana"), found[1])
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert words in answer.json()["message"] and "a<b>/%s" in answer.json()["message"]
    assert "for administrators" not in answer.text


def test_preview_asks_for_its_file(site: WordPress, sidecar: ScriptedSidecar) -> None:
    ask(site.login("ana"), descriptor(site, '[box_preview file="99" can="download,annotation_edit,item_delete"]'))
    (request,) = sidecar.requests
    assert request.body["file"] == "99"
    assert "folder" not in request.body
    assert request.body["scopes"] == ["item_download", "annotation_edit"]


def test_visitor_without_session_is_refused(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    answer = ask(site.visitor(), widget, nonce="")
    assert answer.status_code == 401
    assert "no-store" in answer.headers["Cache-Control"]
    assert not sidecar.requests


@pytest.mark.parametrize("nonce", ["", "0000000000", "another person's"])
def test_session_without_its_own_nonce_is_refused(
    site: WordPress, sidecar: ScriptedSidecar, widget: str, nonce: str
) -> None:
    if nonce == "another person's":
        nonce = site.login("kenji").nonce()
    answer = ask(site.login("ana"), widget, nonce=nonce)
    assert answer.status_code in (401, 403)
    assert "no-store" in answer.headers["Cache-Control"]
    assert not sidecar.requests


def test_nonce_in_the_address_or_the_body_does_not_count(
    site: WordPress, sidecar: ScriptedSidecar, widget: str
) -> None:
    session = site.login("ana")
    nonce = session.nonce()
    by_form = session.post(f"/wp-json/{ROUTE}", data={"widget": widget, "_wpnonce": nonce})
    by_address = session.post(f"/wp-json/{ROUTE}", params={"_wpnonce": nonce}, json={"widget": widget})
    assert (by_form.status_code, by_address.status_code) == (401, 401)
    assert not sidecar.requests


def test_get_is_not_served(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    session = site.login("ana")
    answer = session.get(f"/wp-json/{ROUTE}", params={"widget": widget}, headers={"X-WP-Nonce": session.nonce()})
    assert answer.status_code == 404
    assert not sidecar.requests


def origins(site: WordPress) -> dict[str, str]:
    """Who may want to read the answer: a stranger, and what WordPress takes for the site itself."""
    parts = urlsplit(site.url)
    return {
        "stranger": "https://evil.example",
        "same host, other port": f"http://{parts.hostname}",
        "same host, other scheme": f"https://{parts.hostname}",
        "sandbox": "null",
        "the site itself": site.url,
    }


@pytest.mark.parametrize("origin", ["stranger", "same host, other port", "same host, other scheme", "sandbox"])
@pytest.mark.parametrize("method", ["POST", "OPTIONS", "GET"])
def test_other_origins_may_not_read_the_answer(
    site: WordPress, sidecar: ScriptedSidecar, widget: str, origin: str, method: str
) -> None:
    session = site.login("ana")
    headers = {"X-WP-Nonce": session.nonce(), "Origin": origins(site)[origin]}
    body = {"widget": widget} if method == "POST" else None
    answer = session.request(method, f"/wp-json/{ROUTE}", json=body, headers=headers)
    assert answer.status_code == (404 if method == "GET" else 200)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Credentials" not in answer.headers
    refused = session.post(f"/wp-json/{ROUTE}", json={"widget": "x"}, headers=headers)
    assert refused.status_code == 400
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_no_order_of_hooks_lets_other_origins_read(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    """Plugins for headless sites allow every origin, some of them at the very end."""
    generous = site.content / "mu-plugins" / "generous.php"
    generous.write_text(
        "<?php\n$allow = static function ( $value ) {\n"
        "header( 'Access-Control-Allow-Origin: ' . get_http_origin() );\n"
        "header( 'Access-Control-Allow-Credentials: true' );\nheader( 'X-Generous: 1' );\nreturn $value;\n};\n"
        "add_filter( 'rest_pre_echo_response', $allow, PHP_INT_MAX );\n"
        "add_action( 'rest_api_init', static function () use ( $allow ) {\n"
        "add_filter( 'rest_pre_serve_request', $allow, PHP_INT_MAX );\n} );\n"
    )
    session = site.login("ana")
    headers = {"X-WP-Nonce": session.nonce(), "Origin": "https://evil.example"}
    try:
        answer = session.post(f"/wp-json/{ROUTE}", json={"widget": widget}, headers=headers)
        elsewhere = session.get("/wp-json/wp/v2/posts", headers=headers)
    finally:
        generous.unlink()
    assert answer.status_code == 200
    assert answer.headers["X-Generous"] == "1"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert elsewhere.headers["Access-Control-Allow-Origin"] == "https://evil.example", "Others decide on theirs."


def stateless_nonce(site: WordPress, name: str, session_token: str = "") -> str:
    """The nonce that WordPress accepts from a request whose session token is as given: by default there is none."""
    return site.php(
        "wp_set_current_user( get_user_by( 'login', $data['name'] )->ID );"
        " $_COOKIE[ LOGGED_IN_COOKIE ] = $data['token'] ? 'x|1|' . $data['token'] . '|y' : '';"
        " echo wp_create_nonce( 'wp_rest' );",
        name=name,
        token=session_token,
    )


def test_application_password_with_a_nonce_is_refused(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    password, cookie = site.php(
        "list( $password ) = WP_Application_Passwords::create_new_application_password("
        " get_user_by( 'login', 'ana' )->ID, array( 'name' => 'Script ' . wp_rand() ) );"
        " echo $password, ' ', LOGGED_IN_COOKIE;"
    ).rsplit(" ", 1)
    script = site.visitor()
    script.auth = httpx.BasicAuth("ana", password)
    assert script.get("/wp-json/wp/v2/users/me").json()["slug"] == "ana", "The password itself is good."
    refused = [ask(script, widget, stateless_nonce(site, "ana"))]
    # A cookie that says anything decides the nonce as well, and is no session either.
    script.cookies.set(cookie, "x|1|invented|y")
    refused.append(ask(script, widget, stateless_nonce(site, "ana", "invented")))
    # Nor is another person's session.
    kenji = site.login("kenji")
    mixed = site.visitor()
    mixed.auth = httpx.BasicAuth("ana", password)
    mixed.cookies.update(kenji.cookies)
    with_session = ask(mixed, widget, kenji.nonce())
    assert [answer.status_code for answer in refused] == [401, 401]
    assert {answer.json()["code"] for answer in refused} == {"rest_not_logged_in"}
    if with_session.status_code == 200:
        assert with_session.json()["token"] == "token-of-kenji@example.com", "The session decides."
        sidecar.requests.clear()
    assert not sidecar.requests


def test_other_authentication_over_a_session_is_refused(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    """A plugin that takes a signed header for a log-in must not lend a session's nonce to somebody else."""
    other = site.content / "mu-plugins" / "header-login.php"
    other.write_text(
        "<?php\nadd_filter( 'determine_current_user', static function ( $user ) {\n"
        "$name = $_SERVER['HTTP_X_TEST_LOGIN'] ?? '';\n$found = $name ? get_user_by( 'login', $name ) : null;\n"
        "return $found ? $found->ID : $user;\n}, 99 );\n"
    )
    session = site.login("kenji")
    own = session.nonce()
    try:
        as_ana = {"X-Test-Login": "ana"}
        nonce = session.get("/wp-admin/admin-ajax.php?action=rest-nonce", headers=as_ana).text
        assert nonce != own
        answer = session.post(f"/wp-json/{ROUTE}", json={"widget": widget}, headers={**as_ana, "X-WP-Nonce": nonce})
    finally:
        other.unlink()
    assert answer.status_code == 401
    assert not sidecar.requests


def test_session_that_was_ended_elsewhere_is_refused(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    session = site.login("nora", site.people["nora"].password)
    nonce = session.nonce()
    assert ask(session, widget, nonce).status_code == 200
    site.php("WP_Session_Tokens::get_instance( get_user_by( 'login', 'nora' )->ID )->destroy_all();")
    sidecar.requests.clear()
    assert ask(session, widget, nonce).status_code in (401, 403)
    assert not sidecar.requests


def test_token_that_box_refused_is_named_to_the_sidecar(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    digest = hashlib.sha256(b"token-of-ana@example.com").hexdigest()
    session = site.login("ana")
    assert session.rest("POST", ROUTE, json={"widget": widget, "refused": digest}).status_code == 200
    assert sidecar.requests[-1].body["refused"] == digest
    ask(session, widget)
    assert "refused" not in sidecar.requests[-1].body


@pytest.mark.parametrize(
    "refused", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "a" * 63 + "\n", 1, None, ["a" * 64], {}]
)
def test_refused_token_is_a_hash_or_nothing(
    site: WordPress, sidecar: ScriptedSidecar, widget: str, refused: object
) -> None:
    answer = site.login("ana").rest("POST", ROUTE, json={"widget": widget, "refused": refused})
    assert answer.status_code == 400, answer.text
    assert not sidecar.requests


@pytest.mark.parametrize(
    ("status", "code", "given", "told"),
    [(429, "rate_limited", "7", "7"), (503, "box_unavailable", "5", "5"), (503, "box_unavailable", "soon", None)],
)
def test_when_to_come_back_is_said_in_the_header(
    site: WordPress, sidecar: ScriptedSidecar, widget: str, status: int, code: str, given: str, told: str | None
) -> None:
    refusal = problem(status, code)
    sidecar.answer = lambda request: Answer(refusal.status, refusal.body, {"Retry-After": given})
    answer = ask(site.login("ana"), widget)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == told
    assert answer.json()["data"] == {"status": status}
    sidecar.answer = token
    assert "Retry-After" not in ask(site.login("ana"), widget).headers


def test_answer_in_an_envelope_is_not_stored_either(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    session = site.login("ana")
    answer = session.post(
        f"/wp-json/{ROUTE}?_envelope=1", json={"widget": widget}, headers={"X-WP-Nonce": session.nonce()}
    )
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "extra", [{"user": {"login": "boss@example.com"}}, {"scopes": ["item_delete"]}, {"folder": "1"}]
)
def test_nothing_else_from_the_browser_counts(
    site: WordPress, sidecar: ScriptedSidecar, widget: str, extra: dict[str, object]
) -> None:
    answer = site.login("ana").rest("POST", ROUTE, json={"widget": widget, **extra})
    assert answer.status_code == 200
    (request,) = sidecar.requests
    assert request.body["user"] == {"login": "ana@example.com"}
    assert request.body["scopes"] == ["item_download", "item_upload"]
    assert request.body["folder"] == "0"


def forged(widget: str, **changes: object) -> str:
    """The descriptor with another payload under the same signature."""
    payload, signature = widget.split(".")
    content = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return base64.urlsafe_b64encode(json.dumps({**content, **changes}).encode()).decode().rstrip("=") + "." + signature


def changed_descriptors(widget: str) -> dict[str, str]:
    payload, signature = widget.split(".")
    other = "A" if signature[0] != "A" else "B"
    return {
        "folder": forged(widget, id="1"),
        "scopes": forged(widget, scopes=["item_delete"]),
        "element": forged(widget, element="uploader"),
        "signature": f"{payload}.{other}{signature[1:]}",
        "no signature": payload,
        "empty signature": f"{payload}.",
        "swapped": f"{signature}.{payload}",
        "line feed": widget + "\n",
        "empty": "",
        "long": "A" * 5000 + "." + signature,
        "not text": "\x00\xff",
    }


@pytest.mark.parametrize("change", sorted(changed_descriptors("e30." + "A" * 43)))
def test_changed_descriptor_is_refused(site: WordPress, sidecar: ScriptedSidecar, widget: str, change: str) -> None:
    answer = ask(site.login("ana"), changed_descriptors(widget)[change])
    assert answer.status_code == 400, answer.text
    assert not sidecar.requests


def test_descriptor_that_is_no_text_is_refused(site: WordPress, sidecar: ScriptedSidecar) -> None:
    session = site.login("ana")
    for value in (None, 1, ["a.b"], {"a": "b"}):
        assert session.rest("POST", ROUTE, json={"widget": value}).status_code == 400
    assert session.rest("POST", ROUTE, json={}).status_code == 400
    assert not sidecar.requests


def test_descriptor_of_another_site_is_refused(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    other_salts = "add_filter( 'salt', static function ( $salt ) { return 'other' . $salt; } );"
    html = site.php(other_salts + "echo do_shortcode( '[box_explorer]' );")
    found = re.search(r'data-widget="([\w.-]+)"', html)
    assert found
    assert ask(site.login("ana"), found[1]).status_code == 400
    # Within a network the salts are the same for all sites.
    html = site.php("$GLOBALS['blog_id'] = 7; echo do_shortcode( '[box_explorer]' );")
    found = re.search(r'data-widget="([\w.-]+)"', html)
    assert found
    assert ask(site.login("ana"), found[1]).status_code == 400
    assert not sidecar.requests


def test_failure_is_a_sentence_and_the_fix_is_for_administrators(
    site: WordPress, sidecar: ScriptedSidecar, widget: str
) -> None:
    sidecar.answer = lambda request: problem(502, "user_tokens_not_enabled", "Tick the box in the Developer Console.")
    for_ana = ask(site.login("ana"), widget)
    for_admin = ask(site.login("admin"), widget)
    assert for_ana.status_code == for_admin.status_code == 502
    assert for_ana.json()["code"] == for_admin.json()["code"] == "user_tokens_not_enabled"
    assert for_ana.json()["data"] == {"status": 502}
    assert "Developer Console" not in for_ana.text
    assert "detail of" not in for_ana.text
    assert for_admin.json()["data"]["fix"] == "Tick the box in the Developer Console."
    assert for_admin.json()["data"]["request_id"] == "request-1"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "user_not_found"),
        (403, "user_inactive"),
        (403, "role_not_allowed"),
        (429, "rate_limited"),
        (503, "box_unavailable"),
    ],
)
def test_codes_of_the_sidecar_are_passed_on(
    site: WordPress, sidecar: ScriptedSidecar, widget: str, status: int, code: str
) -> None:
    sidecar.answer = lambda request: problem(status, code)
    answer = ask(site.login("ana"), widget)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.json()["message"]) > 20
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("stored", "offered"),
    [
        ("https://intranet.example.com/help", "https://intranet.example.com/help"),
        ("it.desk@example.com", "mailto:it.desk@example.com?"),
        ("javascript:alert(1)", None),
        ("  JaVaScRiPt:alert(1)", None),
        ("data:text/html,<script>alert(1)</script>", None),
        ("it.desk@example.com?javascript:", None),
    ],
)
def test_no_script_is_offered_as_a_contact(
    site: WordPress, sidecar: ScriptedSidecar, widget: str, stored: str, offered: str | None
) -> None:
    """Not even by whoever can write to the database."""
    sidecar.answer = lambda request: problem(404, "user_not_found")
    site.php("update_option( 'widgets_for_box', array( 'contact' => $data['stored'] ) );", stored=stored)
    try:
        data = ask(site.login("ana"), widget).json()["data"]
    finally:
        site.php("delete_option( 'widgets_for_box' );")
    assert data["final"] is True
    assert data.get("contact", "").startswith(offered or "") if offered else "contact" not in data


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body="<html>gateway</html>"),
        Answer(body=""),
        Answer(body="null"),
        Answer(body={"access_token": ["a"], "expires_in": 1, "scopes": []}),
        Answer(body={"access_token": "a", "expires_in": 3600}),
        Answer(500, "oops"),
        Answer(302, {}, {"Location": "http://127.0.0.1/v1/tokens"}),
    ],
    ids=["html", "empty", "null", "list for token", "no scopes", "500", "redirect"],
)
def test_answer_that_is_not_the_sidecars_is_refused(
    site: WordPress, sidecar: ScriptedSidecar, widget: str, answer: Answer
) -> None:
    sidecar.answer = lambda request: answer
    received = ask(site.login("admin"), widget)
    assert received.status_code == 502
    assert received.json()["code"] == "sidecar_bad_answer"
    assert len(sidecar.requests) == 1


def test_sidecar_that_is_down_is_said_at_once(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    session = site.login("admin")
    nonce = session.nonce()
    sidecar.stop()
    try:
        began = time.monotonic()
        missing = ask(session, widget, nonce)
        assert time.monotonic() - began < 2
        sidecar.socket.touch()
        no_socket = ask(session, widget, nonce)
        sidecar.socket.unlink()
    finally:
        sidecar.start()
    assert missing.status_code == no_socket.status_code == 503
    assert missing.json()["code"] == no_socket.json()["code"] == "sidecar_unreachable"
    assert "finds no socket" in missing.json()["data"]["fix"]
    assert "not a socket" in no_socket.json()["data"]["fix"]


def test_page_is_unharmed_and_asks_nobody_when_it_is_rendered(site: WordPress, sidecar: ScriptedSidecar) -> None:
    sidecar.stop()
    try:
        number, page = site.php(
            "$id = wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Alone',"
            " 'post_content' => 'Before [box_explorer] after' ) ); echo $id, ' ', get_permalink( $id );"
        ).split()
        html = site.visitor().get(page).raise_for_status().text
    finally:
        sidecar.start()
    site.php("wp_delete_post( $data['id'], true );", id=int(number))
    assert "Before" in html
    assert "after" in html
    assert "data-widget=" in html
    assert not sidecar.requests
