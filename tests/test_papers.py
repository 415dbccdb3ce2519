"""ARCHITECTURE.md and CONTRIBUTING.md speak of what is there: files, functions, commands, times."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path

import pytest

import lifetimes
from intranet.release import REPOSITORY

PAPERS = ("ARCHITECTURE.md", "CONTRIBUTING.md")
SUFFIXES = "py|php|js|mjs|css|toml|md|yml|yaml|txt|lock|in|json|ini|svg"
MADE = {"node_modules", ".venv", ".git", ".cache", "dist", "build", "__pycache__"}


def spans(paper: str) -> list[str]:
    """What stands between single backticks."""
    text = re.sub(r"^```.*?^```", "", (REPOSITORY / paper).read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", text)


@cache
def files() -> list[str]:
    """All paths of the repository, folders with a slash at the end."""
    found = []
    for folder, names, inside in os.walk(REPOSITORY):
        names[:] = sorted(set(names) - MADE)
        at = Path(folder).relative_to(REPOSITORY)
        found += [f"/{at / name}/" for name in names] + [f"/{at / name}" for name in inside]
    return found


@cache
def functions() -> set[str]:
    """`name()`, `Class.name()` and `Class::name()` of the product and of the tests."""
    found: set[str] = set()
    for path in (REPOSITORY / name[1:] for name in files()):
        if path.suffix == ".py":
            found |= _of_python(ast.parse(path.read_text()))
        elif path.suffix == ".php":
            text = path.read_text()
            names = re.findall(r"\bfunction (\w+)\(", text)
            classes = re.findall(r"^(?:final |abstract )?class (\w+)", text, re.MULTILINE)
            found |= {f"{name}()" for name in names} | {f"{one}::{name}()" for one in classes for name in names}
        elif path.suffix == ".js":
            found |= {f"{name}()" for name in re.findall(r"\bfunction (\w+)\(", path.read_text())}
    return found


def _of_python(module: ast.Module) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {f"{node.name}()" for node in ast.walk(module) if isinstance(node, kinds)}
    for one in ast.walk(module):
        if isinstance(one, ast.ClassDef):
            found |= {f"{one.name}.{node.name}()" for node in one.body if isinstance(node, kinds)} | {f"{one.name}()"}
    return found


@pytest.mark.parametrize("paper", PAPERS)
def test_every_file_that_is_named_exists(paper: str) -> None:
    named = {span for span in spans(paper) if re.fullmatch(rf"[\w.*-]*[\w./*-]*(\.({SUFFIXES})|/)", span)}
    assert len(named) > 10
    elsewhere = {name for name in named if name.startswith("/") or name.split("/")[0] in MADE}
    missing = {name for name in named - elsewhere if not any(_is(path, name) for path in files())}
    assert missing == set()


def _is(path: str, name: str) -> bool:
    return path.endswith(f"/{name}") if "*" not in name else Path(path).match(name)


@pytest.mark.parametrize("paper", PAPERS)
def test_every_function_that_is_named_exists(paper: str) -> None:
    named = {span for span in spans(paper) if re.fullmatch(r"[\w.:]+\(\)", span)}
    assert named - functions() == set()


def test_the_way_through_the_sidecar_names_every_file() -> None:
    """All of it, and nothing that has gone; `tools/` and `box/` as wholes."""
    package = REPOSITORY / "sidecar/box_sidecar"
    table = (REPOSITORY / "sidecar/README.md").read_text().partition("## Read the code")[2].partition("\n## ")[0]
    named = {span for row in table.splitlines() if row.startswith("| `") for span in re.findall(r"`([^`]+)`", row)}
    there = {path.name for path in package.iterdir() if path.is_file()} - {"__init__.py", "py.typed"}
    there |= {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()}
    assert named == there


@pytest.mark.parametrize("paper", [*PAPERS, "README.md"])
def test_every_command_of_make_exists(paper: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    asked = set(re.findall(r"(?:^|`)make ([a-z-]+)", (REPOSITORY / paper).read_text(), re.MULTILINE))
    assert asked
    assert asked - targets == set()


def test_every_time_in_the_code_is_told() -> None:
    there = {(one.where, one.file, one.name) for one in lifetimes.in_code()}
    assert there - set(lifetimes.MEANINGS) == set(), "say in lifetimes.py what these mean"
    assert set(lifetimes.MEANINGS) - there == set(), "these are gone, or have another name or place"


def test_each_waits_longer_than_the_one_behind_it() -> None:
    times = {(one.where, one.file, one.name): one.seconds[0] for one in lifetimes.in_code()}

    def said(where: str, of: str) -> float:
        (found,) = (seconds for key, seconds in times.items() if lifetimes.MEANINGS.get(key) == of and key[0] == where)
        return found

    browser = said(lifetimes.BROWSER, "for an answer of the site")
    wordpress = said(lifetimes.WORDPRESS, "for a whole call of the sidecar")
    turn = said(lifetimes.WORDPRESS, "until one of a person's three turns is free; then 429")
    one_call = said(lifetimes.SIDECAR, "for one call of Box; with all retries one and a half times as much")
    assert browser > turn + wordpress > wordpress > 1.5 * one_call > one_call
    ahead = said(lifetimes.SIDECAR, "before its end a token in use is renewed in the background")
    least = said(lifetimes.SIDECAR, "of life that each token handed out has, unless Box is down")
    again = said(lifetimes.BROWSER, "a token with less life than this is renewed before it is used again")
    assert ahead > least > again, "what the page asks for anew must be newer than what it has"
    assert said(lifetimes.BOX, "that an assertion may live at most") > said(
        lifetimes.SIDECAR, "of an assertion; Box allows a little more"
    )


#: What one sees on opening the repository, and nothing else.
VISIBLE = {
    *("sidecar", "wp-plugin", "tests", "docs", "docker-compose.yml", "Makefile", "LICENSE"),
    *("README.md", "CHANGELOG.md", "SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md"),
}


def test_nothing_else_is_at_the_top() -> None:
    top = {path.name for path in REPOSITORY.iterdir() if not path.name.startswith(".")}
    assert top - {"dist"} == VISIBLE
