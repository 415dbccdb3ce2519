"""What administrators and editors see looks as WordPress does around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit, session
from browser.page import complaints, explorer, violations
from intranet.browser import DESKTOP, PHONE, Tab
from intranet.stack import Stack

SETTINGS = "/wp-admin/options-general.php?page=widgets-for-box"

PEOPLE = "/wp-admin/users.php?page=widgets-for-box-coverage"

#: Some more people, of whom Box does not know the later ones, and what was looked up is forgotten.
CROWD = """
    delete_option( 'widgets_for_box_look_up' );
    delete_site_option( 'widgets_for_box_look_up_pace' );
    delete_option( 'widgets_for_box_path' );
    wp_unschedule_hook( 'widgets_for_box_look_up' );
    delete_metadata( 'user', 0, '_widgets_for_box_found', '', true );
    for ( $n = 1; $n <= $data['crowd']; $n++ ) {
        $id = wp_insert_user( array( 'user_login' => "crowd$n", 'user_email' => "crowd$n@example.com",
            'user_pass' => 'a', 'role' => 'subscriber', 'display_name' => "Crowd of people $n" ) );
        if ( $n % 2 ) {
            WidgetsForBox\\Addresses::prove( $id, "crowd$n@example.com", 'administrator' );
        }
    }
"""

CENTRES = """table => [ ...table.querySelectorAll( 'tbody tr' ) ].map( ( row ) => {
    const text = document.createRange();
    text.selectNodeContents( row.querySelector( 'th' ) );
    return [ text, ...row.querySelectorAll( 'input' ) ].map( ( node ) => {
        const { top, height } = node.getBoundingClientRect();
        return top + height / 2;
    } );
} )"""
"""For each row of the table of roles how far down the middle of its name is, and of each of its ticks."""


@pytest.mark.parametrize("stack", ["6.1", "6.8", "newest"], indirect=True)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_rows_of_the_table_of_roles(visit: Visit, stack: Stack, size: tuple[int, int]) -> None:
    tab = visit("admin", SETTINGS, viewport=size)
    table = tab.page.locator(".widgets-for-box-roles")
    table.scroll_into_view_if_needed()
    rows = table.evaluate(CENTRES)
    assert len(rows) >= 5
    for middle, *ticks in rows:
        assert all(abs(tick - middle) <= 2 for tick in ticks), rows
    tab.screenshot(f"roles-{size[0]}-{stack.wordpress.version}")
    # However far one scrolls, it can be read whose ticks they are.
    table.evaluate("node => { node.scrollLeft = 9999; }")
    head, frame = table.locator("tbody th").first.bounding_box(), table.bounding_box()
    assert head
    assert frame
    assert head["x"] == pytest.approx(frame["x"], abs=2)
    covered = table.locator("tbody th").first.evaluate(
        "node => { const { left, top, width, height } = node.getBoundingClientRect();"
        " return document.elementFromPoint( left + width - 4, top + height / 2 ) === node; }"
    )
    assert covered, "What scrolls by must not shine through."
    tab.screenshot(f"roles-scrolled-{size[0]}-{stack.wordpress.version}")


@pytest.mark.parametrize("stack", ["6.1", "6.8", "newest"], indirect=True)
def test_buttons_are_those_of_their_surroundings(visit: Visit, stack: Stack) -> None:
    made = {"element": "explorer", "attributes": {"folder": "0"}}
    view = session(stack.wordpress, "olga").rest("POST", "widgets-for-box/v1/descriptor", json=made).json()["view"]
    stack.sidecar.stop()
    try:
        # As the editor frames it.
        tab = visit("olga", view)
        retry = tab.page.get_by_role("button", name="Try again")
        expect(retry).to_have_class("button")
        border, cursor, radius = retry.evaluate(
            "node => [ 'border-top-style', 'cursor', 'border-top-left-radius' ]"
            ".map( key => getComputedStyle( node ).getPropertyValue( key ) )"
        )
        assert (border, cursor) == ("solid", "pointer")
        assert radius != "0px"
        tab.screenshot(f"native-{stack.wordpress.version}")
        site = visit("olga")
        expect(explorer(site).get_by_role("button", name="Try again")).to_have_class("wp-element-button")
    finally:
        stack.sidecar.start()


@pytest.fixture
def crowd(stack: Stack) -> Iterator[None]:
    """Some more people than usual; nobody was looked up."""
    stack.wordpress.php(CROWD, crowd=8)
    # Box forgets all tokens before a test. The first who asks finds that out.
    session(stack.wordpress, "admin").rest("GET", "widgets-for-box/v1/status")
    yield
    stack.wordpress.php(
        "delete_user_meta( get_user_by( 'login', 'admin' )->ID, 'locale' );"
        " require_once ABSPATH . 'wp-admin/includes/user.php';"
        " foreach ( range( 1, 8 ) as $n ) { wp_delete_user( get_user_by( 'login', \"crowd$n\" )->ID ); }" + CROWD,
        crowd=0,
    )


def look(tab: Tab, name: str) -> None:
    """Take pictures of a page as it is, and narrow: nothing is out of sight, and axe finds nothing."""
    assert violations(tab, "#wpbody-content", without="") == []
    tab.screenshot(name, full_page=True)
    tab.page.set_viewport_size({"width": 600, "height": 900})
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.screenshot(f"{name}-600", full_page=True)


def unfold(tab: Tab) -> None:
    """Open what is folded."""
    tab.page.evaluate(
        "document.querySelectorAll( '#wpbody-content details' ).forEach( ( one ) => { one.open = true; } )"
    )


@pytest.mark.usefixtures("crowd")
def test_the_path_and_the_people(visit: Visit, stack: Stack) -> None:
    """From the settings page to who is found, as an administrator goes."""
    tab = visit("admin", SETTINGS)
    page = tab.page
    expect(page.locator('[data-step="sidecar"]')).to_have_attribute("data-state", "done")
    expect(page.locator('[data-step="app"]')).to_have_attribute("data-state", "done")
    expect(page.locator('[data-step="app"] details')).not_to_have_attribute("open", "")
    expect(page.locator('[data-step="people"] details')).to_have_attribute("open", "")
    unfold(tab)
    page.locator('[data-step="sidecar"] [data-copy]').click()
    look(tab, "path-en")
    # Pressed again, the panel asks again, and the page stays.
    page.evaluate("window.stays = true")
    with page.expect_response(lambda answer: "/status" in answer.url):
        page.locator("[data-recheck]").last.click()
    expect(page.locator("[data-check] li.is-pass").first).to_be_visible()
    assert page.evaluate("window.stays")

    people = visit("admin", PEOPLE)
    people.page.locator(".widgets-for-box-card button.button-primary").click()
    progress = people.page.locator("[data-look-up-people]")
    # Where one batch was not enough, the next comes after the pause, and a link leads to who was found.
    if progress.count():
        progress.get_by_role("link").click(timeout=40_000)
    expect(progress).to_have_count(0)
    expect(people.page.locator(".widgets-for-box-headline")).to_be_visible()
    row = people.page.get_by_role("row").filter(has_text="ana@example.com")
    expect(row.locator("[data-state]")).to_have_attribute("data-state", "matched")
    row.locator("[data-try-id]").click()
    expect(row.locator("[data-result]")).to_have_class("widgets-for-box-answer is-yes")
    other = people.page.get_by_role("row").filter(has_text="crowd1@example.com")
    expect(other.locator("[data-state]")).to_have_attribute("data-state", "no_account")
    other.locator("[data-try-id]").click()
    expect(other.locator("[data-result]")).to_have_class("widgets-for-box-answer is-no")
    look(people, "people-en")
    assert [one for one in complaints(people) if "/v1/trial" not in one] == []
    locale = "update_user_meta( get_user_by( 'login', 'admin' )->ID, 'locale', 'de_DE' );"
    stack.wordpress.php(locale)
    people = visit("admin", PEOPLE)
    look(people, "people-de")
    tab = visit("admin", SETTINGS)
    expect(tab.page.locator("[data-check] li").first).to_be_visible()
    unfold(tab)
    look(tab, "path-de")
    mirror = stack.wordpress.content / "mu-plugins" / "mirror.php"
    mirror.write_text(
        "<?php\nadd_action( 'init', static function () { $GLOBALS['wp_locale']->text_direction = 'rtl'; } );\n"
        "add_action( 'wp_default_styles', static function ( $it ) { $it->text_direction = 'rtl'; } );\n"
    )
    try:
        tab = visit("admin", SETTINGS)
    finally:
        mirror.unlink()
    expect(tab.page.locator("[data-check] li").first).to_be_visible()
    unfold(tab)
    # The drawings' words stay in their buttons.
    outside = """() => [ ...document.querySelectorAll( '.widgets-for-box-drawing text' ) ].filter( ( text ) => {
        const [ word, picture ] = [ text, text.closest( 'svg' ) ].map( ( node ) => node.getBoundingClientRect() );
        return word.left < picture.left || word.right > picture.right;
    } ).map( ( text ) => text.textContent )"""
    assert tab.page.evaluate(outside) == []
    look(tab, "path-rtl")
