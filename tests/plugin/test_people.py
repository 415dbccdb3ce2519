"""Which Box user somebody is, over HTTP: attempts to become another, and the end of tokens."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from intranet.wordpress import Session, WordPress
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, problem, token
from plugin.support import ROUTE, descriptor, end_by_log_out, profile_form, remove, revoked, user_id


@pytest.fixture
def widget(site: WordPress) -> str:
    return descriptor(site, "[box_explorer]")


@pytest.fixture
def mails(site: WordPress) -> Iterator[Callable[[], list[dict[str, str]]]]:
    """The mails that the site sends during the test: recipient, subject and message."""
    file = site.directory / "mails"
    file.touch()
    plugin = site.content / "mu-plugins/mails.php"
    plugin.write_text(
        "<?php add_filter( 'pre_wp_mail', static function ( $sent, $mail ) {"
        f" file_put_contents( '{file}', wp_json_encode( $mail ) . PHP_EOL, FILE_APPEND | LOCK_EX ); return true;"
        " }, 20, 2 );"
    )
    yield lambda: [json.loads(line) for line in file.read_text().splitlines()]
    plugin.unlink()
    file.unlink()


Mails = Callable[[], list[dict[str, str]]]


def link_keys(mails: Mails) -> list[tuple[str, str]]:
    """To whom links were sent, and their keys."""
    found = [(mail["to"], re.search(r"widgets_for_box_email=([0-9a-f]{32})", mail["message"])) for mail in mails()]
    return [(to, match[1]) for to, match in found if match]


def follow(session: Session, key: str, parameter: str = "widgets_for_box_email") -> str:
    """The page that a link leads to, and where it asks, the one after the answer."""
    return confirm(session, session.get("/wp-admin/profile.php", params={parameter: key}).text)


def confirm(session: Session, page: str) -> str:
    """Says that account and address are one's own, if the page asks."""
    form = re.search(r'name="widgets_for_box_email" value="(\w+)">.*?name="_wpnonce" value="(\w+)"', page)
    if not form:
        return page
    answer = {"widgets_for_box_email": form[1], "_wpnonce": form[2]}
    return session.post("/wp-admin/profile.php", data=answer).text


def asked_as(sidecar: ScriptedSidecar) -> dict[str, str]:
    """The Box user of the latest request for a token."""
    user: dict[str, str] = [request.body["user"] for request in sidecar.requests if request.path == "/v1/tokens"][-1]
    return user


def box_user(session: Session, sidecar: ScriptedSidecar, widget: str) -> dict[str, str] | None:
    """The Box user for whom somebody gets a token; None if they get none."""
    sidecar.requests.clear()
    answer = session.rest("POST", ROUTE, json={"widget": widget})
    if answer.status_code != 200:
        assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")
        assert not sidecar.requests
        return None
    return asked_as(sidecar)


MALLORY = {"login": "mallory@example.com"}


def test_rest_route_of_wordpress_makes_nobody_another(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    changed = mallory.rest("POST", "wp/v2/users/me", json={"email": "boss@example.com"})
    assert changed.status_code == 200, "WordPress itself allows this: " + changed.text
    assert site.php("echo get_user_by( 'login', 'mallory' )->user_email;") == "boss@example.com"
    assert box_user(mallory, sidecar, widget) is None
    mallory.rest("POST", "wp/v2/users/me", json={"email": "mallory@example.com"})
    assert box_user(mallory, sidecar, widget) == MALLORY, "Her own address is still proved."


@pytest.mark.parametrize("way", [None, "", " "])
def test_taking_the_address_away_first_makes_nobody_another(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str, way: str | None
) -> None:
    mallory.rest("POST", "wp/v2/users/me", json={"email": way})
    assert box_user(mallory, sidecar, widget) in (None, MALLORY)
    mallory.rest("POST", "wp/v2/users/me", json={"email": "victim@example.com"})
    assert site.php("echo get_user_by( 'login', 'mallory' )->user_email;") == "victim@example.com"
    assert box_user(mallory, sidecar, widget) is None
    mallory.rest("POST", "wp/v2/users/me", json={"email": "mallory@example.com"})
    assert box_user(mallory, sidecar, widget) == MALLORY, "Nothing of the victim's is left."


def test_account_that_never_had_an_address_gets_nobodys(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    site.php("wp_insert_user( array( 'user_login' => 'imported', 'user_pass' => 'imported-demo' ) );")
    try:
        imported = site.login("imported", "imported-demo")
        assert box_user(imported, sidecar, widget) is None
        imported.rest("POST", "wp/v2/users/me", json={"email": "victim@example.com"})
        assert box_user(imported, sidecar, widget) is None
    finally:
        remove(site, "imported")


def test_account_of_a_registration_form_or_a_program_has_to_be_confirmed(
    site: WordPress, sidecar: ScriptedSidecar, widget: str, mails: Mails
) -> None:
    """A shop's or a community's form makes accounts for visitors who are not logged in, with the address they type."""
    site.php(
        "wp_insert_user( array( 'user_login' => 'visitor', 'user_pass' => 'visitor-demo',"
        " 'user_email' => 'victim@example.com' ) );"
    )
    try:
        visitor = site.login("visitor", "visitor-demo")
        assert box_user(visitor, sidecar, widget) is None
        site.php(
            "wp_update_user( array( 'ID' => get_user_by( 'login', 'visitor' )->ID,"
            " 'user_email' => 'boss@example.com' ) );"
        )
        assert box_user(visitor, sidecar, widget) is None
        assert link_keys(mails) == [], "Programs that make thousands of accounts do not send thousands of mails."
    finally:
        remove(site, "visitor")


def test_address_written_into_the_database_does_not_count(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    write = (
        "global $wpdb; $id = get_user_by( 'login', 'mallory' )->ID;"
        " $wpdb->update( $wpdb->users, array( 'user_email' => $data['email'] ), array( 'ID' => $id ) );"
        " clean_user_cache( $id );"
    )
    for email in ("victim@example.com", " mallory@example.com", "mallory@example.com ", "ma\u0142lory@example.com"):
        site.php(write, email=email)
        assert box_user(mallory, sidecar, widget) is None, email
    site.php(write, email="MALLORY@Example.com")
    assert box_user(mallory, sidecar, widget) == {"login": "MALLORY@Example.com"}


PLUGIN = "require_once ABSPATH . 'wp-admin/includes/plugin.php'; $plugin = 'widgets-for-box/widgets-for-box.php';"


def test_addresses_written_while_the_plugin_was_inactive_do_not_count(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    site.php(PLUGIN + "deactivate_plugins( $plugin );")
    try:
        mallory.rest("POST", "wp/v2/users/me", json={"email": "victim@example.com"})
        site.php(
            "wp_insert_user( array( 'user_login' => 'newcomer', 'user_pass' => 'newcomer-demo',"
            " 'user_email' => 'boss@example.com' ) );"
        )
    finally:
        site.php(PLUGIN + "activate_plugin( $plugin );")
    try:
        assert box_user(mallory, sidecar, widget) is None
        assert box_user(site.login("newcomer", "newcomer-demo"), sidecar, widget) is None
        assert box_user(site.login("ana"), sidecar, widget) == {"login": "ana@example.com"}
        page = site.login("admin").get("/wp-admin/users.php?page=widgets-for-box-addresses").text
        assert 'value="victim@example.com"' in page
        assert 'value="boss@example.com"' in page
        assert "ana@example.com" not in page
    finally:
        remove(site, "newcomer")


def test_only_the_link_makes_a_new_address_count(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str, mails: Mails
) -> None:
    mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
    for guess in ("0" * 32, "", "1"):
        follow(mallory, guess)
    assert box_user(mallory, sidecar, widget) is None

    [(to, key)] = link_keys(mails)
    assert to == "new@example.com"
    follow(site.login("ana"), key)
    assert box_user(mallory, sidecar, widget) is None, "Somebody else's click counted."

    page = mallory.get("/wp-admin/profile.php", params={"widgets_for_box_email": key}).text
    assert "You are logged in as mallory. Is this account yours, and the address new@example.com too?" in page
    assert box_user(mallory, sidecar, widget) is None, "It was opened, and nobody has answered."
    forged = mallory.post("/wp-admin/profile.php", data={"widgets_for_box_email": key, "_wpnonce": "0"})
    assert forged.status_code == 403
    assert box_user(mallory, sidecar, widget) is None
    page = confirm(mallory, page)
    assert "is confirmed for Box" in page
    assert "new@example.com was confirmed by a link" in page
    assert box_user(mallory, sidecar, widget) == {"login": "new@example.com"}


def test_link_counts_once_and_for_one_address(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str, mails: Mails
) -> None:
    mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
    mallory.rest("POST", "wp/v2/users/me", json={"email": "victim@example.com"})
    (_, first), (_, second) = link_keys(mails)
    assert "is not valid" in follow(mallory, first), "It was sent to another address."
    mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
    assert "is not valid" in follow(mallory, second)
    assert "is not valid" in follow(mallory, first), "Only the latest link counts."
    assert box_user(mallory, sidecar, widget) is None
    third = link_keys(mails)[-1][1]
    follow(mallory, third)
    assert box_user(mallory, sidecar, widget) == {"login": "new@example.com"}
    assert "is not valid" in follow(mallory, third), "The link is used up."


def test_link_ends_after_a_week(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str, mails: Mails
) -> None:
    mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
    [(_, key)] = link_keys(mails)
    age = (
        "$id = get_user_by( 'login', 'mallory' )->ID;"
        " $link = WidgetsForBox\\Sealed_Meta::get( $id, '_widgets_for_box_link' ); $link['until'] -= $data['seconds'];"
        " WidgetsForBox\\Sealed_Meta::set( $id, '_widgets_for_box_link', $link );"
    )
    site.php(age, seconds=7 * 24 * 3600 + 1)
    follow(mallory, key)
    assert box_user(mallory, sidecar, widget) is None
    site.php(age, seconds=-3600)
    follow(mallory, key)
    assert box_user(mallory, sidecar, widget) == {"login": "new@example.com"}


def test_changing_the_address_again_and_again_sends_few_mails(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, mails: Mails
) -> None:
    for number in range(6):
        mallory.rest("POST", "wp/v2/users/me", json={"email": f"somebody{number}@example.com"})
    page = mallory.get("/wp-admin/profile.php").text
    again = re.search(r'href="([^"]*action=widgets_for_box_send_link[^"]*)"', page)
    assert again
    assert "No link was sent" in mallory.get(html.unescape(again[1])).text
    assert [to for to, _ in link_keys(mails)] == [f"somebody{number}@example.com" for number in range(3)]


def test_asking_at_the_same_moment_sends_no_more_mails(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, mails: Mails
) -> None:
    mallory.rest("POST", "wp/v2/users/me", json={"email": "somebody@example.com"})
    page = mallory.get("/wp-admin/profile.php").text
    again = re.search(r'href="([^"]*action=widgets_for_box_send_link[^"]*)"', page)
    assert again
    address = html.unescape(again[1])
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: mallory.get(address, follow_redirects=False), range(24)))
    assert 1 <= len(link_keys(mails)) <= 3
    # Whoever gets one without having asked for it sees for whom it is.
    assert all("The account is mallory." in mail["message"] for mail in mails() if "for Box" in mail["subject"])


def test_person_asks_for_a_link(site: WordPress, sidecar: ScriptedSidecar, widget: str, mails: Mails) -> None:
    site.php(
        "wp_insert_user( array( 'user_login' => 'visitor', 'user_pass' => 'visitor-demo',"
        " 'user_email' => 'visitor@example.com' ) );"
    )
    try:
        visitor = site.login("visitor", "visitor-demo")
        page = visitor.get("/wp-admin/profile.php").text
        assert "The address visitor@example.com is not confirmed" in page
        address = re.search(r'href="([^"]*action=widgets_for_box_send_link[^"]*)"', page)
        assert address
        forged = re.sub("_wpnonce=[0-9a-f]+", "_wpnonce=0", html.unescape(address[1]))
        assert visitor.get(forged).status_code == 403
        assert "A link was sent" in visitor.get(html.unescape(address[1])).text
        [(to, key)] = link_keys(mails)
        assert to == "visitor@example.com"
        follow(visitor, key)
        assert box_user(visitor, sidecar, widget) == {"login": "visitor@example.com"}
    finally:
        remove(site, "visitor")


def test_link_of_wordpress_itself_counts(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str, mails: Mails
) -> None:
    """A change on the profile page: WordPress asks the new address first."""
    form = profile_form(mallory, "/wp-admin/profile.php")
    mallory.post("/wp-admin/profile.php", data={**form, "email": "new@example.com"})
    assert box_user(mallory, sidecar, widget) == MALLORY
    found = [re.search(r"newuseremail=([0-9a-f]{32})", mail["message"]) for mail in mails()]
    [key] = [match[1] for match in found if match]
    # Another address under cover of the same link.
    nonce = mallory.nonce()
    answer = mallory.post(
        f"/wp-json/wp/v2/users/me?newuseremail={key}",
        json={"email": "victim@example.com"},
        headers={"X-WP-Nonce": nonce},
    )
    assert answer.status_code == 200
    assert box_user(mallory, sidecar, widget) is None
    page = mallory.get("/wp-admin/profile.php", params={"newuseremail": key}).text
    assert box_user(mallory, sidecar, widget) is None, "Whoever has opened it may not know for whom."
    assert "You are logged in as mallory." in page
    confirm(mallory, page)
    assert box_user(mallory, sidecar, widget) == {"login": "new@example.com"}


def test_link_of_wordpress_counts_only_if_wordpress_has_sent_it(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str, mails: Mails
) -> None:
    """WordPress believes whatever user meta says that it has sent; imports and profile plugins write user meta."""
    form = profile_form(mallory, "/wp-admin/profile.php")
    mallory.post("/wp-admin/profile.php", data={**form, "email": "new@example.com"})
    [key] = [match[1] for mail in mails() if (match := re.search(r"newuseremail=([0-9a-f]{32})", mail["message"]))]
    for guess in ("0" * 32, key):
        site.php(
            "update_user_meta( get_user_by( 'login', 'mallory' )->ID, '_new_email',"
            " array( 'hash' => $data['key'], 'newemail' => $data['email'] ) );",
            key=guess,
            email=f"{guess[0]}.victim@example.com",
        )
        follow(mallory, guess, "newuseremail")
        account = site.php("echo get_user_by( 'login', 'mallory' )->user_email;")
        assert account == f"{guess[0]}.victim@example.com", "WordPress does believe it."
        assert box_user(mallory, sidecar, widget) is None


def test_reset_password_proves_nothing(site: WordPress, sidecar: ScriptedSidecar, widget: str) -> None:
    """Whoever looks after accounts can make such links and hand them on."""
    site.php(
        "$id = wp_insert_user( array( 'user_login' => 'visitor', 'user_pass' => 'x',"
        " 'user_email' => 'victim@example.com' ) ); reset_password( get_userdata( $id ), 'visitor-demo' );"
    )
    try:
        assert box_user(site.login("visitor", "visitor-demo"), sidecar, widget) is None
    finally:
        remove(site, "visitor")


def test_meta_of_others_proves_nothing(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    """Imports and profile plugins write user meta as it comes."""
    mallory.rest("POST", "wp/v2/users/me", json={"email": "victim@example.com"})
    copy = (
        "global $wpdb; $from = get_user_by( 'login', 'ana' )->ID; $to = get_user_by( 'login', 'mallory' )->ID;"
        " $mark = get_user_meta( $from, '_widgets_for_box_address', true );"
        " update_user_meta( $to, '_widgets_for_box_address', array( 'email' => $data['email'] ) + $mark );"
        " $wpdb->update( $wpdb->users, array( 'user_email' => $data['email'] ), array( 'ID' => $to ) );"
        " clean_user_cache( $to );"
    )
    site.php(copy, email="ana@example.com")
    assert box_user(mallory, sidecar, widget) is None, "Another's row."
    site.php(copy, email="victim@example.com")
    assert box_user(mallory, sidecar, widget) is None
    site.php(
        "$id = get_user_by( 'login', 'mallory' )->ID;"
        " foreach ( array( '_widgets_for_box_account', 'widgets_for_box_account' ) as $key ) {"
        " update_user_meta( $id, $key, array( 'login' => 'boss@example.com' ) ); }"
        " update_user_meta( $id, '_widgets_for_box_account', array( 'user' => array( 'id' => '1' ), 'seal' => '' ) );"
    )
    assert box_user(mallory, sidecar, widget) is None


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


def edit_address(site: WordPress) -> str:
    return f"/wp-admin/user-edit.php?user_id={user_id(site, 'mallory')}"


def test_administrator_types_an_address(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    admin = site.login("admin")
    form = profile_form(admin, edit_address(site)) | {"role": "subscriber"}
    admin.post(edit_address(site), data={**form, "email": "moved@example.com"}).raise_for_status()
    assert box_user(mallory, sidecar, widget) == {"login": "moved@example.com"}
    page = admin.get(edit_address(site)).text
    assert "moved@example.com was confirmed by" in page
    # The same by a program that has the administrator's session proves nothing, and takes the former proof away.
    changed = admin.rest("POST", f"wp/v2/users/{user_id(site, 'mallory')}", json={"email": "victim@example.com"})
    assert changed.status_code == 200
    assert box_user(mallory, sidecar, widget) is None
    mallory.rest("POST", "wp/v2/users/me", json={"email": "moved@example.com"})
    assert box_user(mallory, sidecar, widget) is None


def test_administrator_who_saves_another_s_form_confirms_nothing(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    """She shows the administrator a victim's address, and has her own again when the form is saved."""
    admin = site.login("admin")
    mallory.rest("POST", "wp/v2/users/me", json={"email": "victim@example.com"})
    form = profile_form(admin, edit_address(site)) | {"role": "subscriber"}
    assert form["email"] == "victim@example.com"
    for now in ("victim@example.com", "mallory@example.com"):
        mallory.rest("POST", "wp/v2/users/me", json={"email": now})
        admin.post(edit_address(site), data={**form, "first_name": "Mallory"}).raise_for_status()
        assert box_user(mallory, sidecar, widget) is None, now


def test_tick_confirms_the_address_that_it_stands_beside(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    admin = site.login("admin")
    mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
    form = profile_form(admin, edit_address(site)) | {"role": "subscriber"}
    page = admin.get(edit_address(site)).text
    assert 'name="widgets_for_box_confirm" value="new@example.com"' in page
    tick = {"widgets_for_box_confirm": "new@example.com"}
    # The form was of another time: it had the tick for one address, and saves another.
    admin.post(edit_address(site), data={**form, **tick, "email": "victim@example.com"} | {"widgets_for_box_shown": ""})
    mallory.rest("POST", "wp/v2/users/me", json={"email": "boss@example.com"})
    # Refused for another reason: nothing of it holds.
    refused = admin.post(edit_address(site), data={**form, **tick, "nickname": "", "widgets_for_box_account": "7"})
    assert "enter a nickname" in refused.text
    assert box_user(mallory, sidecar, widget) is None
    admin.post(edit_address(site), data={**form, **tick, "widgets_for_box_nonce": "0"})
    assert box_user(mallory, sidecar, widget) is None, "Without the nonce of the section nothing counts."
    admin.post(edit_address(site), data={**form, **tick})
    assert box_user(mallory, sidecar, widget) == {"login": "new@example.com"}


def test_many_addresses_are_confirmed_as_they_were_shown(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
    admin = site.login("admin")
    address = "/wp-admin/users.php?page=widgets-for-box-addresses"
    form = profile_form(admin, address)
    box = f"people[{user_id(site, 'mallory')}]"
    assert f'name="{box}" value="new@example.com"' in admin.get(address).text
    sent = {**form, box: "new@example.com", "people[999999]": "nobody@example.com"}

    target = "/wp-admin/admin-post.php"
    for name in ("ana", "edith"):
        assert site.login(name).get(address).status_code == 403
        assert site.login(name).post(target, data=sent).status_code == 403
    assert admin.post(target, data={**sent, "_wpnonce": "0"}).status_code == 403
    assert box_user(mallory, sidecar, widget) is None

    mallory.rest("POST", "wp/v2/users/me", json={"email": "victim@example.com"})
    page = admin.post(target, data=sent).text
    assert "0 addresses are confirmed" in page
    assert "2 addresses have changed since this list was shown" in page
    assert box_user(mallory, sidecar, widget) is None
    mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
    assert "1 address is confirmed" in admin.post(target, data=sent).text
    assert box_user(mallory, sidecar, widget) == {"login": "new@example.com"}
    assert box not in admin.get(address).text


def test_directory_answers_for_all_addresses_if_an_administrator_says_so(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str
) -> None:
    admin = site.login("admin")
    address = "/wp-admin/options-general.php?page=widgets-for-box"
    assert "then chooses whose files it shows" in admin.get(address).text
    form = profile_form(admin, address) | {
        "widgets_for_box[account]": "email",
        "widgets_for_box[roles][subscriber][]": "use",
    }
    write = (
        "wp_update_user( array( 'ID' => get_user_by( 'login', 'mallory' )->ID, 'user_email' => 'ldap@example.com' ) );"
    )
    try:
        admin.post("/wp-admin/options.php", data={**form, "widgets_for_box[directory]": "1"})
        site.php(write)
        assert box_user(mallory, sidecar, widget) == {"login": "ldap@example.com"}
        admin.post("/wp-admin/options.php", data=form)
        assert box_user(mallory, sidecar, widget) is None
    finally:
        site.php("delete_option( 'widgets_for_box' );")


def test_export_of_what_others_have_written(site: WordPress, mallory: Session) -> None:
    for junk in ({"until": "soon"}, {"user": "boss", "until": 1}, {"user": {"login": "a@example.com"}, "until": "x"}):
        done = site.php(
            "$id = get_user_by( 'login', 'mallory' )->ID;"
            " update_user_meta( $id, '_widgets_for_box_issued', $data['junk'] );"
            " echo wp_json_encode( WidgetsForBox\\Privacy::export( 'mallory@example.com' )['data'] );",
            junk=junk,
        )
        assert "mallory@example.com was confirmed by" in done
        assert "may live until" not in done


@pytest.mark.parametrize("rule", ["email", "app_user"])
def test_erased_person_becomes_nobody(
    site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str, mails: Mails, rule: str
) -> None:
    site.php("update_option( 'widgets_for_box', array( 'account' => $data['rule'] ) );", rule=rule)
    admin = site.login("admin")
    form = profile_form(admin, edit_address(site)) | {"role": "subscriber"}
    try:
        admin.post(edit_address(site), data={**form, "widgets_for_box_account": "4711"})
        assert box_user(mallory, sidecar, widget) == {"id": "4711"}
        site.php("WidgetsForBox\\Privacy::erase( 'mallory@example.com' );")
        assert box_user(mallory, sidecar, widget) is None
        mallory.rest("POST", "wp/v2/users/me", json={"email": "new@example.com"})
        assert link_keys(mails) == [], "Only an administrator can decide."
        site.php(PLUGIN + "deactivate_plugins( $plugin ); activate_plugin( $plugin );")
        assert box_user(mallory, sidecar, widget) is None
        form = profile_form(admin, edit_address(site)) | {"role": "subscriber"}
        admin.post(edit_address(site), data={**form, "widgets_for_box_confirm": "new@example.com"})
        assert box_user(mallory, sidecar, widget) is not None
    finally:
        site.php("delete_option( 'widgets_for_box' );")


def test_nonsense_is_not_assigned(site: WordPress, sidecar: ScriptedSidecar, mallory: Session, widget: str) -> None:
    admin = site.login("admin")
    address = f"/wp-admin/user-edit.php?user_id={user_id(site, 'mallory')}"
    form = profile_form(admin, address)
    answer = admin.post(address, data={**form, "role": "subscriber", "widgets_for_box_account": "the boss"})
    assert "must be an e-mail address or an id" in answer.text
    mallory.rest("POST", ROUTE, json={"widget": widget})
    assert asked_as(sidecar) == {"login": "mallory@example.com"}


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
        user = request.body["user"]
        assert user["name"], "who is not there yet is made by this name"
        made.add(user["external_app_user_id"])
        return token(request)

    site.php("update_option( 'widgets_for_box', array( 'account' => 'app_user' ) );")
    sidecar.requests.clear()  # Another kind of account ends everybody's tokens, those of former tests as well.
    sidecar.answer = answer
    try:
        received = mallory.rest("POST", ROUTE, json={"widget": widget})
        again = mallory.rest("POST", ROUTE, json={"widget": widget})
        sidecar.answer = lambda request: problem(404, "user_not_found")
        refused = mallory.rest("POST", ROUTE, json={"widget": widget})
    finally:
        site.php("delete_option( 'widgets_for_box' );")
    assert (received.status_code, again.status_code) == (200, 200)
    assert len(made) == 1
    assert [request.path for request in sidecar.requests] == ["/v1/tokens"] * 3, (
        "the sidecar makes whom it does not find"
    )
    assert (refused.status_code, refused.json()["code"]) == (404, "user_not_found")
