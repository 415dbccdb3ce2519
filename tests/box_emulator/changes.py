"""What a request may change of a file or folder: the same for both."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from .access import Action
from .api import Caller
from .errors import invalid_parameter, missing_parameter
from .items import FAVORITES, mini
from .tree import File, Folder, Item, Lock, NameInUseError, SharedLink

ACCESS_LEVELS = ("open", "company", "collaborators")


def name_of(body: dict[str, Any]) -> str:
    name = body.get("name")
    if not isinstance(name, str):
        raise missing_parameter("name")
    return name


def parent_of(caller: Caller, body: dict[str, Any], action: Action) -> Folder:
    """The folder that ``parent`` names, if the caller may do this in it."""
    parent = body.get("parent")
    if not isinstance(parent, dict) or not isinstance(parent.get("id"), str):
        raise missing_parameter("parent")
    return caller.access.folder(parent["id"], action)


def needed(body: dict[str, Any]) -> tuple[Action, ...]:
    """What the caller must be allowed to do for a ``PUT`` with this body."""
    actions: list[Action] = []
    if not {"name", "parent", "description", "tags", "content_modified_at"}.isdisjoint(body):
        actions.append("rename")
    if "lock" in body:
        actions.append("upload")
    if "shared_link" in body:
        actions.append("share")
    return tuple(actions) or ("read",)


def change(caller: Caller, item: Item, body: dict[str, Any]) -> None:
    """Carry out a ``PUT`` on a file or folder. All permissions are checked before anything is changed."""
    for action in needed(body):
        caller.access.checked(item, action)
    target = _target(caller, item, body)
    favorite = _favorite(item, body["collections"]) if "collections" in body else None
    modified = timestamp(body, "content_modified_at")
    lock = _lock(caller, item, body["lock"]) if isinstance(item, File) and "lock" in body else None
    link = _link(item, body["shared_link"]) if "shared_link" in body else item.shared_link
    name = name_of(body) if body.get("name") is not None else item.name
    description, tags = body.get("description") or "", body.get("tags", item.tags)
    if not isinstance(description, str):
        raise invalid_parameter("description", str(description))
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise invalid_parameter("tags", str(tags))
    with conflict_described():
        if target is not item.parent:
            caller.box.tree.move(item, target, name)
        elif name != item.name:
            caller.box.tree.rename(item, name)
    if isinstance(item, File) and "lock" in body:
        item.lock = lock
    item.content_modified_at = item.content_modified_at if modified is None else modified
    item.shared_link = link
    if favorite is not None:
        _remember(caller, item, favorite)
    if set(body) == {"collections"}:
        return
    item.description = description if "description" in body else item.description
    item.tags = tags
    item.touched(caller.user, caller.box.clock.now())


def copy(caller: Caller, item: Item, body: dict[str, Any]) -> Item:
    """Carry out a ``POST …/copy``."""
    parent = parent_of(caller, body, "upload")
    name = body.get("name") or item.name
    with conflict_described():
        return caller.box.tree.copy(item, parent, name, caller.user, caller.box.clock.now())


@contextmanager
def conflict_described() -> Iterator[None]:
    """Where a name may be in use: describe the item that has it, as Box does."""
    try:
        yield
    except NameInUseError as error:
        error.context = {"conflicts": mini(error.holder)}
        raise


def _target(caller: Caller, item: Item, body: dict[str, Any]) -> Folder:
    """The folder that the item is to be in afterwards."""
    assert item.parent is not None
    if body.get("parent") is None or body["parent"] == {"id": item.parent.id}:
        return item.parent
    return parent_of(caller, body, "upload")


def _favorite(item: Item, wanted: Any) -> bool:
    """Whether the item is to be among the caller's favorites."""
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise invalid_parameter("collections", str(wanted))
    for one in wanted:
        if one.get("id") != FAVORITES["id"]:
            raise invalid_parameter("collections", str(one))
    return bool(wanted)


def _remember(caller: Caller, item: Item, favorite: bool) -> None:
    mine = caller.box.favorites.setdefault(caller.user.id, {})
    if favorite:
        mine[item.id] = item
    else:
        mine.pop(item.id, None)


def timestamp(body: dict[str, Any], name: str) -> float | None:
    """The time that a field says, if it is there."""
    text = body.get(name)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        raise invalid_parameter(name, str(text)) from None


def _lock(caller: Caller, file: File, wanted: Any) -> Lock | None:
    """The file's lock after the request; null unlocks."""
    if wanted is None:
        return None
    if not isinstance(wanted, dict) or wanted.get("type", "lock") != "lock":
        raise invalid_parameter("lock", str(wanted))
    prevented = wanted.get("is_download_prevented") is True
    box = caller.box
    return Lock(box.next_item_id(), caller.user, box.clock.now(), timestamp(wanted, "expires_at"), prevented)


def _link(item: Item, wanted: Any) -> SharedLink | None:
    """The item's shared link after the request; null takes it away, an empty object makes one as wide as allowed."""
    if wanted is None:
        return None
    if not isinstance(wanted, dict) or wanted.get("access", "open") not in (*ACCESS_LEVELS, None):
        raise invalid_parameter("shared_link", str(wanted))
    before = item.shared_link
    permissions = wanted.get("permissions") or {}
    return SharedLink(
        token=before.token if before else secrets.token_hex(16),
        access=wanted.get("access") or (before.access if before else "open"),
        can_download=permissions.get("can_download", before.can_download if before else True),
        can_edit=permissions.get("can_edit", before.can_edit if before else False),
        password=wanted.get("password", before.password if before else None),
        unshared_at=wanted.get("unshared_at", before.unshared_at if before else None),
        vanity_name=wanted.get("vanity_name", before.vanity_name if before else None),
        download_count=before.download_count if before else 0,
        preview_count=before.preview_count if before else 0,
    )
