"""Which folder a path leads to: names below a folder, looked up as the person whom the token is for.

In a person's root Box also shows what others share with them, under names that the others chose. So the first folder
below a root must be the person's own: nobody else puts one in its place. Below it, and below a folder that is named by
its id, a folder is whoever's the one above is.

Names are compared letter by letter, case included. Which letters Box takes for one is documented nowhere; and a name
that another differs from in case alone can't be made beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from box_sidecar import clock
from box_sidecar.current import Current
from box_sidecar.minter import Minter
from box_sidecar.model import Path, Resource, User
from box_sidecar.problems import Problem
from box_sidecar.revocation import Guard
from box_sidecar.sentences import say
from box_sidecar.single_flight import SingleFlight
from box_sidecar.token_cache import TokenCache
from box_sidecar.tracing import step

OnCreation = Callable[[User, str], None]


class Paths:
    """Finds the folders of paths, and remembers them for ``user_ttl_s``; what is no path is there already.

    ``on_creation`` is told of each folder that was made: whose it is, and its id.
    """

    def __init__(self, current: Current, cache: TokenCache, minter: Minter, on_creation: OnCreation) -> None:
        self._current = current
        self._cache = cache
        self._minter = minter
        self._on_creation = on_creation
        self._walks: SingleFlight[Resource] = SingleFlight()

    def known(self, user: User, asked: Resource) -> Resource | None:
        """The folder that Box has told within ``user_ttl_s``."""
        if not isinstance(asked, Path):
            return asked
        folder, told = self._cache.paths.get((user.id, asked)) or (None, 0.0)
        return folder if clock.monotonic() - told < self._current.settings.cache.user_ttl_s else None

    def last_known(self, user: User, asked: Resource) -> Resource | None:
        """The folder that Box has told at any time: without Box, a token for it that is in memory is all there is."""
        return (self._cache.paths.get((user.id, asked)) or (None,))[0] if isinstance(asked, Path) else asked

    def forget(self, user: User, asked: Resource) -> bool:
        """Ask Box again where it leads; whether it was a path, and known."""
        return isinstance(asked, Path) and self._cache.paths.pop((user.id, asked), None) is not None

    @step("path")
    async def find(self, guard: Guard, user: User, path: Resource, scopes: tuple[str, ...]) -> Resource:
        """The folder, as Box tells it now.

        What is missing is made, if the token may upload and policy allows it.

        Raises:
            Problem: ``folder_not_found``, ``path_ambiguous``, ``rate_limited``, ``tokens_revoked`` or what Box refuses.
        """
        if not isinstance(path, Path):
            return path
        create = self._current.policy.may_create_folders(scopes)
        return await self._walks.do((user.id, path, create), lambda: self._walk(guard, user, path, create))

    async def _walk(self, guard: Guard, user: User, path: Path, create: bool) -> Resource:
        self._current.limits.charge_mint(user.id)  # a token that is asked for in vain costs Box as much
        folder_id = path.id
        for name in path.names:
            folder_id = await self._step(guard, user, folder_id, name, create)
        folder = Resource("folder", folder_id)
        self._cache.paths[user.id, path] = folder, clock.monotonic()
        return folder

    async def _step(self, guard: Guard, user: User, parent: str, name: str, create: bool) -> str:
        found = await self._look(guard, user, parent, name)
        if found is None and create and self._current.policy.create_folders:  # it may have changed meanwhile
            self._current.limits.charge_call()
            made = await self._minter.as_person(guard, user, lambda box, token: box.create_folder(parent, name, token))
            if made is not None:
                self._on_creation(user, made)
            # Else somebody was faster; or what has the name is no folder, or not the person's, or written otherwise.
            found = made or await self._look(guard, user, parent, name)
        guard.check(user)
        if found is None:
            told = say("There is no folder “{name}” in folder {parent} of this person.", name=name, parent=parent)
            raise Problem("folder_not_found", detail=told)
        return found

    async def _look(self, guard: Guard, user: User, parent: str, name: str) -> str | None:
        owner = user.id if parent == "0" else None
        found = await self._minter.as_person(
            guard,
            user,
            lambda box, token: box.find_folders(parent, name, token, owner, self._current.limits.charge_call),
        )
        guard.check(user)
        if len(found) > 1:
            told = say(
                "There are {count} folders “{name}” in folder {parent}.", count=len(found), name=name, parent=parent
            )
            raise Problem("path_ambiguous", detail=told)
        return next(iter(found), None)
