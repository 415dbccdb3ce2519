"""All connections together: how many, how much of theirs is held, and who among them is slow."""

from __future__ import annotations

import asyncio
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
_STANDSTILL_S = 10.0  # of ours: after as long as that, nobody is late by his own fault


class Caller(Protocol):
    """A connection, as its crowd sees it. ``held`` counts the bytes of its requests that are not answered yet."""

    held: int

    def look(self, now: float) -> None:
        """End it if it takes too long."""

    def relieve(self) -> None:
        """End it: others need the room."""

    def finish(self) -> None:
        """End it as soon as it has no request under way."""


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
        self.gone = asyncio.Event()
        """Set when all are gone after :meth:`finish`."""
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
        if self.is_stopping and not self._connections:
            self.gone.set()

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

    def finish(self) -> None:
        """Let all go who ask nothing, and the others with their answers."""
        self.is_stopping = True
        if not self._connections:
            self.gone.set()
        for connection in list(self._connections):
            connection.finish()
