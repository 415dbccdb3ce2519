"""What systemd is told, heard on a socket as systemd has one, and by whom it was said (sd_notify(3))."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from box_sidecar.manager import ServiceManager
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import until, worker_of

_CREDENTIALS = struct.Struct("=iII")  # struct ucred


class SystemD:
    """The socket that systemd listens on: what each message says, and the process that said it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.heard: list[tuple[int, dict[str, str]]] = []

    def listen(self) -> list[tuple[int, dict[str, str]]]:
        """All that has been heard so far."""
        self.socket.setblocking(False)
        while True:
            try:
                message, ancillary, _, _ = self.socket.recvmsg(65536, 4096)
            except BlockingIOError:
                return self.heard
            pid, _, _ = _CREDENTIALS.unpack(ancillary[0][2])
            self.heard.append((pid, dict(line.partition("=")[::2] for line in message.decode().split("\n"))))

    def says(self, name: str) -> list[str]:
        """The values that were assigned to this name."""
        return [message[name] for _, message in self.listen() if name in message]


@pytest.fixture
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SystemD]:
    """One that listens in the file system, or in the abstract namespace, as for containers."""
    is_abstract = getattr(request, "param", "path") == "abstract"
    heard = SystemD(f"@wfb-{os.getpid()}-{id(request)}" if is_abstract else str(tmp_path / "notify"))
    yield heard
    heard.socket.close()


def started(serve: Serve, systemd: SystemD, **environment: str) -> SidecarProcess:
    """A sidecar that systemd runs, as far as it can tell."""
    return serve(env={"NOTIFY_SOCKET": systemd.address, **environment})


@pytest.mark.parametrize("systemd", ["path", "abstract"], indirect=True)
def test_it_is_ready_when_it_serves_and_the_master_alone_says_so(
    box: EmulatorProcess, serve: Serve, systemd: SystemD
) -> None:
    sidecar = started(serve, systemd)
    until(lambda: systemd.says("READY"))
    assert systemd.says("STATUS") == ["Serving."]
    assert sidecar.process
    master = sidecar.process.pid
    os.kill(worker_of(sidecar), signal.SIGKILL)  # the next one says it again
    until(lambda: len(systemd.says("READY")) == 2)
    os.kill(master, signal.SIGTERM)
    until(lambda: systemd.says("STOPPING"))
    assert {pid for pid, _ in systemd.listen()} == {master}, "NotifyAccess=main"


def test_a_worker_that_never_serves_is_never_ready(box: EmulatorProcess, serve: Serve, systemd: SystemD) -> None:
    sidecar = started(serve, systemd)
    sidecar.stop()
    systemd.listen()
    systemd.heard.clear()
    sidecar.settings["log"] = {"audit_file": "/nowhere/audit"}
    sidecar.write_config()
    with pytest.raises(Exception, match="audit"):
        sidecar.start()
    assert systemd.says("READY") == []


def test_a_reload_is_told_from_its_begin_to_its_end(box: EmulatorProcess, serve: Serve, systemd: SystemD) -> None:
    sidecar = started(serve, systemd)
    until(lambda: systemd.says("READY"))
    systemd.heard.clear()
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert sidecar.process
    os.kill(sidecar.process.pid, signal.SIGHUP)
    until(lambda: systemd.says("READY"))
    (_, begin), (_, end) = systemd.listen()
    assert begin["RELOADING"] == "1" and int(begin["MONOTONIC_USEC"]) > before
    assert end == {"READY": "1", "STATUS": "Serving."}


@pytest.mark.parametrize("how", ["signal", "by itself"])
def test_a_refused_reload_is_told_and_it_stays_ready(
    how: str, box: EmulatorProcess, serve: Serve, systemd: SystemD
) -> None:
    sidecar = started(serve, systemd)
    until(lambda: systemd.says("READY"))
    good = sidecar.config.read_text()
    sidecar.config.write_text(good + "\nnonsense = 1\n")
    assert sidecar.process
    if how == "signal":
        os.kill(sidecar.process.pid, signal.SIGHUP)
        until(lambda: len(systemd.says("READY")) == 2)
    until(lambda: "nonsense" in systemd.says("STATUS")[-1])
    assert systemd.says("STATUS")[-1].startswith("Serving; new files are refused, the old configuration stays: ")
    assert sidecar.token("ana@example.com").status_code == 200
    sidecar.config.write_text(good)
    until(lambda: systemd.says("STATUS")[-1] == "Serving.")
    assert systemd.says("STOPPING") == []


def test_the_watchdog_hears_of_the_event_loop_that_serves(box: EmulatorProcess, serve: Serve, systemd: SystemD) -> None:
    sidecar = started(serve, systemd, WATCHDOG_USEC="3000000")
    until(lambda: len(systemd.says("WATCHDOG")) >= 2, 20)
    worker = worker_of(sidecar)
    os.kill(worker, signal.SIGSTOP)
    try:
        time.sleep(2.5)  # what was said before has arrived
        count = len(systemd.says("WATCHDOG"))
        time.sleep(4)
        assert len(systemd.says("WATCHDOG")) == count, "a master alone serves nobody"
    finally:
        os.kill(worker, signal.SIGCONT)
    until(lambda: len(systemd.says("WATCHDOG")) > count)


@pytest.mark.parametrize(
    "environment",
    [
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
        {"NOTIFY_SOCKET": "@"},
        {"NOTIFY_SOCKET": "/nowhere/notify"},
        {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"},
    ],
)
def test_nobody_who_listens_is_no_reason_to_fail(environment: dict[str, str]) -> None:
    left = dict(environment)
    manager = ServiceManager(left)
    assert left == {}
    manager.tell(READY=1)
    manager.reloading()
    manager.alive()
    manager.pass_on()


def test_no_value_can_assign_another(tmp_path: Path) -> None:
    systemd = SystemD(str(tmp_path / "notify"))
    ServiceManager({"NOTIFY_SOCKET": systemd.address}).tell(STATUS="new files are refused: a\nMAINPID=1")
    assert systemd.says("MAINPID") == [] and len(systemd.listen()) == 1
