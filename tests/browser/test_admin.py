"""What administrators and editors see looks as WordPress does around it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit, session
from browser.page import explorer
from intranet.browser import DESKTOP, PHONE
from intranet.stack import Stack

SETTINGS = "/wp-admin/options-general.php?page=widgets-for-box"

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
