"""Tokens at hand, answered before the application is asked: nearly all requests, at a third of the cost.

It says what the application would say, byte for byte, or nothing at all.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from box_sidecar.app import check_headers, request_id
from box_sidecar.clock import monotonic
from box_sidecar.exchange import Answer, Request
from box_sidecar.problems import Problem
from box_sidecar.resources import count, count_calls, issued_event, token_answer
from box_sidecar.schemas import TokenRequest
from box_sidecar.sidecar import Sidecar

_PATH = "/v1/tokens"
_TARGET = _PATH.encode()
_HEAD = b"content-type: application/json\r\ncache-control: no-store\r\nx-request-id: %b\r\ncontent-length: %d\r\n"

#: A page asks for the same again and again: what a body says is remembered. One that is refused is not, nor a long one.
_decode = msgspec.json.Decoder(TokenRequest).decode
_decode_once = lru_cache(1_000)(_decode)
_REMEMBERED_BYTES = 1024  # the plugin's are a few hundred long


def answer(sidecar: Sidecar, request: Request) -> Answer | None:
    """The answer to a request for a token that is in memory; ``None`` for all else, and where anything is wrong."""
    if request.method != b"POST" or request.target != _TARGET or sidecar.audit.is_broken:
        return None
    started = monotonic()
    headers = dict(request.headers)
    try:
        check_headers(headers, _PATH)
        # What tells of calls is never the same again.
        again = len(request.body) <= _REMEMBERED_BYTES and b'"report"' not in request.body
        decode = _decode_once if again else _decode
        asked = decode(request.body)
        issued = sidecar.issuer.recall(asked.user.who, asked.element, asked.scopes, asked.resource, asked.refused)
    except (Problem, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if issued is None:
        return None
    asked_by = request_id(headers)
    if not sidecar.audit.write_now(issued_event(sidecar, asked, issued, asked_by, request.peer, started)):
        return None
    body = token_answer(issued)
    count_calls(sidecar, asked)
    count(sidecar, asked, issued)
    sidecar.metrics.request(_PATH, "200")
    return Answer(200, _HEAD % (asked_by.encode(), len(body)), body)
