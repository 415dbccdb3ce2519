"""Routes of ``/2.0/folders``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, cast

from aiohttp import web

from .access import Action
from .api import (
    Caller,
    authenticated,
    check_if_match,
    encode_marker,
    flag,
    json_body,
    json_response,
    limit_of,
    marker_of,
    offset_of,
    unchanged,
)
from .changes import change, copy, name_of, needed, parent_of
from .errors import BoxError, forbidden, invalid_parameter
from .items import View, mini
from .tree import ROOT_ID, Folder, Item, NameInUseError, SortKey, sort_items

SORTS = ("id", "name", "date", "size")


@authenticated
async def get_folder(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/folders/{id}: the folder and the first page of its items. Unlike a file a trashed one is not there."""
    folder = caller.access.folder(request.match_info["folder_id"], "read")
    if unchanged(request, folder):
        return web.Response(status=304)
    view = View(request, caller)
    body = view.full(folder)
    if view.fields is None or "item_collection" in view.fields:
        caller.access.checked(folder, "list")
        body["item_collection"] = _by_offset(request, view, folder)
    return json_response(body)


@authenticated
async def list_items(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/folders/{id}/items, by offset or by marker."""
    folder = caller.access.folder(request.match_info["folder_id"], "list")
    view = View(request, caller)
    if flag(request, "usemarker"):
        return json_response(_by_marker(request, view, _children(view, folder, "id", False)))
    return json_response(_by_offset(request, view, folder))


@authenticated
async def create_folder(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/folders."""
    body = await json_body(request)
    parent = parent_of(caller, body, "upload")
    try:
        folder = caller.box.tree.add_folder(parent, name_of(body), caller.user, caller.box.clock.now())
    except NameInUseError as error:
        # Unlike for files, the conflicts are a list here.
        error.context = {"conflicts": [mini(error.holder)]}
        raise
    return json_response(_with_items(request, View(request, caller), folder), status=201)


@authenticated
async def update_folder(request: web.Request, caller: Caller) -> web.Response:
    """PUT /2.0/folders/{id}: name, description, parent, shared link, tags."""
    body = await json_body(request)
    folder = _not_root(request, caller, needed(body)[0])
    check_if_match(request, folder)
    change(caller, folder, body)
    return json_response(_with_items(request, View(request, caller), folder))


@authenticated
async def delete_folder(request: web.Request, caller: Caller) -> web.Response:
    """DELETE /2.0/folders/{id}; one that is not empty needs ``recursive=true``."""
    folder = _not_root(request, caller, "delete")
    check_if_match(request, folder)
    if folder.children and not flag(request, "recursive"):
        raise BoxError(400, "folder_not_empty", "Cannot delete - folder not empty")
    caller.box.tree.trash(folder, caller.box.clock.now())
    return web.Response(status=204)


@authenticated
async def copy_folder(request: web.Request, caller: Caller) -> web.Response:
    """POST /2.0/folders/{id}/copy."""
    folder = _not_root(request, caller, "download")
    copied = copy(caller, folder, await json_body(request))
    assert isinstance(copied, Folder)
    return json_response(_with_items(request, View(request, caller), copied), status=201)


def _not_root(request: web.Request, caller: Caller, action: Action) -> Folder:
    if request.match_info["folder_id"] == ROOT_ID:
        raise forbidden()
    return caller.access.folder(request.match_info["folder_id"], action)


def _with_items(request: web.Request, view: View, folder: Folder) -> dict[str, Any]:
    body = view.full(folder)
    if view.fields is None or "item_collection" in view.fields:
        body["item_collection"] = _by_offset(request, view, folder)
    return body


def _children(view: View, folder: Folder, by: SortKey, descending: bool) -> list[Item]:
    """The folder's items in order; in the caller's root also what others share with them."""
    own = folder.sorted_children(by, descending)
    shared = view.access.shared_with_me() if folder.is_root else []
    return sort_items([*own, *shared], by, descending) if shared else own


def _by_offset(request: web.Request, view: View, folder: Folder) -> dict[str, Any]:
    by = cast(SortKey, _choice(request, "sort", "name", SORTS))
    direction = _choice(request, "direction", "ASC", ("ASC", "DESC"))
    limit, offset = limit_of(request), offset_of(request)
    children = _children(view, folder, by, direction == "DESC")
    return {
        "total_count": len(children),
        "entries": [view.entry(item) for item in children[offset : offset + limit]],
        "offset": offset,
        "limit": limit,
        "order": [{"by": "type", "direction": "ASC"}, {"by": by, "direction": direction}],
    }


def _by_marker(request: web.Request, view: View, children: list[Item]) -> dict[str, Any]:
    """The items after the one that the marker names, folders before files and each by id, so that a page
    neither repeats nor skips an item because others came or went meanwhile."""
    limit = limit_of(request)
    last = marker_of(request)
    if last is not None and not (isinstance(last, list) and len(last) == 2):
        raise invalid_parameter("marker", request.query["marker"])
    start = bisect_right(children, tuple(last), key=_position) if last else 0
    page = children[start : start + limit]
    more = start + limit < len(children)
    return {
        "entries": [view.entry(item) for item in page],
        "limit": limit,
        "next_marker": encode_marker(_position(page[-1])) if more else None,
    }


def _position(item: Item) -> tuple[int, int]:
    return (0 if isinstance(item, Folder) else 1, int(item.id))


def _choice(request: web.Request, name: str, default: str, allowed: Iterable[str]) -> str:
    """A query parameter with few values, in whatever case the client writes it."""
    value = request.query.get(name, default)
    for choice in allowed:
        if value.casefold() == choice.casefold():
            return choice
    raise invalid_parameter(name, value)
