"""The wiring: one Box app, one policy, one cache, from one pair of files, and how they are exchanged while running."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from box_sidecar import changes
from box_sidecar.app_config import AppConfig, find_app_config
from box_sidecar.audit import Audit, AuditEvent
from box_sidecar.box.client import BoxClient
from box_sidecar.box.clock import BoxClock
from box_sidecar.box.deadline import within
from box_sidecar.box.transport import Transport
from box_sidecar.ledger import Ledger
from box_sidecar.loaded import Loaded, load, stamp_of, state_path, taken
from box_sidecar.metrics import Metrics
from box_sidecar.model import User
from box_sidecar.problems import CODES, ConfigError, Problem
from box_sidecar.service import TokenService
from box_sidecar.settings import Settings, load_settings
from box_sidecar.sharing import Sharing
from box_sidecar.token_cache import CachedToken
from box_sidecar.usage import Usage

if TYPE_CHECKING:
    from box_sidecar.hardware.key import HardwareKey

log = logging.getLogger(__name__)

_WATCH_S = 1.0
_STILL_LOOKS = 3  # as often must files be found unchanged before they are taken over without a signal


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
        self.refusal = ""
        """Why the files that are there are not taken over; empty where they are."""
        loaded = self.loaded = load(config_path, taken.text())
        self._stamp = loaded.stamp
        self._app_path = loaded.app_path
        self._tasks: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()
        self.audit = Audit(loaded.settings.log.audit_file, loaded.app.client_secret)
        self.ledger = Ledger(self.clock.now)
        self.usage = Usage(loaded.app.client_secret, self.clock.now)
        self.hardware: HardwareKey | None = None
        self.hardware = self._hardware_key(loaded)
        self.transport, self.box = self._connect(loaded, self.hardware)
        patience = self.transport.patience
        self.sharing = self._share(loaded)
        self._service = TokenService(
            loaded.settings, self.box, patience, self._renewed, self._folder_made, self.ledger, self.sharing
        )
        self.issuer, self.users = self._service.issuer, self._service.users
        self.revocations, self.current = self._service.revocations, self._service.current
        tokens = self._service.cache
        self.metrics.gauges(
            lambda: len(tokens.tokens), lambda: self.clock.offset, lambda: self.transport.breaker.is_open
        )
        self.metrics.month(lambda: self.usage.month(self.settings.usage.allotment))

    @property
    def settings(self) -> Settings:
        """What the administrator has set."""
        return self.loaded.settings

    @property
    def app(self) -> AppConfig:
        """The Box app that we are."""
        return self.loaded.app

    def _hardware_key(self, loaded: Loaded, *, asked: bool = False) -> HardwareKey | None:
        if not loaded.settings.box.key:
            return None
        from box_sidecar.hardware.key import opened  # only where it is wanted

        return opened(loaded.settings.box.key, self.hardware, reloading=self.state != "starting", asked=asked)

    def _connect(self, loaded: Loaded, key: HardwareKey | None) -> tuple[Transport, BoxClient]:
        settings, app, signer = loaded.settings.box, loaded.app, None
        if key and app.key:
            from box_sidecar.box.remote import RemoteSigner

            signer = RemoteSigner(app.client_id, app.key.id, key.sign)
        transport = Transport(settings.base_url, settings.timeout_s, self.clock, self._called)
        box = BoxClient(
            app,
            transport,
            self.clock,
            signer=signer,
            accept_unstated_scopes=loaded.settings.policy.accept_unstated_scopes,
            on_made=self.ledger.add,
            on_ended=self.ledger.end,
        )
        return transport, box

    def _share(self, loaded: Loaded) -> Sharing:
        if not loaded.settings.cache.store:
            return Sharing()
        try:  # here: who has no store need not have its client
            from box_sidecar.store.address import parse
            from box_sidecar.store.shared import Store
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"{self.config_path}: cache.store needs the Python module {error.name}; "
                'install sidecar/store.lock as docs/servers.md has it, or set cache.store = ""'
            ) from None
        address = parse(loaded.settings.cache.store, self.config_path)
        store = Store(address, loaded.app, loaded.settings.policy, self.clock.now)
        self.metrics.store(lambda: not store.is_down, store.connection.outcomes)
        return store

    def _called(self, route: str, status: str, seconds: float) -> None:
        self.metrics.box_request(route, status, seconds)
        self.usage.call()

    async def start(self) -> None:
        """Open connections and begin the background work; call inside the running event loop."""
        await self.transport.open()
        self.ledger.open(state_path(self.settings.cache.ledger, self.config_path), self.app.client_secret)
        self.usage.load(state_path(self.settings.usage.file, self.config_path))
        self._service.start()
        await self.sharing.start(at_the_beginning=len(self._service.cache.recovered) > 0)
        self.state = "ready"
        taken.keep(self.loaded.text)
        self._spawn(self._greet_box())
        self._spawn(self._watch())
        self._spawn(self.usage.keep())

    async def stop(self) -> None:
        """End the background work and all connections."""
        self.state = "stopping"
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._service.stop()
        await self.sharing.stop()
        self.usage.save()
        await self.transport.close()
        if self.hardware:
            self.hardware.close()
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
        """Reload when either file is replaced, once both have held still for some looks: somebody may be writing.

        And try an audit again that could not be written.
        """
        seen, looks = self._stamp, 0
        while True:
            await asyncio.sleep(_WATCH_S)
            stamp = stamp_of(self.config_path, self._app_path)
            seen, looks = stamp, looks + 1 if stamp == seen else 1
            try:
                await self.audit.resume()
                if stamp != self._stamp and looks >= _STILL_LOOKS:
                    async with self._reloading:
                        await self._reload(asked=False)
            except Exception as error:
                # Whatever it was, the old configuration stays and later files are still noticed.
                log.error("not reloaded: %s", type(error).__name__)

    async def reload(self) -> bool:
        """Take over new files, or report what is wrong with them and keep the old; whether they were taken.

        Requests under way go on with what they began with.
        """
        async with self._reloading:
            return await self._reload(asked=True)

    async def _reload(self, *, asked: bool) -> bool:
        before = stamp_of(self.config_path, self._app_path)
        try:
            loaded = await asyncio.to_thread(load, self.config_path)
            if not asked and stamp_of(self.config_path, loaded.app_path) != loaded.stamp:
                return False  # it did not hold still after all
            self._judge(loaded, asked=asked)
            hardware = await asyncio.to_thread(partial(self._hardware_key, loaded, asked=asked))
            transport, box = await asyncio.to_thread(self._connect, loaded, hardware)
            audit = self._audit(loaded)
        except ConfigError as error:
            self._stay(before)
            self.refusal = str(error)
            self.metrics.reloaded("refused")
            log.error("not reloaded, the old configuration stays: %s", error)
            return False
        await transport.open(await asyncio.to_thread(ssl.create_default_context))  # authorities may be others now
        self._take_over(loaded, transport, box, audit, hardware)
        self.refusal = ""
        self.metrics.reloaded("done")
        log.info("configuration reloaded")
        return True

    def _stay(self, before: tuple[tuple[int, ...], ...]) -> None:
        """Do not try the same files again: they are bad until they change, the new JSON that the TOML names included.

        What changed since ``before`` they were read is looked at again.
        """
        old_path = self._app_path
        with contextlib.suppress(ConfigError):
            self._app_path = find_app_config(load_settings(self.config_path), self.config_path)
        self._stamp = before if self._app_path == old_path else (before[0], *stamp_of(self._app_path))

    def _take_over(
        self, loaded: Loaded, transport: Transport, box: BoxClient, audit: Audit, hardware: HardwareKey | None
    ) -> None:
        if loaded.settings.server != self.settings.server:
            log.warning("[server] has changed: restart the sidecar for that; everything else is taken over now")
        if _places(loaded.settings) != _places(self.settings):
            log.warning("cache.ledger, cache.store or usage.file has changed: restart the sidecar for that")
        other_app = (loaded.app.client_id, loaded.app.enterprise_id) != (self.app.client_id, self.app.enterprise_id)
        if other_app or loaded.app.client_secret != self.app.client_secret:
            self.ledger.begin_anew(loaded.app.client_secret, forget=other_app)
        old_key = self.hardware if self.hardware is not hardware else None
        self._spawn(self._close_later(self.transport, self.audit if self.audit is not audit else None, old_key))
        self._stamp, self._app_path = loaded.stamp, loaded.app_path
        self.loaded, self.transport, self.box, self.audit, self.hardware = loaded, transport, box, audit, hardware
        self.sharing.configure(loaded.app, loaded.settings.policy)
        self._service.configure(loaded.settings, box, transport.patience, forget=other_app)
        taken.keep(loaded.text)
        logging.getLogger().setLevel(loaded.settings.log.level.upper())
        self._spawn(self._greet_box())

    def _judge(self, loaded: Loaded, *, asked: bool) -> None:
        """Refuse another Box, to which the key would go, and what nobody ``asked`` for that could allow more.

        A file that was cut short is still a valid one: what it lacks would have its default.
        """
        if loaded.settings.box.base_url != self.settings.box.base_url:
            raise ConfigError(f"{self.config_path}: box.api_url has changed: restart the sidecar for that")
        if not (differences := self.differences(loaded)):
            return
        if not asked:
            raise ConfigError(
                f"{self.config_path}: the new one {'; '.join(differences)}; "
                "to take it over all the same send SIGHUP (systemctl reload box-sidecar)"
            )
        log.warning("the new configuration %s", "; ".join(differences))

    def differences(self, loaded: Loaded) -> list[str]:
        """What another configuration drops from the one that runs, and what it would allow beyond it."""
        dropped = changes.dropped(self.loaded.keys, loaded.keys)
        loosened = changes.loosened(self.settings, loaded.settings)
        return [
            *([f"lacks {', '.join(dropped)}"] if dropped else []),
            *([f"allows more: {', '.join(loosened)}"] if loosened else []),
        ]

    def _audit(self, loaded: Loaded) -> Audit:
        """The audit for another configuration: the same, with what it may be waiting for, if nothing of it changes."""
        if (loaded.settings.log.audit_file, loaded.app.client_secret) == (self.audit.path, self.app.client_secret):
            self.audit.reopen()
            return self.audit
        return Audit(loaded.settings.log.audit_file, loaded.app.client_secret)

    async def _close_later(self, transport: Transport, audit: Audit | None, key: HardwareKey | None) -> None:
        try:
            await asyncio.sleep(transport.patience + 1)
        finally:
            await transport.close()
            if key:
                key.close()
            if audit:
                audit.close()

    def _renewed(self, held: CachedToken, outcome: str) -> None:
        self.metrics.token(outcome)
        event = "token_renewed" if outcome == "renewed" else "renewal_failed"
        self._spawn(self._note(event, held.user, outcome))

    def _folder_made(self, user: User, folder_id: str) -> None:
        self._spawn(self._note("folder_created", user, "created", f"folder/{folder_id}"))

    async def _note(self, event: str, user: User, outcome: str, resource: str = "") -> None:
        entry = AuditEvent(event=event, request_id="-", peer_uid=None, peer_pid=None, resource=resource)
        entry.person, entry.user_id, entry.outcome = self.audit.pseudonym(user.login), user.id, outcome
        with contextlib.suppress(Problem):  # the log says it
            await self.audit.write(entry)


def _places(settings: Settings) -> tuple[str, str, str]:
    return settings.cache.ledger, settings.cache.store, settings.usage.file
