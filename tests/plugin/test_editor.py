"""The blocks in the editors of all supported WordPress releases, in Chromium, with a stand-in for the Elements."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from intranet.browser import Browser, Tab
from intranet.release import REPOSITORY
from intranet.wordpress import WordPress
from plugin.scripted_sidecar import ScriptedSidecar
from plugin.support import serve_stub

ADDRESSES: list[list[str]] = json.loads(Path(__file__).with_name("addresses.json").read_text())
BLOCKS = ("explorer", "uploader", "picker", "preview")
SCREENSHOTS = REPOSITORY / "dist" / "screenshots" / "editor"
KINDS = ("My files", "Team folder", "Meeting documents", "Recent files", "Hand in a file")
"""What people come for: there is a variation and a pattern of each."""


@pytest.fixture
def editor(editing_site: WordPress, sidecar: ScriptedSidecar, browser: Browser) -> Iterator[Tab]:
    """A new post in the block editor, opened by an administrator."""
    session = editing_site.login("admin")
    with browser.tab(session, editing_site.url, screenshots=SCREENSHOTS / editing_site.version) as tab:
        serve_stub(tab)
        tab.page.goto("/wp-admin/post-new.php")
        tab.page.wait_for_function("() => window.wp?.blocks?.getBlockType( 'widgets-for-box/explorer' )")
        tab.page.wait_for_function(
            "() => wp.data.select( 'core/editor' ).getCurrentPostId() && wp.data.select( 'core/block-editor' )"
        )
        tab.page.evaluate(
            """() => {
                const preferences = wp.data.dispatch( 'core/preferences' );
                preferences.set( 'core/edit-post', 'welcomeGuide', false );
                preferences.set( 'core', 'welcomeGuide', false );
            }"""
        )
        yield tab


def insert(tab: Tab, element: str, attributes: dict[str, object] | None = None) -> None:
    """Insert a block and select it."""
    tab.page.evaluate(
        """( [ name, attributes ] ) => {
            const block = wp.blocks.createBlock( name, attributes );
            wp.data.dispatch( 'core/block-editor' ).insertBlock( block );
            wp.data.dispatch( 'core/block-editor' ).selectBlock( block.clientId );
        }""",
        [f"widgets-for-box/{element}", attributes or {}],
    )
    tab.page.evaluate("() => wp.data.dispatch( 'core/edit-post' ).openGeneralSidebar( 'edit-post/block' )")


def attributes(tab: Tab) -> dict[str, object]:
    """The attributes of the first block."""
    found: dict[str, object] = tab.page.evaluate(
        "() => wp.data.select( 'core/block-editor' ).getBlocks()[ 0 ].attributes"
    )
    return found


def complaints(tab: Tab) -> list[str]:
    """What the console said about the plugin; WordPress has its own affairs."""
    return [error for error in tab.errors if "widgets-for-box" in error or "Uncaught" in error]


def test_all_blocks_can_be_inserted(editor: Tab) -> None:
    for element in BLOCKS:
        insert(editor, element)
    names = editor.page.evaluate(
        "() => wp.data.select( 'core/block-editor' ).getBlocks().map( ( { name, isValid } ) => [ name, isValid ] )"
    )
    assert names == [[f"widgets-for-box/{element}", True] for element in BLOCKS]
    canvas = editor.page.frame_locator("iframe[name=editor-canvas]")
    place = canvas if editor.page.locator("iframe[name=editor-canvas]").count() else editor.page
    for title in ("Box explorer", "Box uploader", "Box picker", "Box preview"):
        expect(place.locator(".widgets-for-box-picture strong", has_text=title)).to_be_visible()
    expect(place.locator(".widgets-for-box-preview").get_by_role("button", name="Choose file")).to_be_visible()
    editor.screenshot("blocks")
    assert complaints(editor) == []


def test_folder_is_chosen_with_the_picker(editor: Tab, sidecar: ScriptedSidecar) -> None:
    insert(editor, "explorer")
    editor.page.get_by_role("region", name="Editor settings").get_by_role("button", name="Choose folder").click()
    dialog = editor.page.get_by_role("dialog", name="Choose a Box folder")
    expect(dialog.get_by_role("button", name="ContentPicker 0")).to_be_visible()
    editor.screenshot("chooser")
    dialog.get_by_role("button", name="ContentPicker 0").click()
    expect(dialog).to_have_count(0)
    assert attributes(editor)["folder"] == "42"
    assert attributes(editor)["folderName"] == "Планы"
    expect(editor.page.get_by_role("region", name="Editor settings").get_by_text("Планы (id 42)")).to_be_visible()
    (request,) = (request for request in sidecar.requests if request.path == "/v1/tokens")
    assert request.body["user"] == {"login": "admin@example.com"}, "The editor sees what the editor's account sees."
    assert (request.body["element"], request.body["scopes"]) == ("picker", [])
    editor.page.get_by_role("button", name="Own root folder").click()
    assert attributes(editor)["folder"] == "0"


def test_permissions_are_chosen_in_the_inspector(editor: Tab) -> None:
    insert(editor, "explorer")
    settings = editor.page.get_by_role("region", name="Editor settings")
    settings.get_by_label("Upload files and create folders").check()
    settings.get_by_label("Preview files").uncheck()
    assert attributes(editor)["can"] == ["download", "upload"]
    editor.screenshot("inspector")
    assert complaints(editor) == []


def test_published_page_carries_what_was_chosen(editor: Tab, editing_site: WordPress) -> None:
    insert(editor, "explorer", {"folder": "42", "can": ["download"], "height": 333, "align": "wide"})
    settings = editor.page.get_by_role("region", name="Editor settings")
    settings.get_by_role("button", name="Advanced").click()
    settings.get_by_label("HTML anchor").fill("my-files")
    settings.get_by_label("HTML anchor").blur()
    editor.page.evaluate(
        """() => {
            wp.data.dispatch( 'core/editor' ).editPost( { title: 'Made in the editor', status: 'publish' } );
            return wp.data.dispatch( 'core/editor' ).savePost();
        }"""
    )
    address = editor.page.evaluate("() => wp.data.select( 'core/editor' ).getCurrentPost().link")
    html = editing_site.visitor().get(address).raise_for_status().text
    assert 'data-widget="' in html
    assert "height:333px" in html
    assert "alignwide" in html
    assert re.findall(r'<div[^>]*\sid="([^"]*)"[^>]*data-widget=', html) == ["my-files"]


SHORTCODES: tuple[tuple[str, dict[str, object], str], ...] = (
    (
        "explorer",
        {"folder": "7", "can": ["download", "delete"], "height": 450},
        '[box_explorer folder="7" height="450" can="download,delete"]',
    ),
    (
        "explorer",
        {"view": "recents", "sort": "size", "order": "desc", "logo": "none", "title": "Ana’s"},
        '[box_explorer folder="0" height="600" can="preview,download" view="recents" sort="size" order="desc"'
        ' logo="none" title="Ana’s"]',
    ),
    ("uploader", {}, '[box_uploader folder="0" height="400"]'),
    ("uploader", {"path": "Receipts/R&D 2026"}, '[box_uploader folder="0" height="400" path="Receipts/R&D 2026"]'),
    (
        "uploader",
        {"folders": True, "limit": 5},
        '[box_uploader folder="0" height="400" folders="true" limit="5"]',
    ),
    (
        "picker",
        {"can": ["share"], "type": ["folder"], "max": 2},
        '[box_picker folder="0" height="600" can="share" type="folder" max="2"',
    ),
    ("preview", {"file": "9", "can": []}, '[box_preview file="9" height="600" can=""]'),
)


def test_blocks_become_shortcodes_and_back(editor: Tab) -> None:
    for element, given, shortcode in SHORTCODES:
        text, back, pasted = editor.page.evaluate(
            """( [ name, given ] ) => {
                const block = wp.blocks.createBlock( name, given );
                const [ shortcode ] = wp.blocks.switchToBlockType( block, 'core/shortcode' );
                const [ back ] = wp.blocks.switchToBlockType( shortcode, name );
                const [ pasted ] = wp.blocks.rawHandler( { HTML: '<p>' + shortcode.attributes.text + '</p>' } );
                return [ shortcode.attributes.text, back.attributes, pasted.name ];
            }""",
            [f"widgets-for-box/{element}", given],
        )
        assert text.startswith(shortcode)
        assert {name: back.get(name) for name in given} == given
        assert pasted == f"widgets-for-box/{element}"


def test_path_is_written_and_seen_and_a_wrong_one_changes_nothing(editor: Tab) -> None:
    insert(editor, "explorer")
    settings = editor.page.get_by_role("region", name="Editor settings")
    field = settings.get_by_label("Folder path")
    for text, kept in (
        ("Receipts/2026", "Receipts/2026"),
        ("Receipts/2026/", "Receipts/2026"),
        ("../x", "Receipts/2026"),
    ):
        field.fill(text)
        assert attributes(editor)["path"] == kept
        refused = settings.get_by_text("This is no folder path.")
        expect(refused).to_have_count(0 if text == kept else 1)
    editor.screenshot("path")
    field.fill("経費/東京")
    expect(settings.get_by_text("Each visitor’s own root folder › 経費 › 東京")).to_be_visible()
    editor.screenshot("path-named")
    field.fill("")
    assert attributes(editor)["path"] == ""
    insert(editor, "preview")
    expect(settings.get_by_label("Which file?")).to_be_visible()
    expect(settings.get_by_label("Folder path")).to_have_count(0)


def test_block_whose_path_no_shortcode_can_write_does_not_become_one(editor: Tab) -> None:
    offered = editor.page.evaluate(
        """( paths ) => paths.map( ( path ) => {
            const block = wp.blocks.createBlock( 'widgets-for-box/explorer', { path } );
            const offered = wp.blocks.getPossibleBlockTransformations( [ block ] );
            return offered.some( ( { name } ) => 'core/shortcode' === name );
        } )""",
        ["", "Receipts", 'a"b', "a]b", "a[b", "a<b", "a>b"],
    )
    assert offered == [True, True, False, False, False, False, False]


def test_shortcodes_with_addresses_name_what_the_server_finds(editor: Tab) -> None:
    found = editor.page.evaluate(
        """( cases ) => cases.map( ( [ resource, text ] ) => {
            const element = 'file' === resource ? 'preview' : 'explorer';
            const written = `[box_${ element } ${ resource }="${ text }"]`;
            const shortcode = wp.blocks.createBlock( 'core/shortcode', { text: written } );
            return wp.blocks.switchToBlockType( shortcode, 'widgets-for-box/' + element )[ 0 ].attributes[ resource ];
        } )""",
        ADDRESSES,
    )
    assert found == [expected if expected.isdigit() else text for _, text, expected in ADDRESSES]


def paste(tab: Tab, text: str) -> list[list[object]]:
    """What a text becomes that is pasted into an empty post: names and attributes of blocks."""
    tab.page.evaluate(
        """() => {
            const block = wp.blocks.createBlock( 'core/paragraph' );
            wp.data.dispatch( 'core/block-editor' ).resetBlocks( [ block ] );
            wp.data.dispatch( 'core/block-editor' ).selectBlock( block.clientId );
        }"""
    )
    framed = tab.page.locator("iframe[name=editor-canvas]").count()
    canvas = tab.page.frame_locator("iframe[name=editor-canvas]") if framed else tab.page
    paragraph = canvas.locator("[data-type='core/paragraph']").first
    paragraph.click()
    paragraph.evaluate(
        """( node, text ) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData( 'text/plain', text );
            node.dispatchEvent( new ClipboardEvent( 'paste', { clipboardData, bubbles: true, cancelable: true } ) );
        }""",
        text,
    )
    tab.page.wait_for_timeout(500)
    found: list[list[object]] = tab.page.evaluate(
        """() => wp.data.select( 'core/block-editor' ).getBlocks().map(
            ( { name, attributes } ) => [ name, { ...attributes, content: String( attributes.content || '' ) } ] )"""
    )
    return found


def test_pasted_address_becomes_the_block(editor: Tab) -> None:
    for address, name, attribute, value in (
        ("https://app.box.com/folder/123456789?s=77x8", "explorer", "folder", "123456789"),
        ("https://company.ent.box.com/file/98765", "preview", "file", "98765"),
    ):
        ((found, given), *_) = paste(editor, address)
        assert (found, given[attribute]) == (f"widgets-for-box/{name}", value)  # type: ignore[index]
    editor.screenshot("pasted")

    ((found, given), *_) = paste(editor, "https://app.box.com/s/abc123")
    assert found == "core/paragraph"
    assert 'href="https://app.box.com/s/abc123"' in given["content"]  # type: ignore[index]
    expect(editor.page.get_by_text("A shared link does not say which folder").first).to_be_visible()
    editor.screenshot("pasted-shared-link")

    for other in ("https://app.box.com.example.com/folder/12", "https://example.com/folder/12"):
        ((found, _), *_) = paste(editor, other)
        assert found != "widgets-for-box/explorer"
    assert complaints(editor) == []


def test_field_takes_addresses_and_refuses_what_is_none(editor: Tab) -> None:
    insert(editor, "explorer", {"folder": "7", "folderName": "Plans"})
    settings = editor.page.get_by_role("region", name="Editor settings")
    field = settings.get_by_label("Which folder?")
    field.fill("…/folder/123456789?s=77x8")
    expect(settings.get_by_text("neither the id nor the address of a Box folder")).to_be_visible()
    assert attributes(editor)["folder"] == "7", "What is refused changes nothing."
    editor.screenshot("address-refused")
    field.fill("https://company.app.box.com/folder/123456789?s=77x8")
    assert attributes(editor)["folder"] == "123456789"
    expect(settings.get_by_text("neither the id nor the address")).to_have_count(0)
    field.blur()
    expect(field).to_have_value("123456789")
    for text, reason in (
        ("https://app.box.com/s/abc", "A shared link"),
        ("https://app.box.com/file/5", "address of a file"),
    ):
        field.fill(text)
        expect(settings.get_by_text(reason)).to_be_visible()
        assert attributes(editor)["folder"] == "123456789"
    field.fill("")
    assert attributes(editor)["folder"] == "0"
    assert complaints(editor) == []


def test_inserter_offers_what_people_come_for(editor: Tab) -> None:
    types = editor.page.evaluate(
        """() => [ 'explorer', 'uploader', 'picker', 'preview' ].map( ( element ) => {
            const { category, icon } = wp.blocks.getBlockType( 'widgets-for-box/' + element );
            return [ category, wp.element.renderToString( icon.src ) ];
        } )"""
    )
    assert {category for category, _ in types} == {"widgets-for-box"}
    assert len({icon for _, icon in types}) == 4
    assert all(icon.startswith("<svg") for _, icon in types)
    editor.page.evaluate(
        "() => ( wp.data.dispatch( 'core/editor' ).setIsInserterOpened"
        " || wp.data.dispatch( 'core/edit-post' ).setIsInserterOpened )( true )"
    )
    group = editor.page.get_by_role("listbox", name="Box files")
    variations = editor.page.evaluate(
        """() => [ 'explorer', 'uploader' ].flatMap( ( element ) =>
            wp.blocks.getBlockVariations( 'widgets-for-box/' + element ).map( ( { name, icon } ) =>
                [ name, wp.element.renderToString( icon.src || icon ) ] ) )"""
    )
    assert len({icon for _, icon in variations}) == len(variations) == 5
    assert all(icon.startswith("<svg") for _, icon in variations)
    for name in (*KINDS, "Box picker", "Box preview"):
        expect(group.get_by_role("option", name=name)).to_have_count(1)
    group.scroll_into_view_if_needed()
    editor.screenshot("inserter")
    group.get_by_role("option", name="Team folder").click()
    assert attributes(editor)["folder"] == "", "Which folder is for the author to say."
    assert attributes(editor)["can"] == ["preview", "download", "upload", "rename"]
    canvas = editor.page.frame_locator("iframe[name=editor-canvas]")
    place = canvas if editor.page.locator("iframe[name=editor-canvas]").count() else editor.page
    expect(place.get_by_role("button", name="Choose folder").last).to_be_visible()
    editor.screenshot("team-folder")
    assert complaints(editor) == []


def test_borders_and_spacing_reach_the_page(editor: Tab, editing_site: WordPress) -> None:
    style = {"border": {"width": "3px", "radius": "9px"}, "spacing": {"padding": {"top": "7px"}}}
    insert(editor, "uploader", {"style": style})
    editor.page.evaluate(
        """() => {
            wp.data.dispatch( 'core/editor' ).editPost( { title: 'With a border', status: 'publish' } );
            return wp.data.dispatch( 'core/editor' ).savePost();
        }"""
    )
    address = editor.page.evaluate("() => wp.data.select( 'core/editor' ).getCurrentPost().link")
    html = editing_site.visitor().get(address).raise_for_status().text
    (tag,) = re.findall(r"<div[^>]*data-widget=[^>]*>", html)
    assert re.search(r"border-radius:\s?9px", tag)
    assert re.search(r"padding-top:\s?7px", tag)
    assert re.search(r"height:\s?400px", tag)


def test_what_the_element_looks_like_is_chosen_in_the_inspector(editor: Tab) -> None:
    settings = editor.page.get_by_role("region", name="Editor settings")

    def display(element: str) -> None:
        insert(editor, element)
        settings.get_by_role("button", name="Display").click()

    display("explorer")
    settings.get_by_label("Shown first").select_option("Recent files")
    settings.get_by_label("Sorted by").select_option("Date")
    settings.get_by_label("Order", exact=True).select_option("Descending")
    settings.get_by_label("Logo").select_option("None")
    settings.get_by_label("Name of the widget").fill("Team files")
    chosen = {"view": "recents", "sort": "date", "order": "desc", "logo": "none", "title": "Team files"}
    assert attributes(editor).items() >= chosen.items()
    settings.get_by_label("Name of the widget").scroll_into_view_if_needed()
    editor.screenshot("display-explorer")
    settings.get_by_label("Which folder?").fill("77")
    expect(settings.get_by_label("Shown first")).to_have_count(0)
    expect(settings.get_by_text("it may be anyone who has the link")).to_be_visible()

    editor.page.evaluate("() => wp.data.dispatch( 'core/block-editor' ).resetBlocks( [] )")
    display("uploader")
    settings.get_by_label("Whole folders, too").check()
    settings.get_by_role("spinbutton", name="Files at once").fill("3")
    assert attributes(editor).items() >= {"folders": True, "limit": 3}.items()
    editor.screenshot("display-uploader")

    editor.page.evaluate("() => wp.data.dispatch( 'core/block-editor' ).resetBlocks( [] )")
    display("picker")
    settings.get_by_label("Hint at the button “Choose”").fill("Attach")
    assert attributes(editor)["choose"] == "Attach"
    editor.screenshot("display-picker")
    assert complaints(editor) == []


def test_patterns_are_offered_and_make_valid_blocks(editor: Tab) -> None:
    made = editor.page.evaluate(
        """async () => {
            const all = await wp.apiFetch( { path: '/wp/v2/block-patterns/patterns' } );
            const own = all.filter( ( { name } ) => name.startsWith( 'widgets-for-box/' ) );
            return own.map( ( { title, content } ) => [ title, wp.blocks.parse( content ).map(
                ( { name, isValid } ) => [ name.split( '/' )[ 0 ], isValid ] ) ] );
        }"""
    )
    assert {title for title, _ in made} == set(KINDS)
    for _, blocks in made:
        assert blocks == [["core", True], ["core", True], ["widgets-for-box", True]]


def test_previews_are_drawn_and_ask_box_for_nothing(editor: Tab, sidecar: ScriptedSidecar) -> None:
    editor.page.evaluate(
        """() => {
            const { BlockPreview } = wp.blockEditor;
            const el = wp.element.createElement;
            const place = document.createElement( 'div' );
            place.id = 'previews';
            place.style = 'position:fixed;inset:32px 0 0;z-index:999999;background:#fff;display:flex;gap:24px';
            document.body.append( place );
            const settings = wp.data.select( 'core/block-editor' ).getSettings();
            const previews = [ 'explorer', 'uploader', 'picker', 'preview' ].map( ( element ) => {
                const { example } = wp.blocks.getBlockType( 'widgets-for-box/' + element );
                const block = wp.blocks.createBlock( 'widgets-for-box/' + element, example.attributes );
                return el( 'div', { key: element, className: 'one', style: { width: 280 } },
                    el( BlockPreview, { blocks: [ block ], viewportWidth: 500 } ) );
            } );
            const provider = el( wp.blockEditor.BlockEditorProvider, { settings, value: [] }, previews );
            const { createRoot, render } = wp.element;
            createRoot ? createRoot( place ).render( provider ) : render( provider, place );
        }"""
    )
    editor.page.wait_for_timeout(3000)
    found = []
    for frame in editor.page.frames:
        found += frame.locator(".widgets-for-box-drawing").all()
    editor.screenshot("previews")
    if "6.1" not in editor.page.evaluate(
        "() => document.body.className.match( /version-([\\d-]+)/ )[ 1 ].replace( /-/g, '.' )"
    ):
        assert len(found) == 4
    assert sidecar.requests == []
    assert complaints(editor) == []
