"""What is promised of tokens, in whatever order people ask, log out and are renamed, policy changes and Box fails.

A machine of Hypothesis's plays callers, administrator, Box and time against everything behind the socket, one step
after the other; Box answers each call when the machine wants it to, so that everything else can come in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from box_sidecar.issuer import Issued
from box_sidecar.model import Resource, Subject, User
from box_sidecar.problems import Problem
from box_sidecar.settings import CacheSettings, PolicySettings, Settings
from sidecar.scripted_box import DENIED, DOWN, LOGINS, ROOT, UNKNOWN_SUBJECT_TOKEN, Stage

ALL = ("item_download", "item_share")
FILE, OTHER_FILE, FOLDER = Resource("file", "7"), Resource("file", "8"), Resource("folder", "10")
FOLDERS = {"7": ["0", "10"], "8": ["0", "20"]}
MINTS = 12
MIN_LIFE_S = 120.0
USER_TTL_S = 600.0


def policy(**details: Any) -> PolicySettings:
    return PolicySettings(mints_per_minute=1_000, mints_per_user_per_minute=MINTS, **details)


POLICIES = [
    policy(),
    policy(elements={"explorer": ["item_download"], "preview": []}),
    policy(elements={"explorer": list(ALL), "preview": []}, denied_logins=["B@example.com"]),
    policy(denied_roles=["admin"], login_domains=["example.com"]),
    policy(denied_roles=["user"]),
    policy(folders=["10", "0"]),
    policy(folders=["10"]),
]
WIDGETS = [
    ("explorer", (), ROOT),
    ("explorer", ALL, ROOT),
    ("explorer", (), FOLDER),
    ("picker", (), ROOT),
    ("preview", (), FILE),
    ("preview", (), OTHER_FILE),
]
NAMES = [*(Subject("login", login) for login in LOGINS), Subject("login", LOGINS[0].upper()), Subject("id", "1")]
FAILURES = [None, None, None, None, DOWN, DENIED, UNKNOWN_SUBJECT_TOKEN]

Widget = tuple[str, tuple[str, ...], Resource]


@dataclass
class Asked:
    """A request under way."""

    subject: Subject
    widget: Widget
    refused: str
    moment: int


class Promises(RuleBasedStateMachine):
    """The machine: its rules are what may happen, its invariants what must hold after each."""

    room = 1_000  # tokens in memory

    def __init__(self) -> None:
        super().__init__()
        self.policy = POLICIES[0]
        self.app = 1
        self.stage = Stage(self._settings(), folders=FOLDERS)
        self.world, self.service = self.stage.world, self.stage.service
        self.world.is_patient = True
        self.logged_out: defaultdict[Subject, int] = defaultdict(int)
        self.under_way: list[asyncio.Task[None]] = []
        self.names: defaultdict[str, set[Subject]] = defaultdict(set)  # by which a token was handed out
        self.ended: set[str] = set()  # that must not live on: revoked, or refused by a policy since
        self.minted: dict[str, tuple[str, float]] = {}  # for a caller: whose, and when
        self.last = ""

    def _settings(self) -> Settings:
        cache = CacheSettings(max_tokens=self.room, user_ttl_s=USER_TTL_S, min_life_s=MIN_LIFE_S)
        return Settings(policy=self.policy, cache=cache)

    def teardown(self) -> None:
        try:
            self.the_dust_settles()
            self.what_was_to_end_has_ended()
        finally:
            self.stage.__exit__()

    # What may happen

    @rule(subject=st.sampled_from(NAMES), widget=st.sampled_from(WIDGETS), reports=st.booleans())
    def ask(self, subject: Subject, widget: Widget, reports: bool) -> None:
        """Somebody opens a page, perhaps with a token in hand that Box has refused."""
        asked = Asked(subject, widget, self.last if reports else "", next(self.world.moments))

        async def ask() -> None:
            digest = hashlib.sha256(asked.refused.encode()).hexdigest() if asked.refused else None
            with contextlib.suppress(Problem):
                self._judge_answer(asked, await self.service.issuer.issue(subject, *widget, digest))

        self._begin(ask())

    @rule(subject=st.sampled_from(NAMES), widget=st.sampled_from(WIDGETS), reports=st.booleans())
    def visit(self, subject: Subject, widget: Widget, reports: bool) -> None:
        """The same, with nothing in between."""
        self.ask(subject, widget, reports)
        self.answer_all()

    @rule(
        subject=st.sampled_from(NAMES),
        widget=st.sampled_from(WIDGETS),
        steps=st.integers(0, 3),
        turns=st.integers(0, 12),
        event=st.data(),
    )
    def interrupted(self, subject: Subject, widget: Widget, steps: int, turns: int, event: st.DataObject) -> None:
        """The same, with a log-out, a reload or another app in the middle: after any call, at any turn of the loop.

        And then once more, so that what was made meanwhile comes to light.
        """
        self.answer_all()
        self.ask(subject, widget, False)
        for step in range(steps):
            if self.world.waiting:
                self.world.answer(0)
                self._settle(turns if step == steps - 1 else 40)
        match event.draw(st.sampled_from(["log-out", "log-out", "reload", "app"])):
            case "log-out":
                self.log_out(event.draw(st.sampled_from([subject, *NAMES])))
            case "reload":
                self.reload(event.draw(st.sampled_from(POLICIES)))
            case _:
                self.another_app()
        self.answer_all()
        self.visit(subject, widget, False)

    @precondition(lambda self: self.world.waiting)
    @rule(number=st.integers(0, 20), failure=st.sampled_from(FAILURES))
    def answer(self, number: int, failure: Problem | None) -> None:
        """Box answers one of the calls, or nobody hears what it has done, or it refuses."""
        self._let(number, failure)

    @precondition(lambda self: self.world.waiting)
    @rule()
    def answer_all(self) -> None:
        """Box answers whatever it is asked."""
        while self.world.waiting:
            self._let(0, None)

    @precondition(lambda self: self.world.waiting)
    @rule()
    def go_down(self) -> None:
        """Box answers nothing of what it was asked."""
        for _ in range(20):
            if self.world.waiting:
                self._let(0, DOWN)

    @rule(subject=st.sampled_from(NAMES))
    def look_up(self, subject: Subject) -> None:
        """Somebody is looked up for another reason."""

        async def look_up() -> None:
            with contextlib.suppress(Problem):
                await self.service.users.lookup(subject)

        self._begin(look_up())

    @rule(subject=st.sampled_from(NAMES))
    def log_out(self, subject: Subject) -> None:
        """All that was handed out by this name must be dead once we say so, and nothing made before is handed out."""
        key = subject.key

        async def log_out() -> None:
            self.logged_out[key] = next(self.world.moments)
            secrets = {secret for secret in self._ours() if key in self.names.get(secret, ())}
            people = {self.world.made[secret].user_id for secret in secrets}
            for user_id in people.union(self.service.cache.names.people(key)):
                self.logged_out[Subject("id", user_id)] = self.logged_out[key]
            self.ended |= secrets
            with contextlib.suppress(Problem):
                assert await self.service.revocations.revoke(subject) >= 0
                if self.room > len(self.world.made):  # what had to go can't be revoked any more
                    assert not secrets & self.ended & self._ours(), "said to be revoked, but alive"

        self._begin(log_out())

    @rule(to=st.sampled_from(POLICIES))
    def reload(self, to: PolicySettings) -> None:
        """The administrator changes policy."""
        self.policy = to
        self.stage.reload(self._settings(), self.app)
        # One that is still on its way from Box, or whose making nobody heard of, is judged when it arrives.
        self.ended |= {secret for secret in self._ours() & set(self.names) if not self._fits(secret)}
        self._settle()

    @rule()
    def another_app(self) -> None:
        """The administrator gives us another app's key: nothing of the old one's is ours to give, or to revoke."""
        self.app += 1
        self.ended.clear()
        self.stage.reload(self._settings(), self.app)
        self._settle()

    @rule(user_id=st.sampled_from(["1", "2"]), login=st.sampled_from(LOGINS))
    def rename(self, user_id: str, login: str) -> None:
        """Box's administrator gives somebody a new login, perhaps one that another had."""
        self.world.change(user_id, login=login)

    @rule(user_id=st.sampled_from(["1", "2"]), role=st.sampled_from(["user", "admin", ""]))
    def promote(self, user_id: str, role: str) -> None:
        """Box's administrator makes somebody an administrator, or no longer."""
        self.world.change(user_id, role=role)

    @rule(seconds=st.sampled_from([0.25, 1.0, 31.0, 200.0, 700.0, 2_900.0, 3_100.0, 3_700.0]))
    def wait(self, seconds: float) -> None:
        """Time goes by: what was told of people gets old, tokens are due, or end."""
        self.stage.loop.advance(seconds)
        self._settle()

    def the_dust_settles(self) -> None:
        """Box answers everything, for long enough."""
        for _ in range(4):
            self.answer_all()
            self.wait(31.0)
        self.answer_all()

    def _let(self, number: int, failure: Problem | None) -> None:
        self.world.answer(number, failure)
        self._settle()

    def _ours(self) -> set[str]:
        """What this app had made for pages, and still opens something."""
        made = self.world.made
        return {secret for secret in self.world.living() if made[secret].app == self.app and made[secret].resource}

    # What must hold

    def _settle(self, turns: int = 40) -> None:
        self.stage.loop.settle(turns)
        for task in [task for task in self.under_way if task.done()]:
            self.under_way.remove(task)
            task.result()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.under_way.append(self.stage.loop.create_task(work))
        self._settle()

    def _judge_answer(self, asked: Asked, issued: Issued) -> None:
        user, key, token, source = issued
        secret = self.last = token.secret.reveal()
        made, now = self.world.made[secret], self.stage.loop.now
        names = {asked.subject.key, Subject("id", user.id), Subject("login", user.login)}
        assert made.user_id == user.id == key.user_id, "somebody else's"
        assert asked.subject.by != "id" or asked.subject.value == user.id, "somebody else's"
        assert (made.app, made.resource) == (self.app, asked.widget[2]), "another app's, or for another place"
        assert secret != asked.refused, "the very token that Box refused"
        assert made.ends - now >= (MIN_LIFE_S if source != "stale" else 0.001), "too short a life"
        assert asked.moment > max(self.logged_out[name] for name in names), "asked for before the last log-out"
        # By the person's id alone: a log-out by a name that Box had not told, and gave to the person later, was not of
        # what they held. That names are known as they are told is what `whoever_is_held_is_found` looks after.
        assert made.moment > self.logged_out[Subject("id", user.id)], "made before the last log-out"
        assert secret not in self.ended, "revoked"
        assert self._may_have(user) and self._fits(secret), "beyond policy"
        assert set(token.scopes) <= set(made.scopes), "more than Box granted"
        self.names[secret] |= names
        if source == "mint":
            self.minted.setdefault(secret, (user.id, now))
            times = [then for whose, then in self.minted.values() if whose == user.id and now - then < 60]
            assert len(times) <= MINTS, "more than the limits allow"

    def _may_have(self, user: User) -> bool:
        """Policy on people, once more and in other words than the product's."""
        denied = {login.lower() for login in self.policy.denied_logins}
        return user.login.lower() not in denied and user.role not in {"", *self.policy.denied_roles}

    def _fits(self, secret: str) -> bool:
        """Policy on elements, scopes and places, likewise."""
        made = self.world.made[secret]
        assert made.resource
        element = made.scopes[0].removeprefix("base_")
        allowed = self.policy.elements.get(element)
        if allowed is None or not set(made.scopes[1:]) <= set(allowed):
            return False
        place = made.resource
        above = FOLDERS[place.id] if place.type == "file" else [place.id]
        return not self.policy.folders or bool(set(above) & set(self.policy.folders))

    def what_was_to_end_has_ended(self) -> None:
        """Box has been told of everything that was revoked, and nothing lives that nobody could revoke."""
        if self.room <= len(self.world.made):
            return
        assert not self._ours() & set(self.names) & self.ended, "Box was never told"

    @invariant()
    def memory_is_bounded(self) -> None:
        """There is room for so much and no more, and nobody's name outlives what is held of them."""
        cache = self.service.cache
        assert max(len(cache.tokens), len(cache.superseded), len(cache.users)) <= self.room
        assert len(cache.pending_revocations) <= 2 * self.room + 1_000
        caches = (cache.users, cache.tokens, cache.superseded, cache.user_tokens, cache.pending_revocations)
        assert all(any(held.has(person) for held in caches) for person in cache.names)

    @invariant()
    def whoever_is_held_is_found(self) -> None:
        """By every name that counts, so that a log-out by it reaches all."""
        cache = self.service.cache
        for key, held in list(cache.tokens.items()):
            for name in (held.subject, Subject("login", held.user.login), Subject("id", key.user_id)):
                assert name.by == "id" or key.user_id in cache.names.people(name)
            assert held in cache.tokens.of(key.user_id)

    @invariant()
    def nothing_is_kept_that_policy_refuses(self) -> None:
        """What is in memory may be handed out."""
        for held in list(self.service.cache.tokens.values()):
            assert self._may_have(held.user) and self._fits(held.token.secret.reveal())


class PromisesWithoutRoom(Promises):
    """The same where hardly anything is remembered."""

    room = 2


TestPromises = Promises.TestCase
TestPromisesWithoutRoom = PromisesWithoutRoom.TestCase
TestPromises.settings = TestPromisesWithoutRoom.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
