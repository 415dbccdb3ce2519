"""The story of one token, from who asks for what to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from box_sidecar import clock
from box_sidecar.box.deadline import within
from box_sidecar.current import Current
from box_sidecar.minter import Minter
from box_sidecar.model import Resource, Subject, Token, TokenKey, User
from box_sidecar.paths import Paths
from box_sidecar.problems import BOX_IS_DOWN, Problem
from box_sidecar.renewer import Renewer
from box_sidecar.revocation import Revocations
from box_sidecar.sharing import Sharing
from box_sidecar.token_cache import TokenCache
from box_sidecar.users import Users


class Issued(NamedTuple):
    """The answer to one request. ``source`` is ``hit``, ``mint`` or ``stale`` (Box was down)."""

    user: User
    key: TokenKey
    token: Token
    source: Literal["hit", "mint", "stale"]


class Issuer:
    """Hands out tokens, from memory where it can."""

    def __init__(
        self,
        current: Current,
        cache: TokenCache,
        users: Users,
        revocations: Revocations,
        minter: Minter,
        paths: Paths,
        renewer: Renewer,
        sharing: Sharing,
    ) -> None:
        self._current = current
        self._cache = cache
        self._users = users
        self._revocations = revocations
        self._minter = minter
        self._paths = paths
        self._renewer = renewer
        self._sharing = sharing

    async def issue(
        self, subject: Subject, element: str, features: Sequence[str], resource: Resource, refused: str | None = None
    ) -> Issued:
        """A token for this person, element, feature scopes and folder or file, or the folder at a path.

        ``refused`` is the SHA-256 (hexadecimal) of a token that Box has refused: if it is the one in memory, another is
        made, and counted as any other; if it is not, that makes no difference.

        Raises:
            Problem: any code of the contract's.
        """
        await self._sharing.begin()
        if issued := self.recall(subject, element, features, resource, refused):
            return issued
        scopes = self._current.policy.scopes(element, tuple(features))
        with within(self._current.patience):
            guard = self._revocations.begin(subject)
            user = self._users.known(subject) or await self._users.lookup_or_last_known(subject)
            guard.check(user)
            self._current.policy.check_user(user)
            known = self._paths.known(user, resource)
            found = self._paths.last_known(user, resource)
            try:
                found = known or await self._paths.find(guard, user, resource, scopes)
                guard.check(user)  # what follows begins anew, and would outlive a log-out that has come meanwhile
                key = _key(user, element, scopes, resource, found)
                issued = self._hit(user, key, refused)
                if issued is None:
                    token, is_new = await self._minter.mint(subject, user, key, refused)
                    issued = Issued(user, key, token, "mint" if is_new else "hit")
            except Problem as problem:
                if problem.code == "resource_not_found" and self._paths.forget(user, resource) and known:
                    guard.check(user)  # of whoever begins anew
                    return await self.issue(subject, element, features, resource, refused)
                stale = (
                    self._serve_stale(user, _key(user, element, scopes, resource, found), refused) if found else None
                )
                if problem.code not in BOX_IS_DOWN or stale is None:
                    raise
                issued = stale
            guard.check(user, resource)
            self._current.policy.check(user, issued.key)  # it may have changed meanwhile
            return issued

    def recall(
        self, subject: Subject, element: str, features: Sequence[str], resource: Resource, refused: str | None = None
    ) -> Issued | None:
        """What is in memory with enough life left, for a person who may have it; nearly all requests end here.

        Waits for nobody. ``None``: :meth:`issue` finds out.

        Raises:
            Problem: what policy has against it.
        """
        if not self._sharing.in_touch:
            return None
        scopes = self._current.policy.scopes(element, tuple(features))
        self._current.policy.check_resource(element, resource)
        user = self._users.known(subject)
        if user is None:
            return None
        self._current.policy.check_user(user)
        found = self._paths.known(user, resource)
        return self._hit(user, _key(user, element, scopes, resource, found), refused) if found else None

    def _hit(self, user: User, key: TokenKey, refused: str | None) -> Issued | None:
        try:  # cachetools' get() would look it up twice
            cached = self._cache.tokens[key]
        except KeyError:
            return None
        now = clock.monotonic()
        if cached.token.expires_at - now < self._current.settings.cache.min_life_s or cached.token.has_digest(refused):
            return None
        cached.used = True
        if now >= cached.refresh_at:
            self._renewer.renew(cached)
        return Issued(user, key, cached.token, "hit")

    def _serve_stale(self, user: User, key: TokenKey, refused: str | None) -> Issued | None:
        """What has not ended, however little life it has left: without Box it is all there is."""
        cached = self._cache.tokens.get(key)
        if cached is None or cached.token.has_digest(refused):
            return None
        return Issued(user, key, cached.token, "stale")


def _key(user: User, element: str, scopes: tuple[str, ...], asked: Resource, found: Resource) -> TokenKey:
    return TokenKey(user.id, element, scopes, found, "" if found is asked else asked.id)
