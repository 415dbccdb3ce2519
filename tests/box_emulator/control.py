"""``/_emulator/``: what tests see and change. Not part of Box."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from joserfc.jwk import RSAKey

from .api import json_response
from .box import BOX, Box
from .description import DESCRIPTION
from .directory import User
from .errors import BoxError, invalid_parameter, not_found
from .faults import FAULTS, Fault
from .limits import RATES
from .log import LOG
from .seed import SEED
from .settings import Settings
from .tokens import Kind, Token
from .tree import File, Item


class NewUser(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    name: str
    login: str
    status: str = "active"
    role: str = "user"
    language: str = "en"
    aliases: list[str] = []


class UserChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    name: str | None = None
    login: str | None = None
    status: str | None = None
    role: str | None = None
    aliases: list[str] | None = None


class TokenChoice(msgspec.Struct, forbid_unknown_fields=True):
    """One token by its value, or all of a kind and person; with nothing named, every token."""

    token: str | None = None
    kind: Kind | None = None
    login: str | None = None
    revoke: bool = False


class Rotation(msgspec.Struct, forbid_unknown_fields=True):
    key: bool = False
    keep_old: bool = False
    remove_old: bool = False
    secret: bool = False


class PublicKey(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    pem: str


async def log(request: web.Request) -> web.Response:
    return json_response({"entries": request.app[LOG].since(int(request.query.get("since", 0)))})


async def tokens(request: web.Request) -> web.Response:
    box = request.app[BOX]
    return json_response({"entries": [describe(box, token) for token in box.tokens.all()]})


async def users(request: web.Request) -> web.Response:
    box = request.app[BOX]
    return json_response({"entries": [describe_user(user) for user in box.directory]})


async def items(request: web.Request) -> web.Response:
    """All that the person ``login`` owns, with paths; ``trashed=true`` shows the trash instead."""
    box = request.app[BOX]
    user = box.directory.by_login(request.query.get("login", ""))
    if user is None:
        raise not_found("user", request.query.get("login", ""))
    trashed = request.query.get("trashed") == "true"
    found = box.tree.trashed(user) if trashed else box.tree.root(user).below()
    return json_response({"entries": [describe_item(item) for item in found]})


async def content(request: web.Request) -> web.Response:
    """The bytes of a file's current version."""
    item = request.app[BOX].tree.get(request.match_info["file_id"])
    if not isinstance(item, File):
        raise not_found("file", request.match_info["file_id"])
    return web.Response(body=item.current.content)


async def violations(request: web.Request) -> web.Response:
    """What did not fit Box's OpenAPI description, and how many requests were checked."""
    description = request.app.get(DESCRIPTION)
    if description is None:
        return json_response({"checked": 0, "entries": []})
    return json_response({"checked": description.checked, "entries": description.violations})


async def get_settings(request: web.Request) -> web.Response:
    return json_response(request.app[BOX].settings)


async def change_settings(request: web.Request) -> web.Response:
    """Change the settings that the body names; the others stay."""
    box = request.app[BOX]
    changes = msgspec.json.decode(await request.read(), type=dict[str, Any])
    box.settings = msgspec.convert(msgspec.to_builtins(box.settings) | changes, Settings)
    box.clock.offset_s = box.settings.clock_offset_s
    return json_response(box.settings)


async def add_fault(request: web.Request) -> web.Response:
    faults = msgspec.json.decode(await request.read(), type=Fault | list[Fault])
    request.app[FAULTS].waiting.extend(faults if isinstance(faults, list) else [faults])
    return json_response({"waiting": len(request.app[FAULTS].waiting)}, status=201)


async def list_faults(request: web.Request) -> web.Response:
    return json_response({"entries": request.app[FAULTS].waiting})


async def delete_faults(request: web.Request) -> web.Response:
    request.app[FAULTS].waiting.clear()
    return web.Response(status=204)


async def add_user(request: web.Request) -> web.Response:
    new = msgspec.json.decode(await request.read(), type=NewUser)
    user = request.app[BOX].add_user(**msgspec.structs.asdict(new))
    return json_response(describe_user(user), status=201)


async def change_user(request: web.Request) -> web.Response:
    box = request.app[BOX]
    changes = msgspec.json.decode(await request.read(), type=UserChange)
    user = _user(box, request.match_info["user_id"])
    box.directory.change(user, **{k: v for k, v in msgspec.structs.asdict(changes).items() if v is not None})
    return json_response(describe_user(user))


async def delete_user(request: web.Request) -> web.Response:
    box = request.app[BOX]
    box.directory.remove(_user(box, request.match_info["user_id"]))
    return web.Response(status=204)


async def expire_tokens(request: web.Request) -> web.Response:
    """End tokens now, as if their time were up (or, with ``revoke``, as if they had been revoked)."""
    box = request.app[BOX]
    choice = msgspec.json.decode(await request.read() or b"{}", type=TokenChoice)
    now = box.clock.now()
    ended = [token for token in box.tokens.all() if token.alive(now) and _chosen(box, token, choice)]
    for token in ended:
        token.expires_at = token.expires_at if choice.revoke else now
        token.revoked = token.revoked or choice.revoke
    return json_response({"expired": len(ended)})


async def rotate(request: web.Request) -> web.Response:
    """Replace the key or the secret of every application, as an administrator would in the Developer Console."""
    rotation = msgspec.json.decode(await request.read(), type=Rotation)
    for app in request.app[BOX].applications:
        if rotation.key and app.key is not None:
            app.rotate_key(rotation.keep_old)
        if rotation.remove_old:
            app.added.clear()
        if rotation.secret:
            app.rotate_secret()
    return json_response({"rotated": [name for name in ("key", "secret") if getattr(rotation, name)]})


async def add_key(request: web.Request) -> web.Response:
    """Add a public key to the app with a key pair, or remove the one with this id if ``pem`` is empty."""
    added = msgspec.json.decode(await request.read(), type=PublicKey)
    (app,) = (app for app in request.app[BOX].applications if app.key is not None)
    if added.pem:
        app.added[added.id] = RSAKey.import_key(added.pem)
    else:
        app.added.pop(added.id, None)
    return web.Response(status=204)


async def reset(request: web.Request) -> web.Response:
    """Back to the seed: people, items, settings, faults, tokens, log; keys and secrets stay."""
    request.app[BOX].reset()
    request.app[SEED].plant(request.app[BOX])
    request.app[FAULTS].waiting.clear()
    request.app[RATES].clear()
    request.app[LOG].clear()
    return web.Response(status=204)


def describe(box: Box, token: Token) -> dict[str, Any]:
    """A token as ``GET tokens`` shows it, its value included."""
    user = box.directory.get(token.user_id)
    return {
        "token": token.value,
        "kind": token.kind,
        "user_id": token.user_id,
        "login": user.login if user else None,
        "scopes": sorted(token.scopes),
        "resource": {"type": token.resource.type, "id": token.resource.id} if token.resource else None,
        "issued_at": token.issued_at,
        "expires_at": token.expires_at,
        "revoked": token.revoked,
        "alive": token.alive(box.clock.now()),
        "client_id": token.client_id,
    }


def describe_user(user: User) -> dict[str, Any]:
    kind = "service" if user.service_account else "app" if user.is_platform_access_only else "managed"
    details = {"role": user.role, "status": user.status, "kind": kind, "aliases": user.aliases}
    return user.mini() | details | {"external_app_user_id": user.external_app_user_id}


def describe_item(item: Item) -> dict[str, Any]:
    link = item.shared_link
    common = {
        "path": item.path(),
        "type": item.type,
        "id": item.id,
        "name": item.name,
        "size": item.size,
        "owner": item.owner.login,
        "created_by": item.created_by.login,
        "shared_link": link.access if link else None,
    }
    if isinstance(item, File):
        return common | {"sha1": item.current.sha1, "versions": len(item.versions)}
    return common


def _user(box: Box, user_id: str) -> User:
    user = box.directory.get(user_id)
    if user is None:
        raise not_found("user", user_id)
    return user


def _chosen(box: Box, token: Token, choice: TokenChoice) -> bool:
    if choice.token is not None and token.value != choice.token:
        return False
    if choice.kind is not None and token.kind != choice.kind:
        return False
    user = box.directory.get(token.user_id)
    return choice.login is None or (user is not None and user.login == choice.login)


def trusted(request: web.Request) -> bool:
    """Whether this is not the doing of some page in a browser on this machine.

    Another site's page gives itself away by ``Origin`` or ``Sec-Fetch-Site``, a rebound DNS name by its dots.
    """
    origin = request.headers.get("Origin")
    host = urlsplit(f"//{request.host}").hostname or ""
    named = "." in host and not host.replace(".", "").isdigit()
    own_origin = origin is None or origin == f"{request.scheme}://{request.host}"
    return own_origin and not named and request.headers.get("Sec-Fetch-Site") != "cross-site"


def refusal(error: Exception) -> web.Response:
    """The answer to a control request that can't be understood: 400 and why."""
    if isinstance(error, BoxError):
        return error.response()
    return invalid_parameter("body", "", str(error)).response()


ROUTES = [
    web.get("/_emulator/log", log),
    web.get("/_emulator/tokens", tokens),
    web.post("/_emulator/tokens/expire", expire_tokens),
    web.get("/_emulator/items", items),
    web.get("/_emulator/files/{file_id}", content),
    web.get("/_emulator/violations", violations),
    web.get("/_emulator/users", users),
    web.post("/_emulator/users", add_user),
    web.patch("/_emulator/users/{user_id}", change_user),
    web.delete("/_emulator/users/{user_id}", delete_user),
    web.get("/_emulator/settings", get_settings),
    web.post("/_emulator/settings", change_settings),
    web.get("/_emulator/faults", list_faults),
    web.post("/_emulator/faults", add_fault),
    web.delete("/_emulator/faults", delete_faults),
    web.post("/_emulator/rotate", rotate),
    web.post("/_emulator/keys", add_key),
    web.post("/_emulator/reset", reset),
]
