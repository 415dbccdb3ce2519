"""People and trees from a TOML file."""

from __future__ import annotations

from pathlib import Path

import msgspec
from aiohttp import web

from .box import Box
from .directory import Role, Status

DEFAULT = Path(__file__).with_name("people.toml")


class Person(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    login: str
    status: Status = "active"
    role: Role = "user"
    language: str = "en"
    aliases: list[str] = []


class Seed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What stands in the emulated Box at the beginning."""

    people: list[Person] = []

    @classmethod
    def load(cls, path: Path) -> Seed:
        """Read a seed file.

        :raises msgspec.ValidationError: something in it is unknown or of the wrong type; the message says where
        """
        return msgspec.toml.decode(path.read_bytes(), type=cls)

    def plant(self, box: Box) -> None:
        """Fill an empty Box."""
        for person in self.people:
            box.add_user(**msgspec.structs.asdict(person))


SEED = web.AppKey("seed", Seed)
