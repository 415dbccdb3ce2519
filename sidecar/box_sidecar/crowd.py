"""All connections together: how many, how much of theirs is held, and who among them is slow."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol

from box_sidecar.exchange import Answer, Application, Request
from box_sidecar.metrics import Metrics
from box_sidecar.peers import AccessList, Refusals

_CONNECTIONS = 1000
_RESERVED = 16  # of these, for root and our own user: health and revocation can be asked for in a crowd
_OTHER_FILES = 320  # descriptors that are not callers': connections to Box, the audit, what Python opens
_UNANSWERED_BYTES = 8 * 1024 * 1024  # of all requests together; a caller's has some hundred
_LAST_S = 1.0  # for who has connected and not asked yet, or asks one thing after the other
_STANDSTILL_S = 10.0  # of ours: after as long as that, nobody is late by his own fault


class Caller(Protocol):
    """A connection, as its crowd sees it. ``held`` counts the bytes of its requests that are not answered yet."""

    held: int

    def look(self, now: float) -> None:
        """End it if it takes too long."""

    def relieve(self) -> None:
        """End it: others need the room."""

    def finish(self) -> None:
        """End it unless it has a request under way; with that one's answer it ends by itself."""


class Crowd:
    """What connections share. ``at_hand`` answers what needs no waiting, or says ``None``; ``app`` all else.

    ``files`` is how many descriptors may be open.
    """

    def __init__(
        self,
        access: AccessList,
        metrics: Metrics,
        app: Application,
        at_hand: Callable[[Request], Answer | None],
        files: int,
    ) -> None:
        self.access, self.metrics, self.app, self.at_hand = access, metrics, app, at_hand
        self.refusals = Refusals()
        self.is_stopping = False
        self._gone = asyncio.Event()
        self.now = 0.0
        """The loop's clock, looked at every second: exact enough for who is slow, and free of charge."""
        self.date = b""
        """The header field, likewise."""
        self._held = 0
        self._connections: set[Caller] = set()
        self._room = max(2 * _RESERVED, min(_CONNECTIONS, files // 2 - _OTHER_FILES))
        self._owners = {0, os.geteuid()}

    def is_full_for(self, uid: int) -> bool:
        """Whether there is no room for one more connection of this user's."""
        return len(self._connections) >= (self._room if uid in self._owners else self._room - _RESERVED)

    def add(self, connection: Caller) -> None:
        """One more."""
        self._connections.add(connection)

    def discard(self, connection: Caller) -> None:
        """One less, if it was one."""
        self._connections.discard(connection)
        if not self._connections:
            self._gone.set()

    def hold(self, size: int) -> None:
        """So many bytes more of requests that are not answered yet; if that is too much, who has most of them goes."""
        self._held += size
        if size > 0 and self._held > _UNANSWERED_BYTES:
            max(self._connections, key=lambda connection: connection.held).relieve()

    def look(self, now: float) -> None:
        """Look after everybody; once a second: a timer for each request would cost more than its parsing."""
        before, self.now = self.now, now
        self.date = f"date: {formatdate(usegmt=True)}\r\n".encode()
        if now - before < _STANDSTILL_S:
            for connection in list(self._connections):
                connection.look(now)

    async def finish(self) -> None:
        """Let all go, each with an answer to what it asks: who has just connected is yet to ask. Then who asks nothing.

        Ends when all are gone; how long that may take is the caller's to say.
        """
        self.is_stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_S):
                await self._all_gone()
        for connection in list(self._connections):
            connection.finish()
        await self._all_gone()

    async def _all_gone(self) -> None:
        if self._connections:
            self._gone.clear()
            await self._gone.wait()
