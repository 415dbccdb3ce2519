"""What every route of the API shares: who calls, with which token, and the parameters of the query."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from .box import BOX, Box
from .directory import User
from .errors import BoxError, InvalidToken, insufficient_scope, invalid_parameter
from .limits import RATES
from .tokens import Token

MAX_OFFSET = 10_000
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Caller:
    """A valid token and the person in whose name it acts."""

    box: Box
    token: Token
    user: User

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
        raise InvalidToken
    user = box.directory.get(token.user_id)
    if user is None or user.status == "inactive" or not box.settings.app_authorized:
        raise InvalidToken
    request["token"] = token
    request["user"] = user
    _check_origin(request, box)
    request.app[RATES].count(user.id, box.settings.rate_limit_per_minute)
    as_user = request.headers.get("As-User")
    if as_user is not None:
        user = _impersonated(box, token, as_user)
        request["user"] = user
    return Caller(box, token, user)


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


def json_response(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(data)
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


async def json_body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; 400 if it is anything else."""
    try:
        body = msgspec.json.decode(await request.read())
    except msgspec.DecodeError:
        raise BoxError(400, "bad_request", "Entity body should be a correctly nested resource attribute name/value pair") from None
    if not isinstance(body, dict):
        raise BoxError(400, "bad_request", "Entity body should be a correctly nested resource attribute name/value pair")
    return body


def fields_of(request: web.Request) -> list[str] | None:
    """The query's ``fields``, or None where it has none."""
    text = request.query.get("fields")
    return [name.strip() for name in text.split(",") if name.strip()] if text else None


def limit_of(request: web.Request, default: int = 100, most: int = MAX_LIMIT) -> int:
    return _number(request, "limit", default, most)


def offset_of(request: web.Request, most: int = MAX_OFFSET) -> int:
    return _number(request, "offset", 0, most)


def _number(request: web.Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise invalid_parameter(name, text, f"Invalid value '{text}'. Must be between 0 and {most}")
    return int(text)
