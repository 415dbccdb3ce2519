"""A slow line and a site that hangs: it is said what is being waited for, and how far it has come."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from browser.conftest import Visit
from browser.page import explorer, row
from intranet.browser import DESKTOP, PHONE, Tab
from intranet.stack import Stack

WATCH = """
window.said = [];
window.shown = [];
addEventListener( 'DOMContentLoaded', () => new MutationObserver( () => {
	for ( const [ list, what ] of [ [ said, 'announcement' ], [ shown, 'progress' ] ] ) {
		const last = document.querySelector( `.widgets-for-box-${ what }` )?.textContent;
		if ( last !== undefined && list.at( -1 )?.[ 1 ] !== last ) {
			list.push( [ performance.now(), last ] );
		}
	}
} ).observe( document.body, { childList: true, characterData: true, subtree: true } ) );
"""


def progress(tab: Tab) -> Any:
    return explorer(tab).locator(".widgets-for-box-progress")


def throttle(tab: Tab, kilobytes: int) -> None:
    """Kilobytes a second; as Chromium's own developer tools do it."""
    devtools = tab.context.new_cdp_session(tab.page)
    devtools.send("Network.enable")
    rate = kilobytes * 1024
    devtools.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 150, "downloadThroughput": rate, "uploadThroughput": rate},
    )


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_slow_line_tells_how_far_it_has_come(visit: Visit, stack: Stack, size: tuple[int, int]) -> None:
    tab = visit("ana", "/help/", cache=True, viewport=size)
    tab.page.add_init_script(WATCH)
    throttle(tab, 120)
    tab.page.goto("/", wait_until="commit")
    expect(explorer(tab).locator(".widgets-for-box-status").first).to_have_text("Loading your Box files…")
    expect(progress(tab)).to_have_text(re.compile(r"^Loading Box, [1-4]\.\d of 4\.3 MB \(\d+ s\)$"), timeout=60_000)
    tab.screenshot(f"how_far-{size[0]}")
    expect(row(tab, "Projetos")).to_be_visible(timeout=90_000)
    expect(progress(tab)).to_have_count(0)
    shown = [sentence for _, sentence in tab.page.evaluate("shown")]
    read = [float(sentence.split()[2]) for sentence in shown if " of " in sentence]
    assert len(set(read)) > 3, shown
    assert read == sorted(read)
    assert read[-1] <= 4.3
    # It was read along with the one download, not a second time.
    came = tab.page.evaluate(
        "performance.getEntriesByType( 'resource' ).filter( ( { name } ) => name.endsWith( '/explorer.js' ) )"
        ".reduce( ( sum, { encodedBodySize, transferSize } ) => sum + ( transferSize > 1000 ? transferSize : 0 ), 0 )"
    )
    assert came < 1_500_000, came
    # Screen readers are told now and then.
    said = tab.page.evaluate("said")
    moments = [moment for moment, words in said if words.startswith("Loading Box")]
    assert moments, said
    assert all(later - former > 9000 for former, later in pairwise(moments)), said


def test_quick_line_says_nothing_of_it(visit: Visit, stack: Stack) -> None:
    tab = visit("ana", cache=True)
    expect(row(tab, "Projetos")).to_be_visible()
    tab.page.reload()  # The machine has other things to do; from its cache a page is quick.
    tab.requests.clear()
    tab.page.reload()
    expect(row(tab, "Projetos")).to_be_visible()
    tab.page.wait_for_timeout(2500)
    asked = [request.url for request in tab.requests]
    assert not [url for url in asked if "progress.js" in url or "sizes.json" in url]
    assert len([url for url in asked if url.endswith("/explorer.js")]) == 1


def hang(tab: Tab, address: str) -> list[Route]:
    """Have the site not answer there, until somebody continues."""
    waiting: list[Route] = []
    tab.page.route(address, lambda route: waiting.append(route))  # noqa: PLW0108 - Playwright marks its handlers
    return waiting


@pytest.mark.parametrize("address", ["**/admin-ajax.php?action=rest-nonce", "**/v1/token"])
def test_site_that_hangs_is_told_after_eight_seconds(visit: Visit, stack: Stack, address: str) -> None:
    tab = visit("ana", "/help/")
    tab.page.add_init_script(WATCH)
    waiting = hang(tab, address)
    tab.page.goto("/")
    expect(progress(tab)).to_contain_text("Waiting for this site")
    if "nonce" in address:
        # Who is not known to be logged in has no business with Box.
        assert not [request.url for request in tab.requests if request.url.endswith("/explorer.js")]
    slow = "This site takes longer than usual. Please wait a moment."
    expect(explorer(tab).get_by_text(slow)).to_be_visible()
    tab.screenshot(f"hangs-{'nonce' if 'nonce' in address else 'token'}")
    said = tab.page.evaluate("said")
    assert [words for _, words in said].count(slow) == 1
    assert next(moment for moment, words in said if words == slow) - said[0][0] < 11_000
    for route in waiting:
        route.continue_()
    tab.page.unroute_all()
    expect(row(tab, "Projetos")).to_be_visible()


def test_site_that_hangs_when_a_token_ends_is_told_too(visit: Visit, stack: Stack) -> None:
    stack.emulator.settings(token_life_s=4)
    tab = visit("ana")
    expect(row(tab, "Projetos")).to_be_visible()
    tab.page.wait_for_timeout(5000)
    waiting = hang(tab, "**/v1/token")
    row(tab, "Projetos").get_by_text("Projetos").click()
    expect(explorer(tab).get_by_role("alert")).to_contain_text("takes longer than usual", timeout=12_000)
    tab.screenshot("hangs_later")
    for route in waiting:
        route.continue_()
    tab.page.unroute_all()
    expect(tab.page.get_by_role("alert")).to_have_count(0)
    expect(explorer(tab).get_by_role("button", name="Projetos")).to_be_visible()
