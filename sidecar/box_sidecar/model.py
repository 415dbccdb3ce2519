"""The nouns: who asks for a token, of whom Box knows what, and what a token is."""

from __future__ import annotations

import hashlib
import hmac
import sys
from dataclasses import dataclass
from typing import Literal

import msgspec

from box_sidecar import clock
from box_sidecar.secret import Secret


def normalize_login(login: str) -> str:
    """A login whatever its letter case.

    Only letters that are each other's upper and lower case are the same. ``str.casefold`` would also make a k of the
    Kelvin sign and ss of ß, and so one person of two.
    """
    if login.isascii():
        return login.lower()
    return "".join(lower if (lower := char.lower()).upper() == char else char for char in login)


# Ten thousand of each are in memory. None can be part of a cycle, so the garbage collector need not look at them.


class User(msgspec.Struct, frozen=True, gc=False):
    """A person as Box knows them. ``role`` is ``admin``, ``coadmin`` or ``user``."""

    id: str
    login: str = ""
    name: str = ""
    status: str = ""
    role: str = ""

    def __post_init__(self) -> None:
        # The same few words for everybody: kept once.
        msgspec.structs.force_setattr(self, "status", sys.intern(self.status))
        msgspec.structs.force_setattr(self, "role", sys.intern(self.role))


class Subject(msgspec.Struct, frozen=True, order=True, gc=False):
    """How the caller names a person (RFC 8693): by ``login``, Box ``id``, or ``external_app_user_id``."""

    by: Literal["login", "id", "external_app_user_id"]
    value: str

    @property
    def key(self) -> Subject:
        """The same person under the same key, whatever the letter case of the login."""
        if self.by != "login" or (normal := normalize_login(self.value)) == self.value:
            return self
        return Subject("login", normal)


class Resource(msgspec.Struct, frozen=True, order=True, gc=False):
    """A folder or file that a token is limited to. Folder ``"0"`` is the person's own root: no limit at all."""

    type: Literal["folder", "file"]
    id: str

    @property
    def is_root(self) -> bool:
        """Whether it stands for everything that the person has."""
        return self.type == "folder" and self.id == "0"


class Path(Resource, frozen=True, order=True, gc=False):
    """The folder to which names lead from the folder with this id, each in the one before, as a person sees them.

    Of whom is not said, so no token is made for it: only for the :class:`Resource` that is found there.
    """

    names: tuple[str, ...]


class TokenKey(msgspec.Struct, frozen=True, order=True, gc=False):
    """What a token is remembered by: the person and exactly what it may do.

    ``start`` is the id of the folder at which the path began that led to the ``resource``, if one did.
    """

    user_id: str
    element: str
    scopes: tuple[str, ...]
    resource: Resource
    start: str = ""

    @property
    def asked(self) -> Resource:
        """The folder or file that was asked for by its id, and so the one that policy names or does not."""
        return Resource("folder", self.start) if self.start else self.resource


@dataclass(frozen=True, slots=True)
class Token:
    """A token of Box's and when it ends on the monotonic clock, counted from before it was asked for."""

    secret: Secret
    expires_at: float
    scopes: tuple[str, ...] = ()

    @property
    def life(self) -> float:
        """Seconds left."""
        return self.expires_at - clock.monotonic()

    def has_digest(self, digest: str | None) -> bool:
        """Whether this is the token's SHA-256 (hexadecimal), in a time that tells nothing of how far it is."""
        if digest is None:
            return False
        return hmac.compare_digest(hashlib.sha256(self.secret.reveal().encode()).hexdigest(), digest)
