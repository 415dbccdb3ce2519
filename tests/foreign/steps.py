"""For walks in another process: says of each step how it went. Standard library only: Debian's Python runs it, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(name: str) -> Iterator[None]:
    """An operation; a line for ``Walk.said``."""
    try:
        yield
    except Exception as error:
        print(f"FAILED {name}\t{type(error).__name__} {' '.join(str(error).split())[:600]}", flush=True)
    else:
        print(f"ok {name}", flush=True)


@contextmanager
def refused(kind: type[BaseException], status: int) -> Iterator[None]:
    """What must be refused with this status, by an exception that has it as ``status`` or in ``response_info``."""
    try:
        yield
    except kind as error:
        said = getattr(error, "status", None) or error.response_info.status_code  # type: ignore[attr-defined]
        assert said == status, f"refused with {said}, not {status}"
    else:
        raise AssertionError(f"not refused with {status}")
