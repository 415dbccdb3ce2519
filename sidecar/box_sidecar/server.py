"""gunicorn around the application: the socket, who may connect to it, and a process that shows nothing."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import gc
import logging
import math
import os
import resource
import select
import signal
import socket
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.asgi.parser import ParseError
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.workers.gasgi import ASGIWorker

from box_sidecar.app import create_app
from box_sidecar.audit import Peer
from box_sidecar.listener import BACKLOG, Listener, listen
from box_sidecar.peers import Admission, Credentials, Refusals
from box_sidecar.problems import ConfigError, Problem
from box_sidecar.sidecar import Sidecar, load

log = logging.getLogger(__name__)

_PR_SET_DUMPABLE = 4  # prctl(2)
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_PDEATHSIG = 1
_CONNECTIONS = 1000
_RESERVED = 16  # of these, for root and our own user: health and revocation can be asked for in a crowd
_OTHER_FILES = 320  # descriptors that are not callers': connections to Box, the audit, what Python opens
_FIELDS = 32  # in a request's header: a caller of ours sends ten
_FIELD_BYTES = 1024
_BODY_PIECES = 256  # each costs as much as a small request
_UNANSWERED_BYTES = 8 * 1024 * 1024  # of all requests together; a caller's has some hundred
_REQUEST_S = 10.0  # for a whole request to arrive
_IDLE_S = 15  # between two requests on one connection
_STOP_S = 20  # for requests under way


def harden() -> None:
    """Make memory unreadable to others: no core dump, no ptrace, no new privileges (prctl(2), core(5))."""
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


class Protocol(ASGIProtocol):  # type: ignore[misc]
    """A connection: its peer is known before its first byte is read, and it may neither dawdle nor hoard."""

    worker: Worker
    held = 0
    """Bytes of requests that are not answered yet."""
    _peer: Peer | None = None
    """Who asks, once admitted."""
    _is_whole = False
    """Whether a request has arrived whole and is not answered yet."""
    _is_half_closed = False
    _due = math.inf
    """When the request that is arriving must be whole, on the worker's clock; the worker looks every second."""
    _unread_since = math.inf
    """Since when the other side has not read its answers."""
    _pieces = 0
    """In how many pieces the body has come so far."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Admit or refuse; whom only the user database knows waits for it unread."""
        self.transport = transport
        who = Credentials.of(transport.get_extra_info("socket"))
        admitted = self.worker.admission.recall(who.uid, who.gid)
        if admitted is False:
            self._refuse(who)
        elif self.worker.is_crowded_for(who.uid):
            self.worker.sidecar.metrics.refused("crowded")
            _turn_away(transport, Problem("overloaded"))
        else:
            self.worker.connections.add(self)
            if admitted:
                self._begin(who)
            else:
                transport.pause_reading()
                self._asking = self.worker.loop.create_task(self._ask(who))

    async def _ask(self, who: Credentials) -> None:
        admitted = await self.worker.admission.ask(who.uid)
        if self.transport.is_closing():
            return
        if admitted:
            self._begin(who)
            self.transport.resume_reading()
        else:
            self._refuse(who)

    def _begin(self, who: Credentials) -> None:
        self._peer = Peer(who.uid, who.pid)
        super().connection_made(self.transport)
        self._due = self.worker.now + _REQUEST_S

    def _refuse(self, who: Credentials) -> None:
        self.worker.refusals.add(who)
        self.worker.sidecar.metrics.refused("peer")
        _turn_away(self.transport, Problem("peer_not_allowed", detail=f"uid {who.uid} may not connect."))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, if it ever was one."""
        self.worker.connections.discard(self)
        self._drop()
        if self._peer:
            super().connection_lost(exc)
            self._request_ready.set()  # gunicorn would wait three seconds for the rest of a request

    def data_received(self, data: bytes) -> None:
        """Bytes of a request: from the first one on, the whole must arrive in time."""
        self._hold(len(data))
        if self.worker.held > _UNANSWERED_BYTES:
            self.worker.relieve()
            if self.transport.is_closing():
                return
        if self._is_whole:
            self.transport.pause_reading()  # what comes behind a request waits for its answer, in the kernel
        elif self._due == math.inf:
            self._due = self.worker.now + _REQUEST_S
        super().data_received(data)

    def _hold(self, size: int) -> None:
        self.held += size
        self.worker.held += size

    def _drop(self) -> None:
        """Let go of what has arrived: nobody will get to it."""
        self._hold(-self.held)
        if self._callback_parser:
            self._callback_parser.reset()

    def eof_received(self) -> bool:
        """The other side sends no more; if it can still read (shutdown(2)), it gets its answer."""
        if self._is_whole:
            self._is_half_closed = not _is_gone(self.transport.get_extra_info("socket"))
            return self._is_half_closed
        if self.held:
            self._end(Problem("invalid_request", detail="The request ended before it was whole."), 400)
        return False

    def _on_headers_complete(self) -> Any:
        # A request that came behind another in one piece has not passed data_received by itself.
        if self._due == math.inf:
            self._due = self.worker.now + _REQUEST_S
        self._pieces = 0
        return super()._on_headers_complete()

    def _on_body(self, chunk: bytes) -> None:
        self._pieces += 1
        if self._pieces > _BODY_PIECES:
            raise ParseError("The body comes in too many pieces")
        super()._on_body(chunk)

    def _on_message_complete(self) -> None:
        self._due = math.inf
        self._is_whole = True
        super()._on_message_complete()

    def answered(self) -> None:
        """A request has been answered: it is the turn of what came behind it."""
        if self.transport.is_closing():
            return
        behind = len(self._callback_parser.remaining()) if self._is_whole else 0
        self._hold(behind - self.held)
        self._is_whole = False
        if behind:
            self._due = self.worker.now + _REQUEST_S
        elif self._is_half_closed:
            self._close_transport()
        self.transport.resume_reading()

    def is_late(self, now: float) -> bool:
        """Whether its request should have been whole, or its answers read, by now; ask every second."""
        if not self.transport.get_write_buffer_size():
            self._unread_since = math.inf
        elif self._unread_since == math.inf:
            self._unread_since = now
        return now >= min(self._due, self._unread_since + _REQUEST_S)

    def turn_out(self) -> None:
        """End it: whoever is on the other side takes too long."""
        self.worker.sidecar.metrics.refused("slow")
        self._end(Problem("invalid_request", detail="The request did not arrive in time."), 408)

    def relieve(self) -> None:
        """End it: others need the room."""
        self.worker.sidecar.metrics.refused("crowded")
        self._end(Problem("overloaded", detail="Too much of unanswered requests is waiting."), 503)

    def _end(self, problem: Problem, status: int) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # a close would wait for who does not read
        else:
            self._safe_write(_problem_response(problem, status))
        self._close_transport()

    def _close_transport(self) -> None:
        self._due = math.inf
        self._drop()
        super()._close_transport()

    def _is_websocket_upgrade(self, request: Any) -> bool:
        return False  # an Upgrade may be ignored (RFC 9110, section 7.8): nothing here speaks WebSocket

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        # gunicorn's own are plain text, and its messages quote the request.
        problem = Problem("internal_error" if status >= 500 else "invalid_request", detail=HTTPStatus(status).phrase)
        self._safe_write(_problem_response(problem, status, extra_headers))

    @property
    def is_idle(self) -> bool:
        """Whether no request is being read or answered."""
        return not self.held

    def _build_http_scope(self, *args: Any) -> Any:
        scope = super()._build_http_scope(*args)
        scope["box_sidecar.peer"] = self._peer
        scope["box_sidecar.connection"] = self
        return scope


def _is_gone(connection: socket.socket) -> bool:
    """Whether the other side has closed its end altogether, not only for sending (POLLHUP, poll(2))."""
    poll = select.poll()
    poll.register(connection.fileno(), 0)
    return bool(poll.poll(0))


def _turn_away(transport: asyncio.Transport, problem: Problem) -> None:
    """A whole answer without reading a request: whoever looks at it should learn why."""
    transport.write(_problem_response(problem, problem.status))
    transport.close()


def _problem_response(problem: Problem, status: int, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A problem as the last answer on a connection, for what never reached the application."""
    document = problem.document(uuid.uuid4().hex) | {"status": status}
    body = msgspec.json.encode(document)
    retry = (("Retry-After", "5"),) if status == 503 else ()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: application/problem+json",
        "Cache-Control: no-store",
        f"X-Request-Id: {document['request_id']}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (*retry, *headers)),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Worker(ASGIWorker):  # type: ignore[misc]
    """The one worker process: it alone opens the key."""

    sidecar: Sidecar
    admission: Admission
    now = 0.0
    """The loop's clock, looked at every second: exact enough for who dawdles, and free of charge."""
    held = 0
    """Bytes of requests that are not answered yet, of all connections."""
    _serving: asyncio.Task[Any] | None = None

    def load_wsgi(self) -> None:
        """Open the key and build the application."""
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # without its master it would only keep the next one from starting
        if os.getppid() != self.ppid:
            sys.exit(Arbiter.APP_LOAD_ERROR)
        self.connections: set[Protocol] = set()
        # asyncio takes as many connections at once as may wait, and logs each one for which there is no descriptor.
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.backlog = min(BACKLOG, files // 2)
        self.room = max(2 * _RESERVED, min(_CONNECTIONS, files - self.backlog - _OTHER_FILES))
        self._owners = {0, os.geteuid()}
        self.refusals = Refusals()
        try:
            self.sidecar = Sidecar(self.app.config_path)
            self.admission = Admission(self.sidecar.settings.server)
        except ConfigError as error:
            log.critical("%s", error)
            sys.exit(Arbiter.APP_LOAD_ERROR)
        self.asgi = _telling_when_answered(create_app(self.sidecar))

    def init_signals(self) -> None:
        """As gunicorn's, and SIGHUP for a reload, SIGUSR1 for a rotated audit file."""
        super().init_signals()
        self.loop.add_signal_handler(signal.SIGHUP, lambda: self.loop.create_task(self.sidecar.reload()))

    def handle_usr1_signal(self) -> None:
        """The log was rotated."""
        self.sidecar.audit.reopen()

    def handle_exit_signal(self) -> None:
        """Stop now: gunicorn's loop would look in a second."""
        if self.alive and self.servers and self._serving:
            self._serving.cancel()  # it sleeps, and takes this for the end of its loop
        super().handle_exit_signal()

    async def _serve(self) -> None:
        # gunicorn names its protocol in the middle of this method; ours takes its place in this process only.
        from gunicorn.workers import gasgi

        gasgi.ASGIProtocol = Protocol
        self._serving = asyncio.current_task()
        self._watch_connections()
        self._sum_up_refusals()
        # asyncio would cut the listener's queue to 100: a crowd's connections would be refused by the kernel.
        self.loop.create_server = functools.partial(self.loop.create_server, backlog=self.backlog)
        await super()._serve()

    def _watch_connections(self) -> None:
        """Turn out who dawdles, once a second: a timer for each request would cost more than the request's parsing."""
        before, self.now = self.now, self.loop.time()
        # After a standstill of ours as long as that, nobody is late by his own fault.
        if self.now - before < _REQUEST_S:
            for connection in [connection for connection in self.connections if connection.is_late(self.now)]:
                connection.turn_out()
        self.loop.call_later(1, self._watch_connections)

    def _sum_up_refusals(self) -> None:
        self.refusals.sum_up()
        self.loop.call_later(60, self._sum_up_refusals)

    def is_crowded_for(self, uid: int) -> bool:
        """Whether there is no room for one more connection of this user's."""
        return len(self.connections) >= (self.room if uid in self._owners else self.room - _RESERVED)

    def relieve(self) -> None:
        """Make room: who takes the most of it goes."""
        max(self.connections, key=lambda connection: connection.held).relieve()

    async def _shutdown(self) -> None:
        for connection in list(self.connections):
            if connection.is_idle:
                connection._close_transport()
        await super()._shutdown()


def _telling_when_answered(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """The application; a connection learns when a request of its has been answered."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        finally:
            if connection := scope.get("box_sidecar.connection"):
                connection.answered()

    return application


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master with one worker always, which reloads by itself instead of being replaced."""

    def __init__(self, app: Server) -> None:
        super().__init__(app)
        self.systemd = app.listener.inherited  # then the socket's file is not ours to remove

    def reload(self) -> None:
        """Pass SIGHUP on: the worker tries the new files first, and loses neither requests nor tokens."""
        for pid in self.WORKERS:
            os.kill(pid, signal.SIGHUP)

    def handle_usr2(self) -> None:
        """No second master beside a key."""

    handle_ttin = handle_ttou = handle_winch = handle_usr2


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn's application object for one configuration file."""

    def __init__(self, config_path: Path, listener: Listener) -> None:
        self.config_path = config_path
        self.listener = listener
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings, all of them ours: no file, environment or argument of its own is read."""
        for name, value in {
            "bind": [f"fd://{self.listener.socket.detach()}"],
            "workers": 1,
            "worker_class": "box_sidecar.server.Worker",
            "worker_connections": _CONNECTIONS,
            "backlog": BACKLOG,
            "keepalive": _IDLE_S,
            "graceful_timeout": _STOP_S,
            "timeout": 30,
            "limit_request_line": 4094,
            "limit_request_fields": _FIELDS,
            "limit_request_field_size": _FIELD_BYTES,
            "control_socket_disable": True,
            "asgi_loop": "asyncio",
            "asgi_lifespan": "on",
            "http_parser": "auto",
            "logger_class": "box_sidecar.server.Logger",
            "proc_name": "box-sidecar",
        }.items():
            self.cfg.set(name, value)

    def run(self) -> None:
        """Serve until told to stop."""
        Master(self).run()


class Logger(GunicornLogger):  # type: ignore[misc]
    """gunicorn's lines among ours; there is no access log, the audit says more."""

    def setup(self, cfg: Any) -> None:
        """Hand everything to the root logger, whose level is ours."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.setLevel(logging.NOTSET)
        self.error_log.propagate = True


def raise_file_limit() -> None:
    """As many connections as the kernel allows us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def ignore_gunicorns_environment() -> None:
    """All of gunicorn's settings are ours; its variables would even make it take itself for another's successor."""
    for name in [name for name in os.environ if name.startswith("GUNICORN_")]:
        del os.environ[name]


def serve(config_path: Path) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: before anything is listened on.
    """
    harden()
    raise_file_limit()
    ignore_gunicorns_environment()
    loaded = load(config_path)
    Admission(loaded.settings.server)
    listener = listen(loaded.settings.server)
    settings = loaded.settings.server
    del loaded  # the master never opens the key, and needs nothing of it
    log.info("serving %s", settings.socket)
    gc.freeze()  # the collector would touch, and so copy, every page that the worker shares with its master
    Server(config_path, listener).run()
