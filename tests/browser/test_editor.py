"""An editor places a widget without knowing any id, with Box's own picker and their own account."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit
from browser.page import complaints, explorer, row
from intranet.stack import Stack


@pytest.mark.parametrize("stack", ["6.1", "6.8", "newest"], indirect=True)
def test_folder_chosen_in_the_editor_is_the_one_on_the_page(visit: Visit, stack: Stack) -> None:
    folder = next(item for item in stack.emulator.items("olga@example.com") if item["path"] == "/Договоры")
    inside = min(
        item["path"].split("/")[2]
        for item in stack.emulator.items("olga@example.com")
        if item["path"].startswith("/Договоры/")
    )
    tab = visit("olga", "/wp-admin/post-new.php")
    page = tab.page
    page.wait_for_function("() => window.wp?.blocks?.getBlockType('widgets-for-box/explorer')")
    page.wait_for_function("() => wp.data.select('core/editor').getCurrentPostId()")
    page.evaluate(
        "() => { for (const scope of ['core', 'core/edit-post']) {"
        " wp.data.dispatch('core/preferences').set(scope, 'welcomeGuide', false);"
        " wp.data.dispatch('core/preferences').set(scope, 'enableChoosePatternModal', false); } }"
    )
    page.evaluate(
        "() => { const block = wp.blocks.createBlock('widgets-for-box/explorer');"
        " wp.data.dispatch('core/block-editor').insertBlock(block);"
        " wp.data.dispatch('core/block-editor').selectBlock(block.clientId); }"
    )
    page.get_by_role("button", name="Choose folder").first.click()
    dialog = page.get_by_role("dialog", name="Choose a Box folder")
    expect(dialog.get_by_text("Договоры").first).to_be_visible()
    tab.screenshot(f"choosing-{stack.wordpress.version}")
    dialog.get_by_role("row").filter(has_text="Договоры").get_by_role("radio").check(force=True)
    dialog.get_by_role("button", name="Choose", exact=True).click()
    chosen = "() => wp.data.select('core/block-editor').getBlocks().at(-1).attributes.folder"
    page.wait_for_function(f"{chosen.removeprefix('() => ')} !== '0'")
    assert page.evaluate(chosen) == folder["id"]

    page.evaluate(
        "async () => { wp.data.dispatch('core/editor').editPost({title: 'Contracts', status: 'publish'});"
        " await wp.data.dispatch('core/editor').savePost(); }"
    )
    number = page.evaluate("wp.data.select('core/editor').getCurrentPostId()")
    assert [error for error in complaints(tab) if "widgets-for-box" in error] == []

    reader = visit("olga", f"/?p={number}")
    expect(row(reader, inside)).to_be_visible()
    expect(explorer(reader).get_by_text("Отчёты")).to_have_count(0)
    token = [token for token in stack.emulator.tokens() if token["kind"] == "downscoped"][-1]
    assert folder["id"] in str(token["resource"])

    # Somebody who may not see that folder in Box does not see it here either.
    stranger = visit("kenji", f"/?p={number}")
    expect(explorer(stranger).get_by_role("alert")).to_be_visible()
    expect(row(stranger, inside)).to_have_count(0)
