"""Windows of people who visit the intranet."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from conftest import FAILED, SCREENSHOTS
from intranet.browser import Browser, Tab
from intranet.stack import Stack
from intranet.wordpress import Session, WordPress

# Long enough for a machine that has other things to do; nothing waits longer than it has to.
expect.set_options(timeout=20_000)

Visit = Callable[..., Tab]
Write = Callable[[str], str]


@functools.cache
def session(wordpress: WordPress, who: str) -> Session:
    """Somebody's log-in, one for all tests: a password takes WordPress a while to check."""
    return wordpress.login(who)


@pytest.fixture
def visit(request: pytest.FixtureRequest, stack: Stack, browser: Browser) -> Iterator[Visit]:
    """`visit("ana", "/")` opens a page as that person (None: nobody is logged in) in a window of its own.

    At the end of the test each window of which there is no picture yet is kept as one, for people to look at; of a test
    that has failed every window.
    """
    folder = SCREENSHOTS / request.module.__name__.rpartition(".")[2].removeprefix("test_")
    name = re.sub(r"\W+", "-", request.node.name).strip("-").removeprefix("test_")
    tabs: list[Tab] = []
    with ExitStack() as windows:

        def open_window(who: str | None, path: str = "/", **details: object) -> Tab:
            known = session(stack.wordpress, who) if who else None
            tab = browser.tab(known, stack.wordpress.url, screenshots=folder, **details)  # type: ignore[arg-type]
            tabs.append(windows.enter_context(tab))
            tab.page.goto(path)
            return tab

        yield open_window
        failed = "-failed" if request.node.stash.get(FAILED, False) else ""
        for number, tab in enumerate(tabs):
            if failed or tab.pictures == 0:
                tab.screenshot(f"{name}-{number}{failed}" if len(tabs) > 1 else f"{name}{failed}")


@pytest.fixture
def write(stack: Stack) -> Iterator[Write]:
    """`write("[box_explorer]")` publishes a page for the length of the test and gives its address."""
    made: list[str] = []

    def publish(content: str) -> str:
        number = stack.wordpress.php(
            "kses_remove_filters(); echo wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish',"
            " 'post_title' => 'Written for a test', 'post_content' => $data['content'] ) );",
            content=f"<!-- wp:html -->{content}<!-- /wp:html -->",
        ).strip()
        made.append(number)
        return f"/?page_id={number}"

    yield publish
    for number in made:
        stack.wordpress.php(f"wp_delete_post( {number}, true );")
