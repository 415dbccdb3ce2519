"""Routes of ``/2.0/groups`` and ``/2.0/group_memberships``."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .access import Group, Membership
from .api import Caller, authenticated, json_body, json_response, limit_of, offset_of
from .clock import iso
from .errors import BoxError, invalid_parameter, missing_parameter, not_found
from .items import View, collaboration

SETTABLE = (
    "name",
    "description",
    "provenance",
    "external_sync_identifier",
    "invitability_level",
    "member_viewability_level",
)


@authenticated
async def list_groups(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/groups, all or those whose name begins with ``filter_term``."""
    caller.require("manage_groups")
    term = request.query.get("filter_term", "").casefold()
    found = [group for group in caller.box.groups.values() if group.name.casefold().startswith(term)]
    return _page(request, [group.mini() for group in found])


@authenticated
async def create_group(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/groups."""
    caller.require("manage_groups")
    body = await json_body(request)
    if not isinstance(body.get("name"), str) or not body["name"]:
        raise missing_parameter("name")
    if any(group.name.casefold() == body["name"].casefold() for group in caller.box.groups.values()):
        raise BoxError(409, "conflict", "A resource with this value already exists")
    group = Group(caller.box.next_item_id(), body["name"], caller.box.clock.now())
    _set(group, body)
    caller.box.groups[group.id] = group
    return json_response(_full(group), status=201)


@authenticated
async def get_group(request: web.Request, caller: Caller) -> web.Response:
    return json_response(_full(_group(caller, request.match_info["group_id"])))


@authenticated
async def update_group(request: web.Request, caller: Caller) -> web.Response:
    group = _group(caller, request.match_info["group_id"])
    _set(group, await json_body(request))
    group.modified_at = caller.box.clock.now()
    return json_response(_full(group))


@authenticated
async def delete_group(request: web.Request, caller: Caller) -> web.Response:
    group = _group(caller, request.match_info["group_id"])
    for entry in [entry for entry in caller.box.collaborations.values() if entry.group is group]:
        caller.box.remove_collaboration(entry)
    del caller.box.groups[group.id]
    return web.Response(status=204)


@authenticated
async def group_collaborations(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/groups/{id}/collaborations."""
    group = _group(caller, request.match_info["group_id"])
    view = View(request, caller)
    return _page(request, [collaboration(view, e) for e in caller.box.collaborations.values() if e.group is group])


@authenticated
async def group_memberships(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/groups/{id}/memberships."""
    return _page(request, [_membership(one) for one in _group(caller, request.match_info["group_id"]).members])


@authenticated
async def user_memberships(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/users/{id}/memberships."""
    caller.require("manage_groups")
    user_id = request.match_info["user_id"]
    found = [one for group in caller.box.groups.values() for one in group.members if one.user.id == user_id]
    return _page(request, [_membership(one) for one in found])


@authenticated
async def create_membership(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/group_memberships."""
    body = await json_body(request)
    group = _group(caller, str((body.get("group") or {}).get("id")))
    user_id = str((body.get("user") or {}).get("id"))
    user = caller.box.directory.get(user_id)
    if user is None:
        raise not_found("user", user_id)
    if any(one.user is user for one in group.members):
        raise BoxError(409, "conflict", "The user is already a member of the group")
    member = Membership(caller.box.next_item_id(), group, user, caller.box.clock.now(), _role(body))
    group.members.append(member)
    return json_response(_membership(member), status=201)


@authenticated
async def get_membership(request: web.Request, caller: Caller) -> web.Response:
    return json_response(_membership(_member(request, caller)))


@authenticated
async def update_membership(request: web.Request, caller: Caller) -> web.Response:
    member = _member(request, caller)
    member.role = _role(await json_body(request))
    return json_response(_membership(member))


@authenticated
async def delete_membership(request: web.Request, caller: Caller) -> web.Response:
    member = _member(request, caller)
    member.group.members.remove(member)
    return web.Response(status=204)


def _group(caller: Caller, group_id: str) -> Group:
    caller.require("manage_groups")
    group = caller.box.groups.get(group_id)
    if group is None:
        raise not_found("group", group_id)
    return group


def _member(request: web.Request, caller: Caller) -> Membership:
    caller.require("manage_groups")
    wanted = request.match_info["membership_id"]
    for group in caller.box.groups.values():
        for one in group.members:
            if one.id == wanted:
                return one
    raise not_found("group_membership", wanted)


def _role(body: dict[str, Any]) -> str:
    role = body.get("role") or "member"
    if role not in ("member", "admin"):
        raise invalid_parameter("role", str(role))
    return str(role)


def _set(group: Group, body: dict[str, Any]) -> None:
    group.name = body.get("name") or group.name
    group.details |= {name: body[name] for name in SETTABLE[1:] if body.get(name) is not None}


def _full(group: Group) -> dict[str, Any]:
    times = {"created_at": iso(group.created_at), "modified_at": iso(group.modified_at or group.created_at)}
    return group.mini() | times | group.details


def _membership(one: Membership) -> dict[str, Any]:
    described = {"type": "group_membership", "id": one.id, "user": one.user.mini(), "group": one.group.mini()}
    return described | {"role": one.role, "created_at": iso(one.created_at), "modified_at": iso(one.created_at)}


def _page(request: web.Request, entries: list[dict[str, Any]]) -> web.Response:
    limit, offset = limit_of(request), offset_of(request)
    page = entries[offset : offset + limit]
    return json_response({"total_count": len(entries), "entries": page, "limit": limit, "offset": offset})
