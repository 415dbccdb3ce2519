"""What is made from the command line's own parser: the manual page and what completes commands in shells."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterator

import shtab

from box_sidecar.cli import USUAL, parser

#: Of the page's text; a page that changed only in its commands keeps it, so that the same sources make the same page.
DATE = "2026-11-29"

EXIT_STATUS = (
    ("0", "All is well; for \\fBcheck\\fR, no check failed."),
    ("1", "The command could not do its work, or a check failed. Standard error says what to do about it."),
    ("2", "The configuration, or what was typed, can't be used."),
    ("130", "It was interrupted."),
)
ENVIRONMENT = (
    ("LANGUAGE, LC_ALL, LC_MESSAGES, LANG", "The language of findings and failures: English, German, Spanish, French, "
     "Japanese or Brazilian Portuguese. Help, logs and JSON are English."),
    ("NO_COLOR", "If it is not empty, nothing is coloured. Colours are for terminals alone, and not for TERM=dumb."),
    ("HTTPS_PROXY, NO_PROXY", "The way to Box."),
    ("SSL_CERT_FILE", "A file with the certificates of your own authority."),
    ("CREDENTIALS_DIRECTORY", "Where the app's JSON may be, too, as systemd's LoadCredential= has it."),
)  # fmt: skip


def commands(of: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser by name."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= action.choices
    return found


def completion(shell: str) -> str:
    """The script for ``bash``, ``zsh`` or ``fish``."""
    made = parser()
    for command in commands(made).values():
        for action in command._actions:
            if action.metavar == "FILE":
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    script: str = shtab.complete(made, shell=shell)
    return script if script.endswith("\n") else script + "\n"


def manual() -> str:
    """The page in section 1, in the macros of man(7)."""
    made = parser()
    lines = [
        f'.TH BOX\\-SIDECAR 1 {DATE} "Widgets for Box" "User Commands"',
        ".SH NAME",
        "box\\-sidecar \\- issue short\\-lived, downscoped Box tokens over a Unix socket",
        ".SH SYNOPSIS",
        *_lines(f".B box\\-sidecar {_escape(name)}" for name in commands(made)),
        ".SH DESCRIPTION",
        _escape(made.description or ""),
        ".SH COMMANDS",
        *(line for name, command in commands(made).items() for line in _command(name, command)),
        ".SH EXIT STATUS",
        *_table((f"\\fB{name}\\fR", text) for name, text in EXIT_STATUS),
        ".SH ENVIRONMENT",
        *_table((_bold_names(name), _escape(text)) for name, text in ENVIRONMENT),
        ".SH FILES",
        *_table([
            (f"\\fI{_escape(str(USUAL))}\\fR", "The configuration; \\fBbox\\-sidecar config\\fR prints one."),
            ("\\fI/run/box\\-sidecar/box\\-sidecar.sock\\fR", "The socket, unless the configuration says otherwise."),
        ]),
        ".SH EXAMPLES",
        "Find out what is wrong, as the web server's user and as a page of the site would:",
        ".PP", ".RS 4", ".nf",
        "box\\-sidecar check \\-\\-user www\\-data \\-\\-origin https://intranet.example.com",
        ".fi", ".RE", ".PP",
        "Complete commands in this shell:",
        ".PP", ".RS 4", ".nf",
        'eval "$(box\\-sidecar completion bash)"',
        ".fi", ".RE",
        ".SH SEE ALSO",
        ".BR systemctl (1)",
    ]  # fmt: skip
    return "\n".join(wrapped for line in lines for wrapped in _wrapped(line)) + "\n"


def _wrapped(line: str) -> list[str]:
    """A long line of text as several, none of which begins like a request."""
    return (
        [line]
        if line.startswith((".", "eval"))
        else [re.sub(r"^([.'])", r"\\&\1", part) for part in textwrap.wrap(line, 78)]
    )


def _lines(each: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(each):
        if number:
            yield ".br"
        yield line


def _command(name: str, command: argparse.ArgumentParser) -> Iterator[str]:
    usage = " ".join(command.format_usage().split()).removeprefix("usage: ")
    yield f".SS {_escape(name)}"
    yield _escape(command.description or "")
    yield from (".PP", ".RS 4", _escape(usage), ".RE")
    yield from _table((_option(action), _escape(_help(command, action))) for action in command._actions)


def _help(command: argparse.ArgumentParser, action: argparse.Action) -> str:
    text = " ".join(command._get_formatter()._expand_help(action).split()) if action.help else ""
    text = f"{text[:1].upper()}{text[1:]}."
    return text if not action.choices else f"{text} One of {', '.join(map(str, action.choices))}."


def _option(action: argparse.Action) -> str:
    value = action.metavar or (action.dest if action.choices else "")
    shown = f"\\fI{_escape(str(value))}\\fR" if value and action.nargs != 0 else ""
    names = ", ".join(f"\\fB{_escape(name)}\\fR" for name in action.option_strings)
    return " ".join(filter(None, (names, shown)))


def _table(rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> Iterator[str]:
    for name, text in rows:
        yield from (".TP", name, text)


def _bold_names(text: str) -> str:
    return ", ".join(f"\\fB{_escape(name)}\\fR" for name in text.split(", "))


def _escape(text: str) -> str:
    """Text for roff: hyphens that can be copied, nothing taken for a request at the beginning of a line."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...").replace("’", "'")
    return re.sub(r"^([.'])", r"\\&\1", text)
