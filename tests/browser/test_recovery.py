"""Nothing is lost and nothing is stale: the connection comes and goes, people log in and out in other tabs."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit, Write
from browser.page import explorer, open_folder, row, uploader
from intranet.browser import Tab
from intranet.stack import Stack

LOOK = "document.dispatchEvent(new Event('visibilitychange'))"


def become(tab: Tab, stack: Stack, who: str | None) -> None:
    """Log out, and perhaps in as somebody else, in another tab of the same browser."""
    tab.context.clear_cookies()
    if who:
        jar = stack.wordpress.login(who).cookies.jar
        tab.context.add_cookies(
            [{"name": cookie.name, "value": cookie.value or "", "url": stack.wordpress.url} for cookie in jar]
        )


def inside(stack: Stack, folder: str, login: str = "ana@example.com") -> str:
    """The first name in a folder."""
    paths = [item["path"] for item in stack.emulator.items(login)]
    names: list[str] = [path.split("/")[2] for path in paths if path.startswith(f"/{folder}/")]
    return min(names)


def test_log_out_in_another_tab_is_noticed_when_the_page_is_looked_at(visit: Visit, stack: Stack) -> None:
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    become(tab, stack, None)
    tab.page.evaluate(LOOK)
    expect(tab.page.get_by_role("link", name="Log in", exact=True)).to_be_visible()
    expect(row(tab, "Projetos")).to_have_count(0)
    expect(tab.page.locator(".widgets-for-box-element")).to_have_count(0)
    expect(tab.page.get_by_role("alert")).to_have_count(1)  # One box to log in, however many widgets.
    expect(tab.page.locator(".widgets-for-box").get_by_role("link", name="Log in")).to_have_count(1)
    tab.screenshot("logged_out")
    become(tab, stack, "kenji")
    tab.page.evaluate(LOOK)
    expect(row(tab, "企画書")).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_have_count(0)


def test_somebody_else_in_another_tab(visit: Visit, stack: Stack) -> None:
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    become(tab, stack, "kenji")
    tab.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(row(tab, "企画書")).to_be_visible()
    expect(row(tab, "Projetos")).to_have_count(0)


def test_another_tab_that_finds_the_log_out_tells_this_one(visit: Visit, stack: Stack) -> None:
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    become(tab, stack, None)
    other = tab.context.new_page()
    other.goto("/")
    expect(other.locator(".widgets-for-box").get_by_role("link", name="Log in")).to_be_visible()
    expect(row(tab, "Projetos")).to_have_count(0)


def test_looking_again_disturbs_nothing_of_the_same_person(visit: Visit, stack: Stack) -> None:
    """Neither does the other nonce that WordPress gives the same person twice a day."""
    tab = visit("ana")
    open_folder(tab, "Projetos")
    expect(row(tab, inside(stack, "Projetos"))).to_be_visible()
    asked = len([request for request in tab.requests if request.url.endswith("/v1/token")])
    known = stack.wordpress.login("ana")
    later = known.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
    tab.page.route("**/admin-ajax.php?action=rest-nonce", lambda route: route.fulfill(body="fedcba9876"))
    with tab.page.expect_response(lambda answer: answer.request.method == "OPTIONS" and "/v1/token" in answer.url):
        tab.page.evaluate(LOOK)
    assert later
    tab.page.wait_for_timeout(500)
    expect(row(tab, inside(stack, "Projetos"))).to_be_visible()
    assert len([request for request in tab.requests if request.url.endswith("/v1/token")]) - asked <= 1


def test_while_it_is_not_known_who_is_there_nothing_can_be_used(visit: Visit, stack: Stack) -> None:
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    tab.page.route("**/admin-ajax.php?action=rest-nonce", lambda route: route.abort())
    tab.page.evaluate(LOOK)
    tab.page.wait_for_timeout(300)
    since = max(entry["n"] for entry in stack.emulator.log())
    open_folder(tab, "Projetos")
    expect(explorer(tab).get_by_role("alert")).to_contain_text("can’t be reached")
    assert [entry for entry in stack.emulator.log(since) if entry["path"].startswith("/2.0/")] == []
    tab.page.unroute_all()
    tab.page.evaluate(LOOK)
    expect(row(tab, inside(stack, "Projetos"))).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_have_count(0)


def test_offline_is_said_at_once_and_once_and_goes_on_by_itself(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "recibo.txt"
    file.write_text("12,50")
    tab = visit("ana")
    open_folder(tab, "Projetos")
    expect(row(tab, inside(stack, "Projetos"))).to_be_visible()
    tab.page.evaluate("document.querySelector('.widgets-for-box-explorer .widgets-for-box-element').dataset.same = 1")
    uploader(tab).locator("input[type=file]").first.set_input_files(file)
    expect(uploader(tab).get_by_text(file.name)).to_be_visible()
    tab.context.set_offline(True)
    expect(tab.page.get_by_role("alert")).to_have_count(1)
    expect(tab.page.get_by_role("alert")).to_contain_text("You are offline")
    expect(tab.page.get_by_role("button", name="Try again")).to_have_count(0)
    uploader(tab).get_by_role("button", name="Upload", exact=True).click()
    tab.page.wait_for_timeout(3000)
    tab.screenshot("offline")
    tab.context.set_offline(False)
    expect(uploader(tab).get_by_text("Success")).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_have_count(0)
    expect(row(tab, inside(stack, "Projetos"))).to_be_visible()
    expect(explorer(tab).locator("[data-same]")).to_have_count(1)
    assert f"/{file.name}" in {item["path"] for item in stack.emulator.items("ana@example.com")}


@pytest.mark.parametrize("how", ["by itself", "by hand"])
def test_outage_while_a_folder_opens_leads_into_that_folder(visit: Visit, stack: Stack, how: str) -> None:
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    tab.page.evaluate("document.querySelector('.widgets-for-box-explorer .widgets-for-box-element').dataset.same = 1")
    stack.emulator.fault("empty", method="GET", path="/2.0/folders/.*", status=401, times=2)
    open_folder(tab, "Projetos")
    expect(explorer(tab).get_by_role("alert")).to_contain_text("Box has ended this session")
    if how == "by hand":
        explorer(tab).get_by_role("button", name="Try again").click()
    expect(row(tab, inside(stack, "Projetos"))).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_have_count(0)
    expect(explorer(tab).locator("[data-same]")).to_have_count(1)


def test_sidecar_that_comes_back_is_found_by_itself(visit: Visit, stack: Stack) -> None:
    stack.sidecar.stop()
    tab = visit("ana")
    expect(explorer(tab).get_by_role("alert")).to_be_visible()
    stack.sidecar.start()
    expect(row(tab, "Projetos")).to_be_visible(timeout=45_000)
    expect(uploader(tab).get_by_text("Browse your device")).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_have_count(0)


def test_back_reload_and_a_sent_link_lead_to_the_folder(visit: Visit, stack: Stack) -> None:
    name = inside(stack, "Projetos")
    tab = visit("ana")
    open_folder(tab, "Projetos")
    expect(row(tab, name)).to_be_visible()
    assert "#box=0." in tab.page.url
    sent = tab.page.url.removeprefix(stack.wordpress.url)
    tab.page.reload()
    expect(row(tab, name)).to_be_visible()
    tab.page.evaluate("location.hash = 'news'")  # An anchor of the page.
    expect(row(tab, name)).to_be_visible()
    tab.page.go_back()
    expect(row(tab, name)).to_be_visible()
    tab.page.go_back()
    expect(row(tab, "Projetos")).to_be_visible()
    tab.page.go_forward()
    expect(row(tab, name)).to_be_visible()
    # Somebody to whom Box does not show it stays where their own files are.
    kenji = visit("kenji", sent)
    expect(row(kenji, "企画書")).to_be_visible()
    assert "#box" not in kenji.page.url


def ids(stack: Stack, login: str = "ana@example.com") -> dict[str, str]:
    """Of all items, by their paths."""
    return {item["path"]: item["id"] for item in stack.emulator.items(login)}


def test_each_explorer_has_its_own_place_in_the_address(visit: Visit, stack: Stack, write: Write) -> None:
    folders = ids(stack)
    tab = visit("ana", write(f'[box_explorer][box_explorer folder="{folders["/Projetos"]}"]'))
    first, second = tab.page.locator(".widgets-for-box-explorer").all()
    receipts = inside(stack, "Recibos")
    deeper = min(path.split("/")[3] for path in folders if path.startswith("/Projetos/Aurora/"))
    first.get_by_role("row").filter(has_text="Recibos").get_by_text("Recibos").click()
    expect(first.get_by_role("row").filter(has_text=receipts).first).to_be_visible()
    second.get_by_role("row").filter(has_text="Aurora").get_by_text("Aurora").click()
    expect(second.get_by_role("row").filter(has_text=deeper).first).to_be_visible()
    assert tab.page.url.endswith(f"#box=0.{folders['/Recibos']},1.{folders['/Projetos/Aurora']}")
    tab.page.reload()
    expect(first.get_by_role("row").filter(has_text=receipts).first).to_be_visible()
    expect(second.get_by_role("row").filter(has_text=deeper).first).to_be_visible()
    tab.page.go_back()
    expect(second.get_by_role("row").filter(has_text="Aurora")).to_be_visible()
    expect(first.get_by_role("row").filter(has_text=receipts).first).to_be_visible()


def test_folder_outside_of_the_widget_is_not_opened(visit: Visit, stack: Stack, write: Write) -> None:
    """Though it is the person's own, and Box would show it to them elsewhere."""
    folders = ids(stack)
    page = write(f'[box_explorer folder="{folders["/Projetos"]}"]')
    tab = visit("ana", f"{page}#box=0.{folders['/Recibos']}")
    expect(row(tab, "Aurora")).to_be_visible()
    expect(row(tab, inside(stack, "Recibos"))).to_have_count(0)
    assert "#box" not in tab.page.url
    expect(tab.page.get_by_role("alert")).to_have_count(0)


def upload(tab: Tab, file: Path, said: str) -> None:
    """By the uploader; `said` is what it says then."""
    uploader(tab).locator("input[type=file]").first.set_input_files(file)
    expect(uploader(tab).locator(".bcu-item-label").get_by_text(file.name, exact=True)).to_be_visible()
    uploader(tab).get_by_role("button", name="Upload", exact=True).click()
    expect(uploader(tab).get_by_text(said)).to_be_visible()


def test_upload_shows_at_once_in_the_explorer(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "recibo-7.txt"
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    new = tab.page.locator(".widgets-for-box-explorer .widgets-for-box-new")
    for sentence in ("recibo-7.txt is now in", "recibo-7.txt in All Files has a new version"):
        file.write_text(sentence)
        upload(tab, file, sentence)
        expect(new).to_have_count(1)
        expect(new).to_contain_text(file.name)
        tab.screenshot("uploaded")
    # A name that holds another one is another file; both are new.
    copy = tmp_path / "copy of recibo-7.txt"
    copy.write_text("again")
    upload(tab, copy, "copy of recibo-7.txt is now in")
    expect(new).to_have_count(2)
    open_folder(tab, "Projetos")
    expect(row(tab, inside(stack, "Projetos"))).to_be_visible()
    expect(new).to_have_count(0)
    uploader(tab).get_by_role("button", name="Open").click()
    expect(row(tab, copy.name)).to_be_visible()
    expect(new).to_have_count(2)


def test_what_was_there_before_is_not_new(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    for name in ("old recibo-8.txt", "recibo-8.txt"):
        file = tmp_path / name
        file.write_text(name)
        tab = visit("ana")
        expect(row(tab, "Projetos")).to_be_visible()
        upload(tab, file, f"{name} is now in")
    expect(row(tab, "old recibo-8.txt")).to_be_visible()
    new = tab.page.locator(".widgets-for-box-explorer .widgets-for-box-new")
    expect(new).to_have_count(1)
    expect(new).not_to_contain_text("old")


def test_page_in_the_background_asks_nothing_until_it_is_seen(visit: Visit, stack: Stack) -> None:
    tab = visit("ana", "/help/")
    tab.page.add_init_script("Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})")
    tab.requests.clear()
    tab.page.goto("/")
    tab.page.wait_for_load_state("networkidle")
    asked = [request.url for request in tab.requests]
    assert not [url for url in asked if "rest-nonce" in url or "/v1/token" in url]
    tab.page.evaluate("Object.defineProperty(document, 'hidden', {get: () => false})")
    tab.page.evaluate(LOOK)
    expect(row(tab, "Projetos")).to_be_visible()
