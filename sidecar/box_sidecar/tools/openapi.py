"""The interface described (OpenAPI 3.1), from the routes that are served and the types that decode and encode.

``openapi.json`` beside the code is what this makes; ``make docs`` renews it, and a test compares.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

import msgspec

from box_sidecar import __version__
from box_sidecar.app import Route
from box_sidecar.elements import ELEMENTS
from box_sidecar.problems import CODES
from box_sidecar.resources import Operation, Tokens, Users
from box_sidecar.schemas import (
    DoctorAnswer,
    HealthAnswer,
    ProblemDocument,
    ProvisionRequest,
    RevokeAnswer,
    RevokeRequest,
    TokenAnswer,
    TokenRequest,
    UsageQuery,
    UserAnswer,
    UserRef,
)
from box_sidecar.usage import UsageAnswer

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
    "if": {"properties": {"element": {"enum": sorted(name for name in ELEMENTS if ELEMENTS[name].resource == "file")}}},
    "then": {
        "required": ["file"],
        "properties": {"file": {"type": "string"}, "folder": {"type": "null"}, "path": {"type": "null"}},
    },
    "else": {"properties": {"file": {"type": "null"}}},
}

#: Codes that a route can answer because of Box, because of a person, because of a token.
OF_BOX = (
    "box_rate_limited",
    "box_unavailable",
    "not_ready",
    *(code for code, row in CODES.items() if row.status == 502),
)
OF_PEOPLE = ("user_not_found", "user_ambiguous", "login_not_allowed", "rate_limited", *OF_BOX)
OF_TOKENS = (
    "invalid_request", "issuing_stopped", "element_not_allowed", "scope_not_allowed", "folder_not_allowed",
    "role_not_allowed", "user_inactive", "tokens_revoked", "folder_not_found", "path_ambiguous", *OF_PEOPLE,
)  # fmt: skip

Responder: TypeAlias = Callable[..., Any]


class Text(NamedTuple):
    """An answer that no type of ours describes."""

    description: str
    media: str
    schema: str


class Answers(NamedTuple):
    """What a responder answers, with which statuses and problems, and what it takes. Its docstring's first line is the
    summary."""

    answer: type[msgspec.Struct] | Text
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    body: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None


#: Every responder that is served; one that is missing here can't be described, and a test says so.
ANSWERS: dict[Responder, Answers] = {
    Tokens.on_post: Answers(TokenAnswer, OF_TOKENS, body=TokenRequest),
    Tokens.on_post_revoke: Answers(
        RevokeAnswer, ("invalid_request", "caller_not_allowed", *OF_BOX), body=RevokeRequest
    ),
    Users.on_get: Answers(UserAnswer, ("invalid_request", *OF_PEOPLE), query=UserRef),
    Users.on_post: Answers(
        UserAnswer,
        ("invalid_request", "provisioning_not_allowed", *OF_PEOPLE),
        statuses=(200, 201),
        body=ProvisionRequest,
    ),
    Operation.on_get_startup: Answers(HealthAnswer, statuses=(200, 503)),
    Operation.on_get_live: Answers(HealthAnswer, statuses=(200, 503)),
    Operation.on_get_ready: Answers(HealthAnswer, statuses=(200, 503)),
    Operation.on_get_usage: Answers(UsageAnswer, ("invalid_request",), query=UsageQuery),
    Operation.on_get_metrics: Answers(Text("Metrics", "text/plain", "string")),
    Operation.on_get_doctor: Answers(DoctorAnswer, ("rate_limited",)),
    Operation.on_get_openapi: Answers(Text("OpenAPI 3.1", "application/json", "object")),
}


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """The document that ``GET /openapi.json`` answers."""
    responders = [(route.path, method, found) for route in routes for method, found in _responders(route).items()]
    operations = [ANSWERS[found] for _, _, found in responders]
    used = (kind for op in operations for kind in (op.answer, op.body, op.query))
    types: set[type[msgspec.Struct]] = {ProblemDocument, *(kind for kind in used if isinstance(kind, type))}
    in_order = sorted(types, key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components(in_order, ref_template=_REF)
    taken = {UserRef: _user_parameters(schemas["UserRef"]), UsageQuery: _parameters(schemas.pop("UsageQuery"))}
    paths: dict[str, dict[str, Any]] = {}
    for (path, method, responder), op in zip(responders, operations, strict=True):
        summary = (inspect.getdoc(responder) or "").partition("\n")[0].removesuffix(".")
        parameters = taken[op.query] if op.query else []
        paths.setdefault(path, {})[method] = _described(path.startswith("/v1/"), summary, op, parameters)
    for name in ("UserRef", "TokenUser", "RevokeRequest"):
        schemas[name] = _exactly_one_of(schemas[name])
    schemas["TokenRequest"]["allOf"] = [_FILE_OR_FOLDER]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Box sidecar",
            "version": __version__,
            "description": "Short-lived, downscoped Box tokens for web pages. Served over a Unix socket only.",
            "license": {"name": "GPL-2.0-or-later", "identifier": "GPL-2.0-or-later"},
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _responders(route: Route) -> dict[str, Callable[..., Any]]:
    """Those that there are, by HTTP method."""
    end = f"_{route.suffix}" if route.suffix else ""
    found = {method: getattr(route.resource, f"on_{method}{end}", None) for method in ("get", "post")}
    return {method: responder for method, responder in found.items() if responder}


def _described(versioned: bool, summary: str, op: Answers, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(("forwarded_request", *(("missing_header",) if versioned else ()), *op.codes)):
        by_status.setdefault(CODES[code].status, []).append(code)
    described: dict[str, Any] = {
        "summary": summary,
        "responses": {
            **{str(status): _answer(op.answer) for status in op.statuses},
            **{str(status): _problem(codes) for status, codes in sorted(by_status.items())},
        },
    }
    if versioned:
        described["parameters"] = [_HEADER, *parameters]
    if op.body:
        described["requestBody"] = {"required": True, "content": _content("application/json", _ref(op.body))}
    return described


def _answer(answer: type[msgspec.Struct] | Text) -> dict[str, Any]:
    if isinstance(answer, Text):
        return {"description": answer.description, "content": _content(answer.media, {"type": answer.schema})}
    return {"description": answer.__name__, "content": _content("application/json", _ref(answer))}


def _problem(codes: list[str]) -> dict[str, Any]:
    return {
        "description": "; ".join(f"{code}: {CODES[code].title}" for code in codes),
        "content": _content("application/problem+json", _ref(ProblemDocument)),
    }


def _content(media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {media: {"schema": schema}}


def _ref(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {"$ref": _REF.format(name=kind.__name__)}


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        name: next(kind for kind in field["anyOf"] if kind.get("type") != "null")
        for name, field in schema["properties"].items()
    }


def _exactly_one_of(schema: dict[str, Any]) -> dict[str, Any]:
    """A person as judged: named in one way, never two, never null; beside an app user's id the name of whom to make."""
    ways = _not_null(schema)
    beside = {"external_app_user_id": {"name": ways.pop("name")}} if "name" in ways else {}
    return {
        "title": schema["title"],
        "description": schema["description"],
        "oneOf": [
            {
                "type": "object",
                "properties": {way: kind, **beside.get(way, {})},
                "required": [way],
                "additionalProperties": False,
            }
            for way, kind in ways.items()
        ],
    }


def _user_parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    told = "Exactly one of login, id and external_app_user_id."
    return [
        {"name": name, "in": "query", "required": False, "schema": kind, "description": told}
        for name, kind in _not_null(schema).items()
    ]


def _parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": kind} for name, kind in schema["properties"].items()
    ]
