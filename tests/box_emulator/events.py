"""Routes of ``/2.0/events``: what a person did with files, what happened in the enterprise, and where to wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web

from .api import Caller, authenticated, json_response, limit_of, origin_of
from .box import Event
from .clock import iso
from .errors import invalid_parameter
from .items import View
from .tree import File

MOST = 500
OWN = {"item_upload": "ITEM_UPLOAD", "item_open": "ITEM_DOWNLOAD"}
ENTERPRISE = {"item_upload": "UPLOAD", "item_open": "DOWNLOAD", "new_user": "NEW_USER", "delete_user": "DELETE_USER"}


@authenticated
async def list_events(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/events from a position on: the caller's own, or with ``admin_logs`` everybody's."""
    view = View(request, caller)
    if request.query.get("stream_type", "all").startswith("admin_logs"):
        caller.require("manage_enterprise_properties")
        found = [event for event in caller.box.events if _wanted(request, event)]
        first, page = _page(request, found)
        entries = [_described(event, first + n, ENTERPRISE, _brief(event)) for n, event in enumerate(page)]
    else:
        caller.require("root_readwrite", "root_readonly")
        first, page = _page(request, [e for e in caller.box.events if e.user is caller.user and e.kind in OWN])
        # What the caller can no longer see is passed over.
        entries = [
            _described(event, first + n, OWN, {"source": view.standard(event.subject)})
            for n, event in enumerate(page)
            if isinstance(event.subject, File) and caller.access.visible(event.subject)
        ]
    return json_response({"chunk_size": len(entries), "next_stream_position": first + len(page), "entries": entries})


@authenticated
async def servers(request: web.Request, caller: Caller) -> web.Response:
    """OPTIONS /2.0/events: where to wait."""
    caller.require("root_readwrite", "root_readonly")
    server = {
        "type": "realtime_server",
        "url": f"{origin_of(request, 'api')}/2.0/events/wait?channel={caller.user.id}",
        "ttl": "10",
        "max_retries": "10",
        "retry_timeout": 610,
    }
    return json_response({"chunk_size": 1, "entries": [server]})


async def wait(request: web.Request) -> web.Response:
    """GET where one waits: told at once to come again. G18."""
    return json_response({"message": "reconnect"})


def _page(request: web.Request, events: list[Event]) -> tuple[int, list[Event]]:
    """The position that the query names, and the events from there on; ``now`` is the position after the last one."""
    start = request.query.get("stream_position", "0")
    if start != "now" and not start.isdigit():
        raise invalid_parameter("stream_position", start)
    first = len(events) if start == "now" else int(start)
    return first, events[first : first + limit_of(request, 100, MOST)]


def _wanted(request: web.Request, event: Event) -> bool:
    """Whether an event of the enterprise has one of the types and lies in the time that the query names."""
    kinds = request.query.get("event_type")
    after, before = (_time(request, f"created_{side}") for side in ("after", "before"))
    in_time = (after is None or event.at >= after) and (before is None or event.at < before + 1)
    return in_time and (kinds is None or ENTERPRISE[event.kind] in kinds.split(","))


def _time(request: web.Request, name: str) -> float | None:
    text = request.query.get(name)
    try:
        return None if text is None else datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise invalid_parameter(name, str(text)) from None


def _brief(event: Event) -> dict[str, Any]:
    """Source and details of an event of the enterprise."""
    if not isinstance(event.subject, File):
        return {"source": event.subject.mini()}
    file = event.subject
    source = {"item_type": "file", "item_id": file.id, "item_name": file.name, "owned_by": file.owner.mini()}
    return {"source": source, "additional_details": {"size": file.size, "service_id": event.user.client_id or "0"}}


def _described(event: Event, number: int, kinds: dict[str, str], more: dict[str, Any]) -> dict[str, Any]:
    when = iso(event.at)
    return {
        "type": "event",
        "event_id": f"{event.user.id}-{number}",
        "created_by": event.user.mini(),
        "created_at": when,
        "recorded_at": when,
        "event_type": kinds[event.kind],
        "session_id": event.user.id,
    } | more
