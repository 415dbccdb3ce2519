"""Routes of ``/2.0/files``: a file, its content, its versions and pictures of it."""

from __future__ import annotations

import re
import secrets
from urllib.parse import quote

from aiohttp import web

from .api import (
    Caller,
    authenticated,
    check_if_match,
    json_body,
    json_response,
    limit_of,
    offset_of,
    origin_of,
    unchanged,
)
from .box import BOX, TICKET_LIFE_S, Ticket
from .changes import change, conflict_described, copy, needed
from .errors import BoxError, InvalidTokenError, forbidden, invalid_parameter, missing_parameter, not_found
from .items import View, version_full
from .renditions import available, content_type, sheet, thumbnail
from .tree import File, Version

THUMBNAIL_SIZES = range(1, 2049)
PICTURE_TYPES = {"jpg": "image/jpeg", "png": "image/png"}
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@authenticated
async def get_file(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/files/{id}: also of a trashed file, and one in a trashed folder (G22), as its ``item_status`` tells."""
    file = caller.access.file(request.match_info["file_id"], "read", trashed=None)
    if unchanged(request, file):
        return web.Response(status=304)
    return json_response(View(request, caller).full(file))


@authenticated
async def update_file(request: web.Request, caller: Caller) -> web.Response:
    """PUT /2.0/files/{id}: name, description, parent, shared link, tags."""
    body = await json_body(request)
    file = caller.access.file(request.match_info["file_id"], needed(body)[0])
    check_if_match(request, file)
    change(caller, file, body)
    return json_response(View(request, caller).full(file))


@authenticated
async def delete_file(request: web.Request, caller: Caller) -> web.Response:
    """DELETE /2.0/files/{id}: into the trash."""
    file = caller.access.file(request.match_info["file_id"], "delete")
    check_if_match(request, file)
    caller.box.tree.trash(file, caller.box.clock.now())
    return web.Response(status=204)


@authenticated
async def copy_file(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/files/{id}/copy."""
    file = caller.access.file(request.match_info["file_id"], "download")
    copied = copy(caller, file, await json_body(request))
    return json_response(View(request, caller).full(copied), status=201)


@authenticated
async def download(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/files/{id}/content: 302 to a URL that needs no token and lives for a quarter of an hour."""
    file = caller.access.file(request.match_info["file_id"], "download")
    version = _version(file, request.query["version"]) if "version" in request.query else file.current
    value = secrets.token_urlsafe(24)
    caller.box.tickets[value] = Ticket(file, version, caller.box.clock.now() + TICKET_LIFE_S)
    caller.box.note(caller.user, file, "item_open")
    if file.shared_link is not None:
        file.shared_link.download_count += 1
    return web.Response(status=302, headers={"Location": f"{origin_of(request, 'download')}/d/1/{value}/download"})


async def download_by_ticket(request: web.Request) -> web.Response:
    """GET /d/1/{ticket}/download, which stands for dl.boxcloud.com."""
    box = request.app[BOX]
    ticket = box.tickets.get(request.match_info["ticket"])
    if ticket is None or ticket.expires_at <= box.clock.now():
        raise InvalidTokenError
    name = quote(ticket.version.name)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Accept-Ranges": "bytes",
        "ETag": f'"{ticket.version.sha1}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private",
    }
    return _partial(request, ticket.version.content, content_type(ticket.version.name), headers)


@authenticated
async def get_thumbnail(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/files/{id}/thumbnail.{png,jpg}."""
    file = caller.access.file(request.match_info["file_id"], "preview")
    form = request.match_info["extension"]
    width, height = (_dimension(request, name) for name in ("width", "height"))
    if not available(file, form):
        if caller.box.settings.unknown_thumbnail == "placeholder":
            picture = f"{origin_of(request, 'download')}/_assets/placeholder.{form}"
            return web.Response(status=302, headers={"Location": picture})
        raise BoxError(404, "preview_cannot_be_generated", "Preview cannot be generated")
    return web.Response(body=thumbnail(file, width, height, form), content_type=PICTURE_TYPES[form])


async def placeholder(request: web.Request) -> web.Response:
    """GET /_assets/placeholder.{png,jpg}: where a thumbnail that can't be made leads."""
    form = request.match_info["extension"]
    return web.Response(body=sheet(form), content_type=PICTURE_TYPES[form])


@authenticated
async def representation_info(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/internal_files/…/representations/{slug}: every representation is ready at once here."""
    file = caller.access.file(request.match_info["file_id"], "preview")
    name = _representation(request, file)[0]
    return json_response({"representation": name, "status": {"state": "success"}})


@authenticated
async def representation_content(request: web.Request, caller: Caller) -> web.Response:
    """GET /api/2.0/internal_files/…/content/{asset}."""
    file = caller.access.file(request.match_info["file_id"], "preview")
    name, size = _representation(request, file)
    if name in ("jpg", "png"):
        return web.Response(body=thumbnail(file, size, size, name), content_type=PICTURE_TYPES[name])
    kind = "application/pdf" if name == "pdf" else "text/plain"
    return _partial(request, file.current.content, kind, {"Accept-Ranges": "bytes"})


@authenticated
async def list_versions(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/files/{id}/versions: the past versions, the newest first; the current one is not among them."""
    file = caller.access.file(request.match_info["file_id"], "read")
    past = file.versions[-2::-1]
    limit, offset = limit_of(request, 1000), offset_of(request)
    entries = [version_full(version) for version in past[offset : offset + limit]]
    return json_response({"total_count": len(past), "entries": entries, "limit": limit, "offset": offset})


@authenticated
async def get_version(request: web.Request, caller: Caller) -> web.Response:
    file = caller.access.file(request.match_info["file_id"], "read")
    return json_response(version_full(_version(file, request.match_info["version_id"])))


@authenticated
async def promote_version(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/files/{id}/versions/current: a past version's content and name become a new version's."""
    file = caller.access.file(request.match_info["file_id"], "upload")
    body = await json_body(request)
    if not isinstance(body.get("id"), str) or body.get("type") != "file_version":
        raise missing_parameter("id")
    promoted = _version(file, body["id"])
    if promoted.name != file.name:
        with conflict_described():
            caller.box.tree.rename(file, promoted.name)
    caller.box.tree.add_version(file, promoted.content, caller.user, caller.box.clock.now())
    return json_response(version_full(file.current), status=201)


@authenticated
async def delete_version(request: web.Request, caller: Caller) -> web.Response:
    """DELETE /2.0/files/{id}/versions/{id}: a past version into the trash."""
    file = caller.access.file(request.match_info["file_id"], "delete")
    check_if_match(request, file)
    version = _version(file, request.match_info["version_id"])
    if version is file.current:
        raise forbidden()
    version.trashed_at, version.trashed_by = caller.box.clock.now(), caller.user
    return web.Response(status=204)


@authenticated
async def restore_version(request: web.Request, caller: Caller) -> web.Response:
    """PUT /2.0/files/{id}/versions/{id} with ``trashed_at`` null."""
    file = caller.access.file(request.match_info["file_id"], "delete")
    version = _version(file, request.match_info["version_id"])
    body = await json_body(request)
    if "trashed_at" not in body or body["trashed_at"] is not None:
        raise invalid_parameter("trashed_at", str(body.get("trashed_at")))
    version.trashed_at = version.trashed_by = None
    version.restored_at, version.restored_by = caller.box.clock.now(), caller.user
    return json_response(version_full(version))


def _version(file: File, version_id: str) -> Version:
    for version in file.versions:
        if version.id == version_id:
            return version
    raise not_found("file_version", version_id)


def _dimension(request: web.Request, name: str) -> int:
    text = request.query.get(f"max_{name}", request.query.get(f"min_{name}", "320"))
    if not text.isdigit() or int(text) not in THUMBNAIL_SIZES:
        raise BoxError(400, "requested_preview_unavailable", "Requested preview unavailable")
    return int(text)


def _representation(request: web.Request, file: File) -> tuple[str, int]:
    """Kind and greatest side of the representation that the path names, such as ``jpg_1024x1024``."""
    if request.match_info["version_id"] != file.current.id:
        raise not_found("file_version", request.match_info["version_id"])
    name, _, dimensions = request.match_info["slug"].partition("_")
    side = dimensions.partition("x")[0] or "1024"
    if not available(file, name) or not side.isdigit() or int(side) not in THUMBNAIL_SIZES:
        raise not_found("representation", request.match_info["slug"])
    return name, int(side)


def _partial(request: web.Request, content: bytes, kind: str, headers: dict[str, str]) -> web.Response:
    """The whole content, or the one range that the request asks for (RFC 9110, section 14)."""
    match = RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None or not (match[1] or match[2]):
        return web.Response(body=content, content_type=kind, headers=headers)
    first = int(match[1]) if match[1] else max(0, len(content) - int(match[2]))
    last = min(int(match[2]), len(content) - 1) if match[1] and match[2] else len(content) - 1
    if first > last:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
    headers = headers | {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
    return web.Response(status=206, body=content[first : last + 1], content_type=kind, headers=headers)
