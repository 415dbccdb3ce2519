"""An editor places a widget without knowing any id, with Box's own picker and their own account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import Visit, session
from browser.page import complaints, explorer, row
from intranet.stack import Stack


def insert_explorer(page: Page) -> None:
    """A new explorer in the editor, chosen, with nothing of a tour in its way."""
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
    insert_explorer(page)
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


@pytest.mark.parametrize("stack", ["6.1", "6.8", "newest"], indirect=True)
def test_who_edits_sees_their_own_files_where_visitors_will_see_theirs(visit: Visit, stack: Stack) -> None:
    own = next(
        item["path"].strip("/") for item in stack.emulator.items("olga@example.com") if item["path"].count("/") == 1
    )
    tab = visit("olga", "/wp-admin/post-new.php")
    page = tab.page
    insert_explorer(page)
    page.get_by_role("button", name="Show my own files").click()
    # From WordPress 6.3 on, the canvas is a frame itself.
    canvas = (
        page.frame_locator('iframe[name="editor-canvas"]')
        if page.locator('iframe[name="editor-canvas"]').count()
        else page
    )
    view = canvas.frame_locator("iframe.widgets-for-box-view")
    expect(view.get_by_role("row").filter(has_text=own)).to_be_visible()
    expect(canvas.get_by_text("These are your own files")).to_be_visible()
    tab.screenshot(f"live-view-{stack.wordpress.version}")

    # What is chosen for visitors is what the view has.
    expect(view.get_by_role("button", name="Upload")).to_have_count(0)
    page.get_by_role("checkbox", name="Upload files and create folders").check()
    expect(view.get_by_role("button", name="Add")).to_be_visible()

    page.get_by_role("button", name="Show my own files").click()
    expect(canvas.locator("iframe.widgets-for-box-view")).to_have_count(0)
    assert [error for error in complaints(tab) if "widgets-for-box" in error] == []


@pytest.fixture
def views_allowed(stack: Stack) -> Iterator[None]:
    """What only who can write wp-config.php can allow."""
    stack.wordpress.configure(WIDGETS_FOR_BOX_VIEW_AS=True)
    yield
    del stack.wordpress.constants["WIDGETS_FOR_BOX_VIEW_AS"]
    stack.wordpress.configure()


@pytest.mark.usefixtures("views_allowed")
def test_an_administrator_sees_names_in_the_place_of_a_colleague(visit: Visit, stack: Stack) -> None:
    tab = visit("admin", "/wp-admin/post-new.php")
    page = tab.page
    insert_explorer(page)
    page.get_by_role("button", name="Show my own files").click()
    canvas = page.frame_locator('iframe[name="editor-canvas"]')
    person = canvas.get_by_role("combobox", name="See it in the place of")
    person.press_sequentially("kenji")
    canvas.get_by_role("option", name="(kenji)").click()
    view = canvas.frame_locator("iframe.widgets-for-box-view")
    expect(view.get_by_role("row").filter(has_text="企画書")).to_be_visible()
    expect(canvas.get_by_text("This is what")).to_contain_text("That you look is recorded")
    page.get_by_role("checkbox", name="Upload files and create folders").check()
    expect(view.get_by_role("row").filter(has_text="企画書")).to_be_visible()
    expect(view.get_by_role("button", name="Add")).to_have_count(0)
    tab.screenshot("in-the-place-of")
    token = [token for token in stack.emulator.tokens() if token["kind"] == "downscoped"][-1]
    assert token["scopes"] == ["base_explorer"]
    line = [line for line in stack.sidecar.audit() if line["request_id"].startswith("viewed-by-wp-user-")][-1]
    assert (line["event"], line["scopes"]) == ("token_issued", [])


def test_view_is_for_those_who_write_and_for_signed_widgets(stack: Stack) -> None:
    made = {"element": "explorer", "attributes": {"folder": "0"}}
    olga = session(stack.wordpress, "olga")
    answer = olga.rest("POST", "widgets-for-box/v1/descriptor", json=made).json()
    address = answer["view"].removeprefix(stack.wordpress.url)
    shown = olga.get(address)
    assert shown.status_code == 200
    assert shown.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-cache" in shown.headers["Cache-Control"]
    assert answer["widget"] in shown.text
    assert olga.get(address[:-1] + ("a" if address[-1] != "a" else "b")).status_code == 403
    assert session(stack.wordpress, "ana").get(address).status_code == 403
    assert answer["widget"] not in stack.wordpress.visitor().get(address).text


@pytest.fixture
def author_without_box(stack: Stack) -> Iterator[None]:
    """Nora may write, and has no Box account."""
    role = "get_user_by( 'login', 'nora' )->set_role( $data['role'] );"
    stack.wordpress.php(role, role="author")
    yield
    stack.wordpress.php(role, role="subscriber")


@pytest.mark.usefixtures("author_without_box")
def test_who_has_no_box_account_is_told_and_places_a_folder_by_its_address(visit: Visit) -> None:
    tab = visit("nora", "/wp-admin/post-new.php")
    page = tab.page
    insert_explorer(page)
    page.get_by_role("button", name="Choose folder").first.click()
    dialog = page.get_by_role("dialog", name="Choose a Box folder")
    expect(dialog.get_by_text("There is no Box account for you yet")).to_be_visible()
    use = dialog.get_by_role("button", name="Use this folder")
    expect(use).to_be_disabled()
    dialog.get_by_label("Which folder?").fill("https://acme.app.box.com/s/abcdef")
    expect(dialog.get_by_text("A shared link does not say which folder it leads to")).to_be_visible()
    expect(use).to_be_disabled()
    tab.screenshot("by-address")
    dialog.get_by_label("Which folder?").fill("https://acme.app.box.com/folder/123456789?s=77x8")
    use.click()
    expect(dialog).to_have_count(0)
    block = "wp.data.select('core/block-editor').getBlocks().at(-1)"
    assert page.evaluate(f"{block}.attributes.folder") == "123456789"
