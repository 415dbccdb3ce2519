"""What is said of a route beside its code: where it is, what it takes and answers.

The application is made from it, and ``openapi.json`` (``tools/openapi.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import msgspec

from box_sidecar.problems import CODES

#: Codes that a route can answer because of Box, because of a person, because of a token.
OF_BOX = (
    "box_rate_limited",
    "box_unavailable",
    "not_ready",
    *(code for code, row in CODES.items() if row.status == 502),
)
OF_PEOPLE = ("user_not_found", "user_ambiguous", "login_not_allowed", "rate_limited", *OF_BOX)
OF_TOKENS = (
    "invalid_request", "element_not_allowed", "scope_not_allowed", "folder_not_allowed", "role_not_allowed",
    "user_inactive", "tokens_revoked", *OF_PEOPLE,
)  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


class Route(NamedTuple):
    """A path, and the class and suffix of the responders that serve it, as Falcon's ``add_route`` takes them."""

    path: str
    resource: type[Any]
    suffix: str | None = None


class Text(NamedTuple):
    """An answer that no type of ours describes."""

    description: str
    media: str
    schema: str


@dataclass(frozen=True, slots=True)
class Answers:
    """Describes a responder, as its decorator: what it answers, with which statuses, and problems, and what it takes.

    Its summary is the first line of its docstring.
    """

    answer: type[msgspec.Struct] | Text
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    body: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None

    def __call__(self, responder: F) -> F:
        """The responder, described."""
        responder.answers = self  # type: ignore[attr-defined]
        return responder
