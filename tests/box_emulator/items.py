"""Files, folders and their parts as Box writes them in JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

from .access import Action, Collaboration, permissions
from .api import Caller, fields_of, origin_of
from .clock import iso
from .directory import User
from .renditions import representations
from .tree import File, Folder, Item, SharedLink, Version

Reader = Callable[["View", Item], Any]

NOBODY = {"type": "user", "id": "", "name": "", "login": ""}
MAX_VERSIONS = 100
FAVORITES = {"type": "collection", "id": "1", "name": "Favorites", "collection_type": "favorites"}

BASE_FIELDS = ("type", "id", "etag")
MINI_FIELDS = {
    "file": (*BASE_FIELDS, "file_version", "sequence_id", "sha1", "name"),
    "folder": (*BASE_FIELDS, "sequence_id", "name"),
}
COMMON_FIELDS = (
    *BASE_FIELDS,
    "sequence_id",
    "name",
    "description",
    "size",
    "path_collection",
    "created_at",
    "modified_at",
    "trashed_at",
    "purged_at",
    "content_created_at",
    "content_modified_at",
    "created_by",
    "modified_by",
    "owned_by",
    "shared_link",
    "parent",
    "item_status",
)
STANDARD_FIELDS = {
    "file": (*COMMON_FIELDS, "sha1", "file_version"),
    "folder": (*COMMON_FIELDS, "folder_upload_email"),
}


class View:
    """How one caller sees items: permissions, paths and URLs depend on who asks, and where.

    `fields` None gives the standard fields, or the mini form inside a listing.
    """

    def __init__(self, request: web.Request, caller: Caller) -> None:
        self.caller = caller
        self.access = caller.access
        self.fields = fields_of(request)
        self._named = None if self.fields is None else (*BASE_FIELDS, *self.fields)
        self.hints = request.headers.get("X-Rep-Hints", "")
        self.origin = origin_of(request, "download")
        self.site = origin_of(request, "site")
        self._permissions: dict[tuple[frozenset[Action], str], dict[str, bool]] = {}
        self._paths: dict[tuple[str, str], dict[str, Any]] = {}
        self._readers: dict[tuple[str, tuple[str, ...]], list[tuple[str, Reader]]] = {}

    def full(self, item: Item) -> dict[str, Any]:
        """An item on its own: the standard fields, or the base and the fields that the query names."""
        return self._pick(item, self._named or STANDARD_FIELDS[item.type])

    def entry(self, item: Item) -> dict[str, Any]:
        """An item in a listing: the mini form, or the base and the fields that the query names."""
        return self._pick(item, self._named or MINI_FIELDS[item.type])

    def standard(self, item: Item) -> dict[str, Any]:
        """All standard fields, whatever the query names."""
        return self._pick(item, STANDARD_FIELDS[item.type])

    def permissions(self, item: Item) -> dict[str, bool]:
        key = (self.access.actions(item), item.type)
        if key not in self._permissions:
            self._permissions[key] = permissions(*key, self.caller.token)
        return self._permissions[key]

    def path_collection(self, item: Item) -> dict[str, Any]:
        """The folders above, from the caller's root on; the same object for all items of a folder."""
        key = (item.owner.id, item.parent.id if item.parent else "")
        # Of others' items each may be shared by itself, and then has another path than its neighbours.
        if key not in self._paths or item.owner is not self.caller.user:
            folders = [mini(folder) for folder in self.access.path(item)]
            self._paths[key] = {"total_count": len(folders), "entries": folders}
        return self._paths[key]

    def _pick(self, item: Item, names: tuple[str, ...]) -> dict[str, Any]:
        key = (item.type, names)
        if key not in self._readers:
            fields = FIELDS[item.type]
            self._readers[key] = [(name, fields[name]) for name in dict.fromkeys(names) if name in fields]
        return {name: read(self, item) for name, read in self._readers[key]}


def mini(item: Item) -> dict[str, Any]:
    """``File--Mini`` or ``Folder--Mini``."""
    if isinstance(item, File):
        return {
            "type": "file",
            "id": item.id,
            "file_version": version_mini(item.current),
            "sequence_id": str(item.etag),
            "etag": str(item.etag),
            "sha1": item.current.sha1,
            "name": item.name,
        }
    number = None if item.parent is None else str(item.etag)
    return {"type": "folder", "id": item.id, "sequence_id": number, "etag": number, "name": item.name}


def version_mini(version: Version) -> dict[str, Any]:
    return {"type": "file_version", "id": version.id, "sha1": version.sha1}


def version_full(version: Version) -> dict[str, Any]:
    """``FileVersion--Full``."""
    people = {"trashed_by": version.trashed_by, "restored_by": version.restored_by}
    described = {
        "name": version.name,
        "size": version.size,
        "created_at": iso(version.created_at),
        "modified_at": iso(version.modified_at),
        "modified_by": version.modified_by.mini(),
        "trashed_at": None if version.trashed_at is None else iso(version.trashed_at),
        "restored_at": None if version.restored_at is None else iso(version.restored_at),
        "purged_at": None,
        "uploader_display_name": version.modified_by.name,
        "version_number": str(version.number),
    }
    return version_mini(version) | described | {role: user.mini() for role, user in people.items() if user}


def shared_link(item: Item, link: SharedLink, origin: str) -> dict[str, Any]:
    download = link.can_download and isinstance(item, File)
    permission = "can_edit" if link.can_edit else "can_download" if link.can_download else "can_preview"
    return {
        "url": f"{origin}/s/{link.token}",
        "download_url": f"{origin}/shared/static/{link.token}" if download else None,
        "vanity_url": f"{origin}/v/{link.vanity_name}" if link.vanity_name else None,
        "vanity_name": link.vanity_name,
        "access": link.access,
        "effective_access": link.access,
        "effective_permission": permission,
        "unshared_at": link.unshared_at,
        "is_password_enabled": link.password is not None,
        "permissions": {"can_preview": True, "can_download": link.can_download, "can_edit": link.can_edit},
        "download_count": link.download_count,
        "preview_count": link.preview_count,
    }


def collaboration(view: View, entry: Collaboration) -> dict[str, Any]:
    """``Collaboration``. Of a pending one neither the item nor the person's name is told."""
    pending = entry.status == "pending"
    described = {
        "type": "collaboration",
        "id": entry.id,
        "item": None if pending else view.standard(entry.item),
        "invite_email": entry.invite_email if pending else None,
        "role": entry.role,
        "expires_at": None,
        "is_access_only": False,
        "status": entry.status,
        "acknowledged_at": iso(entry.modified_at),
        "created_by": entry.created_by.mini(),
        "created_at": iso(entry.created_at),
        "modified_at": iso(entry.modified_at),
        "can_view_path": entry.can_view_path,
    }
    if entry.group is not None:
        described["accessible_by"] = entry.group.mini()
    if entry.user is not None:
        hidden = {"name": "", "login": ""} if pending else {}
        described["accessible_by"] = entry.user.mini() | {"is_active": entry.user.status != "inactive"} | hidden
    return described


def _number(view: View, item: Item) -> str | None:
    return None if item.parent is None else str(item.etag)


def _time(value: float, item: Item) -> str | None:
    return None if item.parent is None else iso(value)


def _person(user: User, item: Item) -> dict[str, Any]:
    return NOBODY if item.parent is None else user.mini()


def _parent(view: View, item: Item) -> dict[str, Any] | None:
    """The parent, or the caller's root where the true parent is not theirs to see."""
    if item.parent is None:
        return None
    path: list[dict[str, Any]] = view.path_collection(item)["entries"]
    return path[-1] if path else None


def _shared_link(view: View, item: Item) -> dict[str, Any] | None:
    return shared_link(item, item.shared_link, view.site) if item.shared_link else None


def _status(view: View, item: Item) -> str:
    return "active" if item.trashed_at is None else "trashed"


def _lock(view: View, file: File) -> dict[str, Any] | None:
    lock = file.lock
    if lock is None or not lock.holds(view.caller.box.clock.now()):
        return None
    until = {} if lock.expires_at is None else {"expired_at": iso(lock.expires_at)}
    return {
        "type": "lock",
        "id": lock.id,
        "created_by": lock.by.mini(),
        "created_at": iso(lock.at),
        "is_download_prevented": lock.download_prevented,
        "app_type": None,
    } | until


def _collections(view: View, item: Item) -> list[dict[str, Any]]:
    box = view.caller.box
    return [FAVORITES] if item.id in box.favorites.get(view.caller.user.id, {}) else []


def _embed_link(view: View, file: File) -> dict[str, Any]:
    """G20: the page behind the link is not played."""
    return {
        "url": f"{view.site}/preview/expiring_embed/{file.id}",
        "token": {"access_token": "", "expires_in": 60, "token_type": "bearer", "restricted_to": []},
    }


def _has_collaborations(view: View, item: Item) -> bool:
    return bool(view.caller.box.collaborations_on(item))


def _representations(view: View, file: File) -> dict[str, Any]:
    allowed = "preview" in view.access.actions(file)
    return {"entries": representations(file, view.hints, view.origin) if allowed else []}


COMMON: dict[str, Reader] = {
    "type": lambda view, item: item.type,
    "id": lambda view, item: item.id,
    "etag": _number,
    "sequence_id": _number,
    "name": lambda view, item: item.name,
    "description": lambda view, item: item.description,
    "size": lambda view, item: item.size,
    "path_collection": lambda view, item: view.path_collection(item),
    "created_at": lambda view, item: _time(item.created_at, item),
    "modified_at": lambda view, item: _time(item.modified_at, item),
    "trashed_at": lambda view, item: None if item.trashed_at is None else iso(item.trashed_at),
    "purged_at": lambda view, item: None,
    "content_created_at": lambda view, item: _time(item.content_created_at, item),
    "content_modified_at": lambda view, item: _time(item.content_modified_at, item),
    "created_by": lambda view, item: _person(item.created_by, item),
    "modified_by": lambda view, item: _person(item.modified_by, item),
    "owned_by": lambda view, item: item.owner.mini(),
    "shared_link": _shared_link,
    "parent": _parent,
    "item_status": _status,
    "permissions": lambda view, item: view.permissions(item),
    "tags": lambda view, item: item.tags,
    "has_collaborations": _has_collaborations,
    "is_externally_owned": lambda view, item: False,
    "allowed_invitee_roles": lambda view, item: ["editor", "viewer", "previewer", "uploader", "co-owner"],
    "allowed_shared_link_access_levels": lambda view, item: ["open", "company", "collaborators"],
    "is_accessible_via_shared_link": lambda view, item: item.shared_link is not None,
    "watermark_info": lambda view, item: {"is_watermarked": False},
    "classification": lambda view, item: None,
    "collections": _collections,
    "expires_at": lambda view, item: None,
}
FOLDER: dict[str, Callable[[View, Folder], Any]] = {
    "folder_upload_email": lambda view, folder: None,
    "sync_state": lambda view, folder: "not_synced",
    "can_non_owners_invite": lambda view, folder: True,
    "can_non_owners_view_collaborators": lambda view, folder: True,
    "is_collaboration_restricted_to_enterprise": lambda view, folder: False,
}
FILE: dict[str, Callable[[View, File], Any]] = {
    "sha1": lambda view, file: file.current.sha1,
    "file_version": lambda view, file: version_mini(file.current),
    "version_number": lambda view, file: str(file.current.number),
    "version_limit": lambda view, file: MAX_VERSIONS,
    "extension": lambda view, file: file.extension,
    "comment_count": lambda view, file: 0,
    "lock": _lock,
    "expiring_embed_link": _embed_link,
    "is_package": lambda view, file: False,
    "is_download_available": lambda view, file: True,
    "uploader_display_name": lambda view, file: file.current.modified_by.name,
    "authenticated_download_url": lambda view, file: f"{view.origin}/api/2.0/files/{file.id}/content",
    "representations": _representations,
}
FIELDS: dict[str, dict[str, Reader]] = {
    "folder": COMMON | cast(dict[str, Reader], FOLDER),
    "file": COMMON | cast(dict[str, Reader], FILE),
}
"""Every field that can be named in ``fields``, by type; unknown names are left out of the answer, as Box does."""
