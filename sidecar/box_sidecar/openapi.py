"""This interface described (OpenAPI 3.1), from the very types that decode and encode it."""

from __future__ import annotations

from typing import Any

import msgspec

from box_sidecar import __version__
from box_sidecar.elements import ELEMENTS
from box_sidecar.problems import CODES
from box_sidecar.schemas import (
    DoctorAnswer,
    HealthAnswer,
    ProblemDocument,
    ProvisionRequest,
    RevokeAnswer,
    RevokeRequest,
    TokenAnswer,
    TokenRequest,
    UserAnswer,
)

_REF = "#/components/schemas/{name}"
_HEADER = {
    "name": "Box-Sidecar",
    "in": "header",
    "required": True,
    "description": "Says that a program means this service; no browser sends it.",
    "schema": {"type": "string", "const": "1"},
}
#: What ``Policy.check_resource`` and ``TokenRequest`` judge together.
_FILE_OR_FOLDER = {
    "if": {
        "properties": {"element": {"enum": sorted(name for name in ELEMENTS if ELEMENTS[name].resource == "file")}}
    },
    "then": {"required": ["file"], "properties": {"file": {"type": "string"}, "folder": {"type": "null"}}},
    "else": {"properties": {"file": {"type": "null"}}},
}
_OF_BOX = (
    "box_rate_limited",
    "box_unavailable",
    "not_ready",
    *(code for code, row in CODES.items() if row.status == 502),
)
_OF_PEOPLE = ("user_not_found", "user_ambiguous", "login_not_allowed", "rate_limited", *_OF_BOX)
_OF_TOKENS = (
    "invalid_request", "element_not_allowed", "scope_not_allowed", "folder_not_allowed", "role_not_allowed",
    "user_inactive", "tokens_revoked", *_OF_PEOPLE,
)  # fmt: skip


def describe() -> dict[str, Any]:
    """The document that ``GET /openapi.json`` answers."""
    names = (
        TokenRequest, TokenAnswer, RevokeRequest, RevokeAnswer,
        ProvisionRequest, UserAnswer, DoctorAnswer, HealthAnswer,
        ProblemDocument,
    )  # fmt: skip
    _, schemas = msgspec.json.schema_components(names, ref_template=_REF)
    parameters = _user_parameters(schemas["UserRef"])
    schemas["UserRef"] = _exactly_one_of(schemas["UserRef"])
    schemas["TokenRequest"]["allOf"] = [_FILE_OR_FOLDER]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Box sidecar",
            "version": __version__,
            "description": "Short-lived, downscoped Box tokens for web pages. Served over a Unix socket only.",
            "license": {"name": "GPL-2.0-or-later", "identifier": "GPL-2.0-or-later"},
        },
        "paths": {
            "/v1/tokens": {
                "post": _operation(
                    "A token for one person, element and folder or file", "TokenAnswer", _OF_TOKENS, body="TokenRequest"
                ),
            },
            "/v1/tokens/revoke": {
                "post": _operation(
                    "Revoke what is held of one person", "RevokeAnswer", ("invalid_request", *_OF_BOX),
                    body="RevokeRequest",
                ),
            },
            "/v1/users": {
                "get": _operation(
                    "Look one person up", "UserAnswer", ("invalid_request", *_OF_PEOPLE), parameters=parameters
                ),
                "post": _operation(
                    "Make an app user, or find it", "UserAnswer",
                    ("invalid_request", "provisioning_not_allowed", *_OF_PEOPLE), body="ProvisionRequest", also=201,
                ),
            },
            "/v1/doctor": {"get": _operation("Find out what is wrong", "DoctorAnswer", ("rate_limited",))},
            "/health/startup": {"get": _plain("Has it started?", "HealthAnswer")},
            "/health/live": {"get": _plain("Is the process alive?", "HealthAnswer")},
            "/health/ready": {"get": _plain("Can new tokens be had?", "HealthAnswer")},
            "/metrics": {"get": _text("Prometheus metrics")},
            "/openapi.json": {"get": _document("This document")},
        },
        "components": {"schemas": schemas},
    }  # fmt: skip


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: next(kind for kind in field["anyOf"] if kind.get("type") != "null")
            for name, field in schema["properties"].items()}  # fmt: skip


def _exactly_one_of(schema: dict[str, Any]) -> dict[str, Any]:
    """UserRef as it is judged: one name, never two, never null."""
    properties = _not_null(schema)
    return {
        "title": "UserRef",
        "description": schema["description"],
        "oneOf": [
            {"type": "object", "properties": {name: kind}, "required": [name], "additionalProperties": False}
            for name, kind in properties.items()
        ],
    }


def _user_parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": kind,
         "description": "Exactly one of login, id and external_app_user_id."}
        for name, kind in _not_null(schema).items()
    ]  # fmt: skip


def _operation(
    summary: str,
    answer: str,
    codes: tuple[str, ...],
    *,
    body: str | None = None,
    parameters: list[dict[str, Any]] | None = None,
    also: int | None = None,
) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in ("forwarded_request", "missing_header", *codes):
        by_status.setdefault(CODES[code].status, []).append(code)
    operation: dict[str, Any] = {
        "summary": summary,
        "parameters": [_HEADER, *(parameters or [])],
        "responses": {
            **{str(status): _json(answer) for status in (200, also) if status},
            **{str(status): _problem(found) for status, found in sorted(by_status.items())},
        },
    }
    if body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REF.format(name=body)}}},
        }
    return operation


def _json(answer: str) -> dict[str, Any]:
    return {
        "description": answer,
        "content": {"application/json": {"schema": {"$ref": _REF.format(name=answer)}}},
    }


def _problem(codes: list[str]) -> dict[str, Any]:
    return {
        "description": "; ".join(f"{code}: {CODES[code].title}" for code in dict.fromkeys(codes)),
        "content": {"application/problem+json": {"schema": {"$ref": _REF.format(name="ProblemDocument")}}},
    }


def _plain(summary: str, answer: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {"200": _json(answer), "400": _problem(["forwarded_request"]), "503": _json(answer)},
    }


def _text(summary: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {
            "200": {"description": "Metrics", "content": {"text/plain": {"schema": {"type": "string"}}}},
            "400": _problem(["forwarded_request"]),
        },
    }


def _document(summary: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {
            "200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}},
            "400": _problem(["forwarded_request"]),
        },
    }
