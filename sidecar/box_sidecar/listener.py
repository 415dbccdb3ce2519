"""The socket that the sidecar listens on: made here, or handed over by systemd; a Unix socket always."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from box_sidecar.problems import ConfigError
from box_sidecar.settings import ServerSettings

BACKLOG = 2048
_FIRST_FD = 3  # SD_LISTEN_FDS_START, sd_listen_fds(3)
_MAY_CONNECT = 0o222  # unix(7)


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket, whether its file is somebody else's to remove, and else the descriptor whose lock says
    "taken". Both descriptors live as long as the process."""

    socket: socket.socket
    inherited: bool
    lock: int | None


def listen(settings: ServerSettings) -> Listener:
    """Take the socket's place: a stale file is replaced, a living instance is not.

    Raises:
        ConfigError: another instance serves it, the directory is missing or forbidden, no such group, or systemd hands
            over something else.
    """
    path = Path(settings.socket)
    inherited = _inherited(path)
    if inherited is not None:
        _compare(path, settings)
        return Listener(inherited, True, None)  # systemd lets nobody else have it, and its folder is not ours
    lock = _lock(path)
    return Listener(_make(path, settings), False, lock)


def _inherited(path: Path) -> socket.socket | None:
    """The socket of systemd's socket activation (sd_listen_fds(3)), if there is one."""
    count, pid = os.environ.pop("LISTEN_FDS", ""), os.environ.pop("LISTEN_PID", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()):
        return None  # meant for another process, as sd_listen_fds has it
    if count != "1":
        raise ConfigError(f"LISTEN_FDS={count}: exactly one socket can be taken over; see ListenStream= in the unit")
    try:
        # Family and type are the kernel's word about the descriptor (SO_DOMAIN, SO_TYPE; socket(7)).
        found = socket.socket(fileno=_FIRST_FD)
        listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError:
        raise ConfigError("LISTEN_FDS: descriptor 3 is not a socket; see ListenStream= in the unit") from None
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
    os.set_inheritable(_FIRST_FD, False)
    return found


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
