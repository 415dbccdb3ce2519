"""Subject may call, told by the kernel; and callers who dawdle, flood or talk nonsense."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.process import ProcessError
from intranet.sidecar_process import SidecarProcess, box_sidecar
from sidecar.conftest import Serve
from sidecar.support import (
    Wire,
    as_user,
    needs_root,
    post,
    request_bytes,
    resident,
    status_of,
    until,
    worker_of,
)

STRANGER = pwd.getpwnam("daemon")
ASK = request_bytes(
    "POST", "/v1/tokens", {"user": {"login": "ana@example.com"}, "element": "explorer"}, "Connection: close"
)


def body_of(answer: bytes) -> dict[str, object]:
    """The JSON of an answer on a wire, after a look at the headers that each has."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    assert "cache-control: no-store" in lines
    assert any(line.startswith("x-request-id: ") for line in lines)
    assert "content-type: application/problem+json" in lines
    parsed: dict[str, object] = json.loads(body)
    assert parsed["request_id"] and parsed["fix"]
    return parsed


@pytest.mark.parametrize("mode", ["0660", "0600", "666", "0o640"])
def test_the_socket_has_the_mode_and_group_that_were_set(mode: str, serve: Serve) -> None:
    group = grp.getgrgid(os.getgroups()[0] if os.getgroups() else os.getegid())
    sidecar = serve(server={"socket_mode": mode, "socket_group": group.gr_name})
    status = sidecar.socket.stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == int(mode.replace("o", ""), 8)
    assert status.st_gid == group.gr_gid


@needs_root
def test_whom_the_mode_keeps_out_the_kernel_keeps_out(serve: Serve) -> None:
    assert as_user(STRANGER.pw_uid, STRANGER.pw_gid, serve().socket, ASK) == b"DENIED"


@needs_root
def test_an_open_socket_still_asks_who_it_is(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(server={"socket_mode": "0666"})
    answer = as_user(STRANGER.pw_uid, STRANGER.pw_gid, sidecar.socket, ASK)
    assert status_of(answer) == 403
    assert body_of(answer)["code"] == "peer_not_allowed"
    assert f"uid {STRANGER.pw_uid}" in sidecar.log.read_text()
    assert 'box_sidecar_connections_refused_total{reason="peer"} 1.0' in sidecar.request("GET", "/metrics").text
    assert not [token for token in box.tokens() if token["kind"] != "service"]


@needs_root
@pytest.mark.parametrize("named", ["daemon", str(STRANGER.pw_uid), STRANGER.pw_uid])
def test_an_allowed_user_is_served_and_stands_in_the_audit(named: str | int, serve: Serve) -> None:
    sidecar = serve(server={"socket_mode": "0666", "allowed_users": ["root", named]})
    assert status_of(as_user(STRANGER.pw_uid, STRANGER.pw_gid, sidecar.socket, ASK)) == 200
    line = sidecar.audit()[-1]
    assert line["peer_uid"] == STRANGER.pw_uid
    assert line["peer_pid"] > 1 and line["peer_pid"] != os.getpid()


@needs_root
def test_members_of_the_sockets_group_are_served_and_others_not(serve: Serve) -> None:
    web = pwd.getpwnam("www-data")
    sidecar = serve(server={"socket_group": "www-data"})
    assert status_of(as_user(web.pw_uid, web.pw_gid, sidecar.socket, ASK)) == 200
    assert as_user(STRANGER.pw_uid, STRANGER.pw_gid, sidecar.socket, ASK) == b"DENIED"


@needs_root
def test_allowed_users_are_all_and_the_group_adds_nobody(serve: Serve) -> None:
    web = pwd.getpwnam("www-data")
    sidecar = serve(server={"socket_group": "www-data", "allowed_users": ["root", "daemon"]})
    assert status_of(as_user(web.pw_uid, web.pw_gid, sidecar.socket, ASK)) == 403


@needs_root
def test_a_list_of_others_locks_root_out_of_nothing(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(server={"socket_mode": "0666", "allowed_users": ["daemon"]})
    sidecar.token("ana@example.com")
    assert sidecar.request("POST", "/v1/tokens/revoke", json={"all": True}).status_code == 200
    assert not [token for token in box.tokens() if token["alive"] and token["kind"] != "service"]


def test_the_audit_names_the_peer(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    sidecar.token("ana@example.com")
    line = sidecar.audit()[-1]
    assert (line["peer_uid"], line["peer_pid"]) == (os.geteuid(), os.getpid())


def test_it_never_listens_on_the_network(sidecar: SidecarProcess) -> None:
    assert sidecar.process
    group = {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _group(pid) == sidecar.process.pid}
    assert len(group) == 2
    inodes = {os.readlink(link) for pid in group for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            listening = fields[3] == "0A" or table.startswith("udp")
            assert not (listening and f"socket:[{fields[9]}]" in inodes), line


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


def test_a_stale_socket_is_replaced(box: EmulatorProcess, serve: Serve) -> None:
    first = serve()
    assert first.process
    os.killpg(first.process.pid, 9)
    first.stop()
    assert first.socket.exists()
    first.start()
    assert first.token("ana@example.com").status_code == 200


def test_a_second_instance_on_the_same_socket_is_refused_and_the_first_goes_on(serve: Serve) -> None:
    first = serve()
    inode = first.socket.stat().st_ino
    second = subprocess.run(
        [box_sidecar(), "serve", "--config", first.config], capture_output=True, text=True, timeout=20, check=False
    )
    assert second.returncode == 2
    assert "another sidecar already serves" in second.stderr and "Traceback" not in second.stderr
    assert first.socket.stat().st_ino == inode
    assert first.token("ana@example.com").status_code == 200


def test_what_is_no_socket_is_left_alone(box: EmulatorProcess, folder: Path) -> None:
    directory = folder / "occupied"
    directory.mkdir()
    (directory / "box-sidecar.sock").write_text("precious")
    with pytest.raises(ProcessError, match="is not a socket"):
        SidecarProcess(directory, app_config=box.app_config, api_url=box.url).start()
    assert (directory / "box-sidecar.sock").read_text() == "precious"


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"socket_group": "no-such-group"}, "socket_group"),
        ({"allowed_users": ["no-such-user"]}, "no-such-user"),
        ({"allowed_users": ["root", "nobody"]}, "stands for every user"),
        ({"allowed_users": ["65534"]}, "stands for every user"),
        ({"socket_group": "nogroup"}, "stands for every group"),
        ({"socket": "/nowhere/at/all.sock"}, "install -d"),
        ({"socket": "/tmp/" + "x" * 120}, "107"),
        ({"socket": "relative.sock"}, "absolute"),
    ],
)
def test_a_socket_that_can_not_be_is_said_in_one_line(
    server: dict[str, object], words: str, box: EmulatorProcess, folder: Path
) -> None:
    sidecar = SidecarProcess(folder / "impossible", app_config=box.app_config, api_url=box.url, server=server)
    ended = subprocess.run(
        [box_sidecar(), "serve", "--config", sidecar.config], capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 2
    assert words in ended.stderr and len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("size", [70_000, 5_000_000])
def test_a_body_that_is_too_long_is_refused_unread(size: int, sidecar: SidecarProcess) -> None:
    with Wire(sidecar.socket) as wire:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            wire.send(request_bytes("POST", "/v1/tokens", None, "Connection: close", f"Content-Length: {size}"))
            wire.send(b"x" * size)
        assert status_of(wire.read()) == 400
    assert sidecar.request("GET", "/health/live").status_code == 200


def test_an_announced_body_that_never_comes_is_not_waited_for_in_memory(sidecar: SidecarProcess) -> None:
    with Wire(sidecar.socket) as wire:
        wire.send(b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nBox-Sidecar: 1\r\nContent-Length: 99999999999\r\n\r\n")
        with contextlib.suppress(BrokenPipeError):  # it may have been answered and closed by then
            wire.send(b"y" * 100_000)
        assert status_of(wire.read()) == 400


CHUNKED = b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nBox-Sidecar: 1\r\nTransfer-Encoding: chunked\r\n"
SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
NONSENSE = {
    "length and chunks": CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED,
    "a negative length": b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" + SMUGGLED,
    "a length with a sign": b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n" + SMUGGLED,
    "an unknown coding": CHUNKED.replace(b"chunked", b"xchunked") + b"\r\n0\r\n\r\n" + SMUGGLED,
    "a broken chunk": CHUNKED + b"\r\nzz\r\n" + SMUGGLED,
    "a space before the colon": b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length : 0\r\n\r\n" + SMUGGLED,
    "a folded header": b"GET /health/live HTTP/1.1\r\nHost: x\r\nA: b\r\n Box-Sidecar: 1\r\n\r\n" + SMUGGLED,
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200 + b"\r\n\r\n",
    "no version": b"GET /health/live\r\n\r\n" + SMUGGLED,
    "a NUL": b"GET /health/live HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n" + SMUGGLED,
    "a line without end": b"GET /" + b"a" * 100_000,
    "a header without end": b"GET /health/live HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000,
    "a thousand headers": b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
    "a tunnel": b"CONNECT box.com:443 HTTP/1.1\r\nHost: box.com\r\n\r\n" + SMUGGLED,
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_is_refused_as_a_problem_and_nothing_behind_it_is_served(
    nonsense: str, sidecar: SidecarProcess
) -> None:
    with Wire(sidecar.socket) as wire:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            wire.send(NONSENSE[nonsense])
            if nonsense != "a tunnel":
                wire.socket.shutdown(socket.SHUT_WR)
        answer = wire.read()
    assert answer.count(b"HTTP/1.1 ") <= 1 or nonsense == "a tunnel"
    assert b"box_sidecar_requests" not in answer or nonsense == "a tunnel"
    assert 400 <= status_of(answer) < 600
    body_of(answer.split(b"HTTP/1.1 200", 1)[0])
    assert sidecar.request("GET", "/health/live").status_code == 200
    assert "Traceback" not in sidecar.log.read_text()


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_no_other_protocol_is_spoken(protocol: str, sidecar: SidecarProcess) -> None:
    upgrade = {
        "websocket": ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
        "h2c": ("HTTP2-Settings: AAMAAABkAAQAAP__",),
    }[protocol]
    with Wire(sidecar.socket, timeout=5) as wire:
        connection = "Connection: Upgrade" + (", HTTP2-Settings" if protocol == "h2c" else "")
        wire.send(request_bytes("GET", "/health/live", None, f"Upgrade: {protocol}", connection, *upgrade))
        answer = wire.socket.recv(65536)
    assert status_of(answer) == 200  # as if no upgrade had been asked for (RFC 9110, section 7.8)
    assert "Traceback" not in sidecar.log.read_text()
    assert sidecar.request("GET", "/health/live").status_code == 200


def test_a_chunked_request_and_one_by_one_byte_are_understood(sidecar: SidecarProcess) -> None:
    body = json.dumps({"user": {"login": "ana@example.com"}, "element": "explorer"}).encode()
    with Wire(sidecar.socket) as wire:
        wire.send(CHUNKED + b"Connection: close\r\n\r\n")
        wire.send(f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
        assert status_of(wire.read()) == 200
    with Wire(sidecar.socket) as wire:
        for byte in ASK:
            wire.send(bytes([byte]))
        assert status_of(wire.read()) == 200


def test_half_open_and_slow_clients_are_ended_and_harm_nobody(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    head = b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nBox-Sidecar: 1\r\nContent-Length: 100\r\n"
    halves = [
        b"",
        b"PO",
        b"POST /v1/tokens HT",
        head,
        head + b"\r\n",
        head + b"\r\n{",
        CHUNKED + b"\r\n",
        CHUNKED + b"\r\n5\r\n{",
    ]
    halves += [request_bytes() + half for half in halves[4:]]
    with sidecar.client() as client, contextlib.ExitStack() as stack:
        assert post(client, "ana@example.com").status_code == 200
        wires = [stack.enter_context(Wire(sidecar.socket, timeout=30)) for _ in range(len(halves) * 10)]
        began = time.monotonic()
        for number, wire in enumerate(wires):
            wire.send(halves[number % len(halves)])
        dripping = stack.enter_context(Wire(sidecar.socket, timeout=30))
        dripping.send(head)
        for _ in range(8):
            time.sleep(0.5)
            dripping.send(b"A: b\r\n")
            assert post(client, "ana@example.com").status_code == 200
        for number, wire in enumerate([*wires, dripping]):
            answer = wire.read()
            half = halves[number % len(halves)] if wire is not dripping else head
            last = answer[answer.rindex(b"HTTP/1.1 ") :] if answer else b""
            # A connection that was kept alive and began nothing new ends without a word, as HTTP has it.
            assert status_of(last) in {408, 200}, half
        assert time.monotonic() - began < 25
    assert 'box_sidecar_connections_refused_total{reason="slow"}' in sidecar.request("GET", "/metrics").text


@pytest.mark.usefixtures("many_files")
def test_more_connections_than_it_can_hold_are_refused_politely(sidecar: SidecarProcess) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(Wire(sidecar.socket))

        def refused() -> bytes:
            with Wire(sidecar.socket) as wire:
                with contextlib.suppress(BrokenPipeError):
                    wire.send(ASK)
                answer = wire.read()
            return answer if status_of(answer) == 503 else b""

        answer = until(refused, 8)
        assert body_of(answer)["code"] == "overloaded"
        assert b"\r\nRetry-After: " in answer
    until(lambda: sidecar.request("GET", "/health/live").status_code == 200, 10)


def test_a_client_that_reads_nothing_does_not_fill_the_memory(serve: Serve) -> None:
    sidecar = serve()
    assert sidecar.process
    workers = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _group(pid) == sidecar.process.pid]
    before = sum(map(resident, workers))
    with Wire(sidecar.socket, timeout=2) as wire:
        flood = request_bytes("GET", "/openapi.json") * 200
        with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
            for _ in range(200):
                wire.send(flood)
        assert sidecar.request("GET", "/health/live").status_code == 200
        assert sum(map(resident, workers)) - before < 30_000


def test_nobody_is_late_for_the_time_that_the_sidecar_stood_still(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    assert sidecar.process is not None
    worker = worker_of(sidecar)
    request = request_bytes(
        "POST", "/v1/tokens", {"user": {"login": "ana@example.com"}, "element": "explorer"}, "Connection: close"
    )
    with Wire(sidecar.socket) as wire:
        time.sleep(0.3)
        os.kill(worker, signal.SIGSTOP)
        wire.send(request[:40])
        time.sleep(11)
        os.kill(worker, signal.SIGCONT)
        time.sleep(0.3)
        wire.send(request[40:])
        assert status_of(wire.read()) == 200
