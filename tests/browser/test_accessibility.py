"""What the plugin itself puts on a page can be used with a keyboard and a screen reader. The Elements are Box's."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit
from browser.page import explorer, row, violations
from intranet.stack import Stack


def test_widgets(visit: Visit) -> None:
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    assert violations(tab, ".widgets-for-box") == []


@pytest.mark.parametrize("who", ["nora", None])
def test_failures(visit: Visit, who: str | None) -> None:
    tab = visit(who)
    expect(explorer(tab).get_by_role("alert")).to_be_visible()
    assert violations(tab, ".widgets-for-box") == []


def test_retry_with_the_keyboard(visit: Visit, stack: Stack) -> None:
    stack.sidecar.stop()
    tab = visit("ana")
    retry = explorer(tab).get_by_role("button", name="Try again")
    expect(retry).to_be_visible()
    for _ in range(60):
        tab.page.keyboard.press("Tab")
        if retry.evaluate("button => button === document.activeElement"):
            break
    expect(retry).to_be_focused()
    stack.sidecar.start()
    tab.page.keyboard.press("Enter")
    expect(row(tab, "Projetos")).to_be_visible()
    # The button is gone: the focus stays where the person was, not at the top of the page.
    assert explorer(tab).evaluate("box => box.contains(document.activeElement)")


@pytest.mark.parametrize("stack", ["6.1", "6.8", "newest"], indirect=True)
def test_settings_page(visit: Visit, stack: Stack) -> None:
    tab = visit("admin", "/wp-admin/options-general.php?page=widgets-for-box")
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    tab.page.wait_for_load_state("networkidle")
    assert violations(tab, "#wpbody-content .wrap", without=".notice.is-dismissible") == []
    assert tab.errors == []
