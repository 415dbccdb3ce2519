"""One HTTP call to Box: what is retried, how often and how long, in this place and nowhere else.

Every answer of Box's teaches the clock, every failure the breaker.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from typing import Generic, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from box_sidecar import tracing
from box_sidecar.box.breaker import CircuitBreaker
from box_sidecar.box.clock import BoxClock
from box_sidecar.box.deadline import deadline
from box_sidecar.box.errors import RetryableError
from box_sidecar.box.responses import Answer, Reply, understand
from box_sidecar.box.throttle import Throttle
from box_sidecar.clock import monotonic
from box_sidecar.problems import Problem
from box_sidecar.sentences import Text, say

log = logging.getLogger(__name__)

T = TypeVar("T")

_ATTEMPTS = 4
_BACKOFF_S = 0.25  # doubled for each further attempt, with full jitter
_MAX_BODY = 8 * 1024 * 1024
_CONNECTIONS = 256
_FORM = "application/x-www-form-urlencoded"


class Route(NamedTuple, Generic[T]):
    """A kind of call: its ``name`` for metrics and rate limits, its method, and what a success is decoded as.

    One that is not ``repeatable`` is repeated only where Box surely did nothing.
    """

    name: str
    method: str
    decode: type[T]
    repeatable: bool = True


class Request(NamedTuple):
    """One attempt: where to, and what is sent. ``path`` has its query in it, encoded already."""

    path: str
    body: bytes | None = None
    bearer: str = ""
    content_type: str = _FORM

    def __repr__(self) -> str:
        return "Request(…)"  # body and bearer are secrets


#: Something harmless, asked without a token, to find out whether Box answers at all.
PROBE: Route[dict[str, object]] = Route("probe", "GET", dict)
ME = Request("/2.0/users/me")


class Transport:
    """Calls Box at ``base_url``; each attempt takes at most ``timeout_s`` seconds.

    Proxies come from the environment (``HTTPS_PROXY``, ``NO_PROXY``), further certificate authorities
    from ``SSL_CERT_FILE``.
    """

    def __init__(
        self, base_url: str, timeout_s: float, clock: BoxClock, observe: Callable[[str, str, float], None]
    ) -> None:
        self.base_url = base_url
        self.clock = clock
        self.patience = timeout_s * 1.5
        self.breaker = CircuitBreaker(self._is_back)
        self.throttle = Throttle()
        self._timeout_s = timeout_s
        self._observe = observe
        self._session: aiohttp.ClientSession | None = None

    async def open(self, trust: ssl.SSLContext | Literal[True] = True) -> None:
        """Prepare the connection pool; call inside the running event loop.

        ``trust`` judges Box's certificate; by default those are trusted that aiohttp read when it was imported, since
        to read them again takes twenty milliseconds and a megabyte.
        """
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=trust),
            proxy=proxy_for(self.base_url),  # not trust_env: aiohttp would start two threads a call, and read ~/.netrc
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "box-sidecar", "Accept": "application/json"},
            max_line_size=65536,
            max_field_size=65536,
        )

    async def close(self) -> None:
        """End the probe and all connections."""
        self.breaker.close()
        if self._session:
            await self._session.close()

    async def call(self, route: Route[T], make: Callable[[], Request | Awaitable[Request]]) -> Answer[T]:
        """Call Box until it answers, at most until the deadline.

        ``make`` is asked anew for each attempt, so that an assertion is never sent twice.

        Raises:
            Problem: ``box_unavailable`` or ``box_rate_limited``, with ``retry_after``; ``box_refused`` if Box answers
                what nobody understands, twice.
        """
        failure = RetryableError(say("No attempt was made."))
        for attempt in range(_ATTEMPTS):
            self._refuse_early(route.name)
            try:
                made = make()
                answer = await self._attempt(route, made if isinstance(made, Request) else await made)
            except RetryableError as caught:
                twice_odd = caught.odd and failure.odd
                failure = caught
                if caught.is_outage:
                    self.breaker.record_failure(caught.what)
                pause = caught.wait if caught.wait is not None else random.uniform(0.5, 1) * _BACKOFF_S * 2**attempt  # noqa: S311
                log.info("Box %s: %s (attempt %d)", route.name, caught, attempt + 1)
                may_repeat = route.repeatable or caught.rate_limited
                if monotonic() + pause >= deadline.get() or not may_repeat or twice_odd:
                    break
                if attempt + 1 < _ATTEMPTS:
                    await asyncio.sleep(pause)
            else:
                self.breaker.record_success()
                return answer
        raise self._problem(route.name, failure)

    def _refuse_early(self, route: str) -> None:
        self.breaker.check()
        self.throttle.check(route)
        if monotonic() >= deadline.get():
            raise Problem("box_unavailable", detail=say("Box was too slow."), retry_after=5.0)

    def _problem(self, route: str, failure: RetryableError) -> Problem:
        if failure.rate_limited:
            wait = failure.wait if failure.wait is not None else 5.0
            self.throttle.record(route, wait)
            return Problem("box_rate_limited", detail=failure.what, retry_after=wait)
        if failure.odd:
            fix = say("Does a proxy between here and Box change answers? Else ask Box support about this one.")
            return Problem("box_refused", detail=failure.what, fix=fix)
        return Problem("box_unavailable", detail=failure.what, retry_after=failure.wait or 5.0)

    async def _is_back(self) -> bool:
        """Whether Box answers again with anything but a failure."""
        deadline.set(monotonic() + self._timeout_s)
        try:
            await self._attempt(PROBE, ME)
        except RetryableError as failure:
            return not failure.is_outage
        return True

    async def _attempt(self, route: Route[T], request: Request) -> Answer[T]:
        started = monotonic()
        outcome = "failed"
        try:
            headers: dict[str, str] = {}
            with tracing.calling(route.name, route.method, headers):
                reply = await self._send(route.method, request, headers)
            outcome = str(reply.status)
            return understand(reply, route.decode)
        finally:
            self._observe(route.name, outcome, monotonic() - started)

    async def _send(self, method: str, request: Request, headers: dict[str, str]) -> Reply:
        if self._session is None:
            raise RuntimeError("Transport.open() comes first")
        if request.bearer:
            headers["Authorization"] = f"Bearer {request.bearer}"
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        # One attempt ends with its own time-out or with the story's deadline, whichever is first.
        timeout = aiohttp.ClientTimeout(total=min(self._timeout_s, max(0.05, deadline.get() - monotonic())))
        try:
            async with self._session.request(
                method,
                URL(self.base_url + request.path, encoded=True),
                data=request.body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                self.clock.observe(response.headers.get("Date"))
                return Reply(response.status, response.headers, await _read(response))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise RetryableError(_what_broke(error)) from None


#: What a failed connection is called; first match wins, since the later ones include the earlier.
_BROKEN: tuple[tuple[type[Exception], Text], ...] = (
    (TimeoutError, say("Box did not answer in time.")),
    (
        aiohttp.ClientConnectorCertificateError,
        say("Box's TLS certificate is not trusted here (a private CA? set SSL_CERT_FILE)."),
    ),
    (aiohttp.ClientConnectorDNSError, say("The name of Box's host can't be resolved (DNS).")),
    (aiohttp.ClientProxyConnectionError, say("The proxy can't be reached.")),
    (aiohttp.ClientSSLError, say("No TLS connection to Box could be made.")),
    (aiohttp.ClientConnectorError, say("No connection to Box could be made.")),
)


def _what_broke(error: Exception) -> Text:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return say("The proxy refused with status {status}.", status=error.status)
    return next((what for kind, what in _BROKEN if isinstance(error, kind)), say("The connection to Box broke."))


def proxy_for(base_url: str) -> str | None:
    """The proxy for Box by the environment (``HTTPS_PROXY``, ``NO_PROXY``), with its credentials.

    None without TLS: plain http is for this machine alone.
    """
    box = urlsplit(base_url)
    if box.scheme != "https":
        return None
    return None if proxy_bypass(box.hostname or "") else getproxies().get(box.scheme)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = await response.content.read(_MAX_BODY)
    while chunk := await response.content.read(_MAX_BODY - len(body)):
        body += chunk
    if not response.content.at_eof():
        raise RetryableError(say("Box's answer was too long."))
    return body
