"""Folders, files and their versions, as data: who owns what, what lies where, under which name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from .directory import User
from .errors import BoxError

ROOT_ID = "0"
ROOT_NAME = "All Files"
MAX_NAME = 255

SharedAccess = Literal["open", "company", "collaborators"]
SortKey = Literal["name", "date", "size", "id"]


@dataclass(slots=True)
class SharedLink:
    """A link to an item for people without other access to it; `token` ends its URL."""

    token: str
    access: SharedAccess
    can_download: bool = True
    can_edit: bool = False
    password: str | None = None
    unshared_at: str | None = None
    vanity_name: str | None = None
    download_count: int = 0
    preview_count: int = 0


@dataclass(slots=True, eq=False)
class Item:
    type: ClassVar[Literal["folder", "file"]]
    id: str
    name: str
    parent: Folder | None
    owner: User
    created_by: User
    created_at: float
    modified_by: User
    modified_at: float
    content_created_at: float
    content_modified_at: float
    etag: int = 0
    description: str = ""
    tags: list[str] = field(default_factory=list)
    shared_link: SharedLink | None = None
    trashed_at: float | None = None
    trashed_with: Item | None = None
    """The item that was deleted, if this one only went along with it."""

    @property
    def size(self) -> int:
        raise NotImplementedError

    def ancestors(self) -> Iterator[Folder]:
        """The parent, its parent, and so on to the root."""
        folder = self.parent
        while folder is not None:
            yield folder
            folder = folder.parent

    def within(self, folder: Item) -> bool:
        """Whether this is `folder` or lies anywhere below it."""
        return self is folder or any(ancestor is folder for ancestor in self.ancestors())

    def path(self) -> str:
        """The names from the owner's root on, each after a slash."""
        if self.parent is None:
            return ""
        return f"{self.parent.path()}/{self.name}"

    def touched(self, user: User, now: float) -> None:
        """Note a change: a new ETag, and who made it."""
        self.etag += 1
        self.modified_by = user
        self.modified_at = now


@dataclass(slots=True, eq=False)
class Folder(Item):
    type: ClassVar[Literal["folder", "file"]] = "folder"
    children: dict[str, Item] = field(default_factory=dict)
    """By case-folded name: within a folder a name is unique whatever its case."""

    bytes_below: int = 0
    _sorted: dict[tuple[SortKey, bool], list[Item]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.bytes_below

    @property
    def is_root(self) -> bool:
        return self.parent is None and self.id == ROOT_ID

    def sorted_children(self, by: SortKey, descending: bool) -> list[Item]:
        """Folders before files, each sorted; kept until something in the folder changes."""
        listing = self._sorted.get((by, descending))
        if listing is None:
            listing = sort_items(self.children.values(), by, descending)
            self._sorted[(by, descending)] = listing
        return listing

    def forget_order(self) -> None:
        self._sorted.clear()

    def below(self) -> Iterator[Item]:
        """Everything in this folder and in the folders in it."""
        for child in self.children.values():
            yield child
            if isinstance(child, Folder):
                yield from child.below()


@dataclass(slots=True)
class Version:
    id: str
    content: bytes
    sha1: str
    name: str
    created_at: float
    modified_at: float
    modified_by: User
    number: int
    trashed_at: float | None = None
    trashed_by: User | None = None
    restored_at: float | None = None
    restored_by: User | None = None

    @property
    def size(self) -> int:
        return len(self.content)


@dataclass(frozen=True, slots=True)
class Lock:
    """Keeps others from changing a file, and if wanted from downloading it."""

    id: str
    by: User
    at: float
    expires_at: float | None
    download_prevented: bool

    def holds(self, now: float) -> bool:
        return self.expires_at is None or now < self.expires_at


@dataclass(slots=True, eq=False)
class File(Item):
    type: ClassVar[Literal["folder", "file"]] = "file"
    lock: Lock | None = None
    versions: list[Version] = field(default_factory=list)
    """The oldest first; the last one is the current one."""

    @property
    def current(self) -> Version:
        return self.versions[-1]

    @property
    def size(self) -> int:
        return self.current.size

    @property
    def extension(self) -> str:
        """What follows the name's last dot, without it; empty if there is none."""
        stem, dot, extension = self.name.rpartition(".")
        return extension if dot and stem else ""


SORT_KEYS: dict[SortKey, Callable[[Item], Any]] = {
    "name": lambda item: (item.name.casefold(), item.name),
    "date": lambda item: (item.content_modified_at, item.name.casefold()),
    "size": lambda item: (item.size, item.name.casefold()),
    "id": lambda item: int(item.id),
}


def sort_items(items: Any, by: SortKey, descending: bool) -> list[Item]:
    """Folders first, then files, each in the wanted order."""
    in_order = sorted(items, key=SORT_KEYS[by], reverse=descending)
    return sorted(in_order, key=lambda item: not isinstance(item, Folder))


class Tree:
    """All items of all people.

    `next_id` hands out ids. Every change of what lies where goes through here, so that names stay unique and sizes
    and listings true.
    """

    def __init__(self, next_id: Callable[[], str]) -> None:
        self._next_id = next_id
        self._items: dict[str, Item] = {}
        self._roots: dict[str, Folder] = {}

    def root(self, user: User) -> Folder:
        """A person's own folder ``0``."""
        root = self._roots.get(user.id)
        if root is None:
            root = Folder(ROOT_ID, ROOT_NAME, None, user, user, 0.0, user, 0.0, 0.0, 0.0)
            self._roots[user.id] = root
        return root

    def get(self, item_id: str) -> Item | None:
        """An item by id, trashed ones included; roots have no id of their own."""
        return self._items.get(item_id)

    def all(self) -> Iterator[Item]:
        return iter(self._items.values())

    def add_folder(self, parent: Folder, name: str, user: User, now: float) -> Folder:
        self.check_name(parent, name)
        folder = Folder(self._next_id(), name, parent, parent.owner, user, now, user, now, now, now)
        self._place(folder, parent)
        return folder

    def add_file(
        self,
        parent: Folder,
        name: str,
        content: bytes,
        user: User,
        now: float,
        *,
        content_created_at: float | None = None,
        content_modified_at: float | None = None,
        sha1: str | None = None,
    ) -> File:
        """`sha1` spares the computation where the caller knows it."""
        self.check_name(parent, name)
        created = now if content_created_at is None else content_created_at
        modified = now if content_modified_at is None else content_modified_at
        file = File(self._next_id(), name, parent, parent.owner, user, now, user, now, created, modified)
        file.versions.append(self._version(file, content, user, now, sha1))
        self._place(file, parent)
        return file

    def add_version(
        self, file: File, content: bytes, user: User, now: float, content_modified_at: float | None = None
    ) -> Version:
        """Replace a file's content; what it was becomes a past version."""
        before = file.size
        version = self._version(file, content, user, now)
        file.versions.append(version)
        file.touched(user, now)
        file.content_modified_at = now if content_modified_at is None else content_modified_at
        self._grow(file, file.size - before)
        return version

    def rename(self, item: Item, name: str) -> None:
        assert item.parent is not None
        self.check_name(item.parent, name, item)
        del item.parent.children[item.name.casefold()]
        item.name = name
        item.parent.children[name.casefold()] = item
        item.parent.forget_order()

    def move(self, item: Item, parent: Folder, name: str) -> None:
        """Move and rename in one step; what moves into another's folder becomes the other's (G24)."""
        if isinstance(item, Folder) and parent.within(item):
            raise BoxError(403, "cyclical_folder_structure", "Folder move creates cyclical folder structure")
        self.check_name(parent, name, item)
        self._unplace(item)
        item.name = name
        self._place(item, parent)
        if item.owner is not parent.owner:
            for moved in (item, *(item.below() if isinstance(item, Folder) else ())):
                moved.owner = parent.owner

    def copy(self, item: Item, parent: Folder, name: str, user: User, now: float) -> Item:
        """A copy of a file's current version, or of a folder with all below it."""
        if isinstance(item, File):
            return self.add_file(
                parent,
                name,
                item.current.content,
                user,
                now,
                content_created_at=item.content_created_at,
                content_modified_at=item.content_modified_at,
                sha1=item.current.sha1,
            )
        assert isinstance(item, Folder)
        if parent.within(item):
            raise BoxError(403, "cyclical_folder_structure", "Folder copy creates cyclical folder structure")
        folder = self.add_folder(parent, name, user, now)
        for child in list(item.children.values()):
            self.copy(child, folder, child.name, user, now)
        return folder

    def trash(self, item: Item, now: float) -> None:
        """Take an item out of its folder; `parent` still says where it was."""
        parent = item.parent
        self._unplace(item)
        item.parent = parent
        item.trashed_at = now
        if isinstance(item, Folder):
            for child in item.below():
                child.trashed_at, child.trashed_with = now, item

    def restore(self, item: Item, parent: Folder, name: str) -> None:
        self.check_name(parent, name)
        item.trashed_at = None
        item.name = name
        self._place(item, parent)
        if isinstance(item, Folder):
            for child in item.below():
                child.trashed_at = child.trashed_with = None

    def destroy(self, item: Item) -> None:
        """Delete a trashed item for good."""
        if isinstance(item, Folder):
            for child in item.below():
                self._items.pop(child.id, None)
        self._items.pop(item.id, None)

    def count(self, user: User) -> int:
        """How many items a person owns, the trashed ones not counted."""
        return sum(item.owner is user and item.trashed_at is None for item in self._items.values())

    def trashed(self, user: User) -> list[Item]:
        """What a person deleted of their own, without what merely lay in a deleted folder."""
        return [i for i in self._items.values() if i.trashed_at is not None and not i.trashed_with and i.owner is user]

    def check_name(self, parent: Folder, name: str, item: Item | None = None) -> None:
        """Refuse a name that Box forbids, or that another item in the folder has."""
        if len(name) > MAX_NAME:
            raise BoxError(400, "item_name_too_long", "Item name too long")
        forbidden = any(character in "/\\" or not character.isprintable() for character in name)
        if not name or forbidden or name in (".", "..") or name != name.rstrip(" "):
            raise BoxError(400, "item_name_invalid", "Item name invalid")
        holder = parent.children.get(name.casefold())
        if holder is not None and holder is not item:
            raise NameInUseError(holder)

    def _version(self, file: File, content: bytes, user: User, now: float, sha1: str | None = None) -> Version:
        digest = sha1 or hashlib.sha1(content, usedforsecurity=False).hexdigest()
        number = file.versions[-1].number + 1 if file.versions else 1
        return Version(self._next_id(), content, digest, file.name, now, now, user, number)

    def _place(self, item: Item, parent: Folder) -> None:
        item.parent = parent
        parent.children[item.name.casefold()] = item
        parent.forget_order()
        self._items[item.id] = item
        self._grow(item, item.size)

    def _unplace(self, item: Item) -> None:
        assert item.parent is not None
        self._grow(item, -item.size)
        del item.parent.children[item.name.casefold()]
        item.parent.forget_order()

    def _grow(self, item: Item, size: int) -> None:
        """Add to the sizes of the folders above, and to what their owner uses."""
        for folder in item.ancestors():
            folder.bytes_below += size
            if folder.parent is not None and size:
                folder.parent.forget_order()
        item.owner.space_used += size


class NameInUseError(BoxError):
    """409: the name is another item's. `holder` is described to the caller by the route, in the form it uses."""

    def __init__(self, holder: Item) -> None:
        super().__init__(409, "item_name_in_use", "Item with the same name already exists")
        self.holder = holder
