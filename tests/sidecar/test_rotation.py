"""Another key, as docs/keys.md has it, while people go on asking: nobody is refused anything."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.callers import Outcome, call
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.support import post, until

PEOPLE = ("kenji@example.com", "ana@example.com")


class Newcomers:
    """Who needs a new token time and again: each is made with the key of the moment."""

    def __init__(self, sidecar: SidecarProcess) -> None:
        self._sidecar = sidecar
        self.made, self.failed, self.over = 0, list[str](), threading.Event()

    def come(self) -> None:
        """One after the other, until it is over."""
        with self._sidecar.client() as client:
            while not self.over.is_set():
                try:
                    ended = client.post("/v1/tokens/revoke", json={"user": {"login": PEOPLE[0]}})
                    answer = post(client, PEOPLE[0])
                except httpx.TransportError as error:
                    self.failed.append(repr(error))
                    continue
                self.failed += [each.text for each in (ended, answer) if not each.is_success]
                self.made += answer.is_success

    def see(self, more: int) -> None:
        """Wait until so many more have a token."""
        before = self.made
        until(lambda: self.made >= before + more or self.failed, 60)


@pytest.fixture
def rotating(folder: Path) -> Iterator[EmulatorProcess]:
    """A Box of its own: keys outlive a reset."""
    with EmulatorProcess(folder / "drill") as emulator:
        yield emulator


@pytest.mark.parametrize("how", ["reload", "by itself"])
def test_another_key_without_a_failed_request(how: str, rotating: EmulatorProcess, folder: Path) -> None:
    app = folder / "drill.json"
    shutil.copy(rotating.app_config, app)
    limits = {"mints_per_minute": 100_000, "mints_per_user_per_minute": 100_000}
    directory = folder / f"drill-{how[:2]}"
    with SidecarProcess(directory, app_config=app, api_url=rotating.url, policy=limits) as sidecar:
        newcomers, others = Newcomers(sidecar), Outcome()
        threads = [
            threading.Thread(target=newcomers.come),
            threading.Thread(target=call, args=(sidecar.socket, others, lambda: not newcomers.over.is_set())),
        ]
        for thread in threads:
            thread.start()
        try:
            newcomers.see(5)
            rotating.renew_key()  # step 1: in the Developer Console; the old one goes on working
            newcomers.see(5)
            new = app.with_suffix(".new")  # step 2: on the server
            shutil.copy(rotating.app_config, new)
            new.rename(app)
            assert sidecar.process
            if how == "reload":
                os.kill(sidecar.process.pid, signal.SIGHUP)
            until(lambda: "configuration reloaded" in sidecar.log.read_text(), 30)
            newcomers.see(5)
            rotating.remove_old_key()  # step 3: in the Developer Console
            newcomers.see(20)
        finally:
            newcomers.over.set()
            for thread in threads:
                thread.join()
    assert newcomers.failed == [] and others.lost == []
    assert newcomers.made >= 35 and others.answered > 100


def test_without_the_new_file_the_removed_key_is_told(rotating: EmulatorProcess, folder: Path) -> None:
    app = folder / "drill.json"
    shutil.copy(rotating.app_config, app)
    with SidecarProcess(folder / "drill-late", app_config=app, api_url=rotating.url) as sidecar:
        rotating.renew_key()
        assert sidecar.token(PEOPLE[0]).status_code == 200
        rotating.remove_old_key()
        assert sidecar.token(PEOPLE[1]).json()["code"] == "key_rejected"
