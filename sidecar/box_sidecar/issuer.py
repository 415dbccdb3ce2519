"""Who may have which token, and the story of each: resolve, judge, mint, narrow, remember."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import hmac
import itertools
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec
from cachetools import TTLCache

from box_sidecar.box.client import BoxClient
from box_sidecar.box.deadline import within
from box_sidecar.box.throttle import acting_for
from box_sidecar.clock import monotonic
from box_sidecar.model import Resource, Subject, Token, User, normalize_login
from box_sidecar.policy import Policy
from box_sidecar.problems import Problem
from box_sidecar.rate_limit import MintLimits
from box_sidecar.settings import Settings
from box_sidecar.single_flight import SingleFlight
from box_sidecar.token_cache import Lapsing, Marks, Names, Recent

log = logging.getLogger(__name__)

T = TypeVar("T")

_BOX_IS_DOWN = frozenset({"box_unavailable", "box_rate_limited"})
_RENEWALS_AT_ONCE = 8
_RENEWAL_RETRY_S = 30.0
_PARENTS = 1_000
_PARENT_S = 300.0
_UNTIL_BOX_KNOWS_S = 0.25  # a token that it has just issued
_REVOCATIONS = 100_000
_REVOCATION_MEMORY_S = 600.0  # longer than any story can last
_TOLD_AT_ONCE = 100


class Key(msgspec.Struct, frozen=True):
    """What a token is remembered by: the person and exactly what it may do."""

    user_id: str
    element: str
    scopes: tuple[str, ...]
    resource: Resource


#: Where a token lies that is handed out no more: whose it was, and a number.
Place: TypeAlias = tuple[str, int]


@dataclass(slots=True)
class CachedToken:
    """A token in the cache. ``used``: whether it was handed out since it was made, and so is worth renewing from
    ``due`` on, on the monotonic clock."""

    who: Subject
    user: User
    key: Key
    token: Token
    due: float
    used: bool = True


class Issued(NamedTuple):
    """The answer to one request. ``source`` is ``hit``, ``mint`` or ``stale`` (Box was down)."""

    user: User
    key: Key
    token: Token
    source: Literal["hit", "mint", "stale"]


class TokenService:
    """Issues, renews and revokes tokens by one policy for one Box app."""

    def __init__(
        self, settings: Settings, box: BoxClient, patience: float, on_renewal: Callable[[CachedToken, str], None]
    ) -> None:
        self.settings = settings
        self._on_renewal = on_renewal
        size = settings.cache.max_tokens
        # Both names of a person lead to what is held of them, also those by which nobody would find them any more.
        self._names: Names[Subject] = Names()
        self._users: Recent[Subject, tuple[User, float]] = self._user_cache(size)
        self._unknown: TTLCache[Subject, Problem]
        self._tokens: Lapsing[Key, CachedToken] = self._token_cache(size)
        self._parents: Lapsing[str, Token] = _parent_cache(self._left)
        # Tokens that were replaced before their end: nobody gets them any more, but somebody may hold them.
        self._replaced: Lapsing[Place, CachedToken] = self._replaced_cache(size)
        # Forgotten here, still to be revoked at Box: never more than all of the above.
        self._doomed: Lapsing[Place, Token] = self._place_cache(2 * size + _PARENTS)
        self._tellings: SingleFlight[bool] = SingleFlight()
        self._lookups: SingleFlight[User] = SingleFlight()
        self._mints: SingleFlight[Token] = SingleFlight()
        self._parent_mints: SingleFlight[Token] = SingleFlight()
        self._provisions: SingleFlight[tuple[User, bool]] = SingleFlight()
        self._sequence = itertools.count(1)
        self._app = 0  # counts the apps that we have been: a token of an earlier one is not kept
        self._fewer_folders = 0  # counts the policies that may refuse a file that the one before allowed
        self._revoked: Marks[Subject] = Marks(_REVOCATIONS, _REVOCATION_MEMORY_S)
        self._due: list[tuple[float, int, Key]] = []
        self._renewer: asyncio.Task[None] | None = None
        self._renewals: dict[Key, asyncio.Task[None]] = {}
        self._renewal_slots = asyncio.Semaphore(_RENEWALS_AT_ONCE)
        self.configure(settings, box, patience, forget=False)

    def configure(self, settings: Settings, box: BoxClient, patience: float, *, forget: bool) -> None:
        """Go on under another configuration; ``forget`` everything if it is another Box app's.

        What the new policy would refuse is handed out no more, and revoked at Box soon.
        """
        # Whether a file lies in an allowed folder was judged when its token was made.
        files_too = _may_refuse_files(settings.policy.folders, self.settings.policy.folders)
        self._fewer_folders += files_too
        self.settings = settings
        self.policy = Policy(settings.policy)
        self.limits = MintLimits(settings.policy.mints_per_user_per_minute, settings.policy.mints_per_minute)
        self._box = box
        self._patience = patience
        self._unknown = TTLCache(10_000, settings.cache.unknown_user_ttl_s, timer=monotonic)
        if forget:
            self._app += 1
            for cache in self._caches:
                cache.clear()
        size = settings.cache.max_tokens
        if self._tokens.maxsize != size:
            self._users = _moved(self._users, self._user_cache(size))
            self._tokens = _moved(self._tokens, self._token_cache(size))
            self._replaced = _moved(self._replaced, self._replaced_cache(size))
            self._doomed = _moved(self._doomed, self._place_cache(2 * size + _PARENTS))
        self._doom_what_is_refused(files_too)
        for user_id in list(self._names):
            self._left(user_id)

    def _doom_what_is_refused(self, files_too: bool) -> None:
        """Whatever the present policy refuses somebody, the tokens included that are handed out no more."""

        def is_refused(held: CachedToken | None) -> bool:
            if held is None:
                return False
            return (files_too and held.key.resource.type == "file") or not self._may_have(held.user, held.key)

        for key in list(self._tokens):
            if is_refused(self._tokens.get(key)):
                self._doomed[self._place(key.user_id)] = self._tokens.pop(key).token
        for place in list(self._replaced):
            if is_refused(self._replaced.get(place)):
                self._doomed[place] = self._replaced.pop(place).token

    def _judge(self, user: User, key: Key) -> None:
        """Raise what the present policy has against this person's having this token."""
        self.policy.scopes(key.element, key.scopes[1:])
        self.policy.check_resource(key.element, key.resource)
        self.policy.check_user(user)

    def _may_have(self, user: User, key: Key) -> bool:
        try:
            self._judge(user, key)
        except Problem:
            return False
        return True

    @property
    def _caches(self) -> tuple[Recent[Any, Any] | Lapsing[Any, Any], ...]:
        """All that is held of people."""
        return self._users, self._tokens, self._parents, self._replaced, self._doomed

    def _left(self, user_id: str) -> None:
        """A cache has nothing of this person any more: if none has, their names are nobody's business."""
        if not any(cache.has(user_id) for cache in self._caches):
            self._names.unlink(user_id)

    def _user_cache(self, size: int) -> Recent[Subject, tuple[User, float]]:
        return Recent(size, lambda _, told: told[0].id, self._left)

    def _token_cache(self, size: int) -> Lapsing[Key, CachedToken]:
        return Lapsing(size, lambda held: held.token.expires_at, lambda key, _: key.user_id, self._left)

    def _replaced_cache(self, size: int) -> Lapsing[Place, CachedToken]:
        return Lapsing(size, lambda held: held.token.expires_at, lambda place, _: place[0], self._left)

    def _place_cache(self, size: int) -> Lapsing[Place, Token]:
        return Lapsing(size, lambda token: token.expires_at, lambda place, _: place[0], self._left)

    def _place(self, user_id: str) -> Place:
        return user_id, next(self._sequence)

    def start(self) -> None:
        """Begin to renew tokens; call inside the running event loop."""
        self._renewer = asyncio.create_task(self._renew_when_due())

    async def stop(self) -> None:
        """End all background work. Tokens in memory lapse by themselves."""
        tasks = [task for task in (self._renewer, *self._renewals.values()) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, self._tellings.land(), return_exceptions=True)

    @property
    def held(self) -> int:
        """Tokens in memory."""
        return len(self._tokens)

    # The story of one token

    async def issue(
        self, who: Subject, element: str, features: Iterable[str], resource: Resource, refused: str | None = None
    ) -> Issued:
        """A token for this person, element, feature scopes and folder or file.

        ``refused`` is the SHA-256 (hexadecimal) of a token that Box has refused: if it is the one in memory, another is
        made, and counted as any other; if it is not, that makes no difference.

        Raises:
            Problem: any code of the contract's.
        """
        if issued := self.cached(who, element, features, resource, refused):
            return issued
        scopes = self.policy.scopes(element, tuple(features))
        with within(self._patience):
            return await self._ask_box(who, element, scopes, resource, refused)

    def cached(
        self, who: Subject, element: str, features: Iterable[str], resource: Resource, refused: str | None = None
    ) -> Issued | None:
        """As :meth:`issue`, from memory; ``None`` where Box must be asked."""
        scopes = self.policy.scopes(element, tuple(features))
        self.policy.check_resource(element, resource)
        user = self._known(who.key)
        return self._at_hand(user, element, scopes, resource, refused) if user else None

    def _at_hand(
        self, user: User, element: str, scopes: tuple[str, ...], resource: Resource, refused: str | None
    ) -> Issued | None:
        """What is in memory with enough life left, for a person who may have it. Nearly all requests end here."""
        self.policy.check_user(user)
        key = Key(user.id, element, scopes, resource)
        try:  # cachetools' get() would look it up twice
            held = self._tokens[key]
        except KeyError:
            return None
        now = monotonic()
        if held.token.expires_at - now < self.settings.cache.min_life_s:
            return None
        if refused is not None and _is(held.token, refused):
            return None
        held.used = True
        if now >= held.due:
            self._renew(key)
        return Issued(user, key, held.token, "hit")

    async def _ask_box(
        self, who: Subject, element: str, scopes: tuple[str, ...], resource: Resource, refused: str | None
    ) -> Issued:
        began = self._revoked.now
        user = self._known(who.key) or await self._resolve_even_if_box_is_down(who)
        self._refuse_if_revoked_since(began, who, user)
        issued = self._at_hand(user, element, scopes, resource, refused)
        if issued is None:
            issued = await self._mint_or_last_resort(who, user, Key(user.id, element, scopes, resource), refused)
        self._refuse_if_revoked_since(began, who, user)
        self._judge(user, issued.key)  # policy may have changed meanwhile
        return issued

    async def _mint_or_last_resort(self, who: Subject, user: User, key: Key, refused: str | None) -> Issued:
        try:
            return Issued(user, key, await self._mint(who, user, key), "mint")
        except Problem as problem:
            held = self._tokens.get(key)
            if problem.code not in _BOX_IS_DOWN or held is None or (refused and _is(held.token, refused)):
                raise
            return Issued(user, key, held.token, "stale")

    async def _mint(self, who: Subject, user: User, key: Key) -> Token:
        async def charged() -> Token:
            self.limits.charge_mint(user.id)
            return await self._mint_now(who, user, key)

        return await self._mints.join(key, charged)

    async def _mint_now(self, who: Subject, user: User, key: Key) -> Token:
        began, app, folders = self._revoked.now, self._app, self._fewer_folders
        with acting_for(user.id):
            token = await self._narrow(self._box, user, key)
        is_old = app != self._app or (key.resource.type == "file" and folders != self._fewer_folders)
        if is_old or self._is_revoked_since(began, who, user):
            await self._throw_away(user.id, token)
            raise Problem("tokens_revoked")
        try:
            self._judge(user, key)  # policy may have changed meanwhile
        except Problem:
            await self._throw_away(user.id, token)
            raise
        if token.life < self.settings.cache.min_life_s:
            raise Problem(
                "box_refused",
                detail=f"Box issues tokens of {token.life:.0f} s, less than cache.min_life_s.",
                fix="Set cache.min_life_s lower than the life of Box's tokens.",
            )
        if (old := self._tokens.get(key)) is not None:
            self._replaced[self._place(user.id)] = old
        # A token that lives for less than refresh_ahead_s is not renewed over and over.
        due = max(token.expires_at - self.settings.cache.refresh_ahead_s, monotonic() + token.life / 2)
        self._link(who, user)  # again: there may have been no room for them meanwhile
        self._tokens[key] = CachedToken(who.key, user, key, token, due)
        heapq.heappush(self._due, (due, next(self._sequence), key))
        return token

    async def _narrow(self, box: BoxClient, user: User, key: Key) -> Token:
        """User token, then exchange. A user token that Box does not know any more is replaced once; one that it does
        not know yet is tried again in a moment before."""
        remembered = self._parents.get(user.id)
        parent = remembered or await self._parent(box, user)
        try:
            return await self._exchange(box, parent, key)
        except Problem as problem:
            if not _may_be_the_parents_fault(problem, remembered):
                raise
        if remembered is None:
            await asyncio.sleep(_UNTIL_BOX_KNOWS_S)
            try:
                return await self._exchange(box, parent, key)
            except Problem as problem:
                if problem.refusal != "subject-token":
                    raise
        if self._parents.get(user.id) is parent:
            del self._parents[user.id]
        return await self._exchange(box, await self._parent(box, user), key)

    async def _exchange(self, box: BoxClient, parent: Token, key: Key) -> Token:
        if key.resource.type == "file" and self.policy.limits_files:
            self.policy.check_ancestors(await box.folders_above(key.resource.id, parent))
        return await box.downscope(parent, key.scopes, key.resource)

    async def _parent(self, box: BoxClient, user: User) -> Token:
        async def mint() -> Token:
            began, app = self._revoked.now, self._app
            try:
                token = await box.user_token(user.id)
            except Problem as problem:
                if problem.code == "user_not_found":
                    self._forget_user(user.id)
                raise
            if self._is_revoked_since(began, Subject("id", user.id), user) or app != self._app:
                await self._throw_away(user.id, token)
                raise Problem("tokens_revoked")
            self._parents[user.id] = token
            return token

        return await self._parent_mints.join(user.id, mint)

    # People

    async def lookup(self, who: Subject) -> User:
        """The person behind a name, as Box tells it now or told it within ``user_ttl_s``."""
        with within(self._patience):
            return await self._resolve(who)

    async def provision(self, external_id: str, name: str) -> tuple[User, bool]:
        """The app user with this external id, and whether it was made just now.

        Raises:
            Problem: ``provisioning_not_allowed`` unless policy allows it.
        """
        if not self.policy.provision_app_users:
            raise Problem("provisioning_not_allowed")
        who = Subject("external_app_user_id", external_id)

        async def make() -> tuple[User, bool]:
            self.limits.charge_call()
            with within(self._patience):
                return await self._find_or_create(who, name)

        return await self._provisions.join(external_id, make)

    async def _find_or_create(self, who: Subject, name: str) -> tuple[User, bool]:
        if found := await self._box.find_app_users(who.value):
            return self._remember(who, _only(found)), False
        try:
            user, made = _only([await self._box.create_app_user(who.value, name)]), True
        except Problem as problem:
            # Somebody else was faster, or Box did it without being able to say so.
            unknown = problem.box is None and problem.code in {"box_unavailable", "box_refused"}
            if not unknown and not (problem.box and problem.box.status == 409):
                raise
            found = await self._box.find_app_users(who.value)
            if not found:
                raise
            user, made = _only(found), False
        return self._remember(who, user), made

    async def _resolve_even_if_box_is_down(self, who: Subject) -> User:
        """As :meth:`_resolve`; without Box, whom it last was, so that a token in memory can still be given."""
        try:
            return await self._resolve(who)
        except Problem as problem:
            known = self._users.get(who.key)
            if problem.code in _BOX_IS_DOWN and known is not None:
                return known[0]
            raise

    def _known(self, key: Subject) -> User | None:
        """Whom Box has told within ``user_ttl_s``."""
        try:
            user, told = self._users[key]
        except KeyError:
            return None
        return user if monotonic() - told < self.settings.cache.user_ttl_s else None

    async def _resolve(self, who: Subject) -> User:
        key = who.key
        if user := self._known(key):
            return user
        if key in self._unknown:
            raise replace(self._unknown[key])  # a new one: an exception raised twice keeps both tracebacks
        if who.by == "login":
            self.policy.check_login(who.value)

        async def charged() -> User:
            self.limits.charge_call()
            return await self._look_up(who, self.limits.charge_call)

        return await self._lookups.join(key, charged)

    async def _look_up(self, who: Subject, on_next_page: Callable[[], None] = lambda: None) -> User:
        began = self._revoked.now
        try:
            if who.by == "id":
                user = await self._box.get_user(who.value)
            elif who.by == "login":
                user = _only(await self._box.find_users(who.value, on_next_page))
            else:
                user = _only(await self._box.find_app_users(who.value))
        except Problem as problem:
            if problem.code == "user_not_found":
                self._users.pop(who.key, None)
                if who.by == "id":
                    self._forget_user(who.value)
                self._unknown[who.key] = problem
            raise
        self._refuse_if_revoked_since(began, who, user)  # what Box told may be what has just been changed there
        return self._remember(who, user)

    def _remember(self, who: Subject, user: User) -> User:
        self._link(who, user)
        self._users[who.key] = (user, monotonic())
        # What Box tells now is so whatever name the person is asked for by: not the role of an hour ago by another.
        for key in self._users.of(user.id):
            if (told := self._users.get(key)) and told[0] != user:
                del self._users[key]
        self._unknown.pop(who.key, None)
        return user

    def _link(self, who: Subject, user: User) -> None:
        self._names.link(user.id, who.key, Subject("login", normalize_login(user.login)))

    def _forget_user(self, user_id: str) -> None:
        for who in self._users.of(user_id):
            del self._users[who]

    # Renewal ahead

    async def _renew_when_due(self) -> None:
        retry = 0.0
        while True:
            await asyncio.sleep(min(5.0, max(0.2, self._due[0][0] - monotonic())) if self._due else 1.0)
            while self._due and self._due[0][0] <= monotonic():
                _, _, key = heapq.heappop(self._due)
                held = self._tokens.get(key)
                if held is not None and held.used:
                    self._renew(key)
            if self._doomed and monotonic() >= retry:
                try:
                    await self._tell_what_is_left()
                except Exception as error:
                    retry = monotonic() + _RENEWAL_RETRY_S
                    if not isinstance(error, Problem):  # whatever it was, it must not end the renewals
                        log.error("tokens could not be revoked: %s", type(error).__name__)

    async def _tell_what_is_left(self) -> None:
        """Tell Box what it could not be told when it was down: one token of each person first, then another of each.

        So what Box won't be told of somebody is in nobody else's way.
        """
        people: dict[str, list[Place]] = {}
        for place in self._doomed:
            people.setdefault(place[0], []).append(place)
        turns = itertools.chain.from_iterable(itertools.zip_longest(*people.values()))
        with within(self._patience):
            await self._tell_box(itertools.islice(filter(None, turns), _TOLD_AT_ONCE))

    def _renew(self, key: Key) -> None:
        """Replace a token in the background, at most a few at once."""
        held = self._tokens.get(key)
        if held is None or key in self._renewals:
            return
        held.used = False
        task = self._renewals[key] = asyncio.create_task(self._renew_now(key, held))
        task.add_done_callback(lambda _: self._renewals.pop(key))

    async def _renew_now(self, key: Key, held: CachedToken) -> None:
        async with self._renewal_slots:
            with within(self._patience):
                try:
                    user = await self._lookups.join(held.who, lambda: self._look_up(held.who))
                    self._judge(user, key)
                    if self._tokens.get(key) is not held:
                        return  # revoked while we waited: there is nothing to renew
                    await self._mints.join(key, lambda: self._mint_now(held.who, user, key))
                    outcome = "renewed"
                except Problem as problem:
                    outcome = problem.code
        if outcome in _BOX_IS_DOWN or outcome == "rate_limited":
            held.used, held.due = True, monotonic() + _RENEWAL_RETRY_S
            heapq.heappush(self._due, (held.due, next(self._sequence), key))
        elif outcome != "renewed" and self._tokens.get(key) is held:
            # Handed out no more, but somebody may hold it: it can still be revoked.
            self._replaced[self._place(key.user_id)] = self._tokens.pop(key)
        elif outcome == "renewed" and (fresh := self._tokens.get(key)) is not None:
            fresh.used = False
        self._on_renewal(held, outcome)

    # Revocation

    async def revoke(self, who: Subject) -> int:
        """Forget every token of this person and revoke them at Box; how many were revoked there.

        A token that is being made at this moment is revoked as well, and handed out to nobody. Needs no
        look-up: of a person whom we never resolved we hold nothing.

        Raises:
            Problem: ``box_unavailable`` if Box could not be told. The tokens are forgotten all the same, and
                Box is told later.
        """
        ids = self._names.people(who.key)
        if who.by == "id":
            ids.add(who.value)
        self._revoked.mark((who.key, *(Subject("id", user_id) for user_id in ids)))
        places = [place for user_id in ids for place in self._doom(user_id)]
        with within(self._patience):
            return await self._tell_box(places)

    def _doom(self, user_id: str) -> list[Place]:
        """Forget all that is held of a person; where in ``_doomed`` it is until Box has been told."""
        for key in self._tokens.of(user_id):
            if held := self._tokens.pop(key, None):
                self._doomed[self._place(user_id)] = held.token
        if parent := self._parents.pop(user_id, None):
            self._doomed[self._place(user_id)] = parent
        for place in self._replaced.of(user_id):
            if replaced := self._replaced.pop(place, None):
                self._doomed[place] = replaced.token
        self._forget_user(user_id)
        return self._doomed.of(user_id)

    async def _throw_away(self, user_id: str, token: Token) -> None:
        """Revoke a token that nobody has got yet."""
        place = self._place(user_id)
        self._doomed[place] = token
        await self._tell_box([place])

    async def _tell_box(self, places: Iterable[Place]) -> int:
        """Revoke at Box; how many it was told. What it could not be told stays doomed."""
        # In tasks of their own: a caller who does not wait for the end must leave no token alive.
        tellings = [self._tellings.begin(place, partial(self._tell, place)) for place in places]
        results = await asyncio.gather(*map(asyncio.shield, tellings), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results.count(True)

    async def _tell(self, place: Place) -> bool:
        token = self._doomed.get(place)
        if token is None:
            return False
        with acting_for(place[0]):
            await self._box.revoke(token.secret)
        self._doomed.pop(place, None)
        return True

    def _is_revoked_since(self, began: int, who: Subject, user: User) -> bool:
        return self._revoked.since(
            began, (who.key, Subject("id", user.id), Subject("login", normalize_login(user.login)))
        )

    def _refuse_if_revoked_since(self, began: int, who: Subject, user: User) -> None:
        if self._is_revoked_since(began, who, user):
            raise Problem("tokens_revoked")


def _may_be_the_parents_fault(problem: Problem, remembered: Token | None) -> bool:
    """Whether an exchange may go well with another user token.

    Box sometimes does not know a token that it has just issued; one that was remembered it may have ended since.
    """
    if problem.refusal == "subject-token":
        return True
    refused = problem.box is not None and problem.box.status in {400, 401}
    return remembered is not None and refused and problem.code != "resource_not_found"


def _only(users: list[User]) -> User:
    if not users:
        raise Problem("user_not_found", detail="Box has no managed user with exactly this login or id.")
    if len(users) > 1:
        raise Problem("user_ambiguous", detail=f"Box has {len(users)} users that fit.")
    if not users[0].id:
        raise Problem("box_refused", detail="Box's record of this person has no id.")
    return users[0]


def _may_refuse_files(folders: list[str], before: list[str]) -> bool:
    """Whether under these ``policy.folders`` a file can be out of bounds that was not; none at all are all."""
    return bool(folders) and (not before or not set(before).issubset(folders))


def _is(token: Token, digest: str) -> bool:
    """Whether this is the token's SHA-256, in a time that tells nothing of how far it is."""
    return hmac.compare_digest(hashlib.sha256(token.secret.reveal().encode()).hexdigest(), digest)


def _parent_cache(left: Callable[[str], None]) -> Lapsing[str, Token]:
    # A user token can do all that the person can. It is kept only for the other widgets of the page that needed it.
    def ends(token: Token) -> float:
        return min(token.expires_at - 60, monotonic() + _PARENT_S)

    return Lapsing(_PARENTS, ends, lambda user_id, _: user_id, left)


C = TypeVar("C", bound="Recent[Any, Any] | Lapsing[Any, Any]")


def _moved(old: C, new: C) -> C:
    for key in list(old):
        if (value := old.get(key)) is not None:
            new[key] = value
    return new
