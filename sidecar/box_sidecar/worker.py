"""The one worker process under gunicorn's master: it alone opens the key.

What is used of gunicorn is what its documentation tells authors of workers: ``Worker`` with ``init_process``,
``init_signals``, ``load_wsgi``, ``run``, ``notify``, and its attributes ``app``, ``cfg``, ``ppid``, ``sockets``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import signal
import sys
from functools import partial

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker as GunicornWorker

from box_sidecar import hits
from box_sidecar.app import create_app
from box_sidecar.crowd import Crowd
from box_sidecar.hardening import die_with
from box_sidecar.listener import BACKLOG
from box_sidecar.peers import AccessList
from box_sidecar.problems import ConfigError
from box_sidecar.protocol import Connection
from box_sidecar.sidecar import Sidecar

log = logging.getLogger(__name__)

_TAKEN_AT_ONCE = 64  # connections, in one turn of the loop: each takes a descriptor before it can be turned away
_STOP_S = 18.0  # for requests under way; gunicorn ends us after 20


class Worker(GunicornWorker):  # type: ignore[misc]
    """Serves connections in one event loop until it is told to stop."""

    def init_process(self) -> None:
        """As gunicorn's, with a loop that can note signals before it runs."""
        self.loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        super().init_process()

    def init_signals(self) -> None:
        """SIGTERM ends requests first, SIGINT and SIGQUIT do not; SIGHUP reloads, SIGUSR1 reopens the audit file."""
        super().init_signals()
        for number, handle in {
            signal.SIGTERM: self._stop.set,
            signal.SIGINT: self._stop_now,
            signal.SIGQUIT: self._stop_now,
            signal.SIGHUP: lambda: self.loop.create_task(self.sidecar.reload()),
            signal.SIGUSR1: self._reopen,
        }.items():
            self.loop.add_signal_handler(number, handle)

    def load_wsgi(self) -> None:
        """Open the key and build the application."""
        if not die_with(self.ppid):  # without its master it would only keep the next one from starting
            sys.exit(Arbiter.APP_LOAD_ERROR)
        try:
            self.sidecar = Sidecar(self.app.config_path)
            access = AccessList(self.sidecar.settings.server)
        except ConfigError as error:
            log.critical("%s", error)
            sys.exit(Arbiter.APP_LOAD_ERROR)
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        app = create_app(self.sidecar)
        self.crowd = Crowd(access, self.sidecar.metrics, app, partial(hits.answer, self.sidecar), files)

    def run(self) -> None:
        """Serve."""
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.serve())

    async def serve(self) -> None:
        """Until told to stop, and then until requests under way are answered."""
        self._look()
        self._sum_up()
        await self.sidecar.start()
        (listener,) = self.sockets
        factory = partial(Connection, self.crowd)
        server = await self.loop.create_server(factory, sock=listener.sock, backlog=_TAKEN_AT_ONCE)
        listener.sock.listen(BACKLOG)  # the kernel lets more wait than are taken at once
        await self._stop.wait()
        server.close()
        self.crowd.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await self.crowd.gone.wait()
        await self.sidecar.stop()

    def _reopen(self) -> None:
        self.sidecar.audit.reopen()  # that of the moment: a reload may bring another

    def _stop_now(self) -> None:
        sys.exit(0)

    def _look(self) -> None:
        self.notify()
        self.crowd.look(self.loop.time())
        self.loop.call_later(1, self._look)

    def _sum_up(self) -> None:
        self.crowd.refusals.sum_up()
        self.loop.call_later(60, self._sum_up)
