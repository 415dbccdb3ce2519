"""Opening a file that may not be previewed offers what is allowed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit, Write
from browser.page import complaints, explorer, row, violations
from intranet.browser import DESKTOP, PHONE, Tab

FILE = "Bem-vinda.txt"


def open_file(tab: Tab) -> None:
    name = row(tab, FILE).get_by_text(FILE)
    expect(name).to_be_visible()
    if tab.page.evaluate("navigator.maxTouchPoints > 0"):
        name.tap()
    else:
        name.click()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_details_and_download_in_place_of_a_preview(visit: Visit, write: Write, size: tuple[int, int]) -> None:
    tab = visit("ana", write('[box_explorer can="download"]'), viewport=size)
    for _ in range(2):  # Once more: the Element says nothing when the same file is selected again.
        open_file(tab)
        dialog = tab.page.get_by_role("dialog", name=FILE)
        expect(dialog).to_contain_text("can’t be previewed here")
        expect(dialog).to_contain_text("39 bytes")
        expect(dialog).to_contain_text(re.compile(r"[A-Z][a-z]+ \d+, 20\d\d, Ana Souza"))
        tab.screenshot(f"details-{size[0]}")
        assert violations(tab, "dialog") == []
        tab.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    open_file(tab)
    with tab.page.expect_request(lambda request: "/download" in request.url or "boxcloud" in request.url):
        dialog.get_by_role("button", name="Download").click()
    expect(dialog).to_have_count(0)


def test_by_keyboard_with_focus_back_on_the_file(visit: Visit, write: Write) -> None:
    tab = visit("ana", write('[box_explorer can="download"]'))
    expect(row(tab, FILE)).to_be_visible()
    row(tab, FILE).focus()
    tab.page.keyboard.press("Enter")
    dialog = tab.page.get_by_role("dialog", name=FILE)
    expect(dialog.get_by_role("button", name="Download")).to_be_focused()
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(row(tab, FILE)).to_be_focused()


def test_nothing_is_offered_that_is_not_allowed(visit: Visit, write: Write) -> None:
    tab = visit("ana", write('[box_explorer can="upload"]'))
    open_file(tab)
    dialog = tab.page.get_by_role("dialog", name=FILE)
    expect(dialog).to_contain_text("neither be previewed nor downloaded")
    expect(dialog.get_by_role("button")).to_have_count(1)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_file_with_a_preview_is_opened_by_click_and_by_touch(
    visit: Visit, write: Write, size: tuple[int, int]
) -> None:
    tab = visit("ana", write('[box_explorer can="preview,download"]'), viewport=size)
    open_file(tab)
    expect(tab.page.get_by_role("dialog")).to_be_visible()
    expect(tab.page.locator(".bcpr, .bcpr-container").first).to_be_visible()
    tab.screenshot(f"preview-{size[0]}")
    expect(tab.page.locator("dialog.widgets-for-box-dialog")).to_have_count(0)
    expect(explorer(tab)).to_have_attribute("data-state", "shown")
    assert [error for error in complaints(tab) if "boxcdn" not in error] == []
