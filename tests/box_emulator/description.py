"""Checks requests and answers against Box's own OpenAPI description, which is not part of this repository."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

if TYPE_CHECKING:
    import jsonschema_rs

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
CHECKED_BODIES = (JSON, FORM)
CONTROL = "/_emulator/"
MAX_VIOLATIONS = 1000


@dataclass(frozen=True, slots=True)
class KnownError:
    """A place where the description contradicts itself, Box's guides or Box; `path` leads to what is left out."""

    path: tuple[str | int, ...]
    evidence: str


KNOWN_ERRORS = (
    KnownError(
        ("components", "schemas", "ClientError", "properties", "code", "enum"),
        "The list lacks codes that the same file's texts promise (`item_name_in_use` at POST /folders/:id/copy,"
        " `access_denied_insufficient_permissions` at PUT /files/:id, `file_size_too_small` at upload sessions).",
    ),
    KnownError(
        ("components", "schemas", "ConflictError", "allOf", 1, "properties", "context_info", "properties", "conflicts"),
        "Says a list of files. For a file it is one object: UI Elements 26 read `context_info.conflicts.id` to upload"
        " a new version. For a folder it is a list of folders: they read `context_info.conflicts[0].id`.",
    ),
    KnownError(
        ("components", "schemas", "EventSourceResource", "oneOf", 4),
        "One of its members (GenericSource) fits every object, so that nothing can be exactly one of them.",
    ),
    KnownError(
        ("components", "schemas", "File", "allOf", 1, "properties", "shared_link", "allOf", 0, "required"),
        "Requires `accessed`, which is not among the properties; `access` is meant.",
    ),
    KnownError(
        ("components", "schemas", "Folder", "allOf", 1, "properties", "shared_link", "allOf", 0, "required"),
        "As for File.",
    ),
    KnownError(
        ("components", "schemas", "ResourceScope", "properties", "scope", "enum"),
        "The list lacks base_sidebar, item_comment, item_task and others that the guide on scopes for UI Elements has.",
    ),
    KnownError(
        ("components", "schemas", "SearchResultWithSharedLink", "properties", "accessible_via_shared_link", "type"),
        "Says a string; by the text beside it it is null for items that were not come to by a link.",
    ),
    KnownError(
        ("components", "schemas", "PostOAuth2Revoke", "required"),
        "Requires grant_type, which is not among the properties; RFC 7009 knows no such parameter of a revocation.",
    ),
)
"""Known errors of the description, each with the evidence."""


class Schema:
    """A schema of the description; its validator is made when it is first needed."""

    def __init__(self, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
        self._document = _translated(schema) | {"components": {"schemas": schemas}}

    @cached_property
    def _validator(self) -> jsonschema_rs.Validator:
        # Imported here because the demo, which uses the emulator too, has no need of it.
        import jsonschema_rs

        return jsonschema_rs.validator_for(self._document)

    def problems(self, value: Any) -> list[str]:
        """What is wrong with `value`, each with the place."""
        return [problem for error in self._validator.iter_errors(value) for problem in _explained(error)]


def _explained(error: jsonschema_rs.ValidationError) -> list[str]:
    """The error with its place; for a choice of which none fits, the errors of each, but for "is not null"."""
    branches: list[list[jsonschema_rs.ValidationError]] = getattr(error.kind, "context", [])
    parts = [part for branch in branches for part in branch if not part.message.endswith('is not of type "null"')]
    return [text for part in parts for text in _explained(part)] or [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}"[:300]
    ]


@dataclass(slots=True)
class Operation:
    """What the description says about one method of one path."""

    name: str
    parameters: list[dict[str, Any]]
    body: dict[str, Schema]
    """The request's body by media type."""

    responses: dict[str, Schema | None]
    """Answers by status or ``default``; None where no JSON is described."""


@dataclass(slots=True)
class Description:
    """The operations by method and path, and what did not fit them so far."""

    operations: list[tuple[str, re.Pattern[str], Operation]]
    violations: list[dict[str, Any]] = field(default_factory=list)
    checked: int = 0

    @classmethod
    def load(cls, path: Path) -> Description:
        """Read an OpenAPI 3.0 file, without what is known to be wrong in it."""
        document = json.loads(path.read_text())
        for error in KNOWN_ERRORS:
            _remove(document, error.path)
        schemas = _translated(document["components"]["schemas"])
        operations = [
            (method.upper(), _pattern(template), _operation(operation, schemas))
            for template, methods in document["paths"].items()
            if "#" not in template
            for method, operation in methods.items()
            if method != "parameters"
        ]
        # A path without parameters goes before one with.
        operations.sort(key=lambda entry: entry[1].pattern.count("[^/]+"))
        return cls(operations)

    def check(self, request: web.Request, response: web.StreamResponse, body: bytes) -> None:
        """Note whatever does not fit, in the request (if it was accepted) and in the answer."""
        if request.path.startswith(CONTROL) or "Access-Control-Request-Method" in request.headers:
            return
        operation = self.operation(request.method, request.path)
        if operation is None:
            return
        self.checked += 1
        if response.status < 400:
            for problem in _request_problems(request, operation, body):
                self._note("request", request, response, operation, problem)
        for problem in _response_problems(response, operation):
            self._note("response", request, response, operation, problem)

    def operation(self, method: str, path: str) -> Operation | None:
        """What is said about a request, if anything."""
        for known_method, pattern, operation in self.operations:
            if known_method == method and pattern.fullmatch(path):
                return operation
        return None

    def _note(
        self, side: str, request: web.Request, response: web.StreamResponse, operation: Operation, problem: str
    ) -> None:
        if len(self.violations) >= MAX_VIOLATIONS:
            return
        self.violations.append(
            {
                "side": side,
                "operation": operation.name,
                "request": f"{request.method} {request.path}",
                "status": response.status,
                "problem": problem,
                "user_agent": request.headers.get("User-Agent", ""),
            }
        )


def _request_problems(request: web.Request, operation: Operation, body: bytes) -> list[str]:
    """Required parameters that are missing, numbers and truth values that are none, a body that does not fit."""
    problems = []
    for parameter in operation.parameters:
        source = {"query": request.query, "header": request.headers}.get(parameter["in"])
        if source is None:
            continue
        value = source.get(parameter["name"])
        if value is None and parameter.get("required") and parameter["name"] not in ("min_height", "min_width"):
            problems.append(f"{parameter['in']} parameter {parameter['name']} is missing")
        kind = parameter.get("schema", {}).get("type")
        if value is not None and not _fits(value, kind):
            problems.append(f"{parameter['in']} parameter {parameter['name']} is not of type {kind}: {value!r}")
    schema = operation.body.get(request.content_type)
    if schema is not None and body:
        problems += schema.problems(_decoded(request.content_type, body))
    return problems


def _response_problems(response: web.StreamResponse, operation: Operation) -> list[str]:
    status = str(response.status)
    key = status if status in operation.responses else "default" if response.status >= 400 else None
    if response.status in (304, 401):
        return []
    if key is None:
        return [f"status {status} is not described"]
    schema = operation.responses[key]
    if schema is None or not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return []
    return schema.problems(json.loads(response.body))


def _decoded(content_type: str, body: bytes) -> Any:
    if content_type == FORM:
        return dict(parse_qsl(body.decode()))
    return json.loads(body)


def _fits(value: str, kind: str | None) -> bool:
    if kind == "integer":
        return value.lstrip("-").isdigit()
    return kind != "boolean" or value.casefold() in ("true", "false")


def _pattern(template: str) -> re.Pattern[str]:
    """A path of the description as the emulator serves it: API below /2.0, uploads also below /api/2.0."""
    path = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
    return re.compile(path if template.startswith("/oauth2") else f"(?:/api)?/2\\.0{path}")


def _operation(operation: dict[str, Any], schemas: dict[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {})
    body = {kind: Schema(entry["schema"], schemas) for kind, entry in content.items() if kind in CHECKED_BODIES}
    responses = {
        status: Schema(answer["content"][JSON]["schema"], schemas) if JSON in answer.get("content", {}) else None
        for status, answer in operation["responses"].items()
    }
    return Operation(operation["operationId"], operation.get("parameters", []), body, responses)


def _translated(schema: Any) -> Any:
    """OpenAPI 3.0's dialect in JSON Schema: ``nullable`` becomes a choice with null, examples go.

    The description also writes ``nullable`` into a member of ``allOf``, where OpenAPI gives it no effect on the
    whole; by its own examples (``"shared_link": null``) the whole is meant.
    """
    if isinstance(schema, list):
        return [_translated(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _translated(value) for name, value in schema.items() if name not in ("nullable", "example")}
    parts = schema.get("allOf", [])
    nullable = schema.get("nullable") is True or any(part.get("nullable") is True for part in parts)
    return {"anyOf": [plain, {"type": "null"}]} if nullable else plain


def _remove(document: dict[str, Any], path: tuple[str | int, ...]) -> None:
    """Take one part out.

    :raises LookupError: it is not there: a newer description may have mended the error
    """
    place: Any = document
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]


DESCRIPTION = web.AppKey("description", Description)
