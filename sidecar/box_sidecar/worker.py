"""The one worker process under gunicorn's master: it alone opens the key.

What is used of gunicorn is what its documentation tells authors of workers: ``Worker`` with ``init_process``,
``init_signals``, ``load_wsgi``, ``run``, ``notify``, and its attributes ``app``, ``cfg``, ``ppid``, ``sockets``.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker as GunicornWorker

from box_sidecar.hardening import die_with
from box_sidecar.problems import ConfigError

if TYPE_CHECKING:
    from box_sidecar.serving import Serving

log = logging.getLogger(__name__)


class Worker(GunicornWorker):  # type: ignore[misc]
    """Serves callers in one event loop until it is told to stop."""

    serving: Serving
    _told = "Serving."
    """What systemd was told last."""

    def init_process(self) -> None:
        """As gunicorn's, with a loop that can note signals before it runs."""
        self.loop = asyncio.new_event_loop()
        self.stop = asyncio.Event()
        super().init_process()

    def init_signals(self) -> None:
        """SIGTERM ends requests first, SIGINT and SIGQUIT do not; SIGHUP reloads, SIGUSR1 reopens the audit file."""
        super().init_signals()
        for number, handle in {
            signal.SIGTERM: self.stop.set,
            signal.SIGINT: sys.exit,
            signal.SIGQUIT: sys.exit,
            signal.SIGHUP: lambda: self.loop.create_task(self._reload()),
            signal.SIGUSR1: self._reopen,
        }.items():
            self.loop.add_signal_handler(number, handle)

    async def _reload(self) -> None:
        try:
            await self.serving.sidecar.reload()
        finally:
            self._tell_ready()

    def _tell_ready(self) -> None:
        self._told = self._status()
        self.app.manager.tell(READY=1, STATUS=self._told)

    def _tell_alive(self) -> None:
        """To gunicorn, and to systemd; the latter also what has changed, as files may be found new without a signal."""
        self.notify()
        self.app.manager.alive()
        if (status := self._status()) != self._told:
            self._told = status
            self.app.manager.tell(STATUS=status)

    def _status(self) -> str:
        """What ``systemctl status`` shows."""
        refusal = self.serving.sidecar.refusal
        return f"Serving; new files are refused, the old configuration stays: {refusal}" if refusal else "Serving."

    def _reopen(self) -> None:
        self.serving.sidecar.audit.reopen()  # that of the moment: a reload may have brought another

    def load_wsgi(self) -> None:
        """Open the key and build the application."""
        if not die_with(self.ppid):  # without its master it would only keep the next one from starting
            sys.exit(Arbiter.APP_LOAD_ERROR)
        # Here and not above: what knows Box and keys is no business of the master's, and would take memory twice.
        from box_sidecar.serving import Serving

        try:
            self.serving = Serving(self.app.config_path)
        except ConfigError as error:
            log.critical("%s", error)
            sys.exit(Arbiter.APP_LOAD_ERROR)

    def run(self) -> None:
        """Serve."""
        (listener,) = self.sockets
        asyncio.set_event_loop(self.loop)
        serving = self.serving.serve(listener.sock, self.stop, self._tell_alive, self._tell_ready)
        self.loop.run_until_complete(serving)
