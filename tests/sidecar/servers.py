"""Several servers' token services in this process, before one scripted Box, with a real store between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from box_sidecar import clock
from box_sidecar.app_config import AppConfig
from box_sidecar.issuer import Issued
from box_sidecar.ledger import Ledger
from box_sidecar.model import Resource, Subject
from box_sidecar.rate_limit import Ledger as Charges
from box_sidecar.rate_limit import MintLimits
from box_sidecar.secret import Secret
from box_sidecar.service import TokenService
from box_sidecar.settings import Settings
from box_sidecar.store.address import Address
from box_sidecar.store.shared import Store
from intranet.store_process import StoreProcess
from sidecar.scripted_box import LOGINS, ROOT, ScriptedBox, World

T = TypeVar("T")

APP = AppConfig("client", Secret("the app's client secret"), "enterprise", None)


class Server:
    """One sidecar's parts; its way to the store is a link that can be taken away."""

    def __init__(
        self, world: World, link: Path, target: Path, settings: Settings, app: AppConfig, ahead: float
    ) -> None:
        self.link, self.target = link, target
        self.join()
        self.store = Store(Address(path=str(link)), app, settings.policy, lambda: time.time() + ahead)
        self.ledger = Ledger(time.time)
        self.service = TokenService(
            settings,
            ScriptedBox(world),  # type: ignore[arg-type]
            15.0,
            lambda *_: None,
            lambda *_: None,
            self.ledger,
            self.store,
        )

    async def start(self) -> None:
        self.service.start()
        await self.store.start(at_the_beginning=len(self.service.cache.recovered) > 0)

    async def stop(self) -> None:
        await self.service.stop()
        await self.store.stop()

    def leave(self) -> None:
        """No new connection to the store is made from here."""
        self.link.unlink(missing_ok=True)

    def join(self) -> None:
        self.leave()
        self.link.symlink_to(self.target)

    async def issue(
        self, login: str = LOGINS[0], *features: str, refused: str | None = None, resource: Resource = ROOT
    ) -> Issued:
        return await self.service.issuer.issue(Subject("login", login), "explorer", features, resource, refused)

    async def token(self, login: str = LOGINS[0], *features: str, refused: str | None = None) -> str:
        """The token that somebody gets."""
        return (await self.issue(login, *features, refused=refused)).token.secret.reveal()

    async def revoke(self, login: str = LOGINS[0]) -> int:
        return await self.service.revocations.revoke(Subject("login", login))


class Servers:
    """Some servers, a context manager. ``run`` gives a coroutine's result; time passes meanwhile, for all of them."""

    def __init__(
        self,
        folder: Path,
        count: int = 2,
        *options: str,
        settings: Settings | None = None,
        program: Sequence[str] = ("redis-server",),
    ) -> None:
        self.folder = folder
        self.store = StoreProcess(folder / "store", *options, program=program)
        self.runner = asyncio.Runner()
        self.settings = settings or Settings()
        self.world = World(clock.monotonic, is_patient=False)
        for number, login in enumerate(LOGINS, 1):
            self.world.add(str(number), login)
        self._patched = pytest.MonkeyPatch()
        # Each server has counts of its own.
        self._patched.setattr("box_sidecar.current.MintLimits", lambda a, b: MintLimits(a, b, Charges(), Charges()))
        self._count = count
        self.all: list[Server] = []

    def __enter__(self) -> Servers:
        self.store.start()
        for _ in range(self._count):
            self.add()
        return self

    def add(
        self, settings: Settings | None = None, app: AppConfig = APP, ledger: Path | None = None, ahead: float = 0.0
    ) -> Server:
        """One more, and what its ledger knows; its clock is ahead, and Box has not told it the time."""
        link = self.folder / f"link{len(self.all)}"
        server = Server(self.world, link, self.store.socket, settings or self.settings, app, ahead)
        server.ledger.open(ledger, app.client_secret)
        self.all.append(server)
        self.run(server.start())
        return server

    def __exit__(self, *_: object) -> None:
        self.world.is_patient = False
        for waiting in self.world.waiting:
            if not waiting.done():
                waiting.cancel()
        for server in self.all:
            self.run(server.stop())
        self.runner.close()
        self.store.stop()
        self.store.client.close()
        self._patched.undo()

    def __getitem__(self, number: int) -> Server:
        return self.all[number]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def until(self, find: Any, seconds: float = 10.0) -> None:
        """Time goes by until something is so."""

        async def wait() -> None:
            async with asyncio.timeout(seconds):
                while not find():
                    await asyncio.sleep(0.005)

        self.run(wait())

    def revoke(self, subject: Subject, number: int = 0) -> int:
        """What a revocation on one server tells, once all the others have heard of it."""
        guards = [server.service.revocations.begin(subject) for server in self.all]
        told = self.run(self.all[number].service.revocations.revoke(subject))
        self.until(lambda: all(guard.is_broken() for guard in guards))
        return told

    def calls(self) -> dict[str, int]:
        """What Box was asked since the last time."""
        asked = dict(self.world.calls)
        self.world.calls.clear()
        return asked

    def living(self) -> set[str]:
        """Tokens for widgets that still open something."""
        return {secret for secret in self.world.living() if self.world.made[secret].resource}

    def keys(self, what: str) -> list[bytes]:
        """Names in the store, of this kind."""
        return sorted(key for key in self.store.client.scan_iter() if f":{what}".encode() in key)
