"""The pictures of the README and of the plugin's page, made of the real thing: dist/screenshots/screenshot-N.png."""

from __future__ import annotations

from playwright.sync_api import expect

from browser.page import row
from conftest import SCREENSHOTS
from intranet.browser import Browser, Tab
from intranet.stack import Stack

SIZE = (1280, 900)
AS_INSTALLED = """( [ socket, box ] ) => {
    const usual = ( text ) =>
        text.replaceAll( socket, "/run/box-sidecar/box-sidecar.sock" ).replaceAll( box, "https://api.box.com" );
    const texts = document.createTreeWalker( document.body, NodeFilter.SHOW_TEXT );
    while ( texts.nextNode() ) texts.currentNode.data = usual( texts.currentNode.data );
    const hosts = [ "https://api.box.com", "https://upload.box.com", "https://cdn01.boxcdn.net" ];
    for ( const input of document.querySelectorAll( "input[type=text], input[type=url]" ) )
        input.value = input.value === box ? hosts.shift() : usual( input.value );
}"""
"""The socket and Box where a usual installation has them, instead of the test's folder and its emulator."""


def picture(tab: Tab, number: int) -> None:
    """Keep the picture with that number; readme.txt has the captions."""
    tab.screenshot(f"screenshot-{number}")
    assert (SCREENSHOTS / f"screenshot-{number}.png").stat().st_size > 10_000


def window(browser: Browser, stack: Stack, who: str, path: str) -> Tab:
    """A window of that person."""
    tab = browser.tab(stack.wordpress.login(who), stack.wordpress.url, viewport=SIZE, screenshots=SCREENSHOTS)
    tab.page.goto(path)
    return tab


def test_explorer_and_uploader_of_two_people(browser: Browser, stack: Stack) -> None:
    for number, (who, folder) in enumerate((("ana", "Projetos"), ("kenji", "企画書")), start=1):
        with window(browser, stack, who, "/") as tab:
            expect(row(tab, folder)).to_be_visible()
            picture(tab, number)


def test_choosing_a_folder_in_the_editor(browser: Browser, stack: Stack) -> None:
    with window(browser, stack, "olga", "/wp-admin/post-new.php") as tab:
        page = tab.page
        page.wait_for_function("() => window.wp?.blocks?.getBlockType('widgets-for-box/explorer')")
        page.wait_for_function("() => wp.data.select('core/editor').getCurrentPostId()")
        page.evaluate(
            "() => { wp.data.dispatch('core/preferences').set('core/edit-post', 'welcomeGuide', false);"
            " wp.data.dispatch('core/editor').editPost({title: 'Contracts'});"
            " const block = wp.blocks.createBlock('widgets-for-box/explorer');"
            " wp.data.dispatch('core/block-editor').insertBlock(block);"
            " wp.data.dispatch('core/block-editor').selectBlock(block.clientId); }"
        )
        page.get_by_role("button", name="Choose folder").first.click()
        offered = page.get_by_role("dialog").get_by_role("row").filter(has_text="Договоры")
        offered.get_by_role("radio").check(force=True)
        expect(page.get_by_role("dialog").get_by_role("button", name="Choose", exact=True)).to_be_enabled()
        picture(tab, 3)


def test_settings_with_the_status_panel(browser: Browser, stack: Stack) -> None:
    with window(browser, stack, "admin", "/wp-admin/options-general.php?page=widgets-for-box") as tab:
        expect(tab.page.get_by_text("Clock", exact=False).first).to_be_visible()
        tab.page.wait_for_load_state("networkidle")
        tab.page.evaluate(AS_INSTALLED, [str(stack.sidecar.socket), stack.emulator.url])
        picture(tab, 4)
