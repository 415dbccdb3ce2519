"""Tokens that are in memory: how many a second, how fast while Box hangs, and how that changes with their number."""

from __future__ import annotations

import itertools
import math
import random
import statistics
import threading
import time
from collections.abc import Callable

from bench import load
from bench.machine import NO_MEMORY, pss
from bench.parts import PEOPLE, SCOPES, UNLIMITED, Bench, Server, login
from bench.result import RATE, Candidate, Row, candidate, p99, single

CLIENTS = 8
HANGING = 200
HANG_MS = 3000


def throughput(bench: Bench) -> Row:
    """Requests a second against the floor's."""
    request = load.token_request(login(0), SCOPES)
    rates: dict[str, list[float]] = {"sidecar": [], "floor": []}
    busy: dict[str, list[float]] = {"sidecar": [], "floor": []}
    with bench.sidecar() as sidecar, bench.floor() as floor:
        sockets = {"sidecar": sidecar.socket, "floor": floor.socket}
        for socket in sockets.values():
            load.drive(socket, [request] * 1000, CLIENTS)
        for _ in bench.rounds(40, 5):
            for name, socket in sockets.items():
                outcome = load.drive(socket, [request] * 2000, CLIENTS)
                rates[name].append(outcome.per_second)
                busy[name].append(outcome.cpu / outcome.elapsed)
    share = statistics.median(ours / floors for ours, floors in zip(rates["sidecar"], rates["floor"], strict=True))
    return Row(
        "throughput",
        "cached tokens a second, 8 clients",
        [
            candidate("sidecar", rates["sidecar"], RATE, 1),
            candidate("trivial app on the same worker (the floor)", rates["floor"], RATE, 1),
        ],
        f"{share:.0%} of the floor",
        "at least 70 %",
        share >= 0.7,
        [f"the client used {max(map(statistics.median, busy.values())):.0%} of its processor"],
    )


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


def growth(bench: Bench) -> Row:
    """Time a request and memory while the number of tokens in memory grows."""
    sizes = (100, 1000) if bench.quick else (100, 1000, 10_000, 100_000)
    requests = [
        load.token_request(login(person), _variant(number)) for person, number in map(_widget, range(sizes[-1]))
    ]
    candidates: list[Candidate] = []
    memory: list[float] = []
    chance = random.Random(1)
    ratio = math.nan
    with bench.sidecar(cache={"max_tokens": sizes[-1]}, **UNLIMITED) as sidecar, bench.sidecar(**UNLIMITED) as small:
        load.drive(small.socket, requests[: sizes[0]], 16)
        held = 0
        for size in sizes:
            load.drive(sidecar.socket, requests[held:size], 16)
            held = size
            runs: list[float] = []
            controls: list[float] = []
            for _ in bench.rounds(9, 2):
                for socket, count, times in ((sidecar.socket, size, runs), (small.socket, sizes[0], controls)):
                    asked = chance.choices(requests[:count], k=2000)
                    times.append(load.drive(socket, asked, CLIENTS).elapsed / len(asked))
            ratio = statistics.median(one / other for one, other in zip(runs, controls, strict=True))
            memory.append(pss(sidecar.pid))
            candidates += [
                candidate(f"{size:,} tokens", runs, "µs a request", 1e6),
                single(f"{size:,} tokens", memory[-1], "MiB PSS"),
            ]
    each = (memory[-1] - memory[0]) * 1024 / (sizes[-1] - sizes[0])
    return Row(
        "growth",
        "tokens in memory, requests for any of them",
        [candidate for candidate in reversed(candidates) if not math.isnan(candidate.median)],
        f"{ratio:.2f} times the time a request at {sizes[-1]:,} as at {sizes[0]:,}, a sidecar of its own by turns",
        "flat (at most 1.2 times)",
        ratio <= 1.2,
        [
            NO_MEMORY
            if math.isnan(each)
            else f"{each:.2f} KiB a token, all processes together; the other sidecar shares its libraries"
        ],
    )


def _widget(n: int) -> tuple[int, int]:
    """Person and choice of the n-th token: first one for each of all people, then nine more for one after the other."""
    return (n, 0) if n < PEOPLE else ((n - PEOPLE) // 9, 1 + (n - PEOPLE) % 9)


def _variant(number: int) -> tuple[str, ...]:
    """One of 64 choices of the explorer's scopes."""
    features = ("item_preview", "item_download", "item_upload", "item_rename", "item_share", "item_delete")
    return tuple(feature for bit, feature in enumerate(features) if (number + 3) >> bit & 1)
