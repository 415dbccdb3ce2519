"""`make demo`: what it prints is true, it starts fast the second time, and nothing of it survives it."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intranet.process import free_port
from intranet.release import REPOSITORY
from intranet.wordpress import Session


class Demo:
    """The demo as a person starts it, with its output read until it says how to end it."""

    def __init__(self, state: Path, port: int) -> None:
        self.state = state
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "tests/demo.py"],
            cwd=REPOSITORY,
            env={**os.environ, "DEMO_STATE": str(state), "DEMO_PORT": str(port)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout
        self.said = ""
        while "Ctrl-C" not in self.said:
            line = self.process.stdout.readline()
            assert line, f"the demo ended:\n{self.said}"
            self.said += line
        self.start_s = time.monotonic() - begin

    def left_running(self) -> list[str]:
        """The command lines of all processes that have to do with this demo's folder."""
        found = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.state) in command:
                found.append(command)
        return found

    def nothing_left_running(self, within_s: float) -> bool:
        """Whether all of them are gone before that time is over."""
        end = time.monotonic() + within_s
        while self.left_running():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True


def test_demo_shows_what_it_promises_and_ends_without_a_trace(short_directory: Path) -> None:
    state = short_directory / "demo"
    port = free_port()
    demo = Demo(state, port)
    try:
        assert f"http://127.0.0.1:{port}/" in demo.said
        assert demo.left_running()
        for name in ("ana", "kenji"):
            login = re.search(rf"^ +({name}) +(\S+) ", demo.said, re.MULTILINE)
            assert login, "the log-in is not printed"
            with Session(base_url=f"http://127.0.0.1:{port}", follow_redirects=True, timeout=30) as session:
                session.post("/wp-login.php", data={"log": login[1], "pwd": login[2]})
                widget = re.search(r'data-widget="([^"]+)"', session.get("/").text)
                assert widget
                answer = session.rest("POST", "widgets-for-box/v1/token", json={"widget": widget[1]})
            assert answer.status_code == 200, answer.text
    finally:
        demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(20) == 0
    assert demo.nothing_left_running(within_s=1)

    again = Demo(state, port)
    again.process.kill()
    again.process.wait()
    assert again.start_s < 10
    assert again.nothing_left_running(within_s=5), again.left_running()


def run_demo(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "tests/demo.py"],
        cwd=REPOSITORY,
        env={**os.environ, "DEMO_STATE": str(tmp_path / "state"), **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = run_demo(tmp_path, DEMO_PORT=port)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(rf"demo: port {port} is taken; .*\n", done.stderr)


@pytest.mark.parametrize("port", ["none", "0", "65536", "-1"])
def test_impossible_port_is_said_in_one_line(tmp_path: Path, port: str) -> None:
    done = run_demo(tmp_path, DEMO_PORT=port)
    assert done.returncode == 1
    assert re.fullmatch(rf"demo: DEMO_PORT={port} is not a port: .*\n", done.stderr)


def test_missing_tool_is_said_in_one_line(tmp_path: Path) -> None:
    # A machine on which dpkg knows of one package only.
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "dpkg-query").write_text("#!/bin/sh\necho bash installed\n")
    (tools / "dpkg-query").chmod(0o755)
    done = run_demo(tmp_path, DEMO_PORT=str(free_port()), PATH=f"{tools}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert re.fullmatch(r"demo: please install first: sudo apt-get install .*php-cli.*\n", done.stderr)


def test_second_demo_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with (tmp_path / "state/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run_demo(tmp_path, DEMO_PORT=str(free_port()))
    assert done.returncode == 1
    assert re.fullmatch(r"demo: a demo already runs in .*\n", done.stderr)
