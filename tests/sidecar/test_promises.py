"""What is promised of tokens, in whatever order people ask, log out and are renamed, policy changes and Box fails.

A machine of Hypothesis's plays callers, administrator, Box and time against the token service, one step after the
other; Box answers each call when the machine wants it to, so that everything else can come in between.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from box_sidecar import issuer, model, token_cache
from box_sidecar.issuer import Issued, TokenService
from box_sidecar.model import Resource, Subject, Token, User
from box_sidecar.problems import BoxReason, Problem
from box_sidecar.secret import Secret
from box_sidecar.settings import CacheSettings, PolicySettings, Settings

ROOT = Resource("folder", "0")
LIFE_S = 3600.0
ALL = ("item_download", "item_share")


def unlimited(**policy: Any) -> PolicySettings:
    """A policy under which nobody is refused for asking too often."""
    return PolicySettings(mints_per_minute=1_000_000, mints_per_user_per_minute=1_000_000, **policy)


POLICIES = [
    unlimited(),
    unlimited(elements={"explorer": ["item_download"]}),
    unlimited(elements={"explorer": list(ALL)}, denied_logins=["b@example.com"]),
    unlimited(elements={"explorer": list(ALL)}, denied_roles=["admin"]),
]
LOGINS = ("a@example.com", "b@example.com", "c@example.com")
WIDGETS = [("explorer", ()), ("explorer", ALL), ("picker", ())]
NAMES = [*(Subject("login", login) for login in LOGINS), Subject("id", "1")]


@dataclass
class Made:
    """A token as Box knows it."""

    user_id: str
    moment: int
    ends: float
    alive: bool = True


class SlowBox:
    """Box as far as the token service sees it; every call waits until it is told to succeed or fail."""

    def __init__(self, now: Callable[[], float], moments: itertools.count[int]) -> None:
        self.people = {
            "1": User("1", LOGINS[0], "A", "active", "user"),
            "2": User("2", LOGINS[1], "B", "active", "user"),
        }
        self.made: dict[str, Made] = {}
        self.waiting: list[asyncio.Future[bool]] = []
        self._now = now
        self._moments = moments

    async def _call(self, work: Callable[[], Any]) -> Any:
        self.waiting.append(done := asyncio.get_running_loop().create_future())
        if not await done:
            raise Problem("box_unavailable", retry_after=1.0)
        return work()

    async def find_users(self, login: str, *_: object) -> list[User]:
        return list(await self._call(lambda: [user for user in self.people.values() if user.login == login]))

    async def get_user(self, user_id: str) -> User:
        user: User = await self._call(lambda: self.people[user_id])
        return user

    async def user_token(self, user_id: str) -> Token:
        return self._token(await self._call(lambda: self._make(user_id)), ())

    async def downscope(self, parent: Token, scopes: tuple[str, ...], resource: Resource) -> Token:
        return self._token(await self._call(lambda: self._narrow(parent)), scopes)

    def _narrow(self, parent: Token) -> str:
        made = self.made[parent.secret.reveal()]
        if not made.alive:
            raise Problem("box_refused", box=BoxReason(400, "invalid_grant"))
        return self._make(made.user_id)

    def _make(self, user_id: str) -> str:
        secret = f"token {len(self.made)}"
        self.made[secret] = Made(user_id, next(self._moments), self._now() + LIFE_S)
        return secret

    def _token(self, secret: str, scopes: tuple[str, ...]) -> Token:
        return Token(Secret(secret), self.made[secret].ends, scopes)

    async def revoke(self, token: Secret) -> None:
        await self._call(lambda: self._end(token.reveal()))

    def _end(self, secret: str) -> None:
        self.made[secret].alive = False


class Promises(RuleBasedStateMachine):
    """The machine: its rules are what may happen, its invariants what must hold after each."""

    room = 1_000  # tokens in memory

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.patched = pytest.MonkeyPatch()
        for module in (issuer, token_cache, model):
            self.patched.setattr(module, "monotonic", lambda: self.now)
        self.moments = itertools.count(1)
        self.box = SlowBox(lambda: self.now, self.moments)
        self.policy = POLICIES[0]
        self.loop = asyncio.new_event_loop()
        self.service: TokenService = self.loop.run_until_complete(self._service())
        self.revoked: defaultdict[Subject, int] = defaultdict(int)
        self.logged_out: defaultdict[Subject, int] = defaultdict(int)
        self.asking: dict[asyncio.Task[Issued], tuple[Subject, str, int]] = {}
        self.revoking: dict[asyncio.Task[int], set[str]] = {}
        self.names: defaultdict[str, set[Subject]] = defaultdict(set)  # by which a token was handed out
        self.last = ""

    async def _service(self) -> TokenService:
        return TokenService(self._settings(), self.box, 1e9, lambda *_: None)  # type: ignore[arg-type]

    def _settings(self) -> Settings:
        return Settings(policy=self.policy, cache=CacheSettings(max_tokens=self.room, user_ttl_s=600.0))

    def teardown(self) -> None:
        self.answer_all()
        self.patched.undo()
        self.loop.run_until_complete(self.service.stop())
        self.loop.close()

    def _settle(self) -> None:
        """Everything goes on until it waits for Box; what has ended is judged."""

        async def turn() -> None:
            for _ in range(30):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turn())
        for task in [task for task in self.asking if task.done()]:
            self._judge_answer(*self.asking.pop(task), task)
        for ended in [ended for ended in self.revoking if ended.done()]:
            self._judge_revocation(self.revoking.pop(ended), ended)

    def _judge_answer(self, who: Subject, refused: str, asked: int, task: asyncio.Task[Issued]) -> None:
        if isinstance(task.exception(), Problem):
            return
        user, key, token, _ = task.result()
        self.last = token.secret.reveal()
        made = self.box.made[self.last]
        assert made.user_id == user.id == key.user_id and made.ends > self.now
        assert self.last != refused, "the very token that Box refused"
        names = {who, Subject("id", user.id), Subject("login", user.login)}
        revoked = max(self.revoked[name] for name in names)
        assert asked > max(self.logged_out[name] for name in names), "asked for before the last log-out"
        assert made.moment > revoked, "made before the last revocation"
        assert set(token.scopes[1:]) <= set(self.policy.elements[key.element]), "wider than policy"
        assert user.login not in self.policy.denied_logins and user.role not in self.policy.denied_roles
        self.names[self.last] |= names

    def _judge_revocation(self, secrets: set[str], task: asyncio.Task[int]) -> None:
        if isinstance(task.exception(), Problem):
            return
        assert task.result() >= 0
        for secret in secrets if self.room > len(self.box.made) else ():  # what had to go can't be revoked any more
            made = self.box.made[secret]
            assert not made.alive or made.ends <= self.now, "said to be revoked, but alive"

    @rule(who=st.sampled_from(NAMES), wants=st.sampled_from(WIDGETS), reports=st.booleans())
    def ask(self, who: Subject, wants: tuple[str, tuple[str, ...]], reports: bool) -> None:
        """Somebody opens a page, perhaps with a token in hand that Box has refused."""
        digest = hashlib.sha256(self.last.encode()).hexdigest() if reports else None
        task = self.loop.create_task(self.service.issue(who, *wants, ROOT, digest))
        self.asking[task] = who, self.last if reports else "", next(self.moments)
        self._settle()

    @rule(who=st.sampled_from(NAMES), wants=st.sampled_from(WIDGETS), reports=st.booleans())
    def visit(self, who: Subject, wants: tuple[str, tuple[str, ...]], reports: bool) -> None:
        """The same, with nothing in between."""
        self.ask(who, wants, reports)
        self.answer_all()

    @rule(who=st.sampled_from(NAMES), wants=st.sampled_from(WIDGETS), steps=st.integers(0, 3), event=st.data())
    def interrupted(self, who: Subject, wants: tuple[str, tuple[str, ...]], steps: int, event: st.DataObject) -> None:
        """The same, with a log-out or a reload in the middle."""
        self.answer_all()
        self.ask(who, wants, False)
        for _ in range(steps):
            if self.box.waiting:
                self._let(0, True)
        if event.draw(st.booleans()):
            self.log_out(event.draw(st.sampled_from([who, *NAMES])))
        else:
            self.reload(event.draw(st.sampled_from(POLICIES)))
        self.answer_all()

    @precondition(lambda self: self.box.waiting)
    @rule(number=st.integers(0, 20), well=st.sampled_from([True, True, True, False]))
    def answer(self, number: int, well: bool) -> None:
        """Box answers one of the calls."""
        self._let(number, well)

    @precondition(lambda self: self.box.waiting)
    @rule()
    def answer_all(self) -> None:
        """Box answers whatever it is asked."""
        while self.box.waiting:
            self._let(0, True)

    def _let(self, number: int, well: bool) -> None:
        done = self.box.waiting.pop(number % len(self.box.waiting))
        done.set_result(well)
        self._settle()

    @rule(who=st.sampled_from(NAMES))
    def log_out(self, who: Subject) -> None:
        """All that was handed out by this name must be dead once we say so, and nothing made before is handed out."""
        self.revoked[who] = self.logged_out[who] = next(self.moments)
        living = {secret for secret, made in self.box.made.items() if made.alive and made.ends > self.now}
        secrets = {secret for secret in living if who in self.names[secret]}
        for secret in secrets:
            self.revoked[Subject("id", self.box.made[secret].user_id)] = self.revoked[who]
        self.revoking[self.loop.create_task(self.service.revoke(who))] = secrets
        self._settle()

    @rule(policy=st.sampled_from(POLICIES))
    def reload(self, policy: PolicySettings) -> None:
        """The administrator changes policy."""
        self.policy = policy
        self.service.configure(self._settings(), self.service._box, 1e9, forget=False)
        self._settle()

    @rule(user_id=st.sampled_from(["1", "2"]), login=st.sampled_from(LOGINS))
    def rename(self, user_id: str, login: str) -> None:
        """Box's administrator gives somebody a new login, perhaps one that another had."""
        self.box.people[user_id] = msgspec.structs.replace(self.box.people[user_id], login=login)

    @rule(user_id=st.sampled_from(["1", "2"]), role=st.sampled_from(["user", "admin"]))
    def promote(self, user_id: str, role: str) -> None:
        """Box's administrator makes somebody an administrator, or no longer."""
        self.box.people[user_id] = msgspec.structs.replace(self.box.people[user_id], role=role)

    @rule(seconds=st.sampled_from([1.0, 200.0, 700.0, 3_100.0, 3_700.0]))
    def wait(self, seconds: float) -> None:
        """Time goes by: what was told of people gets old, tokens are due, or end."""
        self.now += seconds
        self._settle()

    @invariant()
    def index_and_caches_agree(self) -> None:
        """Subject is found by person is who is there, and by every name that counts."""
        service = self.service
        for cache in service._caches:
            if isinstance(cache, token_cache.Lapsing):
                cache.expire()
            assert sorted(map(repr, cache)) == sorted(repr(key) for keys in cache._keys.values() for key in keys)
        people = {person for cache in service._caches for person in cache._keys}
        assert set(service._names) <= people
        for held in service._tokens.values():
            for name in (held.who, Subject("login", held.user.login)):
                assert held.user.id in service._names.people(name)

    @invariant()
    def no_token_of_another_policy_is_kept(self) -> None:
        """What is in memory may be handed out."""
        for key, held in self.service._tokens.items():
            assert set(key.scopes[1:]) <= set(self.policy.elements[key.element])
            assert held.user.login not in self.policy.denied_logins


class PromisesWithoutRoom(Promises):
    """The same where hardly anything is remembered."""

    room = 2


TestPromises = Promises.TestCase
TestPromisesWithoutRoom = PromisesWithoutRoom.TestCase
TestPromises.settings = TestPromisesWithoutRoom.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
