"""Tokens that are in memory: what one costs, how fast while Box hangs, and how that changes with their number."""

from __future__ import annotations

import itertools
import math
import random
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bench import load
from bench.machine import NO_MEMORY, cpu_seconds, pss
from bench.parts import PEOPLE, SCOPES, UNLIMITED, Bench, Program, Server, login
from bench.result import Candidate, Row, candidate, p99, single

CLIENTS = 8
CHEAPER = 1.5
HANGING = 200
TOKENS, MEMORY_MIB = 10_000, 75
HANG_MS = 3000


SIDECAR, FLOOR = "sidecar", "trivial Falcon app on gunicorn's own worker (the floor)"
LIMIT, LIMIT_IN_C = "a constant on a bare asyncio protocol", "a constant by epoll in C"


def kept(bench: Bench) -> Row:
    """Processor time a request on a connection that is kept."""
    return _cpu(
        bench,
        Row("kept", "CPU of a cached token, connection kept", [], "", ""),
        lambda socket, requests: load.drive(socket, requests, 1),
    )


def anew(bench: Bench) -> Row:
    """Processor time a request on a connection of its own, which is what PHP makes."""
    return _cpu(
        bench, Row("anew", "CPU of a cached token, a new connection for each (PHP's way)", [], "", ""), load.drive_anew
    )


def _cpu(bench: Bench, row: Row, drive: Callable[[Path, list[bytes]], object]) -> Row:
    """The servers' processor time a request, by turns, against the floor's and what no server can undercut."""
    request = load.token_request(login(0), SCOPES)
    used: dict[str, list[float]] = {}
    with ExitStack() as stack:
        servers: dict[str, Server | Program] = {
            SIDECAR: stack.enter_context(bench.sidecar()),
            FLOOR: stack.enter_context(bench.floor()),
            LIMIT: stack.enter_context(bench.limit()),
        }
        if in_c := bench.limit_in_c():
            servers[LIMIT_IN_C] = stack.enter_context(in_c)
        for server in servers.values():
            drive(server.socket, [request] * 500)
        for _ in bench.rounds(40, 5):
            for name, server in servers.items():
                before = cpu_seconds(server.pid)
                drive(server.socket, [request] * 1000)
                used.setdefault(name, []).append((cpu_seconds(server.pid) - before) / 1000)
    cheaper = statistics.median(floor / ours for floor, ours in zip(used[FLOOR], used[SIDECAR], strict=True))
    row.candidates = [candidate(name, values, "µs", 1e6) for name, values in used.items()]
    row.verdict = f"{cheaper:.2f} times as cheap as the floor"
    row.goal, row.reached = "at least 1.5 times", cheaper >= CHEAPER
    row.notes = [] if in_c else ["no C compiler here, so no server in C"]
    return row


def hanging(bench: Bench) -> Row:
    """The tail of cached tokens while 200 people wait for a Box that hangs."""
    cached = load.token_request(login(PEOPLE - 1), SCOPES)
    newcomers = map(login, itertools.count())
    tails: dict[str, list[float]] = {"quiet": [], "hanging": []}
    with bench.sidecar(**UNLIMITED) as sidecar:
        load.drive(sidecar.socket, [cached] * 500, CLIENTS)

        def tail() -> float:
            return p99(load.drive(sidecar.socket, [cached] * 3000, CLIENTS).seconds)

        for _ in bench.rounds(7, 1):
            tails["quiet"].append(tail())
            waiting = [load.token_request(next(newcomers), SCOPES) for _ in range(HANGING)]
            tails["hanging"].append(_while_box_hangs(bench, sidecar, waiting, tail))
    ratio = statistics.median(tails["hanging"]) / statistics.median(tails["quiet"])
    return Row(
        "hanging",
        "p99 of cached tokens, 8 clients",
        [
            candidate(f"while {HANGING} requests hang on Box", tails["hanging"]),
            candidate("while none does", tails["quiet"]),
        ],
        f"{ratio:.2f} times",
        "at most 2 times",
        ratio <= 2,
    )


def _while_box_hangs(bench: Bench, sidecar: Server, requests: list[bytes], measure: Callable[[], float]) -> float:
    bench.box.settings(latency_ms=HANG_MS)
    others = threading.Thread(target=load.drive, args=(sidecar.socket, requests, len(requests)))
    others.start()
    time.sleep(1)
    measured = measure()
    if not others.is_alive():
        raise RuntimeError("Box did not hang long enough")
    bench.box.settings(latency_ms=0)
    others.join()
    return measured


@dataclass
class Grown:
    """What was measured while tokens became more: seconds a request, by turns with a sidecar that stays as it is."""

    sizes: tuple[int, ...]
    cached: dict[int, list[float]] = field(default_factory=dict)
    cached_at_first: list[float] = field(default_factory=list)  # of the last size's turns
    revoked: dict[int, list[float]] = field(default_factory=dict)
    revoked_at_none: list[float] = field(default_factory=list)  # of the last size's turns
    memory: dict[int, float] = field(default_factory=dict)  # MiB PSS


@cache
def _grown(bench: Bench) -> Grown:
    """Fill one sidecar with tokens; once for all rows that tell about it."""
    grown = Grown((100, 1000) if bench.quick else (100, 1000, 10_000, 100_000))
    first, last = grown.sizes[0], grown.sizes[-1]
    requests = [load.token_request(login(person), _variant(number)) for person, number in map(_widget, range(last))]
    chance = random.Random(1)
    strangers = map("stranger{}@example.com".format, itertools.count())
    with (
        bench.sidecar(cache={"max_tokens": last}, **UNLIMITED) as sidecar,
        bench.sidecar(**UNLIMITED) as small,
        bench.sidecar(**UNLIMITED) as empty,
    ):

        def cached(socket: Path, held: int) -> float:
            asked = chance.choices(requests[:held], k=2000)
            return load.drive(socket, asked, CLIENTS).elapsed / len(asked)

        def revoked(socket: Path) -> float:
            asked = [load.revocation_request(next(strangers)) for _ in range(500)]
            return load.drive(socket, asked, CLIENTS).elapsed / len(asked)

        load.drive(small.socket, requests[:first], 16)
        held = 0
        for size in grown.sizes:
            load.drive(sidecar.socket, requests[held:size], 16)
            held = size
            grown.cached[size], grown.revoked[size] = [], []
            grown.cached_at_first, grown.revoked_at_none = [], []
            for _ in bench.rounds(9, 2):
                grown.cached[size].append(cached(sidecar.socket, size))
                grown.cached_at_first.append(cached(small.socket, first))
                grown.revoked[size].append(revoked(sidecar.socket))
                grown.revoked_at_none.append(revoked(empty.socket))
            grown.memory[size] = pss(sidecar.pid)
    return grown


def growth(bench: Bench) -> Row:
    """Time a request and memory while the number of tokens in memory grows."""
    grown = _grown(bench)
    first, last = grown.sizes[0], grown.sizes[-1]
    ratio = _times(grown.cached[last], grown.cached_at_first)
    candidates: list[Candidate] = []
    for size in reversed(grown.sizes):
        candidates.append(single(f"{size:,} tokens", grown.memory[size], "MiB PSS"))
        candidates.append(candidate(f"{size:,} tokens", grown.cached[size], "µs a request", 1e6))
    each = (grown.memory[last] - grown.memory[first]) * 1024 / (last - first)
    return Row(
        "growth",
        "tokens in memory, requests for any of them",
        [candidate for candidate in candidates if not math.isnan(candidate.median)],
        f"{ratio:.2f} times the time a request at {last:,} as at {first:,}, a sidecar of its own by turns",
        f"flat (at most 1.2 times), {TOKENS:,} within {MEMORY_MIB} MiB",
        ratio <= 1.2 and not grown.memory.get(TOKENS, 0) > MEMORY_MIB,
        [
            NO_MEMORY
            if math.isnan(each)
            else f"{each:.2f} KiB a token, all processes together; the other sidecars share its libraries"
        ],
    )


def revocation(bench: Bench) -> Row:
    """Time a log-out of somebody of whom nothing is held takes, while the number of the others' tokens grows."""
    grown = _grown(bench)
    last = grown.sizes[-1]
    ratio = _times(grown.revoked[last], grown.revoked_at_none)
    candidates = [
        candidate(f"{size:,} tokens", grown.revoked[size], "µs a request", 1e6) for size in reversed(grown.sizes)
    ]
    return Row(
        "revocation",
        "a log-out of somebody without tokens, others' tokens in memory",
        [*candidates, candidate("none", grown.revoked_at_none, "µs a request", 1e6)],
        f"{ratio:.2f} times the time a request at {last:,} as at none, a sidecar of its own by turns",
        "flat (at most 1.2 times)",
        ratio <= 1.2,
    )


def _times(runs: list[float], controls: list[float]) -> float:
    """Median of the ratios of what was measured by turns."""
    return statistics.median(one / other for one, other in zip(runs, controls, strict=True))


def _widget(n: int) -> tuple[int, int]:
    """Person and choice of the n-th token: first one for each of all people, then nine more for one after the other."""
    return (n, 0) if n < PEOPLE else ((n - PEOPLE) // 9, 1 + (n - PEOPLE) % 9)


def _variant(number: int) -> tuple[str, ...]:
    """One of 64 choices of the explorer's scopes."""
    features = ("item_preview", "item_download", "item_upload", "item_rename", "item_share", "item_delete")
    return tuple(feature for bit, feature in enumerate(features) if (number + 3) >> bit & 1)
