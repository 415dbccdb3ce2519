"""Who asks all through a soak, and what became of each request."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from bench.host import FIRST, FLOOR, SECOND, WORDPRESS, Host, login
from bench.load import revocation_request, token_request

_PATIENCE_S = 60.0
_BROKEN = "broken"
_LATER = 10
_WIDGET = "[box_explorer]"


class Asked(NamedTuple):
    """A request that was not answered with what was asked for. Times are of the monotonic clock."""

    server: str
    what: str
    person: str
    began: float
    ended: float
    outcome: str
    detail: str

    @property
    def is_broken(self) -> bool:
        """Whether there was no whole answer; else the outcome is the code of one."""
        return self.outcome == _BROKEN


@dataclass
class Heard:
    """What all of them heard."""

    answered: Counter[str] = field(default_factory=Counter)
    missed: list[Asked] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)  # of each token: whoever it was first given to
    strangers: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {FIRST: [], SECOND: [], FLOOR: []})

    def token(self, value: str, person: str) -> None:
        """Somebody was given this."""
        owner = self.owners.setdefault(value, person)
        if owner != person:
            self.strangers.append(f"{person} was given a token of {owner}")


class Caller:
    """Asks on a socket: on a connection for each request as PHP does, or on one that is ``kept``."""

    def __init__(self, heard: Heard, server: str, path: Path, kept: bool = False) -> None:
        self._heard, self._server, self._path, self._kept = heard, server, path, kept
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, what: str, request: bytes, person: str = "", timed: bool = False) -> bool:
        """Ask, wait for as long as it takes, and note what came of it; whether that is what was asked for."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status, body = await self._exchange(request)
        except (OSError, EOFError, TimeoutError) as error:
            self.leave()
            self._miss(what, person, began, _BROKEN, repr(error))
            return False
        if status != 200:
            self._miss(what, person, began, *_why(status, body))
            return False
        if timed:
            self._heard.seconds[self._server].append(time.monotonic() - began)
        if what == "token" and self._server != FLOOR:
            answer = json.loads(body)
            self._heard.token(answer["access_token"], person)
            if answer["user"]["login"] != person:
                self._heard.strangers.append(f"{person} was taken for {answer['user']['login']}")
        self._heard.answered[f"{self._server}: {what}"] += 1
        return True

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._streams and self._streams[0].at_eof():
            self.leave()
        if not self._streams:
            self._streams = await asyncio.open_unix_connection(str(self._path))
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)^content-length: *(\d+)", head, re.MULTILINE)
        body = await reader.readexactly(int(length[1]) if length else 0)
        if not self._kept or b"connection: close" in head.lower():
            self.leave()
        return int(head.split(b" ", 2)[1]), body

    def _miss(self, what: str, person: str, began: float, outcome: str, detail: str) -> None:
        self._heard.missed.append(Asked(self._server, what, person, began, time.monotonic(), outcome, detail))

    def leave(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].close()
        self._streams = None


def _why(status: int, body: bytes) -> tuple[str, str]:
    """The code of a problem, or what a health probe says."""
    try:
        told = json.loads(body)
    except ValueError:
        return str(status), repr(body[:200])
    return str(told.get("code", f"health {status}")), str(told.get("detail", told.get("why", "")))[:200]


def _get(route: str) -> bytes:
    return f"GET {route} HTTP/1.1\r\nHost: sidecar\r\nBox-Sidecar: 1\r\n\r\n".encode()


class Crowd:
    """All who ask, for as long as the soak goes on."""

    def __init__(self, host: Host, heard: Heard, seed: int) -> None:
        self._host, self.heard = host, heard
        self._chance = random.Random(seed)
        self._requests = [token_request(login(number)) for number in range(host.people)]
        self._tasks: list[asyncio.Task[None]] = []
        self._over = False

    async def arrive(self) -> None:
        """Everybody once, in and out, on both servers: from then on what is remembered of them is all there is."""

        async def some(server: str, numbers: Any) -> None:
            caller = self._caller(server, True)
            for number in numbers:
                if server == FIRST:
                    await caller.ask("log-out", revocation_request(login(number)), login(number))
                await caller.ask("token", self._requests[number], login(number))
            caller.leave()

        for server in (FIRST, SECOND):
            numbers = iter(range(self._host.people))
            await asyncio.gather(*(some(server, numbers) for _ in range(8)))

    async def begin(self) -> None:
        """Begin to ask without an end."""
        for server in (FIRST, SECOND):
            for kept in (False, True):
                self._every(1 / 25, self._regular(server, kept))
            self._every(1 / 3, self._newcomer(server))
            self._every(1, self._probe(server))
        self._every(1 / 25, self._floor())
        site = await asyncio.to_thread(self._log_in)
        self._tasks += [asyncio.create_task(self._visit(*site))]

    async def end(self) -> None:
        """Ask nothing more, and wait for what was asked."""
        self._over = True
        await asyncio.gather(*self._tasks)

    def _every(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Do it again and again, at this pace on average."""

        async def repeat() -> None:
            while not self._over:
                await asyncio.sleep(self._chance.uniform(0.5, 1.5) * seconds)
                await work()

        self._tasks.append(asyncio.create_task(repeat()))

    def _caller(self, server: str, kept: bool) -> Caller:
        path = self._host.floor_socket if server == FLOOR else self._host.services[server].sidecar.socket
        return Caller(self.heard, server, path, kept)

    def _regular(self, server: str, kept: bool) -> Callable[[], Awaitable[object]]:
        """Whoever looks at the intranet all day: nearly always a token at hand."""
        caller = self._caller(server, kept)

        def ask() -> Awaitable[object]:
            number = self._chance.randrange(self._host.regulars)
            return caller.ask("token", self._requests[number], login(number), timed=not kept)

        return ask

    def _newcomer(self, server: str) -> Callable[[], Awaitable[object]]:
        """One after the other logs in, and another one logs out, who is to be there next but a few."""
        caller, half = self._caller(server, False), (self._host.people - self._host.regulars) // 2
        mine = [self._host.regulars + (server == SECOND) * half + number for number in range(half)]
        turn = itertools.count()

        async def come_and_go() -> None:
            number = next(turn)
            leaving, coming = mine[(number + _LATER) % half], mine[number % half]
            await caller.ask("log-out", revocation_request(login(leaving)), login(leaving))
            await caller.ask("token", self._requests[coming], login(coming))

        return come_and_go

    def _probe(self, server: str) -> Callable[[], Awaitable[object]]:
        caller = self._caller(server, True)

        async def look() -> None:
            for route in ("/health/live", "/health/ready", "/metrics"):
                await caller.ask(route, _get(route))

        return look

    def _floor(self) -> Callable[[], Awaitable[object]]:
        caller = self._caller(FLOOR, False)
        return lambda: caller.ask("token", self._requests[0], timed=True)

    def _log_in(self) -> tuple[httpx.Client, dict[str, Any], str]:
        site = self._host.wordpress
        page = site.php("echo do_shortcode( $data['shortcode'] );", shortcode=_WIDGET)
        found = re.search(r'data-widget="([\w.-]+)"', page)
        assert found, page
        session = site.login("ana")
        return session, {"widget": found[1]}, session.nonce()

    async def _visit(self, session: httpx.Client, body: dict[str, Any], nonce: str) -> None:
        """Ask WordPress for a token, as a page does."""
        while not self._over:
            await asyncio.sleep(1)
            began = time.monotonic()
            try:
                answer = await asyncio.to_thread(
                    session.post, "/wp-json/widgets-for-box/v1/token", json=body, headers={"X-WP-Nonce": nonce}
                )
            except httpx.HTTPError as error:
                missed = (_BROKEN, repr(error))
            else:
                if answer.status_code == 200:
                    self.heard.token(answer.json()["token"], "ana@example.com")
                    self.heard.answered[f"{WORDPRESS}: token"] += 1
                    continue
                missed = _why(answer.status_code, answer.content)
            self.heard.missed.append(Asked(WORDPRESS, "token", "ana", began, time.monotonic(), *missed))
