"""Files that nobody else could have written, or read."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from box_sidecar.problems import ConfigError

_FILE_MAX = 1_000_000  # bytes


def read_file(path: Path, most: int = _FILE_MAX) -> tuple[bytes, os.stat_result]:
    """A regular file's content, at most so many bytes, and whose it is. What is none (a pipe could hold us for ever) is
    not read.

    Raises:
        ConfigError: it can't be read.
        FileNotFoundError: there is none.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path}: can't be read: not a regular file")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(most + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    if len(content) > most:
        raise ConfigError(f"{path}: can't be read: longer than {most} bytes")
    return content, status


def read_private(path: Path, what: str) -> bytes:
    """Read a file that only its owner may read, as ssh does with a key; ``what`` it holds.

    systemd hands credentials over in a directory closed to everybody else, with an ACL that reads as
    group permission: there, only the world is checked.

    Raises:
        ConfigError: it can't be read, or somebody else could read or write it.
        FileNotFoundError: there is none.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    from_systemd = bool(credentials) and path.parent.resolve() == Path(credentials or "").resolve()
    forbidden = stat.S_IRWXO if from_systemd else stat.S_IRWXG | stat.S_IRWXO
    content, status = read_file(path)
    mode = stat.S_IMODE(status.st_mode)
    if mode & forbidden:
        raise ConfigError(f"{path}: others on this machine can read {what} (mode {mode:04o}); run: chmod 600 {path}")
    check_way(path)
    return content


def check_way(path: Path) -> None:
    """Refuse a file that somebody else could write or replace, as ssh does: whoever names Box's address gets the key.

    Looked at are the file and all directories and symbolic links that lead to it. A sticky directory, like /tmp, may
    be everybody's, since nobody can replace there what is not theirs.

    Raises:
        ConfigError: says which, and the command that mends it.
    """
    for step in _way(path):
        try:
            status = step.lstat()
        except OSError as error:
            raise ConfigError(f"{path}: can't be read: {step}: {error.strerror}") from None
        if status.st_uid not in {0, os.geteuid()}:
            raise ConfigError(
                f"{step} belongs to uid {status.st_uid}, who could replace the configuration; "
                f"run: chown {'-h ' if stat.S_ISLNK(status.st_mode) else ''}{os.geteuid()} {step}"
            )
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if stat.S_ISLNK(status.st_mode) or sticky:
            continue
        by_group = status.st_mode & stat.S_IWGRP and not _is_ours_alone(status.st_gid, step)
        if by_group or status.st_mode & stat.S_IWOTH:
            raise ConfigError(
                f"{step}: others on this machine can write it (mode {stat.S_IMODE(status.st_mode):04o}), and so "
                f"replace the configuration; run: chmod go-w {step}"
            )


def _way(path: Path) -> Iterator[Path]:
    """Every directory, symbolic link and file that decides what ``path`` names (path_resolution(7))."""
    here = Path("/")
    yield here
    rest = list(reversed(path.absolute().parts[1:]))
    for _ in range(1000):  # links can run in circles; opening the file says so
        if not rest:
            return
        step = here / rest.pop()
        if step.name == "..":
            here = here.parent
            continue
        yield step
        if step.is_symlink():
            target = step.readlink()
            here = Path("/") if target.is_absolute() else here
            rest += reversed(target.parts[1:] if target.is_absolute() else target.parts)
        else:
            here = step


def _is_ours_alone(gid: int, path: Path) -> bool:
    """Whether a group has no member but us and root, as a user's private group has."""
    with contextlib.suppress(OSError):  # a file system without attributes has no ACLs either
        if "system.posix_acl_access" in os.listxattr(path):
            return False  # others may hide behind the group's permission (acl(5))
    try:
        names = {user.pw_name for user in pwd.getpwall() if user.pw_gid == gid} | set(grp.getgrgid(gid).gr_mem)
        return all(pwd.getpwnam(name).pw_uid in {0, os.geteuid()} for name in names)
    except KeyError:
        return False
