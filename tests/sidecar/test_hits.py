"""A token in memory is answered before the application is asked, and nobody can tell by the answer or the audit."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from box_sidecar import hits
from box_sidecar import sidecar as wiring
from box_sidecar.app import create_app
from box_sidecar.crowd import Crowd
from box_sidecar.exchange import Answer, Request
from box_sidecar.peers import AccessList
from box_sidecar.protocol import Connection
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.support import request_bytes

ANA: dict[str, Any] = {"user": {"login": "ana@example.com"}, "element": "explorer", "scopes": ["item_download"]}
ID = "X-Request-Id: one"


def token(body: Any, *headers: str) -> bytes:
    """A request for a token."""
    return request_bytes("POST", "/v1/tokens", body, ID, *headers)


def chunked(body: Any) -> bytes:
    """The same, its body in two chunks."""
    content = json.dumps(body).encode()
    head = request_bytes("POST", "/v1/tokens", None, ID, "Transfer-Encoding: chunked")
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (content[:20], content[20:])) + b"0\r\n\r\n"


HITS = {
    "as the plugin asks": token(ANA, "Accept: application/json", "User-Agent: widgets-for-box"),
    "in other letters": token(ANA | {"user": {"login": "ANA@Example.com"}}),
    "scopes twice": token(ANA | {"scopes": ["item_download", "item_download"]}),
    "the folder by name": token(ANA | {"folder": "0"}),
    "the last connection": token(ANA, "Connection: close"),
    "HTTP/1.0": token(ANA).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "in chunks": chunked(ANA),
    "refused, but another": token(ANA | {"refused": hashlib.sha256(b"another").hexdigest()}),
    "an id that is not sane": token(ANA).replace(ID.encode(), b"X-Request-Id: a b"),
    "without an id": token(ANA).replace(ID.encode() + b"\r\n", b""),
    "the header twice": token(ANA, "Box-Sidecar: 1"),
    "three at once": token(ANA) * 2 + token(ANA, "Connection: close"),
    "with an Expect": token(ANA, "Expect: 100-continue"),
}
OTHERS = {
    "no header": token(ANA).replace(b"Box-Sidecar: 1\r\n", b""),
    "the header twice, at last wrong": token(ANA, "Box-Sidecar: 2"),
    "forwarded": token(ANA, "X-Forwarded-For: 192.0.2.1"),
    "a browser's": token(ANA, "Cookie: a=b"),
    "a question": token(ANA).replace(b"/v1/tokens", b"/v1/tokens?a=b"),
    "encoded": token(ANA).replace(b"/v1/tokens", b"/v1/token%73"),
    "two slashes": token(ANA).replace(b"/v1/tokens", b"//v1/tokens"),
    "GET": token(ANA).replace(b"POST", b"GET"),
    "HEAD": token(ANA).replace(b"POST", b"HEAD"),
    "no body": request_bytes("POST", "/v1/tokens", None, ID),
    "no JSON": token(ANA).replace(b'{"user"', b'["user"'),
    "no UTF-8": token(ANA).replace(b"ana@", b"an\xff@"),
    "an unknown field": token(ANA | {"who": "me"}),
    "wrong types": token(ANA | {"scopes": 1, "user": {"login": 3}}),
    "an element that policy does not have": token(ANA | {"element": "hubs"}),
    "a scope that policy does not have": token(ANA | {"scopes": ["item_read"]}),
    "a file for the explorer": token(ANA | {"file": "1"}),
    "nobody": token(ANA | {"user": {"login": "nobody@example.com"}}),
    "health": request_bytes("GET", "/health/live", None, ID),
    "no route": request_bytes("GET", "/nothing", None, ID),
    "no HTTP": b"nonsense\r\n\r\n",
}


class Way:
    """A crowd of a sidecar's in this process, whose hits are answered at hand or not."""

    def __init__(self, sidecar: wiring.Sidecar, *, at_hand: bool) -> None:
        self.asked = 0
        """How often the application was asked."""
        self._app = create_app(sidecar)
        answer = partial(hits.answer, sidecar) if at_hand else self._nothing
        self._crowd = Crowd(AccessList(sidecar.settings.server), sidecar.metrics, self._ask, answer, 4096)
        self._crowd.look(asyncio.get_running_loop().time())

    def _nothing(self, request: Request) -> Answer | None:
        return None

    async def _ask(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.asked += 1
        await self._app(scope, receive, send)

    async def answer(self, request: bytes) -> bytes:
        """All bytes that come for a request; once they begin to come, the caller sends no more."""
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(partial(Connection, self._crowd), theirs)
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(request)
        answer = await reader.read(65536)
        with contextlib.suppress(OSError):
            writer.write_eof()
        answer += await reader.read()
        writer.close()
        return answer


@pytest.fixture
def config(box: EmulatorProcess, tmp_path: Path) -> Path:
    """A configuration whose audit goes to a file beside it."""
    process = SidecarProcess(
        tmp_path, app_config=box.app_config, api_url=box.url, log={"audit_file": str(tmp_path / "audit")}
    )
    return process.config


@contextlib.asynccontextmanager
async def running(config: Path) -> AsyncIterator[wiring.Sidecar]:
    """The parts of a sidecar, without a server."""
    sidecar = wiring.Sidecar(config)
    await sidecar.transport.open()
    yield sidecar
    await sidecar.transport.close()


def without_what_differs(text: bytes) -> bytes:
    """An answer without what no two have in common: a made-up id, seconds of a token's life, the date."""
    text = re.sub(rb"[0-9a-f]{32}\b", b"ID", text)
    text = re.sub(rb'"expires_in":\d+', b'"expires_in":LIFE', text)
    return re.sub(rb"date: [^\r]+", b"date: DATE", text)


def audit_of(sidecar: wiring.Sidecar) -> list[dict[str, Any]]:
    """The lines of the audit, without what no two have in common."""
    lines: list[dict[str, Any]] = []
    for text in Path(sidecar.audit.path).read_text().splitlines():
        line = json.loads(text)
        del line["time"]
        line.pop("duration_ms", None)
        lines.append(line | {"request_id": re.sub("[0-9a-f]{32}", "ID", line["request_id"])})
    return lines


def counts_of(sidecar: wiring.Sidecar) -> Counter[str]:
    """The counters of requests and tokens."""
    page = sidecar.metrics.text().decode()
    found = re.findall(r"^(box_sidecar_(?:requests|tokens)_total\S+) (\S+)$", page, re.M)
    return Counter({name: int(float(count)) for name, count in found})


def test_both_ways_say_the_same_byte_for_byte_in_answer_audit_and_metrics(box: EmulatorProcess, config: Path) -> None:
    by_id = token(ANA | {"user": {"id": box.user("ana@example.com")["id"]}})
    requests = HITS | OTHERS | {"by id": by_id}

    async def ask() -> None:
        async with running(config) as sidecar:
            at_hand, not_at_hand = Way(sidecar, at_hand=True), Way(sidecar, at_hand=False)
            for request in (token(ANA), by_id):
                await not_at_hand.answer(request)
            not_at_hand.asked = 0
            for name, request in requests.items():
                told: list[tuple[bytes, list[dict[str, Any]], Counter[str]]] = []
                for way in (at_hand, not_at_hand):
                    before, counts = len(audit_of(sidecar)), counts_of(sidecar)
                    said = without_what_differs(await way.answer(request))
                    told.append((said, audit_of(sidecar)[before:], counts_of(sidecar) - counts))
                assert told[0] == told[1], name
                answer, lines, _ = told[0]
                if name in HITS or name == "by id":
                    assert [line["outcome"] for line in lines] == ["hit"] * answer.count(b'"access_token"') != [], name
                    assert at_hand.asked == 0, name
                else:
                    assert at_hand.asked == (name != "no HTTP"), name
                at_hand.asked = 0
            assert not_at_hand.asked == len(requests) + 1, "three at once are three, and no HTTP is nothing"

    asyncio.run(ask())


def test_an_error_of_ours_at_hand_is_the_applications_to_answer(
    box: EmulatorProcess, config: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> bytes:
        raise ValueError("a token")

    async def ask() -> list[bytes]:
        async with running(config) as sidecar:
            way = Way(sidecar, at_hand=True)
            answers = [await way.answer(token(ANA))]
            monkeypatch.setattr(hits, "token_answer", broken)
            return [*answers, await way.answer(token(ANA))]

    first, second = asyncio.run(ask())
    assert first.partition(b"date:")[0] == second.partition(b"date:")[0]
    assert "ValueError" in caplog.text and "a token" not in caplog.text


def test_no_hit_is_answered_without_its_line(box: EmulatorProcess, config: Path) -> None:
    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    async def ask() -> list[bytes]:
        async with running(config) as sidecar:
            way = Way(sidecar, at_hand=True)
            answers = [await way.answer(token(ANA)) for _ in range(2)]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "write", full)
                answers += [await way.answer(token(ANA)) for _ in range(2)]
            answers.append(await way.answer(token(ANA)))  # nothing is begun until a line could be written again
            await sidecar.audit.resume()
            answers.append(await way.answer(token(ANA)))
            outcomes = [line["outcome"] for line in audit_of(sidecar)]
            assert outcomes == ["mint", "hit", "3 entries lost", "hit"]
            assert way.asked == 4
            return answers

    answers = asyncio.run(ask())
    assert [answer[9:12] for answer in answers] == [b"200", b"200", b"503", b"503", b"503", b"200"]
    assert b"access_token" not in b"".join(answers[2:5])
