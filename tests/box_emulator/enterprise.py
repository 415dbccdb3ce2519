"""What administrators do with people: invite them, end their sessions, hand over what they own."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .api import Caller, authenticated, json_body, json_response
from .changes import conflict_described
from .clock import iso
from .errors import BoxError, missing_parameter, not_found
from .items import View

TERMINATED = "Request is successful, please check the admin events for the status of the job"


@authenticated
async def create_invite(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/invites: nobody reads it; the person never comes."""
    caller.require("manage_managed_users")
    body = await json_body(request)
    enterprise, login = (body.get("enterprise") or {}).get("id"), (body.get("actionable_by") or {}).get("login")
    if enterprise != caller.box.enterprise["id"] or not isinstance(login, str):
        raise missing_parameter("enterprise")
    now = iso(caller.box.clock.now())
    invite = {
        "type": "invite",
        "id": caller.box.next_item_id(),
        "invited_to": caller.box.enterprise,
        "actionable_by": {"type": "user", "id": caller.box.next_user_id(), "name": login, "login": login},
        "invited_by": caller.user.mini(),
        "status": "pending",
        "created_at": now,
        "modified_at": now,
    }
    caller.box.invites[str(invite["id"])] = invite
    return json_response(invite, status=201)


@authenticated
async def get_invite(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/invites/{id}."""
    caller.require("manage_managed_users")
    invite = caller.box.invites.get(request.match_info["invite_id"])
    if invite is None:
        raise not_found("invite", request.match_info["invite_id"])
    return json_response(invite)


@authenticated
async def end_sessions(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/users/terminate_sessions: web sessions; tokens of apps go on. G19."""
    caller.require("manage_managed_users")
    body = await json_body(request)
    for name in ("user_ids", "user_logins"):
        if not isinstance(body.get(name), list) or not body[name]:
            raise BoxError(400, "bad_request", "Users can not be NULL or EMPTY")
    return json_response({"message": TERMINATED}, status=202)


@authenticated
async def end_groups_sessions(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/groups/terminate_sessions."""
    caller.require("manage_groups")
    body = await json_body(request)
    if not isinstance(body.get("group_ids"), list) or not body["group_ids"]:
        raise BoxError(400, "bad_request", "Groups can not be NULL or EMPTY")
    return json_response({"message": TERMINATED}, status=202)


@authenticated
async def hand_over(request: web.Request, caller: Caller) -> web.Response:
    """PUT /2.0/users/{id}/folders/0: all that a person owns goes into a new folder of another's root."""
    caller.require("manage_managed_users")
    body = await json_body(request)
    box = caller.box
    owner, heir = (
        box.directory.get(user_id)
        for user_id in (request.match_info["user_id"], str((body.get("owned_by") or {}).get("id")))
    )
    if owner is None or heir is None:
        raise not_found("user", request.match_info["user_id"])
    with conflict_described():
        name = f"{owner.login} - {owner.name}'s Files and Folders"
        folder = box.tree.add_folder(box.tree.root(heir), name, caller.user, box.clock.now())
        for item in list(box.tree.root(owner).children.values()):
            box.tree.move(item, folder, item.name)
    described: dict[str, Any] = View(request, caller).standard(folder)
    return json_response(described)
