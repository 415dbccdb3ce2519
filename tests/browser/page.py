"""The parts of the intranet's page, as a person would name them."""

from __future__ import annotations

from playwright.sync_api import Locator

from intranet.browser import Tab

FONT = "cdn01.boxcdn.net/fonts/"
"""Box UI Elements ask Box's CDN for their font, whoever hosts them; there is no network in tests."""


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


def complaints(tab: Tab) -> list[str]:
    """What the browser complained about."""
    return [error for error in tab.errors if FONT not in error]
