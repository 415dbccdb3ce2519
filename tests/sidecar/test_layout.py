"""Who reviews what holds the key has little to read; what it does not need, it does not import."""

from __future__ import annotations

import ast
import io
import os
import signal
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import box_sidecar
from intranet.emulator_process import EmulatorProcess
from intranet.release import REPOSITORY
from sidecar.conftest import Serve
from sidecar.support import until

PACKAGE = Path(box_sidecar.__file__).parent

#: Lines of code in all that serves. What explains it costs nothing: neither docstrings nor comments nor blank lines.
#: 150 of them are for folders that are named by a path, which no page can look up: only here is the person's own token.
#: 650 are for a ledger that lets a restart forget no token, an end to all of them, and counts of what is used: only
#: here are all tokens and all calls.
#: 75 are for sentences that are kept with what was put into them, so that others can say them in another language.
#: 80 are for a ledger that a caller can't fill, a wrong clock can't empty, and a failed write or a kill can't harm.
#: 35 are the words and flags of `setup`; what it does is a tool, and not here.
#: 140 are for restarts that lose nobody: what systemd is told, a socket of its, and an end that hears all who came.
#: 130 are where optional parts are put in; the parts themselves are counted below.
#: 200 are what a store that several servers share needs of all others: places where they ask what another has done, or
#: tell it, and what health, doctor and metrics say of that.
#: 75 are for limits that a restart does not begin anew: memory that systemd keeps, looked at before it is believed.
#: 10 are for people who ask while Box is told in the background of what has ended.
MOST_LINES = 6055
#: 150 of the store's are against whoever can write there, and against one that is short of memory: what a log-out could
#: not find, leases that do not end, numbers that none of ours wrote, answers that were lost. 80 are for crowds: people
#: who come at once by the hundred are one question to it, nobody's waiting is taken for another's, and who has none
#: left leaves nobody waiting. 15 tell of a store that is too slow to be of use, and not of a moment in which we are.
#: What is loaded only where the configuration asks for it: which modules, and the most lines of each part.
OPTIONAL = {
    "a key in hardware": (("hardware/*.py", "box/remote.py"), 520),
    "traces": (("telemetry.py",), 110),
    "a store for several servers": (("store/*.py",), 1115),
}

NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


def imports(told: str) -> set[str]:
    """The modules that a process has imported, by what Python itself tells (``-X importtime``)."""
    return {line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")}


@pytest.fixture
def serving(box: EmulatorProcess, serve: Serve) -> set[str]:
    """What master and worker import until a token has been made, all routes been asked and the files been reloaded."""
    sidecar = serve(env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert sidecar.token("ana@example.com").status_code == 200
    for path in sidecar.request("GET", "/openapi.json").json()["paths"]:
        sidecar.request("GET", path)
    assert sidecar.process
    os.kill(sidecar.process.pid, signal.SIGHUP)
    until(lambda: "configuration reloaded" in sidecar.log.read_text())
    return imports(sidecar.log.read_text())


def lines_of_code(source: str) -> int:
    """Lines that hold more than a comment or a docstring."""
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body and ast.get_docstring(node) is not None else None
            if first:
                held.difference_update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return len(held)


def test_what_serves_is_small_enough_to_be_read(serving: set[str]) -> None:
    ours = sorted(name for name in serving if name.partition(".")[0] == "box_sidecar")
    lines = {name: lines_of_code(_file(name).read_text()) for name in ours}
    told = "\n".join(f"{count:5} {name}" for name, count in sorted(lines.items(), key=lambda item: -item[1]))
    assert sum(lines.values()) <= MOST_LINES, f"{sum(lines.values())} lines:\n{told}"


def test_the_promise_has_this_number() -> None:
    assert f"at most {MOST_LINES:,} lines of our code" in " ".join((REPOSITORY / "SECURITY.md").read_text().split())


@pytest.mark.parametrize("part", OPTIONAL)
def test_what_is_optional_is_small_and_not_loaded_unasked(part: str, serving: set[str]) -> None:
    patterns, most = OPTIONAL[part]
    files = [path for pattern in patterns for path in PACKAGE.glob(pattern)]
    assert sum(lines_of_code(path.read_text()) for path in files) <= most
    assert not [path for path in files if _name(path) in serving]


def test_what_serves_holds_no_tool(serving: set[str]) -> None:
    assert {"box_sidecar.server", "box_sidecar.box.client", "box_sidecar.cli"} <= serving
    assert not [name for name in serving if name.startswith("box_sidecar.tools")]


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["--version"], ["config"]])
def test_the_help_costs_no_more_than_python(arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "box_sidecar", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    modules = imports(ended.stderr)
    assert "box_sidecar.cli" in modules
    assert not modules & {"aiohttp", "asyncio", "cryptography", "falcon", "gunicorn", "joserfc", "ssl"}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def _file(name: str) -> Path:
    module = PACKAGE.parent.joinpath(*name.split("."))
    return module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
