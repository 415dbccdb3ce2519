"""Box's own SDKs and what is built on them, unmodified: each walk is a program as their users write them."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from foreign.machine import DEBIANS_PYTHON, Machine, clients, locked
from foreign.walk import Begin

pytestmark = pytest.mark.system

HERE = Path(__file__).parent
TESTS = HERE.parent
LOGIN = "kenji@example.com"
EVERYTHING = "people, folders, files, versions, search, chunked uploads, links, collaborations, trash, tokens"


def config(machine: Machine, kind: str) -> Path:
    return machine.box.app_config if kind == "jwt" else machine.box.ccg_config


@pytest.mark.parametrize("kind", ["jwt", "ccg"])
@pytest.mark.parametrize(
    ("client", "package", "program", "what"),
    [
        ("boxsdk 3", "boxsdk", "boxsdk3.py", f"{EVERYTHING}, As-User"),
        ("boxfs", "boxfs", "boxfs_walk.py", "fsspec's verbs on files and folders, 21 MB in parts"),
    ],
)
def test_on_boxsdk_3(
    machine: Machine, walk: Begin, client: str, package: str, program: str, what: str, kind: str
) -> None:
    on = walk(f"{client}, {kind.upper()}", locked(package), what)
    paths = {"PYTHONPATH": f"{clients()}:{TESTS}"}
    on.said(machine.run(DEBIANS_PYTHON, HERE / program, kind, config(machine, kind), LOGIN, env=paths))


@pytest.mark.parametrize("kind", ["jwt", "ccg"])
def test_boxsdk_10(machine: Machine, walk: Begin, kind: str) -> None:
    on = walk(f"boxsdk 10, {kind.upper()}", version("boxsdk"), f"{EVERYTHING}, groups, avatars")
    paths = {"PYTHONPATH": str(TESTS)}
    on.said(machine.run(sys.executable, HERE / "boxsdk10.py", kind, config(machine, kind), LOGIN, env=paths))


@pytest.mark.parametrize("kind", ["jwt", "ccg"])
def test_box_node_sdk(machine: Machine, walk: Begin, kind: str) -> None:
    package = json.loads((TESTS / "node_modules/box-node-sdk/package.json").read_text())
    on = walk(f"box-node-sdk, {kind.upper()}", package["version"], EVERYTHING)
    node = shutil.which("node")
    assert node, "Node.js is not installed"
    on.said(machine.run(node, HERE / "box-node-sdk.mjs", kind, config(machine, kind), LOGIN))
