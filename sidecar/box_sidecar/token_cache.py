"""What is held of many people: their tokens, whom Box told they are, and where their paths lead.

All of it is bounded, and in memory only.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from box_sidecar import clock
from box_sidecar.by_person import ByPerson, Names
from box_sidecar.model import Path, Resource, Subject, Token, TokenKey, User, normalize_login
from box_sidecar.secret import Secret

_USER_TOKENS = 1_000
_USER_TOKEN_S = 300.0
_USER_TOKEN_MIN_LIFE_S = 60.0
_RECOVERED = 100_000


@dataclass(slots=True)
class CachedToken:
    """A token and whom it was asked for by. ``used``: whether it was handed out since it was made, and so is worth
    renewing from ``refresh_at`` on, on the monotonic clock."""

    subject: Subject
    user: User
    key: TokenKey
    token: Token
    refresh_at: float
    used: bool = True


class KnownUser(NamedTuple):
    """What Box told of a person, and when, on the monotonic clock."""

    user: User
    told: float


class PendingRevocation(NamedTuple):
    """A token that is handed out no more, and of which Box must still be told; ``is_written`` once the ledger says so,
    too."""

    user_id: str
    token: Token
    is_written: bool = False


class TokenCache:
    """All that is held of people, room for ``size`` tokens of theirs; and by which names they are found.

    All names of a person lead to what is held of them, also those by which nobody would find them any more, for as
    long as anything is held. ``on_new_name`` is told of a person who is known by one more.
    """

    def __init__(self, size: int, on_new_name: Callable[[str], None] = lambda _: None) -> None:
        self.names = Names()
        self._on_new_name = on_new_name
        self._refresh_order: list[tuple[float, TokenKey]] = []
        self._make(size)

    def _make(self, size: int) -> None:
        self.users: ByPerson[Subject, KnownUser] = ByPerson(
            size, lambda _: math.inf, lambda _, known: known.user.id, self._left
        )
        #: By person and path the folder to which it leads, and when Box told, on the monotonic clock.
        self.paths: ByPerson[tuple[str, Path], tuple[Resource, float]] = ByPerson(
            size, lambda _: math.inf, lambda key, _: key[0], self._left
        )
        self.tokens: ByPerson[TokenKey, CachedToken] = ByPerson(size, _token_ends, _owner, self._left)
        #: Replaced before their end: nobody gets them any more, but somebody may hold them.
        self.superseded: ByPerson[Secret, CachedToken] = ByPerson(size, _token_ends, _owner, self._left)
        #: A user token can do all that the person can: kept only for the other widgets of the page that needed it.
        self.user_tokens: ByPerson[str, Token] = ByPerson(
            _USER_TOKENS, _user_token_ends, lambda user_id, _: user_id, self._left
        )
        #: Made before a restart: nobody gets them, but somebody may hold them.
        self.recovered: ByPerson[Secret, PendingRevocation] = ByPerson(
            _RECOVERED, lambda known: known.token.expires_at, lambda _, it: it.user_id, self._left
        )
        #: Forgotten here, still to be revoked at Box: never more than all of the above.
        self.pending_revocations: ByPerson[Secret, PendingRevocation] = ByPerson(
            2 * size + _USER_TOKENS + _RECOVERED,
            lambda pending: pending.token.expires_at,
            lambda _, it: it.user_id,
            self._left,
        )

    @property
    def _caches(self) -> tuple[ByPerson[Any, Any], ...]:
        return *self._holding, self.pending_revocations

    @property
    def _holding(self) -> tuple[ByPerson[Any, Any], ...]:
        return self.users, self.paths, self.tokens, self.superseded, self.user_tokens, self.recovered

    def resize(self, size: int) -> None:
        """Go on with room for so many tokens."""
        if size == self.tokens.maxsize:
            return
        before = self._caches
        names, self.names = self.names, Names()  # nobody has left before all has been moved
        self._make(size)
        for old, new in zip(before, self._caches, strict=True):
            for key in list(old):
                if (value := old.get(key)) is not None:
                    new[key] = value
        self.names = names
        for user_id in list(names):
            self._left(user_id)

    def clear(self) -> None:
        """Forget everything."""
        for cache in self._caches:
            cache.clear()
        self._refresh_order.clear()
        for user_id in list(self.names):
            self.names.unlink(user_id)

    def _left(self, user_id: str) -> None:
        """A cache has nothing of this person any more: if none has, their names are nobody's business."""
        if not any(cache.has(user_id) for cache in self._caches):
            self.names.unlink(user_id)

    # People

    def remember(self, subject: Subject, user: User, told: float | None = None) -> None:
        """Box told just now that this is who the subject names; or it ``told`` another sidecar, at this time on the
        monotonic clock."""
        self._link(subject, user)
        self.users[subject.key] = KnownUser(user, clock.monotonic() if told is None else told)
        # What Box tells now is so whatever name the person is asked for by: not the role of an hour ago by another.
        for name in self.users.keys_of(user.id):
            if (known := self.users.get(name)) and known.user != user:
                del self.users[name]

    def _link(self, subject: Subject, user: User) -> None:
        before = len(self.names.of(user.id))
        self.names.link(user.id, subject.key, Subject("login", normalize_login(user.login)))
        if 0 < before < len(self.names.of(user.id)):
            self._on_new_name(user.id)

    def recover(self, user_id: str, names: Iterable[Subject], token: Token) -> None:
        """Hold a token of before a restart: it can be revoked, by these names of its person too."""
        self.names.link(user_id, *names)
        self.recovered[token.secret] = PendingRevocation(user_id, token)

    # Tokens

    def add(self, cached: CachedToken) -> None:
        """Hold a new token; the one in its place is superseded."""
        self.supersede(cached.key)
        self._link(cached.subject, cached.user)  # again: there may have been no room for them meanwhile
        self.tokens[cached.key] = cached
        self.schedule(cached)

    def supersede(self, key: TokenKey) -> None:
        """Hand a token out no more; somebody may hold it, so it can still be revoked."""
        if (old := self.tokens.get(key)) is not None:
            self.superseded[old.token.secret] = old  # first, so that the person's names stay
            self.tokens.pop(key, None)

    def schedule(self, cached: CachedToken) -> None:
        """Have it among :meth:`due` from its ``refresh_at`` on."""
        heapq.heappush(self._refresh_order, (cached.refresh_at, cached.key))

    @property
    def next_due(self) -> float:
        """When something may be due, on the monotonic clock."""
        return self._refresh_order[0][0] if self._refresh_order else math.inf

    def due(self) -> Iterator[CachedToken]:
        """Tokens in use that are to be renewed by now, each told once."""
        while self.next_due <= (now := clock.monotonic()):
            _, key = heapq.heappop(self._refresh_order)
            cached = self.tokens.get(key)
            if cached is not None and cached.used and cached.refresh_at <= now:
                yield cached

    # Revocation

    def tokens_of(self, user_id: str) -> list[Token]:
        """All tokens of a person's that are held, whether they are handed out or not."""
        held = [cached.token for cached in (*self.tokens.of(user_id), *self.superseded.of(user_id))]
        return [*held, *self.user_tokens.of(user_id), *(known.token for known in self.recovered.of(user_id))]

    def revoke(self, user_id: str) -> list[PendingRevocation]:
        """Forget all that is held of a person; what Box must be told of them by now."""
        for token in self.tokens_of(user_id):
            self.add_pending(user_id, token)
        for cache in self._holding:
            cache.drop(user_id)
        return self.pending_revocations.of(user_id)

    def revoke_all(self) -> None:
        """The same of everybody."""
        for cache in self._holding:
            for user_id in cache.people():
                self.revoke(user_id)

    def end_recovered(self, user_id: str, token: Token, *, is_written: bool = False) -> None:
        """A token of before a restart; Box is still to be told that it has ended."""
        self.add_pending(user_id, token, is_written=is_written)
        self.recovered.pop(token.secret, None)

    def revoke_recovered(self) -> None:
        """Forget what was made before a restart: what it may do nobody knows by now; Box is still to be told."""
        for known in list(self.recovered.values()):
            self.end_recovered(known.user_id, known.token)

    def revoke_where(self, is_refused: Callable[[CachedToken], bool]) -> None:
        """Forget what is refused by now, the tokens included that are handed out no more; Box is still to be told."""
        caches: tuple[ByPerson[Any, CachedToken], ...] = (self.tokens, self.superseded)
        for cache in caches:
            for key in list(cache):
                if (cached := cache.get(key)) is not None and is_refused(cached):
                    self.add_pending(cached.key.user_id, cached.token)
                    cache.pop(key, None)

    def add_pending(self, user_id: str, token: Token, *, is_written: bool = False) -> PendingRevocation:
        """Box must be told that this token has ended."""
        before = self.pending_revocations.get(token.secret)
        is_written = is_written or (before is not None and before.is_written)
        pending = self.pending_revocations[token.secret] = PendingRevocation(user_id, token, is_written)
        return pending


def _token_ends(cached: CachedToken) -> float:
    return cached.token.expires_at


def _owner(_key: Hashable, cached: CachedToken) -> str:
    return cached.key.user_id


def _user_token_ends(token: Token) -> float:
    return min(token.expires_at - _USER_TOKEN_MIN_LIFE_S, clock.monotonic() + _USER_TOKEN_S)
