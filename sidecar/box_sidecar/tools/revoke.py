"""``box-sidecar revoke``: tokens are ended at Box now, one person's or all."""

from __future__ import annotations

import argparse
import sys

import msgspec

from box_sidecar.problems import BOX_IS_DOWN, Problem
from box_sidecar.schemas import RevokeAnswer
from box_sidecar.tools.running import ask


def run(arguments: argparse.Namespace) -> int:
    """Have them revoked and say how many were; the exit status.

    Raises:
        ConfigError, Problem: that can't be done, or not now.
    """
    body = {"all": True} if arguments.all else {"user": {"login": arguments.login}}
    try:
        answer = msgspec.json.decode(ask(arguments.config, "POST", "/v1/tokens/revoke", body), type=RevokeAnswer)
    except Problem as problem:
        if problem.code in BOX_IS_DOWN:
            print(
                "The sidecar hands out none of these tokens any more, but Box could not be told of all.",
                file=sys.stderr,
            )
            print("It goes on trying, after a restart too. Until then they open what they did.", file=sys.stderr)
        raise
    whose = "all" if arguments.all else "this person's"
    if not answer.revoked:
        print("No tokens were revoked: the sidecar knows none." if arguments.all else
              "No tokens were revoked: the sidecar knows none of this person.")  # fmt: skip
    else:
        print(f"Revoked at Box: {answer.revoked} tokens, {whose} that the sidecar knew.")
    if arguments.all:
        print(
            "New ones are issued to whoever asks. To stop that, set policy.issue = false; it is taken over by itself."
        )
    return 0
