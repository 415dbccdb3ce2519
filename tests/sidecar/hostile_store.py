"""A store in whose name somebody else answers: between a sidecar and a real one, in their protocol (RESP2)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence

from box_sidecar.store import scripts
from sidecar.servers import Servers

LIES = (
    *("earlier", "another's", "nothing", "yours", "kept", "late", "revoked", "number", "torn", "error"),
    *("rolled back", "twice", "silent"),
)
_SAID = {
    "nothing": b"*4\r\n$0\r\n\r\n$1\r\n0\r\n$0\r\n\r\n:0\r\n",
    "yours": b"*4\r\n$0\r\n\r\n$1\r\n0\r\n$16\r\n1700000000000000\r\n:0\r\n",
    "kept": b"$4\r\nkept\r\n",
    "late": b"$4\r\nlate\r\n",
    "revoked": b"$7\r\nrevoked\r\n",
    "number": b":12345678901234567\r\n",
    "torn": b"*2\r\n$-1\r\n*-1\r\n",
    "error": b"-ERR no\r\n",
}
_HASHES = {script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest().encode() for script in scripts.ALL}
#: What only makes sense to one script; all others answer truly.
_TO = dict.fromkeys(("nothing", "yours"), scripts.BEGIN) | dict.fromkeys(("kept", "late", "revoked"), scripts.PUT)


class HostileStore:
    """Passes on what one server and the store say, but for answers to scripts: in place of these it tells one after the
    other of ``lies``, and all again if it is ``for_ever``."""

    def __init__(self, servers: Servers, number: int) -> None:
        self._socket, self._target = servers.folder / "between.sock", servers.store.socket
        self._client = servers.store.client
        self.lies: list[str] = []
        self.for_ever = False
        self.seconds = 0.0
        """How long each answer to a script takes, lie or not."""
        self._kept: dict[bytes, bytes] = {}
        self._heard: dict[str, bytes] = {}
        self._last = b"$-1\r\n"
        servers.run(self.start())
        servers[number].target = self._socket
        servers[number].join()
        self._client.client_kill_filter(_type="normal")
        servers.until(lambda: self._tasks and servers[number].store.hearing.in_touch)

    def keep(self) -> None:
        """What the store holds now is what it can be rolled back to."""
        self._kept = {key: self._client.dump(key) for key in self._client.scan_iter() if b":lease:" not in key}

    def _roll_back(self) -> None:
        """What was kept is there again, and no log-out was ever."""
        self._client.delete("nothing", *self._client.scan_iter(match="*:epoch:*"))
        for key, value in self._kept.items():
            self._client.restore(key, 1_000_000, value, replace=True)

    async def start(self) -> None:
        """Take connections, until the loop ends."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_unix_server(self._serve, self._socket)

    async def stop(self) -> None:
        """End it, and all connections."""
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def tell(self, lies: Sequence[str], *, for_ever: bool) -> None:
        """What to tell from now on."""
        self.lies, self.for_ever = list(lies), for_ever

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        answers, questions = await asyncio.open_unix_connection(self._target)
        ends = (OSError, EOFError, asyncio.CancelledError)
        with contextlib.suppress(*ends), contextlib.closing(writer), contextlib.closing(questions):
            while True:
                question = await read(reader)
                questions.write(question)
                writer.write(await self._answer(question, await read(answers)))

    async def _answer(self, question: bytes, answer: bytes) -> bytes:
        script = next((each for each, name in _HASHES.items() if name in question), "")
        if not script:
            return answer
        await asyncio.sleep(self.seconds)
        earlier, self._heard[script] = self._heard.get(script, answer), answer
        anothers, self._last = self._last, answer
        lie = self.lies.pop(0) if self.lies and _TO.get(self.lies[0], script) == script else "true"
        if self.for_ever and lie != "true":
            self.lies.append(lie)
        if lie == "silent":
            await asyncio.Event().wait()
        if lie == "rolled back":
            self._roll_back()
        said = {"true": answer, "earlier": earlier, "another's": anothers, "rolled back": answer, "twice": 2 * answer}
        return said.get(lie) or _SAID[lie]


async def read(reader: asyncio.StreamReader) -> bytes:
    """One whole value, as it was written."""
    line = await reader.readline()
    if not line:
        raise EOFError
    if line[:1] not in b"$*" or int(line[1:]) < 0:
        return line
    if line[:1] == b"$":
        return line + await reader.readexactly(int(line[1:]) + 2)
    return line + b"".join([await read(reader) for _ in range(int(line[1:]))])
