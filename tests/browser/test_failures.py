"""When something is missing or broken, the page says so in a sentence, and the rest of it is unharmed."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit
from browser.page import complaints, explorer, open_folder, row, uploader
from intranet.browser import DESKTOP, PHONE, Tab
from intranet.stack import Stack


def page_is_unharmed(tab: Tab) -> None:
    expect(tab.page.get_by_role("link", name="The canteen goes local")).to_be_visible()
    expect(tab.page.get_by_role("navigation").get_by_role("link", name="Help")).to_be_visible()
    tab.page.get_by_role("navigation").get_by_role("link", name="Help").click()
    expect(tab.page.get_by_role("heading", name="Help")).to_be_visible()


def test_without_a_box_account(visit: Visit) -> None:
    tab = visit("nora")
    expect(explorer(tab).get_by_role("alert")).to_contain_text("no Box account")
    expect(uploader(tab).get_by_role("alert")).to_contain_text("no Box account")
    # That is for the administrator, who alone can do something about it.
    expect(explorer(tab)).not_to_contain_text("Console")
    # Nor does it help to try again.
    expect(tab.page.locator(".widgets-for-box").get_by_role("button")).to_have_count(0)


def test_without_a_box_account_there_is_somebody_to_turn_to(visit: Visit, stack: Stack) -> None:
    store = (
        "$options = (array) get_option( 'widgets_for_box', array() );"
        "update_option( 'widgets_for_box', array_filter( $data + $options ) );"
    )
    stack.wordpress.php(store, contact="it.desk+box@example.com", contact_text="Ask the IT desk")
    try:
        tab = visit("nora")
        link = explorer(tab).get_by_role("link", name="Ask the IT desk")
        expect(link).to_be_visible()
        href = link.get_attribute("href") or ""
        address, _, letter = href.partition("?")
        assert address == "mailto:it.desk%2Bbox@example.com"
        body = parse_qs(letter, strict_parsing=True)["body"][0]
        assert "nora@example.com" in body
        assert "no Box account" in body
        assert stack.wordpress.url in body
    finally:
        stack.wordpress.php(store, contact="", contact_text="")


def test_administrator_words_what_people_without_an_account_read(visit: Visit, stack: Stack) -> None:
    sentence = "Your Box account comes with your second week. — <b>HR</b>"
    stack.wordpress.php(
        "$options = (array) get_option( 'widgets_for_box', array() );"
        "update_option( 'widgets_for_box', array( 'no_account_text' => $data['text'] ) + $options );",
        text=sentence,
    )
    try:
        tab = visit("nora")
        expect(explorer(tab).get_by_role("alert")).to_contain_text(sentence)
    finally:
        stack.wordpress.php(
            "$options = (array) get_option( 'widgets_for_box', array() ); unset( $options['no_account_text'] );"
            "update_option( 'widgets_for_box', $options );"
        )


def test_logged_out_visitor_is_offered_the_log_in_and_comes_back(visit: Visit, stack: Stack) -> None:
    tab = visit(None)
    expect(explorer(tab).get_by_role("alert")).to_contain_text("log in")
    explorer(tab).get_by_role("link", name="Log in").click()
    name = tab.page.get_by_label("Username or Email Address")
    expect(name).to_be_focused()  # WordPress takes the focus there a moment later, and what is typed meanwhile with it
    name.fill("ana")
    tab.page.get_by_label("Password", exact=True).fill(stack.wordpress.people["ana"].password)
    tab.page.get_by_role("button", name="Log In").click()
    expect(row(tab, "Projetos")).to_be_visible()


def test_sidecar_down_is_said_within_two_seconds_and_mended_by_a_retry(visit: Visit, stack: Stack) -> None:
    stack.sidecar.stop()
    tab = visit("ana")
    expect(explorer(tab).get_by_role("alert")).to_be_visible()
    expect(uploader(tab).get_by_role("alert")).to_be_visible()
    waited_ms = tab.page.evaluate(
        "performance.getEntriesByType('resource').filter(entry => entry.name.endsWith('/v1/token'))"
        ".map(entry => entry.responseEnd - entry.startTime)"
    )
    assert len(waited_ms) == 2
    assert max(waited_ms) < 2000
    tab.screenshot("sidecar_down")

    stack.sidecar.start()
    explorer(tab).get_by_role("button", name="Try again").click()
    expect(row(tab, "Projetos")).to_be_visible()
    expect(explorer(tab).get_by_role("alert")).to_have_count(0)


def test_page_is_unharmed_while_the_sidecar_is_down(visit: Visit, stack: Stack) -> None:
    stack.sidecar.stop()
    tab = visit("ana")
    expect(explorer(tab).get_by_role("alert")).to_be_visible()
    page_is_unharmed(tab)


def test_only_the_administrator_reads_how_to_mend_it(visit: Visit, stack: Stack) -> None:
    stack.emulator.settings(app_authorized=False)
    stack.sidecar.stop()
    stack.sidecar.start()
    admin, ana = visit("admin"), visit("ana")
    expect(explorer(ana).get_by_role("alert")).to_be_visible()
    expect(explorer(admin).get_by_role("alert")).to_contain_text("Admin Console")
    expect(explorer(ana)).not_to_contain_text("Admin Console")


def test_token_that_ends_while_the_page_is_open_is_renewed_without_a_reload(visit: Visit, stack: Stack) -> None:
    stack.emulator.settings(token_life_s=4)
    tab = visit("olga")
    folder = next(item["path"][1:] for item in stack.emulator.items("olga@example.com") if item["type"] == "folder")
    expect(row(tab, folder)).to_be_visible()
    tab.page.evaluate("window.stillTheSamePage = true")
    first = {token["token"] for token in stack.emulator.tokens() if token["kind"] == "downscoped"}
    time.sleep(5)
    open_folder(tab, folder)
    expect(explorer(tab).get_by_role("button", name=folder)).to_be_visible()
    expect(explorer(tab).get_by_role("alert")).to_have_count(0)
    assert tab.page.evaluate("window.stillTheSamePage")
    later = [request for request in tab.requests if request.url.startswith(stack.emulator.url)][-1]
    assert later.headers["authorization"].removeprefix("Bearer ") not in first
    assert complaints(tab) == []


@pytest.fixture
def end_tokens(stack: Stack) -> Iterator[Callable[[], None]]:
    """Box ends what it issued to browsers, as it does when a password or an app changes; nobody here is told.

    After the test the sidecar forgets Ana's: another page would begin with a token that Box refuses.
    """

    def end() -> None:
        assert stack.emulator.expire_tokens(kind="downscoped", revoke=True)

    yield end
    stack.sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "ana@example.com"}}).raise_for_status()


def test_token_that_box_ended_is_replaced_without_a_word(
    visit: Visit, stack: Stack, end_tokens: Callable[[], None]
) -> None:
    tab = visit("ana")
    inside = min(
        item["path"].split("/")[2]
        for item in stack.emulator.items("ana@example.com")
        if item["path"].startswith("/Projetos/")
    )
    expect(row(tab, "Projetos")).to_be_visible()
    tab.page.evaluate("document.querySelector('.widgets-for-box-element').dataset.same = 'yes'")
    end_tokens()
    open_folder(tab, "Projetos")
    expect(row(tab, inside)).to_be_visible()
    end_tokens()
    explorer(tab).get_by_role("button", name="All Files").click()
    expect(row(tab, "Projetos")).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_have_count(0)
    assert explorer(tab).locator("[data-same]").count() == 1, "It is the Element that was there before."
    assert [error for error in complaints(tab) if "status of 401" not in error] == []
    bodies = [json.loads(request.post_data or "") for request in tab.requests if request.url.endswith("/v1/token")]
    told = [body["refused"] for body in bodies if "refused" in body]
    assert [len(digest) for digest in told] == [64, 64]
    assert told[0] != told[1]


def test_upload_queue_survives_the_end_of_its_token(
    visit: Visit, stack: Stack, tmp_path: Path, end_tokens: Callable[[], None]
) -> None:
    files = [tmp_path / name for name in ("um.txt", "dois.txt")]
    for file in files:
        file.write_text(file.name)
    tab = visit("ana")
    uploader(tab).locator("input[type=file]").first.set_input_files(files)
    expect(uploader(tab).get_by_text("dois.txt")).to_be_visible()
    end_tokens()
    uploader(tab).get_by_role("button", name="Upload", exact=True).click()
    expect(uploader(tab).get_by_text("Success")).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_have_count(0)
    assert {"/um.txt", "/dois.txt"} <= {item["path"] for item in stack.emulator.items("ana@example.com")}


def test_replacement_that_box_refuses_too_is_said_and_mended_by_a_retry(visit: Visit, stack: Stack) -> None:
    tab = visit("olga")
    folder = next(item["path"][1:] for item in stack.emulator.items("olga@example.com") if item["type"] == "folder")
    expect(row(tab, folder)).to_be_visible()
    stack.emulator.fault("empty", method="GET", path="/2.0/folders/.*", status=401, times=2)
    open_folder(tab, folder)
    expect(explorer(tab).get_by_role("alert")).to_contain_text("Box has ended this session")
    tab.screenshot("refused_by_box")
    explorer(tab).get_by_role("button", name="Try again").click()
    expect(explorer(tab).get_by_role("button", name=folder)).to_be_visible()  # Where it was going.
    expect(explorer(tab).get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_search_that_box_refuses_becomes_a_sentence(visit: Visit, stack: Stack, size: tuple[int, int]) -> None:
    error = {"type": "error", "status": 403, "code": "access_denied_insufficient_permissions", "request_id": "x"}
    stack.emulator.fault("status", path="/2.0/search", status=403, body=error, times=None)
    tab = visit("ana", viewport=size)
    open_folder(tab, "Projetos")
    inside = min(
        item["path"].split("/")[2]
        for item in stack.emulator.items("ana@example.com")
        if item["path"].startswith("/Projetos/")
    )
    expect(row(tab, inside)).to_be_visible()
    field = explorer(tab).get_by_placeholder("Search files and folders")
    field.fill("relatório")
    expect(explorer(tab).get_by_role("alert")).to_contain_text("Search is not available here")
    expect(field).to_be_hidden()
    expect(row(tab, inside)).to_be_visible()
    expect(explorer(tab).get_by_text("A network error has occurred")).to_have_count(0)
    expect(explorer(tab).get_by_role("button", name="Try again")).to_have_count(0)
    tab.screenshot(f"search_refused-{size[0]}")
    # The sentence has been read; the field stays away for as long as the page is open.
    explorer(tab).get_by_role("button", name="All Files").click()
    expect(row(tab, "Projetos")).to_be_visible()
    expect(explorer(tab).get_by_role("alert")).to_have_count(0)
    expect(field).to_be_hidden()
    assert [message for message in complaints(tab) if "status of 403" not in message] == []

    stack.emulator.clear_faults()
    tab.page.reload()
    expect(explorer(tab).get_by_placeholder("Search files and folders")).to_be_visible()


def test_search_that_box_refuses_to_a_picker(visit: Visit, stack: Stack) -> None:
    error = {"type": "error", "status": 403, "code": "access_denied_insufficient_permissions", "request_id": "x"}
    stack.emulator.fault("status", path="/2.0/search", status=403, body=error, times=None)
    tab = visit("ana", "/pick-files/")
    picker = tab.page.locator(".widgets-for-box-picker")
    expect(picker.get_by_text("Bem-vinda.txt").first).to_be_visible()
    picker.get_by_placeholder("Search files and folders").fill("vinda")
    expect(picker.get_by_role("alert")).to_contain_text("Search is not available here")
    expect(picker.get_by_placeholder("Search files and folders")).to_be_hidden()
    expect(picker.get_by_text("Bem-vinda.txt").first).to_be_visible()


def test_site_that_box_does_not_know(visit: Visit, stack: Stack) -> None:
    """What an administrator does about it is nothing to trouble Ana with."""
    stack.emulator.settings(cors_origins=["https://elsewhere.example.com"])
    tab = visit("ana")
    # The Elements first try three times more, waiting longer each time.
    expect(explorer(tab).get_by_role("alert")).to_contain_text("can’t reach Box", timeout=60_000)
    expect(explorer(tab)).not_to_contain_text("CORS")


@pytest.mark.parametrize("change", ["folder", "signature", "scopes"])
def test_changed_descriptor_is_refused(stack: Stack, change: str) -> None:
    ana = stack.wordpress.login("ana")
    found = re.search(r'data-widget="([\w-]+)\.([\w-]+)"', ana.get("/").text)
    assert found
    payload, signature = found.groups()
    widget = json.loads(base64.urlsafe_b64decode(payload + "=="))
    if change == "folder":
        widget["id"] = "12345"
    elif change == "scopes":
        widget["scopes"].append("item_delete_forever")
    else:
        signature = ("B" if signature[0] == "A" else "A") + signature[1:]
    changed = base64.urlsafe_b64encode(json.dumps(widget).encode()).decode().rstrip("=")
    asked = len(stack.sidecar.audit())
    answer = ana.rest("POST", "widgets-for-box/v1/token", json={"widget": f"{changed}.{signature}"})
    assert answer.status_code == 400
    assert "token" not in answer.json()
    assert len(stack.sidecar.audit()) == asked, "the sidecar was asked all the same"
