"""What the sidecar says to administrators, collected and translated: one source for the command line and the plugin.

    make docs                                     renew all that is made of it
    python tests/translations.py --check          change nothing; status 1 if something is old or not translated

Sentences are written in the code, as the first argument of `say()`, in the table of codes and in that of Box's
refusals. Translators edit `sidecar/box_sidecar/locale/*/LC_MESSAGES/box-sidecar.po`; compiled and kept beside each is
its `.mo`, so that no gettext is needed to install the sidecar. The plugin gets the sentences that can reach it as
`wp-plugin/includes/admin/findings.php`, and `wp-plugin/bin/translations` takes what they are called from these files.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from box_sidecar.box.errors import REFUSALS
from box_sidecar.problems import CODES

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "sidecar/box_sidecar"
LOCALE = PACKAGE / "locale"
FINDINGS = REPOSITORY / "wp-plugin/includes/admin/findings.php"
LANGUAGES = ("de", "es", "fr", "ja", "pt_BR")


#: Only who writes a program for the socket meets these, and reads English.
FOR_PROGRAMMERS = frozenset({"missing_header", "forwarded_request", "not_found", "method_not_allowed"})


_HINT = "\t/* translators: what is in braces stays as it is. */\n"


class NotALiteralError(Exception):
    """A sentence that nobody can translate, since it is nowhere written down as it is said."""


def templates() -> dict[str, str]:
    """Every sentence that the sidecar can say, and the file that says it; those of the command line alone last."""
    found: dict[str, str] = {}
    for name, code in CODES.items():
        if name in FOR_PROGRAMMERS:
            continue
        for text in (f"{code.title}.", code.fix):
            found.setdefault(text, f"problems.py, {name}")
    for row in REFUSALS:
        for text in (row.sentence, row.fix or ""):
            found.setdefault(text, f"box/errors.py, {row.id}")
    found.pop("", None)
    for path in sorted(PACKAGE.rglob("*.py"), key=lambda path: ("tools" in path.parts, path)):
        for text in _said(path):
            found.setdefault(text, str(path.relative_to(PACKAGE)))
    return found


def _said(path: Path) -> Iterator[str]:
    """The first argument of each `say()` in a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            first = node.args[0]
            if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
                raise NotALiteralError(f"{path}:{node.lineno}: say() takes a literal")
            yield first.value


def for_the_plugin() -> list[str]:
    """The sentences that can be in an answer of the socket."""
    return [text for text, where in templates().items() if not where.startswith("tools/")]


def php() -> str:
    """The plugin's map from English to the language of whoever reads."""
    rows = "".join(
        f"{_HINT if '{' in text else ''}\t{_php(text)} => __( {_php(text)}, 'widgets-for-box' ),\n"
        for text in for_the_plugin()
    )
    return f"""<?php
/**
 * What the sidecar may say, from its own code. Made by `make docs`; do not edit.
 *
 * @package WidgetsForBox
 */

defined( 'ABSPATH' ) || exit;

// phpcs:disable WordPress.Arrays.MultipleStatementAlignment -- Sentences are of many lengths.
return array(
{rows});
"""


def _php(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _po(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def pot() -> str:
    """All sentences as a gettext template."""
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
    entries = [f'#: {where}\nmsgid {_po(text)}\nmsgstr ""\n' for text, where in templates().items()]
    return "\n".join([head, *entries])


def renew(locale: Path, work: Path) -> list[str]:
    """Bring a folder of languages up to date; what is missing in each."""
    template = work / "box-sidecar.pot"
    template.write_text(pot())
    missing = []
    for language in LANGUAGES:
        po = locale / language / "LC_MESSAGES/box-sidecar.po"
        _run("msgmerge", "--update", "--backup=none", "--no-fuzzy-matching", "--no-wrap", "--quiet", po, template)
        _run("msgattrib", "--no-obsolete", "--no-wrap", f"--output-file={po}", po)
        if lacks := _run("msgattrib", "--untranslated", "--no-location", po):
            missing.append(f"{language} lacks:\n{lacks}")
        _run("msgfmt", "--check", "--no-hash", f"--output-file={po.with_suffix('.mo')}", po)
    return missing


def _run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stderr}")
    return done.stdout


def main(check: bool) -> int:
    """Renew, or check a copy."""
    problems = []
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "locale"
        shutil.copytree(LOCALE, copy)
        problems += renew(copy, Path(directory))
        made = {LOCALE / path.relative_to(copy): path.read_bytes() for path in copy.rglob("*.*o")}
    made[FINDINGS] = php().encode()
    for path, content in made.items():
        if path.exists() and path.read_bytes() == content:
            continue
        if check:
            problems.append(f"{path.relative_to(REPOSITORY)} is old; run: make docs")
        else:
            path.write_bytes(content)
    if problems:
        print("\n".join(problems), file=sys.stderr)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
