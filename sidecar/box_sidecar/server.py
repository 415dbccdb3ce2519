"""Serving: a hardened process, a socket, and gunicorn's master over one worker.

gunicorn is the process manager. Of it, only what has no underscore is used: ``BaseApplication`` with ``cfg``,
``load_config`` and ``run``; ``Arbiter`` with ``systemd``, ``WORKERS``, ``reload``, ``stop``, ``wait_for_signals`` and
``handle_…``; its logger's ``setup`` and ``error_log``.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger as GunicornLogger

from box_sidecar import rate_limit
from box_sidecar.hardening import harden, ignore_gunicorns_environment, raise_file_limit
from box_sidecar.listener import BACKLOG, Listener, listen
from box_sidecar.loaded import load
from box_sidecar.manager import ServiceManager
from box_sidecar.peers import AccessList
from box_sidecar.worker import Worker

log = logging.getLogger(__name__)

_STOP_S = 20  # for requests under way
_SOON_S = 0.1  # between two looks at what the worker reports, while systemd waits for it


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master with one worker always, which reloads by itself instead of being replaced."""

    def __init__(self, app: Server) -> None:
        super().__init__(app)
        self.systemd = app.listener.inherited  # then the socket's file is not ours to remove
        self._manager = app.manager

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """As gunicorn's, and meanwhile what the worker reports is passed on: soon, where systemd waits for it."""
        self._manager.pass_on()
        return super().wait_for_signals(min(timeout, _SOON_S) if self._manager.is_waiting else timeout)

    def stop(self, graceful: bool = True) -> None:
        """As gunicorn's, told to systemd first."""
        self._manager.tell(STOPPING=1)
        super().stop(graceful)

    def reload(self) -> None:
        """Pass SIGHUP on: the worker tries the new files first, and loses neither requests nor tokens."""
        self._manager.reloading()
        for pid in self.WORKERS:
            os.kill(pid, signal.SIGHUP)

    def handle_usr2(self) -> None:
        """No second master beside a key."""

    handle_ttin = handle_ttou = handle_winch = handle_usr2


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn's application object for one configuration file."""

    def __init__(self, config_path: Path, listener: Listener, manager: ServiceManager) -> None:
        self.config_path = config_path
        self.listener = listener
        self.manager = manager
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings, all of them ours: no file, environment or argument of its own is read."""
        for name, value in {
            "bind": [f"fd://{self.listener.socket.detach()}"],
            "workers": 1,
            "worker_class": Worker,
            "backlog": BACKLOG,
            "graceful_timeout": _STOP_S,
            "timeout": 30,
            "control_socket_disable": True,
            "logger_class": Logger,
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


def go_on_counting(manager: ServiceManager) -> None:
    """Have limits count on what a master before this one has charged, as far as systemd has kept it, and keep it."""
    for name, ledger in rate_limit.LEDGERS.items():
        for descriptor in manager.kept(name):
            try:
                ledger.take_over(descriptor)
            except ValueError as error:
                log.warning("what was charged against the limits begins anew, what was kept is of no use: %s", error)
        manager.keep(name, ledger.file)


def serve(config_path: Path) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: before anything is listened on.
    """
    harden()
    raise_file_limit()
    ignore_gunicorns_environment()
    manager = ServiceManager(os.environ)  # gunicorn's own READY=1 would come before anything is served
    go_on_counting(manager)
    loaded = load(config_path)
    AccessList(loaded.settings.server)
    listener = listen(loaded.settings.server, manager.handed_over)
    settings = loaded.settings.server
    del loaded  # the master never opens the key, and needs nothing of it
    log.info("serving %s", settings.socket)
    gc.freeze()  # the collector would touch, and so copy, every page that the worker shares with its master
    Server(config_path, listener, manager).run()
