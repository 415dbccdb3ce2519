"""What authors choose for an Element, as the people who use it see it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Request, expect

from browser.conftest import Visit
from browser.page import complaints, explorer, row, uploader, violations
from intranet.browser import DESKTOP, PHONE, Tab
from intranet.stack import Stack

MakePage = Callable[[str], str]


@pytest.fixture
def make_page(stack: Stack) -> Iterator[MakePage]:
    """`make_page("[box_explorer]")` is the address of a new page with that content."""
    made: list[str] = []

    def make(content: str) -> str:
        page = stack.wordpress.php(
            "kses_remove_filters(); echo wp_insert_post( wp_slash( array( 'post_type' => 'page',"
            " 'post_status' => 'publish', 'post_title' => 'Options', 'post_content' => $data['content'] ) ) );",
            content=content,
        ).strip()
        made.append(page)
        return f"/?page_id={page}"

    yield make
    for page in made:
        stack.wordpress.php("wp_delete_post( (int) $data['page'], true );", page=page)


ALL = "preview,download,upload,share,rename,delete"


KNOWN = ("Projetos", "Recibos", "Fotos da equipe", "Bem-vinda.txt", "Relatório anual.pdf")


def folder_of(stack: Stack, path: str) -> str:
    """The id of one of Ana's folders."""
    folder: str = stack.emulator.item("ana@example.com", path)["id"]
    return folder


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_recent_files(visit: Visit, stack: Stack, make_page: MakePage, tmp_path: Path, size: tuple[int, int]) -> None:
    page = make_page(f'[box_explorer view="recents" can="{ALL}"][box_uploader]')
    file = tmp_path / f"Ata {size[0]}.txt"
    file.write_text("minutes")
    tab = visit("ana", page, viewport=size)
    expect(explorer(tab).get_by_text("Recents")).to_be_visible()
    uploader(tab).locator("input[type=file]").first.set_input_files(file)
    uploader(tab).get_by_role("button", name="Upload", exact=True).click()
    expect(row(tab, file.name)).to_be_visible()
    expect(explorer(tab).get_by_text("Recents")).to_be_visible()
    tab.page.reload()
    expect(row(tab, file.name)).to_be_visible()
    expect(row(tab, "Projetos")).to_have_count(0)
    tab.screenshot(f"recents-{size[0]}")
    assert complaints(tab) == []

    other = visit("kenji", page, viewport=size)
    expect(explorer(other).get_by_text("There are no recent items yet.")).to_be_visible()


def test_a_widget_of_one_folder_shows_no_others_recent_files(visit: Visit, stack: Stack, make_page: MakePage) -> None:
    page = make_page(f'[box_explorer folder="{folder_of(stack, "/Projetos")}" view="recents"]')
    tab = visit("ana", page)
    expect(row(tab, "Aurora")).to_be_visible()


def test_a_sent_link_leads_to_the_folder_and_not_to_recent_files(
    visit: Visit, stack: Stack, make_page: MakePage
) -> None:
    page = make_page('[box_explorer view="recents"]')
    tab = visit("ana", f"{page}#box=0.{folder_of(stack, '/Projetos')}")
    expect(row(tab, "Aurora")).to_be_visible()


@pytest.mark.parametrize("element", ["explorer", "picker"])
def test_order_of_the_list(visit: Visit, make_page: MakePage, element: str) -> None:
    orders = []
    for options in ("", 'order="desc"', 'sort="date" order="asc"'):
        tab = visit("ana", make_page(f"[box_{element} type='file,folder' {options}]"))
        rows = tab.page.locator(f".widgets-for-box-{element}").get_by_role("row")
        expect(rows.filter(has_text="Projetos")).to_be_visible()
        shown = " ".join(rows.all_inner_texts())
        orders.append(sorted(KNOWN, key=shown.index))
    by_name, backwards, by_date = orders
    # Folders stay before files.
    assert by_name == ["Fotos da equipe", "Projetos", "Recibos", "Bem-vinda.txt", "Relatório anual.pdf"]
    assert backwards == ["Recibos", "Projetos", "Fotos da equipe", "Relatório anual.pdf", "Bem-vinda.txt"]
    assert by_date == ["Fotos da equipe", "Recibos", "Projetos", "Relatório anual.pdf", "Bem-vinda.txt"]


def test_uploader_takes_folders_and_so_many_files(
    visit: Visit, stack: Stack, make_page: MakePage, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(3)]
    inside = tmp_path / "Recibos" / "Maio"
    inside.mkdir(parents=True)
    for file in (*files, inside / "hotel.txt"):
        file.write_text(file.name)
    page = make_page('[box_uploader folders="yes" limit="2"]')
    tab = visit("ana", page)
    expect(uploader(tab).get_by_text("Drag and drop files and folders")).to_be_visible()
    tab.screenshot("folders")
    uploader(tab).locator("input[type=file]:not([webkitdirectory])").set_input_files(files)
    expect(uploader(tab).get_by_text("You can only upload up to 2 file(s) at a time.")).to_be_visible()
    expect(uploader(tab).get_by_text("1.txt")).to_be_visible()
    expect(uploader(tab).get_by_text("2.txt")).to_have_count(0)
    tab.screenshot("limit")

    tab.page.reload()
    uploader(tab).locator("input[webkitdirectory]").set_input_files(tmp_path / "Recibos")
    uploader(tab).get_by_role("button", name="Upload", exact=True).click()
    expect(uploader(tab).get_by_text("Success")).to_be_visible()
    expect(uploader(tab).get_by_text("hotel.txt is now in Maio.")).to_be_visible()
    tab.screenshot("folder-uploaded")
    assert "/Recibos/Maio/hotel.txt" in {item["path"] for item in stack.emulator.items("ana@example.com")}

    plain = visit("ana", make_page("[box_uploader]"))
    expect(uploader(plain).get_by_text("Drag and drop files")).to_be_visible()
    expect(uploader(plain).locator("input[webkitdirectory]")).to_have_count(0)


def test_texts_of_the_pickers_buttons(visit: Visit, make_page: MakePage) -> None:
    tab = visit("ana", make_page('[box_picker choose="Attach these" cancel="Back"]'))
    picker = tab.page.locator(".widgets-for-box-picker")
    expect(picker.get_by_text("Bem-vinda.txt").first).to_be_visible()
    picker.get_by_role("row").filter(has_text="Bem-vinda.txt").get_by_role("checkbox").click(force=True)
    # Box draws both as icons. The text is the button's tooltip, and so its description; its name stays Box's.
    for name, text in (("Choose", "Attach these"), ("Cancel", "Back")):
        button = picker.get_by_role("button", name=name, exact=True)
        button.focus()
        expect(tab.page.get_by_role("tooltip", name=text)).to_be_visible()
        expect(button).to_have_accessible_description(text)
        tab.screenshot(f"button-{name}")


@pytest.fixture
def logo(stack: Stack) -> Iterator[str]:
    """The address of a picture in the site's media library."""
    made = stack.wordpress.php(
        "$file = wp_upload_bits( 'logo.png', null, base64_decode( $data['png'] ) ); echo $file['url'];",
        png="iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
    )
    yield made.strip()


def test_logo_is_boxs_or_the_sites_own_or_none(visit: Visit, make_page: MakePage, logo: str) -> None:
    def shown(options: str) -> tuple[Tab, Locator]:
        tab = visit("ana", make_page(f"[box_explorer {options}]"))
        expect(row(tab, "Projetos")).to_be_visible()
        return tab, explorer(tab).locator(".be-logo")

    for options in (
        "",
        'logo="box"',
        'logo="https://elsewhere.example/wp-content/uploads/logo.png"',
        f'logo="{logo}/../x.png"',
    ):
        tab, place = shown(options)
        expect(place.locator("svg")).to_be_visible()
        assert not any("elsewhere.example" in url for url in tab.outside)
    tab, place = shown(f'logo="{logo}"')
    expect(place.locator("img")).to_have_attribute("src", logo)
    assert place.locator("img").evaluate("image => image.naturalWidth") == 1
    tab.screenshot("own-logo")
    tab, place = shown('logo="none"')
    expect(place.locator("svg")).to_have_count(0)
    assert place.locator("img").evaluate("image => image.complete && image.naturalWidth") == 0
    tab.screenshot("no-logo")
    assert complaints(tab) == []


def test_title_names_the_widget(visit: Visit, make_page: MakePage) -> None:
    tab = visit("ana", make_page('[box_explorer title="Team &lt;A&gt;"][box_explorer]'))
    expect(tab.page.get_by_role("group", name="Team <A>")).to_be_visible()
    expect(tab.page.get_by_role("group", name="Box files", exact=True)).to_be_visible()


def test_nothing_reaches_an_element_but_what_authors_may_choose(visit: Visit, make_page: MakePage) -> None:
    """Whoever can write markup can write a container; the part that reads it goes by a list."""
    tab = visit("ana", make_page("[box_explorer]"))
    found = tab.page.evaluate(
        """async () => {
            const { part } = JSON.parse( document.getElementById( 'widgets-for-box-configuration' ).textContent );
            const known = ( await import( part.replace( '{name}', 'options' ) ) ).default();
            return [
                { apiHost: 'https://evil.example', container: 'body', canDelete: true, constructor: 'x' },
                { sort: { by: 'x' }, max: -1, folders: false, limit: '', logo: null, extensions: [ 'pdf', {} ] },
                { sort: 'date', max: 3, folders: true, extensions: [], logo: '' },
                5,
            ].map( known );
        }"""
    )
    assert found == [
        {},
        {"fileLimit": ""},
        {"sortBy": "date", "maxSelectable": 3, "isFolderUploadEnabled": True, "extensions": [], "logoUrl": ""},
        {},
    ]


def requests(tab: Tab) -> list[Request]:
    """What the page asks for from now on."""
    sent: list[Request] = []

    def note(request: Request) -> None:
        sent.append(request)

    tab.page.on("request", note)
    return sent


def shares(sent: list[Request]) -> list[Request]:
    """Those that make a shared link."""
    return [request for request in sent if request.method == "PUT" and "shared_link" in (request.post_data or "")]


@pytest.mark.parametrize(
    ("size", "name", "another"),
    [(DESKTOP, "Bem-vinda.txt", "Relatório anual.pdf"), (PHONE, "Fotos da equipe", "Projetos")],
    ids=["desktop", "phone"],
)
def test_sharing_says_what_it_does_before_it_does_it(
    visit: Visit, make_page: MakePage, size: tuple[int, int], name: str, another: str
) -> None:
    tab = visit("ana", make_page('[box_explorer can="share,rename"]'), viewport=size)
    sent = requests(tab)

    def share(what: str) -> None:
        row(tab, what).get_by_role("button").last.click()
        tab.page.get_by_role("menuitem", name="Share").click()

    expect(row(tab, name)).to_be_visible()
    assert "sharing.js" not in " ".join(request.url for request in sent)
    share(name)
    question = tab.page.get_by_role("dialog", name="Make the link")
    expect(question).to_be_visible()
    expect(question).to_contain_text(f"Sharing makes a link to “{name}”.")
    expect(question).to_have_accessible_description(re.compile("anyone who has the link"))
    tab.screenshot(f"sharing-{size[0]}")
    assert violations(tab, ".widgets-for-box-sharing") == []
    box = question.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]

    tab.page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    assert shares(sent) == []
    expect(tab.page.get_by_role("dialog")).to_have_count(0)
    expect(row(tab, name).get_by_role("button").last).to_be_focused()

    # With the keyboard; nothing else on the page can be reached meanwhile.
    share(name)
    expect(question).to_be_visible()
    for expected in ("Make the link", "Cancel", "Make the link"):
        if tab.page.evaluate("document.activeElement.textContent") != expected:
            tab.page.keyboard.press("Tab")
        if tab.page.evaluate("document.activeElement === document.body"):
            tab.page.keyboard.press("Tab")
        assert tab.page.evaluate("document.activeElement.textContent") == expected
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("dialog").get_by_role("button", name="Copy")).to_be_visible()
    tab.screenshot(f"shared-{size[0]}")
    assert len(shares(sent)) == 1
    tab.page.get_by_role("dialog").get_by_role("button", name="Close").last.click()

    # Known now, until the page is left.
    share(another)
    expect(tab.page.get_by_role("dialog").get_by_role("button", name="Copy")).to_be_visible()
    assert len(shares(sent)) == 2
    assert complaints(tab) == []


def test_picker_that_may_share_asks_before_a_selection_makes_a_link(visit: Visit, make_page: MakePage) -> None:
    tab = visit("ana", make_page('[box_picker can="share" type="file,folder"]'))
    sent = requests(tab)
    item = tab.page.locator(".widgets-for-box-picker").get_by_role("row").filter(has_text="Recibos")
    item.get_by_role("checkbox").click(force=True)
    question = tab.page.get_by_role("dialog", name="Make the link")
    expect(question).to_contain_text("Sharing makes a link to “Recibos”.")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_have_count(0)
    assert shares(sent) == []
    expect(item.get_by_role("checkbox")).to_be_checked()
    tab.screenshot("picker-without-link")


@pytest.mark.parametrize("side", ["left", "right"])
def test_widget_stands_beside_text_where_there_is_room(visit: Visit, make_page: MakePage, side: str) -> None:
    text = "<!-- wp:paragraph --><p>Our files are here. They are yours, too.</p><!-- /wp:paragraph -->" * 4
    page = make_page(f'<!-- wp:widgets-for-box/explorer {{"align":"{side}","height":400}} /-->{text}')
    for size in (DESKTOP, PHONE):
        tab = visit("ana", page, viewport=size)
        expect(row(tab, "Projetos")).to_be_visible()
        widget, words = explorer(tab).bounding_box(), tab.page.get_by_text("Our files are here.").first.bounding_box()
        assert widget
        assert words
        is_beside = words["y"] < widget["y"] + widget["height"]
        assert is_beside is (size == DESKTOP)
        assert widget["x"] >= 0
        assert widget["x"] + widget["width"] <= size[0]
        if size == DESKTOP:
            assert widget["width"] == pytest.approx(384, abs=2)
        else:
            assert widget["width"] >= size[0] * 0.8
        tab.screenshot(f"align-{side}-{size[0]}")
