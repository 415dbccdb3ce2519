"""Who is who at Box: from the name that a caller gives to the person it stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cachetools import TLRUCache

from box_sidecar import clock
from box_sidecar.box.deadline import within
from box_sidecar.current import Current
from box_sidecar.model import Subject, User
from box_sidecar.problems import BOX_IS_DOWN, Problem
from box_sidecar.revocation import Guard, Revocations
from box_sidecar.sentences import say
from box_sidecar.sharing import Sharing
from box_sidecar.single_flight import SingleFlight
from box_sidecar.token_cache import TokenCache
from box_sidecar.tracing import step

_UNKNOWN = 10_000


class Users:
    """Looks people up and remembers them for ``user_ttl_s``, and briefly whom Box does not know."""

    def __init__(self, current: Current, cache: TokenCache, revocations: Revocations, sharing: Sharing) -> None:
        self._current = current
        self._sharing = sharing
        self._cache = cache
        self._revocations = revocations
        self._unknown: TLRUCache[Subject, Problem] = TLRUCache(
            _UNKNOWN,
            lambda _subject, _problem, now: now + current.settings.cache.unknown_user_ttl_s,
            timer=clock.monotonic,
        )
        self._lookups: SingleFlight[User] = SingleFlight()
        self._provisions: SingleFlight[tuple[User, bool]] = SingleFlight()

    def known(self, subject: Subject) -> User | None:
        """Whom Box has told within ``user_ttl_s``."""
        try:
            user, told = self._cache.users[subject.key]
        except KeyError:
            return None
        return user if self._is_recent(told) else None

    def forget_unknown(self) -> None:
        """Ask Box again about whom it did not know."""
        self._unknown.clear()

    async def lookup(self, subject: Subject) -> User:
        """The person behind a name, as Box tells it now or told it within ``user_ttl_s``.

        Raises:
            Problem: ``user_not_found``, ``user_ambiguous``, ``login_not_allowed``, ``rate_limited``,
                ``tokens_revoked``, or what Box refuses.
        """
        await self._sharing.begin()
        with within(self._current.patience):
            return await self._resolve(subject)

    async def lookup_or_last_known(self, subject: Subject) -> User:
        """As :meth:`lookup`, within the caller's deadline; without Box, whom it last was, so that a token in memory can
        still be given."""
        try:
            return await self._resolve(subject)
        except Problem as problem:
            known = self._cache.users.get(subject.key)
            if problem.code not in BOX_IS_DOWN or known is None:
                raise
            return known.user

    async def refresh(self, subject: Subject) -> User:
        """The person as Box tells it now; not charged, for what nobody asked for at this moment."""
        guard = self._revocations.begin(subject)
        return await self._lookups.do(subject.key, lambda: self._ask_box(guard, subject, lambda: None))

    async def _resolve(self, subject: Subject) -> User:
        if user := self.known(subject):
            return user
        if problem := self._unknown.get(subject.key):
            raise replace(problem)  # a new one: an exception raised twice keeps both tracebacks
        if subject.by == "login":
            self._current.policy.check_login(subject.value)
        guard = self._revocations.begin(subject)

        async def charged() -> User:
            self._current.limits.charge_call()
            await self._sharing.charge_call(self._current.settings.policy.mints_per_minute)
            return await self._ask_box(guard, subject, self._current.limits.charge_call)

        async def work() -> User:
            user, told = await self._sharing.user(subject.key, self._is_recent, charged)
            guard.check(user)
            self._cache.remember(subject, user, told)
            self._unknown.pop(subject.key, None)
            return user

        return await self._lookups.do(subject.key, work)

    def _is_recent(self, told: float) -> bool:
        return clock.monotonic() - told < self._current.settings.cache.user_ttl_s

    @step("look-up")
    async def _ask_box(self, guard: Guard, subject: Subject, on_next_page: Callable[[], None]) -> User:
        try:
            user = await self._find(subject, on_next_page)
        except Problem as problem:
            if problem.code == "user_not_found":
                self._forget(subject)
                if not guard.is_broken():
                    self._unknown[subject.key] = problem
            raise
        guard.check(user)  # what Box told may be what has just been changed there
        self._remember(subject, user)
        return user

    async def _find(self, subject: Subject, on_next_page: Callable[[], None]) -> User:
        box = self._current.box
        if subject.by == "id":
            return await box.get_user(subject.value)
        if subject.by == "login":
            return _only(await box.find_users(subject.value, on_next_page))
        return _only(await box.find_app_users(subject.value))

    def _remember(self, subject: Subject, user: User) -> None:
        self._cache.remember(subject, user)
        self._unknown.pop(subject.key, None)

    def _forget(self, subject: Subject) -> None:
        self._cache.users.pop(subject.key, None)
        if subject.by == "id":
            self._cache.users.drop(subject.value)

    # App users

    async def provision(self, external_id: str, name: str) -> tuple[User, bool]:
        """The app user with this external id, and whether it was made just now.

        Raises:
            Problem: ``provisioning_not_allowed`` unless policy allows it.
        """
        if not self._current.policy.provision_app_users:
            raise Problem("provisioning_not_allowed")
        subject = Subject("external_app_user_id", external_id)
        guard = self._revocations.begin(subject)

        async def work() -> tuple[User, bool]:
            self._current.limits.charge_call()
            with within(self._current.patience):
                user, made = await self._find_or_create(external_id, name)
            self._unknown.pop(subject.key, None)
            if not guard.is_broken(user):
                self._cache.remember(subject, user)
            return user, made

        return await self._provisions.do(external_id, work)

    async def _find_or_create(self, external_id: str, name: str) -> tuple[User, bool]:
        box = self._current.box
        if found := await box.find_app_users(external_id):
            return _only(found), False
        try:
            return _only([await box.create_app_user(external_id, name)]), True
        except Problem as problem:
            # Somebody else was faster, or Box did it without being able to say so.
            unknown = problem.box is None and problem.code in {"box_unavailable", "box_refused"}
            if not unknown and not (problem.box and problem.box.status == 409):
                raise
            if not (found := await box.find_app_users(external_id)):
                raise
            return _only(found), False


def _only(users: list[User]) -> User:
    if not users:
        raise Problem("user_not_found", detail=say("Box has no managed user with exactly this login or id."))
    if len(users) > 1:
        raise Problem("user_ambiguous", detail=say("Box has {count} users that fit.", count=len(users)))
    if not users[0].id:
        raise Problem("box_refused", detail=say("Box's record of this person has no id."))
    return users[0]
