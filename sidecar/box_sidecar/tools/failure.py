"""What a command says that could not do its work."""

from __future__ import annotations

import sys

from box_sidecar.logs import printable
from box_sidecar.problems import CODES, ConfigError, Problem
from box_sidecar.sentences import Text, join, say
from box_sidecar.tools.language import translated


def tell(failure: ConfigError | Problem, *, nothing_there: bool) -> int:
    """Say on standard error what is wrong and how to mend it; the exit status: 2 for the configuration, else 1.

    ``nothing_there``: no file was named, and where an installation has it there is none.
    """
    if isinstance(failure, Problem):
        _tell_problem(failure)
        return 1
    _print("box-sidecar:", str(failure))
    if nothing_there:
        _print("  →", say("That is where an installed sidecar has its configuration. Name another with --config FILE."))
    return 2


def _tell_problem(problem: Problem) -> None:
    code = CODES[problem.code]
    _print("box-sidecar:", join(f"{code.title}.", problem.detail))
    if problem.box and problem.box.error:
        words = f"{problem.box.error}: {problem.box.error_description}"
        _print(" ", say("Box said: {words}", words=words))
    _print(" ", say("Fix: {fix}", fix=translated(problem.fix or code.fix)))


def _print(mark: str, text: str | Text) -> None:
    print(mark, printable(translated(text)), file=sys.stderr)
