"""What authors may choose has one name wherever it is written."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from intranet.release import REPOSITORY
from intranet.wordpress import WordPress

PLUGIN = REPOSITORY / "wp-plugin"
OWN_FIELDS = {"type", "max", "extensions"}
"""What the editor asks for under "What can be chosen"."""


def signed() -> dict[str, set[str]]:
    """The options that PHP signs, of each element."""
    text = (PLUGIN / "includes/widgets/class-options.php").read_text()
    table = text.partition("const ALL = array(")[2].partition(");")[0]
    return {name: set(re.findall(r"'(\w+)'", row)) for name, row in re.findall(r"'(\w+)'\s*=> array\((.*?)\)", table)}


def table(file: Path) -> str:
    """A script's table of options."""
    return file.read_text().partition("const OPTIONS = {")[2].partition("};")[0]


def test_options_have_the_same_names_everywhere() -> None:
    passed_on = set(re.findall(r"^\t(\w+):", table(PLUGIN / "assets/options.js"), re.MULTILINE))
    assert passed_on == set.union(*signed().values())
    fields = {
        name: set(re.findall(r"'(\w+)'", row))
        for name, row in re.findall(r"(\w+): \[(.*?)\]", table(PLUGIN / "assets/editor-display.js"))
    }
    for element, options in signed().items():
        attributes = set(json.loads((PLUGIN / f"blocks/{element}/block.json").read_text())["attributes"])
        assert fields[element] == options - OWN_FIELDS | {"title", "load"}
        assert options | {"title", "load"} <= attributes


@pytest.fixture
def field(site: WordPress) -> Iterator[None]:
    """Posts have a field for a folder."""
    plugin = site.content / "mu-plugins" / "field.php"
    plugin.write_text(
        "<?php\nadd_action( 'init', static function () { register_post_meta( 'post', 'team_folder',"
        " array( 'show_in_rest' => true, 'single' => true, 'type' => 'string' ) ); } );\n"
    )
    yield
    plugin.unlink()


def post(site: WordPress, value: str, binding: dict[str, object], status: str = "publish") -> str:
    """The id of a post with an explorer that is bound to something, and shows folder 5 by itself."""
    attributes = {"folder": "5", "metadata": {"bindings": {"folder": binding}}}
    return site.php(
        "echo wp_insert_post( wp_slash( array( 'post_title' => 'Bound', 'post_status' => $data['status'],"
        " 'post_content' => $data['content'], 'meta_input' => array( 'team_folder' => $data['value'] ) ) ) );",
        content=f"<!-- wp:widgets-for-box/explorer {json.dumps(attributes)} /-->",
        value=value,
        status=status,
    ).strip()


def shown(html: str) -> list[str]:
    """The folders that the page's widgets show."""
    found = re.findall(r'data-widget="([\w-]+)\.', html)
    return [json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))["id"] for text in found]


@pytest.mark.usefixtures("field")
def test_folder_comes_from_a_field_of_the_post(site: WordPress) -> None:
    of_field: dict[str, object] = {"source": "core/post-meta", "args": {"key": "team_folder"}}
    page = site.visitor().get(f"/?p={post(site, '123456', of_field)}").text
    if site.version == "6.1":
        assert shown(page) == [], "It knows no bindings."
        return
    assert shown(page) == ["123456"]
    page = site.visitor().get(f"/?p={post(site, 'https://app.box.com/folder/77', of_field)}").text
    assert shown(page) == ["77"]
    others: tuple[tuple[str, dict[str, object]], ...] = (
        ("", of_field),
        ("12x", of_field),
        ("0 OR 1", of_field),
        ("7", {"source": "core/post-meta", "args": {"key": "other"}}),
        ("7", {"source": "nobody/knows"}),
        ("7", {"source": ["x"], "args": "y"}),
    )
    for value, source in others:
        page = site.visitor().get(f"/?p={post(site, value, source)}").text
        assert shown(page) == [], "Neither its own folder nor the visitor's root."
        assert "widgets-for-box-empty" in page
