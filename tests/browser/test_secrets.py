"""What a browser may know: its own downscoped tokens, and nothing that differs from person to person in a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit
from browser.page import explorer, open_folder, row, uploader
from intranet.stack import Stack
from intranet.wordpress import Session

pytestmark = pytest.mark.parametrize("stack", ["6.1", "6.8"], indirect=True)


def front_page(session: Session) -> str:
    return session.get("/").raise_for_status().text


def containers(html: str) -> list[str]:
    """The widgets of a page, as they were sent."""
    return re.findall(r'<div[^>]*class="widgets-for-box.*?</div>', html, re.DOTALL)


def test_page_is_the_same_to_the_byte_for_everybody(stack: Stack) -> None:
    wordpress = stack.wordpress
    # The admin bar is WordPress' own, and the only thing on the page that knows its reader.
    show_bar = (
        "foreach ( array( 'ana', 'kenji', 'nora' ) as $name ) {"
        " update_user_meta( get_user_by( 'login', $name )->ID, 'show_admin_bar_front', $data['show'] ); }"
    )
    people = [wordpress.login(name) for name in ("ana", "kenji", "nora")]
    with_bar = [front_page(person) for person in people]
    wordpress.php(show_bar, show="false")
    try:
        ana, kenji, nora = (front_page(person) for person in people)
    finally:
        wordpress.php(show_bar, show="true")
    assert ana == kenji == nora
    assert len(containers(ana)) == 2
    everybody = [*with_bar, front_page(wordpress.visitor())]
    assert all(containers(html) == containers(ana) for html in everybody)


def test_page_holds_neither_nonce_nor_token_nor_person(stack: Stack) -> None:
    ana = stack.wordpress.login("ana")
    nonce = ana.nonce()
    ana.rest("POST", "widgets-for-box/v1/token", json={"widget": containers_descriptor(front_page(ana))}, nonce=nonce)
    html = front_page(ana)
    bar = html.index('<div id="wpadminbar"')
    ours = html[:bar] + html[html.index("</div>\n", html.index("wp-admin-bar-logout", bar)) :]
    assert nonce not in ours
    assert "ana@example.com" not in ours
    tokens = [token["token"] for token in stack.emulator.tokens()]
    assert tokens
    assert not [token for token in tokens if token in html]


def containers_descriptor(html: str) -> str:
    """The first widget's descriptor."""
    found = re.search(r'data-widget="([^"]+)"', html)
    assert found
    return found[1]


def test_browser_is_never_told_a_full_token(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "secret-hunt.txt"
    file.write_text("x")
    tab = visit("olga")
    folder = next(item["path"][1:] for item in stack.emulator.items("olga@example.com") if item["type"] == "folder")
    expect(row(tab, folder)).to_be_visible()
    uploader(tab).locator("input[type=file]").first.set_input_files(file)
    uploader(tab).get_by_role("button", name="Upload", exact=True).click()
    expect(uploader(tab).get_by_text("Success")).to_be_visible()
    open_folder(tab, folder)
    expect(explorer(tab).get_by_role("button", name=folder)).to_be_visible()

    told = "\n".join(f"{url}\n{answer}" for url, answer in tab.received().items())
    sent = "\n".join(f"{request.url}\n{request.headers}\n{request.post_data}" for request in tab.requests)
    kept = tab.page.evaluate(
        "JSON.stringify([document.documentElement.outerHTML, document.cookie, {...localStorage}, {...sessionStorage}])"
    )
    everything = told + sent + kept
    tokens = stack.emulator.tokens()
    full = [token for token in tokens if token["kind"] in ("service", "user")]
    assert full, "nothing to look for"
    assert not [token for token in full if token["token"] in everything]
    own = [token for token in tokens if token["kind"] == "downscoped" and token["token"] in everything]
    assert own, "the search finds nothing at all"
    assert {token["login"] for token in own} == {"olga@example.com"}
    assert not [token for token in own if token["token"] in kept], "left where other scripts and people find it"
