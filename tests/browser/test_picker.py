"""What people choose in a picker: a list under it, and fields of the form around it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Route, expect

from browser.conftest import Visit, Write
from browser.page import complaints, violations
from intranet.browser import DESKTOP, PHONE, Tab
from intranet.stack import Stack

FORM = """
<form action="/help/"><label>Name <input name="who" value="Ana"></label>
[box_picker name="papers" type="file,folder" height="420"]
<p><button>Send</button> <button type="reset">Clear</button></p></form>
"""


@pytest.fixture
def form(write: Write) -> str:
    """The address of a page with a form in which files are chosen."""
    return write(FORM)


def chosen(tab: Tab) -> Locator:
    """The list under the picker."""
    return tab.page.get_by_role("group", name="Chosen from Box")


def fields(tab: Tab) -> list[str]:
    """What the form would send in the picker's name."""
    found: list[str] = tab.page.evaluate(
        "[...new FormData(document.querySelector('form[action=\"/help/\"]')).getAll('papers[]')]"
    )
    return found


def pick(tab: Tab, *names: str) -> None:
    """Select, or unselect, items in the picker, and choose."""
    picker = tab.page.locator(".widgets-for-box-picker")
    for name in names:
        box = picker.get_by_role("row").filter(has_text=name).get_by_role("checkbox")
        was_chosen = box.is_checked()
        box.click(force=True)
        expect(box).to_be_checked(checked=not was_chosen)
    picker.get_by_role("button", name="Choose").click()


@pytest.mark.parametrize("stack", ["6.1", "6.8", "newest"], indirect=True)
def test_chosen_files_are_listed_and_sent(visit: Visit, stack: Stack, form: str) -> None:
    tab = visit("ana", form)
    ids = {item["path"]: item["id"] for item in stack.emulator.items("ana@example.com")}
    file, folder = f"file/{ids['/Bem-vinda.txt']}", f"folder/{ids['/Projetos']}"
    expect(tab.page.locator(".widgets-for-box-picker").get_by_text("Bem-vinda.txt").first).to_be_visible()
    expect(chosen(tab)).to_have_count(0)

    pick(tab, "Bem-vinda.txt", "Projetos")
    rows = chosen(tab).get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="Bem-vinda.txt")).to_contain_text("TXT")
    expect(rows.filter(has_text="Projetos")).to_contain_text("Folder")
    expect(chosen(tab).get_by_role("status")).to_have_text("Chosen: 2")
    assert sorted(fields(tab)) == sorted([file, folder])
    # Not the full page: a window that grows and shrinks at once leaves the Element's list empty now and then.
    tab.screenshot(f"chosen-{stack.wordpress.version}")
    assert violations(tab, ".widgets-for-box-chosen") == []

    # With the keyboard; the focus goes on to the next item, and at the end stays with the list.
    chosen(tab).get_by_role("button", name="Remove Projetos").focus()
    tab.page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    expect(chosen(tab).get_by_role("status")).to_have_text("Projetos was removed.")
    expect(chosen(tab).get_by_role("button", name="Remove Bem-vinda.txt")).to_be_focused()
    assert fields(tab) == [file]
    tab.page.keyboard.press("Space")
    expect(chosen(tab)).to_be_focused()
    assert fields(tab) == []

    pick(tab)
    assert sorted(fields(tab)) == sorted([file, folder]), "Choosing the same once more brings it back."
    pick(tab, "Projetos")
    assert fields(tab) == [file], "What is unselected in the picker goes."
    tab.page.get_by_role("button", name="Clear").click()
    assert fields(tab) == []
    pick(tab)
    tab.page.get_by_role("button", name="Send").click()
    tab.page.wait_for_url("**/help/?**")
    assert tab.page.evaluate("new URLSearchParams(location.search).getAll('papers[]')") == [file]
    assert complaints(tab) == []


def test_what_was_chosen_outlives_a_new_start_of_the_picker(visit: Visit, stack: Stack, form: str) -> None:
    tab = visit("ana", form)
    picker = tab.page.locator(".widgets-for-box-picker")
    expect(picker.get_by_text("Bem-vinda.txt").first).to_be_visible()
    pick(tab, "Bem-vinda.txt")
    before = fields(tab)
    assert len(before) == 1
    tab.page.evaluate("document.querySelector('.widgets-for-box-picker').dataset.state = 'loading'")
    picker.get_by_role("row").filter(has_text="Bem-vinda.txt").get_by_role("checkbox").click(force=True)
    pick(tab, "Projetos")
    assert len(fields(tab)) == 2
    assert fields(tab)[0] == before[0]


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (280, 653)], ids=["desktop", "phone", "narrow"])
def test_list_fits_into_its_column(visit: Visit, form: str, size: tuple[int, int]) -> None:
    tab = visit("ana", form, viewport=size)
    expect(tab.page.locator(".widgets-for-box-picker").get_by_text("Bem-vinda.txt").first).to_be_visible()
    tab.page.evaluate(
        """() => document.querySelector( '.widgets-for-box-picker' ).dispatchEvent(
            new CustomEvent( 'widgets-for-box:choose', { bubbles: true, detail: [
                { type: 'file', id: '1', name: 'Relatório_' + 'trimestral_'.repeat( 12 ) + '.pdf' },
                { type: 'web_link', id: '2', name: '<b>規程</b>' } ] } ) )"""
    )
    rows = chosen(tab).get_by_role("listitem")
    expect(rows.first).to_contain_text("PDF")
    expect(rows.last).to_contain_text("<b>規程</b>")
    expect(rows.last).to_contain_text("Bookmark")
    for name in chosen(tab).locator(".widgets-for-box-chosen-name").all():
        assert name.evaluate("node => node.clientWidth") >= min(150, size[0] // 2)
    for button in chosen(tab).get_by_role("button").all():
        box = button.bounding_box()
        assert box
        assert box["x"] + box["width"] <= size[0]
        assert box["height"] >= 24
    rows.last.scroll_into_view_if_needed()
    tab.screenshot(f"list-{size[0]}")


def test_only_pages_with_a_picker_load_its_script(visit: Visit) -> None:
    for path, expected in (("/", False), ("/pick-files/", True)):
        tab = visit("ana", path)
        assert bool(tab.page.locator("script[src*='assets/picker.js']").count()) is expected


def test_the_list_has_its_texts_whatever_wordpress_wraps_around_them(visit: Visit, form: str) -> None:
    """WordPress 6.4 prints data as it prints scripts for themes of before HTML5: in a comment, for XHTML."""
    tab = visit("ana", "/help/")

    def wrap(route: Route) -> None:
        answer = route.fetch()
        tag = r'(<script type="application/json" id="widgets-for-box-configuration">)(.*?)(</script>)'
        body, count = re.subn(tag, r"\1\n/* <![CDATA[ */\2/* ]]> */\n\3", answer.text(), flags=re.DOTALL)
        assert count == 1
        route.fulfill(response=answer, body=body)

    tab.page.route(f"**{form}", wrap)
    tab.page.goto(form)
    pick(tab, "Bem-vinda.txt")
    expect(chosen(tab).get_by_role("listitem")).to_have_count(1)
