"""Everybody reads widgets in their own language, on one page that is the same for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit
from browser.page import complaints, explorer, row, uploader
from intranet.browser import DESKTOP, PHONE, Tab
from intranet.stack import Stack

CHOOSE = "update_user_meta( get_user_by( 'login', $data['login'] )->ID, 'locale', $data['locale'] );"
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture
def japanese(stack: Stack) -> Iterator[None]:
    """Kenji has chosen Japanese on his profile page; the site is English."""
    stack.wordpress.php(CHOOSE, login="kenji", locale="ja")
    yield
    stack.wordpress.php(CHOOSE, login="kenji", locale="")


def become(tab: Tab, stack: Stack, who: str) -> None:
    """Log in as somebody else in another tab of the same browser."""
    tab.context.clear_cookies()
    for cookie in stack.wordpress.login(who).cookies.jar:
        tab.context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": stack.wordpress.url}])


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_kenji_reads_japanese_on_an_english_site(
    visit: Visit, stack: Stack, japanese: None, size: tuple[int, int]
) -> None:
    tab = visit("kenji", viewport=size)
    expect(row(tab, "企画書")).to_be_visible()
    for _ in ("first visit", "language remembered"):
        expect(tab.page.locator("html")).to_have_attribute("lang", "en-US")
        expect(explorer(tab)).to_have_attribute("lang", "ja")
        expect(explorer(tab)).to_have_attribute("dir", "ltr")
        expect(explorer(tab)).to_have_attribute("aria-label", "Box のファイル")
        expect(explorer(tab).locator(".widgets-for-box-element")).to_have_attribute("lang", "ja-JP")
        expect(uploader(tab).get_by_text("デバイス").first).to_be_visible()  # Box's own words.
        expect(tab.page.locator(".widgets-for-box-announcement")).to_have_text("Box のファイルを読み込みました。")
        assert complaints(tab) == []
        tab.requests.clear()
        tab.page.reload()
        expect(row(tab, "企画書")).to_be_visible()
    # The next time nothing is loaded in the page's language first.
    assert [request.url for request in tab.requests if "/ja-JP/explorer.js" in request.url]
    assert not [request.url for request in tab.requests if "/en-US/" in request.url]


def test_failure_and_log_in_are_told_in_the_language_of_the_person(visit: Visit, stack: Stack, japanese: None) -> None:
    tab = visit("kenji")
    expect(row(tab, "企画書")).to_be_visible()
    tab.context.set_offline(True)
    expect(explorer(tab).get_by_role("alert")).to_contain_text("オフライン")
    tab.screenshot("offline")
    tab.context.set_offline(False)
    expect(tab.page.get_by_role("alert")).to_have_count(0)
    stack.sidecar.stop()
    tab.page.reload()
    expect(explorer(tab).get_by_role("alert")).to_contain_text("Box")
    expect(explorer(tab).get_by_role("button", name="もう一度試す")).to_be_visible()
    assert "The connection" not in (explorer(tab).text_content() or "")
    tab.screenshot("outage")


def test_brazilian_browser_without_a_choice(visit: Visit, stack: Stack) -> None:
    tab = visit("ana", locale="pt-BR")
    expect(row(tab, "Projetos")).to_be_visible()
    expect(explorer(tab)).to_have_attribute("lang", "pt-BR")
    expect(uploader(tab).get_by_text("Pesquisar no dispositivo").first).to_be_visible()
    tab.page.goto("/pick-files/")
    picker = tab.page.locator(".widgets-for-box-picker")
    expect(picker).to_have_attribute("aria-label", "Escolher do Box")
    picker.get_by_role("row").filter(has_text="Bem-vinda.txt").get_by_role("checkbox").check(force=True)
    picker.get_by_role("button", name="Escolher").click()
    expect(tab.page.locator(".widgets-for-box-chosen").get_by_role("button").first).to_have_text("Remover")
    expect(tab.page.locator(".widgets-for-box-chosen")).to_have_attribute("aria-label", "Escolhido no Box")


def test_somebody_who_reads_another_language_comes_to_the_same_browser(
    visit: Visit, stack: Stack, japanese: None
) -> None:
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    expect(uploader(tab).get_by_text("Browse your device")).to_be_visible()
    # In another tab, while this one is open.
    become(tab, stack, "kenji")
    tab.page.evaluate(LOOK)
    expect(row(tab, "企画書")).to_be_visible()
    expect(uploader(tab).get_by_text("デバイス").first).to_be_visible()
    expect(explorer(tab)).to_have_attribute("lang", "ja")
    # And back, where the other language is remembered and no page has seen him go.
    become(tab, stack, "ana")
    tab.page.goto("/")
    expect(row(tab, "Projetos")).to_be_visible()
    expect(uploader(tab).get_by_text("Browse your device")).to_be_visible()
    expect(explorer(tab)).not_to_have_attribute("lang", "ja")
    expect(explorer(tab)).to_have_attribute("aria-label", "Box files")
    assert tab.page.evaluate("localStorage.widgetsForBox") == "en-US/en_US"


@pytest.mark.parametrize("written", ["1", "xx", "../../evil/ja", "ja-JP/../x", '{"a":1}'])
def test_what_is_remembered_is_not_believed(visit: Visit, stack: Stack, written: str) -> None:
    tab = visit("ana", "/help/")
    tab.page.evaluate("said => localStorage.setItem('widgetsForBox', said)", written)
    tab.page.goto("/")
    expect(row(tab, "Projetos")).to_be_visible()
    assert not [request.url for request in tab.requests if "evil" in request.url or "/x" in request.url]
    assert tab.page.evaluate("localStorage.widgetsForBox") == "en-US/en_US"


def test_texts_that_can_not_be_had_leave_those_of_the_page(visit: Visit, stack: Stack, japanese: None) -> None:
    tab = visit("kenji", "/help/")
    tab.page.route("**/texts/**", lambda route: route.fulfill(status=404, body="{}"))
    tab.page.goto("/")
    expect(row(tab, "企画書")).to_be_visible()
    expect(explorer(tab)).to_have_attribute("aria-label", "Box files")
    expect(uploader(tab).get_by_text("デバイス").first).to_be_visible()


def test_right_to_left(visit: Visit, stack: Stack, japanese: None) -> None:
    """Hebrew as a site may add it; the Elements, which know no such language, stay English and run the other way."""
    texts = {
        "text": {
            "loading": "הקבצים שלך ב-Box נטענים…",
            "offline": "אין חיבור לאינטרנט. העבודה תימשך מעצמה כשהחיבור יחזור.",
            "retry": "נסה שוב",
            "broken": "אתר זה לא נתן תשובה שמישה. נסה שוב בעוד דקה.",
            "slow": "האתר איטי מהרגיל. נא להמתין רגע.",
            "loadingSite": "ממתין לאתר",
            "since": "%1$s (%2$s שנ׳)",
        },
        "labels": {"explorer": "קבצי Box"},
        "picker": {},
        "rtl": True,
    }
    tab = visit("kenji", "/help/")
    tab.page.route("**/texts/**", lambda route: route.fulfill(json=texts))
    tab.page.route("**/v1/token", lambda route: route.fulfill(status=500, body="<html>"))
    tab.page.goto("/")
    alert = explorer(tab).get_by_role("alert")
    expect(alert).to_contain_text("אתר זה")
    expect(explorer(tab)).to_have_css("direction", "rtl")
    tab.screenshot("rtl_failed")
    tab.page.unroute("**/v1/token")
    alert.get_by_role("button", name="נסה שוב").click()
    expect(row(tab, "企画書")).to_be_visible()
    expect(explorer(tab).locator(".widgets-for-box-element")).to_have_css("direction", "ltr")
    tab.context.set_offline(True)
    expect(explorer(tab).get_by_role("alert")).to_contain_text("אין חיבור")
    tab.screenshot("rtl_offline")
    tab.context.set_offline(False)
    # A site that runs from right to left itself.
    tab.page.add_init_script("addEventListener('DOMContentLoaded', () => { document.documentElement.dir = 'rtl' })")
    waiting = []
    tab.page.route("**/v1/token", lambda route: waiting.append(route))  # noqa: PLW0108 - Playwright marks its handlers
    tab.page.goto("/")
    expect(explorer(tab).locator(".widgets-for-box-progress")).to_contain_text("ממתין לאתר")
    for widget in (explorer(tab), uploader(tab)):
        expect(widget.locator(".widgets-for-box-status").first).to_have_text(texts["text"]["loading"])  # type: ignore[index]
    tab.screenshot("rtl_waiting")
    for route in waiting:
        route.continue_()
    tab.page.unroute("**/v1/token")
    expect(row(tab, "企画書")).to_be_visible()
    tab.screenshot("rtl_site")
