"""The HTTP server: routes, and what happens to every request around its route."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from . import (
    control,
    enterprise,
    events,
    faults,
    favorites,
    files,
    folders,
    groups,
    inspector,
    oauth,
    search,
    sharing,
    trash,
    uploads,
    users,
    zips,
)
from .box import BOX, Box
from .clock import http_date
from .description import DESCRIPTION, Description
from .errors import BoxError, forbidden
from .faults import FAULTS, Faults
from .limits import RATES, RateLimiter
from .log import LOG, RequestLog
from .seed import SEED, Seed

MAX_REQUEST = 128 * 1024 * 1024
PREFLIGHT_METHODS = "GET, POST, PUT, DELETE, OPTIONS"
EXPOSED_HEADERS = "Date, Location, Retry-After, WWW-Authenticate, BOX-PART-ID"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

UPLOADS = ("/2.0/files", "/api/2.0/files")
"""upload.box.com has its routes below ``/api``; api.box.com knows them too."""

REPRESENTATION = "/internal_files/{file_id}/versions/{version_id}/representations/{slug}"

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
    web.post("/2.0/users/{user_id}/email_aliases", users.add_email_alias),
    web.delete("/2.0/users/{user_id}/email_aliases/{alias_id}", users.delete_email_alias),
    web.get("/2.0/users/{user_id}/avatar", users.get_avatar),
    web.post("/2.0/users/{user_id}/avatar", users.set_avatar),
    web.delete("/2.0/users/{user_id}/avatar", users.delete_avatar),
    web.get("/2.0/users/{user_id}/memberships", groups.user_memberships),
    web.put("/2.0/users/{user_id}/folders/0", enterprise.hand_over),
    web.post("/2.0/users/terminate_sessions", enterprise.end_sessions),
    web.post("/2.0/groups/terminate_sessions", enterprise.end_groups_sessions),
    web.post("/2.0/invites", enterprise.create_invite),
    web.get("/2.0/invites/{invite_id}", enterprise.get_invite),
    web.get("/2.0/groups", groups.list_groups),
    web.post("/2.0/groups", groups.create_group),
    web.get("/2.0/groups/{group_id}", groups.get_group),
    web.put("/2.0/groups/{group_id}", groups.update_group),
    web.delete("/2.0/groups/{group_id}", groups.delete_group),
    web.get("/2.0/groups/{group_id}/collaborations", groups.group_collaborations),
    web.get("/2.0/groups/{group_id}/memberships", groups.group_memberships),
    web.post("/2.0/group_memberships", groups.create_membership),
    web.get("/2.0/group_memberships/{membership_id}", groups.get_membership),
    web.put("/2.0/group_memberships/{membership_id}", groups.update_membership),
    web.delete("/2.0/group_memberships/{membership_id}", groups.delete_membership),
    web.get("/2.0/collections", favorites.list_collections),
    web.get("/2.0/collections/{collection_id}", favorites.get_collection),
    web.get("/2.0/collections/{collection_id}/items", favorites.list_items),
    web.get("/2.0/events", events.list_events),
    web.options("/2.0/events", events.servers),
    web.get("/2.0/events/wait", events.wait),
    web.post("/2.0/zip_downloads", zips.create),
    web.get("/2.0/zip_downloads/{zip_id}/content", zips.content),
    web.get("/2.0/zip_downloads/{zip_id}/status", zips.status),
    web.post("/2.0/folders", folders.create_folder),
    web.get("/2.0/folders/trash/items", trash.list_trash),
    web.get("/2.0/folders/{folder_id}", folders.get_folder),
    web.put("/2.0/folders/{folder_id}", folders.update_folder),
    web.post("/2.0/folders/{folder_id}", trash.restore),
    web.delete("/2.0/folders/{folder_id}", folders.delete_folder),
    web.get("/2.0/folders/{folder_id}/items", folders.list_items),
    web.post("/2.0/folders/{folder_id}/copy", folders.copy_folder),
    web.get("/2.0/folders/{folder_id}/trash", trash.get_trashed),
    web.delete("/2.0/folders/{folder_id}/trash", trash.destroy),
    web.get("/2.0/folders/{folder_id}/collaborations", sharing.item_collaborations),
    web.get("/2.0/files/{file_id}", files.get_file),
    web.put("/2.0/files/{file_id}", files.update_file),
    web.post("/2.0/files/{file_id}", trash.restore),
    web.delete("/2.0/files/{file_id}", files.delete_file),
    web.post("/2.0/files/{file_id}/copy", files.copy_file),
    web.get("/2.0/files/{file_id}/content", files.download),
    web.get("/api/2.0/files/{file_id}/content", files.download),
    web.get("/d/1/{ticket}/download", files.download_by_ticket),
    web.get("/2.0/files/{file_id}/thumbnail.{extension:png|jpg}", files.get_thumbnail),
    web.get("/_assets/placeholder.{extension:png|jpg}", files.placeholder),
    web.get("/2.0" + REPRESENTATION, files.representation_info),
    web.get("/api/2.0" + REPRESENTATION + "/content/{asset:.*}", files.representation_content),
    web.get("/2.0/files/{file_id}/versions", files.list_versions),
    web.post("/2.0/files/{file_id}/versions/current", files.promote_version),
    web.get("/2.0/files/{file_id}/versions/{version_id}", files.get_version),
    web.put("/2.0/files/{file_id}/versions/{version_id}", files.restore_version),
    web.delete("/2.0/files/{file_id}/versions/{version_id}", files.delete_version),
    web.get("/2.0/files/{file_id}/trash", trash.get_trashed),
    web.delete("/2.0/files/{file_id}/trash", trash.destroy),
    web.get("/2.0/files/{file_id}/collaborations", sharing.item_collaborations),
    web.options("/2.0/files/content", uploads.preflight),
    # rclone begins every upload so.
    web.options("/2.0/files/content/", uploads.preflight),
    web.options("/2.0/files/{file_id}/content", uploads.preflight),
    *(
        route
        for base in UPLOADS
        for route in (
            web.post(base + "/content", uploads.upload),
            web.post(base + "/{file_id}/content", uploads.upload_version),
            web.post(base + "/upload_sessions", uploads.create_session),
            web.post(base + "/{file_id}/upload_sessions", uploads.create_session),
            web.get(base + "/upload_sessions/{session_id}", uploads.get_session),
            web.put(base + "/upload_sessions/{session_id}", uploads.upload_part),
            web.delete(base + "/upload_sessions/{session_id}", uploads.abort_session),
            web.get(base + "/upload_sessions/{session_id}/parts", uploads.list_parts),
            web.post(base + "/upload_sessions/{session_id}/commit", uploads.commit_session),
            web.post(base + "/upload_sessions/{session_id}/plan", uploads.plan),
            web.post(base + "/upload_sessions/{session_id}/log", uploads.log_event),
        )
    ),
    web.get("/2.0/search", search.search),
    web.get("/2.0/recent_items", search.recent_items),
    web.get("/2.0/shared_items", sharing.shared_item),
    web.get("/2.0/collaborations", sharing.pending_collaborations),
    web.post("/2.0/collaborations", sharing.create_collaboration),
    web.get("/2.0/collaborations/{collaboration_id}", sharing.get_collaboration),
    web.put("/2.0/collaborations/{collaboration_id}", sharing.update_collaboration),
    web.delete("/2.0/collaborations/{collaboration_id}", sharing.delete_collaboration),
]


def application(box: Box, seed: Seed, description: Description | None = None) -> web.Application:
    """The whole emulator as an aiohttp application.

    With a `description` every request and answer is checked against it; ``GET /_emulator/violations`` tells.
    """
    app = web.Application(middlewares=[_surroundings], client_max_size=MAX_REQUEST)
    app[BOX] = box
    app[SEED] = seed
    app[FAULTS] = Faults()
    app[LOG] = RequestLog()
    app[RATES] = RateLimiter()
    if description is not None:
        app[DESCRIPTION] = description
    app.add_routes(ROUTES)
    app.add_routes(control.ROUTES)
    app.add_routes(inspector.ROUTES)
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
    except ConnectionError:
        return web.Response(status=400)  # The client went away before its request was whole: nobody will read this.
    finally:
        status = response.status if response is not None else 0
        request.app[LOG].add(request, started, time.perf_counter() - began, status, fault)


async def _controlled(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not control.trusted(request):
        return forbidden().response()
    try:
        return await handler(request)
    except (BoxError, msgspec.MsgspecError, ValueError) as error:
        return control.refusal(error)


async def _with_faults(request: web.Request, handler: Handler) -> tuple[web.StreamResponse, str | None]:
    """The answer, and the kind of the fault that it fell victim to."""
    waiting = request.app[FAULTS]
    # A CORS preflight would use up the fault that a test meant for the request after it.
    if not waiting.waiting or _is_preflight(request):
        return await _checked(request, handler), None
    grant = str((await request.post()).get("grant_type", "")) if request.path == "/oauth2/token" else ""
    fault = waiting.take(request.method, request.path, grant.rpartition(":")[2])
    if fault is None:
        return await _checked(request, handler), None
    true_answer = None if faults.replaces(fault) else await _answer(request, handler)
    return await faults.answer(request, fault, true_answer), fault.kind


async def _checked(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The true answer, held against Box's description if there is one."""
    description = request.app.get(DESCRIPTION)
    if description is None:
        return await _answer(request, handler)
    body = b"" if request.content_type == "multipart/form-data" else await request.read()
    response = await _answer(request, handler)
    description.check(request, response, body)
    return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    if _is_preflight(request):
        return _preflight(request)
    try:
        return await handler(request)
    except BoxError as error:
        return error.response()
    except web.HTTPNotFound:
        message = f"The emulator does not play this route: {request.method} {request.path}"
        return BoxError(404, "not_found", message).response()
    except web.HTTPMethodNotAllowed as error:
        return BoxError(
            405, "method_not_allowed", "Method Not Allowed", headers={"Allow": error.headers["Allow"]}
        ).response()
    except web.HTTPRequestEntityTooLarge:
        return BoxError(413, "request_entity_too_large", "Request Entity Too Large").response()


def _is_preflight(request: web.Request) -> bool:
    """Whether the browser asks for CORS, and not a client for the check before an upload."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _preflight(request: web.Request) -> web.Response:
    """A CORS preflight carries no token, so Box can't know the app: any origin may ask, only listed ones are served."""
    headers = {
        "Access-Control-Allow-Origin": request.headers.get("Origin", "*"),
        "Access-Control-Allow-Methods": PREFLIGHT_METHODS,
        "Access-Control-Allow-Headers": request.headers.get("Access-Control-Request-Headers", ""),
        "Access-Control-Max-Age": "600",
    }
    return web.Response(headers=headers)


def _dressed(request: web.Request, response: web.StreamResponse, box: Box) -> web.StreamResponse:
    """The answer with Box's date, and readable for a page of a listed origin."""
    if response.prepared:
        return response
    response.headers["Date"] = http_date(box.clock.now())
    origin = request.headers.get("Origin")
    # G11: a refused origin can't read why. With a token that is not known the app isn't either; the Elements do get
    # to see such a 401.
    if origin is not None and (origin in box.settings.cors_origins or response.status == 401):
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
