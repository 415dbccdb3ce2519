"""Box as a page's script sees it: single calls with a token, and what may be made of the answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from box_sidecar.box.transport import proxy_for
from box_sidecar.model import Token

_WORD = re.compile(r"[a-z_]{1,60}")
_BOXS_HOST = re.compile(r"(?:[a-z0-9-]+\.)+(?:box|boxcloud)\.com")
_BODY_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; ``allowed_origin``: whose pages the browser would show it (CORS)."""

    status: int
    body: bytes
    allowed_origin: str = ""

    def json(self) -> dict[str, Any]:
        """The body, if it is a JSON object; else an empty one."""
        try:
            value = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def error(self) -> str:
        """Box's own word for a refusal, where it looks like one."""
        word = str(self.json().get("code", ""))
        return word if _WORD.fullmatch(word) else ""

    def __repr__(self) -> str:
        return f"Reply({self.status})"


class Browser:
    """Calls Box once each, as the Elements in a browser do: no retry, no redirect followed."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self._session = session

    async def call(
        self, token: Token, method: str, place: str, json: Any = None, data: Any = None, origin: str = ""
    ) -> Reply:
        """One call, as a page of ``origin``'s; status 0 if no answer came.

        ``place`` is a path of the API, or the address that Box gave.
        """
        url = self.base + place if place.startswith("/") else place
        headers = {"Authorization": f"Bearer {token.secret.reveal()}", **({"Origin": origin} if origin else {})}
        try:
            async with self._session.request(
                method, url, headers=headers, json=json, data=data, allow_redirects=False, proxy=proxy_for(url)
            ) as response:
                allowed = response.headers.get("Access-Control-Allow-Origin", "")
                return Reply(response.status, await _beginning(response), allowed)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Reply(0, b"")


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """The body, or its first megabyte, in whatever pieces it comes."""
    body = b""
    while piece := await response.content.read(_BODY_MAX - len(body)):
        body += piece
    return body


def may_upload_to(url: str, base: str) -> bool:
    """Whether an upload address that Box named is of Box's own, or of the host at ``base``: a token is sent there."""
    here = urlsplit(base)
    try:
        there = urlsplit(url)
        port = there.port
    except ValueError:
        return False
    if there.scheme != here.scheme or there.username is not None:
        return False
    is_boxs = _BOXS_HOST.fullmatch(there.hostname or "") is not None and port in {None, 443}
    return is_boxs or (there.hostname, port) == (here.hostname, here.port)


def item_id(told: Any) -> str:
    """The id of an item that Box tells of; empty if it tells none."""
    found = told.get("id") if isinstance(told, dict) else None
    return found if isinstance(found, str) and found.isascii() and found.isdecimal() else ""
