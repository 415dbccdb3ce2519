"""The sidecar that runs, asked through its socket as any other program would."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Any

import msgspec

from box_sidecar.problems import CODES, BoxReason, Problem
from box_sidecar.sentences import say
from box_sidecar.settings import load_settings
from box_sidecar.tools.owner import go_on_as_owner

_PATIENCE_S = 60.0


class _Answer(msgspec.Struct):
    """What is read of a problem."""

    code: str = ""
    detail: str = ""
    fix: str | None = None
    box: BoxReason | None = None


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def connect(self) -> None:
        """To the path that stands for the host."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def ask(config: Path, method: str, path: str, body: Any = None) -> bytes:
    """The body of its answer.

    Raises:
        ConfigError: the TOML file can't be used.
        Problem: what it answers, or that it does not.
    """
    go_on_as_owner(config)  # to root a file of the service's user is a stranger's
    where = load_settings(config).server.socket
    connection = _Connection(where, timeout=_PATIENCE_S)
    try:
        connection.request(method, path, None if body is None else msgspec.json.encode(body), {"Box-Sidecar": "1"})
        response = connection.getresponse()
        answer = response.read()
    except PermissionError:
        raise Problem("peer_not_allowed", fix=say("Ask as root, or as the sidecar's own user.")) from None
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        fix = say(
            "Start it: systemctl start box-sidecar. Then the same command again: it knows its tokens from its ledger."
        )
        raise Problem(
            "not_ready", detail=say("No sidecar answers at {where}: {why}.", where=where, why=why), fix=fix
        ) from None
    finally:
        connection.close()
    if response.status < 400:
        return answer
    try:
        told = msgspec.json.decode(answer, type=_Answer)
    except msgspec.MsgspecError:
        told = _Answer()
    if told.code not in CODES:
        told = _Answer("internal_error", f"What answers at {where} is no sidecar of this version.")
    raise Problem(told.code, told.detail, told.fix, told.box)
