"""The main job: employees see, and work with, their own Box folder on the intranet's page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit
from browser.page import FONT, complaints, explorer, open_folder, row, uploader
from intranet.browser import PHONE
from intranet.stack import Stack

pytestmark = pytest.mark.parametrize("stack", ["6.1", "6.8", "newest"], indirect=True)


def names(stack: Stack, login: str) -> set[str]:
    """The paths of everything that a person has in Box."""
    return {item["path"] for item in stack.emulator.items(login)}


def test_two_people_see_two_folders(visit: Visit) -> None:
    ana, kenji = visit("ana"), visit("kenji")
    expect(row(ana, "Projetos")).to_be_visible()
    expect(row(kenji, "企画書")).to_be_visible()
    expect(row(ana, "企画書")).to_have_count(0)
    expect(row(kenji, "Projetos")).to_have_count(0)
    assert complaints(ana) == complaints(kenji) == []
    assert all(FONT in url for url in ana.outside)


def test_folders_open_and_close(visit: Visit, stack: Stack) -> None:
    tab = visit("ana")
    inside = min(path.split("/")[2] for path in names(stack, "ana@example.com") if path.startswith("/Projetos/"))
    open_folder(tab, "Projetos")
    expect(row(tab, inside)).to_be_visible()
    explorer(tab).get_by_role("button", name="All Files").click()
    expect(row(tab, "Projetos")).to_be_visible()
    expect(row(tab, inside)).to_have_count(0)
    assert complaints(tab) == []


def test_uploader_puts_the_file_into_its_owners_folder(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "Férias – 休暇.txt"
    file.write_text("two weeks")
    tab = visit("ana")
    uploader(tab).locator("input[type=file]").first.set_input_files(file)
    expect(uploader(tab).get_by_text("Férias")).to_be_visible()
    uploader(tab).get_by_role("button", name="Upload", exact=True).click()
    expect(uploader(tab).get_by_text("Success")).to_be_visible()
    assert f"/{file.name}" in names(stack, "ana@example.com")
    assert f"/{file.name}" not in names(stack, "kenji@example.com")

    tab.page.reload()
    expect(row(tab, file.name)).to_be_visible()
    other = visit("kenji")
    expect(row(other, "企画書")).to_be_visible()
    expect(row(other, file.name)).to_have_count(0)


def test_explorer_uploads_into_the_open_folder(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "方針.txt"
    file.write_text("policy")
    tab = visit("kenji")
    open_folder(tab, "企画書")
    expect(explorer(tab).get_by_role("button", name="企画書")).to_be_visible()
    explorer(tab).get_by_role("button", name="Add").click()
    tab.page.get_by_role("menuitem", name="Upload").click()
    dialog = tab.page.get_by_role("dialog", name="Upload")
    dialog.locator("input[type=file]").first.set_input_files(file)
    tab.screenshot("upload_dialog")
    # Elements 26.3.0 by themselves lay the buttons beside the files instead of below them.
    assert dialog.locator(".bcu").evaluate("box => getComputedStyle(box).flexDirection") == "column"
    dialog.get_by_role("button", name="Upload", exact=True).click()
    expect(dialog.get_by_text("Success")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(row(tab, file.name)).to_be_visible()
    assert f"/企画書/{file.name}" in names(stack, "kenji@example.com")


@pytest.mark.parametrize("size", [PHONE], ids=["phone"])
def test_on_a_phone(visit: Visit, size: tuple[int, int]) -> None:
    tab = visit("kenji", viewport=size)
    expect(row(tab, "企画書")).to_be_visible()
    width = tab.page.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0], "the page scrolls sideways"
