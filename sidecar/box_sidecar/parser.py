"""Requests from bytes: HTTP/1.1 as llhttp has it (httptools), one at a time, bounded, and stricter where it is lenient.

Of httptools, what its documentation names is used: ``HttpRequestParser`` with ``feed_data``, ``get_method``,
``get_http_version``, ``should_keep_alive``, its ``on_…`` callbacks and its two exceptions.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NoReturn, TypeAlias

import httptools

Headers: TypeAlias = list[tuple[bytes, bytes]]

_LINE_BYTES = 4094  # of a request: method, target and version
_METHOD_BYTES = 32  # the longest method and what must be behind it
_FIELDS = 32  # in a request's header: a caller of ours sends ten
_FIELD_BYTES = 1024
_HEAD_BYTES = _LINE_BYTES + _FIELDS * (_FIELD_BYTES + 4)
_BODY_BYTES = 64 * 1024
_BODY_PIECES = 256  # each costs as much as a small request
_BLANK_LINE = b"\r\n\r\n"  # ends a header, and a body in chunks
_VERSIONS = frozenset({"1.0", "1.1"})
_ONCE = frozenset({b"content-length", b"transfer-encoding", b"host", b"expect"})  # two are two requests to somebody


class Refused(Exception):  # noqa: N818 - as HTTP has it
    """A request that can't be served, with which ``status`` and why; nobody knows where the next one begins."""

    def __init__(self, status: int, why: str = "") -> None:
        super().__init__(why or HTTPStatus(status).phrase)
        self.status = status


class RequestParser:
    """The request that is arriving. What is behind it is left alone: a request costs many times its bytes.

    llhttp would go on with the next request by itself. So it gets no more than surely belongs to this one: up to a
    blank line, or as many bytes as the header has announced.
    """

    headers: Headers
    """Fields in order; names in lower case."""
    method = target = b""
    version = ""
    is_whole = False
    """Whether all of it is there; set it back to go on with the next."""
    keeps = True
    """Whether the connection may go on after this request."""
    awaits_leave = False
    """Whether its body is sent only once we say so (RFC 9110, section 10.1.1)."""
    _tail = b""
    """The last bytes that were parsed while a blank line was looked for, which may have begun in them."""
    _rest: int | None = None
    """How many bytes of the body are still to come; ``None`` while only a blank line can tell."""
    _in_head = True
    _head_bytes = 0
    """Of the header; and of the chunks, where there are any."""
    _body_bytes = 0
    _begun = b""
    """The first bytes of the request, as they came."""
    _refusal: Refused | None = None
    _once: dict[bytes, bytes]
    _pieces: list[bytes]

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpRequestParser(self)
        self.headers, self._pieces = [], []

    @property
    def body(self) -> bytes:
        """All of the body."""
        return b"".join(self._pieces)

    def feed(self, data: bytes, start: int) -> int:
        """Parse from there on; where this request ends, or the data does.

        Raises:
            Refused: it is no HTTP, or breaks a bound.
        """
        while start < len(data) and not self.is_whole:
            end = self._end_of_lines(data, start) if self._rest is None else min(start + self._rest, len(data))
            piece = data[start:end]
            start = end
            if self._in_head:
                self._check_head(piece)
            elif self._rest is not None:
                self._rest -= len(piece)
            else:
                self._check_chunks(piece)
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                self.keeps = False  # it may be ignored (RFC 9110, section 7.8), but nobody knows what is behind it
            except httptools.HttpParserError:
                raise self._refusal or Refused(400) from None
            if self._rest == 0 and not self.is_whole:
                raise Refused(400)  # the parser counts otherwise than we do
        return start

    def forget(self) -> None:
        """Let go of a request that has been taken; the next one may be long in coming."""
        self.headers, self._pieces = [], []

    def close(self) -> None:
        """Let go of all that has arrived, and of llhttp, which holds us as we hold it; nothing more is parsed."""
        self.forget()
        self._parser = None

    def _end_of_lines(self, data: bytes, start: int) -> int:
        """Where the next blank line ends, which may have begun in what was parsed before; else where the data does."""
        if self._tail:
            found = (self._tail + data[start : start + 3]).find(_BLANK_LINE)
            if found >= 0:
                end = start + found + len(_BLANK_LINE) - len(self._tail)
                self._tail = b""
                return end
        found = data.find(_BLANK_LINE, start)
        if found >= 0:
            self._tail = b""
            return found + len(_BLANK_LINE)
        self._tail = (self._tail + data[max(start, len(data) - 3) :])[-3:]
        return len(data)

    def _check_head(self, piece: bytes) -> None:
        self._head_bytes += len(piece)
        if not self._begun:
            self.headers = []  # they were another's
        if len(self._begun) < _METHOD_BYTES:
            self._begun = (self._begun + piece if self._begun else piece.lstrip(b"\r\n"))[:_METHOD_BYTES]
        if self._head_bytes > _LINE_BYTES:
            if not self.headers and b"\r\n" not in piece[: _LINE_BYTES + 2]:
                raise Refused(414)
            if self._head_bytes > _HEAD_BYTES:
                raise Refused(431)

    def _check_chunks(self, piece: bytes) -> None:
        """llhttp bounds neither what frames chunks nor what comes behind the last."""
        self._head_bytes += len(piece)
        if self._head_bytes > _HEAD_BYTES + _BODY_BYTES:
            raise Refused(400, "The chunks are framed by too much.")

    def _refuse(self, status: int, why: str = "") -> NoReturn:
        """From within a callback, whose exceptions httptools replaces by its own."""
        self._refusal = Refused(status, why)
        raise self._refusal

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        if self.is_whole:
            self._refuse(400)  # it is behind another one, so it should not have been parsed yet
        self.target, self._once, self._pieces, self._body_bytes = b"", {}, [], 0

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self.target += url
        if len(self.target) > _LINE_BYTES:
            self._refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field. What a trailer says is nobody's header (RFC 9110, section 6.5.1)."""
        if not self._in_head:
            return
        if len(name) + len(value) > _FIELD_BYTES or len(self.headers) >= _FIELDS:
            self._refuse(431)
        name = name.lower()
        if name in _ONCE:
            if name in self._once:
                self._refuse(400)
            self._once[name] = value
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """All fields: how long is the body? Two answers to that are refused (RFC 9112, section 6.3)."""
        parser = self._parser
        self.method, self.version = parser.get_method(), parser.get_http_version()
        if self.version not in _VERSIONS or not self.target.isascii():
            self._refuse(400)
        if not self._begun.startswith(self.method + b" " + self.target[:1]):
            self._refuse(400)  # llhttp passes over further spaces
        self._in_head = False
        self.keeps = self.version == "1.1" and parser.should_keep_alive()
        self.awaits_leave = self.version == "1.1" and self._once.get(b"expect", b"").lower() == b"100-continue"
        length, coding = self._once.get(b"content-length"), self._once.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or length is not None or self.version != "1.1"):
            self._refuse(400)
        if length is not None:
            if not length.isdigit():
                self._refuse(400)
            self._rest = int(length)
            self._check_body(self._rest)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._pieces.append(body)
        self._body_bytes += len(body)
        self._check_body(self._body_bytes)
        if len(self._pieces) > _BODY_PIECES:
            self._refuse(400, "The body comes in too many pieces.")

    def _check_body(self, size: int) -> None:
        if size > _BODY_BYTES:
            self._refuse(400, f"The body is longer than {_BODY_BYTES} bytes.")

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self.is_whole, self._in_head, self._head_bytes, self._begun = True, True, 0, b""
        self._rest, self._tail, self.awaits_leave = None, b"", False
