"""Routes of ``/2.0/users``."""

from __future__ import annotations

import zlib
from typing import Any

from aiohttp import web

from .api import (
    Caller,
    authenticated,
    encode_marker,
    fields_of,
    flag,
    json_body,
    json_response,
    limit_of,
    offset_of,
    origin_of,
    position_of,
)
from .box import Event
from .directory import User
from .errors import BoxError, forbidden, invalid_parameter, missing_parameter, not_found

SETTABLE = {
    "name": str,
    "login": str,
    "role": str,
    "language": str,
    "timezone": str,
    "job_title": str,
    "phone": str,
    "address": str,
    "status": str,
    "space_amount": int,
    "external_app_user_id": str,
}


@authenticated
async def me(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/users/me."""
    return json_response(caller.user.json(fields_of(request), caller.box.enterprise))


@authenticated
async def list_users(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/users: by prefix, by external id, or all; paged by offset or by marker."""
    _require_manager(caller)
    users = _matching(request, caller)
    limit = limit_of(request)
    fields = fields_of(request)
    page: dict[str, Any] = {"limit": limit}
    if flag(request, "usemarker"):
        start = position_of(request)
        more = start + limit < len(users) or _endless(request, caller)
        page["next_marker"] = encode_marker(start + limit) if more else None
    else:
        start = offset_of(request, caller.box.settings.users_max_offset)
        page |= {"total_count": len(users), "offset": start}
    entries = [user.json(fields, caller.box.enterprise) for user in users[start : start + limit]]
    return json_response(page | {"entries": entries})


@authenticated
async def create_user(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/users: an app user, or a managed user."""
    body = await json_body(request)
    if not isinstance(body.get("name"), str) or not body["name"]:
        raise missing_parameter("name")
    details = {name: value for name, value in _settings(body).items() if name not in ("name", "login")}
    if body.get("is_platform_access_only") is True:
        caller.require("manage_app_users", "manage_managed_users")
        _refuse_taken_external_id(caller, body.get("external_app_user_id"))
        user = caller.box.add_app_user(body["name"], caller.token.client_id, **details)
    else:
        caller.require("manage_managed_users")
        if not isinstance(body.get("login"), str) or "@" not in body["login"]:
            raise missing_parameter("login")
        user = caller.box.add_user(body["name"], body["login"], **details)
    caller.box.events.append(Event(caller.user, user, "new_user", caller.box.clock.now()))
    return json_response(user.json(fields_of(request), caller.box.enterprise), status=201)


@authenticated
async def get_user(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/users/{id}."""
    user = _user(request, caller)
    return json_response(user.json(fields_of(request), caller.box.enterprise))


@authenticated
async def update_user(request: web.Request, caller: Caller) -> web.Response:
    """PUT /2.0/users/{id}."""
    _require_manager(caller)
    user = _user(request, caller)
    caller.box.directory.change(user, **_settings(await json_body(request)), modified_at=caller.box.clock.now())
    return json_response(user.json(fields_of(request), caller.box.enterprise))


@authenticated
async def delete_user(request: web.Request, caller: Caller) -> web.Response:
    """DELETE /2.0/users/{id}."""
    _require_manager(caller)
    user = _user(request, caller)
    caller.box.directory.remove(user)
    caller.box.events.append(Event(caller.user, user, "delete_user", caller.box.clock.now()))
    return web.Response(status=204)


@authenticated
async def email_aliases(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/users/{id}/email_aliases."""
    user = _user(request, caller)
    entries = [_alias(user, email) for email in user.aliases]
    return json_response({"total_count": len(entries), "entries": entries})


@authenticated
async def add_email_alias(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/users/{id}/email_aliases: confirmed at once, which takes a domain of the enterprise. G21."""
    _require_manager(caller)
    user = _user(request, caller)
    email = (await json_body(request)).get("email")
    if not isinstance(email, str) or "@" not in email:
        raise missing_parameter("email")
    caller.box.directory.refuse_taken(email, user)
    user.aliases.append(email.casefold())
    return json_response(_alias(user, email.casefold()), status=201)


@authenticated
async def delete_email_alias(request: web.Request, caller: Caller) -> web.Response:
    """DELETE /2.0/users/{id}/email_aliases/{id}."""
    _require_manager(caller)
    user = _user(request, caller)
    for email in user.aliases:
        if _alias(user, email)["id"] == request.match_info["alias_id"]:
            user.aliases.remove(email)
            return web.Response(status=204)
    raise not_found("email_alias", request.match_info["alias_id"])


def _alias(user: User, email: str) -> dict[str, Any]:
    number = zlib.crc32(email.encode())
    return {"type": "email_alias", "id": f"{user.id}{number}", "email": email, "is_confirmed": True}


@authenticated
async def set_avatar(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/users/{id}/avatar: a picture as ``pic`` of a multipart form."""
    caller.require("root_readwrite")
    user = _user(request, caller)
    pic = (await request.post()).get("pic")
    if not isinstance(pic, web.FileField):
        raise missing_parameter("pic")
    caller.box.avatars[user.id] = pic.file.read()
    url = f"{origin_of(request, 'site')}/avatar/{user.id}"
    return json_response({"pic_urls": {size: f"{url}/{size}" for size in ("small", "large", "preview")}}, status=201)


@authenticated
async def get_avatar(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/users/{id}/avatar: anybody's of the enterprise."""
    picture = caller.box.avatars.get(request.match_info["user_id"])
    if picture is None:
        raise not_found("avatar", request.match_info["user_id"])
    return web.Response(body=picture, content_type="image/png")


@authenticated
async def delete_avatar(request: web.Request, caller: Caller) -> web.Response:
    """DELETE /2.0/users/{id}/avatar."""
    caller.require("root_readwrite")
    if caller.box.avatars.pop(_user(request, caller).id, None) is None:
        raise not_found("avatar", request.match_info["user_id"])
    return web.Response(status=204)


def _endless(request: web.Request, caller: Caller) -> bool:
    """Whether the marker of a search leads to page after empty page."""
    return "filter_term" in request.query and caller.box.settings.filter_term_marker == "endless"


def _require_manager(caller: Caller) -> None:
    if caller.token.scopes.isdisjoint({"manage_managed_users", "manage_app_users"}):
        raise forbidden()


def _user(request: web.Request, caller: Caller) -> User:
    """The user of the path; whoever may not manage users sees only themselves."""
    user_id = request.match_info["user_id"]
    if user_id == caller.user.id:
        return caller.user
    _require_manager(caller)
    user = caller.box.directory.get(user_id)
    if user is None or (user.managed and not _sees_managed(caller)):
        raise not_found("user", user_id)
    return user


def _sees_managed(caller: Caller) -> bool:
    """Managed users need their scope and "App + Enterprise access"; without them there are only app users."""
    return "manage_managed_users" in caller.token.scopes and caller.box.settings.app_access == "enterprise"


def _matching(request: web.Request, caller: Caller) -> list[User]:
    external_id = request.query.get("external_app_user_id")
    if external_id is not None:
        user = caller.box.directory.by_external_id(external_id, caller.token.client_id)
        return [user] if user else []
    users = caller.box.directory.starting_with(request.query.get("filter_term", ""))
    if request.query.get("user_type") == "external":
        return []
    managed = _sees_managed(caller)
    return [user for user in users if not user.service_account and (managed or not user.managed)]


def _settings(body: dict[str, Any]) -> dict[str, Any]:
    """The user's attributes that a body may set, of the right type; others are ignored, as Box does."""
    for name, kind in SETTABLE.items():
        if body.get(name) is not None and not isinstance(body[name], kind):
            raise invalid_parameter(name, str(body[name]))
    settings = {name: body[name] for name in SETTABLE if body.get(name) is not None}
    for name, allowed in {
        "role": ("user", "coadmin"),
        "status": ("active", "inactive", "cannot_delete_edit", "cannot_delete_edit_upload"),
    }.items():
        if settings.get(name, allowed[0]) not in allowed:
            raise invalid_parameter(name, settings[name])
    return settings


def _refuse_taken_external_id(caller: Caller, external_id: Any) -> None:
    if external_id is not None and caller.box.directory.by_external_id(external_id, caller.token.client_id):
        raise BoxError(409, "conflict", "External app user id is already taken")
