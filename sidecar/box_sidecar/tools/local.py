"""The parts that serve, without a server: for commands that do one thing and end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from box_sidecar.app_config import find_app_config
from box_sidecar.box.deadline import within
from box_sidecar.hardening import harden
from box_sidecar.logs import log_to_stderr
from box_sidecar.settings import load_settings
from box_sidecar.sidecar import Sidecar
from box_sidecar.tools.owner import go_on_as_owner

T = TypeVar("T")


async def with_sidecar(config: Path, work: Callable[[Sidecar], Awaitable[T]], *, keep: bool = False) -> T:
    """The result of one piece of work; what it calls at Box is in no audit.

    Every token that was made for it is ended, unless they are to be kept.
    """
    go_on_as_owner(config)
    if os.geteuid() == 0:
        go_on_as_owner(find_app_config(load_settings(config), config))
    harden()
    log_to_stderr("warning")
    sidecar = Sidecar(config)
    await sidecar.transport.open()
    with TemporaryDirectory(prefix="box-sidecar-") as folder:
        sidecar.ledger.open(None if keep else Path(folder) / "ledger", sidecar.app.client_secret)
        try:
            return await work(sidecar)
        finally:
            made = [recorded.token.secret for recorded in sidecar.ledger.recorded()]
            with within(sidecar.transport.patience):
                await asyncio.gather(*map(sidecar.box.revoke, made), return_exceptions=True)
            sidecar.ledger.close()
            await sidecar.transport.close()
            if sidecar.hardware:
                sidecar.hardware.close()
