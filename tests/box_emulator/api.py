"""What every route of the API shares: who calls, with which token, and the parameters of the query."""

from __future__ import annotations

import base64
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

import msgspec
from aiohttp import web

from .access import Access
from .box import BOX, Box
from .directory import User
from .errors import BoxError, InvalidTokenError, insufficient_scope, invalid_parameter, not_found, precondition_failed
from .limits import RATES
from .tokens import Token
from .tree import Item

MAX_OFFSET = 10_000
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Caller:
    """A valid token and the person in whose name it acts."""

    box: Box
    token: Token
    user: User
    access: Access

    def require(self, *scopes: str) -> None:
        """Refuse the call unless the token has one of `scopes`."""
        if self.token.scopes.isdisjoint(scopes):
            raise insufficient_scope()


Handler = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]


def authenticated(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Make a route out of a handler that needs to know who calls."""

    @functools.wraps(handler)
    async def route(request: web.Request) -> web.StreamResponse:
        return await handler(request, identify(request))

    return route


def identify(request: web.Request) -> Caller:
    """The caller, by the ``Authorization`` header or the ``access_token`` of the query; ``As-User`` is honoured."""
    box = request.app[BOX]
    token = box.tokens.get(bearer(request))
    if token is None or not token.alive(box.clock.now()):
        raise InvalidTokenError
    user = box.directory.get(token.user_id)
    if user is None or user.status == "inactive" or not box.settings.app_authorized:
        raise InvalidTokenError
    request["token"] = token
    request["user"] = user
    _check_origin(request, box)
    request.app[RATES].count(user.id, box.settings.rate_limit_per_minute)
    as_user = request.headers.get("As-User")
    if as_user is not None:
        user = _impersonated(box, token, as_user)
        request["user"] = user
    shared = _opened(box.shared(token.shared_link)) if token.shared_link else _shared_item(request, box)
    return Caller(box, token, user, Access(box, token, user, shared))


def bearer(request: web.Request) -> str:
    """The token that the request carries, or an empty string."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        return value.strip()
    return request.query.get("access_token", "")


def _check_origin(request: web.Request, box: Box) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and origin not in box.settings.cors_origins:
        message = "Access denied - Did you forget to safelist your origin in the CORS config of your app?"
        raise BoxError(403, "cors_origin_not_whitelisted", message, {"origin": origin})


def _impersonated(box: Box, token: Token, user_id: str) -> User:
    """``As-User``: for service accounts that manage users."""
    user = box.directory.get(user_id)
    if token.kind != "service" or "manage_managed_users" not in token.scopes or user is None:
        raise BoxError(403, "forbidden", "Access denied - you do not have permission to use As-User")
    return user


def _shared_item(request: web.Request, box: Box) -> Item | None:
    """The item whose shared link the ``BoxApi`` header names, if the link is open to the caller."""
    header = request.headers.get("BoxApi", "")
    if "shared_link=" not in header:
        return None
    values = dict(pair.partition("=")[::2] for pair in header.split("&"))
    token = unquote(values["shared_link"]).rpartition("/")[2]
    item = box.shared(token)
    if item is None or item.shared_link is None:
        raise not_found("shared_link", token)
    if item.shared_link.password not in (None, unquote(values.get("shared_link_password", ""))):
        raise BoxError(403, "incorrect_shared_item_password", "Missing or incorrect shared item password")
    return _opened(item)


def _opened(item: Item | None) -> Item | None:
    """The item, if its link opens it for more people than can see it anyway."""
    return item if item and item.shared_link and item.shared_link.access != "collaborators" else None


BOX_HOSTS = {"api": "api.box.com", "upload": "upload.box.com", "download": "dl.boxcloud.com", "site": "app.box.com"}


def origin_of(request: web.Request, purpose: Literal["api", "upload", "download", "site"]) -> str:
    """Scheme and host for the URLs of an answer: as Box has them for who came to one of Box's hosts, else this one."""
    host = BOX_HOSTS[purpose] if request.host.endswith((".box.com", ".boxcloud.com")) else request.host
    return f"{request.scheme}://{host}"


def json_response(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(data)
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


async def json_body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; 400 if it is anything else."""
    return json_object(await request.read())


def json_object(text: bytes | str) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(text)
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        message = "Entity body should be a correctly nested resource attribute name/value pair"
        raise BoxError(400, "bad_request", message)
    return {name: _ids_as_text(name, value) for name, value in body.items()}


def _ids_as_text(name: str, value: Any) -> Any:
    """Ids as text throughout: some clients write them as numbers, and Box takes those."""
    if isinstance(value, dict):
        return {inner: _ids_as_text(inner, part) for inner, part in value.items()}
    if isinstance(value, list):
        return [_ids_as_text(name, part) for part in value]
    number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if number and name in ("id", "folder_id") else value


def check_if_match(request: web.Request, item: Item) -> None:
    """412 where ``If-Match`` names another ETag than the item's."""
    wanted = request.headers.get("If-Match")
    if wanted is not None and wanted.strip('"') != str(item.etag):
        raise precondition_failed()


def unchanged(request: web.Request, item: Item) -> bool:
    """Whether ``If-None-Match`` names the item's ETag."""
    known = request.headers.get("If-None-Match")
    return known is not None and known.strip('"') == str(item.etag)


def fields_of(request: web.Request) -> list[str] | None:
    """The query's ``fields``, or None where it has none."""
    text = request.query.get("fields")
    return [name.strip() for name in text.split(",") if name.strip()] if text else None


def limit_of(request: web.Request, default: int = 100, most: int = MAX_LIMIT) -> int:
    return _number(request, "limit", default, most)


def offset_of(request: web.Request, most: int = MAX_OFFSET) -> int:
    return _number(request, "offset", 0, most)


def flag(request: web.Request, name: str) -> bool:
    """A truth value of the query, in whatever case: the Python SDK writes ``True``, the Node SDK ``true``."""
    return request.query.get(name, "").casefold() == "true"


def _number(request: web.Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise invalid_parameter(name, text, f"Invalid value '{text}'. Must be between 0 and {most}")
    return int(text)


def encode_marker(value: Any) -> str:
    """An opaque marker for the next page."""
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode()


def marker_of(request: web.Request) -> Any:
    """What the query's marker was made of, or None."""
    marker = request.query.get("marker")
    if not marker:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(marker))
    except ValueError:
        raise invalid_parameter("marker", marker) from None


def position_of(request: web.Request) -> int:
    """The position that the query's marker stands for."""
    position = marker_of(request)
    if position is not None and not isinstance(position, int):
        raise invalid_parameter("marker", request.query["marker"])
    return position or 0
