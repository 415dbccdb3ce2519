"""The audit: one JSON object a line for each token issued, refused, renewed or revoked, and never the token."""

from __future__ import annotations

import contextlib
import hmac
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import NamedTuple

import msgspec
from msgspec import Struct

from box_sidecar.model import normalize_login
from box_sidecar.problems import ConfigError, Problem
from box_sidecar.secret import Secret
from box_sidecar.sink import open_sink

log = logging.getLogger(__name__)


class Peer(NamedTuple):
    """Who is at the other end of the socket, by the kernel's word (``SO_PEERCRED``, unix(7))."""

    uid: int | None = None
    pid: int | None = None


class AuditEvent(Struct, kw_only=True, omit_defaults=True):
    """What is known of one event; what is not known is left out.

    ``person`` is a pseudonym that only the holder of the app's secret can trace to a login. ``scopes`` were asked for,
    ``granted`` were given.
    """

    time: datetime | None = None
    event: str
    request_id: str
    peer_uid: int | None
    peer_pid: int | None
    person: str = ""
    user_id: str = ""
    element: str = ""
    scopes: Sequence[str] | None = None
    resource: str = ""
    outcome: str = ""
    granted: tuple[str, ...] | None = None
    duration_ms: float | None = None


def _pseudonym(key: bytes, login: str) -> str:
    """What stands for a login in the audit, letter case apart."""
    return hmac.digest(key, normalize_login(login).encode(), "sha256").hex()[:32]


class Audit:
    """Writes to ``path``, or to standard output for ``"-"``.

    A person stands in it as an HMAC of the login: the same person has the same pseudonym in every line, and only who
    knows the app's secret can tell whose it is.

    Raises:
        ConfigError: the file can't be opened.
    """

    def __init__(self, path: str, secret: Secret) -> None:
        self.path = path
        key = hmac.digest(secret.reveal().encode(), b"box-sidecar audit 1", "sha256")
        #: The pseudonym of a login; remembered, since it costs more than all else in a line.
        self.pseudonym = lru_cache(10_000)(partial(_pseudonym, key))
        self._encode = msgspec.json.Encoder().encode
        self._lost = 0
        self._sink = open_sink(path)

    def reopen(self) -> None:
        """After log rotation, write to the new file of the same name, or go on with the old if that can't be opened."""
        if self.path == "-":
            return
        try:
            old, self._sink = self._sink, open_sink(self.path)
        except ConfigError as error:
            log.error("the audit goes on in the file that was open: %s", error)
        else:
            old.close()

    def close(self) -> None:
        """Close the file; standard output stays open."""
        self._sink.close()

    @property
    def is_broken(self) -> bool:
        """Whether the last line could not be written."""
        return self._lost > 0

    def require(self) -> None:
        """Refuse before anything is begun that could not be audited.

        Raises:
            Problem: ``not_ready``.
        """
        if self._lost:
            self._lost += 1
            raise _problem("Nothing was done.")

    async def write(self, entry: AuditEvent) -> None:
        """One line, in one write, which the kernel has taken when this returns.

        Raises:
            Problem: ``not_ready`` if it has not within two seconds; its detail says what was done all the same.
        """
        try:
            await self._put(entry)
        except OSError as error:
            if not self._lost:
                log.error("the audit can't be written: %s", error.strerror)
            self._lost += 1
            raise _problem(_what_holds(entry)) from None

    def write_now(self, entry: AuditEvent) -> bool:
        """As :meth:`write`, if the kernel takes the line at once; else ``False``, and :meth:`write` must say it."""
        if self._lost:
            return False
        entry.time = datetime.now(UTC)
        try:
            return self._sink.write_now(self._encode(entry) + b"\n")
        except OSError:
            return False

    async def resume(self) -> None:
        """If lines were lost, try whether it can be written by now; the first line says how many."""
        if self._lost:
            with contextlib.suppress(OSError):
                await self._put()

    async def _put(self, *entries: AuditEvent) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            resumed = AuditEvent(event="audit_resumed", request_id="-", peer_uid=None, peer_pid=None)
            resumed.outcome = f"{lost} entries lost"
            entries = (resumed, *entries)
        now = datetime.now(UTC)
        for entry in entries:
            entry.time = now
        try:
            await self._sink.write(b"".join(self._encode(entry) + b"\n" for entry in entries))
        except OSError:
            self._lost += lost
            raise
        if lost:
            log.warning("the audit can be written again; %d entries were lost", lost)


def _problem(what_holds: str) -> Problem:
    return Problem(
        "not_ready",
        detail=f"The audit can't be written. {what_holds}",
        fix="Look at log.audit_file: is the disk full? Where it is standard output: does nobody read that?",
    )


def _what_holds(entry: AuditEvent) -> str:
    """What was done and what was not, where the line about it could not be written."""
    match entry.event:
        case "token_issued":
            return "No token is handed out; one that Box made for this stays in memory, where it can be revoked."
        case "tokens_revoked" | "all_revoked" if entry.outcome.startswith("revoked"):
            return f"The revocation was done all the same ({entry.outcome})."
        case "tokens_revoked" | "all_revoked":
            return f"The revocation failed, too ({entry.outcome})."
        case "user_created":
            return "The user was made at Box all the same."
        case _:
            return "Nothing was done."
