"""Faults on demand: what a bad day of Box, or of the network before it, looks like."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Literal

import msgspec
from aiohttp import web

GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"

Kind = Literal["status", "html", "empty", "truncate", "cut", "cut_half", "hang", "delay", "merge"]


class Match(msgspec.Struct, forbid_unknown_fields=True):
    """Which requests a fault hits. ``path`` is a regular expression that must match from the path's beginning."""

    method: str = ""
    path: str = ""
    grant: str = ""
    """The end of the grant type (``jwt-bearer``, ``token-exchange``, ``client_credentials``), for /oauth2/token."""

    def hits(self, method: str, path: str, grant: str) -> bool:
        return (
            self.method in ("", method)
            and (not self.path or re.match(self.path, path) is not None)
            and self.grant in ("", grant)
        )


class Fault(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One fault.

    * ``status``: answer with `status`, `body` (JSON, or text if it is a string) and `headers`, e.g. ``Retry-After``
    * ``html``: a gateway's page, with `status`
    * ``empty``: `status` and no body
    * ``truncate``: the true answer's JSON without its second half, the length being right
    * ``cut``: the connection is cut before any answer; the request may or may not have been carried out (`after`)
    * ``cut_half``: half of the true answer is sent, then the connection is cut
    * ``hang``: no answer for `seconds`, then the connection is cut
    * ``delay``: the true answer, `seconds` late
    * ``merge``: the true answer's JSON changed by `body`, a merge patch (RFC 7396)
    """

    kind: Kind
    match: Match = msgspec.field(default_factory=Match)
    times: int | None = 1
    """How many requests are hit; null for all until the fault is deleted."""

    skip: int = 0
    """How many matching requests pass first."""

    status: int = 503
    body: Any = None
    headers: dict[str, str] = {}
    seconds: float = 0.0
    after: bool = False
    """Whether a ``cut`` or ``status`` comes after the request was carried out."""


class Faults:
    """The faults that are waiting for requests."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def take(self, method: str, path: str, grant: str) -> Fault | None:
        """The first fault for this request, counted down."""
        for fault in self.waiting:
            if not fault.match.hits(method, path, grant):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
            return fault
        return None


def replaces(fault: Fault) -> bool:
    """Whether the request is not carried out at all."""
    return fault.kind in ("html", "empty", "hang") or (fault.kind in ("status", "cut") and not fault.after)


async def answer(request: web.Request, fault: Fault, true_answer: web.StreamResponse | None) -> web.StreamResponse:
    """What the client gets to see, given the true answer (None if the request was not carried out)."""
    if fault.kind == "status":
        return _made_up(fault)
    if fault.kind == "html":
        return web.Response(status=fault.status, text=GATEWAY_PAGE, content_type="text/html", headers=fault.headers)
    if fault.kind == "empty":
        return web.Response(status=fault.status, headers=fault.headers)
    if fault.kind in ("cut", "hang"):
        await asyncio.sleep(fault.seconds)
        _cut(request)
        return web.Response(status=500)
    assert true_answer is not None
    if fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
        return true_answer
    return await _spoilt(request, fault, true_answer)


def _made_up(fault: Fault) -> web.Response:
    if isinstance(fault.body, str):
        return web.Response(status=fault.status, text=fault.body, headers=fault.headers)
    body = b"" if fault.body is None else msgspec.json.encode(fault.body)
    return web.Response(status=fault.status, body=body, content_type="application/json", headers=fault.headers)


async def _spoilt(request: web.Request, fault: Fault, true_answer: web.StreamResponse) -> web.StreamResponse:
    body = true_answer.body if isinstance(true_answer, web.Response) else None
    if not isinstance(body, bytes):
        return true_answer
    if fault.kind == "merge":
        merged = msgspec.json.encode(merge_patch(msgspec.json.decode(body), fault.body))
        return web.Response(status=true_answer.status, body=merged, content_type="application/json")
    half = body[: len(body) // 2]
    if fault.kind == "truncate":
        return web.Response(status=true_answer.status, body=half, content_type=true_answer.content_type)
    stream = web.StreamResponse(status=true_answer.status)
    stream.content_type = true_answer.content_type
    stream.content_length = len(body)
    await stream.prepare(request)
    await stream.write(half)
    await asyncio.sleep(0.05)
    _cut(request)
    return stream


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


FAULTS = web.AppKey("faults", Faults)
