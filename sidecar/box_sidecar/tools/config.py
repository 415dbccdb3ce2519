"""``box-sidecar config``: the commented configuration with every key and its default."""

from __future__ import annotations

import argparse
from importlib.resources import files


def template() -> str:
    """The text of ``settings.toml``, which lies beside the code. A test holds it to the defaults, key by key."""
    return files("box_sidecar").joinpath("settings.toml").read_text("utf-8")


def run(_arguments: argparse.Namespace) -> int:
    """Print it; the exit status."""
    print(template(), end="")
    return 0
