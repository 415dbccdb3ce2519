"""What it listens on: a Unix socket, its own or systemd's, whatever the environment says; and who takes over when."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from box_sidecar.listener import listen
from box_sidecar.problems import ConfigError
from box_sidecar.settings import ServerSettings
from intranet.activation import hand_over
from intranet.emulator_process import EmulatorProcess
from intranet.process import Process
from intranet.sidecar_process import SidecarProcess, box_sidecar
from sidecar.conftest import Serve
from sidecar.support import Wire, request_bytes, status_of, until, worker_of


def refusal(sidecar: SidecarProcess, listener: socket.socket, count: str = "1") -> str:
    """The one line with which it refuses to start on this socket."""
    given = hand_over(("box-sidecar.socket", listener.fileno()), count=count)
    ended = subprocess.run(
        [*given, box_sidecar(), "serve", "--config", sidecar.config],
        capture_output=True, text=True, timeout=30, check=False, pass_fds=[listener.fileno()],
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    return line


@pytest.fixture
def stopped(box: EmulatorProcess, folder: Path, request: pytest.FixtureRequest) -> SidecarProcess:
    """A sidecar that has not been started."""
    directory = folder / f"l{abs(hash(request.node.name)) % 10**8}"
    return SidecarProcess(directory, app_config=box.app_config, api_url=box.url)


def test_a_tcp_socket_is_never_served(stopped: SidecarProcess) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert "no listening Unix stream socket" in refusal(stopped, listener)
    assert not stopped.socket.exists()


def test_only_the_unix_socket_that_the_configuration_names_is_taken_over(stopped: SidecarProcess) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stopped.socket))
        assert "no listening Unix stream socket" in refusal(stopped, listener), "it does not listen"
        listener.listen()
        for count in ("2", "3", "4", "5", "many"):  # what the process itself has opened by then is no second one
            assert "exactly one" in refusal(stopped, listener, count)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(stopped.directory / "datagrams"))
        assert "no listening Unix stream socket" in refusal(stopped, listener)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stopped.directory / "other"))
        listener.listen()
        assert "make them the same" in refusal(stopped, listener)


def test_systemds_socket_is_open_to_nobody_whom_the_configuration_does_not_name(stopped: SidecarProcess) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stopped.socket))
        listener.listen()
        stopped.socket.chmod(0o666)
        assert "set SocketMode=0660 in its unit" in refusal(stopped, listener)
        stopped.socket.chmod(0o660)
        stopped.settings["server"]["socket_group"] = "daemon"
        stopped.write_config()
        assert "set SocketGroup=daemon in its unit" in refusal(stopped, listener)


def test_a_socket_on_which_somebody_listens_is_not_taken_away(stopped: SidecarProcess) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stopped.socket))
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as first, pytest.raises(Exception, match="somebody listens on"):
            first.connect(str(stopped.socket))  # its queue is full now
            stopped.start()
        assert stopped.socket.exists()
    stopped.start()  # nobody does any more
    stopped.stop()


def test_systemds_socket_lets_callers_wait_for_the_next_instance(stopped: SidecarProcess) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stopped.socket))
        listener.listen()
        answers: list[bytes] = []

        def ask() -> None:
            with Wire(stopped.socket, timeout=60) as wire:
                wire.send(request_bytes("GET", "/health/live", None, "Connection: close"))
                answers.append(wire.read())

        for round_number in range(2):
            early = threading.Thread(target=ask)
            early.start()
            process = Process(
                [*hand_over(("", listener.fileno())), box_sidecar(), "serve", "--config", str(stopped.config)],
                log=stopped.log,
                pass_fds=[listener.fileno()],
            )
            with process:
                process.wait_until(stopped._is_up)
                early.join(30)
                assert [status_of(answer) for answer in answers] == [200] * (round_number + 1)
                assert stopped.token("ana@example.com").status_code == 200
                os.kill(process.pid, signal.SIGTERM)
                until(lambda: not process.running(), 30)  # noqa: B023 - it is asked at once
            assert stopped.socket.exists(), "it is systemd's to remove"


def test_a_socket_for_another_process_is_not_ours(stopped: SidecarProcess) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        process = Process(
            [*hand_over(("", listener.fileno()), of="1"), box_sidecar(), "serve", "--config", str(stopped.config)],
            log=stopped.log,
            pass_fds=[listener.fileno()],
        )
        with process:
            process.wait_until(stopped._is_up)
            listener.settimeout(0.1)
            with socket.create_connection(listener.getsockname()) as caller:
                caller.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                caller.settimeout(2)
                with pytest.raises(TimeoutError):
                    caller.recv(1)


@pytest.mark.parametrize(
    "environment",
    [
        {"GUNICORN_PID": "1", "GUNICORN_FD": "7"},
        {"GUNICORN_PID": "not a number"},
        {"GUNICORN_CMD_ARGS": "--bind 127.0.0.1:8765 --workers 3 --reload"},
        {"LISTEN_FDS": "many", "LISTEN_PID": "1"},
        {"WEB_CONCURRENCY": "4", "PORT": "8766", "FORWARDED_ALLOW_IPS": "*"},
    ],
)
def test_the_servers_own_variables_change_nothing(
    environment: dict[str, str], box: EmulatorProcess, serve: Serve
) -> None:
    sidecar = serve(env=environment)
    assert sidecar.token("ana@example.com").status_code == 200
    assert worker_of(sidecar)
    log = sidecar.log.read_text()
    assert "Traceback" not in log and "127.0.0.1:876" not in log


def test_without_its_master_the_worker_ends_at_once_and_the_next_can_start(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(box={"timeout_s": 60.0})
    assert sidecar.process
    worker = worker_of(sidecar)
    box.fault("delay", times=None, seconds=30)
    with Wire(sidecar.socket) as wire:
        wire.send(request_bytes("POST", "/v1/tokens", {"user": {"login": "ana@example.com"}, "element": "explorer"}))
        time.sleep(0.5)
        os.kill(sidecar.process.pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{worker}/exe").exists(), 10)
        sidecar.stop()
        box.clear_faults()
        sidecar.start()
    assert sidecar.token("ana@example.com").status_code == 200


def test_it_stops_without_waiting_for_those_who_ask_nothing(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    assert sidecar.process
    worker = worker_of(sidecar)
    with Wire(sidecar.socket) as silent, Wire(sidecar.socket) as kept:
        kept.send(request_bytes())
        assert status_of(kept.socket.recv(4096)) == 200
        os.kill(sidecar.process.pid, signal.SIGTERM)
        began = time.monotonic()
        assert silent.read() == kept.read() == b""
        until(lambda: not Path(f"/proc/{worker}/exe").exists(), 15)
        assert time.monotonic() - began < 8, "a request has ten seconds to arrive; nobody began one"


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_what_takes_the_new_socket_s_name_is_not_opened_to_its_group(
    link: Callable[[Path, Path], None], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In the moment between bind(2) and chmod(2), which no test can hit from outside.
    place = Path(tempfile.mkdtemp(dir=folder))
    key, path = place / "key", place / "s.sock"
    key.touch(0o600)
    real = os.umask

    def swap(mask: int) -> int:
        if path.exists():
            path.unlink()
            link(path, key)
        return real(mask)

    monkeypatch.setattr(os, "umask", swap)
    with pytest.raises(ConfigError, match="socket"):
        listen(ServerSettings(socket=str(path), socket_mode="0666"))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
