"""The first token of a person: how long, at what cost, and for five hundred at once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from bench import load
from bench.machine import cpu_seconds
from bench.parts import SCOPES, UNLIMITED, Bench, OfficialSDK, Recipe, Server, newcomers, timed
from bench.result import Row, candidate

LATENCY_MS = 100
CROWD = 500
ROUND_TRIPS = 3
SIGNATURES = 100


@dataclass
class _Attempts:
    """Of one candidate: seconds of each attempt, seconds that Box took of them, and calls that it got."""

    seconds: list[float] = field(default_factory=list)
    at_box: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)


def wall(bench: Bench) -> Row:
    """Wall time against that of the round trips alone."""
    people = newcomers()
    attempts = {name: _Attempts() for name in ("sidecar", "recipe", "SDK")}
    with bench.sidecar() as sidecar, Recipe(bench.box) as recipe:
        sdk = OfficialSDK(bench.box)
        ways: dict[str, Callable[[str], object]] = {
            "sidecar": lambda person: _ask(sidecar, person),
            "recipe": recipe.token,
            "SDK": sdk.token,
        }
        bench.box.settings(latency_ms=LATENCY_MS)
        for _ in bench.rounds(30, 3):
            for name, way in ways.items():
                _attempt(bench, way, next(people), attempts[name])
        bench.box.settings(latency_ms=0)
    ours, recipes = attempts["sidecar"], attempts["recipe"]
    ratio = statistics.median(took / box for took, box in zip(ours.seconds, ours.at_box, strict=True))
    calls = {name: max(attempt.calls) for name, attempt in attempts.items()}
    return Row(
        "cold",
        f"first token of a person, Box at {LATENCY_MS} ms",
        [
            candidate(f"sidecar, {calls['sidecar']} round trips", ours.seconds),
            candidate(f"PHP recipe, {calls['recipe']} round trips", recipes.seconds),
            candidate(f"official Python SDK, {calls['SDK']} round trips", attempts["SDK"].seconds),
            candidate("the sidecar's round trips alone", ours.at_box),
        ],
        f"{ratio:.3f} times the round trips' own time",
        "fewer round trips than the recipe; at most 1.05 times",
        ratio <= 1.05 and calls["sidecar"] < calls["recipe"],
        ["the SDK keeps the service account's token in a service of its own; the recipe starts anew in each page"],
    )


def _ask(sidecar: Server, person: str) -> None:
    load.drive(sidecar.socket, [load.token_request(person, SCOPES)], 1, warm=False)


def _attempt(bench: Bench, way: Callable[[str], object], person: str, attempts: _Attempts) -> None:
    last = bench.last_call()
    attempts.seconds.append(timed(lambda: way(person)))
    calls = bench.box.log(since=last)
    attempts.calls.append(len(calls))
    attempts.at_box.append(sum(call["duration_ms"] for call in calls) / 1000)


def cpu(bench: Bench) -> Row:
    """CPU time a token, Box at 0 ms."""
    ours, sdks, recipes = cpu_of_tokens(bench)
    signatures = _signatures(len(ours))
    ratio = statistics.median(sdks) / statistics.median(ours)
    multiple = statistics.median(ours) / statistics.median(signatures)
    return Row(
        "cpu",
        "CPU of a first token, Box at 0 ms",
        [
            candidate("sidecar", ours),
            candidate("official Python SDK", sdks),
            candidate("PHP recipe", recipes),
            candidate("one RSA-2048 signature of OpenSSL's", signatures),
        ],
        f"1/{ratio:.0f} of the SDK",
        "at most 1/25",
        ratio >= 25,
        [f"{multiple:.1f} times the signature"],
    )


def cpu_of_tokens(bench: Bench) -> tuple[list[float], list[float], list[float]]:
    """CPU seconds a first token: of the sidecar (all its processes), the SDK and the recipe."""
    people = newcomers()
    ours: list[float] = []
    sdks: list[float] = []
    recipes: list[float] = []
    with bench.sidecar(**UNLIMITED) as sidecar, Recipe(bench.box) as recipe:
        sdk = OfficialSDK(bench.box)
        _ask(sidecar, next(people))
        for _ in bench.rounds(30, 5):
            before = cpu_seconds(sidecar.pid)
            asked = [load.token_request(next(people), SCOPES) for _ in range(10)]
            load.drive(sidecar.socket, asked, 1)
            ours.append((cpu_seconds(sidecar.pid) - before) / len(asked))
            person = next(people)
            sdks.append(timed(lambda person=person: sdk.token(person), time.process_time))  # type: ignore[misc]
            recipes.append(recipe.token(person)["cpu"])
    return ours, sdks, recipes


def _signatures(rounds: int) -> list[float]:
    """CPU seconds of a signature, with the OpenSSL that sidecar and SDK use too."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign() -> None:
        for _ in range(SIGNATURES):
            key.sign(b"an assertion", padding.PKCS1v15(), SHA256())

    return [timed(sign, time.process_time) / SIGNATURES for _ in range(rounds)]


def crowd(bench: Bench) -> Row:
    """Five hundred people whom the sidecar does not know, all at once."""
    people = newcomers()
    each = statistics.median(cpu_of_tokens(bench)[0])
    trips = ROUND_TRIPS * LATENCY_MS / 1000
    bound = trips + CROWD * each
    took: list[float] = []
    calls: list[int] = []
    for _ in bench.rounds(7, 1):
        with bench.sidecar() as sidecar:
            asked = [load.token_request(next(people), SCOPES) for _ in range(CROWD)]
            bench.box.settings(latency_ms=LATENCY_MS)
            last = bench.last_call()
            took.append(load.drive(sidecar.socket, asked, CROWD, warm=False).elapsed)
            calls.append(len(bench.box.log(since=last)))
            bench.box.settings(latency_ms=0)
    ratio = statistics.median(took) / bound
    return Row(
        "crowd",
        f"{CROWD} people at once, none known, Box at {LATENCY_MS} ms",
        [
            candidate("sidecar, until the last is served", took),
            candidate(f"round trips and {CROWD} times the CPU of one", [bound]),
        ],
        f"{ratio:.2f} times",
        "at most 1.3 times, and no call too many",
        ratio <= 1.3 and max(calls) == CROWD * ROUND_TRIPS,
        [f"{max(calls)} calls to Box where {CROWD * ROUND_TRIPS} are needed"],
    )
