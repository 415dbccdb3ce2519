"""Collaborations, and items found by their shared link."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .access import ROLES, Collaboration, Group
from .api import (
    Caller,
    authenticated,
    encode_marker,
    json_body,
    json_response,
    limit_of,
    offset_of,
    position_of,
)
from .changes import conflict_described
from .errors import BoxError, forbidden, invalid_parameter, missing_parameter, not_found
from .items import View, collaboration
from .tree import Item

INVITABLE = frozenset(ROLES) - {"owner"}


@authenticated
async def item_collaborations(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/{files,folders}/{id}/collaborations."""
    item = _item(request, caller)
    view = View(request, caller)
    entries = caller.box.collaborations_on(item)
    limit, start = limit_of(request), position_of(request)
    more = start + limit < len(entries)
    return json_response(
        {
            "entries": [collaboration(view, entry) for entry in entries[start : start + limit]],
            "limit": limit,
            "next_marker": encode_marker(start + limit) if more else None,
        }
    )


@authenticated
async def pending_collaborations(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/collaborations?status=pending: the caller's open invitations."""
    if request.query.get("status") != "pending":
        raise invalid_parameter("status", request.query.get("status", ""))
    caller.require("root_readwrite", "root_readonly")
    mine = [c for c in caller.box.collaborations.values() if c.user is caller.user and c.status == "pending"]
    view = View(request, caller)
    limit, start = limit_of(request), offset_of(request)
    entries = [collaboration(view, entry) for entry in mine[start : start + limit]]
    return json_response({"total_count": len(mine), "entries": entries, "limit": limit, "offset": start})


@authenticated
async def create_collaboration(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/collaborations: a person of the enterprise is in at once, another e-mail address is invited."""
    body = await json_body(request)
    item = _named_item(caller, body.get("item"))
    role = body.get("role")
    if role not in INVITABLE:
        raise invalid_parameter("role", str(role))
    grantee = body.get("accessible_by")
    group = _group(caller, grantee)
    if group is not None:
        return json_response(collaboration(View(request, caller), _admit(caller, item, role, group)), status=201)
    named = isinstance(grantee, dict) and grantee.get("type") == "user" and (grantee.get("id") or grantee.get("login"))
    if not isinstance(grantee, dict) or not named:
        raise missing_parameter("accessible_by")
    directory = caller.box.directory
    user = directory.get(grantee["id"]) if grantee.get("id") else directory.by_login(str(grantee["login"]))
    if user is None and not grantee.get("login"):
        raise not_found("user", str(grantee["id"]))
    if any(user is not None and entry.user is user for entry in caller.box.collaborations_on(item)):
        raise BoxError(400, "user_already_collaborator", "User is already a collaborator")
    now = caller.box.clock.now()
    entry = Collaboration(
        caller.box.next_item_id(),
        item,
        user,
        str(grantee.get("login") or ""),
        role,
        "accepted" if user is not None else "pending",
        caller.user,
        now,
        now,
        bool(body.get("can_view_path")),
    )
    caller.box.add_collaboration(entry)
    return json_response(collaboration(View(request, caller), entry), status=201)


def _group(caller: Caller, grantee: Any) -> Group | None:
    if not isinstance(grantee, dict) or grantee.get("type") != "group":
        return None
    group = caller.box.groups.get(str(grantee.get("id")))
    if group is None:
        raise not_found("group", str(grantee.get("id")))
    return group


def _admit(caller: Caller, item: Item, role: str, group: Group) -> Collaboration:
    if any(entry.group is group for entry in caller.box.collaborations_on(item)):
        raise BoxError(400, "user_already_collaborator", "User is already a collaborator")
    now, number = caller.box.clock.now(), caller.box.next_item_id()
    entry = Collaboration(number, item, None, "", role, "accepted", caller.user, now, now, group=group)
    caller.box.add_collaboration(entry)
    return entry


@authenticated
async def get_collaboration(request: web.Request, caller: Caller) -> web.Response:
    entry = _collaboration(request, caller)
    return json_response(collaboration(View(request, caller), entry))


@authenticated
async def update_collaboration(request: web.Request, caller: Caller) -> web.Response:
    """PUT /2.0/collaborations/{id}: another role, by those who may; the answer to an invitation, by the invited."""
    entry = _collaboration(request, caller)
    body = await json_body(request)
    if body.get("role") == "owner":
        return _hand_over(caller, entry)
    if body.get("role") is not None:
        caller.access.checked(entry.item, "manage")
        if body["role"] not in INVITABLE:
            raise invalid_parameter("role", str(body["role"]))
        entry.role = body["role"]
    if body.get("status") is not None:
        if entry.user is not caller.user or body["status"] not in ("accepted", "rejected"):
            raise invalid_parameter("status", str(body["status"]))
        entry.status = body["status"]
    entry.modified_at = caller.box.clock.now()
    return json_response(collaboration(View(request, caller), entry))


def _hand_over(caller: Caller, entry: Collaboration) -> web.Response:
    """The collaborator becomes the owner, the item goes to their root (G13), and the owner before stays as co-owner."""
    item, heir, owner = entry.item, entry.user, entry.item.owner
    if owner is not caller.user or heir is None or entry.status != "accepted":
        raise forbidden()
    box, now = caller.box, caller.box.clock.now()
    with conflict_described():
        box.tree.move(item, box.tree.root(heir), item.name)
    box.remove_collaboration(entry)
    role = "co-owner"
    box.add_collaboration(
        Collaboration(box.next_item_id(), item, owner, owner.login, role, "accepted", heir, now, now, False)
    )
    return web.Response(status=204)


@authenticated
async def delete_collaboration(request: web.Request, caller: Caller) -> web.Response:
    """DELETE /2.0/collaborations/{id}: by those who may, or by the collaborator, who leaves."""
    entry = _collaboration(request, caller)
    if entry.user is not caller.user:
        caller.access.checked(entry.item, "manage")
    caller.box.remove_collaboration(entry)
    return web.Response(status=204)


@authenticated
async def shared_item(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/shared_items: the item whose shared link the ``BoxApi`` header names."""
    item = caller.access.shared_link
    if item is None:
        raise not_found("shared_link", "")
    return json_response(View(request, caller).full(caller.access.checked(item, "read")))


def _item(request: web.Request, caller: Caller) -> Item:
    if "file_id" in request.match_info:
        return caller.access.file(request.match_info["file_id"], "read")
    return caller.access.folder(request.match_info["folder_id"], "read")


def _named_item(caller: Caller, named: Any) -> Item:
    if not isinstance(named, dict) or named.get("type") not in ("file", "folder") or not named.get("id"):
        raise missing_parameter("item")
    if named["type"] == "file":
        return caller.access.file(str(named["id"]), "manage")
    return caller.access.folder(str(named["id"]), "manage")


def _collaboration(request: web.Request, caller: Caller) -> Collaboration:
    entry = caller.box.collaborations.get(request.match_info["collaboration_id"])
    if entry is None or not (entry.user is caller.user or caller.access.visible(entry.item)):
        raise not_found("collaboration", request.match_info["collaboration_id"])
    if entry.user is not caller.user:
        caller.access.checked(entry.item, "read")
    return entry
