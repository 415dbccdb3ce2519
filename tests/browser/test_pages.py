"""Pages as they are in life: cached for everybody, under a strict policy, open for a day, with several widgets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Route, expect

from browser.conftest import Visit
from browser.page import complaints, explorer, row, uploader
from intranet.browser import DESKTOP, PHONE
from intranet.stack import Stack

TOKEN_ROUTE = re.compile(r"/widgets-for-box/v1/token$")
NONCE_ROUTE = re.compile(r"admin-ajax\.php\?action=rest-nonce$")


@contextmanager
def page_with(stack: Stack, content: str) -> Iterator[str]:
    """A page of the intranet with this content, for as long as it is needed; yields its path."""
    wordpress = stack.wordpress
    make = (
        "echo wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Test',"
        " 'post_content' => wp_slash( $data['content'] ) ) );"
    )
    number = int(wordpress.php(make, content=content))
    try:
        yield f"/?page_id={number}"
    finally:
        wordpress.php("wp_delete_post( $data['number'], true );", number=number)


@pytest.mark.parametrize("reader", ["ana", None])
def test_cached_page_shows_each_person_their_own_folder(visit: Visit, stack: Stack, reader: str | None) -> None:
    session = stack.wordpress.login(reader) if reader else stack.wordpress.visitor()
    cached = session.get("/").text
    kenji = visit("kenji", "/help/")
    kenji.page.route(f"{stack.wordpress.url}/", lambda route: route.fulfill(body=cached, content_type="text/html"))
    kenji.page.goto("/")
    expect(row(kenji, "企画書")).to_be_visible()
    expect(row(kenji, "Projetos")).to_have_count(0)
    assert complaints(kenji) == []


def test_nonce_of_yesterday_is_replaced_without_a_word(visit: Visit, stack: Stack) -> None:
    tab = visit("ana", "/help/")
    asked = []

    def yesterdays_nonce_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(body="0123456789", content_type="text/html")
        else:
            route.continue_()

    tab.page.route(NONCE_ROUTE, yesterdays_nonce_once)
    tab.page.goto("/")
    expect(row(tab, "Projetos")).to_be_visible()
    expect(tab.page.get_by_role("alert")).to_have_count(0)
    assert len(asked) <= 3, "one for each widget that was refused is enough"


def test_page_left_open_shows_nothing_of_the_person_before(visit: Visit, stack: Stack) -> None:
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    tab.context.clear_cookies()
    tab.context.add_cookies(
        [
            {"name": cookie.name, "value": cookie.value or "", "url": stack.wordpress.url}
            for cookie in stack.wordpress.login("kenji").cookies.jar
        ]
    )
    # Ana's token ends; what renews it is Kenji's session.
    tab.page.clock.install()
    tab.page.clock.fast_forward("02:00:00")
    explorer(tab).get_by_role("button", name="All Files").click()
    expect(row(tab, "企画書")).to_be_visible()
    expect(row(tab, "Projetos")).to_have_count(0)


def test_strict_content_security_policy(visit: Visit, stack: Stack) -> None:
    policy = stack.wordpress.php("echo widgets_for_box_csp();")
    assert "'unsafe-eval'" not in policy
    script = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "'unsafe-inline'" not in script
    tab = visit("ana", "/help/")

    def with_policy(route: Route) -> None:
        answer = route.fetch()
        # WordPress prints scripts of its own into a page: the policy allows them one by one, by nonce.
        page = re.sub("<script(?! type=.application/json. id=.widgets-for-box)", '<script nonce="once"', answer.text())
        header = policy.replace("script-src", "script-src 'nonce-once'")
        route.fulfill(response=answer, body=page, headers={**answer.headers, "content-security-policy": header})

    tab.page.route(f"{stack.wordpress.url}/", with_policy)
    tab.page.goto("/")
    expect(row(tab, "Projetos")).to_be_visible()
    expect(uploader(tab).get_by_text("Browse your device")).to_be_visible()
    assert complaints(tab) == []


def test_widgets_share_elements_and_token(visit: Visit, stack: Stack) -> None:
    two = '<!-- wp:widgets-for-box/explorer {"height":300} /-->' * 2
    with page_with(stack, two) as path:
        tab = visit("ana", path)
        expect(explorer(tab).nth(0).get_by_text("Projetos")).to_be_visible()
        explorer(tab).nth(1).scroll_into_view_if_needed()
        expect(explorer(tab).nth(1).get_by_text("Projetos")).to_be_visible()
        urls = [request.url for request in tab.requests]
    assert len([url for url in urls if TOKEN_ROUTE.search(url)]) == 1
    assert len([url for url in urls if NONCE_ROUTE.search(url)]) == 1
    assert len([url for url in urls if url.endswith("/explorer.js")]) == 1
    assert len([url for url in urls if url.endswith("/explorer.css")]) == 1


def test_nothing_is_loaded_for_a_widget_that_nobody_scrolls_to(visit: Visit, stack: Stack) -> None:
    far_below = '<div style="height:5000px"></div><!-- wp:widgets-for-box/explorer /-->'
    with page_with(stack, far_below) as path:
        tab = visit("ana", path)
        tab.page.wait_for_load_state("networkidle")
        before = [request.url for request in tab.requests]
        assert not [url for url in before if "box-ui-elements" in url or TOKEN_ROUTE.search(url)]
        explorer(tab).scroll_into_view_if_needed()
        expect(row(tab, "Projetos")).to_be_visible()


def test_nothing_moves_while_widgets_load(visit: Visit, stack: Stack) -> None:
    tab = visit("ana", "/help/")
    tab.page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(entry => {"
        " if (!entry.hadRecentInput) window.shift += entry.value; })).observe({type: 'layout-shift', buffered: true});"
    )
    tab.page.goto("/")
    expect(row(tab, "Projetos")).to_be_visible()
    expect(uploader(tab).get_by_text("Browse your device")).to_be_visible()
    assert tab.page.evaluate("window.shift") < 0.02
    assert explorer(tab).bounding_box()["height"] == pytest.approx(520, abs=2)  # type: ignore[index]


def test_picker_hands_over_what_was_chosen_and_shares_nothing(visit: Visit, stack: Stack) -> None:
    tab = visit("ana", "/pick-files/")
    picker = tab.page.locator(".widgets-for-box-picker")
    expect(picker.get_by_text("Bem-vinda.txt").first).to_be_visible()
    tab.page.evaluate(
        "document.addEventListener('widgets-for-box:choose',"
        " event => { window.chosen = event.detail.map(item => item.name); })"
    )
    since = max((entry["n"] for entry in stack.emulator.log()), default=0)
    picker.get_by_text("Bem-vinda.txt").first.click()
    tab.screenshot("picker")
    picker.get_by_role("button", name="Choose").click()
    assert tab.page.evaluate("window.chosen") == ["Bem-vinda.txt"]
    assert [entry for entry in stack.emulator.log(since) if entry["method"] in ("PUT", "POST")] == []
    assert complaints(tab) == []


@pytest.mark.parametrize("stack", ["6.1", "6.8"], indirect=True)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_japanese_site_shows_japanese_widgets(visit: Visit, stack: Stack, size: tuple[int, int]) -> None:
    stack.wordpress.php("update_option( 'WPLANG', 'ja' );")
    try:
        tab = visit("kenji", viewport=size, locale="ja-JP")
        expect(row(tab, "企画書")).to_be_visible()
        expect(explorer(tab).get_by_placeholder("ファイルおよびフォルダを検索")).to_be_visible()
        expect(tab.page.locator("html")).to_have_attribute("lang", "ja")
        stranger = visit("nora", viewport=size, locale="ja-JP")
        expect(explorer(stranger).get_by_role("alert")).to_contain_text("アカウント")
        expect(explorer(stranger).get_by_role("button")).to_have_count(0)
    finally:
        stack.wordpress.php("update_option( 'WPLANG', '' );")
    assert complaints(tab) == []
