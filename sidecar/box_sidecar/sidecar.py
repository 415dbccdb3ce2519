"""The wiring: one Box app, one policy, one cache, from one pair of files, and how they are exchanged while running."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from box_sidecar.audit import Audit, Entry
from box_sidecar.box import Box
from box_sidecar.catalogue import CODES, Problem
from box_sidecar.clock import BoxClock
from box_sidecar.config import AppConfig, ConfigError, Settings, find_app_config, load_app_config, load_settings
from box_sidecar.metrics import Metrics
from box_sidecar.tokens import Held, TokenService
from box_sidecar.transport import Transport, within

log = logging.getLogger(__name__)

_WATCH_S = 2.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """Both files, read and checked. ``stamp`` tells whether either has been replaced since."""

    settings: Settings
    app: AppConfig
    app_path: Path
    stamp: tuple[tuple[int, ...], ...]


def load(config_path: Path) -> Loaded:
    """Read both files.

    Raises:
        ConfigError: one line that says what to change, and where.
    """
    settings = load_settings(config_path)
    app_path = find_app_config(settings, config_path)
    stamp = _stamp(config_path, app_path)
    return Loaded(settings, load_app_config(app_path), app_path, stamp)


def _stamp(*paths: Path) -> tuple[tuple[int, ...], ...]:
    stamps: list[tuple[int, ...]] = []
    for path in paths:
        try:
            status = path.stat()
            stamps.append((status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode))
        except OSError:
            stamps.append(())
    return tuple(stamps)


class Sidecar:
    """Everything that runs in the worker process.

    Raises:
        ConfigError: as :func:`load`, or the key can't be opened, or the audit file can't.
    """

    def __init__(self, config_path: Path) -> None:
        self.config_path = config_path
        self.metrics = Metrics()
        self.clock = BoxClock()
        self.state = "starting"
        loaded = load(config_path)
        self._stamp = loaded.stamp
        self._app_path = loaded.app_path
        self._tasks: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()
        self.audit = Audit(loaded.settings.log.audit_file, loaded.app.client_secret)
        self.app = loaded.app
        self.settings = loaded.settings
        self.transport, self.box = self._connect(loaded)
        self.service = TokenService(loaded.settings, self.box, self.transport.patience, self._renewed)
        self.metrics.gauges(
            lambda: self.service.held, lambda: self.clock.offset, lambda: self.transport.is_open_circuit
        )

    def _connect(self, loaded: Loaded) -> tuple[Transport, Box]:
        settings = loaded.settings.box
        transport = Transport(settings.base_url, settings.timeout_s, self.clock, self.metrics.box_call)
        unstated = loaded.settings.policy.accept_unstated_scopes
        return transport, Box(loaded.app, transport, self.clock, accept_unstated_scopes=unstated)

    async def start(self) -> None:
        """Open connections and begin the background work; call inside the running event loop."""
        await self.transport.open()
        self.service.start()
        self.state = "ready"
        self._spawn(self._greet_box())
        self._spawn(self._watch())

    async def stop(self) -> None:
        """End the background work and all connections."""
        self.state = "stopping"
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.service.stop()
        await self.transport.close()
        self.audit.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _greet_box(self) -> None:
        """Get the service token before anybody needs it; an administrator sees at once what is wrong."""
        with within(self.transport.patience):
            try:
                await self.box.service_token()
                log.info("Box accepts the app %s", self.app.client_id)
            except Problem as problem:
                log.error("%s Fix: %s", problem, problem.fix or CODES[problem.code].fix)

    async def _watch(self) -> None:
        """Reload when either file is replaced."""
        while True:
            await asyncio.sleep(_WATCH_S)
            async with self._reloading:
                if _stamp(self.config_path, self._app_path) != self._stamp:
                    try:
                        await self._reload()
                    except Exception as error:
                        # Whatever it was, the old configuration stays and later files are still noticed.
                        log.error("not reloaded: %s", type(error).__name__)

    async def reload(self) -> bool:
        """Take over new files, or report what is wrong with them and keep the old; whether they were taken.

        Requests under way go on with what they began with.
        """
        async with self._reloading:
            return await self._reload()

    async def _reload(self) -> bool:
        try:
            loaded = await asyncio.to_thread(load, self.config_path)
            transport, box = await asyncio.to_thread(self._connect, loaded)
            audit = Audit(loaded.settings.log.audit_file, loaded.app.client_secret)
        except ConfigError as error:
            # Not again for the same files: they are bad until they change, the new JSON that the TOML names included.
            with contextlib.suppress(ConfigError):
                self._app_path = find_app_config(load_settings(self.config_path), self.config_path)
            self._stamp = _stamp(self.config_path, self._app_path)
            self.metrics.reloaded("refused")
            log.error("not reloaded, the old configuration stays: %s", error)
            return False
        if loaded.settings.server != self.settings.server:
            log.warning("[server] has changed: restart the sidecar for that; everything else is taken over now")
        await transport.open()
        other_app = (loaded.app.client_id, loaded.app.enterprise_id, loaded.settings.box.base_url) != (
            self.app.client_id,
            self.app.enterprise_id,
            self.settings.box.base_url,
        )
        old_transport, old_audit = self.transport, self.audit
        self._stamp, self._app_path = loaded.stamp, loaded.app_path
        self.app, self.settings = loaded.app, loaded.settings
        self.transport, self.box, self.audit = transport, box, audit
        self.service.configure(loaded.settings, box, transport.patience, forget=other_app)
        logging.getLogger().setLevel(loaded.settings.log.level.upper())
        self.metrics.reloaded("done")
        log.info("configuration reloaded")
        self._spawn(self._close_later(old_transport, old_audit))
        self._spawn(self._greet_box())
        return True

    async def _close_later(self, transport: Transport, audit: Audit) -> None:
        try:
            await asyncio.sleep(transport.patience + 1)
        finally:
            await transport.close()
            audit.close()

    def _renewed(self, held: Held, outcome: str) -> None:
        self.metrics.token(outcome)
        entry = Entry(
            event="token_renewed" if outcome == "renewed" else "renewal_failed",
            request_id="-",
            peer_uid=None,
            peer_pid=None,
            person=self.audit.person(held.user.login),
            user_id=held.user.id,
            outcome=outcome,
        )
        with contextlib.suppress(Problem):  # the log says it
            self.audit.write(entry)
