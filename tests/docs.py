"""The parts of the documents that are made from the code, so that they can't drift from it.

`make docs` rewrites what stands between the markers; a test compares.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

import cli_pages
import lifetimes
from bench import table, verdict
from bench.result import Report
from box_sidecar.app import ROUTES
from box_sidecar.box.errors import REFUSALS
from box_sidecar.cli import parser
from box_sidecar.problems import CODES
from box_sidecar.tools.openapi import describe

REPOSITORY = Path(__file__).resolve().parents[1]
RECORD = REPOSITORY / "tests/bench/record"
MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def help_texts() -> str:
    """What ``--help`` prints, for each command."""
    texts = []
    for command in ((), *((name,) for name in cli_pages.commands(parser()))):
        done = subprocess.run(
            [sys.executable, "-m", "box_sidecar", *command, "--help"],
            capture_output=True, text=True, check=True, env={"COLUMNS": "100"},
        )  # fmt: skip
        texts.append(f"```text\n$ box-sidecar {' '.join((*command, '--help'))}\n{done.stdout}```\n")
    return "\n".join(texts)


def codes() -> str:
    """Our codes."""
    rows = [f"| `{name}` | {code.status} | {code.title} | {code.fix} |" for name, code in CODES.items()]
    return "\n".join(["| Code | Status | What | What to do |", "|---|---|---|---|", *rows, ""])


def refusals() -> str:
    """Box's words and what they mean."""
    rows = [
        f"| {row.status} `{row.error}`{f' “{words(row.description)}”' if row.description else ''} "
        f"| {row.cause} | `{row.code}` | {row.fix or CODES[row.code].fix} |"
        for row in REFUSALS
    ]
    return "\n".join(["| Box says | Because | Code | What to do |", "|---|---|---|---|", *rows, ""])


def words(pattern: str) -> str:
    """A description's pattern as text."""
    return pattern.replace("\\.", ".").replace("|", " or ").replace("(", "").replace(")", "")


def benchmarks() -> str:
    """The last full run of the benchmarks that was kept: its table and its picture."""
    report = msgspec.json.decode((RECORD / "bench.json").read_bytes(), type=Report)
    picture = f"![The same as a picture](../{(RECORD / 'bench.svg').relative_to(REPOSITORY)})"
    return f"{table.markdown(report)}\n\n{picture}\n"


def soak() -> str:
    """The last soak that was kept."""
    record = msgspec.json.decode((RECORD / "soak.json").read_bytes(), type=verdict.Record)
    picture = f"![The same as a picture](../{(RECORD / 'soak.svg').relative_to(REPOSITORY)})"
    return f"{verdict.markdown(record)}\n\n{picture}\n"


def settings() -> str:
    """The commented configuration, as ``box-sidecar config`` prints it."""
    text = (REPOSITORY / "sidecar/box_sidecar/settings.toml").read_text()
    return f"```toml\n{text.strip()}\n```\n"


SECTIONS: dict[str, Callable[[], str]] = {
    "help": help_texts,
    "settings": settings,
    "codes": codes,
    "refusals": refusals,
    "bench": benchmarks,
    "soak": soak,
    "lifetimes": lifetimes.table,
}


def generate(document: Path) -> str:
    """The document with its generated parts as they should be."""
    if document in MADE:
        return MADE[document]()
    if document == OPENAPI:
        return msgspec.json.format(msgspec.json.encode(describe(ROUTES)), indent=1).decode() + "\n"

    def fill(found: re.Match[str]) -> str:
        section = SECTIONS.get(found[2])
        return f"{found[1]}{section()}{found[3]}" if section else found[0]

    return MARKED.sub(fill, document.read_text())


OPENAPI = REPOSITORY / "sidecar/box_sidecar/openapi.json"
#: From the command line's own parser.
MADE: dict[Path, Callable[[], str]] = {
    REPOSITORY / "sidecar/man/box-sidecar.1": cli_pages.manual,
    **{
        REPOSITORY / f"sidecar/box_sidecar/completion/{shell}": partial(cli_pages.completion, shell)
        for shell in ("bash", "zsh", "fish")
    },
}
MANUAL = sorted((REPOSITORY / "docs").glob("*.md"))
#: What stands in the manual to be typed, by the name behind ```sh. A test says that each is run by some test.
COMMANDS = {
    name: textwrap.dedent(block)
    for path in MANUAL
    for name, block in re.findall(r"^ *```sh (\w+)\n(.*?)^ *```$", path.read_text(), re.DOTALL | re.MULTILINE)
}
DOCUMENTS = (REPOSITORY / "ARCHITECTURE.md", *MANUAL, OPENAPI, *MADE)


def main(check: bool) -> int:
    """Rewrite the generated parts, or with `check` only name the documents whose are out of date, with status 1."""
    old = [path for path in DOCUMENTS if not path.exists() or path.read_text() != generate(path)]
    for path in old:
        if check:
            print(f"{path.relative_to(REPOSITORY)} has old parts; run: make docs", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(generate(path))
    return int(check and bool(old))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
