"""What a terminal gets beyond the text: colours and news of what takes a while, only where somebody watches."""

from __future__ import annotations

import os
import sys

from box_sidecar.logs import printable
from box_sidecar.sentences import Text
from box_sidecar.tools.language import translated

_COLOURS = {"pass": "32", "warn": "33", "fail": "31"}  # SGR: green, yellow, red (ECMA-48, section 8.3.117)


def coloured(text: str, status: str) -> str:
    """Text in the colour of a status, where standard output is a terminal that has colours (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return text if plain or not sys.stdout.isatty() else f"\x1b[{_COLOURS[status]}m{text}\x1b[0m"


def progress(text: Text) -> None:
    """One line of news, if standard error is a terminal."""
    if sys.stderr.isatty():
        print(f"… {printable(translated(text))}", file=sys.stderr, flush=True)
