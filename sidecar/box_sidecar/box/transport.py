"""One HTTP call to Box: what is retried, how often and how long, in this place and nowhere else.

Every answer of Box's teaches the clock. After repeated failures the breaker answers at once, while a
probe in the background finds out when Box is back.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Generic, NamedTuple, TypeVar, cast
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
from cachetools import TLRUCache

from box_sidecar.box.clock import BoxClock
from box_sidecar.box.deadline import deadline
from box_sidecar.box.errors import explain
from box_sidecar.clock import monotonic
from box_sidecar.problems import BoxReason, Problem

log = logging.getLogger(__name__)

T = TypeVar("T")

_ATTEMPTS = 4
_BACKOFF_S = 0.25  # doubled for each further attempt, with full jitter
_MAX_BODY = 8 * 1024 * 1024
_RETRY_AFTER_MAX_S = 300.0
_BREAKER_FAILURES = 5
_PROBE_S = (0.5, 1.0, 2.0, 5.0)  # pauses between probes; the last one repeats
_CONNECTIONS = 256
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
_EVERYBODY = ""
_PEOPLE = 10_000  # of whom it is remembered that Box wants them to wait
_MANY = 5  # people whom Box limits at once on one route: then it is not theirs, it is the app's limit
_NAME = re.compile(r"[a-z_]{1,40}")

#: For whom Box is called: the Box id of a person whose own limit the calls count against, or nobody's.
_person: ContextVar[str] = ContextVar("person", default=_EVERYBODY)


@contextmanager
def acting_for(user_id: str) -> Iterator[None]:
    """All calls to Box inside are this person's: when Box wants them to wait, it wants nobody else to."""
    token = _person.set(user_id)
    try:
        yield
    finally:
        _person.reset(token)


@dataclass(frozen=True, slots=True)
class Request:
    """One attempt: ``form`` is sent as application/x-www-form-urlencoded, ``json`` as JSON."""

    form: Mapping[str, str] | None = None
    json: Any = None
    bearer: str | None = None
    origin: str | None = None

    def __repr__(self) -> str:
        return "Request(…)"  # form and bearer are secrets


class Answer(Generic[T]):
    """What Box said: a value for a success, ``reason`` for a refusal (any 4xx but 408 and 429)."""

    __slots__ = ("_value", "reason")

    def __init__(self, value: T, reason: BoxReason | None = None) -> None:
        self._value = value
        self.reason = reason

    def value(self, where: str) -> T:
        """The success's value; raises the :class:`Problem` that a refusal means in this step."""
        if self.reason is not None:
            raise explain(where, self.reason)
        return self._value


class RetryableError(Exception):
    """An attempt that may be worth repeating. ``wait`` is Box's own ``Retry-After``, in seconds.

    ``odd``: Box is well, and answered JSON, but of another form than its description has.
    """

    def __init__(self, what: str, *, rate_limited: bool = False, odd: bool = False, wait: float | None = None) -> None:
        super().__init__(what)
        self.rate_limited = rate_limited
        self.odd = odd
        self.wait = wait


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
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self.patience = timeout_s * 1.5
        self._observe = observe
        self._session: aiohttp.ClientSession | None = None
        self._failures = 0
        self._last_failure = ""
        self._probe: asyncio.Task[None] | None = None
        self._quiet: dict[str, TLRUCache[str, float]] = {}  # route → person → until when

    async def open(self) -> None:
        """Prepare the connection pool; call inside the running event loop."""
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=ssl.create_default_context())
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            proxy=proxy_for(self.base_url),  # not trust_env: aiohttp would start two threads a call, and read ~/.netrc
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "box-sidecar", "Accept": "application/json"},
            max_line_size=65536,
            max_field_size=65536,
        )

    async def close(self) -> None:
        """End the probe and all connections."""
        if self._probe:
            self._probe.cancel()
        if self._session:
            await self._session.close()

    @property
    def is_open_circuit(self) -> bool:
        """Whether the breaker answers instead of Box."""
        return self._probe is not None

    @property
    def quiet_for(self) -> float:
        """Seconds for which Box wants no calls of some kind from this app at all; 0 if there is none."""
        return max((self._quiet_for(route, _EVERYBODY) for route in self._quiet), default=0.0)

    def _quiet_for(self, route: str, person: str) -> float:
        quiet = self._quiet.get(route)
        return max(0.0, quiet.get(person, 0.0) - monotonic()) if quiet else 0.0

    async def call(
        self,
        route: str,
        method: str,
        path: str,
        make: Callable[[], Request],
        decode: type[T],
        *,
        repeatable: bool = True,
        params: Mapping[str, str] | None = None,
    ) -> Answer[T]:
        """Call Box until it answers, at most until the deadline.

        ``route`` names the kind of call for metrics and rate limits. ``make`` is asked anew for each attempt,
        so that an assertion is never sent twice. A call that is not ``repeatable`` is repeated only where
        Box surely did nothing.

        Raises:
            Problem: ``box_unavailable`` or ``box_rate_limited``, with ``retry_after``; ``box_refused`` if Box answers
                what nobody understands, twice.
        """
        failure = RetryableError("no attempt was made")
        for attempt in range(_ATTEMPTS):
            self._refuse_early(route)
            try:
                answer = await self._attempt(route, method, path, make(), decode, params)
            except RetryableError as caught:
                twice_odd = caught.odd and failure.odd
                failure = caught
                self._count_failure(caught)
                pause = caught.wait if caught.wait is not None else random.uniform(0.5, 1) * _BACKOFF_S * 2**attempt  # noqa: S311
                log.info("Box %s: %s (attempt %d)", route, caught, attempt + 1)
                surely_undone = caught.rate_limited
                if monotonic() + pause >= deadline.get() or not (repeatable or surely_undone) or twice_odd:
                    break
                if attempt + 1 < _ATTEMPTS:
                    await asyncio.sleep(pause)
            else:
                self._failures = 0
                return answer
        raise self._problem(route, failure)

    async def allows_origin(self, path: str, bearer: str, origin: str) -> bool:
        """Whether Box answers a page of this origin (Box guide "CORS"); one attempt.

        Raises:
            Problem: ``box_unavailable``.
        """
        try:
            reply = await self._send("GET", path, Request(bearer=bearer, origin=origin), None)
            return reply.status < 400 and reply.headers.get("Access-Control-Allow-Origin") in {origin, "*"}
        except RetryableError as failure:
            raise Problem("box_unavailable", detail=f"{failure}.", retry_after=5.0) from None

    def _problem(self, route: str, failure: RetryableError) -> Problem:
        if failure.rate_limited:
            wait = failure.wait if failure.wait is not None else 5.0
            self._keep_quiet(route, wait)
            return Problem("box_rate_limited", detail=f"{failure}.", retry_after=wait)
        if failure.odd:
            return Problem(
                "box_refused",
                detail=f"{failure}.",
                fix="Does a proxy between here and Box change answers? Else ask Box support about this one.",
            )
        return Problem("box_unavailable", detail=f"{failure}.", retry_after=failure.wait or 5.0)

    def _keep_quiet(self, route: str, wait: float) -> None:
        """Whose limit it was waits; when it is many people's at once, everybody does."""
        quiet = self._quiet.get(route)
        if quiet is None:
            quiet = self._quiet[route] = TLRUCache(_PEOPLE, lambda _person, until, _now: until, timer=monotonic)
        quiet[_person.get()] = monotonic() + wait
        if len(quiet) >= _MANY:
            quiet[_EVERYBODY] = monotonic() + wait

    def _refuse_early(self, route: str) -> None:
        if self._probe is not None:
            detail = f"Box has failed repeatedly, last: {self._last_failure}. It is being probed."
            raise Problem("box_unavailable", detail=detail, retry_after=5.0)
        quiet = max(self._quiet_for(route, _EVERYBODY), self._quiet_for(route, _person.get()))
        if quiet > 0:
            raise Problem("box_rate_limited", detail="Box asked us to wait.", retry_after=quiet)
        if monotonic() >= deadline.get():
            raise Problem("box_unavailable", detail="Box was too slow.", retry_after=5.0)

    async def _attempt(
        self, route: str, method: str, path: str, request: Request, decode: type[T], params: Mapping[str, str] | None
    ) -> Answer[T]:
        started = monotonic()
        outcome = "failed"
        try:
            reply = await self._send(method, path, request, params)
            outcome = str(reply.status)
            return _understand(reply, decode)
        finally:
            self._observe(route, outcome, monotonic() - started)

    async def _send(self, method: str, path: str, request: Request, params: Mapping[str, str] | None) -> _Reply:
        if self._session is None:
            raise RuntimeError("Transport.open() comes first")
        headers = {"Authorization": f"Bearer {request.bearer}"} if request.bearer else {}
        if request.origin:
            headers["Origin"] = request.origin
        body: bytes | None = None
        if request.form is not None:
            body, headers["Content-Type"] = urlencode(request.form).encode(), "application/x-www-form-urlencoded"
        elif request.json is not None:
            body, headers["Content-Type"] = msgspec.json.encode(request.json), "application/json"
        # One attempt ends with its own time-out or with the story's deadline, whichever is first.
        timeout = aiohttp.ClientTimeout(total=min(self._timeout.total or 10.0, max(0.05, deadline.get() - monotonic())))
        try:
            async with self._session.request(
                method,
                self.base_url + path,
                params=params,
                data=body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                self.clock.observe(response.headers.get("Date"))
                return _Reply(response.status, response.headers, await _read(response))
        except TimeoutError:
            raise RetryableError("Box did not answer in time") from None
        except aiohttp.ClientConnectorCertificateError:
            raise RetryableError(
                "Box's TLS certificate is not trusted here (a private CA? set SSL_CERT_FILE)"
            ) from None
        except aiohttp.ClientConnectorDNSError:
            raise RetryableError("the name of Box's host can't be resolved (DNS)") from None
        except aiohttp.ClientHttpProxyError as error:
            raise RetryableError(f"the proxy refused with status {error.status}") from None
        except aiohttp.ClientProxyConnectionError:
            raise RetryableError("the proxy can't be reached") from None
        except aiohttp.ClientSSLError:
            raise RetryableError("no TLS connection to Box could be made") from None
        except aiohttp.ClientConnectorError:
            raise RetryableError("no connection to Box could be made") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise RetryableError("the connection to Box broke") from None

    def _count_failure(self, failure: RetryableError) -> None:
        if failure.rate_limited or failure.odd:
            return
        self._failures += 1
        self._last_failure = str(failure)
        if self._failures >= _BREAKER_FAILURES and self._probe is None:
            log.warning("Box failed %d times in a row; no more calls until it answers again", self._failures)
            self._probe = asyncio.create_task(self._probe_until_back())

    async def _probe_until_back(self) -> None:
        """Ask for something harmless, without a token, until anything but a failure comes back."""
        pauses = iter(_PROBE_S)
        pause = next(pauses)
        while True:
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311
            pause = next(pauses, _PROBE_S[-1])
            deadline.set(monotonic() + (self._timeout.total or 10.0))
            try:
                await self._attempt("probe", "GET", "/2.0/users/me", Request(), dict, None)
            except RetryableError as failure:
                if not (failure.rate_limited or failure.odd):
                    continue
            except Exception as error:
                log.error("the probe failed: %s", type(error).__name__)
                continue
            log.warning("Box answers again")
            self._failures, self._probe = 0, None
            return


def proxy_for(base_url: str) -> str | None:
    """The proxy for Box by the environment (``HTTPS_PROXY``, ``NO_PROXY``), with its credentials.

    None without TLS: plain http is for this machine alone.
    """
    box = urlsplit(base_url)
    if box.scheme != "https":
        return None
    return None if proxy_bypass(box.hostname or "") else getproxies().get(box.scheme)


class _Reply(NamedTuple):
    """What came back, before anybody has judged it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return "_Reply(…)"  # a body may hold a token


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = await response.content.read(_MAX_BODY)
    while chunk := await response.content.read(_MAX_BODY - len(body)):
        body += chunk
    if not response.content.at_eof():
        raise RetryableError("Box's answer was too long")
    return body


def _understand(reply: _Reply, decode: type[T]) -> Answer[T]:
    """Sort an answer by status and content type, before its body is believed to be JSON."""
    status, headers, body = reply
    wait = _retry_after(headers.get("Retry-After"), headers.get("Date"))
    if status == 429:
        raise RetryableError("Box answered 429, too many requests", rate_limited=True, wait=wait)
    if status >= 500 or status == 408:
        raise RetryableError(f"Box answered {status}", wait=wait)
    if 200 <= status < 300:
        try:
            # What is decoded as nothing may be anything: a revocation's body is empty.
            return Answer(_decode(b"null" if decode is type(None) else body, decode))
        except msgspec.ValidationError as error:
            raise RetryableError(
                f"Box answered {status} with JSON of another form: {_printable(str(error), 200)}", odd=True
            ) from None
        except _UNREADABLE:
            raise RetryableError(f"Box answered {status} with something that can't be read") from None
    if 300 <= status < 400:
        raise RetryableError(f"something between here and Box answered {status}, a redirect")
    kind = headers.get("Content-Type", "").partition(";")[0].lower()
    if body.strip() and "json" not in kind:
        shown = _printable(kind, 60) or "no Content-Type"
        raise RetryableError(f"something between here and Box answered {status} with {shown}")
    return Answer(cast(T, None), _reason(status, body))


def _decode(body: bytes, decode: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=decode)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if b"\\u" not in body:
            raise
    # Half a character ("\ud83d") is JSON, but no text (RFC 8259, section 8.2). What it stands in is not lost for it.
    text = json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return msgspec.json.decode(text.decode("utf-8", "replace"), type=decode)


class _ErrorBody(msgspec.Struct):
    """Both shapes of Box's errors: the token endpoint's (RFC 6749, section 5.2) and the API's."""

    error: str = ""
    error_description: str = ""
    code: str = ""
    message: str = ""


def _reason(status: int, body: bytes) -> BoxReason:
    try:
        said = msgspec.json.decode(body, type=_ErrorBody)
    except _UNREADABLE:
        said = _ErrorBody()
    return BoxReason(
        status, _printable(said.error or said.code, 60), _printable(said.error_description or said.message, 300)
    )


def _printable(text: str, length: int) -> str:
    """What a log line or an answer may hold of a stranger's text."""
    # A long run that is no name like cors_origin_not_whitelisted could be a token or assertion sent back to us.
    words = ("…" if len(word) > 24 and not _NAME.fullmatch(word) else word for word in text.split())
    return "".join(char if char.isprintable() else "�" for char in " ".join(words))[:length]


def _retry_after(value: str | None, date: str | None) -> float | None:
    """``Retry-After`` in seconds: a number or a date (RFC 9110, section 10.2.3), absurd values bounded."""
    if not value:
        return None
    try:
        seconds = (
            float(value)
            if value.strip().isdigit()
            else (parsedate_to_datetime(value) - parsedate_to_datetime(date or "")).total_seconds()
        )
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _RETRY_AFTER_MAX_S)
