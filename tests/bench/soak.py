"""An hour of bad days: ``python tests/bench/soak.py [MINUTES [SEED]]``, or ``make soak``

Two sidecars as production has them, with their store, a WordPress, and people who ask all the time, while one thing
after the other goes wrong and is well again. Leaves soak.json and soak.svg in dist/soak; 1 when the promise that
``verdict.py`` judges was not held.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import msgspec

from bench import machine, soak_picture, verdict
from bench.asking import Asked, Crowd, Heard
from bench.faults import Fault, explains, schedule
from bench.host import Host, Line
from bench.verdict import Happened, Record, Use, Window
from intranet.release import REPOSITORY

TARGET = REPOSITORY / "dist" / "soak"
_WORD = re.compile(rb"[\w!-]{30,}")


class Pace(NamedTuple):
    """Seconds that a fault lasts, that are left for all to be well again, and that are then looked at as quiet; and how
    many people there are."""

    fault: float
    recovery: float
    quiet: float
    people: int


LONG, SHORT = Pace(6.0, 8.0, 10.0, 3000), Pace(2.0, 2.0, 1.5, 600)


class Soak:
    """One run, from its begin to the record of it."""

    def __init__(
        self,
        folder: Path,
        seconds: float,
        pace: Pace,
        seed: int,
        say: Callable[[str], object],
        keep: Callable[[Record], object],
    ) -> None:
        self._folder, self._seconds, self._pace, self._seed = folder, seconds, pace, seed
        self._say, self._keep = say, keep
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._machine, self._versions = machine.describe(), machine.versions()
        self._heard = Heard()
        self._faults: list[tuple[Fault, Happened]] = []
        self._windows: list[Window] = []
        self._unexplained: list[str] = []
        self._judged = self._last_call = 0
        self._began = 0.0

    async def run(self) -> Record:
        """All of it; SIGTERM ends it, and leaves nothing behind."""
        task = asyncio.current_task()
        assert task
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        line = Line()
        await line.open()
        self._host = Host(self._folder, self._pace.people, line)
        await asyncio.to_thread(self._host.__enter__)
        try:
            crowd = Crowd(self._host, self._heard, self._seed)
            await crowd.arrive()
            self._say(f"{self._pace.people} people have arrived")
            await crowd.begin()
            await asyncio.sleep(self._pace.recovery)
            progress = asyncio.create_task(self._tell())
            await self._go_through()
            progress.cancel()
            await crowd.end()
            self._explain()
            secrets, size = await asyncio.to_thread(self._secrets)
            strangers = [*self._heard.strangers, *await asyncio.to_thread(self._strangers)]
        finally:
            await asyncio.to_thread(self._host.__exit__, None, None, None)
            await line.cut()
        return self._record(strangers, secrets, size)

    def _record(self, strangers: list[str], secrets: list[str], looked_through: int) -> Record:
        """What is known so far."""
        return Record(
            started=self._started,
            seconds=round(self._now, 1),
            seed=self._seed,
            machine=self._machine,
            versions=self._versions,
            answered=dict(sorted(self._heard.answered.items())),
            people=self._pace.people,
            tokens=len(self._heard.owners),
            faults=[happened for _, happened in self._faults if happened.ended],
            windows=self._windows,
            unexplained=self._unexplained,
            strangers=strangers,
            secrets=secrets,
            looked_through=looked_through,
            left_out=self._left_out(),
        )

    @property
    def _now(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self._began

    async def _go_through(self) -> None:
        """One fault after the other, each at least once, and a look between them."""
        self._began = time.monotonic()
        for fault, is_first in schedule(self._seed, self._host):
            await self._look()
            if self._now > self._seconds and not is_first:
                return
            happened = Happened(fault.name, round(self._now, 2), 0.0, {}, 0)
            self._faults.append((fault, happened))
            await asyncio.to_thread(fault.begin, self._host)
            await asyncio.sleep(self._pace.fault)
            await asyncio.to_thread(fault.end, self._host)
            happened.ended = round(self._now, 2)
            await asyncio.sleep(self._pace.recovery)
            self._explain()

    async def _tell(self) -> None:
        """How it goes, each half minute; what is left if nobody waits for the end."""
        while True:
            await asyncio.sleep(30)
            if self._windows:
                self._say(self._progress())
                self._keep(self._record(self._heard.strangers, [], 0))

    async def _look(self) -> None:
        """A window in which nothing is wrong."""
        for service in self._host.services.values():
            await asyncio.to_thread(service.rotate)
        await asyncio.to_thread(self._calls)
        for seconds in self._heard.seconds.values():
            seconds.clear()
        answered = self._heard.answered.total()
        await asyncio.sleep(self._pace.quiet)
        calls, tokens = await asyncio.to_thread(self._calls)
        measured = {name: service.measure(self._host.line.port) for name, service in self._host.services.items()}
        latency = {
            server: round(statistics.median(took) * 1000, 3) for server, took in self._heard.seconds.items() if took
        }
        if all(measured.values()) and len(latency) == len(self._heard.seconds):
            uses = {name: Use(*use) for name, use in measured.items() if use}
            requests = self._heard.answered.total() - answered
            window = Window(round(self._now, 2), requests, latency, uses, calls, tokens)
            self._windows.append(window)

    def _calls(self) -> tuple[int, int]:
        """Calls that Box got since the last time, but for those that end a token; and new tokens that it made, those
        among them that nobody has asked for yet."""
        calls = self._host.box.log(since=self._last_call)
        self._last_call = calls[-1]["n"] if calls else self._last_call
        made = sum(call["grant"] == "token-exchange" and call["status"] == 200 for call in calls)
        return sum(call["path"] != "/oauth2/revoke" for call in calls), made

    def _explain(self) -> None:
        """Find for each request that was refused or broken what it was told by; else it was lost."""
        for asked in self._heard.missed[self._judged :]:
            fault = next(filter(None, (self._cause(asked, *each) for each in reversed(self._faults))), None)
            if fault and asked.is_broken:
                fault.broken += 1
            elif fault:
                fault.told[asked.outcome] = fault.told.get(asked.outcome, 0) + 1
            else:
                at = asked.began - self._began
                self._unexplained.append(
                    f"at {at:.1f} s, for {asked.ended - asked.began:.2f} s, {asked.server} server, {asked.what} "
                    f"({asked.person}): {asked.outcome} {asked.detail}"
                )
                self._say(self._unexplained[-1])
        self._judged = len(self._heard.missed)

    def _cause(self, asked: Asked, fault: Fault, happened: Happened) -> Happened | None:
        """The fault, if it explains what somebody was told."""
        service = self._host.services.get(asked.server)
        began = self._began + happened.began
        ended = self._began + happened.ended if happened.ended else time.monotonic()
        return happened if explains(fault, began, ended, asked, service.kills if service else []) else None

    def _secrets(self) -> tuple[list[str], int]:
        """Files in which a secret stands, and how much was looked through."""
        secrets = {token["token"].encode() for token in self._host.box.tokens()}
        app = json.loads(self._host.app_config.read_text())
        settings = app["boxAppSettings"]
        key = settings["appAuth"]["privateKey"].encode().split(b"\n")
        secrets |= {settings["clientSecret"].encode(), settings["appAuth"]["passphrase"].encode(), *key[1:-2]}
        found, size = [], 0
        for path in self._host.said():
            for line in _lines(path):
                size += len(line)
                if any(word in secrets for word in _WORD.findall(line)):
                    found.append(str(path.relative_to(self._folder)))
        return found, size

    def _strangers(self) -> list[str]:
        """Tokens that are not, at Box, of whom they were given to."""
        logins = {user["id"]: user["login"] for user in self._host.box.users()}
        owners = {token["token"]: logins[token["user_id"]] for token in self._host.box.tokens()}
        given = self._heard.owners.items()
        return [f"{person} was given a token of {owners.get(token)}" for token, person in given
                if owners.get(token) != person]  # fmt: skip

    def _left_out(self) -> list[str]:
        small = all(service.disk.is_small for service in self._host.services.values())
        return [] if small else ["a full disk, for which nothing could be mounted"]

    def _progress(self) -> str:
        told = Counter[str]()
        for _, fault in self._faults:
            told.update(fault.told)
        last = self._windows[-1]
        memory = ", ".join(f"{use.memory:.0f} MiB {use.descriptors} files" for use in last.uses.values())
        return (
            f"{self._now / 60:5.1f} min  {self._heard.answered.total():,} answered, {told.total():,} told why not, "
            f"{len(self._unexplained)} lost; {memory}; {last.ratio():.2f} times the floor"
        )


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def soak(
    folder: Path,
    seconds: float,
    pace: Pace,
    seed: int,
    say: Callable[[str], object] = print,
    keep: Callable[[Record], object] = lambda _: None,
) -> Record:
    """A soak of so many seconds at least, in a folder with a short name. What is known so far is kept now and then."""
    return asyncio.run(Soak(folder, seconds, pace, seed, say, keep).run())


def _keep(record: Record) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "soak.json").write_bytes(msgspec.json.encode(record) + b"\n")


def main() -> int:
    """Command line."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    folder = Path(tempfile.mkdtemp(prefix="wfb-"))  # short: a socket's path has room for 107 bytes
    try:
        record = soak(folder, minutes * 60, LONG, seed, partial(print, flush=True), _keep)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _keep(record)
    soak_picture.draw(record, TARGET)
    print(verdict.text(record))
    return int(bool(verdict.findings(record)))


if __name__ == "__main__":
    sys.exit(main())
