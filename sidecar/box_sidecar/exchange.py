"""One request and its answer: how the application (ASGI) is asked, and an answer as bytes of HTTP/1.1."""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

import msgspec

from box_sidecar.audit import Peer
from box_sidecar.parser import Headers
from box_sidecar.problems import Problem

log = logging.getLogger(__name__)

Application: TypeAlias = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Request(NamedTuple):
    """A request that has arrived whole. Names in ``headers`` are in lower case, ``target`` is as it came."""

    peer: Peer
    method: bytes
    target: bytes
    version: str
    headers: Headers
    body: bytes

    @property
    def scope(self) -> dict[str, Any]:
        """The same for an ASGI application; ``box_sidecar.peer`` says who asks."""
        path, _, query = self.target.partition(b"?")
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": self.version,
            "method": self.method.decode("ascii"),
            "scheme": "http",
            "path": unquote(path.decode("ascii")) if b"%" in path else path.decode("ascii"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "server": None,
            "client": None,
            "box_sidecar.peer": self.peer,
        }


class Answer(NamedTuple):
    """What is answered: ``head`` is lines of header fields, the body's length among them."""

    status: int
    head: bytes
    body: bytes

    def encode(self, extra: bytes) -> bytes:
        """All of it, with ``extra`` header lines."""
        return b"".join((_STATUS_LINES[self.status], self.head, extra, b"\r\n", self.body))


class Exchange:
    """ASGI's ``receive`` and ``send`` for one request; the answer is complete when the application returns."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._status = 0
        self._headers: Headers = []
        self._body: list[bytes] = []

    async def run(self, app: Application) -> Answer:
        """Ask the application. It fails as a problem, and says nowhere with which values."""
        try:
            await app(self._request.scope, self._receive, self._send)
            if not self._status:
                raise RuntimeError("no answer")
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            log.error(
                "internal error: %s in %s:%s", type(error).__name__, Path(frames[-1].filename).name, frames[-1].lineno
            )
            return problem_answer(Problem("internal_error"))
        body = b"".join(self._body)
        head = b"".join([b"%b: %b\r\n" % field for field in self._headers])
        return Answer(self._status, head, b"" if self._request.method == b"HEAD" else body)

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": self._request.body, "more_body": False}

    async def _send(self, event: dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            self._status, self._headers = event["status"], event["headers"]
        else:
            self._body.append(event.get("body", b""))


def problem_answer(problem: Problem, status: int = 0) -> Answer:
    """A problem for what never reached the application; ``status`` if it is not the code's own."""
    status = status or problem.status
    document = problem.document(secrets.token_hex(16)) | {"status": status}
    body = msgspec.json.encode(document)
    lines = [
        "content-type: application/problem+json",
        "cache-control: no-store",
        f"x-request-id: {document['request_id']}",
        f"content-length: {len(body)}",
        *(["Retry-After: 5"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []),
    ]
    return Answer(status, "".join(f"{line}\r\n" for line in lines).encode(), body)
