"""Box as far as the parts behind the socket see it, in this process, and time that passes when the test says so.

Real processes can't be stopped between any two of their steps; here each call to Box waits for the test's word.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec
import pytest

from box_sidecar.ledger import Ledger
from box_sidecar.model import Resource, Subject, Token, User
from box_sidecar.problems import BoxReason, Problem
from box_sidecar.rate_limit import Ledger as Charges
from box_sidecar.rate_limit import MintLimits
from box_sidecar.secret import Secret
from box_sidecar.service import TokenService
from box_sidecar.settings import Settings

T = TypeVar("T")

ROOT = Resource("folder", "0")
LOGINS = ("a@example.com", "b@example.com", "c@example.com")
DOWN = Problem("box_unavailable", retry_after=1.0)
DENIED = Problem("box_refused", box=BoxReason(400, "invalid_grant"))
UNKNOWN_SUBJECT_TOKEN = Problem("box_refused", box=BoxReason(400, "invalid_grant"), refusal="subject-token")


class Clockwork(asyncio.SelectorEventLoop):
    """An event loop whose time stands still until it is moved; all that waits for time waits for that."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def time(self) -> float:
        return self.now

    def settle(self, turns: int = 40) -> None:
        """Everything goes on until it waits for Box or for time."""

        async def turn() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        self.run_until_complete(turn())

    def advance(self, seconds: float) -> None:
        """Time goes by at once, as for a machine that was suspended."""
        self.now += seconds
        self.settle()


@dataclass
class Made:
    """A token as Box knows it."""

    user_id: str
    app: int
    ends: float
    moment: int
    resource: Resource | None = None
    scopes: tuple[str, ...] = ()
    alive: bool = True


@dataclass
class World:
    """What Box knows, whichever app asks; and the moments at which things happened."""

    now: Callable[[], float]
    people: dict[str, User] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)
    folders: dict[str, list[str]] = field(default_factory=dict)
    children: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """For a person and a folder of theirs the ids of the folders in it, by their names."""
    calls: Counter[str] = field(default_factory=Counter)
    moments: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    life_s: float = 3600.0
    waiting: list[asyncio.Future[Problem | None]] = field(default_factory=list)
    is_patient: bool = True
    """Whether calls wait for :meth:`answer`; else each is answered at once, by ``fails`` where that is set."""
    fails: dict[str, Problem] = field(default_factory=dict)
    on_ended: Callable[[Secret], None] = lambda _: None

    def add(self, user_id: str, login: str, role: str = "user") -> User:
        user = self.people[user_id] = User(user_id, login, login[:1].upper(), "active", role)
        return user

    def change(self, user_id: str, **details: str) -> None:
        self.people[user_id] = msgspec.structs.replace(self.people[user_id], **details)

    def answer(self, number: int = 0, failure: Problem | None = None) -> None:
        """One of the calls is answered."""
        done = self.waiting.pop(number % len(self.waiting))
        if not done.done():  # its caller may have gone
            done.set_result(failure)

    def living(self) -> set[str]:
        """Tokens that still open something."""
        return {secret for secret, made in self.made.items() if made.alive and made.ends > self.now()}


class ScriptedBox:
    """One app's view of the world, with the methods of ``box.client.Box``.

    Box does its part when it is called; its answer, which may be old news by then, waits.
    """

    is_down = False

    def __init__(self, world: World, app: int = 1) -> None:
        self.world = world
        self.app = app

    async def _call(self, name: str, work: Callable[[], T]) -> T:
        world = self.world
        world.calls[name] += 1
        failure = world.fails.get(name)
        if world.is_patient:
            result = work() if failure is None else None
            world.waiting.append(done := asyncio.get_running_loop().create_future())
            failure = await done or failure
            if failure is None and result is not None:
                return result
        await asyncio.sleep(0)
        if failure is not None:
            raise Problem(failure.code, failure.detail, box=failure.box, refusal=failure.refusal)
        return work()

    async def find_users(self, login: str, on_next_page: Callable[[], None] = lambda: None) -> list[User]:
        return await self._call("find", lambda: [user for user in self.world.people.values() if user.login == login])

    async def find_app_users(self, external_id: str) -> list[User]:
        app_users = self.world.people.get(external_id)
        return await self._call("find_app", lambda: [app_users] if app_users else [])

    async def create_app_user(self, external_id: str, name: str) -> User:
        return await self._call("create", lambda: self.world.add(external_id, f"{external_id}@boxdevedition.com"))

    async def get_user(self, user_id: str) -> User:
        def get() -> User:
            if user_id not in self.world.people:
                raise Problem("user_not_found", box=BoxReason(404))
            return self.world.people[user_id]

        return await self._call("get", get)

    async def user_token(self, user_id: str) -> Token:
        return await self._call("user_token", lambda: self._make(user_id, None, ()))

    async def downscope(self, user_token: Token, scopes: Sequence[str], resource: Resource) -> Token:
        def downscope() -> Token:
            made = self.world.made[user_token.secret.reveal()]
            if not made.alive or made.app != self.app or made.ends <= self.world.now():
                raise Problem("box_refused", box=BoxReason(400, "invalid_grant"), refusal="subject-token")
            return self._make(made.user_id, resource, tuple(scopes))

        return await self._call("downscope", downscope)

    async def folders_above(self, file_id: str, _user_token: Token) -> list[str]:
        return await self._call("folders", lambda: list(self.world.folders.get(file_id, ["0"])))

    async def find_folders(
        self, parent: str, name: str, token: Token, _owner: str | None, _on_next_page: object
    ) -> set[str]:
        # Nothing at all is no answer yet, in _call().
        return await self._call("items", lambda: {self._folders_in(parent, token).get(name, "")}) - {""}

    async def create_folder(self, parent: str, name: str, token: Token) -> str | None:
        def create() -> str:
            here = self._folders_in(parent, token)
            if name in here:
                return "taken"
            here[name] = str(1_000 + next(self.world.moments))
            return here[name]

        made = await self._call("create_folder", create)
        return None if made == "taken" else made

    def _folders_in(self, parent: str, token: Token) -> dict[str, str]:
        made = self.world.made[token.secret.reveal()]
        if not made.alive or made.app != self.app or made.ends <= self.world.now():
            raise Problem("box_refused", box=BoxReason(401), refusal="user-token")
        return self.world.children.setdefault((made.user_id, parent), {})

    async def revoke(self, secret: Secret) -> None:
        made = self.world.made[secret.reveal()]

        def revoke() -> bool:
            made.alive = False
            self.world.on_ended(secret)
            return True

        person = f"revoke of {made.user_id}"
        await self._call(person if person in self.world.fails else "revoke", revoke)

    def forget_service_token(self) -> None:
        """There is none here."""

    def _make(self, user_id: str, resource: Resource | None, scopes: tuple[str, ...]) -> Token:
        secret = f"token {len(self.world.made)}"
        ends = self.world.now() + self.world.life_s
        self.world.made[secret] = Made(user_id, self.app, ends, next(self.world.moments), resource, scopes)
        return Token(Secret(secret), ends, scopes)


class Stage:
    """A token service on a clockwork, before a scripted Box that answers at once unless the test wants it to wait."""

    def __init__(self, settings: Settings | None = None, **world: Any) -> None:
        self.loop = Clockwork()
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr("box_sidecar.clock.monotonic", self.loop.time)
        # The limits' own ledgers are shared with whatever else runs in this process and its children.
        limits = partial(MintLimits, mints=Charges(), calls=Charges())
        self.patched.setattr("box_sidecar.current.MintLimits", limits)
        self.world = World(self.loop.time, is_patient=False, **world)
        for number, login in enumerate(LOGINS, 1):
            self.world.add(str(number), login)
        self.settings = settings or Settings()
        self.renewals: list[str] = []
        self.creations: list[tuple[str, str]] = []
        self.ledger = Ledger(time.time)
        self.world.on_ended = self.ledger.end
        self.service = TokenService(
            self.settings,
            ScriptedBox(self.world),  # type: ignore[arg-type]
            15.0,
            lambda _, outcome: self.renewals.append(outcome),
            lambda user, folder_id: self.creations.append((user.id, folder_id)),
            self.ledger,
        )
        self.loop.call_soon(self.service.start)
        self.loop.settle()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.world.is_patient = False
        while self.world.waiting:
            self.world.answer()
        self.loop.run_until_complete(self.service.stop())
        self.patched.undo()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of work that needs no time."""
        return self.loop.run_until_complete(work)

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that is under way, as far as it gets by itself."""
        task = self.loop.create_task(work)
        self.loop.settle()
        return task

    def token(
        self, login: str = LOGINS[0], *features: str, resource: Resource = ROOT, element: str = "explorer"
    ) -> str:
        """The token that somebody gets."""
        subject = Subject("login", login)
        return self.run(self.service.issuer.issue(subject, element, features, resource)).token.secret.reveal()

    def source(self, login: str = LOGINS[0], *features: str) -> str:
        """Where a token comes from that somebody asks for."""
        return self.run(self.service.issuer.issue(Subject("login", login), "explorer", features, ROOT)).source

    def living(self) -> set[str]:
        """Tokens for widgets that still open something; a user token never leaves the sidecar."""
        return {secret for secret in self.world.living() if self.world.made[secret].resource}

    def revoke(self, by: Any = "login", value: str = LOGINS[0]) -> int:
        return self.run(self.service.revocations.revoke(Subject(by, value)))

    def reload(self, settings: Settings, app: int = 1) -> None:
        """The administrator's new configuration."""
        box: Any = ScriptedBox(self.world, app)
        self.service.configure(settings, box, 15.0, forget=app != self.service.current.box.app)  # type: ignore[attr-defined]
