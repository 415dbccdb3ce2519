"""The forms in which Box says no."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from aiohttp import web

HELP_URL = "https://developer.box.com/guides/api-calls/permissions-and-errors/common-errors/"


class BoxError(Exception):
    """A refusal by the API: status, body and headers of the answer (schema ``ClientError``)."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        context: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.context = context
        self.headers = headers or {}

    def response(self) -> web.Response:
        body: dict[str, Any] = {"type": "error", "status": self.status, "code": self.code}
        if self.context is not None:
            body["context_info"] = self.context
        body |= {"help_url": HELP_URL, "message": self.message, "request_id": secrets.token_hex(8)}
        return web.Response(
            status=self.status,
            body=msgspec.json.encode(body),
            content_type="application/json",
            headers=self.headers,
        )


class InvalidTokenError(BoxError):
    """401 as Box sends it: an empty body, the reason in ``WWW-Authenticate`` (RFC 6750, section 3)."""

    def __init__(self) -> None:
        super().__init__(401, "unauthorized", "Unauthorized")

    def response(self) -> web.Response:
        challenge = (
            'Bearer realm="Service", error="invalid_token", error_description="The access token provided is invalid."'
        )
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})


class OAuthError(BoxError):
    """A refusal by the token endpoint (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(status, error, description)

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            body=msgspec.json.encode({"error": self.code, "error_description": self.message}),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )


def invalid_parameter(name: str, value: str, message: str = "", status: int = 400) -> BoxError:
    """A parameter with an impossible value; Box names it in ``context_info.errors``."""
    detail = {
        "reason": "invalid_parameter",
        "name": name,
        "message": message or f"Invalid value '{value}'.",
    }
    return BoxError(status, "bad_request", "Bad Request", {"errors": [detail]})


def missing_parameter(name: str) -> BoxError:
    detail = {"reason": "missing_parameter", "name": name, "message": f"'{name}' is required"}
    return BoxError(400, "bad_request", "Bad Request", {"errors": [detail]})


def not_found(kind: str, value: str) -> BoxError:
    detail = {
        "reason": "invalid_parameter",
        "name": kind,
        "message": f"Invalid value '{value}'. '{kind}' with value '{value}' not found",
    }
    return BoxError(404, "not_found", "Not Found", {"errors": [detail]})


def forbidden() -> BoxError:
    """The person or the token may not do this to this item."""
    return BoxError(403, "access_denied_insufficient_permissions", "Access denied - insufficient permission")


def insufficient_scope() -> BoxError:
    """The token lacks the scope that the call needs (RFC 6750, section 3.1)."""
    message = "The request requires higher privileges than provided by the access token."
    challenge = f'Bearer realm="Service", error="insufficient_scope", error_description="{message}"'
    return BoxError(403, "insufficient_scope", message, headers={"WWW-Authenticate": challenge})


def precondition_failed() -> BoxError:
    return BoxError(
        412, "precondition_failed", "The resource has been modified. Please retrieve the resource again and retry"
    )
