"""The parts of the intranet's page, as a person would name them."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, expect

from intranet.browser import Tab
from intranet.release import REPOSITORY

FONT = "cdn01.boxcdn.net/fonts/"
"""Box UI Elements ask Box's CDN for their font, whoever hosts them; there is no network in tests."""

AXE = REPOSITORY / "tests/node_modules/axe-core/axe.min.js"


def explorer(tab: Tab) -> Locator:
    """The explorer's container."""
    return tab.page.locator(".widgets-for-box-explorer")


def uploader(tab: Tab) -> Locator:
    """The uploader's container."""
    return tab.page.locator(".widgets-for-box-uploader")


def row(tab: Tab, name: str) -> Locator:
    """The explorer's row of that file or folder."""
    return explorer(tab).get_by_role("row").filter(has_text=name)


def open_folder(tab: Tab, name: str) -> None:
    """Click on a folder in the explorer."""
    row(tab, name).get_by_text(name).click()


def dialog(tab: Tab) -> Locator:
    """The Elements' dialog that is open."""
    return tab.page.locator(".widgets-for-box .ReactModal__Content")


def open_add_menu(tab: Tab, item: str) -> None:
    """Click on "+" in the explorer, and on what is wanted."""
    explorer(tab).get_by_role("button", name="Add", exact=True).click()
    tab.page.get_by_role("menuitem", name=item).click()


def menu_of(tab: Tab, name: str, item: str) -> None:
    """Open the menu of the explorer's row of that file or folder, and click on what is wanted."""
    found = row(tab, name)
    found.scroll_into_view_if_needed()
    found.hover()
    found.get_by_role("button", name="More options").click()
    tab.page.get_by_role("menuitem", name=item).click()
    if item == "Share":
        # Before the first link of a visit, people are asked.
        agree = tab.page.get_by_role("button", name="Make the link")
        expect(agree.or_(dialog(tab)).first).to_be_visible()
        if agree.count():
            agree.click()


def complaints(tab: Tab) -> list[str]:
    """What the browser complained about."""
    return [error for error in tab.errors if FONT not in error]


def violations(
    tab: Tab, part: str, without: str = ".widgets-for-box-element", impacts: tuple[str | None, ...] = ()
) -> list[str]:
    """What axe-core finds wrong in a part of the page, a line each; of some impacts alone, where `impacts` has any."""
    tab.page.add_script_tag(path=AXE)
    found: dict[str, Any] = tab.page.evaluate(
        "([part, without]) => axe.run({include: [[part]], exclude: without ? [[without]] : []})", [part, without]
    )
    assert found["passes"], "axe saw nothing to look at"
    return [
        f"{violation['id']}: {violation['help']}: {node['html']}"
        for violation in found["violations"]
        if not impacts or violation["impact"] in impacts
        for node in violation["nodes"]
    ]


def serious(tab: Tab, part: str = ".widgets-for-box") -> list[str]:
    """What axe-core finds wrong in a widget, in what Box draws, too, that keeps people from using it."""
    return violations(tab, part, without="", impacts=("serious", "critical"))
