"""Who may connect, by the kernel's word."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import logging
import os
import pwd
import socket
import struct
import threading
from collections import Counter
from pathlib import Path
from typing import NamedTuple, NoReturn

from cachetools import TTLCache

from box_sidecar.clock import monotonic
from box_sidecar.problems import ConfigError
from box_sidecar.settings import ServerSettings

log = logging.getLogger(__name__)

_UCRED = struct.Struct("iII")
_LOOKUP_S = 2.0
_LOOKUPS_AT_ONCE = 4
_NAMED_REFUSALS = 10


class Credentials(NamedTuple):
    """Who is at the other end of a Unix socket, by the kernel's word (``SO_PEERCRED``, ``struct ucred``; unix(7))."""

    pid: int
    uid: int
    gid: int

    @classmethod
    def of(cls, connection: socket.socket) -> Credentials:
        """The other end of this connection."""
        return cls(*_UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))


class AccessList:
    """Which peers may connect (``server.allowed_users``, ``socket_group``): root and ourselves always.

    Whom the kernel can't name is nobody: in a user namespace that maps only some users, it shows all others as one
    (``/proc/sys/kernel/overflowuid``, user_namespaces(7)).

    Raises:
        ConfigError: a user or group that this machine does not know, or that stands for the unknown.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._nobody = _overflow("uid")
        named = set(map(_uid, settings.allowed_users))
        # Root and ourselves always: who has the switch that ends all tokens must not be locked out by a list.
        self._uids = {os.geteuid(), 0, *named}
        self._group = _group(settings.socket_group) if settings.socket_group else None
        if self._nobody in named:
            _refuse_overflow("allowed_users", f"uid {self._nobody}", "user")
        if self._group is not None and self._group.gr_gid == _overflow("gid"):
            _refuse_overflow("socket_group", f"“{settings.socket_group}”", "group")
        self._by_default = not settings.allowed_users
        self._members: TTLCache[int, bool] = TTLCache(1000, 60, timer=monotonic)
        self._lookups: dict[int, asyncio.Future[bool]] = {}

    def admits(self, uid: int, gid: int) -> bool:
        """Whether a process with these ids may connect; waits for the machine's user database if need be."""
        known = self.recall(uid, gid)
        return self._is_member(uid) if known is None else known

    def recall(self, uid: int, gid: int) -> bool | None:
        """As :meth:`admits`, but ``None`` where only the user database can tell."""
        if uid == self._nobody:
            return False
        if uid in self._uids:
            return True
        if not self._by_default or self._group is None:
            return False
        if gid == self._group.gr_gid:
            return True
        return self._members.get(uid)

    async def ask(self, uid: int) -> bool:
        """What the user database says of somebody that :meth:`recall` does not know.

        The database may be a directory on the network that hangs (nsswitch.conf(5)): it is asked in a thread, and who
        is not known in time is refused.
        """
        lookup = self._lookups.get(uid)
        if lookup is None:
            if len(self._lookups) >= _LOOKUPS_AT_ONCE:
                return False
            loop = asyncio.get_running_loop()
            try:  # a daemon: the process does not wait for it when it ends
                threading.Thread(target=self._look_up, args=(uid, loop), daemon=True).start()
            except RuntimeError:
                return False
            lookup = self._lookups[uid] = loop.create_future()
        try:
            return await asyncio.wait_for(asyncio.shield(lookup), _LOOKUP_S)
        except TimeoutError:
            log.warning("uid %d is refused: the user database does not say its groups within %g s", uid, _LOOKUP_S)
            return False

    def _look_up(self, uid: int, loop: asyncio.AbstractEventLoop) -> None:
        is_member = self._is_member(uid)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._found, uid, is_member)

    def _found(self, uid: int, is_member: bool) -> None:
        self._members[uid] = is_member
        self._lookups.pop(uid).set_result(is_member)

    def _is_member(self, uid: int) -> bool:
        try:
            person = pwd.getpwuid(uid)
            groups = os.getgrouplist(person.pw_name, person.pw_gid)
        except (KeyError, OSError):
            return False
        return self._group is not None and self._group.gr_gid in groups


class Refusals:
    """The log's lines about refused connections: the first of each user, then how many more in a minute."""

    def __init__(self) -> None:
        self._counts: Counter[int | None] = Counter()

    def add(self, who: Credentials) -> None:
        """One more."""
        if who.uid in self._counts:
            self._counts[who.uid] += 1
        elif len(self._counts) >= _NAMED_REFUSALS:
            self._counts[None] += 1
        else:
            self._counts[who.uid] = 0
            log.warning("connection refused: uid %d (pid %d) is not among server.allowed_users", who.uid, who.pid)

    def sum_up(self) -> None:
        """Say what was not said yet; call once a minute."""
        for uid, count in self._counts.items():
            if count:
                log.warning("%d more connections refused: %s", count, "others" if uid is None else f"uid {uid}")
        self._counts.clear()


def _overflow(kind: str) -> int:
    try:
        return int(Path(f"/proc/sys/kernel/overflow{kind}").read_text())
    except (OSError, ValueError):
        return 65534  # the kernel's default


def _refuse_overflow(setting: str, named: str, what: str) -> NoReturn:
    raise ConfigError(
        f"server.{setting}: {named} stands for every {what} that the kernel can't name; let the web server run under "
        f"a {what} of its own"
    )


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
