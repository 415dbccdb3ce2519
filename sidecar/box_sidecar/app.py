"""The application: its middleware, its routes, and failures as problem details (RFC 9457)."""

from __future__ import annotations

import logging
import secrets
import string
import traceback
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import falcon
import falcon.asgi
import msgspec
from falcon.asgi import Request, Response

from box_sidecar.problems import Problem
from box_sidecar.resources import Operation, Tokens, Users
from box_sidecar.sidecar import Sidecar

log = logging.getLogger(__name__)

_ID_LETTERS = f"{string.ascii_letters}{string.digits}._-".encode()
_ID_LENGTH = 64
# Names as ASGI has them, in lower case: what proxies add, and what only a browser sends.
_FORWARDED = (b"forwarded", b"x-forwarded", b"x-real-ip", b"via", b"origin", b"cookie", b"sec-fetch-")


def request_id(headers: dict[bytes, bytes]) -> str:
    """The caller's, if it sent a sane one."""
    given = headers.get(b"x-request-id", b"")
    is_sane = 0 < len(given) <= _ID_LENGTH and not given.translate(None, _ID_LETTERS)
    return given.decode() if is_sane else secrets.token_hex(16)


def check_headers(headers: dict[bytes, bytes], path: str) -> None:
    """Whether a program on this machine sends it that means us; raises ``forwarded_request`` or ``missing_header``."""
    for name in headers:
        if name.startswith(_FORWARDED):
            raise Problem("forwarded_request", detail=f"The request carries {name.decode('latin-1').title()}.")
    if headers.get(b"box-sidecar") != b"1" and path.lstrip("/").startswith("v1"):
        raise Problem("missing_header")


class Gate:
    """Middleware: request id, the header that no browser sends, and no proxy in between."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar

    async def process_request(self, req: Request, resp: Response) -> None:
        """Refuse what did not come straight from a program on this machine that means us."""
        headers: dict[bytes, bytes] = dict(req.scope["headers"])
        req.context.id = request_id(headers)
        req.context.peer = req.scope.get("box_sidecar.peer")
        if req.context.peer is None:
            raise Problem("internal_error", detail="Nobody knows who asks, so nobody is served.")
        check_headers(headers, req.path)

    async def process_response(self, req: Request, resp: Response, resource: Any, req_succeeded: bool) -> None:
        """Nothing that we say may be kept by a cache."""
        resp.set_headers((("Cache-Control", "no-store"), ("X-Request-Id", req.context.id)))
        self._sidecar.metrics.request(req.uri_template or "unknown", str(resp.status)[:3])


async def _on_problem(req: Request, resp: Response, problem: Problem, params: dict[str, Any]) -> None:
    if problem.status >= 500:
        log.warning("%s (request %s)", problem, req.context.id)
    resp.status = falcon.code_to_http_status(problem.status)
    resp.content_type = "application/problem+json"
    if problem.retry_after is not None or problem.status in {429, 503}:
        resp.set_header("Retry-After", str(max(1, round(problem.retry_after or 5))))
    resp.data = msgspec.json.encode(problem.document(req.context.id))


async def _on_http_error(req: Request, resp: Response, error: falcon.HTTPError, params: dict[str, Any]) -> None:
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_request")
    await _on_problem(req, resp, Problem(code), params)
    if error.headers:
        resp.set_headers(error.headers)


async def _on_anything(req: Request, resp: Response, error: Exception, params: dict[str, Any]) -> None:
    # Where it happened, and no message: that could hold a value.
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    log.error("internal error: %s in %s (request %s)", type(error).__name__, where, req.context.id)
    await _on_problem(req, resp, Problem("internal_error"), params)


class Route(NamedTuple):
    """A path, and the class and suffix of the responders that serve it, as Falcon's ``add_route`` takes them."""

    path: str
    resource: type[Any]
    suffix: str | None = None


#: All that is served, and described in ``/openapi.json``.
ROUTES = (
    Route("/v1/tokens", Tokens),
    Route("/v1/tokens/revoke", Tokens, "revoke"),
    Route("/v1/users", Users),
    Route("/v1/usage", Operation, "usage"),
    Route("/v1/doctor", Operation, "doctor"),
    Route("/health/startup", Operation, "startup"),
    Route("/health/live", Operation, "live"),
    Route("/health/ready", Operation, "ready"),
    Route("/metrics", Operation, "metrics"),
    Route("/openapi.json", Operation, "openapi"),
)


def create_app(sidecar: Sidecar) -> falcon.asgi.App[Any, Any]:
    """All routes over one sidecar."""
    app = falcon.asgi.App(middleware=[Gate(sidecar)])
    description = files("box_sidecar").joinpath("openapi.json").read_bytes()
    served = {Tokens: Tokens(sidecar), Users: Users(sidecar), Operation: Operation(sidecar, description)}
    for route in ROUTES:
        app.add_route(route.path, served[route.resource], suffix=route.suffix)
    app.add_error_handler(Exception, _on_anything)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(Problem, _on_problem)
    return app
