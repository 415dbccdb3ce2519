"""Requests cut anywhere, and bytes that only look like requests: the parser by itself, and a whole sidecar."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
import select
import socket

import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.workers.base import Worker as GunicornWorker
from httptools import HttpRequestParser
from httptools.parser.protocol import HTTPProtocol
from hypothesis import example, given, settings
from hypothesis import strategies as st

from box_sidecar import server, worker
from box_sidecar.parser import Refused, RequestParser
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.support import Wire, request_bytes, until, worker_of

BODIES = st.binary(max_size=200) | st.sampled_from([b"\r\n\r\n", b"a\r\n\r\nGET / HTTP/1.1\r\n\r\n", b"0\r\n\r\n"])


def with_length(body: bytes) -> bytes:
    return b"POST /v1/tokens?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def in_chunks(body: bytes, size: int, trailer: bytes) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n" + trailer + b"\r\n"


REQUESTS = st.one_of(
    st.tuples(st.builds(with_length, body := st.shared(BODIES, key="body")), body),
    st.tuples(st.builds(in_chunks, body, st.integers(1, 90), st.sampled_from([b"", b"X: y\r\n"])), body),
    st.tuples(st.sampled_from([b"GET / HTTP/1.1\r\n\r\n", b"\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n"]), st.just(b"")),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(REQUESTS, min_size=1, max_size=5), st.lists(st.integers(0, 2000), max_size=30))
@example(  # the last chunk's first byte came alone
    [(b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""), (b"GET / HTTP/1.1\r\n\r\n", b"")],
    [22, 49],
)
def test_requests_are_the_same_however_they_are_cut(sent: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    stream = b"".join(request for request, _ in sent)
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    parser, found = RequestParser(), []
    for start, end in itertools.pairwise(edges):
        piece, at = stream[start:end], 0
        while at < len(piece):
            at = parser.feed(piece, at)
            if parser.is_whole:
                found.append(parser.body)
                parser.is_whole = False
    assert found == [body for _, body in sent]


LENIENT = {
    "bare line ends": b"GET / HTTP/1.1\nHost: x\n\n",
    "one bare line end": b"GET / HTTP/1.1\r\nHost: x\n\r\n",
    "a bare CR": b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\n\r\n",
    "a tab": b"GET\t/ HTTP/1.1\r\n\r\n",
    "a space before the method": b" GET / HTTP/1.1\r\n\r\n",
    "a method in small letters": b"get / HTTP/1.1\r\n\r\n",
    "no such method": b"FOO / HTTP/1.1\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\n\r\n",
    "a target beyond ASCII": b"GET /\xc3\xa4 HTTP/1.1\r\n\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    "a folded field": b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    "a field without a name": b"GET / HTTP/1.1\r\n: b\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\nA: \0\r\n\r\n",
    "two equal lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na",
    "a signed length": b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
    "a length in hexadecimal": b"POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\na",
    "an empty length": b"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
    "another coding": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "identity": b"POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk without its end": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "a chunk's line without CR": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
    "a chunk's size with a space": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
    "a chunk's size with a sign": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n",
    "a chunk's size without end": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 20 + b"1\r\na\r\n",
    "a body that is too long": b"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n",
}


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("name", LENIENT)
def test_what_parsers_might_understand_differently_is_refused(name: str, one_by_one: bool) -> None:
    parser, data = RequestParser(), LENIENT[name] + b"GET /smuggled HTTP/1.1\r\n\r\n"
    pieces = [data[at : at + 1] for at in range(len(data))] if one_by_one else [data]
    with pytest.raises(Refused) as refused:
        for piece in pieces:
            parser.feed(piece, 0)
            assert not parser.is_whole, "it was taken for a request"
    assert refused.value.status == 400


WORDS = [
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\0", b"\xff", b"chunked", b"Content-Length: 5\r\n", b"GET ", b"POST ",
    b"HTTP/1.1", b"HTTP/1.0", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Upgrade: h2c\r\n", b"%",
    b"Connection: Upgrade\r\n", b"Expect: 100-continue\r\n", b"0\r\n\r\n", b"\r\n\r\n", b"/v1/tokens", b"?", b"{", b"}",
    b"CONNECT ", b"HEAD ", b"9999999999", b"-1", b"a" * 1100, b"X: y\r\n" * 40,
]  # fmt: skip


def mutated(chance: random.Random) -> bytes:
    """Some requests, somewhere of which something is missing, doubled, or put in."""
    body = json.dumps({"user": {"login": "ana@example.com"}, "element": "explorer"}).encode()
    whole = [
        request_bytes("GET", "/health/live"),
        request_bytes("POST", "/v1/tokens", json.loads(body)),
        b"POST /v1/tokens HTTP/1.1\r\nBox-Sidecar: 1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (len(body), body),
    ]
    data = b"".join(chance.choices(whole, k=chance.randint(1, 3)))
    for _ in range(chance.randint(1, 4)):
        at, end = chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data = data[:at] + data[at + chance.randint(1, 9) :]
            case 1:
                data = data[:at] + chance.choice(WORDS) + data[at:]
            case 2:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case _:
                data = data[:at] + data[min(at, end) : max(at, end)] + data[at:]
    return data


def test_whatever_is_sent_is_answered_in_http_and_nothing_is_left_of_it(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    chance = random.Random(os.environ.get("FUZZ_SEED", "1"))
    process = worker_of(sidecar)
    assert sidecar.token("ana@example.com").status_code == 200
    before = len(os.listdir(f"/proc/{process}/fd"))
    for number in range(int(os.environ.get("FUZZ_ROUNDS", "400"))):
        data = mutated(chance)
        with Wire(sidecar.socket, timeout=25) as wire:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for piece in (data[: (cut := chance.randrange(len(data) + 1))], data[cut:]):
                    if piece:
                        wire.send(piece)
                wire.socket.shutdown(socket.SHUT_WR)
            assert_http(wire.read(), f"round {number}: {data!r}")
    until(lambda: len(os.listdir(f"/proc/{process}/fd")) <= before + 2)
    assert worker_of(sidecar) == process
    assert sidecar.token("ana@example.com").status_code == 200
    log = sidecar.log.read_text()
    assert "Traceback" not in log and "internal error" not in log


def assert_http(answers: bytes, sent: str) -> None:
    """One answer behind the other, each whole; what went wrong is a problem (RFC 9457)."""
    while answers:
        head, end, rest = answers.partition(b"\r\n\r\n")
        if head == b"HTTP/1.1 100 Continue":
            answers = rest
            continue
        match = re.match(rb"HTTP/1\.1 ([1-5]\d\d) ", head)
        assert match and end, sent
        status, fields = int(match[1]), dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        assert fields[b"cache-control"] == b"no-store" and fields[b"x-request-id"], sent
        body, answers = rest[:length], rest[length:]
        if status >= 400 and not (body.startswith(b"HTTP/1.1 ") or not body):  # HEAD is answered without a body
            assert fields[b"content-type"] == b"application/problem+json", sent
            assert json.loads(body)["status"] == status, sent
            assert status < 500, sent
        elif status >= 400:
            answers = rest


def test_who_waits_for_leave_to_send_a_body_gets_it(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    request = request_bytes(
        "POST", "/v1/tokens", {"user": {"login": "ana@example.com"}, "element": "explorer"},
        "Expect: 100-continue", "Connection: close",
    )  # fmt: skip
    head, blank, body = request.partition(b"\r\n\r\n")
    with Wire(sidecar.socket) as wire:
        wire.send(head + blank)
        assert wire.socket.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(body)
        assert wire.read().startswith(b"HTTP/1.1 200 ")
    with Wire(sidecar.socket) as wire:
        wire.send(request)
        assert wire.read().startswith(b"HTTP/1.1 200 "), "the body is there already"


def test_leave_is_given_to_the_request_that_waits_for_it_alone(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    body = {"user": {"login": "ana@example.com"}, "element": "explorer"}
    behind = request_bytes("GET", "/health/live", None, "Connection: close")
    with Wire(sidecar.socket) as wire:
        wire.send(request_bytes("POST", "/v1/tokens", body, "Expect: 100-continue") + behind[:10])
        answer = wire.socket.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ") and b"100 Continue" not in answer
        wire.send(behind[10:30])
        wire.send(behind[30:])
        assert (answer + wire.read()).count(b"HTTP/1.1 ") == 2


def test_a_trailer_is_no_header(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    body = json.dumps({"user": {"login": "ana@example.com"}, "element": "explorer"}).encode()
    with Wire(sidecar.socket) as wire:
        wire.send(b"POST /v1/tokens HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send(b"%x\r\n%b\r\n0\r\nBox-Sidecar: 1\r\n\r\n" % (len(body), body))
        assert wire.read().startswith(b"HTTP/1.1 412 ")


FRAMES = {
    "a chunk's extension": b"1;" + b"x" * 500_000,
    "a trailer's name": b"0\r\n" + b"x" * 500_000,
    "a trailer's value": b"0\r\nX: " + b"x" * 500_000,
    "zeros before a chunk's size": b"0" * 500_000,
    "trailers": b"0\r\n" + b"X: y\r\n" * 100_000,
}


@pytest.mark.parametrize("frame", FRAMES)
def test_what_frames_chunks_is_bounded_like_all_else(frame: str) -> None:
    parser, stream = RequestParser(), in_chunks(b"", 1, b"")[:-5] + FRAMES[frame]
    with pytest.raises(Refused):
        for start in range(0, len(stream), 1000):
            parser.feed(stream[start : start + 1000], 0)


def test_nobody_is_heard_once_refused(sidecar: SidecarProcess) -> None:
    with Wire(sidecar.socket) as wire:
        wire.send(b"nonsense\r\n\r\n")
        poll = select.poll()
        poll.register(wire.socket, select.POLLHUP)
        until(lambda: bool(poll.poll(0)))
        with contextlib.suppress(BrokenPipeError):
            wire.send(request_bytes())
        assert wire.read().count(b"HTTP/1.1 ") == 1


SEAMS = {
    worker.Worker: (GunicornWorker, {"init_process", "init_signals", "load_wsgi", "run", "notify"}),
    server.Master: (
        Arbiter,
        {"reload", "run", "stop", "wait_for_signals", "handle_usr2", "handle_ttin", "handle_ttou", "handle_winch",
         "WORKERS"},
    ),
    server.Server: (BaseApplication, {"load_config", "run"}),
    server.Logger: (GunicornLogger, {"setup"}),
}  # fmt: skip


@pytest.mark.parametrize("ours", SEAMS)
def test_only_public_names_of_the_server_are_used_and_they_are_there(ours: type) -> None:
    base, used = SEAMS[ours]
    assert used <= set(dir(base)), "a name that we build on has moved"
    own = {name for name in vars(ours) if not name.startswith("__")}
    assert own & set(dir(base)) <= used, "a name of theirs is overridden that is not listed"
    assert not any(name.startswith("_") for name in own & set(dir(base)))


def test_only_public_names_of_the_parser_are_used_and_they_are_there() -> None:
    called_back = {name for name in vars(RequestParser) if name.startswith("on_")}
    assert called_back <= set(dir(HTTPProtocol))
    assert {"feed_data", "get_method", "get_http_version", "should_keep_alive"} <= set(dir(HttpRequestParser))
