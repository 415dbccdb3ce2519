"""What each thing costs that is there only where it is configured: the shared store, the key in hardware, traces."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from bench import load
from bench.machine import cpu_seconds
from bench.parts import SCOPES, UNLIMITED, Bench, Server, login, newcomers, timed
from bench.result import Row, candidate
from box_sidecar import tracing
from box_sidecar.hardware.module import HeldKey
from box_sidecar.hardware.uri import parse
from intranet.soft_token import SoftToken
from intranet.store_process import StoreProcess
from intranet.trace_receiver import TraceReceiver

LATENCY_MS = 100
SERVERS = 8
ALONE, SHARED = "one sidecar alone", f"one of {SERVERS} with a store"


@contextmanager
def _shared(bench: Bench) -> Iterator[tuple[Server, list[Server]]]:
    """A sidecar alone, and eight with a store between them, which is on the clients' processor.

    One of the eight is asked at a time, in turn: eight that are all busy would, on two processors, wait for each other.
    """
    with ExitStack() as stack:
        store = stack.enter_context(StoreProcess(bench.folder()))
        alone = stack.enter_context(bench.sidecar())
        yield alone, [stack.enter_context(bench.sidecar(cache={"store": store.url})) for _ in range(SERVERS)]


def shared_cached(bench: Bench) -> Row:
    """A token in memory: processor time, of all eight together, and time."""
    request = load.token_request(login(0), SCOPES)
    cpu: dict[str, list[float]] = {SHARED: [], ALONE: []}
    took: dict[str, list[float]] = {SHARED: [], ALONE: []}
    with _shared(bench) as (alone, servers):
        for server in (alone, *servers):
            load.drive(server.socket, [request] * 500, 1)
        for number in bench.rounds(40, 8):
            for name, group in ((SHARED, servers), (ALONE, [alone])):
                before = _cpu(group)
                outcome = load.drive(group[number % len(group)].socket, [request] * 1000, 1)
                cpu[name].append((_cpu(group) - before) / 1000)
                took[name].append(statistics.median(outcome.seconds))
    more_cpu, more_time = _times(cpu[SHARED], cpu[ALONE]), _times(took[SHARED], took[ALONE])
    return Row(
        "shared_cached",
        f"a cached token, {SERVERS} servers that share a store",
        [
            *(candidate(name, values, "µs of CPU", 1e6) for name, values in cpu.items()),
            *(candidate(name, values, "µs", 1e6) for name, values in took.items()),
        ],
        f"{more_cpu:.2f} times the CPU, {more_time:.2f} times the time",
        "at most 1.2 times",
        more_cpu <= 1.2 and more_time <= 1.2,
        ["what the other seven do meanwhile is counted"],
    )


def shared_first(bench: Bench) -> Row:
    """A person's first token, and what it spares the others."""
    people = newcomers()
    again = f"the same token on another of the {SERVERS}"
    took: dict[str, list[float]] = {SHARED: [], ALONE: [], again: []}
    with _shared(bench) as (alone, servers):
        for server in (alone, *servers):
            _first(server, next(people))
        bench.box.settings(latency_ms=LATENCY_MS)
        for number in bench.rounds(32, 8):
            one, other = servers[number % SERVERS], servers[(number + 3) % SERVERS]
            person = next(people)
            took[SHARED].append(_first(one, person))
            took[again].append(_first(other, person))
            took[ALONE].append(_first(alone, next(people)))
        bench.box.settings(latency_ms=0)
    ratio = _times(took[SHARED], took[ALONE])
    return Row(
        "shared_first",
        f"first token of a person, {SERVERS} servers that share a store, Box at {LATENCY_MS} ms",
        [candidate(name, values) for name, values in took.items()],
        f"{ratio:.3f} times the time",
        "at most 1.1 times",
        ratio <= 1.1,
    )


def hardware(bench: Bench) -> Row:
    """A person's first token with the key in a token that is software, against the same key in the file.

    Box takes its time, as it does: a process that signs once in a while has to be woken, and its caches are cold.
    """
    people = newcomers()
    held, file = "key in hardware (SoftHSM2)", "key in the file"
    took: dict[str, list[float]] = {held: [], file: []}
    token = SoftToken(bench.folder())
    details = {"app_config": _put_key(bench, token), "env": token.env, "box": {"key": token.uri()}}
    with bench.sidecar(**details) as sidecar, bench.sidecar() as other:
        for server in (sidecar, other):
            _first(server, next(people))
        bench.box.settings(latency_ms=LATENCY_MS)
        for _ in bench.rounds(40, 5):
            took[held].append(_first(sidecar, next(people)))
            took[file].append(_first(other, next(people)))
        bench.box.settings(latency_ms=0)
    os.environ.update(token.env)
    key = HeldKey(parse(token.uri()))
    signatures = [timed(lambda: key.sign(b"an assertion")) for _ in range(len(took[held]) * 5)]
    more = statistics.median(one - another for one, another in zip(took[held], took[file], strict=True))
    return Row(
        "hardware",
        f"first token of a person with the key in hardware, Box at {LATENCY_MS} ms",
        [
            *(candidate(name, values) for name, values in took.items()),
            candidate("one RSA-2048 signature of SoftHSM2's", signatures),
        ],
        f"{more * 1000:.2f} ms more",
        "at most 2 ms more",
        more <= 0.002,
        ["a real module's own time comes on top"],
    )


def _put_key(bench: Bench, token: SoftToken) -> Path:
    """Put the app's key onto the token; the JSON without it."""
    document = json.loads(bench.box.app_config.read_text())
    pair = document["boxAppSettings"]["appAuth"]
    key = load_pem_private_key(pair["privateKey"].encode(), pair["passphrase"].encode() or None)
    pem, app_config = token.folder / "key.pem", token.folder / "box_config.json"
    for path in (pem, app_config):
        path.touch(mode=0o600)
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    token.import_key(pem)
    pair |= {"privateKey": "", "passphrase": ""}
    app_config.write_text(json.dumps(document))
    return app_config


def traced(bench: Bench) -> Row:
    """What traces cost where nobody wants any, against the same code without a place for them; and where one does.

    Two processes of the same code differ by more than what is to be told, as a second one shows. So each place's own
    cost is measured, and counted; that nothing was forgotten is seen by turns.
    """
    people = newcomers()
    cpu: dict[str, list[float]] = {"off": [], "without": [], "on": [], "second": []}
    cached: dict[str, list[float]] = {"off": [], "on": []}
    bare = (sys.executable, str(Path(__file__).with_name("untraced.py")))
    with (
        TraceReceiver() as receiver,
        bench.sidecar(**UNLIMITED) as off,
        bench.sidecar(command=bare, **UNLIMITED) as without,
        bench.sidecar(env=receiver.env, **UNLIMITED) as on,
        bench.sidecar(**UNLIMITED) as second,
    ):
        servers = {"off": off, "without": without, "on": on, "second": second}
        for _ in bench.rounds(60, 5):
            for name, server in servers.items():
                asked = [load.token_request(person, SCOPES) for person in itertools.islice(people, 10)]
                cpu[name].append(_cpu_of(server, asked))
        for _ in bench.rounds(20, 3):
            for name, values in cached.items():
                values.append(_cpu_of(servers[name], [load.token_request(login(0), SCOPES)] * 500))
        spans = [span.name for span in receiver.spans if not span.name.startswith("POST /v1")]
    calls = sum(name.startswith("Box ") for name in spans) / len(cpu["on"]) / 10
    steps = len(spans) / len(cpu["on"]) / 10 - calls
    step, call = _step(), _call()
    share = (steps * step + calls * call) / statistics.median(cpu["off"])
    return Row(
        "traced",
        "CPU of a first token with traces off, Box at 0 ms",
        [
            candidate("traces off", cpu["off"], "µs", 1e6),
            candidate("its steps without a place for them", cpu["without"], "µs", 1e6),
            candidate("traces on", cpu["on"], "µs", 1e6),
            candidate("a cached token, traces off", cached["off"], "µs", 1e6),
            candidate("a cached token, traces on", cached["on"], "µs", 1e6),
        ],
        f"{share:.2%} of it is for traces",
        "at most 1 %",
        share <= 0.01,
        [
            f"{steps:.0f} steps at {step * 1e9:.0f} ns and {calls:.0f} calls at {call * 1e9:.0f} ns; "
            f"by turns {_times(cpu['off'], cpu['without']):.3f} times, where a second one of the same takes "
            f"{_times(cpu['second'], cpu['off']):.3f} times",
            f"on, a first token costs {_times(cpu['on'], cpu['off']):.2f} times as much",
        ],
    )


def _step() -> float:
    """Seconds that being a step adds to a function."""

    async def work() -> None:
        pass

    return _more(tracing.step("work")(work), work)


def _call() -> float:
    """Seconds that being a call to Box adds."""

    async def bare() -> None:
        pass

    async def call() -> None:
        with tracing.calling("token", "POST", {}):
            pass

    return _more(call, bare)


def _more(one: Any, other: Any) -> float:
    """Seconds by which one function of asyncio's takes longer than another."""

    async def repeat(work: Any) -> None:
        for _ in range(10_000):
            await work()

    pairs = [(timed(lambda: asyncio.run(repeat(one))), timed(lambda: asyncio.run(repeat(other)))) for _ in range(9)]
    return statistics.median(more - less for more, less in pairs) / 10_000


def _first(server: Server, person: str) -> float:
    """Seconds until somebody's token is there, connecting included."""
    return load.drive(server.socket, [load.token_request(person, SCOPES)], 1, warm=False).elapsed


def _cpu(servers: list[Server]) -> float:
    return sum(cpu_seconds(server.pid) for server in servers)


def _cpu_of(server: Server, requests: list[bytes]) -> float:
    """Processor time (s) a request."""
    before = cpu_seconds(server.pid)
    load.drive(server.socket, requests, 1)
    return (cpu_seconds(server.pid) - before) / len(requests)


def _times(ours: list[float], others: list[float]) -> float:
    """Median of the ratios of what was measured by turns."""
    return statistics.median(one / other for one, other in zip(ours, others, strict=True))
