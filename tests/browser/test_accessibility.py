"""Widgets can be used with a keyboard and a screen reader: what the plugin makes of a page, and of Box's Elements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FileChooser, expect

from browser.conftest import Visit
from browser.page import dialog, explorer, menu_of, open_add_menu, row, serious, uploader, violations
from intranet.browser import DESKTOP, PHONE, Tab
from intranet.stack import Stack

FOCUSED = "document.activeElement.closest('[role=row]')?.textContent || document.activeElement.ariaLabel"
"""What has the focus, as a person would name it; in a list the row."""


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


@pytest.fixture
def everything(stack: Stack) -> Iterator[str]:
    """The address of a page whose explorer and picker may do everything."""
    made = stack.wordpress.php(
        "echo wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'All',"
        ' \'post_content\' => \'[box_explorer can="preview,download,upload,rename,share,delete" height="520"]'
        '[box_picker type="file,folder" can="share,upload" height="420"]\' ) );'
    ).strip()
    yield f"/?page_id={made}"
    stack.wordpress.php(f"wp_delete_post( {made}, true );")


def open_dialog(tab: Tab, name: str) -> None:
    """Open that dialog of the explorer."""
    if name in ("New Folder", "Upload"):
        open_add_menu(tab, name)
    else:
        menu_of(tab, "Bem-vinda.txt", name)
    expect(dialog(tab)).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_serious_inside_the_explorer(visit: Visit, everything: str, size: tuple[int, int]) -> None:
    tab = visit("ana", everything, viewport=size)
    expect(row(tab, "Projetos")).to_be_visible()
    expect(explorer(tab).get_by_role("img", name="Box")).to_be_visible()
    assert serious(tab, ".widgets-for-box-explorer") == []
    for name in ("New Folder", "Upload", "Rename", "Share", "Delete"):
        open_dialog(tab, name)
        if name == "Share":
            expect(dialog(tab).get_by_role("textbox", name="Shared link")).to_be_visible()
            expect(dialog(tab).get_by_role("combobox", name="Who can open the link")).to_be_visible()
        assert serious(tab, ".widgets-for-box-explorer") == [], name
        dialog(tab).get_by_role("button", name="Close" if name in ("Upload", "Share") else "Cancel").first.click()
        expect(dialog(tab)).to_have_count(0)


def test_nothing_serious_inside_uploader_and_picker(visit: Visit, everything: str, tmp_path: Path) -> None:
    file = tmp_path / "acessível.txt"
    file.write_text("sim")
    tab = visit("ana")
    expect(uploader(tab).get_by_text("Browse your device")).to_be_visible()
    assert serious(tab, ".widgets-for-box-uploader") == []
    uploader(tab).locator("input[type=file]").first.set_input_files(file)
    expect(uploader(tab).get_by_text(file.name)).to_be_visible()
    assert serious(tab, ".widgets-for-box-uploader") == []
    uploader(tab).get_by_role("button", name="Upload", exact=True).click()
    expect(uploader(tab).get_by_text("Success")).to_be_visible()
    assert serious(tab, ".widgets-for-box-uploader") == []

    tab = visit("ana", everything)
    picker = tab.page.locator(".widgets-for-box-picker")
    picker.scroll_into_view_if_needed()
    expect(picker.get_by_text("Bem-vinda.txt").first).to_be_visible()
    assert serious(tab, ".widgets-for-box-picker") == []
    item = picker.get_by_role("row").filter(has_text="Bem-vinda.txt")
    item.scroll_into_view_if_needed()
    tab.page.wait_for_timeout(500)  # a list that has just been scrolled takes no clicks
    item.get_by_role("checkbox").click(force=True)
    agree, access = tab.page.get_by_role("button", name="Make the link"), picker.get_by_role("combobox")
    expect(agree.or_(access).first).to_be_visible()
    if agree.count():  # Not where an earlier test has left a link.
        agree.click()
    expect(picker.get_by_role("combobox", name="Who can open the link")).to_be_visible()
    assert serious(tab, ".widgets-for-box-picker") == []


@pytest.mark.parametrize("name", ["New Folder", "Upload", "Rename", "Share", "Delete"])
def test_dialogs_take_the_focus_and_give_it_back(visit: Visit, everything: str, name: str) -> None:
    tab = visit("ana", everything)
    expect(row(tab, "Projetos")).to_be_visible()
    open_dialog(tab, name)
    tab.page.wait_for_function("document.activeElement.closest('.ReactModal__Content')")
    for _ in range(8):
        tab.page.keyboard.press("Tab")
        assert tab.page.evaluate("Boolean(document.activeElement.closest('.ReactModal__Content'))")
    tab.page.keyboard.press("Escape")
    expect(dialog(tab)).to_have_count(0)
    before = "Add" if name in ("New Folder", "Upload") else "Bem-vinda.txt"
    tab.page.wait_for_function(f"before => ( {FOCUSED} )?.includes( before )", arg=before)


def test_what_is_renamed_or_deleted_leaves_the_focus_in_the_list(visit: Visit, everything: str) -> None:
    tab = visit("ana", everything)
    expect(row(tab, "Projetos")).to_be_visible()
    open_add_menu(tab, "New Folder")
    tab.page.wait_for_function("document.activeElement.matches('.ReactModal__Content input')")
    tab.page.keyboard.press("Control+A")
    tab.page.keyboard.type("Provisória")
    dialog(tab).get_by_role("button", name="Create").click()
    expect(dialog(tab)).to_have_count(0)
    expect(row(tab, "Provisória").or_(explorer(tab).get_by_role("button", name="Provisória")).first).to_be_visible()
    if not row(tab, "Provisória").count():
        explorer(tab).get_by_role("button", name="All Files").first.click()
    menu_of(tab, "Provisória", "Rename")
    tab.page.wait_for_function("document.activeElement.matches('.ReactModal__Content input')")
    tab.page.keyboard.press("Control+A")
    tab.page.keyboard.type("Definitiva")
    tab.page.keyboard.press("Enter")
    expect(row(tab, "Definitiva")).to_be_visible()
    tab.page.wait_for_function("document.activeElement.closest('[role=grid]')")
    menu_of(tab, "Definitiva", "Delete")
    dialog(tab).get_by_role("button", name="Delete").click()
    expect(row(tab, "Definitiva")).to_have_count(0)
    tab.page.wait_for_function("document.activeElement.closest('[role=grid]')")


def test_an_opened_folder_is_announced(visit: Visit) -> None:
    tab = visit("ana")
    said = tab.page.locator("body > .widgets-for-box-announcement")
    expect(said).to_have_text("Your Box files are loaded.")
    expect(row(tab, "Projetos")).to_be_visible()
    row(tab, "Projetos").get_by_text("Projetos").click()
    expect(said).to_have_text("The folder Projetos is open.")
    explorer(tab).get_by_role("button", name="All Files").click()
    expect(said).to_have_text("The folder All Files is open.")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_file_chooser_opens_with_the_keyboard(visit: Visit, key: str) -> None:
    tab = visit("ana")
    browse = uploader(tab).get_by_role("button", name="Browse your device")
    expect(browse).to_be_visible()
    expect(row(tab, "Projetos")).to_be_visible()
    tab.page.wait_for_load_state("networkidle")
    opened: list[FileChooser] = []
    tab.page.on("filechooser", lambda chooser: opened.append(chooser))  # noqa: PLW0108 - Playwright marks its handlers
    # Listened for before the key is pressed: Playwright takes a moment to hear of it.
    browse.focus()
    expect(browse).to_be_focused()
    tab.page.keyboard.press(key)
    tab.page.wait_for_timeout(2000)
    assert opened


def test_contrast_of_the_person_and_little_motion(visit: Visit) -> None:
    tab = visit("ana", "/help/")
    tab.page.emulate_media(forced_colors="active", reduced_motion="reduce")
    tab.page.goto("/")
    expect(row(tab, "Projetos")).to_be_visible()
    tab.screenshot("forced-colours")
    assert explorer(tab).evaluate("node => getComputedStyle( node ).animationName") == "none"
    assert explorer(tab).evaluate("node => getComputedStyle( node ).borderTopStyle") == "solid"
