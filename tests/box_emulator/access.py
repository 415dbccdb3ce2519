"""What a person's role and a token's scopes allow, on which items.

Box documents scopes by what a UI Element may do with them; which scope opens which call follows from that, and where
it does not, from the widest reading that grants no more than the element shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .directory import User
from .errors import BoxError, forbidden, insufficient_scope, not_found
from .tokens import Token
from .tree import ROOT_ID, File, Folder, Item

if TYPE_CHECKING:
    from .box import Box

ItemType = TypeVar("ItemType", bound=Item)
Action = Literal["list", "read", "preview", "download", "upload", "rename", "delete", "share", "comment", "manage"]

ACTIONS: tuple[Action, ...] = (
    "list",
    "read",
    "preview",
    "download",
    "upload",
    "rename",
    "delete",
    "share",
    "comment",
    "manage",
)
WRITE_SCOPES = frozenset({"root_readwrite", "item_readwrite"})
READ_SCOPES = WRITE_SCOPES | {"root_readonly", "item_read"}

SCOPES: dict[Action, frozenset[str]] = {
    "list": READ_SCOPES | {"base_explorer", "base_picker"},
    "read": READ_SCOPES
    | {"base_explorer", "base_picker", "base_preview", "base_sidebar", "item_preview", "item_download"},
    "preview": READ_SCOPES | {"base_preview", "item_preview", "item_download"},
    "download": READ_SCOPES | {"item_download"},
    "upload": WRITE_SCOPES | {"item_upload", "base_upload"},
    "rename": WRITE_SCOPES | {"item_rename"},
    "delete": WRITE_SCOPES | {"item_delete"},
    "share": WRITE_SCOPES | {"item_share"},
    "comment": WRITE_SCOPES | {"item_comment"},
    "manage": WRITE_SCOPES,
}
"""The scopes of which a token needs one. G8."""

ALL_ACTIONS = frozenset(ACTIONS)
LOCKED: frozenset[Action] = frozenset({"upload", "rename", "delete"})
VIEW: frozenset[Action] = frozenset({"list", "read", "preview"})
ROLES: dict[str, frozenset[Action]] = {
    "owner": ALL_ACTIONS,
    "co-owner": ALL_ACTIONS,
    "editor": ALL_ACTIONS - {"manage"},
    "viewer": VIEW | {"download", "comment", "share"},
    "previewer": VIEW,
    "uploader": frozenset({"list", "read", "upload"}),
    "previewer uploader": VIEW | {"upload"},
    "viewer uploader": VIEW | {"download", "comment", "share", "upload"},
}
"""What each collaboration role allows."""


@dataclass(slots=True, eq=False)
class Group:
    id: str
    name: str
    created_at: float
    modified_at: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)
    members: list[Membership] = field(default_factory=list)

    def mini(self) -> dict[str, Any]:
        return {"type": "group", "id": self.id, "name": self.name, "group_type": "managed_group"}


@dataclass(slots=True, eq=False)
class Membership:
    id: str
    group: Group
    user: User
    created_at: float
    role: str = "member"


@dataclass(slots=True)
class Collaboration:
    id: str
    item: Item
    user: User | None
    """None while the invited person has no account."""

    invite_email: str
    role: str
    status: Literal["accepted", "pending", "rejected"]
    created_by: User
    created_at: float
    modified_at: float
    can_view_path: bool = False
    group: Group | None = None

    def allows(self, user: User) -> bool:
        member = self.group is not None and any(one.user is user for one in self.group.members)
        return (self.user is user or member) and self.status == "accepted"


class Access:
    """Decides for one caller; every route that touches an item asks here."""

    def __init__(self, box: Box, token: Token, user: User, shared_link: Item | None = None) -> None:
        self._box = box
        self._token = token
        self._user = user
        self.shared_link = shared_link
        self._by_scope: frozenset[Action] = frozenset(a for a in ACTIONS if not SCOPES[a].isdisjoint(token.scopes))

    def root(self) -> Folder:
        return self._box.tree.root(self._user)

    def folder(self, folder_id: str, action: Action) -> Folder:
        """The folder with this id, if the caller may do this with it; ``0`` is the caller's own root."""
        item = self.root() if folder_id == ROOT_ID else self._box.tree.get(folder_id)
        if not isinstance(item, Folder):
            raise not_found("folder", folder_id)
        return self.checked(item, action)

    def file(self, file_id: str, action: Action, trashed: bool | None = False) -> File:
        item = self._box.tree.get(file_id)
        if not isinstance(item, File):
            raise not_found("file", file_id)
        return self.checked(item, action, trashed)

    def checked(self, item: ItemType, action: Action, trashed: bool | None = False) -> ItemType:
        """`item`, if the caller may do this with it; `trashed` None for wherever it is.

        404 if it is not theirs to see (or is trashed, or is not), 403 if the token's scope, its resource, the person's
        role or another's lock forbids it.
        """
        allowed = self._role_actions(item)
        if not allowed or (trashed is not None and (item.trashed_at is not None) is not trashed):
            raise not_found(item.type, item.id)
        if action not in self._by_scope:
            raise insufficient_scope()
        if action not in allowed or not self.in_resource(item):
            raise forbidden()  # G9
        if isinstance(item, File) and action in self._locked_actions(item):
            raise BoxError(403, "access_denied_item_locked", "Access denied - Item locked")
        return item

    def _locked_actions(self, file: File) -> frozenset[Action]:
        """What another's lock keeps the caller from. G10."""
        lock = file.lock
        if lock is None or lock.by is self._user or not lock.holds(self._box.clock.now()):
            return frozenset()
        return LOCKED | ({"download"} if lock.download_prevented else frozenset())

    def actions(self, item: Item) -> frozenset[Action]:
        """All that the caller may do with an item."""
        if not self.in_resource(item):
            return frozenset()
        return self._by_scope if item.owner is self._user else self._role_actions(item) & self._by_scope

    def visible(self, item: Item) -> bool:
        return item.trashed_at is None and self.in_resource(item) and bool(self._role_actions(item))

    def in_resource(self, item: Item) -> bool:
        """Whether the token's own restriction covers the item."""
        resource = self._token.resource
        if resource is None or item.id == resource.id:
            return True
        return resource.type == "folder" and any(folder.id == resource.id for folder in item.ancestors())

    def shared_with_me(self) -> list[Item]:
        """Others' items that appear in the caller's root: those of collaborations whose parent they can't see."""
        items = [c.item for c in self._box.collaborations.values() if c.allows(self._user)]
        return [i for i in items if i.trashed_at is None and (i.parent is None or not self._role_actions(i.parent))]

    def path(self, item: Item) -> list[Folder]:
        """The folders from the caller's root down to the item's parent, as far as the caller can see them."""
        if item.owner is self._user:
            return list(item.ancestors())[::-1]
        seen = [folder for folder in item.ancestors() if not folder.is_root and self._role_actions(folder)]
        return [self.root(), *reversed(seen)]

    def _role_actions(self, item: Item) -> frozenset[Action]:
        if item.owner is self._user:
            return ALL_ACTIONS
        allowed: frozenset[Action] = frozenset()
        for place in (item, *item.ancestors()):
            for collaboration in self._box.collaborations_on(place):
                if collaboration.allows(self._user):
                    allowed |= ROLES[collaboration.role]
        return allowed | self._link_actions(item)

    def _link_actions(self, item: Item) -> frozenset[Action]:
        """What the shared link that the request names allows on its item and below."""
        shared = self.shared_link
        if shared is None or shared.shared_link is None or not item.within(shared):
            return frozenset()
        link = shared.shared_link
        by_download: frozenset[Action] = frozenset({"download"} if link.can_download else ())
        by_edit: frozenset[Action] = frozenset({"upload", "rename"} if link.can_edit else ())
        return VIEW | by_download | by_edit


def permissions(actions: frozenset[Action], kind: str, token: Token) -> dict[str, bool]:
    """An item's ``permissions`` as the Elements read them to show or hide their buttons."""
    common = {
        "can_delete": "delete" in actions,
        "can_download": "download" in actions,
        "can_invite_collaborator": "manage" in actions,
        "can_rename": "rename" in actions,
        "can_set_share_access": "share" in actions,
        "can_share": "share" in actions,
        "can_upload": "upload" in actions,
    }
    if kind == "folder":
        return common
    full = not WRITE_SCOPES.isdisjoint(token.scopes)
    return common | {
        "can_annotate": "preview" in actions and (full or "annotation_edit" in token.scopes),
        "can_comment": "comment" in actions,
        "can_preview": "preview" in actions,
        "can_view_annotations_all": full or "annotation_view_all" in token.scopes,
        "can_view_annotations_self": full or "annotation_view_self" in token.scopes,
    }
