"""Routes of ``/2.0/collections``: each person has one, the favorites."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .api import Caller, authenticated, json_response, limit_of, offset_of
from .errors import not_found
from .items import FAVORITES, View

READING = ("root_readwrite", "root_readonly")


@authenticated
async def list_collections(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/collections."""
    caller.require(*READING)
    limit, offset = limit_of(request), offset_of(request)
    return json_response(_page([FAVORITES], limit, offset))


@authenticated
async def get_collection(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/collections/{id}."""
    _check(request, caller)
    return json_response(FAVORITES)


@authenticated
async def list_items(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/collections/{id}/items."""
    _check(request, caller)
    view = View(request, caller)
    items = [item for item in caller.box.favorites.get(caller.user.id, {}).values() if caller.access.visible(item)]
    limit, offset = limit_of(request), offset_of(request)
    return json_response(_page([view.entry(item) for item in items], limit, offset))


def _check(request: web.Request, caller: Caller) -> None:
    caller.require(*READING)
    if request.match_info["collection_id"] != FAVORITES["id"]:
        raise not_found("collection", request.match_info["collection_id"])


def _page(entries: list[dict[str, Any]], limit: int, offset: int) -> dict[str, Any]:
    page = entries[offset : offset + limit]
    return {"total_count": len(entries), "limit": limit, "offset": offset, "entries": page}
