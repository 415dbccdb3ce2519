"""Callers who hoard memory, connections or the processor's time: bounded, and the others are served."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import (
    Wire,
    as_user,
    code,
    greeted,
    needs_root,
    post,
    request_bytes,
    resident,
    status_of,
    until,
    worker_of,
)

MANY = 900
ASK = {"user": {"login": "ana@example.com"}, "element": "explorer"}
HEAD = b"POST /v1/tokens HTTP/1.1\r\nHost: sidecar\r\nBox-Sidecar: 1\r\n"


@contextlib.contextmanager
def crowd(path: Path, size: int, data: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that have sent this, as far as the sidecar took it and bore them."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(Wire(path)).socket for _ in range(size)]
        rest = dict.fromkeys(sockets, data)
        for one in sockets:
            one.setblocking(False)
        poll = select.poll()
        by_number = {one.fileno(): one for one in sockets}
        for one in sockets:
            poll.register(one, select.POLLOUT)
        while rest and (ready := poll.poll(3000)):
            for number, _ in ready:
                one = by_number[number]
                try:
                    rest[one] = rest[one][one.send(rest[one][:65536]) :]
                except BlockingIOError:
                    continue
                except OSError:
                    rest[one] = b""
                if not rest[one]:
                    del rest[one]
                    poll.unregister(one)
        yield sockets


def header_lines(length: int, count: int) -> bytes:
    """An unfinished header of so many fields of that length."""
    return HEAD + b"".join(b"X-%04d: %s\r\n" % (number, b"x" * (length - 10)) for number in range(count))


HOARDS = {
    "headers as long as they were allowed to be": header_lines(8000, 47),
    "headers within the bounds": header_lines(1000, 28),
    "many short headers": header_lines(12, 28),
    "bodies": HEAD + b"Content-Length: 64000\r\n\r\n" + b" " * 63_999,
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"fa\r\n" + b" " * 250 + b"\r\n") * 255,
}


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize("hoard", HOARDS)
def test_unfinished_requests_together_take_little_memory_and_no_time(
    hoard: str, box: EmulatorProcess, serve: Serve
) -> None:
    sidecar = serve()
    with sidecar.client() as client:
        assert post(client, "ana@example.com").status_code == 200
    worker, before = worker_of(sidecar), resident(worker_of(sidecar))
    with crowd(sidecar.socket, MANY, HOARDS[hoard]):
        assert sidecar.token("ana@example.com").status_code == 200
        assert resident(worker) - before < 64 * 1024
    assert sidecar.token("ana@example.com").status_code == 200
    assert worker_of(sidecar) == worker


@pytest.mark.usefixtures("many_files")
def test_what_comes_behind_requests_that_wait_for_box_takes_little_memory(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(box={"timeout_s": 20.0})
    greeted(box)
    worker, before = worker_of(sidecar), resident(worker_of(sidecar))
    box.fault("delay", times=None, seconds=15)
    with crowd(sidecar.socket, MANY, request_bytes("POST", "/v1/tokens", ASK) * 2000):
        assert sidecar.request("GET", "/health/live").status_code == 200
        assert resident(worker) - before < 64 * 1024
    assert worker_of(sidecar) == worker


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize("body", [ASK, {"user": {}}], ids=["asked well", "refused"])
def test_who_was_answered_takes_little_memory(body: object, box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    assert sidecar.token("ana@example.com").status_code == 200
    worker, before = worker_of(sidecar), resident(worker_of(sidecar))
    fields = [f"X-{number}: {'x' * 1000}" for number in range(25)]
    with contextlib.ExitStack() as stack:
        for number in range(MANY):
            wire = stack.enter_context(Wire(sidecar.socket))
            wire.send(padded(body, 60_000 + number, *fields))
            assert status_of(wire.socket.recv(65536)) == (200 if body == ASK else 400)
        assert resident(worker) - before < 24 * 1024


def padded(body: object, length: int, *fields: str) -> bytes:
    """A request for a token whose body is so long: spaces mean nothing in JSON."""
    content = json.dumps(body).encode().ljust(length)
    lines = b"".join(b"%b\r\n" % field.encode() for field in fields)
    return HEAD + lines + b"Content-Length: %d\r\n\r\n%b" % (length, content)


def test_a_body_in_a_thousand_pieces_is_refused_and_in_some_it_is_not(
    box: EmulatorProcess, sidecar: SidecarProcess
) -> None:
    body = json.dumps(ASK).encode()

    def chunked(body: bytes, size: int) -> bytes:
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        return HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"

    for padding, size, status in ((60_000, 1, 400), (60_000, 1000, 200), (0, 1, 200)):
        with Wire(sidecar.socket) as wire:
            with contextlib.suppress(BrokenPipeError):
                wire.send(chunked(body + b" " * padding, size))
            answer = wire.read()
        assert status_of(answer) == status, (padding, size)
        assert b"HTTP/1.1 " not in answer[1:]


def test_headers_are_bounded_and_the_refusal_is_a_problem(sidecar: SidecarProcess) -> None:
    with sidecar.client() as client:
        assert client.get("/health/live", headers={"X-Long": "x" * 1000}).status_code == 200
        assert client.get("/health/live", headers={f"X-{number}": "x" for number in range(20)}).status_code == 200
        for headers in ({"X-Long": "x" * 1100}, {f"X-{number}": "x" for number in range(40)}):
            answer = client.get("/health/live", headers=headers)
            assert (answer.status_code, code(answer)) == (431, "invalid_request")


def ended(one: socket.socket) -> bool:
    """Whether the other side has closed the connection, whatever is still to be read."""
    poll = select.poll()
    poll.register(one, 0)
    return bool(poll.poll(0))


@pytest.mark.parametrize("answers", [1, 200])
def test_who_does_not_read_loses_the_connection(answers: int, sidecar: SidecarProcess) -> None:
    # One answer the kernel takes at once. Of many, some wait in the sidecar, and few enough to let it go on.
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(sidecar.socket)) for _ in range(20)]
        for number, wire in enumerate(wires):
            wire.send(request_bytes("GET", "/health/live") * answers * (1 + number * (answers > 1)))
        until(lambda: all(ended(wire.socket) for wire in wires), 60, 0.5)
        assert sidecar.request("GET", "/health/live").status_code == 200
    until(lambda: open_files(worker_of(sidecar)) < 40, 20)


def open_files(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


@needs_root
@pytest.mark.usefixtures("many_files")
def test_in_a_crowd_there_is_room_for_root_still(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(server={"socket_group": "www-data"})
    assert sidecar.token("ana@example.com").status_code == 200
    web = pwd.getpwnam("www-data")
    with held_by(web.pw_uid, web.pw_gid, sidecar.socket, 1000):
        ask = request_bytes("GET", "/health/live", None, "Connection: close")
        until(lambda: status_of(as_user(web.pw_uid, web.pw_gid, sidecar.socket, ask)) == 503, 8)
        assert sidecar.request("GET", "/health/ready").status_code == 200
        revoked = sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "ana@example.com"}})
        assert revoked.json()["revoked"] >= 1
        assert status_of(as_user(web.pw_uid, web.pw_gid, sidecar.socket, ask)) == 503


@contextlib.contextmanager
def held_by(uid: int, gid: int, path: Path, count: int) -> Iterator[None]:
    """So many connections of another user's, opened and left alone."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            wires = [Wire(path) for _ in range(count)]
            os.write(writer, b"." if wires else b"")
            time.sleep(60)
        finally:
            os._exit(0)
    os.close(writer)
    try:
        assert os.read(reader, 1) == b"."
        yield
    finally:
        os.close(reader)
        os.kill(child, 9)
        os.waitpid(child, 0)


def slowly(box: EmulatorProcess, seconds: float) -> None:
    """Let Box take its time for all that comes."""
    greeted(box)
    box.fault("delay", times=None, seconds=seconds)


def test_who_sends_no_more_still_gets_the_answer(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    slowly(box, 0.5)
    for requests in (1, 3):
        with Wire(sidecar.socket) as wire:
            wire.send(request_bytes("POST", "/v1/tokens", {**ASK, "scopes": ["item_share"][: requests - 1]}) * requests)
            wire.socket.shutdown(socket.SHUT_WR)
            began = time.monotonic()
            answer = wire.read()
        assert answer.count(b"HTTP/1.1 200 OK") == answer.count(b"access_token") == requests
        assert time.monotonic() - began < 12, "the connection ends with the last answer"


@pytest.mark.parametrize("half", [request_bytes("POST", "/v1/tokens", ASK)[:-5], b"GET /health/live HT", HEAD])
def test_who_ends_in_the_middle_of_a_request_is_told(half: bytes, sidecar: SidecarProcess) -> None:
    with Wire(sidecar.socket) as wire:
        wire.send(half)
        wire.socket.shutdown(socket.SHUT_WR)
        assert status_of(wire.read()) == 400


STRAY = {request_bytes(): 200, b"\x00\x00\r\n\r\n": 400, b"x" * 100_000: 414, b"GET /health/li": 408}


def test_what_comes_behind_a_request_waits_for_its_answer(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(box={"timeout_s": 20.0})
    slowly(box, 6.5)  # twice, so longer than a whole request may take to arrive
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(sidecar.socket, timeout=60)) for _ in STRAY]
        for wire in wires:
            wire.send(request_bytes("POST", "/v1/tokens", ASK))
        time.sleep(0.5)
        for wire, stray in zip(wires, STRAY, strict=True):
            wire.send(stray)
        for wire, second in zip(wires, STRAY.values(), strict=True):
            answer = wire.read()
            assert status_of(answer) == 200
            assert b"access_token" in answer
            assert status_of(answer[answer.rindex(b"HTTP/1.1 ") :]) == second
            assert answer.count(b"HTTP/1.1 ") == 2


def test_who_is_gone_keeps_no_connection(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(box={"timeout_s": 20.0})
    greeted(box)
    worker = worker_of(sidecar)
    # The least of a second: what is open for a moment only, for the start, does not count.
    before = open_files(worker)
    for _ in range(10):
        time.sleep(0.1)
        before = min(before, open_files(worker))
    slowly(box, 3)
    wires = [Wire(sidecar.socket) for _ in range(50)]
    for wire in wires:
        wire.send(request_bytes("POST", "/v1/tokens", ASK))
    until(lambda: open_files(worker) >= before + 50)
    for wire in wires:
        wire.close()
    until(lambda: open_files(worker) < before + 10, 20)


@pytest.mark.usefixtures("many_files")
def test_with_few_descriptors_a_crowd_is_turned_away_and_box_is_asked(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(command=("prlimit", "--nofile=1024:1024"))
    greeted(box)
    with contextlib.ExitStack() as stack:
        # The kernel's queue is as short as the descriptors are few.
        wires = [stack.enter_context(until(lambda: connected(sidecar.socket))[0]) for _ in range(1100)]
        until(lambda: sum(ended(wire.socket) for wire in wires) > 800)
        assert open_files(worker_of(sidecar)) < 1024 - 256, "as many as Box may need are left"
        for wire in wires[:20]:
            wire.close()
        assert until(lambda: sidecar.token("ana@example.com").is_success)
    assert "Too many open files" not in sidecar.log.read_text()


def connected(path: Path) -> list[Wire]:
    """A connection; none while the kernel's queue is full."""
    try:
        return [Wire(path)]
    except BlockingIOError:
        return []


def test_a_line_is_written_though_no_file_can_be_opened() -> None:
    # What escapes a line end must not have to be loaded first.
    code = (
        "import logging, resource, sys; from box_sidecar.logs import Formatter\n"
        "handler = logging.StreamHandler(sys.stdout); handler.setFormatter(Formatter('%(message)s'))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "logging.getLogger().addHandler(handler); logging.warning('one\\ntwo')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("one\\ntwo\n", "")
