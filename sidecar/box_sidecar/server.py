"""gunicorn around the application: the socket, who may connect to it, and a process that shows nothing."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import functools
import gc
import grp
import logging
import math
import os
import pwd
import resource
import signal
import socket
import stat
import struct
import sys
import uuid
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from cachetools import TTLCache
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.workers.gasgi import ASGIWorker

from box_sidecar import http
from box_sidecar.audit import Peer
from box_sidecar.catalogue import Problem
from box_sidecar.clock import monotonic
from box_sidecar.config import ConfigError, ServerSettings
from box_sidecar.sidecar import Sidecar, load

log = logging.getLogger(__name__)

_PR_SET_DUMPABLE = 4  # prctl(2)
_PR_SET_NO_NEW_PRIVS = 38
_BACKLOG = 2048
_CONNECTIONS = 1000
_REQUEST_S = 10.0  # for a whole request to arrive
_IDLE_S = 15  # between two requests on one connection
_STOP_S = 20  # for requests under way


def harden() -> None:
    """Make memory unreadable to others: no core dump, no ptrace, no new privileges (prctl(2), core(5))."""
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_DUMPABLE, 0), (_PR_SET_NO_NEW_PRIVS, 1)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option})")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Admission:
    """Which peers may connect (``server.allowed_users``, ``socket_group``), by the kernel's word.

    Raises:
        ConfigError: a user or group that this machine does not know.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._uids = {_uid(user) for user in settings.allowed_users}
        self._group = _group(settings.socket_group) if settings.socket_group else None
        self._by_default = not settings.allowed_users
        if self._by_default:
            self._uids = {os.geteuid(), 0}
        self._members: TTLCache[int, bool] = TTLCache(1000, 60, timer=monotonic)

    def admits(self, uid: int, gid: int) -> bool:
        """Whether a process with these ids may connect."""
        if uid in self._uids:
            return True
        if not self._by_default or self._group is None:
            return False
        if gid == self._group.gr_gid:
            return True
        if uid not in self._members:
            self._members[uid] = self._is_member(uid)
        return self._members[uid]

    def _is_member(self, uid: int) -> bool:
        try:
            person = pwd.getpwuid(uid)
        except KeyError:
            return False
        return self._group is not None and self._group.gr_gid in os.getgrouplist(person.pw_name, person.pw_gid)


def _uid(user: str | int) -> int:
    if isinstance(user, int):
        return user
    try:
        return int(user) if user.isdecimal() else pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ConfigError(f"server.allowed_users: this machine knows no user “{user}”") from None


def _group(name: str) -> grp.struct_group:
    try:
        return grp.getgrnam(name)
    except KeyError:
        raise ConfigError(f"server.socket_group: this machine knows no group “{name}”") from None


class Protocol(ASGIProtocol):  # type: ignore[misc]
    """A connection: its peer is known before its first byte is read, and it may not dawdle."""

    worker: Worker
    _peer = Peer()
    _due = math.inf
    """When the request that is arriving must be whole, on the worker's clock; the worker looks every second."""
    _unread_since = math.inf
    """Since when the other side has not read its answers."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Admit or refuse."""
        pid, uid, gid = struct.unpack(
            "iII", transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )
        sidecar = self.worker.sidecar
        if not self.worker.admission.admits(uid, gid):
            log.warning("connection refused: uid %d (pid %d) is not among server.allowed_users", uid, pid)
            sidecar.metrics.refused("peer")
            _turn_away(transport, Problem("peer_not_allowed", detail=f"uid {uid} may not connect."))
            return
        if self.worker.nr_conns >= _CONNECTIONS:
            sidecar.metrics.refused("crowded")
            _turn_away(transport, Problem("overloaded"))
            return
        self._peer = Peer(uid, pid)
        self.worker.connections.add(self)
        super().connection_made(transport)
        self._due = self.worker.now + _REQUEST_S

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, if it ever was one."""
        if self in self.worker.connections:
            self.worker.connections.discard(self)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request: from the first one on, the whole must arrive in time."""
        if self._due == math.inf:
            self._due = self.worker.now + _REQUEST_S
        super().data_received(data)

    def _on_headers_complete(self) -> Any:
        # A request that came behind another in one piece has not passed data_received by itself.
        if self._due == math.inf:
            self._due = self.worker.now + _REQUEST_S
        return super()._on_headers_complete()

    def _on_message_complete(self) -> None:
        self._due = math.inf
        super()._on_message_complete()

    def pause_writing(self) -> None:
        """The other side does not read: it gets as long for that as for a request."""
        super().pause_writing()
        self._unread_since = self.worker.now

    def resume_writing(self) -> None:
        """The other side has read."""
        super().resume_writing()
        self._unread_since = math.inf

    def is_late(self, now: float) -> bool:
        """Whether its request should have been whole, or its answer read, by now."""
        return now >= self._due or now >= self._unread_since + _REQUEST_S

    def turn_out(self) -> None:
        """End it: whoever is on the other side takes too long."""
        self.worker.sidecar.metrics.refused("slow")
        if self._unread_since < math.inf:
            self.transport.abort()  # a close would wait for the reader
            return
        self._due = math.inf
        self._send_error_response(408, "")
        self._close_transport()

    def _is_websocket_upgrade(self, request: Any) -> bool:
        return False  # an Upgrade may be ignored (RFC 9110, section 7.8): nothing here speaks WebSocket

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        # gunicorn's own are plain text, and its messages quote the request.
        problem = Problem("internal_error" if status >= 500 else "invalid_request", detail=HTTPStatus(status).phrase)
        self._safe_write(_problem_response(problem, status, extra_headers))

    @property
    def is_idle(self) -> bool:
        """Whether no request is being read or answered."""
        return self._due == math.inf and self._current_request is None

    def _build_http_scope(self, *args: Any) -> Any:
        scope = super()._build_http_scope(*args)
        scope["box_sidecar.peer"] = self._peer
        return scope


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

    def load_wsgi(self) -> None:
        """Open the key and build the application."""
        self.connections: set[Protocol] = set()
        try:
            self.sidecar = Sidecar(self.app.config_path)
            self.admission = Admission(self.sidecar.settings.server)
        except ConfigError as error:
            log.critical("%s", error)
            sys.exit(Arbiter.APP_LOAD_ERROR)
        self.asgi = http.create_app(self.sidecar)

    def init_signals(self) -> None:
        """As gunicorn's, and SIGHUP for a reload, SIGUSR1 for a rotated audit file."""
        super().init_signals()
        self.loop.add_signal_handler(signal.SIGHUP, lambda: self.loop.create_task(self.sidecar.reload()))

    def handle_usr1_signal(self) -> None:
        """The log was rotated."""
        self.sidecar.audit.reopen()

    async def _serve(self) -> None:
        # gunicorn names its protocol in the middle of this method; ours takes its place in this process only.
        from gunicorn.workers import gasgi

        gasgi.ASGIProtocol = Protocol
        self._watch_connections()
        # asyncio would cut the listener's queue to 100: a crowd's connections would be refused by the kernel.
        self.loop.create_server = functools.partial(self.loop.create_server, backlog=_BACKLOG)
        await super()._serve()

    def _watch_connections(self) -> None:
        """Turn out who dawdles, once a second: a timer for each request would cost more than the request's parsing."""
        before, self.now = self.now, self.loop.time()
        # After a standstill of ours as long as that, nobody is late by his own fault.
        if self.now - before < _REQUEST_S:
            for connection in [connection for connection in self.connections if connection.is_late(self.now)]:
                connection.turn_out()
        self.loop.call_later(1, self._watch_connections)

    async def _shutdown(self) -> None:
        for connection in list(self.connections):
            if connection.is_idle:
                connection._close_transport()
        await super()._shutdown()


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master with one worker always, which reloads by itself instead of being replaced."""

    def reload(self) -> None:
        """Pass SIGHUP on: the worker tries the new files first, and loses neither requests nor tokens."""
        for pid in self.WORKERS:
            os.kill(pid, signal.SIGHUP)

    def handle_usr2(self) -> None:
        """No second master beside a key."""

    handle_ttin = handle_ttou = handle_winch = handle_usr2


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn's application object for one configuration file."""

    def __init__(self, config_path: Path, listener: socket.socket) -> None:
        self.config_path = config_path
        self._listener = listener
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings, all of them ours: no file, environment or argument of its own is read."""
        for name, value in {
            "bind": [f"fd://{self._listener.detach()}"],
            "workers": 1,
            "worker_class": "box_sidecar.server.Worker",
            "worker_connections": _CONNECTIONS,
            "backlog": _BACKLOG,
            "keepalive": _IDLE_S,
            "graceful_timeout": _STOP_S,
            "timeout": 30,
            "limit_request_line": 4094,
            "limit_request_fields": 50,
            "limit_request_field_size": 8190,
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


def bind(settings: ServerSettings) -> tuple[socket.socket, int]:
    """Take the socket's place: a stale file is replaced, a living instance is not.

    Returns the listening socket and the descriptor whose lock says "taken"; both live as long as the process.

    Raises:
        ConfigError: another instance serves it, the directory is missing or forbidden, no such group.
    """
    path = Path(settings.socket)
    lock = _lock(path)
    try:
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
        else:
            raise ConfigError(f"server.socket: {path} exists and is not a socket; remove it or choose another path")
    except FileNotFoundError:
        pass
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        raise ConfigError(f"server.socket: {path} can't be made: {error.strerror}") from None
    finally:
        os.umask(before)
    try:
        if settings.socket_group:
            os.chown(path, -1, _group(settings.socket_group).gr_gid)
        path.chmod(settings.mode)
    except OSError:
        raise ConfigError(
            f"server.socket_group: this user may not give {path} to group “{settings.socket_group}”; "
            f"run: usermod -aG {settings.socket_group} {_user_name()}"
        ) from None
    listener.listen(_BACKLOG)
    return listener, lock


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _lock(path: Path) -> int:
    lock_path = path.with_name(path.name + ".lock")
    try:
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        raise ConfigError(
            f"server.socket: the directory {path.parent} is missing; run: install -d -o {_user_name()} {path.parent}"
        ) from None
    except OSError as error:
        raise ConfigError(f"server.socket: {path.parent} can't be written: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EAGAIN, errno.EACCES}:
            raise
        raise ConfigError(f"server.socket: another sidecar already serves {path}; stop it first") from None
    return lock


def raise_file_limit() -> None:
    """As many connections as the kernel allows us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(config_path: Path) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: before anything is listened on.
    """
    harden()
    raise_file_limit()
    loaded = load(config_path)
    Admission(loaded.settings.server)
    listener, _lock_descriptor = bind(loaded.settings.server)
    settings = loaded.settings.server
    del loaded  # the master never opens the key, and needs nothing of it
    log.info("serving %s", settings.socket)
    gc.freeze()  # the collector would touch, and so copy, every page that the worker shares with its master
    Server(config_path, listener).run()
