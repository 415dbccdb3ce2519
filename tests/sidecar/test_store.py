"""Several sidecars with a store between them: as one, while it works; each by itself, while it does not."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from hypothesis.strategies import booleans, integers, lists, sampled_from

from box_sidecar import clock
from box_sidecar.box.deadline import within
from box_sidecar.model import Subject, Token, TokenKey
from box_sidecar.problems import ConfigError, Problem
from box_sidecar.secret import Secret
from box_sidecar.settings import PolicySettings, Settings
from box_sidecar.store import connection, hearing, scripts, shared
from box_sidecar.store.address import parse
from box_sidecar.store.connection import Patience, StoreConnection, StoreError
from intranet.process import free_port
from intranet.store_process import StoreProcess, certificate
from sidecar.hostile_store import LIES as TOLD
from sidecar.hostile_store import HostileStore
from sidecar.scripted_box import DOWN, LOGINS, ROOT
from sidecar.servers import APP, Server, Servers
from sidecar.support import ON_VALKEY_TOO

ANA, BEN = LOGINS[0], LOGINS[1]
ONE = {"find": 1, "user_token": 1, "downscope": 1}


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Sequence[str]) -> Iterator[Callable[..., Servers]]:
    monkeypatch.setattr(connection, "_PATIENCE_S", 0.2)  # 50 ms are little on a machine that has other things to do
    with contextlib.ExitStack() as running:
        yield lambda *options, count=2, **details: running.enter_context(
            Servers(tmp_path, count, *options, program=program, **details)
        )


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# One of all


def test_what_one_has_made_the_others_find_and_box_is_asked_once(start: Callable[..., Servers]) -> None:
    servers = start(count=3)
    first = servers.run(servers[0].token())
    assert servers.calls() == ONE
    found = servers.run(servers[1].issue())
    assert found.source == "hit"
    assert found.token.secret.reveal() == first
    assert found.token.scopes == ("base_explorer",) and 3_500 < found.token.life <= 3_600
    assert servers.run(servers[2].token()) == first == servers.run(servers[2].token())
    assert servers.calls() == {}
    assert servers.run(servers[1].token(ANA, "item_share")) != first
    assert servers.calls() == {"user_token": 1, "downscope": 1}, "a person's own token is nobody else's"


@ON_VALKEY_TOO
def test_all_who_ask_at_once_are_one_flight_on_all_servers(start: Callable[..., Servers]) -> None:
    servers = start(count=4)

    async def crowd() -> set[tuple[str, str]]:
        asked = [(server, login) for server in servers.all for login in LOGINS for _ in range(5)]
        got = await asyncio.gather(*(server.token(login) for server, login in asked))
        return {(login, token) for (_, login), token in zip(asked, got, strict=True)}

    assert len(servers.run(crowd())) == len(LOGINS)
    assert servers.calls() == {name: len(LOGINS) for name in ONE}


def test_who_fails_leaves_it_to_the_next(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.world.fails["downscope"] = DOWN

    async def both() -> list[Any]:
        return await asyncio.gather(*(server.token() for server in servers.all), return_exceptions=True)

    assert [type(outcome) for outcome in servers.run(both())] == [Problem, Problem]
    servers.world.fails.clear()
    servers.calls()
    assert servers.run(servers[1].token()) == servers.run(servers[0].token())
    assert servers.calls()["downscope"] == 1


def test_a_token_that_box_refused_is_replaced_once_for_all_servers(start: Callable[..., Servers]) -> None:
    servers = start(count=3)
    first = servers.run(servers[0].token())
    servers.run(servers[1].token())
    second = servers.run(servers[1].token(refused=digest(first)))
    assert second != first
    servers.calls()
    assert servers.run(servers[0].token(refused=digest(first))) == second
    assert servers.run(servers[2].token(refused=digest(first))) == second
    assert servers.calls() == {}


def test_who_has_another_policy_or_another_secret_shares_nothing(start: Callable[..., Servers]) -> None:
    servers = start()
    first = servers.run(servers[0].token())
    stricter = servers.add(Settings(policy=PolicySettings(folders=["0"])))
    other = servers.add(app=msgspec.structs.replace(APP, client_secret=Secret("another")))
    assert len({first, servers.run(stricter.token()), servers.run(other.token())}) == 3
    servers.run(other.revoke())
    assert servers.run(servers[0].token()) == first


@ON_VALKEY_TOO
def test_the_limits_are_all_servers_together(start: Callable[..., Servers]) -> None:
    servers = start(count=3, settings=Settings(policy=PolicySettings(mints_per_user_per_minute=2)))
    servers.run(servers[0].token(ANA))
    servers.run(servers[1].token(ANA, "item_share"))
    with pytest.raises(Problem) as caught:
        servers.run(servers[2].token(ANA, "item_upload"))
    assert caught.value.code == "rate_limited" and "on all servers" in caught.value.detail
    assert 50 < (caught.value.retry_after or 0) <= 60
    servers.run(servers[2].token(BEN))


@ON_VALKEY_TOO
def test_a_lease_that_ran_out_makes_no_second_token(start: Callable[..., Servers]) -> None:
    """The holder stood still in the middle: another has taken over, and what comes late is ended at Box."""
    servers = start()
    servers.run(servers[0].service.users.lookup(Subject("login", ANA)))
    servers.world.is_patient = True

    async def late() -> tuple[str, str]:
        slow = asyncio.create_task(servers[0].token())
        while len(servers.world.waiting) < 1:
            await asyncio.sleep(0.005)
        servers.world.answer()  # the user token
        while len(servers.world.waiting) < 1:
            await asyncio.sleep(0.005)
        (lease,) = servers.keys("lease:")
        servers.store.client.delete(lease)  # as when its time is over
        held = servers.world.waiting.pop()
        servers.world.is_patient = False
        fast = await servers[1].token()
        held.set_result(None)
        return await slow, fast

    slow, fast = servers.run(late())
    assert slow == fast
    assert servers.living() == {fast}
    assert servers.calls()["revoke"] == 1


def test_who_was_killed_holds_nothing_up(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.run(servers[0].token())
    (value,) = servers.keys("value:")[:1]
    servers.store.client.flushall()
    # A lease of somebody who is no more.
    servers.run(servers[1].token(BEN))
    for key in servers.keys("value:"):
        servers.store.client.set(key.replace(b"value:", b"lease:"), "dead", px=700)
        servers.store.client.delete(key)
    third = servers.add()
    started = clock.monotonic()
    servers.run(third.token(BEN))
    assert clock.monotonic() - started > 0.3
    assert value


@ON_VALKEY_TOO
@pytest.mark.parametrize("ahead", [-600.0, -2.0, 2.0, 600.0])
def test_a_life_is_no_longer_by_a_clock_that_is_behind(start: Callable[..., Servers], ahead: float) -> None:
    """Until Box has answered, a server has its own clock, which another had not; the store's says how long a value is
    still there."""
    servers = start(count=1)
    first = servers.run(servers[0].issue())
    other = servers.add(ahead=ahead)
    found = servers.run(other.issue())
    assert found.token.secret == first.token.secret
    assert first.token.life - max(ahead, 0) - 10 < found.token.life <= first.token.life + 1
    assert other.service.users.known(Subject("login", ANA))
    told = other.service.cache.users[Subject("login", ANA).key].told
    assert clock.monotonic() - told >= max(ahead, 0)
    told_first = servers[0].service.cache.users[Subject("login", ANA).key].told
    assert told <= told_first + 1
    for name in ("login", "id"):
        servers.revoke(Subject(name, ANA if name == "login" else "1"), 1)
        assert not servers.living()
        fresh = servers.run(other.token())
        assert fresh == servers.run(servers[0].token()) and fresh != first.token.secret.reveal()


@pytest.mark.parametrize("ends", [None, 10**9])
def test_a_value_that_does_not_end_by_itself_was_put_there_by_nobody_of_us(
    start: Callable[..., Servers], ends: int | None
) -> None:
    servers = start(count=1)
    first = servers.run(servers[0].issue())
    for key in servers.keys("value:"):
        servers.store.client.persist(key)
        if ends:
            servers.store.client.pexpire(key, ends)
    found = servers.run(servers.add(ahead=-600.0).issue())
    assert found.token.secret != first.token.secret


# Revocation


@ON_VALKEY_TOO
def test_a_revocation_on_one_server_ends_all_on_all(start: Callable[..., Servers]) -> None:
    servers = start(count=3)
    shared = [servers.run(server.token()) for server in servers.all]
    own = servers.run(servers[1].token(ANA, "item_share"))
    kept = servers.run(servers[2].token(BEN))
    assert servers.revoke(Subject("login", ANA)) == 3, "the two that are shared, and the user token"
    assert not servers.living() & {*shared, own}
    after = servers.run(servers[0].token())
    assert {servers.run(server.token()) for server in servers.all} == {after}
    assert servers.run(servers[1].token(BEN)) == kept
    servers.until(lambda: not [made for made in servers.world.made.values() if made.alive and made.moment < 4])


def test_a_revocation_reaches_whom_only_another_server_knows_by_that_name(start: Callable[..., Servers]) -> None:
    servers = start(count=3)
    token = servers.run(servers[0].token())
    servers.revoke(Subject("id", "1"), 2)
    assert token not in servers.living()
    token = servers.run(servers[1].token())
    servers.revoke(Subject("login", ANA.upper()), 2)
    assert token not in servers.living()


def test_a_log_out_reaches_a_token_that_another_server_is_making(start: Callable[..., Servers]) -> None:
    servers = start()
    for server in servers.all:
        servers.run(server.service.users.lookup(Subject("login", ANA)))
    servers.world.is_patient = True

    async def during() -> Any:
        making = asyncio.create_task(servers[0].token())
        while not servers.world.waiting:
            await asyncio.sleep(0.005)
        servers.world.is_patient = False
        await servers[1].revoke()
        servers.world.answer()
        return (await asyncio.gather(making, return_exceptions=True))[0]

    problem = servers.run(during())
    assert isinstance(problem, Problem) and problem.code == "tokens_revoked"
    assert servers.living() == set()


def test_all_tokens_end_on_all_servers(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.run(servers[0].token(ANA))
    servers.run(servers[1].token(BEN))
    servers.run(servers[0].service.revocations.revoke_all())
    servers.until(lambda: not servers.world.living())
    assert servers.run(servers[0].token(BEN)) in servers.living()


@ON_VALKEY_TOO
def test_what_was_revoked_without_the_store_is_told_when_it_is_back(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.run(servers[1].token(ANA))
    servers.run(servers[1].token(ANA, "item_share"))
    servers.store.pause()
    servers.run(servers[0].revoke())
    assert servers[0].store.is_down
    servers.store.go_on()
    servers.until(lambda: not servers.living())
    servers.until(lambda: not servers[1].service.cache.tokens_of("1"))


@ON_VALKEY_TOO
def test_a_message_that_the_store_has_lost_is_put_back(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.run(servers[1].token(ANA))
    servers[1].leave()
    servers.store.client.client_kill_filter(_type="normal")
    servers.until(lambda: servers[1].store.is_down)
    servers.until(lambda: servers[0].store.why == "")
    servers.run(servers[0].revoke())
    servers.store.client.flushall()
    servers.until(lambda: servers.keys("revocations"))
    servers[1].join()
    servers.until(lambda: not servers[1].service.cache.tokens_of("1"))


def test_what_is_to_be_said_later_is_bounded(start: Callable[..., Servers]) -> None:
    servers = start(count=1)
    servers.store.stop()
    servers.until(lambda: servers[0].store.is_down)

    async def many() -> int:
        for number in range(10_050):
            await servers[0].store.revoke((Subject("id", f"x{number}"),))
        return len(servers[0].store.hearing.unsent)

    assert servers.run(many()) < 100
    assert ((), "") in servers[0].store.hearing.unsent, "everybody's, then"


def test_a_revocation_whose_answer_was_lost_finds_the_tokens_again(start: Callable[..., Servers]) -> None:
    servers = start()
    token = servers.run(servers[0].token())
    servers.run(servers.all.pop(0).stop())
    servers.run(servers[0].service.users.lookup(Subject("login", ANA)))
    servers.store.pause()
    servers.run(servers[0].revoke())  # the store reads it as soon as it goes on, and its answer goes nowhere
    assert token in servers.living()
    servers.store.go_on()
    servers.until(lambda: token not in servers.living())


@ON_VALKEY_TOO
def test_all_that_is_shared_ends_with_everything_however_much_it_is(start: Callable[..., Servers]) -> None:
    servers = start()
    box = servers[0].service.current.box

    async def share(number: int) -> None:
        scopes = (f"scope{number}",)

        async def make() -> Token:
            return await box.downscope(await box.user_token("1"), scopes, ROOT)

        async def discard(_: Token) -> None:
            """None is."""

        names = (Subject("login", ANA),)
        await servers[0].store.token(TokenKey("1", "explorer", scopes, ROOT), names, lambda _: True, make, discard)

    async def share_all() -> None:
        for number in range(450):
            await servers[0].store.begin()
            await share(number)

    servers.run(share_all())
    servers.run(servers.all.pop(0).stop())
    assert len(servers.living()) == 450
    servers.run(servers[0].service.revocations.revoke_all())
    assert not servers.living()


def test_whom_only_the_store_knows_by_a_name_is_logged_out_here_too(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.run(servers[0].token())
    servers.world.change("1", login="anna@example.com")
    servers.run(servers[1].token("anna@example.com", "item_share"))
    guard = servers[1].service.revocations.begin(Subject("id", "1"))
    servers.run(servers.all.pop(0).stop())
    assert not servers[0].service.cache.names.people(Subject("login", ANA))
    servers.run(servers[0].revoke(ANA))
    assert guard.is_broken() and not servers.living()


def test_many_messages_are_all_read_before_anything_is_served(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.run(servers[0].revoke(BEN))
    servers.run(servers[1].token(ANA))
    servers.until(lambda: servers[1].store.hearing.last != "0-0")
    assert servers[1].store.listening
    servers[1].store.listening.cancel()

    async def say() -> None:
        for number in range(1_200):
            await servers[0].store.revoke((Subject("id", f"x{number}"),))
        await servers[0].store.revoke((Subject("login", ANA),))
        await servers[1].store.hearing.look()

    servers.run(say())
    assert not servers[1].service.cache.tokens_of("1")


@ON_VALKEY_TOO
def test_messages_that_were_dropped_unread_end_what_is_in_memory(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.run(servers[0].revoke(BEN))
    servers.run(servers[1].token(ANA))
    servers.until(lambda: servers[1].store.hearing.last != "0-0")
    assert servers[1].store.listening
    servers[1].store.listening.cancel()
    servers.run(servers[0].store.revoke((Subject("login", ANA),)))
    servers.run(servers[0].store.revoke((Subject("login", BEN),)))
    (stream,) = servers.keys("revocations")
    servers.store.client.xtrim(stream, maxlen=1, approximate=False)
    servers.run(servers[1].store.hearing.look())
    assert not list(servers[1].service.cache.tokens)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "volatile-ttl"])
def test_a_store_that_may_forget_a_log_out_is_told_of(start: Callable[..., Servers], policy: str) -> None:
    servers = start(count=1)
    servers.store.client.config_set("maxmemory-policy", policy)
    facts = servers.run(servers[0].store.examine())
    assert facts.forgets == ("" if policy == "volatile-ttl" else policy)


def test_names_of_nobody_are_soon_forgotten(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.run(servers[0].revoke("nobody@example.com"))
    (epoch,) = servers.keys("epoch:")
    assert 0 < servers.store.client.pttl(epoch) <= 600_000
    servers.run(servers[0].token())
    servers.run(servers[1].store.revoke((Subject("login", ANA),)))
    lives = [servers.store.client.pttl(key) for key in servers.keys("epoch:") if key != epoch]
    assert len(lives) == 2 and min(lives) > 80_000_000, "the login's, and the person's"


def test_a_restart_hears_what_was_revoked_meanwhile(start: Callable[..., Servers], tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    servers = start(count=1)
    ended = servers.add(ledger=tmp_path / "ledger")
    issued = servers.run(ended.issue())
    ended.ledger.add("1", issued.token)
    servers.run(servers.all.pop().stop())
    ended.ledger.close()
    servers.store.client.delete(*servers.keys("value:"))  # nobody shares it any more
    servers.run(servers[0].revoke())
    assert issued.token.secret.reveal() in servers.living()
    servers.add(ledger=tmp_path / "ledger")
    servers.until(lambda: issued.token.secret.reveal() not in servers.living())


# A store that is none


def test_who_come_at_once_do_not_queue_for_a_store_that_hangs(start: Callable[..., Servers]) -> None:
    servers = start(count=1)
    store = servers[0].store
    servers.store.pause()
    servers.until(lambda: not store.hearing.in_touch)
    before = store.connection.outcomes["slow"]

    async def crowd() -> None:
        await asyncio.gather(*(store.begin() for _ in range(20)))

    servers.run(crowd())
    assert store.connection.outcomes["slow"] <= before + 2


class Busy:
    """This process has something else to do in each turn of the loop. A context manager; ``turns`` counts them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.turns = 0

    async def __aenter__(self) -> Busy:
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _work(self) -> None:
        while True:
            time.sleep(self._seconds)
            self.turns += 1
            await asyncio.sleep(0)


@ON_VALKEY_TOO
def test_a_crowd_waits_for_the_store_and_not_for_its_own_process(
    start: Callable[..., Servers], monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = start(count=1)
    monkeypatch.setattr(connection, "_PATIENCE_S", 0.05)
    store, client = servers[0].store.connection, servers.store.client
    before = client.info("stats")["total_connections_received"]

    async def crowd() -> list[Any]:
        async with Busy(0.02):
            return await asyncio.gather(*(store.run(scripts.LOOK, ["{x}:stream"], [""]) for _ in range(500)))

    assert servers.run(crowd()) == [[1, b"", []]] * 500
    assert client.info("stats")["total_connections_received"] - before < 10


def test_what_nobody_will_be_told_again_takes_no_memory(
    start: Callable[..., Servers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "_RESEND_S", 0.2)
    servers = start(count=1)
    for login in (ANA, BEN, ANA):
        servers.run(servers[0].revoke(login))
    time.sleep(0.3)
    servers.run(servers[0].revoke(BEN))
    assert len(servers[0].store.hearing._sent) == 1


def test_a_store_that_hangs_is_given_up_however_busy_this_process_is(
    start: Callable[..., Servers], monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = start(count=1)
    monkeypatch.setattr(connection, "_PATIENCE_S", 0.05)
    store = servers[0].store.connection
    servers.store.pause()

    async def crowd() -> tuple[list[Any], int]:
        async with Busy(0.02) as busy:
            asked = [store.run(scripts.LOOK, ["{x}:stream"], [""]) for _ in range(50)]
            return await asyncio.gather(*asked, return_exceptions=True), busy.turns

    outcomes, turns = servers.run(crowd())
    assert {type(outcome) for outcome in outcomes} == {StoreError}
    assert turns < 100


def test_a_crowd_at_a_store_that_hangs_does_not_make_its_own_process_busy() -> None:
    """Then nobody's waiting would count. By the processor's time, which no other process takes from it."""

    async def crowd() -> float:
        loop, began = asyncio.get_running_loop(), time.process_time()
        waiting = [Patience().wait(loop.create_future()) for _ in range(5_000)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {StoreError}
        return time.process_time() - began

    assert asyncio.run(crowd()) < 2.0


def test_who_has_waited_before_takes_the_store_from_nobody(
    start: Callable[..., Servers], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    servers = start()
    spent = Patience()
    spent.slices = 0

    async def begin() -> None:
        connection.patience.set(spent)

    with monkeypatch.context() as patched:
        patched.setattr(servers[1].store, "begin", begin)
        servers.run(servers[1].token())
    assert servers[1].store.connection.outcomes["slow"] and not caplog.records
    assert servers.run(servers[1].token(BEN)) == servers.run(servers[0].token(BEN))


@pytest.mark.parametrize("when", ["before it begins", "before it has made it"])
def test_who_has_waited_before_leaves_nobody_waiting(start: Callable[..., Servers], when: str) -> None:
    """Whoever can't wait for the answer any more has the lease all the same, or a value that others wait for."""
    servers = start()

    async def ask(server: Server, spends: str) -> str:
        async def make() -> Token:
            if spends == when:
                connection.patience.get().slices = 0
                await server.store.connection._pool.disconnect(inuse_connections=False)  # a new one takes longer
            return Token(Secret(f"made by {servers.all.index(server)}"), clock.monotonic() + 3600, ("item_preview",))

        await server.store.begin()
        connection.patience.get().slices *= spends != "before it begins"
        names = (Subject("id", "1"), Subject("login", ANA))
        key = TokenKey("1", "explorer", ("item_preview",), ROOT)
        return (await server.store.token(key, names, lambda _: True, make, lambda _: asyncio.sleep(0))).secret.reveal()

    assert servers.run(ask(servers[1], when)) == "made by 1"
    began = clock.monotonic()
    found = servers.run(ask(servers[0], ""))
    assert found == ("made by 0" if when == "before it begins" else "made by 1")
    assert clock.monotonic() - began < 1.0
    assert not servers.keys("lease:")


def test_what_is_told_again_is_in_nobodys_way(start: Callable[..., Servers]) -> None:
    servers = start(count=1)
    store = servers[0].store
    servers.run(servers[0].revoke(BEN))
    for number in range(5_000):
        store.hearing.epochs.mark(number + 1, [f"{number:032x}"])
    servers.until(lambda: store.hearing.last != "0-0")
    servers.store.client.flushall()
    servers.until(lambda: not store.hearing.in_touch)

    async def come() -> bool:
        async with asyncio.timeout(0.2):
            await store.begin()
        return store.is_down

    assert servers.run(come()) is False
    servers.until(lambda: servers.store.client.dbsize() > 5_000)


@ON_VALKEY_TOO
@pytest.mark.parametrize("trouble", ["stopped", "killed", "full", "read-only", "broken"])
def test_without_the_store_each_goes_on_with_its_own_memory(
    start: Callable[..., Servers], trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    servers = start()
    first = servers.run(servers[0].token())
    if trouble == "stopped":
        servers.store.pause()
    elif trouble == "killed":
        servers.store.stop()
    elif trouble == "full":
        servers.store.client.config_set("maxmemory-policy", "noeviction")
        servers.store.client.config_set("maxmemory", "1mb")
    elif trouble == "read-only":
        servers.store.client.replicaof("127.0.0.1", 1)
    else:
        for key in servers.store.client.scan_iter():
            servers.store.client.delete(key)
            servers.store.client.lpush(key, "no string")
    assert servers.run(servers[0].token()) == first
    for login in (BEN, LOGINS[2]):
        started = clock.monotonic()
        servers.run(servers[1].token(login))
        assert clock.monotonic() - started < 1.0
    assert servers[1].store.why
    if trouble == "killed":
        servers.store.start()
    elif trouble == "stopped":
        servers.store.go_on()
    elif trouble == "full":
        servers.store.client.config_set("maxmemory", "0")
    elif trouble == "read-only":
        servers.store.client.replicaof("NO", "ONE")
    servers.store.client.flushall()
    servers.until(lambda: not servers[1].store.is_down and not servers[0].store.is_down)
    again = servers.run(servers[1].token(ANA, "item_share"))
    assert servers.run(servers[0].token(ANA, "item_share")) == again
    assert servers[1].store.why == ""
    said = [record.message for record in caplog.records if record.name == "box_sidecar.store.shared"]
    assert "own memory" in said[0] and said[-1] == "the store can be used again"


def test_a_request_waits_for_a_slow_store_only_once(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.store.pause()
    asked = servers[1].store.connection.outcomes
    servers.run(servers[1].token())
    assert asked["slow"] <= 2, "a second, if the wait at the stream ended in this very moment"
    before = asked["slow"]
    servers.run(servers[1].token(BEN))
    assert asked["slow"] <= before + 1, "the stream's, in the background"


def test_a_store_too_slow_to_be_of_use_is_told_of(
    start: Callable[..., Servers], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "_PATIENCE_S", 0.5)
    monkeypatch.setattr(shared, "_SLOW_S", 0.1)
    servers = start(count=1)
    between = HostileStore(servers, 0)
    store = servers[0].store
    between.seconds = 0.2
    servers.until(lambda: store.why.startswith("each answer takes 2"))
    assert not store.is_down
    servers.run(servers[0].token())
    assert store.why, "one that is kept does not make it fast"
    between.seconds = 0.0
    servers.until(lambda: store.why == "")
    said = [record.message for record in caplog.records if record.name == "box_sidecar.store.shared"]
    assert len(said) == 2 and said[1] == "the store can be used again"
    servers.run(between.stop())


def test_a_busy_moment_is_not_a_slow_store(start: Callable[..., Servers]) -> None:
    """Many log-outs at once are many looks, each of which waits for this process."""
    servers = start(count=1)
    between = HostileStore(servers, 0)
    between.seconds = 0.016

    async def log_outs(seconds: float) -> None:
        end = clock.monotonic() + seconds
        while clock.monotonic() < end:
            await servers[0].revoke()

    servers.run(log_outs(2))
    assert servers[0].store.why == ""
    servers.run(between.stop())


def test_a_flushed_store_is_begun_anew(start: Callable[..., Servers]) -> None:
    servers = start()
    first = servers.run(servers[0].token())
    servers.store.client.flushall()
    assert servers.run(servers[0].token()) == first
    second = servers.run(servers[1].token())
    assert second != first and servers.run(servers[1].token()) == second
    servers.run(servers[1].revoke())
    servers.until(lambda: not servers[0].service.cache.tokens_of("1"))


# A store that lies

LONG = b":" + b"9" * 400
NONSENSE = [
    *(b"-MOVED 1", b"-ASK", b"-", b"-LOADING x", b"-NOAUTH x", b"%2", b"$5\r\nab", b"$-7", b"+OK", b"$-1", b"*-1"),
    *(LONG, b"*1\r\n" * 20_000 + b":1", b"*2\r\n+a\r\n+b", b"*2\r\n+all\r\n" + LONG, b"*2\r\n+person\r\n*0"),
    *(b"*4\r\n+\r\n:0\r\n:1\r\n" + LONG, b"*4\r\n+\r\n:0\r\n" + LONG + b"\r\n:1", b"*4\r\n*0\r\n-x\r\n*0\r\n-y"),
    *(b"*4\r\n:1\r\n+a\r\n:5\r\n:5", b"*4\r\n+1\r\n+\xff\r\n:0\r\n*2\r\n+\xff\r\n+x"),
]


class Liar:
    """What takes the place of a store: it says ``says`` to every script and question, but to LOOK only if it ``looks``
    so too."""

    def __init__(self) -> None:
        self.says, self.looks = b"", False
        self._look = hashlib.sha1(scripts.LOOK.encode(), usedforsecurity=False).hexdigest().encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            while line := await reader.readline():
                words = []
                for _ in range(int(line[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                if words[0] == b"XREAD":
                    await asyncio.sleep(0.05)
                writer.write(self._answer(*words))

    def _answer(self, command: bytes, what: bytes, *values: bytes) -> bytes:
        if command == b"SCRIPT":
            return b"+" + hashlib.sha1(values[0], usedforsecurity=False).hexdigest().encode() + b"\r\n"
        if command == b"EVALSHA" and what == self._look and not self.looks:
            return b"*3\r\n:1\r\n+\r\n*0\r\n"
        if command in {b"EVALSHA", b"EVAL", b"INFO"}:
            return self.says + b"\r\n"
        return b"*-1\r\n" if command == b"XREAD" else b"+OK\r\n"


def test_whatever_it_answers_everybody_is_served_and_logged_out(start: Callable[..., Servers], tmp_path: Path) -> None:
    servers, liar = start(count=0), Liar()
    servers.store.socket = tmp_path / "liar.sock"
    servers.run(asyncio.start_unix_server(liar.serve, servers.store.socket))
    server = servers.add()
    for number, (lie, looks) in enumerate((lie, looks) for looks in (False, True) for lie in NONSENSE):
        liar.says, liar.looks = b"$-1", False

        def is_well() -> bool:  # but for what it can't be told
            server.store.hearing.unsent.clear()
            return not server.store.is_down

        servers.until(is_well)
        liar.says, liar.looks = lie, looks
        servers.world.add(f"9{number}", f"p{number}@example.com")
        token = servers.run(server.token(f"p{number}@example.com"))
        servers.run(server.revoke(f"p{number}@example.com"))
        assert token not in servers.living()
        servers.run(server.store.examine())


@ON_VALKEY_TOO
def test_nothing_that_does_not_authenticate_is_served(start: Callable[..., Servers]) -> None:
    servers = start(count=1)
    ana, ben = servers.run(servers[0].token(ANA)), servers.run(servers[0].token(BEN))
    client = servers.store.client
    values = {key: client.get(key) for key in servers.keys("value:")}
    keys = list(values)
    for change in (
        lambda key: values[keys[(keys.index(key) + 1) % len(keys)]],  # another's
        lambda key: values[key][:-8] + b"AAAAAAA=",
        lambda key: values[key].rpartition(b"|")[2],
        lambda key: b"9999999999999999|" + values[key].partition(b"|")[2].replace(b"|", b"||", 1),
        lambda key: b"",
        lambda key: b"\xff" * 10,
        lambda key: b"x" * 20_000,
    ):
        for key in keys:
            client.set(key, change(key), px=1_000_000)
        fresh = servers.add()
        served = {servers.run(fresh.token(ANA)), servers.run(fresh.token(BEN))}
        assert not served & {ana, ben}
        assert served <= servers.living()


@ON_VALKEY_TOO
def test_an_old_value_that_is_put_back_is_no_more_than_before_the_revocation(start: Callable[..., Servers]) -> None:
    servers = start()
    old = servers.run(servers[0].token())
    client = servers.store.client
    values = {key: client.get(key) for key in servers.keys("value:")}
    servers.run(servers[0].revoke())
    for key, value in values.items():
        client.set(key, value, px=1_000_000)
    fresh = servers.add()
    assert servers.run(fresh.token()) != old
    for key in servers.keys("epoch:"):
        client.delete(key)
    for key, value in values.items():
        client.set(key, value, px=1_000_000)
    servers.until(lambda: not servers[1].service.cache.tokens_of("1"))
    assert servers.run(servers[1].token()) != old, "who heard of it knows it by itself"


def test_what_lies_in_the_store_names_nobody_and_opens_nothing(start: Callable[..., Servers]) -> None:
    servers = start()
    token = servers.run(servers[0].token())
    servers.run(servers[0].token(BEN))
    servers.run(servers[0].revoke(BEN))
    client = servers.store.client
    told = b"".join(key + (client.dump(key) or b"") for key in client.scan_iter())
    for word in (token, ANA, BEN, "example.com", "explorer", APP.client_id, APP.client_secret.reveal(), "enterprise"):
        assert word.encode() not in told
    kept = {key for key in client.scan_iter() if client.pttl(key) == -1}
    assert kept == set(servers.keys("counter")), "all else ends by itself"
    assert all(0 < client.pttl(key) <= 90_000_000 for key in client.scan_iter() if key not in kept)
    assert len({key.partition(b"}")[0] for key in client.scan_iter()}) == 1, "one slot of a cluster"


@pytest.mark.parametrize("lost", ["name:", "person:"])
def test_what_a_log_out_can_not_find_is_not_served(start: Callable[..., Servers], lost: str) -> None:
    """A store that is short of memory may drop what leads to a value, and keep the value."""
    servers = start()
    first = servers.run(servers[0].token())
    servers.run(servers.all.pop(0).stop())
    servers.store.client.delete(*servers.keys(lost))
    servers.run(servers[0].revoke(ANA))
    other = servers.run(servers[0].token(ANA, "item_share"))  # leads to the person again
    assert servers.run(servers[0].token()) != first
    assert servers.run(servers.add().token(ANA, "item_share")) == other


@pytest.mark.parametrize("how", ["for ever", "far", "again and again"])
def test_an_invented_lease_holds_nobody_up(start: Callable[..., Servers], how: str) -> None:
    servers = start()
    servers.run(servers[0].token())
    servers.run(servers[0].service.users.lookup(Subject("login", ANA)))
    client = servers.store.client
    leases = [key.replace(b"value:", b"lease:") for key in servers.keys("value:")]
    client.delete(*servers.keys("value:"))

    async def hold() -> None:
        while True:
            for lease in leases:
                client.set(lease, "nobody", px={"far": 10**9, "again and again": 2_900}.get(how))
            await asyncio.sleep(0.05 if how == "again and again" else 1_000)

    async def come() -> str:
        holding = asyncio.create_task(hold())
        await asyncio.sleep(0)
        with within(4.0):
            token = await servers[1].token()
        holding.cancel()
        return token

    assert servers.run(come()) in servers.living()
    assert len(servers.keys("value:")) == (0 if how == "again and again" else 2)


@ON_VALKEY_TOO
@pytest.mark.parametrize("counter", ["inf", "nan", "-inf", "-5", "9" * 25, "18446744073709551615", "x", ""])
def test_a_counter_that_is_none_is_begun_anew(start: Callable[..., Servers], counter: str) -> None:
    servers = start()
    servers.run(servers[0].token(BEN))
    servers.store.client.set(*servers.keys("counter"), counter)
    token = servers.run(servers[0].token())
    assert servers.run(servers[1].token()) == token
    servers.revoke(Subject("login", ANA))
    assert token not in servers.living()


@pytest.mark.parametrize("ahead", [3_600, 200_000, 10**15])
def test_an_epoch_that_was_not_reached_yet_ends_nothing(start: Callable[..., Servers], ahead: int) -> None:
    servers = start()
    token = servers.run(servers[0].token())
    (counter,) = servers.keys("counter")
    for name in ("all", *(key.partition(b"person:")[2].decode() for key in servers.keys("person:"))):
        epoch = counter.replace(b"counter", f"epoch:{name}".encode())
        servers.store.client.set(epoch, str(int(servers.store.client.get(counter)) + ahead * 1_000_000))
    assert servers.run(servers[1].token()) == token
    assert servers.run(servers[1].token(ANA, "item_share")) == servers.run(servers[0].token(ANA, "item_share"))


def test_a_message_with_another_number_hides_no_later_one(start: Callable[..., Servers]) -> None:
    servers = start()
    servers.revoke(Subject("login", ANA))
    (stream,) = servers.keys("revocations")
    ((_, details),) = servers.store.client.xrange(stream)
    kept = servers.run(servers[1].token(BEN))
    for number in ("9" * 18, "-1", "x"):
        servers.store.client.xadd(stream, details | {b"number": number, b"about": details[b"about"] + b",all"})
    servers.until(lambda: servers[1].store.hearing.epochs.of(details[b"about"].decode().split(",")[0]) > 10**15)
    servers.run(servers[1].token())
    servers.revoke(Subject("login", ANA))
    servers.until(lambda: not servers[1].service.cache.tokens_of("1"))
    assert servers.run(servers[1].token(BEN)) == kept == servers.run(servers.add().token(BEN))


def test_what_was_made_in_vain_has_ended(start: Callable[..., Servers], monkeypatch: pytest.MonkeyPatch) -> None:
    servers = start(count=1)

    async def fail(*_: object) -> bytes:
        raise OverflowError

    servers.run(servers[0].service.users.lookup(Subject("login", ANA)))
    monkeypatch.setattr(servers[0].store.flights, "_put", fail)
    with pytest.raises(OverflowError):
        servers.run(servers[0].token())
    assert not servers.living()


# Configuration


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://:geheim@host", "must not hold a password"),
        ("redis://", "must name a host"),
        ("redis://host/x", "names no database"),
        ("redis://host:70000", "a port up to 65535"),
        ("redis://host?ca-file=x", "without TLS"),
        ("rediss://host?ca-file=missing.pem", "is not there"),
        ("redis://ana@host", "without a password"),
        ("redis://host?password-file=missing", "is not there"),
        ("redis://host?password=x", "has another option than"),
        ("redis://host#x", "must not hold a #"),
        ("unix://run/x", "by its whole path"),
        ("redis://[::1", "must name a host"),
        ("redis://:geheim/ss@host", "must not hold a password"),
        ("redis://:gehe?geheim@host", "must not hold a password"),
        ("redis://:gehe#geheim@host", "must not hold a password"),
        ("redis://ana:geheim@geheim@host", "must not hold a password"),
        ("redis://[geheim@host", "must not hold a password"),
        ("redis://:geheim", "must name a host"),
        ("redis://host/geheim", "names no database"),
        ("redis://host?geheim", "must name a host"),
        ("redis://host?geheim=1", "has another option than"),
        ("redis://host?password-file=geheim", "is not there"),
    ],
)
def test_an_address_that_can_not_be_is_refused_in_one_line(url: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(url, tmp_path / "box-sidecar.toml")
    message = str(caught.value)
    assert f"{tmp_path}/box-sidecar.toml: cache.store" in message and told in message
    assert "\n" not in message and "geheim" not in message


def test_an_address_is_understood(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    password = tmp_path / "store_password"
    password.write_text("geheim\n")
    password.chmod(0o600)
    toml = tmp_path / "box-sidecar.toml"
    found = parse("rediss://ana@store.example.com/3?password-file=store_password", toml)
    assert (found.host, found.port, found.database, found.user, found.tls) == (
        "store.example.com",
        6379,
        3,
        "ana",
        True,
    )
    assert found.password == Secret("geheim") and "geheim" not in repr(found)
    assert parse("unix:///run/valkey.sock?db=2", toml).database == 2
    assert parse("redis://127.0.0.1", toml).is_readable is False
    assert parse("redis://10.0.0.1", toml).is_readable is True
    password.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        parse("redis://host?password-file=store_password", toml)


# TLS


def test_tls_takes_the_right_authority_and_the_right_password(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    for name in ("right", "wrong"):
        certificate(tmp_path / name, "127.0.0.1")
        (tmp_path / f"{name}_password").write_text(name)
        (tmp_path / f"{name}_password").chmod(0o600)
    port = free_port()
    options = [*StoreProcess.tls(tmp_path / "right", port), "--user", "ana", "on", ">right", "~*", "+@all"]

    async def ask(authority: str, password: str) -> str:
        url = f"rediss://ana@127.0.0.1:{port}/0?ca-file={authority}/cert.pem&password-file={password}_password"
        connection = StoreConnection(parse(url, tmp_path / "box-sidecar.toml"))
        try:
            await connection.open()
            await connection.run(scripts.LOOK, ["{x}:stream"], [""])
        except StoreError as error:
            return str(error)
        else:
            return "well"
        finally:
            await connection.close()

    with StoreProcess(tmp_path / "store", *options):
        assert asyncio.run(ask("right", "right")) == "well"
        assert asyncio.run(ask("wrong", "right")) == "it can't be reached"
        assert asyncio.run(ask("right", "wrong")) == "it refuses user or password"


# All of it, in any order


LIES = (
    *("replayed", "swapped", "torn", "emptied", "leases for ever", "counter", "epochs to come", "messages again"),
    *("lease:", "name:", "person:"),  # what is gone
)


class Story(RuleBasedStateMachine):
    """People come and log out on any server, while the store works, fails, forgets and lies.

    What is promised: nobody gets what was made before their last log-out; what anybody gets is theirs, and alive; and
    as long as the store works all servers hand out one token of each kind.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="store-")
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(connection, "_PATIENCE_S", 0.5)  # what a busy machine does is no fault of the store's
        limits = PolicySettings(mints_per_user_per_minute=10_000, mints_per_minute=10_000)
        self.servers = Servers(Path(self.folder.name), 3, settings=Settings(policy=limits))
        self.servers.__enter__()
        self.out: dict[tuple[str, str], str] = {}
        self.kept: dict[bytes, bytes] = {}
        self.log_outs: dict[str, int] = {}
        self.works = True

    def teardown(self) -> None:
        self.servers.__exit__()
        self.patch.undo()
        self.folder.cleanup()

    def _moment(self) -> int:
        return next(self.servers.world.moments)

    def _settle(self) -> None:
        """Whoever can hear has heard."""
        if self.works:
            self.servers.until(lambda: not any(server.store.is_down for server in self.servers.all))
            self.servers.until(lambda: all(server.store.in_touch for server in self.servers.all))

    @rule(number=integers(0, 2), login=sampled_from(LOGINS), feature=sampled_from(["", "item_share"]))
    def come(self, number: int, login: str, feature: str) -> None:
        token = self.servers.run(self.servers[number].token(login, *filter(None, [feature])))
        made = self.servers.world.made[token]
        assert self.servers.world.people[made.user_id].login == login
        assert made.resource == ROOT and set(made.scopes) == {"base_explorer", *filter(None, [feature])}
        assert made.moment > self.log_outs.get(login, 0), "from before the log-out"
        assert made.alive
        if self.works:
            assert self.out.setdefault((login, feature), token) == token, "a second of one kind"

    @rule(login=sampled_from(LOGINS), feature=sampled_from(["", "item_share"]))
    def come_at_once(self, login: str, feature: str) -> None:
        async def crowd() -> set[str]:
            return set(
                await asyncio.gather(
                    *(server.token(login, *filter(None, [feature])) for server in self.servers.all for _ in range(2))
                )
            )

        got = self.servers.run(crowd())
        for token in got:
            made = self.servers.world.made[token]
            assert made.alive and made.moment > self.log_outs.get(login, 0)
        if self.works:
            assert got == {self.out.setdefault((login, feature), got.copy().pop())}

    @rule(number=integers(0, 2), login=sampled_from(LOGINS))
    def log_out(self, number: int, login: str) -> None:
        if self.works:
            self.servers.revoke(Subject("login", login), number)
            # Who knows other names of the person says these too, and ends what is being made once more.
            self.servers.run(asyncio.sleep(0.4))
            self.log_outs[login] = self._moment()
            for key in [key for key in self.out if key[0] == login]:
                del self.out[key]

    @precondition(lambda self: self.works)
    @rule(number=integers(0, 2), login=sampled_from(LOGINS), feature=sampled_from(["", "item_share"]))
    def box_refuses_it(self, number: int, login: str, feature: str) -> None:
        if token := self.out.pop((login, feature), None):
            self.out[login, feature] = self.servers.run(
                self.servers[number].token(login, *filter(None, [feature]), refused=digest(token))
            )
            assert self.out[login, feature] != token
            # The others have it in memory, and hand it out until they are told so too.
            for server in self.servers.all:
                assert (
                    self.servers.run(server.token(login, *filter(None, [feature]), refused=digest(token)))
                    == self.out[login, feature]
                )

    @rule()
    def keep_a_copy(self) -> None:
        if self.works:
            client = self.servers.store.client
            self.kept = {key: client.get(key) or b"" for key in self.servers.keys("value:")}

    @precondition(lambda self: self.works)
    @rule(what=sampled_from([*LIES]))
    def lie(self, what: str) -> None:
        client, values = self.servers.store.client, self.servers.keys("value:")
        if what == "replayed":
            for key, value in self.kept.items():
                client.set(key, value, px=1_000_000)
        elif what == "swapped":
            for key, value in zip(values, [client.get(key) for key in values[1:] + values[:1]], strict=True):
                client.set(key, value or b"", px=1_000_000)
        elif what == "torn":
            for key in values:
                client.set(key, (client.get(key) or b"")[:-5], px=1_000_000)
        elif what == "emptied":
            client.flushall()
        elif what == "leases for ever":
            for key in values:
                client.set(key.replace(b"value:", b"lease:"), "nobody")
        elif what == "counter":
            for key in self.servers.keys("counter"):
                client.set(key, "inf")
        elif what == "epochs to come":
            for key in [
                *self.servers.keys("epoch:"),
                *(key.replace(b"counter", b"epoch:all") for key in client.keys("*counter")),
            ]:
                client.set(key, str(10**18), px=1_000_000)
        elif what == "messages again":
            for stream in self.servers.keys("revocations"):
                for _, message in client.xrange(stream):
                    client.xadd(stream, message | {b"number": b"9" * 18})
        else:
            client.delete("nothing", *self.servers.keys(what))
        self._forget()

    @precondition(lambda self: self.works)
    @rule(how=sampled_from(["paused", "killed"]))
    def fail(self, how: str) -> None:
        self.works = False
        self.servers.store.pause() if how == "paused" else self.servers.store.stop()

    @precondition(lambda self: not self.works)
    @rule()
    def work_again(self) -> None:
        if self.servers.store.process:
            self.servers.store.go_on()
        else:
            self.servers.store.start()
        self.works = True
        self._settle()
        self.servers.store.client.flushall()
        self._forget()

    def _forget(self) -> None:
        """What is in memory differs from what another makes: each kind once more for all."""
        self.out.clear()
        for server in self.servers.all:
            for key in list(server.service.cache.tokens):
                server.service.cache.supersede(key)


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)


# What is told changes from one question of a request to the next


@pytest.mark.parametrize("lie", TOLD)
def test_a_request_has_its_end_and_its_token_whatever_is_told(start: Callable[..., Servers], lie: str) -> None:
    servers = start()
    between = HostileStore(servers, 0)
    first = servers.run(servers[0].token())
    between.keep()
    servers.run(servers[0].revoke())
    out: set[str] = set()
    for told in ([lie], [lie, "earlier"], [lie, "yours"]):
        servers.calls()
        servers.store.client.delete("nothing", *servers.keys("value:"))
        between.tell(told, for_ever=True)

        async def come() -> str:
            with within(1.0):
                return await servers[0].token()

        with contextlib.suppress(Problem):
            token = servers.run(come())
            out.add(token)
            assert token != first
        assert servers.living() <= out, "what was made in vain has ended"
        calls = servers.calls()
        assert calls.get("downscope", 0) <= 6 and calls.get("find", 0) <= 6
        between.tell([], for_ever=False)
        for key in list(servers[0].service.cache.tokens):
            servers[0].service.cache.supersede(key)
        servers.until(lambda: not servers[0].store.is_down)
    servers.run(between.stop())


class Deceived(RuleBasedStateMachine):
    """Somebody answers in the store's name whom one of two servers asks, and can put back what was in the store.

    What is promised all the same: whoever gets a token gets their own; none from before a log-out that this server has
    heard of; what it makes in vain has ended; and a request has an end, in bounded turns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="store-")
        limits = PolicySettings(mints_per_user_per_minute=10_000, mints_per_minute=10_000)
        self.servers = Servers(Path(self.folder.name), 2, settings=Settings(policy=limits))
        self.servers.__enter__()
        self.between = HostileStore(self.servers, 0)
        self.heard: dict[tuple[int, str], int] = {}

    def teardown(self) -> None:
        self.servers.run(self.between.stop())
        self.servers.__exit__()
        self.folder.cleanup()

    @rule()
    def keep(self) -> None:
        self.between.keep()

    @rule(
        number=integers(0, 1),
        login=sampled_from(LOGINS),
        feature=sampled_from(["", "item_share"]),
        lies=lists(sampled_from(TOLD), max_size=6),
        for_ever=booleans(),
    )
    def come(self, number: int, login: str, feature: str, lies: list[str], for_ever: bool) -> None:
        self.servers.calls()
        before = self.servers.living()
        self.between.tell(lies, for_ever=for_ever)

        async def issue() -> str:
            with within(1.0):
                return await self.servers[number].token(login, *filter(None, [feature]))

        try:
            token = self.servers.run(issue())
        except Problem as problem:
            assert problem.code in {"tokens_revoked", "rate_limited", "box_unavailable"}
            token = ""
        finally:
            self.between.tell([], for_ever=False)
        calls = self.servers.calls()
        assert calls.get("downscope", 0) <= 6 and calls.get("find", 0) <= 6
        self.servers.until(lambda: len(self.servers.living() - before - {token}) == 0)
        if token:
            made = self.servers.world.made[token]
            assert self.servers.world.people[made.user_id].login == login
            assert made.resource == ROOT and set(made.scopes) == {"base_explorer", *filter(None, [feature])}
            assert made.moment > self.heard.get((number, login), 0), "from before a log-out it has heard of"

    @rule(number=integers(0, 1), login=sampled_from(LOGINS), lies=lists(sampled_from(TOLD), max_size=4))
    def log_out(self, number: int, login: str, lies: list[str]) -> None:
        subject = Subject("login", login)
        guards = [server.service.revocations.begin(subject) for server in self.servers.all]
        self.between.tell(lies, for_ever=False)
        self.servers.run(self.servers[number].revoke(login))
        self.between.tell([], for_ever=False)
        assert guards[number].is_broken()
        for each, guard in enumerate(guards):
            if guard.is_broken():
                self.heard[each, login] = next(self.servers.world.moments)
        held = [str(cached.token.secret.reveal()) for cached in self.servers[number].service.cache.tokens.values()]
        assert not [
            one for one in held if self.servers.world.people[self.servers.world.made[one].user_id].login == login
        ]


TestDeceived = Deceived.TestCase
TestDeceived.settings = settings(max_examples=10, stateful_step_count=12, deadline=None)
