"""The end of a session is the end of its tokens, also of those that are being asked for at that moment.

WordPress, the sidecar and Box's emulator as real processes; what counts is what is alive at Box afterwards.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.stack import Stack
from plugin.support import ROUTE, descriptor

TRIES = 30
AT_ONCE = 2
ASKING = 2
"""Tries of each way to end a session, with a fast and with a slow Box; how many of them run at the same time; threads
of each that keep asking."""

LATENCY_MS = {"fast": 0.0, "slow": 150.0}

RUN_EVENTS = """
    foreach ( _get_cron_array() as $time => $hooks ) {
        foreach ( $hooks['widgets_for_box_revoke_again'] ?? array() as $event ) {
            wp_unschedule_event( $time, 'widgets_for_box_revoke_again', $event['args'] );
            do_action_ref_array( 'widgets_for_box_revoke_again', $event['args'] );
        }
    }
"""


@dataclasses.dataclass(frozen=True)
class Visit:
    """A session of one person: who, at Box too, and a client with its cookie and nonce."""

    user: int
    login: str
    client: httpx.Client

    def ask(self, widget: str) -> httpx.Response:
        return self.client.post(f"/wp-json/{ROUTE}", json={"widget": widget})


class Rehearsal:
    """The intranet with a new person for each try."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.box: EmulatorProcess = stack.emulator
        self.widget = descriptor(stack.wordpress, '[box_explorer can="download"]')
        self._numbers = itertools.count(1)
        self.latency_s = 0.0

    def hire(self, count: int) -> list[tuple[int, str]]:
        """New people, at Box and here: ids and addresses."""
        numbers = [next(self._numbers) for _ in range(count)]
        logins = [f"visitor{number}@example.com" for number in numbers]
        for login in logins:
            self.box.add_user(login.partition("@")[0], login)
        made = self.stack.wordpress.php(
            "foreach ( $data['logins'] as $login ) {"
            " $id = wp_insert_user( array( 'user_login' => $login, 'user_email' => $login, 'user_pass' => 'a',"
            " 'role' => 'subscriber' ) );"
            " WidgetsForBox\\Addresses::prove( $id, $login, WidgetsForBox\\Addresses::ADMINISTRATOR );"
            " echo $id, ' '; }",
            logins=logins,
        )
        return list(zip(map(int, made.split()), logins, strict=True))

    def step(self, name: str, user: int = 0, client: httpx.Client | None = None) -> Any:
        query: dict[str, str | int] = {"rehearse": name, "user": user}
        if client is not None:
            return client.get("/", params=query).raise_for_status().json()
        return httpx.get(self.stack.wordpress.url, params=query, timeout=60).raise_for_status().json()

    def visit(self, user: int, login: str) -> Visit:
        session = self.step("begin", user)
        client = httpx.Client(base_url=self.stack.wordpress.url, timeout=60)
        client.cookies.set(session["name"], session["value"])
        client.headers["X-WP-Nonce"] = session["nonce"]
        return Visit(user, login, client)

    def alive(self, logins: list[str]) -> list[str]:
        """The tokens of these people that Box would accept, but for the sidecar's own."""
        return [
            token["token"]
            for token in self.box.tokens()
            if token["login"] in logins and token["alive"] and token["kind"] == "downscoped"
        ]

    def keep_asking(self, visit: Visit, end: Callable[[], object]) -> list[str]:
        """End something while the visitor asks again and again; tokens that were handed out.

        Of two people one has a token already, and is about to get it again; to the other it comes at any moment of
        the first one's making.
        """
        stop, held = threading.Event(), threading.Event()
        handed: list[str] = []

        def ask() -> None:
            while not stop.is_set():
                answer = visit.ask(self.widget)
                if answer.status_code == 200:
                    handed.append(answer.json()["token"])
                    held.set()

        threads = [threading.Thread(target=ask) for _ in range(ASKING)]
        for thread in threads:
            thread.start()
        if visit.user % 2:
            held.wait(30)
        time.sleep(random.uniform(0.0, 0.25 + 3 * self.latency_s))
        end()
        time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()
        return handed

    def settle(self, logins: list[str]) -> list[str]:
        """What is alive once nothing is under way any more."""
        self.stack.wordpress.php(RUN_EVENTS)
        until = time.monotonic() + 10
        while (left := self.alive(logins)) and time.monotonic() < until:
            time.sleep(0.2)
        return left


@pytest.fixture(scope="module")
def rehearsal(short_directory: Path, plugin_zip: Path) -> Iterator[Rehearsal]:
    policy = {"mints_per_user_per_minute": 100_000, "mints_per_minute": 1_000_000}
    stack = Stack(
        short_directory / "sessions", plugin=plugin_zip, database="mariadb", server="nginx", sidecar={"policy": policy}
    )
    with stack:
        shutil.copy(Path(__file__).parent / "php/rehearsal.php", stack.wordpress.content / "mu-plugins")
        stack.emulator.settings(rate_limit_per_minute=0)
        yield Rehearsal(stack)


@pytest.fixture(params=LATENCY_MS)
def box(request: pytest.FixtureRequest, rehearsal: Rehearsal) -> Iterator[str]:
    """Box, fast and slow."""
    rehearsal.latency_s = LATENCY_MS[request.param] / 1000
    rehearsal.box.settings(latency_ms=LATENCY_MS[request.param])
    yield request.param
    rehearsal.latency_s = 0.0
    rehearsal.box.settings(latency_ms=0.0)


@pytest.mark.parametrize("way", ["password", "everywhere", "log_out", "delete", "assign"])
def test_nothing_is_alive_after(way: str, rehearsal: Rehearsal, box: str) -> None:
    people = rehearsal.hire(TRIES)

    def attempt(person: tuple[int, str]) -> list[str]:
        visit = rehearsal.visit(*person)
        with visit.client:
            handed = rehearsal.keep_asking(visit, lambda: rehearsal.step(way, visit.user, visit.client))
            # Whoever is assigned another Box user goes on, as that one.
            assert visit.ask(rehearsal.widget).status_code in ((200, 409) if way == "assign" else (401, 403))
        return handed

    with ThreadPoolExecutor(AT_ONCE) as pool:
        handed = list(pool.map(attempt, people))
    assert sum(map(bool, handed)) > TRIES / 4, "The race was run: tokens were handed out before the end."
    left = rehearsal.settle([login for _, login in people])
    assert not left, f"{len(left)} tokens outlived {TRIES} sessions"


def test_nothing_is_alive_after_all_sessions_of_everybody_ended(rehearsal: Rehearsal, box: str) -> None:
    people = rehearsal.hire(TRIES)
    handed: list[list[str]] = []
    for one, other in zip(people[::2], people[1::2], strict=True):
        visits = [rehearsal.visit(*one), rehearsal.visit(*other)]
        both = threading.Barrier(2)

        def attempt(visit: Visit, both: threading.Barrier = both) -> list[str]:
            def end() -> None:
                if both.wait() == 0:
                    rehearsal.step("everybody")
                both.wait()

            return rehearsal.keep_asking(visit, end)

        with ThreadPoolExecutor(2) as pool:
            handed += pool.map(attempt, visits)
        for visit in visits:
            assert visit.ask(rehearsal.widget).status_code in (401, 403)
            visit.client.close()
    assert sum(map(bool, handed)) > TRIES / 4
    left = rehearsal.settle([login for _, login in people])
    assert not left, f"{len(left)} tokens outlived {TRIES} sessions"
