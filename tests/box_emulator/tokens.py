"""Access tokens: what each may do, for whom, on what, until when."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["service", "user", "downscoped"]
ResourceType = Literal["folder", "file"]


@dataclass(frozen=True, slots=True)
class Resource:
    """The folder (with all below it) or file that a token is restricted to."""

    type: ResourceType
    id: str


@dataclass(slots=True)
class Token:
    value: str
    kind: Kind
    client_id: str
    user_id: str
    scopes: frozenset[str]
    resource: Resource | None
    issued_at: float
    expires_at: float
    revoked: bool = False
    parent: str | None = None
    shared_link: str | None = None
    """The end of the link by which it reaches its item, if it was made for one."""

    presented: bool = False
    """Whether somebody has tried to exchange it."""

    def alive(self, now: float) -> bool:
        return not self.revoked and now < self.expires_at


class Tokens:
    """Every token ever issued, the dead ones too: tests look for them where they must not be."""

    def __init__(self) -> None:
        self._by_value: dict[str, Token] = {}

    def issue(
        self,
        kind: Kind,
        client_id: str,
        user_id: str,
        scopes: Iterable[str],
        *,
        now: float,
        life_s: float,
        resource: Resource | None = None,
        parent: str | None = None,
    ) -> Token:
        """Make a token; a downscoped one is longer and begins with ``1!``, as Box's are."""
        value = "1!" + secrets.token_urlsafe(96) if kind == "downscoped" else secrets.token_urlsafe(24)
        token = Token(value, kind, client_id, user_id, frozenset(scopes), resource, now, now + life_s, parent=parent)
        self._by_value[value] = token
        return token

    def get(self, value: str) -> Token | None:
        return self._by_value.get(value)

    def all(self) -> list[Token]:
        return list(self._by_value.values())

    def clear(self) -> None:
        self._by_value.clear()
