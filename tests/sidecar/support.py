"""What the tests of the sidecar have in common: waiting, the calls that Box saw, and bytes on the socket."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess

T = TypeVar("T")


def until(find: Callable[[], T], timeout: float = 10.0, pause: float = 0.05) -> T:
    """The first true answer of `find()`; AssertionError when there is none within `timeout` (s)."""
    end = time.monotonic() + timeout
    while not (found := find()):
        assert time.monotonic() < end, f"not within {timeout:g} s"
        time.sleep(pause)
    return found


def calls(box: EmulatorProcess, since: int = 0) -> list[str]:
    """What Box was asked: a grant's short name for the token endpoint, else method and path."""
    return [
        entry["grant"] if entry["grant"] else f"{entry['method']} {entry['path']}"
        for entry in box.log(since)
        if entry["user_agent"] == "box-sidecar"
    ]


def last(box: EmulatorProcess) -> int:
    """The number of the last request in Box's log, to look only at later ones."""
    entries = box.log()
    return int(entries[-1]["n"]) if entries else 0


def greeted(box: EmulatorProcess) -> None:
    """Wait until the sidecar has fetched its service token, which it does by itself at the start."""
    until(lambda: calls(box))


def code(response: httpx.Response) -> str:
    """The `code` of a problem, after a look at what every problem must carry (RFC 9457)."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["type"].endswith(body["code"])
    assert all(body[name] for name in ("title", "detail", "fix"))
    if response.status_code in {429, 503}:
        assert int(response.headers["retry-after"]) >= 1
    return str(body["code"])


def together(number: int, work: Callable[[int], T]) -> list[T]:
    """Results of `work(0)` … `work(number - 1)`, all at the same time."""
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(work, range(number)))


def ask(sidecar: SidecarProcess, login: str, count: int, **body: Any) -> list[httpx.Response]:
    """The same token asked for `count` times at once, each on a connection of its own."""
    with sidecar.client() as client:
        return together(count, lambda _: post(client, login, **body))


def post(client: httpx.Client, login: str, **body: Any) -> httpx.Response:
    """``POST /v1/tokens`` on a client that stays connected."""
    return client.post("/v1/tokens", json={"user": {"login": login}, "element": "explorer", **body})


def token(sidecar: SidecarProcess, login: str = "ana@example.com", **body: object) -> str:
    """The token that somebody gets."""
    answer = sidecar.token(login, **body)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def revoke(sidecar: SidecarProcess, login: str) -> None:
    """Somebody logs out."""
    answer = sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": login}})
    assert answer.status_code == 200, answer.text


def metric(sidecar: SidecarProcess, name: str) -> float:
    """What the sidecar counts under names that begin with this one."""
    page = sidecar.request("GET", "/metrics").text
    return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(f"box_sidecar_{name}"))


class Wire:
    """A connection to the socket without any HTTP library in between."""

    def __init__(self, path: Path, timeout: float = 15.0) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> bytes:
        """All that comes until the other side closes."""
        data = b""
        try:
            while chunk := self.socket.recv(65536):
                data += chunk
        except ConnectionResetError:
            pass  # closed with bytes of ours unread
        return data

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def request_bytes(method: str = "GET", path: str = "/health/live", body: Any = None, *headers: str) -> bytes:
    """A request as bytes, with the headers that the sidecar asks for."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: sidecar", "Box-Sidecar: 1", *headers]
    if content:
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def status_of(answer: bytes) -> int:
    """The status of the first answer on a wire."""
    return int(answer.split(b" ", 2)[1])


def worker_of(sidecar: SidecarProcess) -> int:
    """The process id of the worker."""
    assert sidecar.process
    children = Path(f"/proc/{sidecar.process.pid}/task/{sidecar.process.pid}/children").read_text().split()
    (worker,) = map(int, children)
    return worker


def resident(pid: int) -> int:
    """Resident memory in kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


ON_VALKEY_TOO = pytest.mark.parametrize(
    "program", ["redis", pytest.param("valkey", marks=pytest.mark.system)], indirect=True
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a moment")


def as_user(uid: int, gid: int, path: Path, request: bytes) -> bytes:
    """What another user of this machine gets for a request; ``DENIED`` if the kernel lets them not even connect."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answer = b"FAILED"
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            with Wire(path) as wire:
                with contextlib.suppress(BrokenPipeError):
                    wire.send(request)
                answer = wire.read()
        except PermissionError:
            answer = b"DENIED"
        finally:
            os.write(writer, answer)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer
