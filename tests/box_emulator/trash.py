"""The trash: looking into it, restoring from it, emptying it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .api import (
    Caller,
    authenticated,
    encode_marker,
    flag,
    json_body,
    json_response,
    limit_of,
    offset_of,
    position_of,
)
from .changes import conflict_described, parent_of
from .errors import not_found
from .items import View
from .tree import Item


@authenticated
async def list_trash(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/folders/trash/items: what the caller deleted of their own."""
    caller.require("root_readwrite", "root_readonly")
    items = [item for item in caller.box.tree.trashed(caller.user) if caller.access.in_resource(item)]
    view = View(request, caller)
    limit = limit_of(request)
    page: dict[str, Any] = {"limit": limit}
    if flag(request, "usemarker"):
        start = position_of(request)
        page["next_marker"] = encode_marker(start + limit) if start + limit < len(items) else None
    else:
        start = offset_of(request)
        page |= {"total_count": len(items), "offset": start}
    return json_response(page | {"entries": [view.entry(item) for item in items[start : start + limit]]})


@authenticated
async def get_trashed(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/{files,folders}/{id}/trash."""
    return json_response(View(request, caller).full(_trashed(request, caller)))


@authenticated
async def restore(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/{files,folders}/{id}: back where it was, or into another folder, perhaps under another name."""
    item = _trashed(request, caller)
    body = await json_body(request) if request.body_exists else {}
    parent = item.parent
    assert parent is not None
    if parent.trashed_at is not None or body.get("parent"):
        parent = parent_of(caller, body, "upload")
    with conflict_described():
        caller.box.tree.restore(item, parent, body.get("name") or item.name)
    return json_response(View(request, caller).full(item), status=201)


@authenticated
async def destroy(request: web.Request, caller: Caller) -> web.Response:
    """DELETE /2.0/{files,folders}/{id}/trash: for good."""
    caller.box.tree.destroy(_trashed(request, caller))
    return web.Response(status=204)


def _trashed(request: web.Request, caller: Caller) -> Item:
    """The item of the path, if it was itself deleted (not merely a folder above it)."""
    kind = "file" if "file_id" in request.match_info else "folder"
    item_id = request.match_info[f"{kind}_id"]
    item = caller.box.tree.get(item_id)
    if item is None or item.type != kind or item.trashed_with is not None:
        raise not_found(kind, item_id)
    return caller.access.checked(item, "delete", trashed=True)
