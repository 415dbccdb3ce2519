"""What a machine runs out of while the sidecar serves: room on its disk, descriptors. What that means is told, nobody
is lost, and it is over when there is some again."""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import calls, code, greeted, last, needs_root, post, until, worker_of

ANA, KENJI, OLGA = "ana@example.com", "kenji@example.com", "olga@example.com"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Leave no byte."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(512))
    return ballast


@needs_root
def test_on_a_full_disk_nothing_is_issued_and_log_outs_go_on(box: EmulatorProcess, serve: Serve, small: Path) -> None:
    audit = small / "audit.jsonl"
    sidecar = serve(log={"audit_file": str(audit)}, cache={"ledger": str(small / "tokens.ledger")})
    held = sidecar.token(ANA).json()["access_token"]
    while audit.stat().st_size % 4096 < 3000:  # what is left of a page that has begun is still free
        sidecar.token(ANA)
    ballast = fill(small)
    until(lambda: sidecar.token(ANA).status_code != 200)
    since = last(box)
    for login in (ANA, KENJI):
        refused = sidecar.token(login)
        assert (refused.status_code, code(refused)) == (503, "not_ready")
        assert "disk full" in refused.json()["fix"]
    assert calls(box, since) == []
    assert sidecar.request("GET", "/health/ready").status_code == 503
    assert sidecar.request("GET", "/health/live").status_code == 200

    ended = sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": ANA}})
    assert "revocation was done all the same" in ended.json()["detail"]
    assert [token["revoked"] for token in box.tokens() if token["token"] == held] == [True]

    ballast.unlink()
    until(lambda: sidecar.request("GET", "/health/ready").status_code == 200)
    assert sidecar.token(KENJI).status_code == 200
    events = [json.loads(line)["event"] for line in audit.read_text().splitlines() if line.endswith("}")]
    assert "audit_resumed" in events and events[-1] == "token_issued"


@contextlib.contextmanager
def no_more_descriptors(sidecar: SidecarProcess) -> Iterator[None]:
    """The running worker can open nothing for a while, and keeps what it has open (prlimit(2))."""
    worker = worker_of(sidecar)
    limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)


def test_without_descriptors_who_comes_waits_and_who_is_there_is_served(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    assert sidecar.token(ANA).status_code == 200
    with sidecar.client() as kept, ThreadPoolExecutor(1) as later:
        assert post(kept, ANA).status_code == 200
        with no_more_descriptors(sidecar):
            coming = later.submit(sidecar.token, KENJI)
            until(lambda: "Too many open files" in sidecar.log.read_text())
            assert post(kept, ANA).status_code == 200, "what is in memory needs none"
            assert kept.get("/health/live").status_code == 200
            assert not coming.done()
        assert coming.result(20).status_code == 200, "nobody was sent away"


def test_a_call_to_box_that_can_t_be_made_for_want_of_a_descriptor_is_told(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve()
    greeted(box)
    with sidecar.client() as kept:
        assert kept.get("/health/live").status_code == 200
        box.fault("cut")  # the connection that is there is gone, so another one is needed
        with no_more_descriptors(sidecar):
            refused = post(kept, OLGA)
            assert (refused.status_code, code(refused)) == (503, "box_unavailable")
        until(lambda: post(kept, OLGA).status_code == 200)
    assert "Traceback" not in sidecar.log.read_text()
