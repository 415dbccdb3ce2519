"""The parts that serve, without a server: for commands that do one thing and end."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from box_sidecar.app_config import find_app_config
from box_sidecar.box.deadline import within
from box_sidecar.hardening import harden
from box_sidecar.logs import log_to_stderr
from box_sidecar.settings import load_settings
from box_sidecar.sidecar import Sidecar

T = TypeVar("T")


async def with_sidecar(config: Path, work: Callable[[Sidecar], Awaitable[T]], *, keep: bool = False) -> T:
    """The result of one piece of work; what it calls at Box is in no audit.

    Every token that was made for it is ended, unless they are to be kept.
    """
    if os.geteuid() == 0:
        _go_on_as_owner(find_app_config(load_settings(config), config))
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


def _go_on_as_owner(app_config: Path) -> None:
    """Root needs no more than the service has, and sees what the service sees: go on as the user whose the JSON is."""
    with suppress(OSError, KeyError):  # what is wrong with the file is said when it is read
        account = pwd.getpwuid(app_config.stat().st_uid)
        if account.pw_uid != 0:
            os.initgroups(account.pw_name, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
