"""Search and recent items."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .api import (
    Caller,
    authenticated,
    encode_marker,
    flag,
    json_response,
    limit_of,
    offset_of,
    position_of,
)
from .clock import iso
from .errors import BoxError
from .items import View
from .limits import RATES
from .tree import ROOT_ID, File, Folder, Item

MAX_RESULTS = 200
PARAMETERS = ("query", "mdfilters")


@authenticated
async def search(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/search: by the words of name, description, extension or text content, below the ancestors named."""
    if caller.token.kind == "downscoped" and not caller.box.settings.downscoped_search:
        caller.require("root_readonly", "root_readwrite")
    if not any(request.query.get(name) for name in PARAMETERS):
        detail = {"reason": "missing_parameter", "name": "query", "message": "Please provide at least the 'query'"}
        raise BoxError(400, "bad_request", "Bad Request", {"errors": [detail]})
    rates, settings = request.app[RATES], caller.box.settings
    rates.count(caller.user.id, settings.searches_per_second, "search by second", 1.0)
    rates.count(caller.user.id, settings.searches_per_minute, "search")
    view = View(request, caller)
    limit, offset = limit_of(request, 30, MAX_RESULTS), offset_of(request)
    found = _found(request, caller)
    page: dict[str, Any] = {"total_count": len(found), "limit": limit, "offset": offset}
    entries = [view.full(item) for item in found[offset : offset + limit]]
    if not flag(request, "include_recent_shared_links"):
        return json_response(page | {"type": "search_results_items", "entries": entries})
    # Nobody here has come to an item by its link lately, so the link of each is null.
    wrapped = [{"type": "search_result", "accessible_via_shared_link": None, "item": entry} for entry in entries]
    return json_response(page | {"type": "search_results_with_shared_links", "entries": wrapped})


@authenticated
async def recent_items(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/recent_items: the caller's files by when they last did something with them."""
    caller.require("root_readwrite", "root_readonly", "item_read", "item_readwrite", "base_explorer", "base_picker")
    view = View(request, caller)
    entries = [i for i in caller.box.recent.get(caller.user.id, {}).values() if caller.access.visible(i.file)][::-1]
    limit, start = limit_of(request), position_of(request)
    return json_response(
        {
            "entries": [
                {
                    "type": "recent_item",
                    "interaction_type": entry.kind,
                    "interacted_at": iso(entry.at),
                    "item": view.full(entry.file),
                }
                for entry in entries[start : start + limit]
            ],
            "limit": limit,
            "next_marker": encode_marker(start + limit) if start + limit < len(entries) else None,
        }
    )


def _found(request: web.Request, caller: Caller) -> list[Item]:
    """The matches, those by name first, each group by name. G16."""
    words = request.query.get("query", "").casefold().strip('"').split()
    kinds = request.query.get("content_types", "name,description,file_content,tags").split(",")
    matches = [item for item in _candidates(request, caller) if _wanted(request, item) and _matches(item, words, kinds)]
    return sorted(matches, key=lambda item: (not _in_name(item, words), item.name.casefold()))


def _candidates(request: web.Request, caller: Caller) -> list[Item]:
    """Every item that the caller can see, below the ancestors that the query names."""
    named = request.query.get("ancestor_folder_ids")
    below: dict[str, Item] = {}
    for folder_id in named.split(",") if named else [_top(caller)]:
        folder = caller.access.folder(folder_id, "list")
        places: list[Item] = [folder]
        if folder.is_root:
            places += caller.access.shared_with_me()
        for place in places:
            items = [*place.below()] if isinstance(place, Folder) else []
            below |= {item.id: item for item in (place, *items) if item is not folder}
    return list(below.values())


def _wanted(request: web.Request, item: Item) -> bool:
    kind = request.query.get("type", item.type)
    extensions = request.query.get("file_extensions")
    if kind != item.type:
        return False
    return extensions is None or (isinstance(item, File) and item.extension.lower() in extensions.lower().split(","))


def _in_name(item: Item, words: list[str]) -> bool:
    name = item.name.casefold()
    return all(word in name for word in words)


def _matches(item: Item, words: list[str], kinds: list[str]) -> bool:
    if "name" in kinds and _in_name(item, words):
        return True
    texts: list[Any] = []
    if "description" in kinds:
        texts.append(item.description)
    if "tags" in kinds:
        texts += item.tags
    if "file_content" in kinds and isinstance(item, File) and item.extension in ("txt", "md", "csv"):
        texts.append(item.current.content.decode(errors="replace"))
    return any(all(word in str(text).casefold() for word in words) for text in texts if text)


def _top(caller: Caller) -> str:
    """Where a search without ancestors begins: the caller's root, or the folder that the token is restricted to."""
    resource = caller.token.resource
    return resource.id if resource is not None and resource.type == "folder" else ROOT_ID
