"""The socket that the sidecar listens on: made here, or handed over by systemd; a Unix socket always."""

from __future__ import annotations

import errno
import fcntl
import grp
import logging
import os
import pwd
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from box_sidecar.problems import ConfigError
from box_sidecar.settings import ServerSettings

log = logging.getLogger(__name__)

BACKLOG = 2048
_MAY_CONNECT = 0o222  # unix(7)


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket, whether its file is somebody else's to remove, and else the descriptor whose lock says
    "taken". Both descriptors live as long as the process."""

    socket: socket.socket
    inherited: bool
    lock: int | None


def listen(settings: ServerSettings, handed_over: Mapping[int, str] | None = None) -> Listener:
    """Take the socket's place: a stale file is replaced, a living instance is not.

    ``handed_over``: descriptors and names, as of sd_listen_fds_with_names(3). One is the socket; others are let go of.

    Raises:
        ConfigError: another instance serves it, the directory is missing or forbidden, no such group, or systemd hands
            over something else.
    """
    path = Path(settings.socket)
    if handed_over:
        inherited = _inherited(path, handed_over)
        _compare(path, settings)
        return Listener(inherited, True, None)  # systemd lets nobody else have it, and its folder is not ours
    lock = _lock(path)
    return Listener(_make(path, settings), False, lock)


def _inherited(path: Path, handed_over: Mapping[int, str]) -> socket.socket:
    """The socket of systemd's socket activation (sd_listen_fds(3))."""
    sockets = [descriptor for descriptor in handed_over if _is_socket(descriptor)]
    if len(handed_over) == 1 and not sockets:
        raise ConfigError("LISTEN_FDS: what was handed over is not a socket; see ListenStream= in the unit")
    if len(sockets) != 1:
        raise ConfigError(
            f"LISTEN_FDS={len(handed_over)}: exactly one socket can be taken over; see ListenStream= in the unit"
        )
    for descriptor in handed_over.keys() - sockets:
        log.warning("what systemd kept as “%s” is of no use to this version, and let go of", handed_over[descriptor])
        os.close(descriptor)
    # Family and type are the kernel's word about the descriptor (SO_DOMAIN, SO_TYPE; socket(7)).
    found = socket.socket(fileno=sockets[0])
    listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if (found.family, found.type) != (socket.AF_UNIX, socket.SOCK_STREAM) or not listens:
        raise ConfigError(
            f"LISTEN_FDS: what was handed over is no listening Unix stream socket, and nothing else is ever served; "
            f"set ListenStream={path} in the unit"
        )
    if found.getsockname() != str(path):
        raise ConfigError(
            f"LISTEN_FDS: the socket that was handed over is {found.getsockname()}, but server.socket is {path}; "
            "make them the same"
        )
    return found


def _is_socket(descriptor: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _compare(path: Path, settings: ServerSettings) -> None:
    """Refuse a socket that more may open than the configuration says."""
    status = path.stat()
    if (stat.S_IMODE(status.st_mode) & ~settings.mode) & _MAY_CONNECT:
        raise ConfigError(
            f"server.socket_mode: systemd's socket is open to more than {settings.socket_mode} is; "
            f"set SocketMode={settings.socket_mode} in its unit (box-sidecar setup)"
        )
    if settings.socket_group and _gid(settings.socket_group) != status.st_gid:
        raise ConfigError(
            f"server.socket_group: systemd's socket has another group than “{settings.socket_group}”; "
            f"set SocketGroup={settings.socket_group} in its unit (box-sidecar setup)"
        )


def _gid(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def _make(path: Path, settings: ServerSettings) -> socket.socket:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"server.socket: {path} exists and is not a socket; remove it or choose another path")
        if _is_alive(path):
            raise ConfigError(f"server.socket: somebody listens on {path} already; stop that, or its unit, first")
        path.unlink()
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
    _open_to_others(path, settings)
    listener.listen(BACKLOG)
    return listener


def _is_alive(path: Path) -> bool:
    """Whether anybody listens: systemd may, and holds no lock of ours."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True  # its queue is full
        except OSError:
            return False
        return True


def _open_to_others(path: Path, settings: ServerSettings) -> None:
    """Give the new socket its group and mode: the file that was looked at, not what has its name by then.

    Whoever can write the directory could put a link to one of our files there, and have that opened to the group.
    """
    try:
        found = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"server.socket: {path} can't be made: {error.strerror}") from None
    try:
        if not stat.S_ISSOCK(os.fstat(found).st_mode):
            raise ConfigError(f"server.socket: somebody replaces {path} as it is made; look who may write its folder")
        itself = Path(f"/proc/self/fd/{found}")  # chmod(2) takes no descriptor of that kind
        if settings.socket_group:
            os.chown(itself, -1, grp.getgrnam(settings.socket_group).gr_gid)
        itself.chmod(settings.mode)
    except (OSError, KeyError):
        raise ConfigError(
            f"server.socket_group: this user may not give {path} to group “{settings.socket_group}”; "
            f"run: usermod -aG {settings.socket_group} {_user_name()}"
        ) from None
    finally:
        os.close(found)


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
