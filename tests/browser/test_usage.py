"""What a day costs at Box, and that browsers count it to the call."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from browser.conftest import Visit, Write
from browser.page import complaints, dialog, explorer, menu_of, open_add_menu, open_folder, row
from intranet.browser import Tab
from intranet.stack import Stack

KEPT = "Object( JSON.parse( localStorage.widgetsForBoxCalls ?? '{}' ) )"
"""What the browser has counted and not told yet."""


def of_browsers(stack: Stack, since: int) -> list[dict[str, Any]]:
    """What Box's interface was asked by browsers, from its own log."""
    interface = re.compile(r"^/(api/)?2\.0/")
    log = stack.emulator.log(since)
    return [entry for entry in log if interface.match(entry["path"]) and "Mozilla" in (entry["user_agent"] or "")]


def last(stack: Stack) -> int:
    return max((int(entry["n"]) for entry in stack.emulator.log()), default=0)


def kind(entry: dict[str, Any]) -> str:
    """By what the log says; Box's words for it, not the plugin's."""
    method, path, query = entry["method"], entry["path"], entry["query"]
    if method == "GET" and (query.get("fields") == "download_url" or path.endswith("/content")):
        return "download"
    if path.startswith("/api/2.0/") or (method == "OPTIONS" and path.endswith("/content")):
        return "upload"
    if path == "/2.0/search":
        return "search"
    if method == "GET":
        return "list" if "limit" in query else "read"
    return "change"


def told(tab: Tab) -> Counter[str]:
    """What the page has told the site of its calls."""
    counts: Counter[str] = Counter()
    for request in tab.requests:
        if request.url.endswith("/v1/token") and request.method == "POST":
            counts.update(json.loads(request.post_data or "{}")["report"]["calls"])
    return counts


def test_a_day_is_counted_to_the_call(visit: Visit, stack: Stack, write: Write, tmp_path: Path) -> None:
    stack.emulator.settings(downscoped_search=True)
    page = write('[box_explorer can="preview,download,upload,rename,share,delete"]')
    since = last(stack)
    tab = visit("ana", page)
    expect(row(tab, "Projetos")).to_be_visible()

    open_folder(tab, "Projetos")
    expect(row(tab, "Aurora")).to_be_visible()
    explorer(tab).get_by_role("button", name="All Files").click()
    expect(row(tab, "Bem-vinda.txt")).to_be_visible()

    search = explorer(tab).get_by_role("searchbox").or_(explorer(tab).locator("input[type=search]")).first
    search.fill("Relatório")
    expect(row(tab, "Relatório anual.pdf")).to_be_visible()
    expect(row(tab, "Projetos")).to_have_count(0)
    explorer(tab).get_by_role("button", name="Clear").or_(explorer(tab).locator(".be-search-clear")).first.click()
    expect(row(tab, "Projetos")).to_be_visible()

    # What shows previews comes from Box's other hosts, which are not here; the Element asks all the same.
    row(tab, "Bem-vinda.txt").get_by_text("Bem-vinda.txt").click()
    tab.page.wait_for_function("() => document.querySelector( '.bcpr, .ReactModal__Content' )")
    tab.page.keyboard.press("Escape")
    expect(dialog(tab)).to_have_count(0)

    with tab.page.expect_request(lambda request: "/d/1/" in request.url):
        menu_of(tab, "Bem-vinda.txt", "Download")

    file = tmp_path / "Ata.txt"
    file.write_text("minutes")
    open_add_menu(tab, "Upload")
    window = tab.page.get_by_role("dialog", name="Upload")
    window.locator("input[type=file]").first.set_input_files(file)
    window.get_by_role("button", name="Upload", exact=True).click()
    expect(window.get_by_text("Success")).to_be_visible()
    window.get_by_role("button", name="Close").click()
    expect(row(tab, "Ata.txt")).to_be_visible()

    menu_of(tab, "Ata.txt", "Rename")
    dialog(tab).get_by_role("textbox").fill("Ata de maio")
    dialog(tab).get_by_role("button", name="Rename").click()
    expect(row(tab, "Ata de maio.txt")).to_be_visible()
    menu_of(tab, "Ata de maio.txt", "Share")
    expect(dialog(tab).get_by_role("button", name="Copy")).to_be_visible()
    dialog(tab).get_by_role("button", name="Close").last.click()
    menu_of(tab, "Ata de maio.txt", "Delete")
    dialog(tab).get_by_role("button", name="Delete").click()
    expect(row(tab, "Ata de maio.txt")).to_have_count(0)

    # The next page tells what this one has not; and whether the folder in its address is inside, it asks Box first.
    open_folder(tab, "Projetos")
    expect(row(tab, "Aurora")).to_be_visible()
    assert "#box=" in tab.page.url
    tab.page.reload()
    expect(row(tab, "Aurora")).to_be_visible()
    tab.page.wait_for_load_state("networkidle")

    counted = told(tab)
    counted.update(tab.page.evaluate(KEPT))
    seen = Counter(kind(entry) for entry in of_browsers(stack, since))
    assert counted == seen
    assert set(seen) == {"list", "read", "search", "download", "upload", "change"}
    assert sum(seen.values()) >= 14
    page_id = int(parse_qs(urlsplit(page).query)["page_id"][0])
    reports = [
        json.loads(request.post_data or "{}")["report"] for request in tab.requests if "/v1/token" in request.url
    ]
    assert len(reports) == 2
    assert {report["page"] for report in reports} == {page_id}
    assert reports[0]["calls"] == {}
    assert sum(reports[1]["calls"].values()) == sum(seen.values()) - 2


def test_what_a_view_costs(visit: Visit, stack: Stack, write: Write) -> None:
    """The sidecar asks Box for a first token; after that an explorer costs one call a view, and one that waits none."""
    page = write("[box_explorer]")
    tab = visit("ana", page)
    expect(row(tab, "Projetos")).to_be_visible()
    tab.page.wait_for_load_state("networkidle")
    for view in ("again", "in another window"):
        since = last(stack)
        warm = tab if view == "again" else visit("ana", page)
        if view == "again":
            warm.page.reload()
        expect(row(warm, "Projetos")).to_be_visible()
        warm.page.wait_for_load_state("networkidle")
        cost = [(entry["method"], entry["path"]) for entry in stack.emulator.log(since)]
        assert cost == [("GET", "/2.0/folders/0")], view

    since = last(stack)
    waits = visit("ana", write('[box_explorer load="click"]'))
    button = waits.page.get_by_role("button", name="Show my Box files")
    expect(button).to_be_visible()
    waits.page.wait_for_load_state("networkidle")
    assert stack.emulator.log(since) == []
    button.press("Enter")
    expect(row(waits, "Projetos")).to_be_visible()
    assert [entry["path"] for entry in of_browsers(stack, since)] == ["/2.0/folders/0"]
    assert complaints(tab) == complaints(waits) == []
