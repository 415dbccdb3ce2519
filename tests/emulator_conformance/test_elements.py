"""The real Box UI Elements in Chromium: what their buttons do arrives, and what a scope forbids they cannot do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from conftest import SCREENSHOTS
from emulator_conformance.protocol import App
from intranet.browser import Browser, Tab
from intranet.emulator_process import EmulatorProcess
from intranet.stack import ELEMENTS, fetch_elements

THROTTLE_MS = 600
"""The explorer ignores a click on Create that comes within half a second after the dialog was asked for."""

EVERYTHING = "base_explorer item_preview item_download item_upload item_rename item_share item_delete"
SITE = "https://intranet.example"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Element</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/{element}.css"><script src="/{element}.js"></script>
<style>html, body, #element {{ height: 100%; margin: 0; }}</style></head>
<body><div id="element"></div></body></html>
"""
PARTS = "/api/2.0/files/upload_sessions/"
FONT = "cdn01.boxcdn.net/fonts/"
SHOW = """([name, folder, token, options]) => {
    window.events = [];
    window.element = new Box[name]();
    for (const event of ['choose', 'complete', 'create', 'delete', 'error', 'rename', 'upload']) {
        element.addListener(event, (data) => events.push([event, data]));
    }
    element.show(folder, token, { container: '#element', logoUrl: 'box', ...options });
}"""

expect.set_options(timeout=20_000)

Show = Callable[..., Page]


@pytest.fixture(scope="module")
def build() -> Path:
    """The folder with the Elements' scripts and styles."""
    fetch_elements()
    (folder,) = ELEMENTS.glob("*/en-US")
    return folder


@pytest.fixture
def show(
    request: pytest.FixtureRequest, build: Path, browser: Browser, emulator: EmulatorProcess, app: App
) -> Iterator[Show]:
    """`show("explorer", scopes)` opens a window with that Element, on Ana's root unless told otherwise.

    What the browser complained about fails the test, unless it said beforehand what has to be expected.
    """
    emulator.settings(cors_origins=[SITE])
    name = request.node.name.removeprefix("test_")
    tabs: list[Tab] = []
    with ExitStack() as windows:

        def open_window(
            element: str,
            scopes: str,
            *,
            login: str = "ana@example.com",
            folder: str = "0",
            expected: str = "",
            **options: Any,
        ) -> Page:
            tab = windows.enter_context(browser.tab(None, SITE, screenshots=SCREENSHOTS / "elements"))
            tab.context.route(f"{SITE}/**", lambda route: serve(route, build))
            tabs.append(tab)
            resource = None if folder == "0" else f"folders/{folder}"
            token = app.downscoped(emulator.user(login)["id"], scopes, resource)
            tab.page.goto(f"/{element}")
            hosts = {"apiHost": emulator.url, "uploadHost": emulator.url}
            tab.page.evaluate(SHOW, [f"Content{element.title()}", folder, token, hosts | options])
            tab.errors = _Complaints(expected)
            return tab.page

        yield open_window
        for tab in tabs:
            tab.screenshot(re.sub(r"\W+", "-", name))
            assert tab.errors == []


def serve(route: Route, build: Path) -> None:
    """The site itself: a page for each Element, and the Elements' files.

    It has to be HTTPS, without which the uploader never sends a file in parts.
    """
    name = route.request.url.removeprefix(f"{SITE}/")
    if name.isalpha():
        route.fulfill(body=PAGE.format(element=name), content_type="text/html; charset=utf-8")
    else:
        route.fulfill(path=build / name)


class _Complaints(list[str]):
    """The browser's complaints but for the font that the Elements fetch from Box, and for what the test expects."""

    def __init__(self, expected: str) -> None:
        super().__init__()
        self._expected = re.compile(f"{re.escape(FONT)}|{expected}" if expected else re.escape(FONT))

    def append(self, complaint: str) -> None:
        if not self._expected.search(complaint):
            super().append(complaint)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def choose(page: Page, name: str, action: str) -> None:
    """An action of the menu of one of the explorer's rows."""
    row(page, name).hover()
    row(page, name).get_by_role("button").last.click()
    page.get_by_role("menuitem", name=action, exact=True).click()


def actions(page: Page, name: str) -> set[str]:
    """What the menu of a row offers; a row without a menu offers nothing."""
    row(page, name).hover()
    menu = row(page, name).get_by_role("button")
    if menu.count() == 0:
        return set()
    menu.last.click()
    expect(page.get_by_role("menuitem").first).to_be_visible()
    offered = set(page.get_by_role("menuitem").all_inner_texts())
    page.keyboard.press("Escape")
    return offered


def paths(emulator: EmulatorProcess) -> set[str]:
    return {item["path"] for item in emulator.items("ana@example.com")}


def test_explorer_renames(show: Show, emulator: EmulatorProcess) -> None:
    page = show("explorer", EVERYTHING)
    choose(page, "Bem-vinda.txt", "Rename")
    page.get_by_role("dialog").get_by_role("textbox").fill("Boas-vindas 👋")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(row(page, "Boas-vindas 👋.txt")).to_be_visible()
    assert "/Boas-vindas 👋.txt" in paths(emulator)


def test_explorer_says_that_a_name_is_taken(show: Show, emulator: EmulatorProcess) -> None:
    page = show("explorer", EVERYTHING, expected="409")
    choose(page, "Recibos", "Rename")
    page.get_by_role("dialog").get_by_role("textbox").fill("Projetos")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("dialog")).to_contain_text("already exists")
    assert "/Recibos" in paths(emulator)


def test_explorer_deletes(show: Show, emulator: EmulatorProcess) -> None:
    page = show("explorer", EVERYTHING)
    choose(page, "Recibos", "Delete")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(row(page, "Recibos")).to_have_count(0)
    assert "/Recibos" not in paths(emulator)
    assert [item["name"] for item in emulator.items("ana@example.com", trashed=True)] == ["Recibos"]


def test_explorer_shares(show: Show, emulator: EmulatorProcess) -> None:
    page = show("explorer", EVERYTHING)
    choose(page, "Bem-vinda.txt", "Share")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox")).to_have_value(re.compile("/s/"))
    assert emulator.item("ana@example.com", "/Bem-vinda.txt")["shared_link"] == "open"
    with page.expect_response(lambda response: response.request.method == "PUT"):
        dialog.get_by_role("combobox").select_option("company")
    assert emulator.item("ana@example.com", "/Bem-vinda.txt")["shared_link"] == "company"
    with page.expect_response(lambda response: response.request.method == "PUT"):
        dialog.get_by_role("combobox").select_option("none")
    assert emulator.item("ana@example.com", "/Bem-vinda.txt")["shared_link"] is None


def test_explorer_creates_a_folder(show: Show, emulator: EmulatorProcess) -> None:
    page = show("explorer", EVERYTHING)
    row(page, "Projetos").get_by_text("Projetos").click()
    expect(row(page, "Aurora")).to_be_visible()
    page.get_by_role("button", name="Add").click()
    page.get_by_role("menuitem", name="New Folder").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("Austral")
    page.wait_for_timeout(THROTTLE_MS)
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(row(page, "Austral")).to_be_visible()
    assert "/Projetos/Austral" in paths(emulator)


def test_explorer_uploads(show: Show, emulator: EmulatorProcess, tmp_path: Path) -> None:
    file = tmp_path / "Carta.txt"
    file.write_text("Querida Ana")
    page = show("explorer", EVERYTHING)
    expect(row(page, "Projetos")).to_be_visible()
    page.get_by_role("button", name="Add").click()
    page.get_by_role("menuitem", name="Upload").click()
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("button", name="Close", exact=True).click()
    expect(row(page, "Carta.txt")).to_be_visible()
    uploaded = emulator.item("ana@example.com", "/Carta.txt")
    assert emulator.content(uploaded["id"]) == b"Querida Ana"


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [(EVERYTHING, True), (f"{EVERYTHING} root_readonly", False)],
    ids=["allowed", "root_readonly"],
)
def test_explorer_searches_below_the_folder_shown(
    show: Show, emulator: EmulatorProcess, scopes: str, allowed: bool
) -> None:
    """Where the explorer's own scopes may search, and where it takes the scope that people report."""
    emulator.settings(downscoped_search=allowed)
    page = show("explorer", scopes)
    expect(row(page, "Projetos")).to_be_visible()
    look_for(page, "reunião 7")
    expect(row(page, "Reunião 7.md")).to_be_visible()
    expect(row(page, "Projetos")).to_have_count(0)
    (search,) = [entry for entry in emulator.log() if entry["path"] == "/2.0/search"]
    assert search["query"]["ancestor_folder_ids"] == "0"


def test_explorer_says_that_it_may_not_search(show: Show) -> None:
    """box-ui-elements #326: 403, and an error where the results would be."""
    page = show("explorer", EVERYTHING, expected=r"403|^i \(")
    expect(row(page, "Projetos")).to_be_visible()
    look_for(page, "reunião 7")
    expect(page.get_by_text("A network error has occurred while trying to load.").first).to_be_visible()


def look_for(page: Page, text: str) -> None:
    page.get_by_role("searchbox").or_(page.get_by_placeholder("Search files and folders")).first.fill(text)


def test_explorer_sorts(show: Show) -> None:
    page = show("explorer", EVERYTHING)
    names = page.get_by_role("rowheader")
    expect(names.first).to_have_text("Fotos da equipe")
    page.get_by_role("columnheader", name="Name").click()
    expect(names.first).to_have_text("Recibos")
    page.get_by_role("columnheader", name="Size").click()
    expect(names.first).to_have_text(re.compile("Fotos da equipe|Recibos"))


def test_explorer_shows_pictures_in_its_grid(show: Show, emulator: EmulatorProcess) -> None:
    page = show("explorer", EVERYTHING, folder=emulator.item("ana@example.com", "/Fotos da equipe")["id"])
    expect(row(page, "Praia.png")).to_be_visible()
    with page.expect_response(lambda response: "/representations/" in response.url) as answer:
        page.get_by_role("button", name="Switch to Grid View").click()
    assert answer.value.status == 200
    assert answer.value.headers["content-type"] in ("image/png", "image/jpeg")
    expect(page.get_by_text("Pôr do sol.png")).to_be_visible()


def test_explorer_pages_through_a_long_folder(show: Show, emulator: EmulatorProcess) -> None:
    folder = emulator.item("kenji@example.com", "/議事録")["id"]
    page = show("explorer", EVERYTHING, login="kenji@example.com", folder=folder)
    expect(row(page, "議事録 0001.txt")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    expect(row(page, "議事録 0051.txt")).to_be_visible()
    expect(row(page, "議事録 0001.txt")).to_have_count(0)


def test_explorer_downloads(show: Show, emulator: EmulatorProcess) -> None:
    page = show("explorer", EVERYTHING)
    with page.expect_download() as download:
        choose(page, "Bem-vinda.txt", "Download")
    assert download.value.suggested_filename == "Bem-vinda.txt"
    assert Path(download.value.path()).read_text() == "Olá, Ana! Este é o seu próprio Box.\n"


def test_with_all_scopes_all_buttons_are_there(show: Show) -> None:
    page = show("explorer", EVERYTHING)
    assert actions(page, "Bem-vinda.txt") == {"Delete", "Download", "Preview", "Rename", "Share"}
    expect(page.get_by_role("button", name="Add")).to_be_visible()


@pytest.mark.parametrize(
    ("scope", "action", "call"),
    [
        ("item_delete", "Delete", ("DELETE", "files/{id}", None)),
        ("item_download", "Download", ("GET", "files/{id}/content", None)),
        ("item_rename", "Rename", ("PUT", "files/{id}", {"name": "x.txt"})),
        ("item_share", "Share", ("PUT", "files/{id}", {"shared_link": {}})),
        ("item_preview", "Preview", ("GET", "files/{id}/thumbnail.png", None)),
    ],
)
def test_without_its_scope_a_button_is_gone_and_its_call_refused(
    show: Show, app: App, emulator: EmulatorProcess, scope: str, action: str, call: tuple[str, str, Any]
) -> None:
    without = " ".join(set(EVERYTHING.split()) - {scope, *(["item_download"] if scope == "item_preview" else [])})
    assert action not in actions(show("explorer", without), "Bem-vinda.txt")
    token = app.downscoped(emulator.user("ana@example.com")["id"], without)
    method, path, body = call
    file = emulator.item("ana@example.com", "/Bem-vinda.txt")["id"]
    assert app.api(token, method, path.format(id=file), json=body).status_code == 403


def test_without_its_scope_nothing_can_be_added(show: Show) -> None:
    page = show("explorer", EVERYTHING.replace("item_upload ", ""))
    expect(row(page, "Projetos")).to_be_visible()
    expect(page.get_by_role("button", name="Add")).to_have_count(0)


def test_picker_chooses(show: Show, emulator: EmulatorProcess) -> None:
    page = show("picker", "base_picker", canSetShareAccess=False)
    row(page, "Bem-vinda.txt").click()
    page.get_by_role("button", name="Choose").click()
    ((event, items),) = page.evaluate("events")
    assert (event, [item["name"] for item in items]) == ("choose", ["Bem-vinda.txt"])
    assert emulator.item("ana@example.com", "/Bem-vinda.txt")["shared_link"] is None


def test_picker_shares_what_is_chosen_if_its_scope_allows(show: Show, emulator: EmulatorProcess) -> None:
    page = show("picker", "base_picker item_share")
    with page.expect_response(lambda response: response.request.method == "PUT"):
        row(page, "Bem-vinda.txt").click()
    expect(page.get_by_role("button", name="Choose")).to_be_enabled()
    assert emulator.item("ana@example.com", "/Bem-vinda.txt")["shared_link"] == "open"


def send(page: Page, *files: Path) -> None:
    """Give files to the uploader and start it."""
    page.locator("input[type=file]").first.set_input_files(files)
    page.get_by_role("button", name="Upload", exact=True).click()


def test_uploader(show: Show, emulator: EmulatorProcess, tmp_path: Path) -> None:
    folder = emulator.item("ana@example.com", "/Projetos/Boreal")["id"]
    files = [tmp_path / name for name in ("um.txt", "dois.txt", "três.txt")]
    for file in files:
        file.write_text(file.name)
    page = show("uploader", "base_upload", folder=folder)
    send(page, *files)
    expect(page.get_by_text("Success")).to_be_visible()
    assert {f"/Projetos/Boreal/{file.name}" for file in files} <= paths(emulator)


def test_uploader_makes_a_new_version_of_what_is_there(show: Show, emulator: EmulatorProcess, tmp_path: Path) -> None:
    file = tmp_path / "Bem-vinda.txt"
    file.write_text("Olá de novo")
    page = show("uploader", "base_upload", expected="409")
    send(page, file)
    expect(page.get_by_text("Success")).to_be_visible()
    item = emulator.item("ana@example.com", "/Bem-vinda.txt")
    assert (item["versions"], emulator.content(item["id"])) == (2, b"Ol\xc3\xa1 de novo")


def test_uploader_says_that_a_name_is_taken(show: Show, emulator: EmulatorProcess, tmp_path: Path) -> None:
    file = tmp_path / "Bem-vinda.txt"
    file.write_text("Olá de novo")
    page = show("uploader", "base_upload", expected="409", overwrite="error")
    send(page, file)
    expect(page.get_by_text("already exists")).to_be_visible()
    assert emulator.item("ana@example.com", "/Bem-vinda.txt")["versions"] == 1


def test_uploader_fails_and_tries_again(show: Show, emulator: EmulatorProcess, tmp_path: Path) -> None:
    file = tmp_path / "teimoso.txt"
    file.write_text("again")
    page = show("uploader", "base_upload", expected=r"403|^i \(")
    refusal = {"type": "error", "status": 403, "code": "storage_limit_exceeded"}
    emulator.fault("status", method="POST", path="/api/2.0/files/content", status=403, body=refusal)
    send(page, file)
    page.get_by_role("button", name=re.compile("retry|try again", re.IGNORECASE)).click()
    expect(page.get_by_text("Success")).to_be_visible()
    assert "/teimoso.txt" in paths(emulator)


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Just above the 100 MB from which the uploader sends a file in parts."""
    file = tmp_path_factory.mktemp("big") / "grande.bin"
    file.write_bytes(hashlib.sha512(b"seed").digest() * (105 * 1024 * 1024 // 64))
    return file


def test_uploader_sends_a_big_file_in_parts_and_lost_parts_again(
    show: Show, emulator: EmulatorProcess, big_file: Path
) -> None:
    page = show("uploader", "base_upload", expected="ERR_EMPTY_RESPONSE|ERR_CONNECTION|ERR_INTERNET_DISCONNECTED")
    emulator.settings(route_latency=[{"method": "PUT", "path": PARTS, "ms": 300}])
    emulator.fault("cut", method="PUT", path=PARTS, skip=2)
    with page.expect_response(lambda response: response.request.method == "PUT"):
        send(page, big_file)
    page.context.set_offline(True)
    page.wait_for_timeout(1000)
    page.context.set_offline(False)
    expect(page.get_by_text("Success")).to_be_visible(timeout=90_000)
    item = emulator.item("ana@example.com", "/grande.bin")
    assert item["sha1"] == hashlib.sha1(big_file.read_bytes()).hexdigest()
    parts = [entry for entry in emulator.log() if entry["method"] == "PUT"]
    assert len(parts) > 14
    assert [entry["fault"] for entry in parts].count("cut") == 1


def test_uploader_gives_up_a_big_file_in_the_middle(show: Show, emulator: EmulatorProcess, big_file: Path) -> None:
    page = show("uploader", "base_upload")
    emulator.settings(route_latency=[{"method": "PUT", "path": PARTS, "ms": 20_000}])
    with page.expect_request(lambda request: request.method == "PUT"):
        send(page, big_file)
    with page.expect_response(lambda response: response.request.method == "DELETE") as abort:
        page.get_by_role("button", name="Cancel this upload").click()
    assert abort.value.status == 204
    assert "/grande.bin" not in paths(emulator)


def test_an_origin_that_is_not_listed(show: Show, emulator: EmulatorProcess) -> None:
    page = show("explorer", EVERYTHING, expected=r"CORS|ERR_FAILED|^i \(")
    expect(row(page, "Projetos")).to_be_visible()
    emulator.settings(cors_origins=["https://www.intranet.example"])
    row(page, "Projetos").get_by_text("Projetos").click()
    expect(page.get_by_text("A network error has occurred")).to_be_visible()
    assert emulator.log()[-1]["status"] == 403
