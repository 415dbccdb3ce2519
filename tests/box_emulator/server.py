"""The HTTP server: routes, and what happens to every request around its route."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from . import control, faults, oauth, users
from .box import BOX, Box
from .clock import http_date
from .errors import BoxError
from .faults import FAULTS, Faults
from .limits import RATES, RateLimiter
from .log import LOG, RequestLog
from .seed import SEED, Seed

MAX_REQUEST = 64 * 1024 * 1024
PREFLIGHT_METHODS = "GET, POST, PUT, DELETE, OPTIONS"
EXPOSED_HEADERS = "Date, Location, Retry-After, WWW-Authenticate, BOX-PART-ID"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROUTES = [
    web.post("/oauth2/token", oauth.token),
    web.post("/oauth2/revoke", oauth.revoke),
    web.get("/2.0/users", users.list_users),
    web.post("/2.0/users", users.create_user),
    web.get("/2.0/users/me", users.me),
    web.get("/2.0/users/{user_id}", users.get_user),
    web.put("/2.0/users/{user_id}", users.update_user),
    web.delete("/2.0/users/{user_id}", users.delete_user),
    web.get("/2.0/users/{user_id}/email_aliases", users.email_aliases),
]


def application(box: Box, seed: Seed) -> web.Application:
    """The whole emulator as an aiohttp application."""
    app = web.Application(middlewares=[_surroundings], client_max_size=MAX_REQUEST)
    app[BOX] = box
    app[SEED] = seed
    app[FAULTS] = Faults()
    app[LOG] = RequestLog()
    app[RATES] = RateLimiter()
    app.add_routes(ROUTES)
    app.add_routes(control.ROUTES)
    return app


@web.middleware
async def _surroundings(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Latency, faults, errors, CORS, Box's date and the log. The control interface is spared all of it."""
    if request.path.startswith("/_emulator/") or request.path == "/":
        return await _controlled(request, handler)
    box = request.app[BOX]
    started, began = box.clock.now(), time.perf_counter()
    response, fault = None, None
    try:
        await _latency(request, box)
        response, fault = await _with_faults(request, handler)
        return _dressed(request, response, box)
    finally:
        status = response.status if response is not None else 0
        request.app[LOG].add(request, started, time.perf_counter() - began, status, fault)


async def _controlled(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (BoxError, msgspec.MsgspecError, ValueError) as error:
        return control.refusal(error)


async def _with_faults(request: web.Request, handler: Handler) -> tuple[web.StreamResponse, str | None]:
    """The answer, and the kind of the fault that it fell victim to."""
    waiting = request.app[FAULTS]
    if not waiting.waiting:
        return await _answer(request, handler), None
    grant = str((await request.post()).get("grant_type", "")) if request.path == "/oauth2/token" else ""
    fault = waiting.take(request.method, request.path, grant.rpartition(":")[2])
    if fault is None:
        return await _answer(request, handler), None
    true_answer = None if faults.replaces(fault) else await _answer(request, handler)
    return await faults.answer(request, fault, true_answer), fault.kind


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return _preflight(request)
    try:
        return await handler(request)
    except BoxError as error:
        return error.response()
    except web.HTTPNotFound:
        return BoxError(404, "not_found", "Not Found").response()
    except web.HTTPMethodNotAllowed as error:
        return BoxError(405, "method_not_allowed", "Method Not Allowed", headers={"Allow": error.headers["Allow"]}).response()
    except web.HTTPRequestEntityTooLarge:
        return BoxError(413, "request_entity_too_large", "Request Entity Too Large").response()


def _preflight(request: web.Request) -> web.Response:
    """A CORS preflight carries no token, so Box can't know the app: any origin may ask, only listed ones are served."""
    headers = {
        "Access-Control-Allow-Methods": PREFLIGHT_METHODS,
        "Access-Control-Allow-Headers": request.headers.get("Access-Control-Request-Headers", ""),
        "Access-Control-Max-Age": "600",
    }
    return web.Response(headers=headers)


def _dressed(request: web.Request, response: web.StreamResponse, box: Box) -> web.StreamResponse:
    if response.prepared:
        return response
    response.headers["Date"] = http_date(box.clock.now())
    origin = request.headers.get("Origin")
    if origin is not None and (origin in box.settings.cors_origins or request.get("token") is None):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        response.headers["Vary"] = "Origin"
    return response


async def _latency(request: web.Request, box: Box) -> None:
    settings = box.settings
    for route in settings.route_latency:
        if route.method in ("", request.method) and re.match(route.path, request.path):
            await asyncio.sleep(route.ms / 1000)
            return
    if settings.latency_ms > 0:
        await asyncio.sleep(settings.latency_ms / 1000)
