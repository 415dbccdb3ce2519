"""Under which names things stand in the store: HMACs, from which nobody reads a person."""

from __future__ import annotations

import msgspec

from box_sidecar.app_config import AppConfig
from box_sidecar.model import Subject
from box_sidecar.sealed import Sealer

EVERYBODY = "all"
_TAG_DIGITS = 32


class Keys:
    """Names of one app's; another client secret makes others of them all. ``{…}`` is what Redis Cluster goes by: one
    app is in one slot."""

    def __init__(self, app: AppConfig) -> None:
        self.sealer = Sealer(app.client_secret, "store")
        self.prefix = f"{{box-sidecar:{self.tag('app', app.client_id, app.enterprise_id)[:16]}}}:"
        self.stream, self.everybody = self.prefix + "revocations", self.prefix + "everybody"

    def tag(self, *what: object) -> str:
        """What stands for something, always the same."""
        return self.sealer.tag(msgspec.json.encode(what).decode()).hex()[:_TAG_DIGITS]

    def person(self, user_id: str) -> str:
        """What stands for somebody, by Box's id."""
        return self.name(Subject("id", user_id))

    def name(self, subject: Subject) -> str:
        """What stands for a name of somebody's."""
        return self.tag("name", subject.key)

    def value(self, field: str) -> str:
        """Where a value is."""
        return f"{self.prefix}value:{field}"

    def lease(self, field: str) -> str:
        """Where it stands who makes it."""
        return f"{self.prefix}lease:{field}"

    def fields(self, person: str) -> str:
        """Where it stands which values somebody has."""
        return f"{self.prefix}person:{person}"

    def found(self, message: str) -> str:
        """Where it stands what a revocation found."""
        return f"{self.prefix}found:{self.tag('found', message)}"

    def charges(self, what: str) -> str:
        """Where it stands what was charged."""
        return f"{self.prefix}charges:{what}"
