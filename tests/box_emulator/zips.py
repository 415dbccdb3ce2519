"""Routes of ``/2.0/zip_downloads``: many items as one archive."""

from __future__ import annotations

import io
import secrets
import zipfile
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from .api import Caller, authenticated, json_body, json_response, origin_of
from .box import BOX
from .clock import iso
from .errors import InvalidTokenError, invalid_parameter, missing_parameter, not_found
from .tree import ROOT_ID, File, Folder, Item

ZIP_LIFE_S = 10.0
"""How long the download may be begun; by the reference a few seconds. G17."""


@dataclass(slots=True)
class Archive:
    """What an archive is to hold, as of when it was asked for, and how far it got."""

    name: str
    items: list[Item]
    expires_at: float
    downloaded: bool = False

    def files(self) -> list[tuple[str, File]]:
        """Every file with its path in the archive."""
        found: list[tuple[str, File]] = []
        for item in self.items:
            below = item.below() if isinstance(item, Folder) else [item]
            start = len(item.parent.path()) + 1 if item.parent else 0
            found += [(file.path()[start:], file) for file in below if isinstance(file, File)]
        return found


@authenticated
async def create(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/zip_downloads."""
    if caller.token.kind == "downscoped" and not caller.box.settings.downscoped_zip:
        raise InvalidTokenError
    body = await json_body(request)
    if not isinstance(body.get("items"), list) or not body["items"]:
        raise missing_parameter("items")
    items = [_item(caller, named) for named in body["items"]]
    name = str(body.get("download_file_name") or "Box")
    archive = Archive(name, items, caller.box.clock.now() + ZIP_LIFE_S)
    number = secrets.token_urlsafe(32)
    caller.box.archives[number] = archive
    answer = {
        "download_url": f"{origin_of(request, 'download')}/2.0/zip_downloads/{number}/content",
        "status_url": f"{origin_of(request, 'api')}/2.0/zip_downloads/{number}/status",
        "expires_at": iso(archive.expires_at),
        "name_conflicts": [],
    }
    return json_response(answer, status=202)


async def content(request: web.Request) -> web.Response:
    """GET …/content: the archive; the URL needs no token."""
    box = request.app[BOX]
    archive = box.archives.get(request.match_info["zip_id"])
    if archive is None or (archive.expires_at <= box.clock.now() and not archive.downloaded):
        raise not_found("zip_download", request.match_info["zip_id"])
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        for path, file in archive.files():
            packed.writestr(path, file.current.content)
    archive.downloaded = True
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(archive.name)}.zip"}
    return web.Response(body=target.getvalue(), content_type="application/zip", headers=headers)


@authenticated
async def status(request: web.Request, caller: Caller) -> web.Response:
    """GET …/status: 404 until the download was begun."""
    archive = caller.box.archives.get(request.match_info["zip_id"])
    if archive is None or not archive.downloaded:
        raise not_found("zip_download", request.match_info["zip_id"])
    count = len(archive.files())
    counts = {"total_file_count": count, "downloaded_file_count": count}
    return json_response(counts | {"skipped_file_count": 0, "skipped_folder_count": 0, "state": "succeeded"})


def _item(caller: Caller, named: object) -> Item:
    if not isinstance(named, dict) or named.get("type") not in ("file", "folder") or named.get("id") in (None, ROOT_ID):
        raise invalid_parameter("items", str(named))
    if named["type"] == "file":
        return caller.access.file(str(named["id"]), "download")
    return caller.access.folder(str(named["id"]), "download")
