"""What is counted, what it costs at Box, and widgets that wait so as to cost nothing."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from browser.page import violations
from conftest import SCREENSHOTS
from intranet.browser import Browser, Tab
from intranet.wordpress import WordPress
from plugin.scripted_sidecar import Answer, Request, ScriptedSidecar, problem, token
from plugin.support import ROUTE, descriptor, serve_stub

KINDS = ("list", "read", "search", "upload", "download", "change", "other")
PAGE = "/wp-admin/tools.php?page=widgets-for-box-usage"
NOW = datetime.datetime.now(datetime.UTC)
MONTH = NOW.strftime("%Y-%m")


def calls(**counts: int) -> dict[str, int]:
    return dict.fromkeys(KINDS, 0) | counts


def usage(days: list[dict[str, Any]], month: dict[str, Any] | None = None, *, brake: bool = False) -> Any:
    """A sidecar that has counted so much."""
    said = {"calls": 0, "forecast": None, "allotment": 0, "share": None} | (month or {})

    def answer(request: Request) -> Answer:
        if request.path.startswith("/v1/usage?days="):
            return Answer(body={"days": days, "month": said, "brake": brake})
        return token(request)

    return answer


@pytest.fixture
def posts(site: WordPress) -> Iterator[list[int]]:
    """Pages with names that people give."""
    titles = ["Team files", 'R&D <b>"plans"</b>', "経費", "Onboarding"]
    made = json.loads(
        site.php(
            "echo wp_json_encode( array_map( static function ( $title ) { return wp_insert_post( wp_slash( array("
            " 'post_type' => 'page', 'post_status' => 'publish', 'post_title' => $title,"
            " 'post_content' => '[box_explorer]' ) ) ); }, $data['titles'] ) );",
            titles=titles,
        )
    )
    yield made
    site.php("foreach ( $data['ids'] as $id ) { wp_delete_post( $id, true ); }", ids=made)


@pytest.fixture(autouse=True)
def forget(request: pytest.FixtureRequest) -> Iterator[None]:
    """The next test's site knows nothing of a month."""
    yield
    if "site" in request.fixturenames:
        site: WordPress = request.getfixturevalue("site")
        site.php("update_option( 'widgets_for_box_usage', array() ); delete_transient( 'widgets_for_box_no_reports' );")


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_a_report_is_made_anew_from_what_makes_sense(
    site: WordPress, sidecar: ScriptedSidecar, posts: list[int]
) -> None:
    ana = site.login("ana")
    nonce = ana.nonce()
    draft = int(
        site.php(
            "echo wp_insert_post( array( 'post_title' => 'Secret', 'post_status' => 'draft',"
            " 'post_content' => '[box_explorer]' ) );"
        )
    )
    bare = int(site.php("echo wp_insert_post( array( 'post_title' => 'Bare', 'post_status' => 'publish' ) );"))
    page = posts[0]
    told: list[tuple[object, object]] = [
        ({"page": page, "calls": calls(list=4, read=1)}, {"page": page, "calls": calls(list=4, read=1)}),
        ({"page": page, "calls": {}}, {"page": page}),
        ({"calls": {"download": 2, "steal": 3, "__proto__": 1}}, {"calls": calls(download=2)}),
        ({"calls": {"list": 10**12, "read": -4, "search": 2}}, {"calls": calls(list=100_000, search=2)}),
        ({"calls": {"list": "4", "read": 1.5, "search": True, "other": [1]}}, None),
        ({"page": draft, "calls": [1, 2]}, None),
        ({"page": bare}, None),
        ({"page": 10**9}, None),
        ({"page": str(page)}, None),
        ({"page": 0, "calls": calls()}, None),
        ("list", None),
        ([{"page": page}], None),
        (None, None),
        (7, None),
    ]
    for sent, expected in told:
        asked = {"widget": descriptor(site, "[box_explorer]"), "report": sent}
        answer = ana.rest("POST", ROUTE, json=asked, nonce=nonce)
        assert answer.status_code == 200, "No statistics are worth a refusal."
        body = sidecar.requests[-1].body
        assert body.get("report") == expected, sent
        assert ("report" in body) is (expected is not None)


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_an_older_sidecar_is_told_nothing_for_an_hour(
    site: WordPress, sidecar: ScriptedSidecar, posts: list[int]
) -> None:
    def older(request: Request) -> Answer:
        return problem(400, "invalid_request") if "report" in (request.body or {}) else token(request)

    ana = site.login("ana")
    nonce = ana.nonce()
    asked = {"widget": descriptor(site, "[box_explorer]"), "report": {"page": posts[0]}}

    def reports() -> list[bool]:
        """Whether each request of one token told anything."""
        before = len(sidecar.requests)
        assert ana.rest("POST", ROUTE, json=asked, nonce=nonce).status_code == 200
        return ["report" in request.body for request in sidecar.requests[before:]]

    sidecar.answer = older
    assert reports() == [True, False]
    assert reports() == [False]
    left = site.php("echo get_option( '_transient_timeout_widgets_for_box_no_reports' ) - time();")
    assert 3500 < int(left) <= 3600
    site.php("delete_transient( 'widgets_for_box_no_reports' );")
    sidecar.answer = token
    assert reports() == [True]

    # What is refused for another reason stays refused, and says nothing about reports.
    sidecar.answer = lambda request: problem(400, "invalid_request")
    assert ana.rest("POST", ROUTE, json=asked, nonce=nonce).json()["code"] == "invalid_request"
    sidecar.answer = token
    assert reports() == [True]


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_what_was_never_sent_was_not_told(site: WordPress, sidecar: ScriptedSidecar, posts: list[int]) -> None:
    """After a time-out nobody asks for a while: the browser keeps its numbers."""
    ana = site.login("ana")
    nonce = ana.nonce()
    asked = {"widget": descriptor(site, "[box_explorer]"), "report": {"page": posts[0]}}
    breaker = "$it = new WidgetsForBox\\Breaker( WidgetsForBox\\Settings::get( 'socket' ) );"
    site.php(f"{breaker} $it->timed_out( 20 );")
    try:
        answer = ana.rest("POST", ROUTE, json=asked, nonce=nonce)
    finally:
        site.php(f"{breaker} $it->answered();")
    assert answer.json()["code"] == "sidecar_timeout"
    assert not sidecar.requests
    assert "Box-Report" not in answer.headers
    assert ana.rest("POST", ROUTE, json=asked, nonce=nonce).headers["Box-Report"] == "taken"


def made_up(posts: list[int]) -> list[dict[str, Any]]:
    """Ninety days of a company: a week has five of them, and it grows."""
    days = []
    for number in range(90):
        date = (NOW - datetime.timedelta(days=89 - number)).date()
        busy = (40 + number) // (8 if date.weekday() > 4 else 1)
        days.append(
            {
                "date": date.isoformat(),
                "tokens": {"explorer": 2 * busy, "uploader": busy // 3, "picker": busy // 7, "preview": busy // 5},
                "people": busy // 2 + number % 5,
                "failures": {"user_not_found": number % 4, "box_unavailable": 25 if number == 60 else 0},
                "box_calls": {"sidecar": busy // 2, **{kind: busy * (7 - at) for at, kind in enumerate(KINDS)}},
                "pages": [
                    {"page": page, "element": element, "tokens": busy // (at + 1)}
                    for at, page in enumerate([*posts, 0, 4_000_000])
                    for element in ("explorer", "preview")[: 1 + at % 2]
                ],
            }
        )
    return days


@pytest.mark.parametrize("site", ["6.1", "6.8"], indirect=True)
def test_page_about_usage(site: WordPress, sidecar: ScriptedSidecar, posts: list[int], browser: Browser) -> None:
    month = {"calls": 31_204, "forecast": 43_900, "allotment": 50_000, "share": 0.878}
    sidecar.answer = usage(made_up(posts), month)
    admin = site.login("admin")
    folder = SCREENSHOTS / "usage"

    def look(name: str, width: int = 1280) -> Tab:
        tab = opened.enter_context(browser.tab(admin, site.url, viewport=(width, 900), screenshots=folder))
        assert tab.page.goto(PAGE).status == 200  # type: ignore[union-attr]
        tab.screenshot(f"{name}-{site.version}", full_page=True)
        return tab

    with ExitStack() as opened:
        tab = look("wide")
        assert [request.path for request in sidecar.requests] == ["/v1/usage?days=90"]
        bill = tab.page.locator(".widgets-for-box-bill")
        expect(bill).to_contain_text("31,204 calls to Box so far this month. At this rate, about 43,900 by its end.")
        expect(bill).to_contain_text("That is 88% of the 50,000 that your plan has.")
        expect(bill).to_contain_text("Used so far: 62%")
        plots = tab.page.get_by_role("img")
        expect(plots).to_have_count(4)
        expect(plots.first).to_have_accessible_name("People")
        expect(plots.first).to_have_accessible_description(re.compile(r"^[\d,]+ in all from .*; the most on one day"))
        for number in range(4):
            table = tab.page.locator(".widgets-for-box-plot details").nth(number)
            table.locator("summary").click()
            expect(table.locator("tbody tr")).to_have_count(90)
        drawn, told = tab.page.evaluate(
            """() => {
                const section = document.getElementById( 'widgets-for-box-people' ).parentNode;
                const bars = [ ...section.querySelector( 'path' ).getAttribute( 'd' ).matchAll( /v-([\\d.]+)/g ) ];
                const cells = [ ...section.querySelectorAll( 'tbody td' ) ];
                return [ bars.map( ( [ , height ] ) => Number( height ) ), cells.map( ( cell ) => +cell.textContent ) ];
            }"""
        )
        people = [day["people"] for day in made_up(posts)]
        assert told == people[::-1]
        assert drawn == pytest.approx([100 * number / max(people) for number in people], abs=0.01)
        expect(
            tab.page.get_by_text("There is no Box account for this person yet. (user_not_found)").first
        ).to_be_visible()
        rows = tab.page.locator("table:not(details table) tbody tr")
        expect(rows).to_have_count(9)
        expect(rows.first).to_contain_text("Team files")
        expect(tab.page.get_by_role("link", name="R&D")).to_have_count(2)
        expect(tab.page.locator(".widgets-for-box-usage b")).to_have_count(0)
        expect(rows.last).to_contain_text("No. 4000000, not there any more")
        assert violations(tab, ".widgets-for-box-usage", without="") == []
        tab.screenshot(f"tables-{site.version}", full_page=True)

        narrow = look("narrow", 600)
        assert narrow.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert violations(narrow, ".widgets-for-box-usage", without="") == []

        mirror = site.content / "mu-plugins" / "mirror.php"
        mirror.write_text(
            "<?php\nadd_action( 'init', static function () { $GLOBALS['wp_locale']->text_direction = 'rtl'; } );\n"
            "add_action( 'wp_default_styles', static function ( $it ) { $it->text_direction = 'rtl'; } );\n"
            "add_filter( 'get_user_option_admin_color', static function () { return 'midnight'; } );\n"
        )
        try:
            other = look("mirrored")
        finally:
            mirror.unlink()
        flipped = (
            "new DOMMatrix( getComputedStyle( document.querySelector( '.widgets-for-box-bars > svg' ) ).transform ).a"
        )
        assert other.page.evaluate(flipped) == -1
        assert tab.errors == narrow.errors == other.errors == []


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_page_says_why_there_is_nothing_to_see(site: WordPress, sidecar: ScriptedSidecar) -> None:
    admin = site.login("admin")

    def shown() -> str:
        answer = admin.get(PAGE)
        assert answer.status_code == 200
        return answer.text.partition('id="wpbody-content"')[2]

    sidecar.answer = usage([])
    text = shown()
    assert "Nobody has used a widget since the sidecar counts." in text
    assert "set [usage] allotment in /etc/box-sidecar/box-sidecar.toml" in text
    assert "0 calls to Box so far this month." in text
    # What the sidecar says, in the administrator's language.
    site.php("update_user_meta( get_user_by( 'login', 'admin' )->ID, 'locale', 'de_DE' );")
    sidecar.answer = lambda request: problem(503, "not_ready", "Ask again in a moment.")
    german = shown()
    site.php("delete_user_meta( get_user_by( 'login', 'admin' )->ID, 'locale' );")
    assert "Fragen Sie gleich noch einmal." in german
    sidecar.answer = lambda request: problem(404, "not_found", "See GET /openapi.json.")
    assert "This sidecar does not count yet: it is older than the plugin. Update it." in shown()
    for nonsense in ({}, {"days": 1, "month": {}, "brake": False}, {"days": [], "month": {}, "brake": "yes"}, "<p>"):
        sidecar.answer = lambda request, nonsense=nonsense: Answer(body=nonsense)  # type: ignore[misc]
        assert "The sidecar does not tell what it has counted." in shown()
    evil: dict[str, Any] = {
        "date": NOW.date().isoformat(),
        "tokens": {"<script>alert(1)</script>": 3, "explorer": -1},
        "people": "x",
        "failures": {'"><script>alert(2)</script>': 1},
        "box_calls": [1, {}],
        "pages": [{"page": "1", "element": "<script>alert(3)</script>", "tokens": 1e300}, 7],
    }
    sidecar.answer = usage([evil, {"date": "2026-13-45"}, {"date": ["x"]}, 5], {"calls": "x", "share": "y"})  # type: ignore[list-item]
    assert "<script>alert" not in shown()
    sidecar.stop()
    try:
        text = shown()
    finally:
        sidecar.start()
    assert "The sidecar does not tell what it has counted." in text
    assert "Start the sidecar" in text

    for who in ("ana", "edith"):
        assert site.login(who).get(PAGE).status_code == 403
    assert "widgets-for-box-usage" not in site.login("edith").get("/wp-admin/index.php").text


def configuration(html: str) -> dict[str, Any]:
    found = re.search(r'id="widgets-for-box-configuration">(.*?)</script>', html, re.DOTALL)
    assert found
    said: dict[str, Any] = json.loads(re.sub(r"^[^{]+|[^}]+$", "", found[1]))
    return said


HEALTH = "echo wp_json_encode( WidgetsForBox\\Bill::test() );"


def test_the_brake_and_the_warning_last_for_their_month(
    site: WordPress, sidecar: ScriptedSidecar, posts: list[int]
) -> None:
    def page() -> dict[str, Any]:
        return configuration(site.visitor().get(f"/?p={posts[0]}").text)

    def look() -> None:
        site.php("do_action( 'widgets_for_box_usage' );")

    assert page()["brake"] == ""
    assert page()["page"] == posts[0]
    assert json.loads(site.php(HEALTH))["status"] == "good"
    assert site.php("echo wp_get_schedule( 'widgets_for_box_usage' );") == "hourly"

    month = {"calls": 45_500, "forecast": 50_300, "allotment": 50_000, "share": 1.006}
    sidecar.answer = usage([], month, brake=True)
    look()
    assert [request.path for request in sidecar.requests] == ["/v1/usage?days=1"]
    sidecar.requests.clear()
    assert page()["brake"] == MONTH
    assert not sidecar.requests, "Rendering asks nobody."
    health = json.loads(site.php(HEALTH))
    assert health["status"] == "recommended"
    assert "101% of the calls" in health["description"]
    assert "all widgets wait" in health["description"]
    assert "tools.php?page=widgets-for-box-usage" in health["actions"]
    tests = json.loads(site.php("echo wp_json_encode( apply_filters( 'site_status_tests', array() ) );"))
    assert "widgets_for_box_bill" in tests["direct"]

    # Who does not answer has changed nothing.
    sidecar.answer = lambda request: problem(503, "box_unavailable")
    look()
    assert page()["brake"] == MONTH
    # What was said of another month says nothing about this one, though nobody has looked since.
    site.php("update_option( 'widgets_for_box_usage', array( 'month' => '2025-01', 'brake' => true, 'share' => 2 ) );")
    assert page()["brake"] == ""
    assert json.loads(site.php(HEALTH))["status"] == "good"

    for share, status in ((0.79, "good"), (0.8, "recommended"), (None, "good")):
        sidecar.answer = usage([], {"calls": 1, "share": share, "allotment": 9})
        look()
        assert json.loads(site.php(HEALTH))["status"] == status
    assert page()["brake"] == ""
    assert "widgets_for_box_usage" in site.php("echo implode( ' ', array_keys( wp_load_alloptions() ) );")


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_no_connection_is_opened_early_for_what_waits(site: WordPress, posts: list[int]) -> None:
    def connects(content: str) -> bool:
        site.php(
            "wp_update_post( wp_slash( array( 'ID' => $data['id'], 'post_content' => $data['content'] ) ) );",
            id=posts[1],
            content=content,
        )
        head = site.visitor().get(f"/?p={posts[1]}").text.partition("</head>")[0]
        return bool(re.search(r"<link[^>]*cdn01\.boxcdn\.net[^>]*preconnect|preconnect[^>]*cdn01", head))

    waits = ('[box_explorer can="preview" load="click"]', '<!-- wp:widgets-for-box/picker {"load":"click"} /-->')
    loads = ("[box_explorer]", '<!-- wp:widgets-for-box/picker {"folder":"7"} /-->')
    assert not connects("".join(waits))
    for content in loads:
        assert connects(content)
        assert connects(waits[0] + content + waits[1])


def height(locator: Locator) -> float:
    box = locator.bounding_box()
    assert box
    return box["height"]


@pytest.fixture
def tab(site: WordPress, sidecar: ScriptedSidecar, browser: Browser) -> Iterator[Tab]:
    """Ana's browser, with a stand-in for Box's Elements."""
    with browser.tab(site.login("ana"), site.url, screenshots=SCREENSHOTS / "usage") as opened:
        serve_stub(opened)
        yield opened


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_widgets_that_wait_for_their_button(site: WordPress, sidecar: ScriptedSidecar, tab: Tab) -> None:
    content = (
        '[box_explorer load="click"][box_uploader load=" CLICK "][box_picker load="near" title="Ours"]'
        '[box_explorer load="click" title="Plans $&"]'
    )
    address = site.php(
        "echo get_permalink( wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish',"
        " 'post_title' => 'Waiting', 'post_content' => $data['content'] ) ) );",
        content=content,
    )
    tab.page.goto(address)
    button = tab.page.get_by_role("button", name="Show my Box files")
    expect(button).to_be_visible()
    tab.page.wait_for_function("() => window.shown?.length === 1")  # The picker's.
    loaded = " ".join(request.url for request in tab.requests)
    assert "picker.js" in loaded
    assert "explorer.js" not in loaded
    assert "uploader.js" not in loaded
    assert [request.body["element"] for request in sidecar.requests] == ["picker"]
    expect(tab.page.get_by_role("button", name="Upload to Box", exact=True)).to_be_visible()
    expect(tab.page.get_by_role("button", name="Show: Plans $&", exact=True)).to_be_visible()
    waiting = tab.page.locator(".widgets-for-box-explorer").first
    assert height(waiting) < 200
    assert violations(tab, ".widgets-for-box-explorer") == []
    tab.screenshot("waiting", full_page=True)

    button.focus()
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_function("() => window.shown.length === 2")
    expect(waiting).to_have_attribute("data-state", "shown")
    expect(waiting).to_be_focused()
    assert height(waiting) == 600
    assert [request.body["element"] for request in sidecar.requests] == ["picker", "explorer"]
    expect(tab.page.locator(".widgets-for-box-uploader")).to_have_attribute("data-state", "collapsed")

    # In the language that is remembered of the person, and still without a call.
    sidecar.requests.clear()
    tab.page.evaluate("localStorage.widgetsForBox = 'de-DE/de_DE'")
    tab.requests.clear()
    tab.page.goto(address)
    expect(tab.page.get_by_role("button", name="Meine Box-Dateien anzeigen")).to_be_visible()
    expect(tab.page.get_by_role("button", name="Nach Box hochladen", exact=True)).to_be_visible()
    tab.page.wait_for_function("() => window.shown?.length === 1")
    assert not any("explorer.js" in request.url for request in tab.requests)
    assert [request.body["element"] for request in sidecar.requests] == ["picker"]
    assert tab.errors == []


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_the_brake_holds_all_widgets_and_no_page_of_last_month(
    site: WordPress, sidecar: ScriptedSidecar, posts: list[int], tab: Tab
) -> None:
    brake = (
        "update_option( 'widgets_for_box_usage', array( 'month' => gmdate( 'Y-m' ), 'brake' => true, 'share' => 1 ) );"
    )
    site.php(brake)
    address = f"{site.url}/?page_id={posts[0]}"
    tab.page.goto(address)
    button = tab.page.get_by_role("button", name="Show my Box files")
    expect(button).to_be_visible()
    waiting = tab.page.locator(".widgets-for-box-explorer")
    assert height(waiting) == 600, "Nothing jumps."
    assert not sidecar.requests
    assert not any("cdn01" in request.url for request in tab.requests)
    button.click()
    tab.page.wait_for_function("() => window.shown?.length === 1")
    assert sidecar.requests[-1].body["report"] == {"page": posts[0]}

    def from_a_cache(route: Any) -> None:
        answer = route.fetch()
        body = answer.text().replace(f'"brake":"{MONTH}"', '"brake":"2025-01"')
        below = '<div style="height:9000px"></div>'
        route.fulfill(response=answer, body=re.sub(r"(?=<div [^>]*data-widget=)", below, body, count=1))

    tab.page.route(lambda url: "page_id" in url, from_a_cache)
    tab.page.goto(address, wait_until="networkidle")
    assert not tab.page.evaluate("window.shown?.length"), "Out of sight it waits, as on every other page."
    waiting.scroll_into_view_if_needed()
    tab.page.wait_for_function("() => window.shown?.length === 1")
    expect(button).to_have_count(0)
    assert tab.errors == []


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_kinds_of_calls(site: WordPress, tab: Tab) -> None:
    """By method and address, wherever Box's interface is."""
    api = "https://api.box.com/2.0"
    expected: list[tuple[dict[str, Any], str | None]] = [
        ({"method": "get", "url": f"{api}/folders/0", "params": {"limit": 50}}, "list"),
        ({"method": "get", "url": f"{api}/folders/0?fields=id"}, "read"),
        ({"method": "get", "url": f"{api}/recent_items?limit=100"}, "list"),
        ({"method": "GET", "url": f"{api}/files/7?fields=permissions"}, "read"),
        ({"url": f"{api}/files/7"}, "read"),
        ({"method": "get", "url": f"{api}/search", "params": {"query": "x"}}, "search"),
        ({"method": "get", "url": f"{api}/files/7", "params": {"fields": "download_url"}}, "download"),
        ({"method": "get", "url": f"{api}/files/7/content"}, "download"),
        ({"method": "options", "url": f"{api}/files/content"}, "upload"),
        ({"method": "post", "url": "https://upload.box.com/api/2.0/files/content"}, "upload"),
        ({"method": "put", "url": "https://upload.box.com/api/2.0/files/upload_sessions/A"}, "upload"),
        ({"method": "put", "url": f"{api}/folders/7"}, "change"),
        ({"method": "DELETE", "url": f"{api}/files/7"}, "change"),
        ({"method": "post", "url": f"{api}/folders"}, "change"),
        ({"method": "post", "url": f"{api}/events"}, "other"),
        ({"method": "get", "url": "https://dl.boxcloud.com/api/2.0/internal_files/1/content"}, None),
        ({"method": "get", "url": "https://cdn01.boxcdn.net/platform/preview/2.0.0/preview.js"}, None),
        ({"method": "get", "url": "/wp-json/wp/v2/pages"}, None),
    ]
    tab.page.goto("/")
    found = tab.page.evaluate(
        "async ( requests ) => { const { kindOf } = await import("
        " '/wp-content/plugins/widgets-for-box/assets/calls.js' ); return requests.map( kindOf ); }",
        [request for request, _ in expected],
    )
    assert found == [kind for _, kind in expected]


@pytest.mark.parametrize("site", ["6.8"], indirect=True)
def test_what_was_counted_is_told_once_it_can_be(
    site: WordPress, sidecar: ScriptedSidecar, posts: list[int], tab: Tab
) -> None:
    kept = "localStorage.widgetsForBoxCalls"
    address = f"{site.url}/?page_id={posts[0]}"
    tab.page.goto("/")
    tab.page.evaluate(f"{kept} = JSON.stringify( {{ list: 3, change: 1 }} )")
    sidecar.stop()
    try:
        tab.page.goto(address)
        expect(tab.page.get_by_role("alert")).to_be_visible()
    finally:
        sidecar.start()
    assert json.loads(tab.page.evaluate(kept)) == {"list": 3, "change": 1}
    # Who refuses a token has been told all the same, and is not told again.
    sidecar.answer = lambda request: problem(403, "role_not_allowed")
    tab.page.reload()
    expect(tab.page.get_by_role("alert")).to_be_visible()
    assert sidecar.requests[-1].body["report"] == {"page": posts[0], "calls": calls(list=3, change=1)}
    assert tab.page.evaluate(kept) is None
    sidecar.answer = token
    tab.page.reload()
    tab.page.wait_for_function("() => window.shown?.length === 1")
    assert sidecar.requests[-1].body["report"] == {"page": posts[0]}

    # What somebody else wrote there keeps nobody from their files.
    for nonsense in (
        '"x',
        "5",
        "[7]",
        '{"list": "9", "read": -1, "search": 1e999, "toString": 3, "__proto__": {"a": 1}}',
    ):
        tab.page.evaluate(f"text => {{ {kept} = text; }}", nonsense)
        tab.page.reload()
        tab.page.wait_for_function("() => window.shown?.length === 1")
        assert sidecar.requests[-1].body["report"].get("calls") in (None, calls(list=9))
