"""A page for people: accounts, live tokens, the last requests. Token values are masked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from ..api import json_response
from ..box import BOX, Box
from ..clock import iso
from ..control import describe, describe_user
from ..faults import FAULTS
from ..log import LOG

FOLDER = Path(__file__).parent
SHOWN = 100
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"


async def page(request: web.Request) -> web.FileResponse:
    """GET /."""
    return web.FileResponse(FOLDER / "index.html", headers={"Content-Security-Policy": POLICY})


async def asset(request: web.Request) -> web.FileResponse:
    return web.FileResponse(FOLDER / request.match_info["name"])


async def overview(request: web.Request) -> web.Response:
    """GET /_emulator/overview: what the page shows."""
    box = request.app[BOX]
    now = box.clock.now()
    return json_response(
        {
            "now": iso(now),
            "faults": len(request.app[FAULTS].waiting),
            "accounts": _accounts(box),
            "tokens": [
                describe(box, token) | {"token": _masked(token.value), "ends_in_s": token.expires_at - now}
                for token in box.tokens.all()[: -SHOWN - 1 : -1]
                if token.alive(now)
            ],
            "requests": request.app[LOG].last(SHOWN),
        }
    )


def _accounts(box: Box) -> list[dict[str, Any]]:
    return [
        describe_user(user) | {"items": box.tree.count(user), "bytes": box.tree.root(user).size}
        for user in box.directory
    ]


def _masked(value: str) -> str:
    return f"{value[:4]}…({len(value)} characters)"


ROUTES = [
    web.get("/", page),
    web.get("/_emulator/inspector/{name:script\\.js|style\\.css}", asset),
    web.get("/_emulator/overview", overview),
]
