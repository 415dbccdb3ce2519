"""Who is admitted where it is not plain: users whom the kernel can't name, a slow user database, a proxy, nobody."""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import falcon.testing
import httpx
import pytest

from box_sidecar import sidecar as wiring
from box_sidecar.app import create_app
from box_sidecar.audit import Peer
from box_sidecar.peers import Credentials, Refusals
from intranet.emulator_process import EmulatorProcess
from intranet.process import Process, free_port
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import as_user, code, needs_root, request_bytes, status_of

WEB = pwd.getpwnam("www-data")
STRANGER = pwd.getpwnam("daemon")
OVERFLOW = int(Path("/proc/sys/kernel/overflowuid").read_text())
ASK = request_bytes(
    "POST", "/v1/tokens", {"user": {"login": "ana@example.com"}, "element": "explorer"}, "Connection: close"
)


@needs_root
def test_whom_the_kernel_can_not_name_is_nobody_whatever_the_group(serve: Serve) -> None:
    sidecar = serve(server={"socket_group": "www-data"})
    assert status_of(as_user(STRANGER.pw_uid, WEB.pw_gid, sidecar.socket, ASK)) == 200
    assert status_of(as_user(OVERFLOW, WEB.pw_gid, sidecar.socket, ASK)) == 403


# The machine's user database, as a directory on the network that is slow or hangs.
SLOW = """
import os, time
def getgrouplist(user, group, asked=os.getgrouplist):
    time.sleep({seconds})
    return [*asked(user, group), *{groups}]
os.getgrouplist = getgrouplist
"""


def slow_database(directory: Path, seconds: float, *groups: int) -> dict[str, str]:
    """The environment in which group lists take so long, and have these groups in them besides."""
    (directory / "sitecustomize.py").write_text(SLOW.format(seconds=seconds, groups=list(groups)))
    return {"PYTHONPATH": os.pathsep.join([str(directory), *filter(None, [os.environ.get("PYTHONPATH")])])}


@needs_root
def test_a_user_database_that_hangs_keeps_only_those_waiting_whom_it_concerns(tmp_path: Path, serve: Serve) -> None:
    sidecar = serve(env=slow_database(tmp_path, 60), server={"socket_group": "www-data", "socket_mode": "0666"})
    with ThreadPoolExecutor(3) as pool:
        strangers = [pool.submit(as_user, STRANGER.pw_uid, STRANGER.pw_gid, sidecar.socket, ASK) for _ in range(3)]
        for _ in range(5):
            assert sidecar.token("ana@example.com").status_code == 200
            assert status_of(as_user(WEB.pw_uid, WEB.pw_gid, sidecar.socket, ASK)) == 200
        assert [status_of(stranger.result()) for stranger in strangers] == [403, 403, 403]
        assert sidecar.token("ana@example.com").status_code == 200
    assert "the user database does not say" in sidecar.log.read_text()


@needs_root
def test_a_member_is_admitted_when_a_slow_user_database_says_so(tmp_path: Path, serve: Serve) -> None:
    environment = slow_database(tmp_path, 0.5, WEB.pw_gid)
    sidecar = serve(env=environment, server={"socket_group": "www-data", "socket_mode": "0666"})
    for _ in range(2):
        assert status_of(as_user(STRANGER.pw_uid, STRANGER.pw_gid, sidecar.socket, ASK)) == 200


@needs_root
def test_many_refusals_are_one_line_of_the_log(serve: Serve) -> None:
    sidecar = serve(server={"socket_mode": "0666"})
    for _ in range(12):
        assert status_of(as_user(STRANGER.pw_uid, STRANGER.pw_gid, sidecar.socket, ASK)) == 403
    assert sidecar.log.read_text().count("connection refused") == 1
    assert 'box_sidecar_connections_refused_total{reason="peer"} 12.0' in sidecar.request("GET", "/metrics").text


def test_refusals_are_summed_up_and_then_begin_anew(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    refusals = Refusals()
    for round_number in range(2):
        for number in range(100):
            refusals.add(Credentials(number, 1000 + number % 20, 1))
        first = [record.message for record in caplog.records]
        assert len(first) == 10 and all("connection refused" in line for line in first), round_number
        caplog.clear()
        refusals.sum_up()
        lines = [record.message for record in caplog.records]
        assert len(lines) == 11
        assert sum(int(line.split()[0]) for line in lines) == 90
        assert "4 more connections refused: uid 1003" in lines and "50 more connections refused: others" in lines
        caplog.clear()
    refusals.sum_up()
    assert not caplog.records


def test_a_request_of_nobody_is_not_served(box: EmulatorProcess, folder: Path) -> None:
    """As if the server had been changed and no longer said who asks."""
    config = SidecarProcess(folder / "nobody", app_config=box.app_config, api_url=box.url).config
    app = create_app(wiring.Sidecar(config))

    async def ask(peer: Peer | None) -> tuple[int, bytes]:
        scope: dict[str, Any] = falcon.testing.create_scope(path="/health/live", headers={"Box-Sidecar": "1"})
        if peer:
            scope["box_sidecar.peer"] = peer
        sent = falcon.testing.ASGIResponseEventCollector()
        await app(scope, falcon.testing.ASGIRequestEventEmitter(b""), sent)
        assert sent.status is not None
        return int(sent.status), b"".join(sent.body_chunks)

    status, body = asyncio.run(ask(None))
    assert status == 500
    assert b'"internal_error"' in body and b"Nobody knows who asks" in body
    assert asyncio.run(ask(Peer(1, 1)))[0] == 200


@needs_root
def test_a_proxy_is_seen_when_it_says_so_and_is_otherwise_its_own_user(
    box: EmulatorProcess, tmp_path_factory: pytest.TempPathFactory, serve: Serve
) -> None:
    """What keeps a web server from forwarding to the socket is its user and the header, not a way to tell a proxy."""
    sidecar = serve(server={"socket_group": "www-data"})
    port = free_port()
    with nginx(tmp_path_factory.mktemp("nginx"), port, sidecar.socket), httpx.Client(trust_env=False) as browser:
        body = {"user": {"login": "ana@example.com"}, "element": "explorer"}

        def ask(how: str) -> httpx.Response:
            return browser.post(f"http://127.0.0.1:{port}/{how}/v1/tokens", json=body)

        assert (ask("plain").status_code, code(ask("plain"))) == (412, "missing_header")
        assert (ask("announced").status_code, code(ask("announced"))) == (400, "forwarded_request")
        assert ask("disguised").status_code == 200
    issued = sidecar.audit()[-1]
    assert (issued["event"], issued["peer_uid"]) == ("token_issued", WEB.pw_uid)


def nginx(directory: Path, port: int, upstream: Path) -> Process:
    """An nginx that forwards to the socket: as it comes, as its handbook advises, and as who knows us might."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    assert program, "nginx is not installed"
    settings = {
        "plain": "",
        "announced": "proxy_set_header Box-Sidecar 1; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "disguised": "proxy_set_header Box-Sidecar 1;",
    }
    locations = "".join(
        f"location /{name}/ {{ proxy_pass http://unix:{upstream}:/; {lines} }}\n" for name, lines in settings.items()
    )
    temporary = "".join(
        f"{module}_temp_path {directory}/{module};\n" for module in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    group = grp.getgrgid(WEB.pw_gid).gr_name
    (directory / "nginx.conf").write_text(
        f"user {WEB.pw_name} {group};\ndaemon off;\npid {directory}/pid;\nerror_log {directory}/error.log;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}"
        f"server {{\nlisten 127.0.0.1:{port};\n{locations}}}\n}}\n"
    )
    process = Process(
        [program, "-e", directory / "error.log", "-c", directory / "nginx.conf", "-p", directory],
        log=directory / "nginx.log",
    )
    process.wait_for_port(port)
    return process


def test_the_credentials_are_the_kernels() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert Credentials.of(ours) == (os.getpid(), os.geteuid(), os.getegid())
