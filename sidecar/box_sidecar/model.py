"""The nouns: who asks for a token, of whom Box knows what, and what a token is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from box_sidecar.clock import monotonic
from box_sidecar.secret import Secret


def normalize_login(login: str) -> str:
    """A login whatever its letter case.

    Only letters that are each other's upper and lower case are the same. ``str.casefold`` would also make a k of the
    Kelvin sign and ss of ß, and so one person of two.
    """
    if login.isascii():
        return login.lower()
    return "".join(lower if (lower := char.lower()).upper() == char else char for char in login)


class User(msgspec.Struct, frozen=True):
    """A person as Box knows them. ``role`` is ``admin``, ``coadmin`` or ``user``."""

    id: str
    login: str = ""
    name: str = ""
    status: str = ""
    role: str = ""


class Resource(msgspec.Struct, frozen=True):
    """A folder or file that a token is limited to. Folder ``"0"`` is the person's own root: no limit at all."""

    type: Literal["folder", "file"]
    id: str

    @property
    def is_root(self) -> bool:
        """Whether it stands for everything that the person has."""
        return self.type == "folder" and self.id == "0"


@dataclass(frozen=True, slots=True)
class Token:
    """A token of Box's and when it ends on the monotonic clock, counted from before it was asked for."""

    secret: Secret
    expires_at: float
    scopes: tuple[str, ...] = ()

    @property
    def life(self) -> float:
        """Seconds left."""
        return self.expires_at - monotonic()


class Subject(msgspec.Struct, frozen=True):
    """How the caller names a person: by ``login``, Box ``id``, or ``external_app_user_id``."""

    by: Literal["login", "id", "external_app_user_id"]
    value: str

    @property
    def key(self) -> Subject:
        """The same person under the same key, whatever the letter case of the login."""
        return Subject(self.by, normalize_login(self.value)) if self.by == "login" else self
