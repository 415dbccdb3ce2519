"""A connection: who is at its other end, how long that may take, and its requests answered one after the other.

Of asyncio, ``Protocol`` and ``Transport`` are used as documented.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import select
import socket

from box_sidecar.audit import Peer
from box_sidecar.crowd import Crowd
from box_sidecar.exchange import Answer, Exchange, Request, problem_answer
from box_sidecar.parser import Refused, RequestParser
from box_sidecar.peers import Credentials
from box_sidecar.problems import Problem

log = logging.getLogger(__name__)

_REQUEST_S = 10.0  # for a whole request to arrive, and for an answer to be read
_IDLE_S = 15.0  # between two requests on one connection
_GONE_S = 3.0  # for a request to end well whose caller has gone
_CLOSE = b"connection: close\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """One caller. ``held`` counts the bytes of its requests that are not answered yet."""

    transport: asyncio.Transport
    held = 0
    _peer: Peer | None = None
    """Who asks, once admitted; nobody else is served."""
    _data = b""
    """What has arrived and is not parsed, from ``_at`` on."""
    _at = 0
    _is_half_closed = False
    _is_clogged = False
    """Whether answers wait in the transport: until they are read, nothing more is answered."""
    _due = math.inf
    """When the request that is arriving must be whole, on the crowd's clock."""
    _idle_until = math.inf
    _unread_since = math.inf
    """Since when the other side has not read its answers."""
    _task: asyncio.Task[None] | None = None

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._parser = RequestParser()

    # Who it is

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admit or refuse; whom only the user database knows waits for it unread."""
        self.transport = transport
        who = Credentials.of(transport.get_extra_info("socket"))
        admitted = self._crowd.access.recall(who.uid, who.gid)
        if admitted is False:
            self._refuse(who)
        elif self._crowd.is_full_for(who.uid):
            self._crowd.metrics.refused("crowded")
            self._turn_away(Problem("overloaded"))
        else:
            self._crowd.add(self)
            if admitted:
                self._begin(who)
            else:
                transport.pause_reading()
                self._task = asyncio.create_task(self._ask(who))

    async def _ask(self, who: Credentials) -> None:
        admitted = await self._crowd.access.ask(who.uid)
        if self.transport.is_closing():
            return
        if admitted:
            self._begin(who)
            self.transport.resume_reading()
        else:
            self._refuse(who)

    def _begin(self, who: Credentials) -> None:
        self._peer = Peer(who.uid, who.pid)
        self._due = self._crowd.now + _REQUEST_S

    def _refuse(self, who: Credentials) -> None:
        self._crowd.refusals.add(who)
        self._crowd.metrics.refused("peer")
        self._turn_away(Problem("peer_not_allowed", detail=f"uid {who.uid} may not connect."))

    def _turn_away(self, problem: Problem) -> None:
        """A whole answer without reading a request: whoever looks at it should learn why."""
        self.transport.write(problem_answer(problem).encode(_CLOSE))
        self.transport.close()

    # What it sends

    def data_received(self, data: bytes) -> None:
        """Bytes of a request: from the first one on, the whole must arrive in time."""
        self.held += len(data)
        self._crowd.hold(len(data))
        if self.transport.is_closing():
            return
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0
        if self._is_waiting:
            self.transport.pause_reading()  # what comes behind a request waits for its answer, in the kernel
        else:
            self._read()

    @property
    def _is_waiting(self) -> bool:
        """Whether what has come is not read on: for an answer that is being made, or for another to be taken."""
        return self._parser.is_whole or self._is_clogged

    def _read(self) -> None:
        """Parse what is there up to the end of a request, and behind it as soon as that one is answered."""
        parser = self._parser
        try:
            while self._at < len(self._data) and not (parser.is_whole or self._is_clogged):
                if self._due == math.inf:
                    self._due, self._idle_until = self._crowd.now + _REQUEST_S, math.inf
                self._at = parser.feed(self._data, self._at)
                if parser.is_whole:
                    self._due = math.inf
                    self._answer()
                elif parser.awaits_leave:
                    parser.awaits_leave = False
                    self.transport.write(_CONTINUE)
        except Refused as refused:
            self._end(Problem("invalid_request", detail=str(refused)), refused.status)
        if not self._is_waiting and not self.transport.is_closing():
            self._data, self._at = b"", 0
            self.transport.resume_reading()

    def eof_received(self) -> bool:
        """The other side sends no more; if it can still read (shutdown(2)), it gets its answers."""
        if self._is_waiting:
            self._is_half_closed = not _is_gone(self.transport.get_extra_info("socket"))
            return self._is_half_closed
        if self.held:
            self._end(Problem("invalid_request", detail="The request ended before it was whole."), 400)
        return False

    # What it gets

    def _answer(self) -> None:
        if self._peer is None:
            raise RuntimeError("Nobody knows who asks, so nobody is served.")
        parser = self._parser
        request = Request(self._peer, parser.method, parser.target, parser.version, parser.headers, parser.body)
        parser.forget()
        try:
            answer = self._crowd.at_hand(request)
        except Exception as error:  # asyncio would log its message, which could hold a value
            log.error("internal error: %s at hand", type(error).__name__)
            answer = None
        if answer is not None:
            self._send(answer)
        else:
            self._task = asyncio.create_task(self._ask_application(request))

    async def _ask_application(self, request: Request) -> None:
        self._send(await Exchange(request).run(self._crowd.app))
        self._read()

    def _send(self, answer: Answer) -> None:
        """Write an answer. It is the turn of what came behind its request, unless this was the last."""
        self._parser.is_whole = False
        if self.transport.is_closing():
            return
        behind = len(self._data) - self._at
        self._crowd.hold(behind - self.held)
        self.held = behind
        if self._parser.keeps and not self._crowd.is_stopping and (behind or not self._is_half_closed):
            self.transport.write(answer.encode(self._crowd.date))
            if not behind:
                self._idle_until = self._crowd.now + _IDLE_S
        else:
            self.transport.write(answer.encode(self._crowd.date + _CLOSE))
            self._close()

    def pause_writing(self) -> None:
        """Answers are not being read."""
        self._is_clogged = True

    def resume_writing(self) -> None:
        """They have been."""
        self._is_clogged = False
        self._read()

    # Its end

    def look(self, now: float) -> None:
        """End it if it takes too long; ask every second."""
        if not self.transport.get_write_buffer_size():
            self._unread_since = math.inf
        elif self._unread_since == math.inf:
            self._unread_since = now
        if now >= min(self._due, self._unread_since + _REQUEST_S):
            self._crowd.metrics.refused("slow")
            self._end(Problem("invalid_request", detail="The request did not arrive in time."), 408)
        elif now >= self._idle_until:
            self.finish()

    def relieve(self) -> None:
        """End it: others need the room."""
        self._crowd.metrics.refused("crowded")
        self._end(Problem("overloaded", detail="Too much of unanswered requests is waiting."), 503)

    def finish(self) -> None:
        """End it unless it has a request under way. One that is sent in this moment is either answered, since the
        kernel has it, or fails as a whole as it is sent: after a mere close it would be lost without a word."""
        self._idle_until = math.inf
        if not self.held:
            with contextlib.suppress(OSError):  # the other side has gone
                self.transport.get_extra_info("socket").shutdown(socket.SHUT_RD)

    def _end(self, problem: Problem, status: int) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # a close would wait for who does not read
        else:
            self.transport.write(problem_answer(problem, status).encode(_CLOSE))
        self._close()

    def _close(self) -> None:
        self._due = self._idle_until = math.inf
        self._let_go()
        self.transport.close()

    def _let_go(self) -> None:
        """Of what has arrived: nobody will get to it."""
        self._crowd.hold(-self.held)
        self.held = 0
        self._data, self._at = b"", 0
        self._parser.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, if it ever was one; a request under way has a moment to end well."""
        self._crowd.discard(self)
        self._let_go()
        if self._task and not self._task.done():
            asyncio.get_running_loop().call_later(_GONE_S, self._task.cancel)


def _is_gone(connection: socket.socket) -> bool:
    """Whether the other side has closed its end altogether, not only for sending (POLLHUP, poll(2))."""
    poll = select.poll()
    poll.register(connection.fileno(), 0)
    return bool(poll.poll(0))
