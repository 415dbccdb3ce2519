"""Each person's own subfolder: one page, and everybody finds their own “Receipts” in it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from playwright.sync_api import expect

from browser.conftest import Visit
from browser.page import complaints, explorer, open_folder, row, uploader
from intranet.browser import PHONE, Tab
from intranet.stack import Stack

ANA, KENJI = "ana@example.com", "kenji@example.com"
CONTENT = '[box_explorer path="{path}" can="{can}" height="400"][box_uploader path="{path}"]'


class Box:
    """Box as one person works in it, without the intranet."""

    def __init__(self, stack: Stack, login: str) -> None:
        emulator = stack.emulator
        app = msgspec.json.decode(emulator.ccg_config.read_bytes())["boxAppSettings"]
        grant = {"grant_type": "client_credentials", "client_id": app["clientID"], "client_secret": app["clientSecret"]}
        who = {"box_subject_type": "user", "box_subject_id": emulator.user(login)["id"]}
        token = httpx.post(f"{emulator.url}/oauth2/token", data=grant | who).json()["access_token"]
        self._client = httpx.Client(base_url=f"{emulator.url}/2.0", headers={"Authorization": f"Bearer {token}"})

    def make(self, name: str, parent: str = "0") -> str:
        return self._id(self._client.post("/folders", json={"name": name, "parent": {"id": parent}}))

    def share(self, folder: str, login: str) -> None:
        who = {"type": "user", "login": login}
        item = {"type": "folder", "id": folder}
        self._id(self._client.post("/collaborations", json={"item": item, "accessible_by": who, "role": "editor"}))

    @staticmethod
    def _id(answer: httpx.Response) -> str:
        answer.raise_for_status()
        return str(answer.json()["id"])


@pytest.fixture
def page(request: pytest.FixtureRequest, stack: Stack) -> Iterator[tuple[str, str]]:
    """A page with an explorer and an uploader of a folder of this test's own; its address, and the path."""
    name = re.sub(r"\W+", " ", request.node.name.removeprefix("test_")).strip()[:30]
    path = f"{name}/2026"
    make = (
        "echo wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Receipts',"
        " 'post_content' => wp_slash( $data['content'] ) ) );"
    )
    can = getattr(request, "param", "preview,download,upload")
    number = int(stack.wordpress.php(make, content=CONTENT.format(path=path, can=can)))
    yield f"/?page_id={number}", path
    stack.wordpress.php("wp_delete_post( $data['number'], true );", number=number)


def upload(tab: Tab, file: Path) -> None:
    uploader(tab).locator("input[type=file]").first.set_input_files(file)
    uploader(tab).get_by_role("button", name="Upload", exact=True).click()
    expect(uploader(tab).get_by_text("Success")).to_be_visible()


@pytest.mark.parametrize("size", [None, PHONE], ids=["desktop", "phone"])
def test_everybody_sees_their_own(
    visit: Visit, stack: Stack, page: tuple[str, str], tmp_path: Path, size: tuple[int, int] | None
) -> None:
    address, path = page
    top, below = path.split("/")
    for login, inside in ((ANA, "Recibos de Ana"), (KENJI, "健二の領収書")):
        box = Box(stack, login)
        box.make(inside, box.make(below, box.make(top)))
    window = {"viewport": size} if size else {}
    ana, kenji = visit("ana", address, **window), visit("kenji", address, **window)
    expect(row(ana, "Recibos de Ana")).to_be_visible()
    expect(row(kenji, "健二の領収書")).to_be_visible()
    expect(row(ana, "健二の領収書")).to_have_count(0)
    expect(row(ana, "Projetos")).to_have_count(0)

    file = tmp_path / "taxi.pdf"
    file.write_bytes(b"%PDF-1.4")
    upload(ana, file)
    expect(row(ana, "taxi.pdf")).to_be_visible()
    owned = {login: {item["path"] for item in stack.emulator.items(login)} for login in (ANA, KENJI)}
    assert f"/{path}/taxi.pdf" in owned[ANA]
    assert not [path for path in owned[KENJI] if "taxi" in path]
    ana.screenshot(f"uploaded-{'phone' if size else 'desktop'}")

    open_folder(ana, "Recibos de Ana")
    ana.page.wait_for_function("() => location.hash.startsWith( '#box=0.' )")
    ana.page.reload()
    expect(explorer(ana).get_by_text("Recibos de Ana").first).to_be_visible()
    expect(row(ana, "taxi.pdf")).to_have_count(0)
    ana.page.go_back()
    expect(row(ana, "taxi.pdf")).to_be_visible()
    assert ana.page.evaluate("location.hash") == "", "the widget's own folder needs no name in the address"
    assert complaints(ana) == complaints(kenji) == []
    if size:
        assert ana.page.evaluate("document.documentElement.scrollWidth") <= size[0], "the page scrolls sideways"


def test_folder_above_cannot_be_opened_by_the_address(visit: Visit, stack: Stack, page: tuple[str, str]) -> None:
    address, path = page
    top, below = path.split("/")
    box = Box(stack, ANA)
    above = box.make(top)
    box.make("Here", box.make(below, above))
    tab = visit("ana", f"{address}#box=0.{above}")
    expect(row(tab, "Here")).to_be_visible()
    assert tab.page.evaluate("location.hash") == ""


def test_strangers_folder_of_the_same_name_is_not_opened(visit: Visit, stack: Stack, page: tuple[str, str]) -> None:
    address, path = page
    top, below = path.split("/")
    stranger = Box(stack, "olga@example.com")
    shared = stranger.make(top)
    stranger.make("Trap", stranger.make(below, shared))
    stranger.share(shared, ANA)
    tab = visit("ana", address)
    expect(explorer(tab).get_by_role("alert")).to_contain_text(f"There is no folder “{path}” for you in Box yet.")
    expect(row(tab, "Trap")).to_have_count(0)


def test_missing_folder_is_a_sentence_until_it_is_there(visit: Visit, stack: Stack, page: tuple[str, str]) -> None:
    address, path = page
    top, below = path.split("/")
    tab = visit("kenji", address, viewport=PHONE)
    expect(explorer(tab).get_by_role("alert")).to_contain_text(f"There is no folder “{path}” for you in Box yet.")
    expect(uploader(tab).get_by_role("alert")).to_be_visible()
    tab.screenshot("missing")
    box = Box(stack, KENJI)
    box.make("Found", box.make(below, box.make(top)))
    explorer(tab).get_by_role("button", name="Try again").click()
    expect(row(tab, "Found")).to_be_visible()
    expect(uploader(tab).get_by_role("button", name="Upload", exact=True)).to_be_visible()


def test_who_comes_back_from_box_need_not_try_again(visit: Visit, stack: Stack, page: tuple[str, str]) -> None:
    address, path = page
    top, below = path.split("/")
    tab = visit("kenji", address)
    expect(explorer(tab).get_by_role("alert")).to_be_visible()
    box = Box(stack, KENJI)
    box.make("Found", box.make(below, box.make(top)))
    tab.page.evaluate("() => void window.dispatchEvent( new Event( 'focus' ) )")
    expect(row(tab, "Found")).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_have_count(0)


@pytest.fixture
def making(stack: Stack) -> Iterator[None]:
    """For as long as a test takes, missing folders are made."""

    def reload(create: bool) -> None:
        sidecar = stack.sidecar
        before = sidecar.log.read_text().count("configuration reloaded")
        sidecar.settings.setdefault("policy", {})["create_folders"] = create
        sidecar.write_config()
        assert sidecar.process
        os.kill(sidecar.process.pid, signal.SIGHUP)
        sidecar.process.wait_until(lambda: sidecar.log.read_text().count("configuration reloaded") > before)

    reload(True)
    yield
    reload(False)


@pytest.mark.parametrize("page", ["preview,download"], indirect=True)
@pytest.mark.usefixtures("making")
def test_missing_folder_is_made_where_policy_says_so(
    visit: Visit, stack: Stack, page: tuple[str, str], tmp_path: Path
) -> None:
    address, path = page
    file = tmp_path / "hotel.pdf"
    file.write_bytes(b"%PDF-1.4")
    tab = visit("ana", address)
    expect(uploader(tab).locator("input[type=file]").first).to_be_attached()
    upload(tab, file)
    expect(row(tab, "hotel.pdf")).to_be_visible()
    items = [item["path"] for item in stack.emulator.items(ANA)]
    assert items.count(f"/{path}") == 1
    assert f"/{path}/hotel.pdf" in items
