"""Routes of ``/2.0/events``: what a person did with files, and where to wait for more."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .api import Caller, authenticated, json_response, limit_of, origin_of
from .box import Event
from .clock import iso
from .errors import BoxError, invalid_parameter
from .items import View

MOST = 500
KINDS = {"item_upload": "ITEM_UPLOAD", "item_open": "ITEM_DOWNLOAD"}


@authenticated
async def list_events(request: web.Request, caller: Caller) -> web.Response:
    """GET /2.0/events: the caller's own, from a position on; ``now`` is the position after the last one."""
    if request.query.get("stream_type", "all").startswith("admin_logs"):
        raise BoxError(404, "not_found", "The emulator does not play this route: the events of the enterprise")
    caller.require("root_readwrite", "root_readonly")
    mine = [event for event in caller.box.events if event.user is caller.user]
    start = request.query.get("stream_position", "0")
    if start != "now" and not start.isdigit():
        raise invalid_parameter("stream_position", start)
    first = len(mine) if start == "now" else int(start)
    view = View(request, caller)
    page = mine[first : first + limit_of(request, 100, MOST)]
    # What the caller can no longer see is passed over.
    entries = [_event(view, first + n, event) for n, event in enumerate(page) if caller.access.visible(event.file)]
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


def _event(view: View, number: int, event: Event) -> dict[str, Any]:
    when = iso(event.at)
    return {
        "type": "event",
        "event_id": f"{event.user.id}-{number}",
        "created_by": event.user.mini(),
        "created_at": when,
        "recorded_at": when,
        "event_type": KINDS[event.kind],
        "session_id": f"{event.user.id}",
        "source": view.standard(event.file),
    }
