"""A process that shows nothing of its memory, dies with its master, and takes orders from no environment."""

from __future__ import annotations

import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1  # prctl(2)
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38


def harden() -> None:
    """Make memory unreadable to others: no core dump, no ptrace, no new privileges (prctl(2), core(5))."""
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with(parent: int) -> bool:
    """End when this parent does, at once and whatever is under way; whether it is still there."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def raise_file_limit() -> None:
    """As many connections as the kernel allows us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def ignore_gunicorns_environment() -> None:
    """All of gunicorn's settings are ours; its variables would even make it take itself for another's successor."""
    for name in [name for name in os.environ if name.startswith("GUNICORN_")]:
        del os.environ[name]


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")
