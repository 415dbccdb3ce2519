"""How a token is made: the person's own token, downscoped at Box, judged once more, and only then held."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from box_sidecar import clock
from box_sidecar.box.client import BoxClient
from box_sidecar.box.throttle import acting_for
from box_sidecar.current import Current
from box_sidecar.model import Subject, Token, TokenKey, User, normalize_login
from box_sidecar.problems import Problem
from box_sidecar.revocation import Guard, Revocations
from box_sidecar.sentences import say
from box_sidecar.sharing import Sharing
from box_sidecar.single_flight import SingleFlight
from box_sidecar.token_cache import CachedToken, TokenCache
from box_sidecar.tracing import step

T = TypeVar("T")

_UNTIL_BOX_KNOWS_S = 0.25  # a token that it has just issued


class Minter:
    """Makes tokens, one flight for all who want the same one, and one for all who need the same user token."""

    def __init__(self, current: Current, cache: TokenCache, revocations: Revocations, sharing: Sharing) -> None:
        self._current = current
        self._sharing = sharing
        self._cache = cache
        self._revocations = revocations
        self._mints: SingleFlight[tuple[Token, bool]] = SingleFlight()
        self._user_token_mints: SingleFlight[Token] = SingleFlight()

    async def mint(
        self, subject: Subject, user: User, key: TokenKey, refused: str | None = None, *, charge: bool = True
    ) -> tuple[Token, bool]:
        """A new token in the cache, or the one that somebody else has or is having made, here or on another server;
        neither the one that is in the cache nor the ``refused`` one. And whether it was made here.

        ``charge`` it to the limits.

        Raises:
            Problem: ``rate_limited``, ``tokens_revoked``, what policy has against it by now, or what Box refuses.
        """
        guard = self._revocations.begin(subject)  # here: the flight takes off a turn of the loop later

        made_here = False

        async def make() -> Token:
            nonlocal made_here
            made_here = True
            if charge:
                self._current.limits.charge_mint(user.id)
                policy = self._current.settings.policy
                await self._sharing.charge_mint(user.id, policy.mints_per_user_per_minute, policy.mints_per_minute)
            return await self._mint(guard, user, key)

        async def work() -> tuple[Token, bool]:
            present = self._cache.tokens.get(key)

            def will_do(token: Token) -> bool:
                is_replaced = token.has_digest(refused) or (
                    present is not None and present.token.secret == token.secret
                )
                return not is_replaced and token.life >= self._current.settings.cache.min_life_s

            names = (subject.key, Subject("id", user.id), Subject("login", normalize_login(user.login)))
            known = dict.fromkeys((*names, *self._cache.names.of(user.id)))
            token = await self._sharing.token(
                key, tuple(known), will_do, make, partial(self._revocations.discard, user.id)
            )
            await self._check(guard, user, key, token)  # again: another server may have been asked meanwhile
            self._hold(subject, user, key, token)
            return token, made_here

        return await self._mints.do(key, work)

    async def _check(self, guard: Guard, user: User, key: TokenKey, token: Token) -> None:
        try:
            guard.check(user, key.resource)
            self._current.policy.check(user, key)
        except Problem:
            await self._revocations.discard(user.id, token)
            raise

    async def _mint(self, guard: Guard, user: User, key: TokenKey) -> Token:
        token = await self.as_person(guard, user, partial(self._downscope, key))
        await self._check(guard, user, key, token)
        settings = self._current.settings.cache
        if token.life < settings.min_life_s:
            raise Problem(
                "box_refused",
                detail=say("Box issues tokens of {life} s, less than cache.min_life_s.", life=f"{token.life:.0f}"),
                fix=say("Set cache.min_life_s lower than the life of Box's tokens."),
            )
        return token

    def _hold(self, subject: Subject, user: User, key: TokenKey, token: Token) -> None:
        settings = self._current.settings.cache
        # A token that lives for less than refresh_ahead_s is not renewed over and over.
        refresh_at = max(token.expires_at - settings.refresh_ahead_s, clock.monotonic() + token.life / 2)
        self._cache.add(CachedToken(subject.key, user, key, token, refresh_at))

    async def as_person(self, guard: Guard, user: User, call: Callable[[BoxClient, Token], Awaitable[T]]) -> T:
        """What a call gives with the person's own token. One that Box does not know any more is replaced once; one that
        it does not know yet is tried again in a moment before.

        Raises:
            Problem: ``tokens_revoked`` in place of another token if the guard is broken, or what Box refuses.
        """
        box = self._current.box
        with acting_for(user.id):
            remembered = self._cache.user_tokens.get(user.id)
            user_token = remembered or await self._user_token(box, user)
            try:
                return await call(box, user_token)
            except Problem as problem:
                if not _may_be_the_user_tokens_fault(problem, remembered):
                    raise
            if remembered is None:
                await asyncio.sleep(_UNTIL_BOX_KNOWS_S)
                try:
                    return await call(box, user_token)
                except Problem as problem:
                    if not _may_be_the_user_tokens_fault(problem, remembered):
                        raise
            if self._cache.user_tokens.get(user.id) is user_token:
                self._cache.user_tokens.pop(user.id, None)
            guard.check(user)
            return await call(box, await self._user_token(box, user))

    @step("downscope")
    async def _downscope(self, key: TokenKey, box: BoxClient, user_token: Token) -> Token:
        policy = self._current.policy
        if key.resource.type == "file" and policy.limits_files:
            policy.check_ancestors(await box.folders_above(key.resource.id, user_token))
        return await box.downscope(user_token, key.scopes, key.resource)

    @step("user token")
    async def _user_token(self, box: BoxClient, user: User) -> Token:
        guard = self._revocations.begin(Subject("id", user.id))

        async def work() -> Token:
            try:
                token = await box.user_token(user.id)
            except Problem as problem:
                if problem.code == "user_not_found":
                    self._cache.users.drop(user.id)
                raise
            if guard.is_broken(user):
                await self._revocations.discard(user.id, token)
                raise Problem("tokens_revoked")
            self._cache.user_tokens[user.id] = token
            return token

        return await self._user_token_mints.do(user.id, work)


def _may_be_the_user_tokens_fault(problem: Problem, remembered: Token | None) -> bool:
    """Whether downscoping may go well with another user token.

    Box sometimes does not know a token that it has just issued; one that was remembered it may have ended since.
    """
    if problem.refusal in {"subject-token", "user-token"}:
        return True
    refused = problem.box is not None and problem.box.status in {400, 401}
    return remembered is not None and refused and problem.code != "resource_not_found"
