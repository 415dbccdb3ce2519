"""The audit: one JSON object a line for each token issued, refused, renewed or revoked, and never the token."""

from __future__ import annotations

import hmac
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path

import msgspec
from msgspec import Struct

from box_sidecar.catalogue import Problem
from box_sidecar.config import ConfigError, Secret

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of the socket, by the kernel's word (``SO_PEERCRED``, unix(7))."""

    uid: int | None = None
    pid: int | None = None


class Entry(Struct, kw_only=True, omit_defaults=True):
    """What is known of one event; what is not known is left out.

    ``person`` is a mark that only the holder of the app's secret can trace to a login. ``scopes`` were asked for,
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


def _mark(key: bytes, login: str) -> str:
    """What stands for a login in the audit, letter case apart."""
    return hmac.digest(key, login.casefold().encode(), "sha256").hex()[:32]


class Audit:
    """Writes to ``path``, or to standard output for ``"-"``.

    A person stands in it as an HMAC of the login: the same person has the same mark in every line, and only who
    knows the app's secret can tell whose it is.

    Raises:
        ConfigError: the file can't be opened.
    """

    def __init__(self, path: str, secret: Secret) -> None:
        self._path = path
        key = hmac.digest(secret.reveal().encode(), b"box-sidecar audit 1", "sha256")
        #: The mark of a login; remembered, since it costs more than all else in a line.
        self.person = lru_cache(10_000)(partial(_mark, key))
        self._encode = msgspec.json.Encoder().encode
        self._fd = self._open()

    def _open(self) -> int:
        if self._path == "-":
            return 1
        try:
            return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise ConfigError(f"log.audit_file: {Path(self._path)} can't be opened: {error.strerror}") from None

    def reopen(self) -> None:
        """After log rotation, write to the new file of the same name."""
        if self._path != "-":
            old, self._fd = self._fd, self._open()
            os.close(old)

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._path != "-":
            os.close(self._fd)

    def write(self, entry: Entry) -> None:
        """One line, in one write.

        Raises:
            Problem: ``not_ready`` if it can't be written: what can't be audited must not be done.
        """
        entry.time = datetime.now(UTC)
        data = self._encode(entry) + b"\n"
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            log.error("the audit can't be written: %s", error.strerror)
            raise Problem(
                "not_ready",
                detail="The audit can't be written, so nothing is done.",
                fix="Look at log.audit_file: disk full?",
            ) from None
