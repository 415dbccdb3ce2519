"""Which Box user somebody is, over HTTP: attempts to become another, and the end of tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from intranet.wordpress import Session, WordPress
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, problem, token
from plugin.test_token_route import ROUTE, descriptor


@pytest.fixture
def widget(site: WordPress) -> str:
    return descriptor(site, "[box_explorer]")


@pytest.fixture
def mallory(site: WordPress) -> Iterator[Session]:
    """A subscriber of her own, gone after the test."""
    site.php(
        "wp_insert_user( array( 'user_login' => 'mallory', 'user_pass' => 'mallory-demo', 'role' => 'subscriber',"
        " 'user_email' => 'mallory@example.com' ) );"
    )
    yield site.login("mallory", "mallory-demo")
    site.php(
        "require_once ABSPATH . 'wp-admin/includes/user.php';"
        " $user = get_user_by( 'login', 'mallory' ); if ( $user ) { wp_delete_user( $user->ID ); }"
    )


def user_id(site: WordPress, login: str) -> int:
    return int(site.php("echo get_user_by( 'login', $data['login'] )->ID;", login=login))


def asked_as(sidecar: ScriptedSidecar) -> dict[str, str]:
    """The Box user of the latest request for a token."""
    user: dict[str, str] = [request.body["user"] for request in sidecar.requests if request.path == "/v1/tokens"][-1]
    return user


def revoked(sidecar: ScriptedSidecar) -> list[dict[str, str]]:
    return [request.body["user"] for request in sidecar.requests if request.path == "/v1/tokens/revoke"]


def test_rest_route_of_wordpress_makes_nobody_another(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    changed = mallory.rest("POST", "wp/v2/users/me", json={"email": "boss@example.com"})
    assert changed.status_code == 200, "WordPress itself allows this: " + changed.text
    assert site.php("echo get_user_by( 'login', 'mallory' )->user_email;") == "boss@example.com"
    assert mallory.rest("POST", ROUTE, json={"widget": widget}).status_code == 200
    assert asked_as(sidecar) == {"login": "mallory@example.com"}


def test_only_the_link_makes_a_new_address_count(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
    for guess in ("0" * 64, "", "1"):
        mallory.get("/wp-admin/profile.php", params={"widgets_for_box_email": guess})
    mallory.rest("POST", ROUTE, json={"widget": widget})
    assert asked_as(sidecar) == {"login": "mallory@example.com"}

    proof = site.php(
        "$user = get_user_by( 'login', 'mallory' );"
        " $text = 'widgets-for-box-email:' . $user->ID . ':' . $user->user_email;"
        " $key = get_user_meta( $user->ID, 'widgets_for_box_email_key', true );"
        " echo hash_hmac( 'sha256', $text, $key . wp_salt( 'auth' ) );"
    )
    site.login("ana").get("/wp-admin/profile.php", params={"widgets_for_box_email": proof})
    mallory.rest("POST", ROUTE, json={"widget": widget})
    assert asked_as(sidecar) == {"login": "mallory@example.com"}, "Somebody else's click counted."

    mallory.get("/wp-admin/profile.php", params={"widgets_for_box_email": proof})
    mallory.rest("POST", ROUTE, json={"widget": widget})
    assert asked_as(sidecar) == {"login": "new@example.com"}


def profile_form(session: Session, address: str) -> dict[str, str]:
    """The fields of a profile page as a browser would post them."""
    html = session.get(address).raise_for_status().text
    inputs = re.findall(r"<input\b[^>]*>", html)
    fields = {}
    for tag in inputs:
        name, value = (re.search(rf"""\b{part}=["']([^"']*)["']""", tag) for part in ("name", "value"))
        if name and not re.search(r"""type=["'](checkbox|radio|submit|button)""", tag):
            fields[name[1]] = value[1] if value else ""
    fields.pop("pass1", None), fields.pop("pass2", None)
    return fields


def test_person_cannot_assign_themselves_a_box_user(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    page = mallory.get("/wp-admin/profile.php").text
    assert "mallory@example.com</code>" in page
    assert 'name="widgets_for_box_account"' not in page
    form = profile_form(mallory, "/wp-admin/profile.php")
    answer = mallory.post(
        "/wp-admin/profile.php",
        data={**form, "widgets_for_box_account": "boss@example.com", "widgets_for_box_confirm": "1"},
    )
    assert "updated" in str(answer.url)
    mallory.rest("POST", "wp/v2/users/me", json={"meta": {"widgets_for_box_account": {"login": "boss@example.com"}}})
    mallory.rest("POST", ROUTE, json={"widget": widget})
    assert asked_as(sidecar) == {"login": "mallory@example.com"}


@pytest.mark.parametrize("typed", ["other+box@example.com", "4711"])
def test_administrator_assigns_a_box_user(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str, typed: str
) -> None:
    mallory.rest("POST", ROUTE, json={"widget": widget})
    admin = site.login("admin")
    address = f"/wp-admin/user-edit.php?user_id={user_id(site, 'mallory')}"
    form = profile_form(admin, address)
    admin.post(address, data={**form, "role": "subscriber", "widgets_for_box_account": typed}).raise_for_status()
    assert revoked(sidecar) == [{"login": "mallory@example.com"}]
    mallory.rest("POST", ROUTE, json={"widget": widget})
    assert asked_as(sidecar) == ({"id": typed} if typed.isdigit() else {"login": typed})
    # And takes it back.
    admin.post(address, data={**form, "role": "subscriber", "widgets_for_box_account": ""})
    mallory.rest("POST", ROUTE, json={"widget": widget})
    assert asked_as(sidecar) == {"login": "mallory@example.com"}


def test_nonsense_is_not_assigned(site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str) -> None:
    admin = site.login("admin")
    address = f"/wp-admin/user-edit.php?user_id={user_id(site, 'mallory')}"
    form = profile_form(admin, address)
    answer = admin.post(address, data={**form, "role": "subscriber", "widgets_for_box_account": "the boss"})
    assert "must be an e-mail address or an id" in answer.text
    mallory.rest("POST", ROUTE, json={"widget": widget})
    assert asked_as(sidecar) == {"login": "mallory@example.com"}


def end_by_log_out(site: WordPress, session: Session) -> None:
    page = session.get("/wp-login.php", params={"action": "logout"}).text
    link = re.search(r'href="([^"]*action=logout[^"]*)"', page)
    assert link
    session.get(link[1].replace("&amp;", "&").replace("&#038;", "&"))


def end_by_other_sessions(site: WordPress, session: Session) -> None:
    site.php(
        "$user = get_user_by( 'login', 'mallory' )->ID;"
        " wp_set_current_user( $user ); WP_Session_Tokens::get_instance( $user )->destroy_others( 'of nobody' );"
    )


def end_by_all_sessions(site: WordPress, session: Session) -> None:
    site.php("WP_Session_Tokens::get_instance( get_user_by( 'login', 'mallory' )->ID )->destroy_all();")


def end_by_role(site: WordPress, session: Session) -> None:
    site.php("get_user_by( 'login', 'mallory' )->set_role( 'contributor' );")


def end_by_password(site: WordPress, session: Session) -> None:
    site.php("wp_update_user( array( 'ID' => get_user_by( 'login', 'mallory' )->ID, 'user_pass' => 'other' ) );")


def end_by_reset(site: WordPress, session: Session) -> None:
    site.php("reset_password( get_user_by( 'login', 'mallory' ), 'other' );")


def end_by_address(site: WordPress, session: Session) -> None:
    session.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})


def end_by_deletion(site: WordPress, session: Session) -> None:
    site.php(
        "require_once ABSPATH . 'wp-admin/includes/user.php'; wp_delete_user( get_user_by( 'login', 'mallory' )->ID );"
    )


@pytest.mark.parametrize(
    "end",
    [
        end_by_log_out,
        end_by_other_sessions,
        end_by_all_sessions,
        end_by_role,
        end_by_password,
        end_by_reset,
        end_by_address,
        end_by_deletion,
    ],
)
def test_tokens_end_with(site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str, end: object) -> None:
    assert callable(end)
    mallory.rest("POST", ROUTE, json={"widget": widget})
    assert not revoked(sidecar)
    end(site, mallory)
    assert revoked(sidecar) == [{"login": "mallory@example.com"}]


def test_link_for_an_address_counts_once(site: WordPress, sidecar: ScriptedSidecar, mallory: Session) -> None:
    proof = (
        "$user = get_user_by( 'login', 'mallory' );"
        " echo ( Closure::bind( fn() => WidgetsForBox\\People::email_proof( $user ), null,"
        " 'WidgetsForBox\\People' ) )();"
    )
    mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
    first = site.php(proof)
    mallory.get("/wp-admin/profile.php", params={"widgets_for_box_email": first})
    assert site.php(proof) == "", "The link is used up."
    mallory.rest("POST", "wp/v2/users/me", json={"email": "other@example.com"})
    mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
    assert site.php(proof) not in ("", first), "A link of another time is no proof."


def log_out_while_the_sidecar_is_down(site: WordPress, sidecar: ScriptedSidecar, person: Session, widget: str) -> None:
    person.rest("POST", ROUTE, json={"widget": widget})
    sidecar.stop()
    try:
        end_by_log_out(site, person)
    finally:
        sidecar.start()


def test_tokens_that_could_not_be_ended_are_ended_later(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    log_out_while_the_sidecar_is_down(site, sidecar, mallory, widget)
    sidecar.requests.clear()
    site.php(
        "foreach ( _get_cron_array() as $events ) {"
        " foreach ( $events['widgets_for_box_revoke_again'] ?? array() as $event ) {"
        " do_action_ref_array( 'widgets_for_box_revoke_again', $event['args'] ); } }"
    )
    assert revoked(sidecar) == [{"login": "mallory@example.com"}]


def test_log_out_of_someone_without_tokens_asks_nobody(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session
) -> None:
    end_by_log_out(site, mallory)
    assert not sidecar.requests


def test_log_out_works_while_the_sidecar_is_down(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    log_out_while_the_sidecar_is_down(site, sidecar, mallory, widget)
    assert mallory.get("/wp-admin/admin-ajax.php", params={"action": "rest-nonce"}).status_code == 400


def test_app_user_is_made_on_first_use(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    made: set[str] = set()

    def answer(request: Request) -> Answer:
        if request.path == "/v1/users":
            made.add(request.body["external_app_user_id"])
            return Answer(201, {"id": "9", "login": "AppUser_9@boxdevedition.com", "name": request.body["name"]})
        if request.path == "/v1/tokens" and request.body["user"].get("external_app_user_id") not in made:
            return problem(404, "user_not_found")
        return token(request)

    sidecar.answer = answer
    site.php("update_option( 'widgets_for_box', array( 'account' => 'app_user' ) );")
    try:
        received = mallory.rest("POST", ROUTE, json={"widget": widget})
        again = mallory.rest("POST", ROUTE, json={"widget": widget})
        sidecar.answer = lambda request: problem(
            *((404, "user_not_found") if request.path == "/v1/tokens" else (403, "role_not_allowed"))
        )
        refused = mallory.rest("POST", ROUTE, json={"widget": widget})
    finally:
        site.php("delete_option( 'widgets_for_box' );")
    assert (received.status_code, again.status_code) == (200, 200)
    assert len(made) == 1
    assert [request.path for request in sidecar.requests][:4] == ["/v1/tokens", "/v1/users", "/v1/tokens", "/v1/tokens"]
    assert (refused.status_code, refused.json()["code"]) == (404, "user_not_found")
