"""One table says which element there is, what it opens and what its token may carry: all who repeat it agree."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from box_sidecar.elements import ELEMENTS
from box_sidecar.tools.config import template
from box_sidecar.tools.report import ACTIONS

PLUGIN = Path(__file__).resolve().parents[2] / "wp-plugin"

#: What can be placed on a page; the sidebar is shown beside a preview and has no widget of its own.
WIDGETS = {name: (element.resource, list(element.features)) for name, element in ELEMENTS.items() if name != "sidebar"}


def only(pattern: str, files: str) -> tuple[Path, str]:
    """The one file of the plugin in which a pattern is found, and what it found there."""
    found = [
        (path, match[0])
        for path in PLUGIN.rglob(files)
        if (match := re.search(pattern, path.read_text(), re.DOTALL | re.MULTILINE))
    ]
    assert len(found) == 1, f"{pattern} in {[str(path) for path, _ in found]}"
    return found[0]


def told(*command: str) -> Any:
    """The JSON that a program prints."""
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)


def test_the_plugins_catalogue() -> None:
    path, _ = only(r"const CATALOGUE = ", "*.php")
    code = "define( 'ABSPATH', '/' ); require $argv[1]; echo json_encode( WidgetsForBox\\Elements::CATALOGUE );"
    catalogue = told("php", "-r", code, "--", str(path))
    assert {name: (row["resource"], row["scopes"]) for name, row in catalogue.items()} == WIDGETS
    assert all(set(row["default"]) <= set(row["scopes"]) for row in catalogue.values())


def test_the_editors_blocks() -> None:
    _, literal = only(r"(?<=const BLOCKS = )\{.*?^\t\}(?=;)", "editor.js")
    blocks = told("node", "--eval", f"console.log( JSON.stringify( {literal} ) )")
    short = {
        name: (kind, [scope.removeprefix("item_") for scope in scopes]) for name, (kind, scopes) in WIDGETS.items()
    }
    assert {name: (row["resource"], row["can"]) for name, row in blocks.items()} == short


def test_each_widget_is_a_block() -> None:
    names = {json.loads(path.read_text())["name"].partition("/")[2] for path in PLUGIN.glob("blocks/*/block.json")}
    assert names == set(WIDGETS)


def test_the_commented_configuration() -> None:
    written = tomllib.loads(template())["policy"]["elements"]
    assert written == {name: list(element.features) for name, element in ELEMENTS.items()}


def test_the_probe_tries_nothing_that_an_element_can_not_be_granted() -> None:
    assert set(ACTIONS) == set(ELEMENTS)
    for name, actions in ACTIONS.items():
        assert set(actions.values()) <= {"", *ELEMENTS[name].features}
