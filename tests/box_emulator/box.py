"""The emulated Box as a whole: its clock, settings, applications, people, items and tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from .access import Collaboration, Group
from .clock import Clock
from .console import Application
from .directory import APP_USER_DOMAIN, Directory, User
from .settings import Settings
from .tokens import Kind, Resource, Token, Tokens
from .tree import File, Folder, Item, Tree, Version

if TYPE_CHECKING:
    from .zips import Archive

TICKET_LIFE_S = 900.0
ENTERPRISE_ID = "9000001"
FIRST_USER_ID = 20000001
FIRST_ITEM_ID = 300000000001


@dataclass(frozen=True, slots=True)
class Interaction:
    """What a person did last with a file; `kind` is Box's ``interaction_type``."""

    file: File
    kind: str
    at: float


@dataclass(frozen=True, slots=True)
class Event:
    """What a person did with a file or to a person, and when."""

    user: User
    subject: File | User
    kind: str
    at: float


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to download one version, in a URL that needs no token."""

    file: File
    version: Version
    expires_at: float


@dataclass(slots=True)
class UploadSession:
    """A chunked upload: where the file is to go, and the parts that came so far, by offset."""

    id: str
    user: User
    folder: Folder
    name: str
    file: File | None
    size: int
    part_size: int
    expires_at: float
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    """Part id and content."""

    committed: bool = False


class Box:
    """State shared by all routes. Everything is in memory; only the applications' JSON files outlive the process."""

    def __init__(self, state: Path, settings: Settings | None = None) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.applications = [
            Application.open(state / "box_config.json", ENTERPRISE_ID, with_key=True),
            Application.open(state / "box_config_ccg.json", ENTERPRISE_ID, with_key=False),
        ]
        self.enterprise = {"type": "enterprise", "id": ENTERPRISE_ID, "name": "Example Inc."}
        self.clock = Clock()
        self._first_settings = settings or Settings()
        self.reset()

    def reset(self) -> None:
        """Begin anew: no people but the service accounts, no items, no tokens, the settings of the start."""
        self.settings = msgspec.structs.replace(self._first_settings)
        self.clock.offset_s = self.settings.clock_offset_s
        self.directory = Directory()
        self.tokens = Tokens()
        self.tree = Tree(self.next_item_id)
        self.collaborations: dict[str, Collaboration] = {}
        self._collaborations_on: dict[str, list[Collaboration]] = {}
        self.recent: dict[str, dict[str, Interaction]] = {}
        self.tickets: dict[str, Ticket] = {}
        self.assertions = 0
        self.groups: dict[str, Group] = {}
        self.favorites: dict[str, dict[str, Item]] = {}
        self.archives: dict[str, Archive] = {}
        self.invites: dict[str, dict[str, Any]] = {}
        self.events: list[Event] = []
        self.avatars: dict[str, bytes] = {}
        self.upload_sessions: dict[str, UploadSession] = {}
        self._last_user_id = FIRST_USER_ID - 1
        self._last_item_id = FIRST_ITEM_ID - 1
        for app in self.applications:
            self._add_service_account(app)

    def application(self, client_id: str) -> Application | None:
        return next((app for app in self.applications if app.client_id == client_id), None)

    def next_user_id(self) -> str:
        self._last_user_id += 1
        return str(self._last_user_id)

    def next_item_id(self) -> str:
        """The next id of an item, version or collaboration; they count from a fixed start, so a seed gives the same."""
        self._last_item_id += 1
        return str(self._last_item_id)

    def issue(
        self,
        kind: Kind,
        client_id: str,
        user: User,
        scopes: frozenset[str],
        *,
        resource: Resource | None = None,
        parent: str | None = None,
    ) -> Token:
        life = self.settings.token_life_s
        life_s = life.get(kind, 3600.0) if isinstance(life, dict) else life
        return self.tokens.issue(
            kind, client_id, user.id, scopes, now=self.clock.now(), life_s=life_s, resource=resource, parent=parent
        )

    def add_user(self, name: str, login: str, **details: Any) -> User:
        user = User(self.next_user_id(), name, login, self.clock.now(), **details)
        self.directory.add(user)
        return user

    def add_app_user(self, name: str, client_id: str, **details: Any) -> User:
        user_id = self.next_user_id()
        login = f"AppUser_{user_id}_{client_id[:10]}@{APP_USER_DOMAIN}"
        user = User(
            user_id, name, login, self.clock.now(), is_platform_access_only=True, client_id=client_id, **details
        )
        self.directory.add(user)
        return user

    def collaborations_on(self, item: Item) -> list[Collaboration]:
        """The collaborations on just this item. A root has none: its id stands for everybody's."""
        return self._collaborations_on.get(item.id, []) if item.parent is not None else []

    def shared(self, link: str) -> Item | None:
        """The item whose shared link ends so, or has this vanity name."""
        for item in self.tree.all():
            known = item.shared_link
            if known is not None and link in (known.token, known.vanity_name) and item.trashed_at is None:
                return item
        return None

    def add_collaboration(self, collaboration: Collaboration) -> None:
        self.collaborations[collaboration.id] = collaboration
        self._collaborations_on.setdefault(collaboration.item.id, []).append(collaboration)

    def remove_collaboration(self, collaboration: Collaboration) -> None:
        del self.collaborations[collaboration.id]
        self._collaborations_on[collaboration.item.id].remove(collaboration)

    def note(self, user: User, file: File, kind: str) -> None:
        """Remember that a person did something with a file, for the recent items."""
        interactions = self.recent.setdefault(user.id, {})
        interactions.pop(file.id, None)
        interactions[file.id] = Interaction(file, kind, self.clock.now())
        self.events.append(Event(user, file, kind, self.clock.now()))

    def _add_service_account(self, app: Application) -> None:
        user_id = self.next_user_id()
        login = f"AutomationUser_{user_id}_{app.client_id[:10]}@{APP_USER_DOMAIN}"
        name = "Intranet" if app.key else "Intranet (client credentials)"
        user = User(user_id, name, login, self.clock.now(), client_id=app.client_id, service_account=True)
        self.directory.add(user)
        app.service_account_id = user_id


BOX = web.AppKey("box", Box)
