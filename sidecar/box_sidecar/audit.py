"""The audit: one JSON object a line for each token issued, refused, renewed or revoked, and never the token."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import msgspec

from box_sidecar.config import ConfigError, Secret


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of the socket, by the kernel's word (``SO_PEERCRED``, unix(7))."""

    uid: int | None = None
    pid: int | None = None


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
        self.person = lru_cache(2_000)(partial(_mark, key))
        self._encoder = msgspec.json.Encoder()
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

    def write(self, event: str, request_id: str, peer: Peer, **facts: Any) -> None:
        """One line, in one write. ``OSError`` if it can't be written: what can't be audited must not be done."""
        line = {
            "time": datetime.now(UTC),
            "event": event,
            "request_id": request_id,
            "peer_uid": peer.uid,
            "peer_pid": peer.pid,
            **facts,
        }
        data = self._encoder.encode(line) + b"\n"
        while data:
            data = data[os.write(self._fd, data) :]
