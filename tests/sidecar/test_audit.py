"""The audit: no token without its line, each line whole or clearly broken alone, and nobody held up by it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from box_sidecar.audit import Audit
from box_sidecar.secret import Secret
from intranet.emulator_process import EmulatorProcess
from intranet.process import ProcessError
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import calls, code, last, until


def worker(sidecar: SidecarProcess) -> int:
    assert sidecar.process
    pid = sidecar.process.pid
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def ready(sidecar: SidecarProcess) -> bool:
    return sidecar.request("GET", "/health/ready").status_code == 200


def lines(file: Path) -> list[Any]:
    """Each line of the audit: an object, or ``None`` for what is none."""

    def parsed(line: str) -> Any:
        try:
            return json.loads(line)
        except ValueError:
            return None

    return [parsed(line) for line in file.read_text().split("\n")[:-1]]


@pytest.fixture
def full(box: EmulatorProcess, serve: Serve, tmp_path: Path) -> tuple[SidecarProcess, Path]:
    """A sidecar whose audit has room for less than one line: its files may not grow any further (setrlimit(2))."""
    audit = tmp_path / "audit.jsonl"
    audit.write_text("{}\n" * 10_000)
    size = audit.stat().st_size
    sidecar = serve(log={"audit_file": str(audit)})
    assert sidecar.token("kenji@example.com").status_code == 200
    resource.prlimit(worker(sidecar), resource.RLIMIT_FSIZE, (audit.stat().st_size + 40, resource.RLIM_INFINITY))
    assert audit.stat().st_size > size
    return sidecar, audit


def give_room(sidecar: SidecarProcess) -> None:
    resource.prlimit(worker(sidecar), resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_full_disk_stops_tokens_and_says_so_until_there_is_room_again(
    box: EmulatorProcess, full: tuple[SidecarProcess, Path]
) -> None:
    sidecar, audit = full
    refused = sidecar.token("ana@example.com")
    assert (refused.status_code, code(refused)) == (503, "not_ready")
    assert "the audit can't be written" in refused.json()["detail"].lower()
    assert "stays in memory" in refused.json()["detail"], "Box has made it, and the answer says so"
    assert not {token["token"] for token in box.tokens()} & set(refused.text.split('"'))
    health = sidecar.request("GET", "/health/ready")
    assert health.status_code == 503 and "audit" in health.json()["why"]
    assert sidecar.request("GET", "/health/live").status_code == 200

    since = last(box)
    for login in ("olga@example.com", "kenji@example.com"):
        assert code(sidecar.token(login)) == "not_ready"
    assert calls(box, since) == [], "what can't be audited is not even begun"

    give_room(sidecar)
    until(lambda: ready(sidecar), 10)
    assert sidecar.token("ana@example.com").json()["access_token"]
    entries = lines(audit)[10_000:]
    torn = entries.index(None)
    assert entries.count(None) == 1, "the line that was torn is alone"
    assert entries[torn + 1]["event"] == "audit_resumed" and entries[torn + 1]["outcome"] == "3 entries lost"
    assert entries[-1]["event"] == "token_issued"


def test_revocation_goes_on_without_an_audit_and_the_answer_is_true(
    box: EmulatorProcess, full: tuple[SidecarProcess, Path]
) -> None:
    sidecar, _ = full
    assert any(token["alive"] for token in box.tokens() if token["kind"] == "downscoped")
    answer = sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "kenji@example.com"}})
    assert (answer.status_code, code(answer)) == (503, "not_ready")
    assert "done all the same (revoked 2)" in answer.json()["detail"]
    assert not any(token["alive"] for token in box.tokens() if token["kind"] == "downscoped")


def test_a_line_that_another_life_left_torn_is_closed(box: EmulatorProcess, serve: Serve, tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    audit.write_text('{"event": "tok')
    sidecar = serve(log={"audit_file": str(audit)})
    assert sidecar.token("ana@example.com").status_code == 200
    torn, whole = lines(audit)
    assert torn is None and whole["event"] == "token_issued"


CONNECTED = (
    "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1); "
    "s.connect(sys.argv[1]); os.dup2(s.fileno(), 1); os.execv(sys.argv[2], sys.argv[2:])"
)


@pytest.fixture(params=["pipe", "socket", "terminal"])
def stream(
    request: pytest.FixtureRequest, serve: Serve, tmp_path: Path, folder: Path
) -> Iterator[tuple[SidecarProcess, Callable[[], str]]]:
    """A sidecar whose standard output has room for a few lines, and what reads all that is in it."""
    into = ("sh", "-c", 'exec 1>"$0"; exec "$@"')
    with contextlib.ExitStack() as stack:
        if request.param == "pipe":
            path = tmp_path / "pipe"
            os.mkfifo(path)
            end = os.open(path, os.O_RDWR | os.O_NONBLOCK)
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
            command = (*into, str(path))
        elif request.param == "terminal":
            end, slave = os.openpty()
            stack.callback(os.close, slave)
            command = (*into, os.ttyname(slave))
        else:
            path = folder / f"audit-{os.getpid()}"
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(path))
            listener.listen()
            stack.callback(path.unlink)
            command = (sys.executable, "-c", CONNECTED, str(path))
        sidecar = serve(command=command)
        if request.param == "socket":
            end = listener.accept()[0].detach()
        os.set_blocking(end, False)
        stack.callback(os.close, end)
        yield sidecar, lambda: drain(end)


def drain(end: int) -> str:
    text = b""
    try:
        while True:
            text += os.read(end, 65536)
    except BlockingIOError:
        return text.decode()


def until_nobody_reads(sidecar: SidecarProcess) -> None:
    for _ in range(200):
        answer = sidecar.token("ana@example.com")
        if not answer.is_success:
            assert (answer.status_code, code(answer)) == (503, "not_ready")
            return
    raise AssertionError("there was room for all of it")


def test_an_output_that_nobody_reads_holds_up_no_one(
    box: EmulatorProcess, stream: tuple[SidecarProcess, Callable[[], str]]
) -> None:
    sidecar, read = stream
    assert sidecar.token("kenji@example.com").status_code == 200
    pid = worker(sidecar)
    until_nobody_reads(sidecar)
    began = time.monotonic()
    for login in ("kenji@example.com", "ana@example.com", "olga@example.com") * 3:
        assert code(sidecar.token(login)) == "not_ready"
        assert sidecar.request("GET", "/health/live").status_code == 200
    assert time.monotonic() - began < 15, "only the first one waits"
    assert not ready(sidecar)
    time.sleep(3)
    assert worker(sidecar) == pid, "it was not killed for standing still"

    parts: list[str] = []

    def resumed() -> bool:
        parts.append(read())
        return "audit_resumed" in "".join(parts) and parts[-1] == ""

    until(resumed, 10)
    until(lambda: ready(sidecar), 10)
    assert sidecar.token("ana@example.com").status_code == 200
    parts.append(read())
    entries = [json.loads(line) for line in "".join(parts).splitlines()]
    assert [entry["event"] for entry in entries[-2:]] == ["audit_resumed", "token_issued"]


def test_it_ends_though_nobody_reads_its_audit(
    box: EmulatorProcess, stream: tuple[SidecarProcess, Callable[[], str]]
) -> None:
    sidecar, _ = stream
    until_nobody_reads(sidecar)
    assert sidecar.process
    os.kill(sidecar.process.pid, signal.SIGTERM)
    until(lambda: sidecar.process is not None and not sidecar.process.running(), 20)
    assert "Traceback" not in sidecar.log.read_text()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["pipe", "directory"])
def test_what_is_no_file_is_refused_as_the_audit(kind: str, box: EmulatorProcess, serve: Serve, tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    os.mkfifo(audit) if kind == "pipe" else audit.mkdir()
    with pytest.raises(ProcessError, match=r"log\.audit_file: .*audit"):
        serve(log={"audit_file": str(audit)})


def test_two_sidecars_may_write_one_audit(box: EmulatorProcess, serve: Serve, tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    both = [serve(log={"audit_file": str(audit)}) for _ in range(2)]
    for _ in range(20):
        for sidecar in both:
            assert sidecar.token("ana@example.com").status_code == 200
    entries = lines(audit)
    assert len(entries) == 40 and all(entry["event"] == "token_issued" for entry in entries)


def test_a_pseudonym_is_one_persons_however_the_login_is_written() -> None:
    audit = Audit(os.devnull, Secret("of the app"))
    assert audit.pseudonym("Ana@Example.com") == audit.pseudonym("ana@example.com")
    two = {audit.pseudonym(login) for login in ("stra\u00dfe@example.com", "strasse@example.com")}
    assert len(two) == 2, "they are two people for Box, and for the cache"
    assert Audit(os.devnull, Secret("of another")).pseudonym("ana@example.com") != audit.pseudonym("ana@example.com")
