"""Files dropped onto an explorer go into the folder that it shows; dropped anywhere else, nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from browser.conftest import Visit, Write
from browser.page import explorer, open_folder, row, uploader
from intranet.browser import Tab
from intranet.stack import Stack

COPY = 1
"""What the person's system would allow, in CDP's numbers."""


def drag(tab: Tab, place: Locator | tuple[float, float], *files: Path, drop: bool = True) -> None:
    """Drag files of the person's machine over the middle of a place, as the browser does it, and let go."""
    if isinstance(place, Locator):
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 200)
    else:
        x, y = place
    devtools = tab.context.new_cdp_session(tab.page)
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": COPY}
    for kind in ("dragEnter", "dragOver", "dragOver", *(["drop"] if drop else [])):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})


def paths(stack: Stack, login: str) -> set[str]:
    return {item["path"] for item in stack.emulator.items(login)}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "Quittung – 領収書.txt", tmp_path / "rechnung.txt"]
    for file in made:
        file.write_text(file.name)
    return made


def test_files_go_into_the_folder_that_is_shown(visit: Visit, stack: Stack, files: list[Path]) -> None:
    tab = visit("ana")
    open_folder(tab, "Projetos")
    expect(explorer(tab).get_by_role("button", name="Projetos")).to_be_visible()
    zone = explorer(tab).locator(".widgets-for-box-drop")
    drag(tab, explorer(tab), files[0], drop=False)
    expect(zone).to_have_text("Drop into Projetos")
    tab.screenshot("over_the_list")
    drag(tab, explorer(tab), *files)
    expect(zone).to_have_count(0)
    dialog = tab.page.get_by_role("dialog", name="Upload")
    expect(dialog.get_by_text("Success")).to_be_visible()
    tab.screenshot("dropped")
    dialog.get_by_role("button", name="Close").click()
    for file in files:
        expect(row(tab, file.name)).to_be_visible()
        assert f"/Projetos/{file.name}" in paths(stack, "ana@example.com")
    # What stands in memory of the first drop is not uploaded again.
    third = files[0].with_name("dritte.txt")
    third.write_text("3")
    drag(tab, explorer(tab), third)
    expect(dialog.get_by_text("Success")).to_be_visible()
    expect(dialog.get_by_text(files[0].name)).to_have_count(0)


def test_a_stray_drop_opens_nothing(visit: Visit, files: list[Path]) -> None:
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    address = tab.page.url
    heading = tab.page.get_by_role("heading").first
    drag(tab, heading, *files)
    tab.page.wait_for_timeout(500)
    assert tab.page.url == address
    assert [page.url for page in tab.context.pages] == [address]
    expect(tab.page.locator(".widgets-for-box-drop")).to_have_count(0)


def test_other_drop_zones_of_the_page_work_as_before(visit: Visit, files: list[Path]) -> None:
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    tab.page.evaluate(
        """() => {
            const input = Object.assign(document.createElement('input'), {type: 'file', id: 'theirs'});
            const zone = Object.assign(document.createElement('div'), {id: 'zone', textContent: 'Drop here'});
            zone.addEventListener('dragover', (event) => event.preventDefault());
            zone.addEventListener('drop', (event) => {
                event.preventDefault();
                zone.textContent = event.dataTransfer.files[0].name;
            });
            document.querySelector('main, body').prepend(input, zone);
        }"""
    )
    drag(tab, tab.page.locator("#theirs"), files[1])
    assert tab.page.locator("#theirs").evaluate("input => input.files[0]?.name") == files[1].name
    drag(tab, tab.page.locator("#zone"), files[1])
    expect(tab.page.locator("#zone")).to_have_text(files[1].name)
    drag(tab, uploader(tab), files[1])
    expect(uploader(tab).get_by_text(files[1].name)).to_be_visible()


def test_a_folder_is_not_taken_and_it_is_said(visit: Visit, stack: Stack, files: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "Belege"
    folder.mkdir()
    (folder / "innen.txt").write_text("1")
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    before = paths(stack, "ana@example.com")
    drag(tab, explorer(tab), folder)
    expect(explorer(tab).get_by_role("alert")).to_contain_text("Folders")
    tab.screenshot("folder_dropped")
    assert paths(stack, "ana@example.com") == before
    drag(tab, explorer(tab), folder, files[1])
    expect(tab.page.get_by_role("dialog", name="Upload").get_by_text("Success")).to_be_visible()
    assert paths(stack, "ana@example.com") - before == {f"/{files[1].name}"}


def test_nothing_can_be_dropped_where_nothing_may_be_uploaded(
    visit: Visit, stack: Stack, write: Write, files: list[Path]
) -> None:
    tab = visit("ana", write('[box_explorer can="download,upload"][box_explorer can="download"]'))
    writable, readable = tab.page.locator(".widgets-for-box-explorer").all()
    expect(readable.get_by_role("row").filter(has_text="Projetos")).to_be_visible()
    expect(writable.get_by_role("row").filter(has_text="Projetos")).to_be_visible()
    before = paths(stack, "ana@example.com")
    drag(tab, readable, *files)
    tab.page.wait_for_timeout(500)
    expect(tab.page.locator(".widgets-for-box-drop")).to_have_count(0)
    assert paths(stack, "ana@example.com") == before
    assert tab.page.url.startswith(stack.wordpress.url)
