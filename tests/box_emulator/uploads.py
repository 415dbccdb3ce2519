"""Uploads: the check beforehand, in one request, and in parts."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from .api import (
    Caller,
    authenticated,
    check_if_match,
    json_body,
    json_object,
    json_response,
    limit_of,
    offset_of,
    origin_of,
)
from .box import UploadSession
from .changes import conflict_described, name_of, parent_of, timestamp
from .clock import iso
from .errors import BoxError, invalid_parameter, missing_parameter, not_found
from .items import View
from .limits import RATES
from .tree import File, Folder

PART_SIZE = 8 * 1024 * 1024  # G15
MIN_SESSION_SIZE = 20_000_000
SESSION_LIFE_S = 7 * 24 * 3600.0
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@authenticated
async def preflight(request: web.Request, caller: Caller) -> web.Response:
    """OPTIONS /2.0/files/content and /2.0/files/{id}/content: whether an upload would be accepted."""
    body = await json_body(request)
    file = _replaced(request, caller)
    if file is None:
        parent, name = parent_of(caller, body, "upload"), name_of(body)
        with conflict_described():
            caller.box.tree.check_name(parent, name)
    elif body.get("name") is not None and file.parent is not None:
        with conflict_described():
            caller.box.tree.check_name(file.parent, name_of(body), file)
    _check_size(caller, body.get("size"))
    place = f"{file.id}/content" if file else "content"
    url = f"{origin_of(request, 'upload')}/api/2.0/files/{place}"
    return json_response({"upload_url": url})


@authenticated
async def upload(request: web.Request, caller: Caller) -> web.Response:
    """POST /api/2.0/files/content: a new file."""
    _count(request, caller)
    attributes, content = await _form(request)
    parent, name = parent_of(caller, attributes, "upload"), name_of(attributes)
    created, modified = (timestamp(attributes, f"content_{event}_at") for event in ("created", "modified"))
    _check_size(caller, len(content))
    now = caller.box.clock.now()
    with conflict_described():
        file = caller.box.tree.add_file(
            parent, name, content, caller.user, now, content_created_at=created, content_modified_at=modified
        )
    file.description = str(attributes.get("description") or "")
    return _uploaded(request, caller, file, 201)


@authenticated
async def upload_version(request: web.Request, caller: Caller) -> web.Response:
    """POST /api/2.0/files/{id}/content: a new version, perhaps under a new name."""
    file = _replaced(request, caller)
    assert file is not None
    check_if_match(request, file)
    _count(request, caller)
    attributes, content = await _form(request)
    _check_size(caller, len(content))
    if attributes.get("name") not in (None, file.name):
        with conflict_described():
            caller.box.tree.rename(file, name_of(attributes))
    modified = timestamp(attributes, "content_modified_at")
    caller.box.tree.add_version(file, content, caller.user, caller.box.clock.now(), modified)
    return _uploaded(request, caller, file, 200)


@authenticated
async def create_session(request: web.Request, caller: Caller) -> web.Response:
    """POST /api/2.0/files/upload_sessions and …/files/{id}/upload_sessions: for files of 20 MB and more."""
    body = await json_body(request)
    file = _replaced(request, caller)
    folder, name = _destination(caller, body, file)
    size = body.get("file_size")
    if not isinstance(size, int):
        raise missing_parameter("file_size")
    if size < MIN_SESSION_SIZE:
        raise BoxError(400, "file_size_too_small", f"File size must be at least {MIN_SESSION_SIZE} bytes")
    _check_size(caller, size)
    expires_at = caller.box.clock.now() + SESSION_LIFE_S
    session_id = secrets.token_hex(16).upper()
    session = UploadSession(session_id, caller.user, folder, name, file, size, PART_SIZE, expires_at)
    caller.box.upload_sessions[session.id] = session
    return json_response(_describe(request, session), status=201)


@authenticated
async def get_session(request: web.Request, caller: Caller) -> web.Response:
    return json_response(_describe(request, _session(request, caller)))


@authenticated
async def abort_session(request: web.Request, caller: Caller) -> web.Response:
    """DELETE …: also of one that was committed, which changes nothing (Box's own SDK ends its tests so)."""
    session = caller.box.upload_sessions.get(request.match_info["session_id"])
    if session is None or not session.committed or session.user is not caller.user:
        del caller.box.upload_sessions[_session(request, caller).id]
    return web.Response(status=204)


@authenticated
async def upload_part(request: web.Request, caller: Caller) -> web.Response:
    """PUT /api/2.0/files/upload_sessions/{id}: a part, with its ``Digest`` and ``Content-Range``."""
    session = _session(request, caller)
    match = CONTENT_RANGE.fullmatch(request.headers.get("Content-Range", ""))
    content = await request.read()
    if match is None:
        raise invalid_parameter("content-range", request.headers.get("Content-Range", ""))
    first, last, total = (int(text) for text in match.groups())
    whole = last - first + 1 == min(session.part_size, session.size - first)
    if total != session.size or first % session.part_size or not whole or len(content) != last - first + 1:
        raise BoxError(416, "invalid_range", "Content-Range does not fit the session's parts")
    _check_digest(request, content)
    if first not in session.parts:
        session.parts[first] = (secrets.token_hex(4).upper(), content)
    return json_response({"part": _part(session, first)})


@authenticated
async def list_parts(request: web.Request, caller: Caller) -> web.Response:
    session = _session(request, caller)
    limit, offset = limit_of(request, 1000), offset_of(request)
    page = sorted(session.parts)[offset : offset + limit]
    entries = [_part(session, first) for first in page]
    return json_response({"total_count": len(session.parts), "entries": entries, "limit": limit, "offset": offset})


@authenticated
async def plan(request: web.Request, caller: Caller) -> web.Response:
    """POST …/plan: which parts Box has already, from this session or in the version that is to be replaced."""
    session = _session(request, caller)
    body = await json_body(request)
    wanted = body.get("parts")
    if not isinstance(wanted, list) or not all(isinstance(part, dict) for part in wanted):
        raise missing_parameter("parts")
    hits, misses = [], []
    for part in wanted:
        if _known(session, part):
            hits.append(part | {"part_id": session.parts[part["offset"]][0]})
        else:
            misses.append(part)
    return json_response({"upload_session_id": session.id, "hits": hits, "misses": misses})


@authenticated
async def log_event(request: web.Request, caller: Caller) -> web.Response:
    """POST …/log: where the uploader tells of its troubles."""
    _session(request, caller)
    return web.Response(status=204)


@authenticated
async def commit_session(request: web.Request, caller: Caller) -> web.Response:
    """POST …/commit: the parts, in order, become the file."""
    session = _session(request, caller)
    body = await json_body(request)
    named = body.get("parts")
    if not isinstance(named, list) or not all(isinstance(part, dict) for part in named):
        raise missing_parameter("parts")
    if sorted(str(part.get("part_id")) for part in named) != sorted(part_id for part_id, _ in session.parts.values()):
        raise invalid_parameter("parts", "", "The parts named are not the parts uploaded")
    content = b"".join(session.parts[first][1] for first in sorted(session.parts))
    if len(content) != session.size:
        raise BoxError(400, "incomplete_upload", "Not all parts have been uploaded")
    _check_digest(request, content)
    _count(request, caller)
    file = _committed(request, caller, session, content, body.get("attributes") or {})
    session.committed = True
    session.parts.clear()
    return _uploaded(request, caller, file, 201)


def _committed(
    request: web.Request, caller: Caller, session: UploadSession, content: bytes, attributes: dict[str, Any]
) -> File:
    now, modified = caller.box.clock.now(), timestamp(attributes, "content_modified_at")
    if session.file is not None:
        check_if_match(request, session.file)
        caller.box.tree.add_version(session.file, content, caller.user, now, modified)
        return session.file
    caller.access.checked(session.folder, "upload")
    with conflict_described():
        return caller.box.tree.add_file(
            session.folder, session.name, content, caller.user, now, content_modified_at=modified
        )


def _count(request: web.Request, caller: Caller) -> None:
    """Count an upload: a whole one, or the end of one in parts (G14)."""
    request.app[RATES].count(caller.user.id, caller.box.settings.uploads_per_minute, "upload")


def _replaced(request: web.Request, caller: Caller) -> File | None:
    """The file of the path, if the path names one."""
    file_id = request.match_info.get("file_id")
    return None if file_id is None else caller.access.file(file_id, "upload")


def _destination(caller: Caller, body: dict[str, Any], file: File | None) -> tuple[Folder, str]:
    if file is not None:
        assert file.parent is not None
        return file.parent, str(body.get("file_name") or file.name)
    if not isinstance(body.get("folder_id"), str):
        raise BoxError(400, "missing_destination", "No folder_id was provided")
    folder, name = caller.access.folder(body["folder_id"], "upload"), name_of({"name": body.get("file_name")})
    with conflict_described():
        caller.box.tree.check_name(folder, name)
    return folder, name


def _uploaded(request: web.Request, caller: Caller, file: File, status: int) -> web.Response:
    caller.box.note(caller.user, file, "item_upload")
    entries = [View(request, caller).full(file)]
    return json_response({"total_count": 1, "entries": entries}, status)


async def _form(request: web.Request) -> tuple[dict[str, Any], bytes]:
    """``attributes`` (JSON) and ``file`` of a multipart form; the attributes must come first, as Box demands."""
    if request.content_type != "multipart/form-data":
        raise BoxError(415, "unsupported_media_type", "Unsupported Media Type")
    try:
        return await _parts(request)
    except (ValueError, HttpProcessingError) as error:
        raise BoxError(400, "bad_request", f"The multipart form is broken: {error}") from None


async def _parts(request: web.Request) -> tuple[dict[str, Any], bytes]:
    attributes: dict[str, Any] | None = None
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        if part.name == "attributes":
            attributes = json_object(await part.text())
        elif attributes is None:
            raise BoxError(400, "metadata_after_file_contents", "Metadata should be before the file contents")
        else:
            content = await part.read()
            _check_md5(request, content)
            return attributes, bytes(content)
    raise missing_parameter("attributes" if attributes is None else "file")


def _check_md5(request: web.Request, content: bytes) -> None:
    """``Content-MD5`` carries a SHA-1 in hexadecimal, in spite of its name."""
    expected = request.headers.get("Content-MD5")
    if expected is not None and expected.lower() != hashlib.sha1(content, usedforsecurity=False).hexdigest():
        raise BoxError(400, "bad_digest", "The specified content-md5 did not match what we received")


def _check_digest(request: web.Request, content: bytes) -> None:
    """``Digest``: ``sha=`` or ``sha-512=``, in any letter case, and the hash in base64 (RFC 3230, RFC 5843)."""
    expected = {
        "sha": hashlib.sha1(content, usedforsecurity=False).digest(),
        "sha-512": hashlib.sha512(content).digest(),
    }
    name, _, value = request.headers.get("Digest", "").partition("=")
    if value != base64.b64encode(expected.get(name.lower(), b"")).decode():
        raise BoxError(412, "bad_digest", "The specified digest did not match what we received")


def _check_size(caller: Caller, size: Any) -> None:
    if not isinstance(size, int):
        return
    if size < 0:
        raise invalid_parameter("size", str(size))
    if size > caller.user.max_upload_size:
        raise BoxError(403, "file_size_limit_exceeded", "File size exceeds the folder owner's file size limit")
    if caller.user.space_used + size > caller.user.space_amount:
        raise BoxError(403, "storage_limit_exceeded", "Account storage limit reached")


def _session(request: web.Request, caller: Caller) -> UploadSession:
    session = caller.box.upload_sessions.get(request.match_info["session_id"])
    now = caller.box.clock.now()
    if session is None or session.user is not caller.user or session.committed or session.expires_at <= now:
        raise not_found("upload_session", request.match_info["session_id"])
    caller.access.checked(session.file or session.folder, "upload")
    return session


def _part(session: UploadSession, first: int) -> dict[str, Any]:
    part_id, content = session.parts[first]
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return {"part_id": part_id, "offset": first, "size": len(content), "sha1": sha1}


def _known(session: UploadSession, part: dict[str, Any]) -> bool:
    """Whether the part's content is at hand; what the old version has becomes a part of the session."""
    offset, size, digest = part.get("offset"), part.get("size"), part.get("sha512")
    if not isinstance(offset, int) or not isinstance(size, int):
        raise invalid_parameter("parts", str(part))
    if offset not in session.parts and session.file is not None:
        content = session.file.current.content[offset : offset + size]
        if len(content) == size and hashlib.sha512(content).hexdigest() == digest:
            session.parts[offset] = (secrets.token_hex(4).upper(), content)
    known = session.parts.get(offset)
    return known is not None and hashlib.sha512(known[1]).hexdigest() == digest


def _describe(request: web.Request, session: UploadSession) -> dict[str, Any]:
    url = f"{origin_of(request, 'upload')}/api/2.0/files/upload_sessions/{session.id}"
    return {
        "type": "upload_session",
        "id": session.id,
        "session_expires_at": iso(session.expires_at),
        "part_size": session.part_size,
        "total_parts": -(-session.size // session.part_size),
        "num_parts_processed": len(session.parts),
        "session_endpoints": {
            "upload_part": url,
            "commit": f"{url}/commit",
            "abort": url,
            "list_parts": f"{url}/parts",
            "status": url,
            "log_event": f"{url}/log",
            "plan": f"{url}/plan",
        },
    }
