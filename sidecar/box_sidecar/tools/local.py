"""The parts that serve, without a server: for commands that do one thing and end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from box_sidecar.hardening import harden
from box_sidecar.logs import log_to_stderr
from box_sidecar.sidecar import Sidecar

T = TypeVar("T")


async def with_sidecar(config: Path, work: Callable[[Sidecar], Awaitable[T]]) -> T:
    """The result of one piece of work; what it calls at Box is in no audit."""
    harden()
    log_to_stderr("warning")
    sidecar = Sidecar(config)
    await sidecar.transport.open()
    try:
        return await work(sidecar)
    finally:
        await sidecar.transport.close()
