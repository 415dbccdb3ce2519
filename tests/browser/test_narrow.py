"""Widgets fit: phones and columns from 280 pixels on, and pages at 200 % and 400 %; nothing is clipped or covered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, expect

from browser.conftest import Visit
from browser.page import dialog, explorer, menu_of, open_add_menu, row
from intranet.browser import DESKTOP, PHONE, Tab
from intranet.stack import Stack

ALL = "preview,download,upload,rename,share,delete"
SIZES = {"280": (280, 653), "320": (320, 653), "phone": PHONE, "column": DESKTOP, "200": (640, 450), "400": (320, 256)}
"""The last two: what a window of 1280 by 900 or 1024 shows at 200 % and 400 %."""
COLUMN = 300

CLIPPED = """( scope ) => {
    const root = document.querySelector( scope ), frame = root.getBoundingClientRect();
    const left = Math.max( 0, frame.left ), right = Math.min( innerWidth, frame.right );
    const found = [];
    for ( const node of root.querySelectorAll( 'button, input:not([type=file]), select, a, label, [role=menuitem]' ) ) {
        const box = node.getBoundingClientRect();
        const isShown = box.width && node.checkVisibility( { visibilityProperty: true } );
        if ( ! isShown || node.closest( '.accessibility-hidden' ) )
            continue;
        if ( box.left < left - 1 || box.right > right + 1 )
            found.push( ( node.ariaLabel || node.textContent || node.className ) + ': ' + box.left + '-' + box.right );
    }
    return found;
}"""
"""What people use that is outside of the widget's or the window's width."""


@pytest.fixture
def widget(stack: Stack) -> Iterator[Callable[..., str]]:
    """Makes pages with one widget; in a column where `width` says so."""
    made: list[str] = []

    def make(shortcode: str, width: int | None = None) -> str:
        style = f' style="width:{width}px"' if width else ""
        made.append(
            stack.wordpress.php(
                "kses_remove_filters(); echo wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish',"
                " 'post_title' => 'Narrow', 'post_content' => wp_slash( $data['content'] ) ) );",
                content=f"<div{style}>{shortcode}</div>",
            ).strip()
        )
        return f"/?page_id={made[-1]}"

    yield make
    for number in made:
        stack.wordpress.php(f"wp_delete_post( {number}, true );")


def look(tab: Tab, name: str, scope: str = ".widgets-for-box") -> None:
    """Keep a picture; nothing that people use may be clipped at a side."""
    tab.page.wait_for_timeout(300)
    tab.screenshot(name)
    assert tab.page.evaluate(CLIPPED, scope) == []
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def is_in_reach(control: Locator) -> bool:
    """Whether whoever points at it hits it."""
    control.scroll_into_view_if_needed()
    hit: bool = control.evaluate(
        """node => { const { left, top, width, height } = node.getBoundingClientRect();
        const hit = document.elementFromPoint( left + width / 2, top + height / 2 );
        return node.contains( hit ) || Boolean( hit?.contains( node ) && hit.matches( 'label, button' ) ); }"""
    )
    return hit


def look_at_dialog(tab: Tab, name: str) -> None:
    """The open dialog: whole, over the rows, and its buttons hit; then Escape closes it."""
    opened = dialog(tab)
    expect(opened).to_be_visible()
    look(tab, name, ".ReactModal__Content")
    outer, box = explorer(tab).bounding_box(), opened.bounding_box()
    assert outer
    assert box
    assert box["x"] >= outer["x"]
    assert box["x"] + box["width"] <= outer["x"] + outer["width"] + 1
    assert box["y"] >= outer["y"] - 1
    assert box["y"] + box["height"] <= outer["y"] + outer["height"] + 1
    for control in opened.locator("button, select, input[type=text]").all():
        assert is_in_reach(control), control.evaluate("node => node.outerHTML")
    tab.page.keyboard.press("Escape")
    expect(opened).to_have_count(0)


@pytest.mark.parametrize(
    ("size", "height"),
    [("280", 520), ("280", 300), ("320", 520), ("phone", 520), ("column", 520), ("200", 520), ("400", 300)],
)
def test_explorer(visit: Visit, widget: Callable[..., str], size: str, height: int) -> None:
    path = widget(f'[box_explorer can="{ALL}" height="{height}"]', COLUMN if size == "column" else None)
    tab = visit("ana", path, viewport=SIZES[size])
    expect(row(tab, "Projetos")).to_be_visible()
    explorer(tab).evaluate("node => node.scrollIntoView()")
    name = f"explorer-{size}-{height}"
    look(tab, name)
    for control in ("Switch to Grid View", "Sort", "Add"):
        button = explorer(tab).get_by_role("button", name=control, exact=True)
        # Its menu is the page's to cover; only its own widget must not.
        assert is_in_reach(button), control
    open_add_menu(tab, "New Folder")
    look_at_dialog(tab, f"{name}-create")
    for item in ("Rename", "Share", "Delete"):
        menu_of(tab, "Bem-vinda.txt", item)
        look_at_dialog(tab, f"{name}-{item.lower()}")
    open_add_menu(tab, "Upload")
    expect(dialog(tab).get_by_role("button", name="Upload", exact=True)).to_be_visible()
    look(tab, f"{name}-upload")
    assert is_in_reach(dialog(tab).get_by_role("button", name="Close"))
    dialog(tab).get_by_role("button", name="Close").click()
    row(tab, "Projetos").get_by_text("Projetos").click()
    expect(explorer(tab).get_by_role("button", name="Projetos")).to_be_visible()
    look(tab, f"{name}-folder")
    # The path can be read: its last folder is not cut.
    assert explorer(tab).get_by_role("button", name="Projetos").evaluate("node => node.scrollWidth <= node.clientWidth")


@pytest.mark.parametrize("size", ["280", "phone"])
def test_many_files_and_a_long_path(visit: Visit, stack: Stack, widget: Callable[..., str], size: str) -> None:
    granted = stack.sidecar.request(
        "POST",
        "/v1/tokens",
        json={"user": {"login": "ana@example.com"}, "element": "explorer", "scopes": ["item_upload"], "folder": "0"},
    ).json()
    box = httpx.Client(base_url=stack.emulator.url, headers={"Authorization": f"Bearer {granted['access_token']}"})

    def make(name: str, parent: str) -> str:
        answer = box.post("/2.0/folders", json={"name": name, "parent": {"id": parent}})
        number: str = answer.raise_for_status().json()["id"]
        return number

    outer = make(f"Uma pasta com um nome bastante comprido ({size})", "0")
    for number in range(51):
        make(f"Pasta {number}", outer)
    tab = visit("ana", widget(f'[box_explorer folder="{outer}" height="420"]'), viewport=SIZES[size])
    following = explorer(tab).get_by_role("button", name="Next")
    expect(following).to_be_visible()
    explorer(tab).evaluate("node => node.scrollIntoView()")
    look(tab, f"many-{size}")
    assert is_in_reach(following)
    count = explorer(tab).locator(".bdl-Pagination-count, .bce-Footer").first
    assert count.evaluate("node => node.scrollHeight <= node.clientHeight + 1"), "The count is cut."
    following.click()
    expect(row(tab, "Pasta 9").first).to_be_visible()


@pytest.mark.parametrize("size", ["280", "320", "phone"])
def test_uploader(visit: Visit, widget: Callable[..., str], tmp_path: Path, size: str) -> None:
    file = tmp_path / "relatorio-trimestral-de-vendas-2026.pdf"
    file.write_text("sales")
    tab = visit("ana", widget('[box_uploader height="420"]'), viewport=SIZES[size])
    box = tab.page.locator(".widgets-for-box-uploader")
    send = box.get_by_role("button", name="Upload", exact=True)
    expect(send).to_be_visible()
    box.evaluate("node => node.scrollIntoView()")
    look(tab, f"uploader-{size}")
    box.locator("input[type=file]").first.set_input_files(file)
    label = box.locator(".bcu-item-label")
    expect(label).to_be_visible()
    look(tab, f"uploader-{size}-chosen")
    assert label.evaluate("node => node.clientWidth") >= 60, "A name of one letter is none."
    assert is_in_reach(send)
    send.click()
    expect(box.get_by_text("is now in").or_(box.get_by_text("has a new version"))).to_be_visible()
    look(tab, f"uploader-{size}-done")
    assert is_in_reach(box.get_by_text("Select More Files"))
    footer, outer = box.locator(".bcu-footer").bounding_box(), box.bounding_box()
    assert footer
    assert outer
    assert footer["y"] + footer["height"] <= outer["y"] + outer["height"] + 1


@pytest.mark.parametrize("size", ["280", "320", "phone"])
def test_picker(visit: Visit, widget: Callable[..., str], size: str) -> None:
    tab = visit("ana", widget('[box_picker type="file,folder" height="420"]'), viewport=SIZES[size])
    box = tab.page.locator(".widgets-for-box-picker")
    choose = box.get_by_role("button", name="Choose")
    expect(choose).to_be_visible()
    box.evaluate("node => node.scrollIntoView()")
    look(tab, f"picker-{size}")
    selected = box.get_by_role("button", name=re.compile("Selected"))
    assert selected.evaluate("({ firstElementChild: text }) => text.scrollWidth <= text.clientWidth")
    assert is_in_reach(box.get_by_role("button", name="Cancel"))
    assert choose.bounding_box()["width"] >= 24  # type: ignore[index]


@pytest.mark.parametrize("width", [None, COLUMN])
def test_empty_preview_is_no_wider_than_its_column(visit: Visit, widget: Callable[..., str], width: int | None) -> None:
    tab = visit("ana", widget("[box_preview]", width), viewport=DESKTOP if width else SIZES["280"])
    empty = tab.page.locator(".widgets-for-box-empty")
    assert empty.evaluate("node => node.getBoundingClientRect().width <= node.parentNode.clientWidth")
    look(tab, f"empty-{width}", ".widgets-for-box-empty")


@pytest.mark.parametrize("size", ["280", "phone"])
def test_preview_of_a_file_with_a_long_name(visit: Visit, widget: Callable[..., str], size: str) -> None:
    tab = visit("ana", widget('[box_explorer height="420"]'), viewport=SIZES[size])
    row(tab, "Relatório anual.pdf").get_by_text("Relatório").click()
    name = tab.page.locator(".bcpr-FileInfo-name")
    expect(name).to_be_visible()
    name.evaluate("node => { node.textContent = 'relatorio_' + 'trimestral_'.repeat( 12 ); }")
    look(tab, f"preview-{size}", ".bcpr-PreviewHeader")
    header, box = tab.page.locator(".bcpr-PreviewHeader").bounding_box(), name.bounding_box()
    assert header
    assert box
    assert box["y"] >= header["y"]
    assert box["y"] + box["height"] <= header["y"] + header["height"]


def test_a_rows_menu_shows_where_nothing_hovers(visit: Visit, widget: Callable[..., str]) -> None:
    tab = visit("ana", widget(f'[box_explorer can="{ALL}" height="520"]'), viewport=PHONE)
    more = row(tab, "Projetos").get_by_role("button", name="More options")
    expect(more).to_be_visible()
    assert more.evaluate("node => getComputedStyle( node.closest( '[class*=actionsWrapper]' ) ).opacity") == "1"
    more.tap()
    expect(tab.page.get_by_role("menuitem", name="Rename")).to_be_visible()
