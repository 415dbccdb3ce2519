"""Renewal ahead: a token in use is replaced in the background before it ends, so that nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context

from box_sidecar import clock
from box_sidecar.box.deadline import within
from box_sidecar.current import Current
from box_sidecar.minter import Minter
from box_sidecar.model import TokenKey
from box_sidecar.problems import BOX_IS_DOWN, Problem
from box_sidecar.single_flight import SingleFlight
from box_sidecar.token_cache import CachedToken, TokenCache
from box_sidecar.users import Users

OnRenewal = Callable[[CachedToken, str], None]

_AT_ONCE = 8
_RETRY_S = 30.0
_LOOK_MIN_S, _LOOK_MAX_S = 0.2, 1.0


class Renewer:
    """Renews what is due and in use, a few at once. ``on_renewal`` is told the outcome: ``renewed`` or a code."""

    def __init__(
        self,
        current: Current,
        cache: TokenCache,
        users: Users,
        minter: Minter,
        on_renewal: OnRenewal,
    ) -> None:
        self._current = current
        self._cache = cache
        self._users = users
        self._minter = minter
        self._on_renewal = on_renewal
        self._loop: asyncio.Task[None] | None = None
        self._renewals: SingleFlight[None] = SingleFlight()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def start(self) -> None:
        """Begin to renew tokens; call inside the running event loop."""
        self._loop = asyncio.create_task(self._renew_when_due())

    async def stop(self) -> None:
        """End all renewals. Tokens in memory lapse by themselves."""
        if self._loop:
            self._loop.cancel()
        await self._renewals.cancel()

    async def _renew_when_due(self) -> None:
        while True:
            await asyncio.sleep(min(_LOOK_MAX_S, max(_LOOK_MIN_S, self._cache.next_due - clock.monotonic())))
            for cached in self._cache.due():
                self.renew(cached)

    def renew(self, cached: CachedToken) -> None:
        """Replace a token in the background."""
        if cached.key not in self._renewals:
            cached.used = False
            # Nobody waits for it: not even the deadline of whoever has noticed that it is due is its own.
            Context().run(self._renewals.start, cached.key, lambda: self._renew(cached))

    async def _renew(self, cached: CachedToken) -> None:
        async with self._slots:
            with within(self._current.patience):
                try:
                    if not await self._replace(cached):
                        return
                    outcome = "renewed"
                except Problem as problem:
                    outcome = problem.code
        if outcome == "renewed":
            self._lapse_unless_used(cached.key)
        elif self._cache.tokens.get(cached.key) is cached:
            self._keep_or_supersede(cached, outcome)
        self._on_renewal(cached, outcome)

    async def _replace(self, cached: CachedToken) -> bool:
        """Have another token made in this one's place; whether it is still there to be replaced."""
        user = await self._users.refresh(cached.subject)
        self._current.policy.check(user, cached.key)
        if self._cache.tokens.get(cached.key) is not cached:
            return False  # revoked while we waited
        await self._minter.mint(cached.subject, user, cached.key, charge=False)
        return True

    def _lapse_unless_used(self, key: TokenKey) -> None:
        if (fresh := self._cache.tokens.get(key)) is not None:
            fresh.used = False

    def _keep_or_supersede(self, cached: CachedToken, outcome: str) -> None:
        if outcome in BOX_IS_DOWN or outcome == "rate_limited":
            cached.used, cached.refresh_at = True, clock.monotonic() + _RETRY_S
            self._cache.schedule(cached)
        else:
            self._cache.supersede(cached.key)
