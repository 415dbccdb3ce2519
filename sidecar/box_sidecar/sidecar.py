"""The wiring: one Box app, one policy, one cache, from one pair of files, and how they are exchanged while running."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from box_sidecar import changes
from box_sidecar.app_config import AppConfig, find_app_config, load_app_config
from box_sidecar.audit import Audit, AuditEvent
from box_sidecar.box.client import BoxClient
from box_sidecar.box.clock import BoxClock
from box_sidecar.box.deadline import within
from box_sidecar.box.transport import Transport
from box_sidecar.issuer import CachedToken, TokenService
from box_sidecar.metrics import Metrics
from box_sidecar.problems import CODES, ConfigError, Problem
from box_sidecar.settings import Settings, load_settings, parse_settings, read_settings

log = logging.getLogger(__name__)

_WATCH_S = 1.0
_STILL_LOOKS = 3  # as often must files be found unchanged before they are taken over without a signal


class _Taken:
    """The TOML that was taken over last, in an anonymous file that a new worker inherits from the master.

    A worker that ended is no reload: the next one goes on with what ran, whatever the file says by then.
    """

    def __init__(self) -> None:
        self._file = os.memfd_create("box-sidecar.toml")

    def keep(self, text: str) -> None:
        """Remember it for the next worker."""
        content = text.encode()
        os.pwrite(self._file, len(content).to_bytes(4, "big") + content, 0)

    def text(self) -> str | None:
        """What was kept; ``None`` before the first."""
        length = int.from_bytes(os.pread(self._file, 4, 0), "big")
        return os.pread(self._file, length, 4).decode() if length else None


_taken = _Taken()  # made by the master, before it forks


@dataclass(frozen=True, slots=True)
class Loaded:
    """Both files, read and checked. ``keys`` stand in the TOML; ``stamp`` tells whether either was replaced since."""

    text: str
    settings: Settings
    keys: frozenset[str]
    app: AppConfig
    app_path: Path
    stamp: tuple[tuple[int, ...], ...]

    @property
    def digest(self) -> str:
        """The same for two that have the same settings, app and key; nothing can be read from it."""
        key = hmac.digest(self.app.client_secret.reveal().encode(), b"box-sidecar configuration 1", "sha256")
        app = (self.app.client_id, self.app.enterprise_id, self.app.key_id)
        return hmac.digest(key, msgspec.json.encode((self.settings, app)), "sha256").hex()[:32]


def load(config_path: Path, text: str | None = None) -> Loaded:
    """Read both files, or the second only if the TOML's ``text`` is given.

    Raises:
        ConfigError: one line that says what to change, and where.
    """
    # Looked at before they are read: what changes meanwhile is then noticed.
    toml_stamp = _stamp(config_path) if text is None else ((),)
    text = read_settings(config_path) if text is None else text
    settings, keys = parse_settings(text, config_path)
    app_path = find_app_config(settings, config_path)
    stamp = toml_stamp + _stamp(app_path)
    return Loaded(text, settings, keys, load_app_config(app_path), app_path, stamp)


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
        loaded = self.loaded = load(config_path, _taken.text())
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
            lambda: self.service.held, lambda: self.clock.offset, lambda: self.transport.breaker.is_open
        )

    def _connect(self, loaded: Loaded) -> tuple[Transport, BoxClient]:
        settings = loaded.settings.box
        transport = Transport(settings.base_url, settings.timeout_s, self.clock, self.metrics.box_request)
        unstated = loaded.settings.policy.accept_unstated_scopes
        return transport, BoxClient(loaded.app, transport, self.clock, accept_unstated_scopes=unstated)

    async def start(self) -> None:
        """Open connections and begin the background work; call inside the running event loop."""
        await self.transport.open()
        self.service.start()
        self.state = "ready"
        _taken.keep(self.loaded.text)
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
        """Reload when either file is replaced, once both have held still for some looks: somebody may be writing.

        And try an audit again that could not be written.
        """
        seen, looks = self._stamp, 0
        while True:
            await asyncio.sleep(_WATCH_S)
            stamp = _stamp(self.config_path, self._app_path)
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
        before = _stamp(self.config_path, self._app_path)
        try:
            loaded = await asyncio.to_thread(load, self.config_path)
            if not asked and _stamp(self.config_path, loaded.app_path) != loaded.stamp:
                return False  # it did not hold still after all
            self._judge(loaded, asked=asked)
            transport, box = await asyncio.to_thread(self._connect, loaded)
            audit = self._audit(loaded)
        except ConfigError as error:
            # Not again for the same files: they are bad until they change, the new JSON that the TOML names included.
            # What changed while they were read is looked at again.
            old_path = self._app_path
            with contextlib.suppress(ConfigError):
                self._app_path = find_app_config(load_settings(self.config_path), self.config_path)
            self._stamp = before if self._app_path == old_path else (before[0], *_stamp(self._app_path))
            self.metrics.reloaded("refused")
            log.error("not reloaded, the old configuration stays: %s", error)
            return False
        if loaded.settings.server != self.settings.server:
            log.warning("[server] has changed: restart the sidecar for that; everything else is taken over now")
        await transport.open()
        other_app = (loaded.app.client_id, loaded.app.enterprise_id) != (self.app.client_id, self.app.enterprise_id)
        old_transport, old_audit = self.transport, self.audit
        self._stamp, self._app_path = loaded.stamp, loaded.app_path
        self.loaded, self.app, self.settings = loaded, loaded.app, loaded.settings
        self.transport, self.box, self.audit = transport, box, audit
        self.service.configure(loaded.settings, box, transport.patience, forget=other_app)
        _taken.keep(loaded.text)
        logging.getLogger().setLevel(loaded.settings.log.level.upper())
        self.metrics.reloaded("done")
        log.info("configuration reloaded")
        self._spawn(self._close_later(old_transport, old_audit if old_audit is not audit else None))
        self._spawn(self._greet_box())
        return True

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

    async def _close_later(self, transport: Transport, audit: Audit | None) -> None:
        try:
            await asyncio.sleep(transport.patience + 1)
        finally:
            await transport.close()
            if audit:
                audit.close()

    def _renewed(self, held: CachedToken, outcome: str) -> None:
        self.metrics.token(outcome)
        entry = AuditEvent(
            event="token_renewed" if outcome == "renewed" else "renewal_failed",
            request_id="-",
            peer_uid=None,
            peer_pid=None,
            person=self.audit.pseudonym(held.user.login),
            user_id=held.user.id,
            outcome=outcome,
        )
        self._spawn(self._note(entry))

    async def _note(self, entry: AuditEvent) -> None:
        with contextlib.suppress(Problem):  # the log says it
            await self.audit.write(entry)
