"""What the sidecars of one Box app have together. Here: nothing, since one alone is the rule.

With ``cache.store`` an object of the package ``store`` takes this one's place. What it promises holds for both: a piece
of work is done as if there were one sidecar, where the others can be asked, and in any case it is done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from box_sidecar import clock
from box_sidecar.app_config import AppConfig
from box_sidecar.model import Subject, Token, TokenKey, User
from box_sidecar.settings import PolicySettings

Made = Callable[[], Awaitable[Token]]
Found = tuple[User, float]
"""A person, and when Box told of them, on the monotonic clock."""


class StoreFacts(NamedTuple):
    """What an administrator may want to know of the store: which ``server`` it is, and what is wrong with it.
    ``forgets``: by which policy it drops what may still be needed; ``""`` if it does not."""

    server: str = ""
    why: str = ""
    is_old: bool = False
    is_full: bool = False
    is_readable: bool = False
    forgets: str = ""


class Sharing:
    """What one sidecar alone does: its own work, and no other's."""

    in_touch = True
    """Whether what is in memory may be handed out unasked: what the others revoke is heard, or can't be."""

    why = ""
    """Why the others can't be reached; ``""`` if they can, or there are none."""

    on_heard: Callable[[tuple[Subject, ...]], Iterable[Subject]] = staticmethod(lambda _: ())
    """Another sidecar has revoked the tokens of whoever has one of these names, or everybody's if there are none.
    Answers with who that is, as far as is known here."""

    on_lost: Callable[[], None] = staticmethod(lambda: None)
    """What was revoked meanwhile can't be known any more."""

    on_found: Callable[[str, Token], object] = staticmethod(lambda _owner, _token: None)
    """A token of somebody's, by Box's id, was revoked; Box is still to be told."""

    async def examine(self) -> StoreFacts | None:
        """What can be found out about the store, if there is one."""
        return None

    async def begin(self) -> None:
        """A request begins, that may have to wait for the others."""

    async def token(
        self,
        key: TokenKey,
        names: tuple[Subject, ...],
        will_do: Callable[[Token], bool],
        make: Made,
        discard: Callable[[Token], Awaitable[None]],
    ) -> Token:
        """The token of this key that another sidecar has made, if it will do; else one made now, by one of all.

        ``names`` are all of the person's. What was made, and nobody may have any more, is handed to ``discard``.

        Raises:
            Problem: what ``make`` does; ``tokens_revoked``; ``box_unavailable`` if another's takes too long.
        """
        return await make()

    async def user(
        self, subject: Subject, will_do: Callable[[float], bool], find: Callable[[], Awaitable[User]]
    ) -> Found:
        """The person whom another sidecar has found under this name, if the time at which Box told of them will do;
        else found now, by one of all. Raises as :meth:`token`."""
        return await find(), clock.monotonic()

    async def charge_mint(self, user_id: str, per_user: int, overall: int) -> None:
        """Count a new token against the limits of all sidecars together; raises ``rate_limited`` above them."""

    async def charge_call(self, overall: int) -> None:
        """The same for another call."""

    async def revoke(self, names: Iterable[Subject]) -> list[tuple[str, Token]]:
        """Whoever has one of these names gets no token any more that is from before; none: nobody does.

        Tells owner (Box's id) and token of what was shared of theirs: Box is still to be told. Raises nothing.
        """
        return []

    def configure(self, app: AppConfig, policy: PolicySettings) -> None:
        """Go on as this app, whose secret may be another, and by this policy."""

    async def start(self, *, at_the_beginning: bool = False) -> None:
        """Begin to listen to the others; if so said, from what they said before this one began. Call inside the running
        event loop."""

    async def stop(self) -> None:
        """End that."""
