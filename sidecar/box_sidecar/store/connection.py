"""The connection to the store, and how long anybody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Awaitable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from box_sidecar import clock
from box_sidecar.store import scripts
from box_sidecar.store.address import Address

T = TypeVar("T")

_PATIENCE_S = 0.05
_SLICE_S = 0.005
_CONNECT_S = 5.0
_CONNECTIONS = 16
_LATE = 1.5  # slices that one takes where this process is busy
_LATE_MAX = 6  # such slices until an answer has come through it, if the store takes no time
_TURNS = 8  # of the loop, from bytes that have come to an answer


class StoreError(Exception):
    """The store has not done it, or nobody can know; the message is for the log, and holds nothing of anybody's."""


class SpentError(StoreError):
    """This request has waited before: whether another would be answered, nobody can know."""


class Patience:
    """What one request may still wait for the store, in slices that count as at most so long.

    A slice ends late where this process itself was busy. That is not the store's time: as many of them as an answer
    takes to come through such a process do not count, and what has come meanwhile is still read.
    """

    def __init__(self) -> None:
        self.slices = round(_PATIENCE_S / _SLICE_S)

    async def wait(self, task: asyncio.Future[Any]) -> None:
        """Until this has ended; raises :class:`StoreError`, and leaves it alone, if that takes more than is left."""
        had = self.slices
        if not task.done() and self.slices > 0:
            await self._slices(task)
        for _ in range(_TURNS):
            if not task.done():
                await asyncio.sleep(0)
        if not task.done():
            kind = SpentError if had < round(_PATIENCE_S / _SLICE_S) else StoreError
            raise kind(f"it does not answer within {_PATIENCE_S * 1000:.0f} ms")

    async def _slices(self, task: asyncio.Future[Any]) -> None:
        """Until this has ended or none is left. By bare timers: thousands who wait at once must not be what makes this
        process busy."""
        loop, late = asyncio.get_running_loop(), 0
        ended = loop.create_future()
        timer: asyncio.TimerHandle

        def end(_: object = None) -> None:
            if not ended.done():
                ended.set_result(None)

        def tick(began: float) -> None:
            nonlocal late, timer
            if task.done():
                return
            if late < _LATE_MAX and clock.monotonic() - began > _LATE * _SLICE_S:
                late += 1
            else:
                self.slices -= 1
            if self.slices > 0:
                timer = loop.call_later(_SLICE_S, tick, clock.monotonic())
            else:
                end()

        timer = loop.call_later(_SLICE_S, tick, clock.monotonic())
        task.add_done_callback(end)
        try:
            await ended
        finally:
            timer.cancel()
            task.remove_done_callback(end)


patience: ContextVar[Patience] = ContextVar("patience")

_Asked = tuple[Sequence[Any], asyncio.Future[Any]]
"""A command, and who waits for its answer."""


class StoreConnection:
    """Runs scripts at the store. ``outcomes`` counts how that ended: ``done``, ``refused``, ``slow``, ``failed``."""

    def __init__(self, address: Address) -> None:
        self._pool = _pool(address)
        self._redis: Redis = Redis(connection_pool=self._pool)
        self._hashes: dict[str, str] = {}
        self._asked: list[_Asked] = []
        self._exchanges: set[asyncio.Task[None]] = set()
        self.outcomes: Counter[str] = Counter()

    async def open(self) -> None:
        """Have connections and scripts at hand, for longer than a request would wait; raises :class:`StoreError`."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                await asyncio.gather(*map(self._load, scripts.ALL))
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreError(told(error)) from None

    async def _load(self, script: str) -> None:
        self._hashes[script] = await self._redis.script_load(script)

    async def run(self, script: str, keys: Sequence[str], values: Sequence[str | bytes | int | float]) -> Any:
        """What a script answers, within what is left of the request's patience.

        Raises:
            StoreError: it did not answer, or refuses.
        """
        left = patience.get(None) or Patience()
        return await self._within(left, self._run(script, keys, values))

    async def poll(self, script: str, keys: Sequence[str], values: Sequence[str | bytes | int | float]) -> Any:
        """As :meth:`run`, again and again: what is answered in time takes nothing of the patience."""
        left = Patience()
        left.slices = max(1, (patience.get(None) or left).slices)
        return await self._within(left, self._run(script, keys, values))

    async def wait(self, stream: str, last: str, seconds: float) -> None:
        """Until a stream has more than its entry ``last``, or for so long. Raises :class:`StoreError`."""
        try:
            async with asyncio.timeout(seconds + _PATIENCE_S):
                await self._redis.xread({stream: last or "$"}, block=round(seconds * 1000))
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreError(told(error)) from None

    async def about(self, section: str) -> dict[str, Any]:
        """What the server tells of itself (INFO). Raises :class:`StoreError`."""
        return await self._within(Patience(), self._redis.info(section))

    async def close(self) -> None:
        """End it."""
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()
            await self._pool.disconnect()

    async def _run(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        if script not in self._hashes:
            await self._load(script)
        try:
            return await self._ask("EVALSHA", self._hashes[script], len(keys), *keys, *values)
        except ResponseError as error:
            if not str(error).startswith("NOSCRIPT") and "No matching script" not in str(error):
                raise
            return await self._ask("EVAL", script, len(keys), *keys, *values)

    async def _ask(self, *command: Any) -> Any:
        """What the store answers. All commands of one turn of the loop go out together on one connection: who comes in
        a crowd waits for the store, and not for a connection to it."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._send)
        answer: asyncio.Future[Any] = loop.create_future()
        self._asked.append((command, answer))
        return await answer

    def _send(self) -> None:
        asked, self._asked = self._asked, []
        exchange = asyncio.create_task(self._exchange(asked))
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._exchanges.discard)

        waiting = len(asked)

        def leave(answer: asyncio.Future[Any]) -> None:
            """Who does not wait any longer; with the last of them goes the connection, on which answers may come."""
            nonlocal waiting
            waiting -= 1
            if not waiting and answer.cancelled():
                exchange.cancel()

        for _, answer in asked:
            answer.add_done_callback(leave)

    async def _exchange(self, asked: Sequence[_Asked]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for command, _ in asked:
            pipeline.execute_command(*command)
        try:
            answers = await pipeline.execute(raise_on_error=False)
        except Exception as error:
            answers = [error] * len(asked)
        for (_, waiting), answer in zip(asked, answers, strict=True):
            if waiting.done():
                continue
            if isinstance(answer, Exception):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)

    async def _within(self, left: Patience, work: Awaitable[T]) -> T:
        task = asyncio.ensure_future(work)
        try:
            await left.wait(task)
        except asyncio.CancelledError:
            task.cancel()
            raise
        except StoreError:
            task.cancel()
            self.outcomes["slow"] += 1
            raise
        try:
            result = task.result()
        except (AuthenticationError, NoPermissionError, ResponseError) as error:
            self.outcomes["refused"] += 1
            raise RefusalError(told(error)) from None
        except (Exception, asyncio.CancelledError) as error:  # what it says may be anything
            self.outcomes["failed"] += 1
            raise StoreError(told(error)) from None
        self.outcomes["done"] += 1
        return result


class RefusalError(StoreError):
    """The store answers, and does not do it: full, read-only, another's."""


def told(error: BaseException) -> str:
    """What went wrong, by the store's or the kernel's first word; its others may hold names."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    word = str(error).partition(" ")[0]
    if isinstance(error, AuthenticationError):
        return "it refuses user or password"
    if isinstance(error, ResponseError):
        return f"it refuses: {word}" if word.isalpha() and word.isupper() else "it refuses"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return "it can't be reached"


class _TLSConnection(SSLConnection):
    """All with one context: redis' own makes another for each, which reads the system's authorities every time, and
    believes these beside the one that is named."""

    def __init__(self, *, context: ssl.SSLContext, **details: Any) -> None:
        super().__init__(**details)
        self.ssl_context.context = context


def _pool(address: Address) -> BlockingConnectionPool:
    details: dict[str, Any] = {
        "db": address.database,
        "username": address.user,
        "password": address.password.reveal() if address.password else None,
        "socket_timeout": None,
        "socket_connect_timeout": _CONNECT_S,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }
    kind: type[AbstractConnection] = Connection
    if address.path:
        kind = UnixDomainSocketConnection
        details["path"] = address.path
    else:
        details |= {"host": address.host, "port": address.port}
    if address.tls:
        kind = _TLSConnection
        details["context"] = ssl.create_default_context(cafile=address.ca_file)
    return BlockingConnectionPool(max_connections=_CONNECTIONS, timeout=_CONNECT_S, connection_class=kind, **details)
