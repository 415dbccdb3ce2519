"""``box-sidecar completion``: what makes a shell complete the commands; made from the same parser by ``make docs``."""

from __future__ import annotations

import argparse
from importlib.resources import files


def run(arguments: argparse.Namespace) -> int:
    """Print the script for a shell; the exit status."""
    print(files("box_sidecar").joinpath("completion", arguments.shell).read_text("utf-8"), end="")
    return 0
