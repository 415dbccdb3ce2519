"""What the worker runs: a sidecar, the application over it, and everybody who is connected."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from box_sidecar import hits, tracing
from box_sidecar.app import ROUTES, create_app
from box_sidecar.crowd import Crowd
from box_sidecar.exchange import Answer, Application, Request
from box_sidecar.listener import BACKLOG
from box_sidecar.peers import AccessList
from box_sidecar.protocol import Connection
from box_sidecar.sidecar import Sidecar

_ROUNDS = 4  # of the loop, until who was accepted is a connection
_STOP_S = 18.0  # for requests under way; gunicorn ends us after 20


class _Queue(socket.socket):
    """A listening socket where as many can wait as before, however few asyncio takes at a time."""

    def listen(self, backlog: int = 0, /) -> None:
        super().listen(BACKLOG)


async def _accept_no_more(queue: socket.socket) -> None:
    """Leave who waits to the next process. asyncio would drop without a word whom it has accepted, but not yet made a
    connection of, when its server is closed."""
    asyncio.get_running_loop().remove_reader(queue.fileno())
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)


class Serving:
    """Serves callers of a socket, by one configuration file.

    Raises:
        ConfigError: as :class:`Sidecar` and :class:`AccessList`.
    """

    def __init__(self, config_path: Path) -> None:
        tracing.begin()
        self.sidecar = Sidecar(config_path)
        access = AccessList(self.sidecar.settings.server)
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        app: Application = create_app(self.sidecar)
        at_hand: Callable[[Request], Answer | None] = partial(hits.answer, self.sidecar)
        if tracing.telemetry:
            app = tracing.telemetry.around(app, {route.path for route in ROUTES})
            at_hand = tracing.telemetry.around_hits(at_hand)
        self._crowd = Crowd(access, self.sidecar.metrics, app, at_hand, files)

    async def serve(
        self, listener: socket.socket, stop: asyncio.Event, alive: Callable[[], None], ready: Callable[[], None]
    ) -> None:
        """Until ``stop``, and then until requests under way are answered.

        Says once that it is ``ready``, and every second that it is ``alive``.
        """
        self._look(alive)
        self._sum_up()
        await self.sidecar.start()
        loop = asyncio.get_running_loop()
        # One at a time: asyncio would try for more until it fails, and each has a descriptor before it is refused.
        queue = _Queue(fileno=os.dup(listener.fileno()))
        server = await loop.create_server(partial(Connection, self._crowd), sock=queue, backlog=1)
        ready()
        await stop.wait()
        await _accept_no_more(queue)
        server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await self._crowd.finish()
        await self.sidecar.stop()
        if tracing.telemetry:
            await tracing.telemetry.end()

    def _look(self, alive: Callable[[], None]) -> None:
        alive()
        loop = asyncio.get_running_loop()
        self._crowd.look(loop.time())
        loop.call_later(1, self._look, alive)

    def _sum_up(self) -> None:
        self._crowd.refusals.sum_up()
        asyncio.get_running_loop().call_later(60, self._sum_up)
