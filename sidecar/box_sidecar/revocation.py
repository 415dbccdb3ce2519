"""Log-out, and all else that ends tokens before their time: what Box must be told, what may be answered no more.

Whatever takes time begins under a :class:`Guard` and asks it before it ends. So a token that was being made while its
person logged out is handed out to nobody.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
from collections.abc import Awaitable, Hashable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from box_sidecar import clock
from box_sidecar.box.deadline import within
from box_sidecar.box.throttle import acting_for
from box_sidecar.current import Current
from box_sidecar.ledger import Ledger
from box_sidecar.model import Resource, Subject, Token, User, normalize_login
from box_sidecar.problems import Problem
from box_sidecar.sentences import join, say
from box_sidecar.sharing import Sharing
from box_sidecar.single_flight import SingleFlight
from box_sidecar.token_cache import PendingRevocation, TokenCache

log = logging.getLogger(__name__)

_MARKS = 100_000
_MARK_S = 600.0  # longer than any request can last
_LOOK_S = 1.0
_RETRY_S = 30.0
_TOLD_AT_ONCE = 100
_TOLD_BESIDE = 16  # while others ask for tokens, who would wait for all that is begun in one moment
_FILES = "files"  # marked when files may be out of bounds that were not


class RevocationLog:
    """In which epoch each name was revoked last, so that whatever began before can be told.

    There is room for ``size`` names, each kept for ``memory_s`` seconds at least unless there is none. Whatever
    began before one that had to be forgotten counts as revoked, and so does a name with the hash of a revoked one (the
    names themselves may be long): too much is refused then, never too little.
    """

    def __init__(self, size: int = _MARKS, memory_s: float = _MARK_S) -> None:
        self.revocation_epoch = 0
        self._size = size
        self._memory_s = memory_s
        self._marks: dict[int, tuple[int, float]] = {}  # by the names' hashes, in the order of their epochs
        self._forgotten = 0  # whatever began before this epoch counts as revoked

    def mark(self, names: Iterable[Hashable]) -> None:
        """A new epoch, and these names revoked in it."""
        self.revocation_epoch += 1
        now = clock.monotonic()
        for name in map(hash, names):
            self._marks.pop(name, None)
            self._marks[name] = (self.revocation_epoch, now)
        while self._marks:
            oldest = next(iter(self._marks))
            epoch, marked = self._marks[oldest]
            if len(self._marks) <= self._size and now - marked < self._memory_s:
                break
            del self._marks[oldest]
            self._forgotten = epoch

    def mark_all(self) -> None:
        """A new epoch, and everything revoked in it."""
        self.revocation_epoch += 1
        self._marks.clear()
        self._forgotten = self.revocation_epoch

    def is_revoked_since(self, epoch: int, names: Iterable[Hashable]) -> bool:
        """Whether any of these names was revoked after this epoch."""
        if epoch == self.revocation_epoch:
            return False
        return epoch < self._forgotten or any(self._marks.get(hash(name), (0, 0.0))[0] > epoch for name in names)


class Guard:
    """Knows when something began for a person, and whether that may still end in an answer."""

    __slots__ = ("_epoch", "_log", "_subject")

    def __init__(self, log: RevocationLog, subject: Subject) -> None:
        self._log = log
        self._epoch = log.revocation_epoch
        self._subject = subject

    def is_broken(self, user: User | None = None, resource: Resource | None = None) -> bool:
        """Whether the person's tokens were revoked since, under whatever name; or all for files, if it is about one."""
        names: list[Hashable] = [self._subject.key]
        if user is not None:
            names += [Subject("id", user.id), Subject("login", normalize_login(user.login))]
        if resource is not None and resource.type == "file":
            names.append(_FILES)
        return self._log.is_revoked_since(self._epoch, names)

    def check(self, user: User, resource: Resource | None = None) -> None:
        """Raises ``tokens_revoked`` if :meth:`is_broken`."""
        if self.is_broken(user, resource):
            raise Problem("tokens_revoked")


class Revocations:
    """Revokes tokens here at once and at Box as soon as it can be told."""

    def __init__(self, current: Current, cache: TokenCache, ledger: Ledger, sharing: Sharing) -> None:
        self._current = current
        self._cache = cache
        self._ledger = ledger
        self._sharing = sharing
        sharing.on_heard, sharing.on_lost = self._heard, self._forget_memory
        sharing.on_found = self._found
        self._log = RevocationLog()
        self._tellings: SingleFlight[bool] = SingleFlight()
        self._teller: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to tell Box what it could not be told; call inside the running event loop."""
        self._teller = asyncio.create_task(self._tell_what_is_left())

    async def stop(self) -> None:
        """End that, once Box has been told what it is being told."""
        if self._teller:
            self._teller.cancel()
        await self._tellings.wait()

    def begin(self, subject: Subject) -> Guard:
        """What begins now for this person must not outlive a revocation."""
        return Guard(self._log, subject)

    async def revoke(self, subject: Subject) -> int:
        """Forget every token of this person and revoke them at Box; how many were revoked there.

        A token that is being made at this moment is revoked as well, and handed out to nobody. Needs no
        look-up: of a person whom we never resolved we hold nothing.

        Raises:
            Problem: ``box_unavailable`` if Box could not be told. The tokens are forgotten all the same, and
                Box is told later.
        """
        ids = set(self._cache.names.people(subject.key))
        if subject.by == "id":
            ids.add(subject.value)
        names = tuple(dict.fromkeys((subject.key, *(Subject("id", user_id) for user_id in ids))))
        self._log.mark(names)
        pending = [pending for user_id in ids for pending in self._cache.revoke(user_id)]
        ours = {one.token.secret for one in pending}
        shared = await self._sharing.revoke(names)
        pending += [self._found(*found) for found in shared if found[1].secret not in ours]
        for owner in {owner for owner, _ in shared} - ids:  # only the store knew whom the name meant
            pending += [one for one in self._cache.revoke(owner) if one not in pending]
        try:
            with within(self._current.patience):
                return await self._tell_box(pending)
        except Problem:
            self._write_down(pending)
            raise

    def _found(self, owner: str, token: Token) -> PendingRevocation:
        """The store held this token of somebody whose tokens have ended: so have all that are held of them here."""
        self._log.mark((Subject("id", owner),))
        self._cache.revoke(owner)
        return self._cache.add_pending(owner, token)

    def _heard(self, names: tuple[Subject, ...]) -> list[Subject]:
        """Another sidecar has revoked these people's tokens, or everybody's; who that is, as far as is known here.

        Box is told of ours soon, and has been told of those that are shared.
        """
        if not names:
            self._forget_all()
        ids = {user_id for name in names for user_id in self._cache.names.people(name)}
        people = [Subject("id", user_id) for user_id in ids]
        self._log.mark((*names, *people))
        for name in (*names, *people):
            if name.by == "id":
                self._cache.revoke(name.value)
        return people

    def _forget_memory(self) -> None:
        """What another sidecar has revoked can't be known: nothing that is in memory is handed out any more."""
        self._log.mark_all()
        for key in list(self._cache.tokens):
            self._cache.supersede(key)
        self._cache.users.clear()

    async def revoke_all(self) -> int:
        """The same for everybody, the service account included, and what only the ledger knows.

        Raises:
            Problem: as :meth:`revoke`; its detail says how many could be.
        """
        told, before = 0, math.inf
        while True:
            known = self._forget_all()
            for found in await self._sharing.revoke(()):
                self._cache.add_pending(*found)
            pending = list(self._cache.pending_revocations.values())
            failure = await self._tell_in_turns(pending)
            left = sum(one.token.secret in self._cache.pending_revocations for one in pending)
            told += len(pending) - left
            if known <= self._cache.recovered.maxsize:
                break  # else the ledger knows more than had room here: once more, as long as that gets less
            if known >= before:
                failure = failure or Problem("not_ready", detail="The ledger knows more, and can't be written.")
                break
            before = known
        if failure:
            self._write_down(pending)
            what = say(
                "{told} of {all} tokens are revoked; Box is told of the others as soon as it can be.",
                told=told,
                all=told + left,
            )
            raise replace(failure, detail=join(failure.detail, what)) from None
        return told

    async def _tell_in_turns(self, pending: Sequence[PendingRevocation]) -> Problem | None:
        """Revoke at Box, some at once, all of them unless Box is down; what went wrong first."""
        failure: Problem | None = None
        with within(self._current.patience):
            for start in range(0, len(pending), _TOLD_AT_ONCE):
                try:
                    await self._tell_box(pending[start : start + _TOLD_AT_ONCE])
                except Problem as problem:  # of one token, and in no other's way
                    failure = failure or problem
                    if self._current.box.is_down:
                        break
        return failure

    def _forget_all(self) -> int:
        """Everybody's are to be revoked; how many the ledger knew."""
        self._log.mark_all()
        known = self._read_ledger()  # it may know what had no room in memory
        if service := self._current.box.forget_service_token():
            self._cache.add_pending("", service)
        self._cache.revoke_all()
        return known

    def recover(self) -> None:
        """Hold, to be revoked, what the ledger knows from before a restart."""
        self._read_ledger()
        if not self._current.policy.issue:
            self._forget_all()

    def _read_ledger(self) -> int:
        known = 0
        for user_id, names, token, is_ended in self._ledger.recorded():
            known += 1
            self._cache.recover(user_id, names, token)
            if is_ended:
                self._cache.end_recovered(user_id, token, is_written=True)
        return known

    def _write_down(self, pending: Iterable[PendingRevocation]) -> None:
        """Box is not told yet: a restart must not forget that it is to be.

        Each is written once: who asks again and again for what Box won't be told must not fill the ledger.
        """
        for one in list(pending):
            now = self._cache.pending_revocations.get(one.token.secret)
            if now is not None and not now.is_written:
                self._ledger.add(now.user_id, now.token, is_ended=True)
                if not self._ledger.why:
                    self._cache.add_pending(now.user_id, now.token, is_written=True)

    async def discard(self, user_id: str, token: Token) -> None:
        """Revoke a token that nobody has got yet; later, if Box can't be told now."""
        pending = [self._cache.add_pending(user_id, token)]
        try:
            await self._tell_box(pending)
        except Problem:
            self._write_down(pending)

    def begin_anew(self) -> None:
        """Another Box app's: nothing of the one before is held, and nothing that began for it ends in an answer."""
        self._log.mark_all()
        self._cache.clear()

    def follow_policy(self, *, files_too: bool, recovered_too: bool) -> None:
        """Revoke whatever the present policy refuses; and, if so said, every file's, which were judged when its token
        was made, and what is from before a restart and was judged by another policy."""
        if not self._current.policy.issue:
            self._forget_all()
        if recovered_too:
            self._cache.revoke_recovered()
        if files_too:
            self._log.mark((_FILES,))
        self._cache.revoke_where(
            lambda cached: (
                (files_too and cached.key.resource.type == "file")
                or not self._current.policy.allows(cached.user, cached.key)
            )
        )
        self._write_down(self._cache.pending_revocations.values())

    async def _tell_box(self, pending: Iterable[PendingRevocation]) -> int:
        """Revoke at Box; how many it was told. What it could not be told stays pending."""
        # In tasks of their own: a caller who does not wait for the end must leave no token alive.
        tellings = [self._tellings.start(one.token.secret, partial(self._tell, one)) for one in pending]
        return await _all_told(map(asyncio.shield, tellings))

    async def _tell(self, pending: PendingRevocation) -> bool:
        secret = pending.token.secret
        if secret not in self._cache.pending_revocations:
            return False
        with acting_for(pending.user_id):
            await self._current.box.revoke(secret)
        self._cache.pending_revocations.pop(secret, None)
        return True

    async def _tell_what_is_left(self) -> None:
        """Tell Box what it could not be told when it was down: one token of each person first, then another of each.

        So what Box won't be told of somebody is in nobody else's way.
        """
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                while await self._tell_some() == _TOLD_AT_ONCE:
                    pass
            except Exception as error:
                if not isinstance(error, Problem):  # whatever it was, it must not end this
                    log.error("tokens could not be revoked: %s", type(error).__name__)
                await asyncio.sleep(_RETRY_S)

    async def _tell_some(self) -> int:
        people: dict[str, list[PendingRevocation]] = {}
        for pending in self._cache.pending_revocations.values():
            people.setdefault(pending.user_id, []).append(pending)
        turns = filter(None, itertools.chain.from_iterable(itertools.zip_longest(*people.values())))
        slots = asyncio.Semaphore(_TOLD_BESIDE if self._current.policy.issue else _TOLD_AT_ONCE)
        return await _all_told(self._tell_in_turn(one, slots) for one in itertools.islice(turns, _TOLD_AT_ONCE))

    async def _tell_in_turn(self, pending: PendingRevocation, slots: asyncio.Semaphore) -> bool:
        async with slots:
            with within(self._current.patience):
                return await self._tell_box([pending]) == 1


async def _all_told(tellings: Iterable[Awaitable[bool]]) -> int:
    """Of how many Box was told, once all have ended; raises what went wrong first."""
    results = await asyncio.gather(*tellings, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results.count(True)
