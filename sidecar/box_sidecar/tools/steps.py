"""What is done to the machine, one step at a time: each says its command before it does it, and can be done again."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from box_sidecar.logs import printable

_COMMAND_S = 120


class SetupError(Exception):
    """Something can't be done; the message is one line that says what to do about it."""


@dataclass(frozen=True, slots=True)
class Step:
    """``says`` is the command, as one could type it, or what is written where; it holds no secret. What ``do`` returns
    is what came of it, where that was not all that one could wish."""

    says: str
    do: Callable[[], str | None]


def command(*words: str) -> Step:
    """A step that is a command."""

    def do() -> None:
        run(words)

    return Step(shlex.join(words), do)


def run(words: Sequence[str]) -> str:
    """What a command prints.

    Raises:
        SetupError: it failed, and what it said.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own words, and no shell
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False, cwd="/",
            timeout=_COMMAND_S, env={**surroundings(), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except FileNotFoundError:
        raise SetupError(f"{words[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise SetupError(f"{shlex.join(words)} did not end within {_COMMAND_S} s") from None
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())
        raise SetupError(f"{shlex.join(words)} failed: {printable(said) or f'status {done.returncode}'}")
    return done.stdout


def surroundings(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command: after a mere ``su`` the administrator's programs are not on the path."""
    path = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
    return {**os.environ, **(more or {}), "PATH": path}


def write_file(path: Path, content: bytes, mode: int, uid: int = 0, gid: int = 0) -> None:
    """Put a file in its place all at once: whoever reads it finds the old one or the new one, and never more rights."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fchown(file.fileno(), uid, gid)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def carry_out(steps: Sequence[Step], tell: Callable[[str], None]) -> None:
    """Do them in order.

    Raises:
        SetupError: one failed; says so, and how many were done before.
    """
    for number, step in enumerate(steps):
        try:
            short_of_it = step.do()
        except (SetupError, OSError) as error:
            raise SetupError(f"{error}\n  {number} of {len(steps)} steps are done; “{step.says}” is not.") from None
        tell(printable(f"! {step.says}: {short_of_it}" if short_of_it else f"✓ {step.says}"))
