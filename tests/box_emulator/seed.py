"""People, trees and collaborations from a TOML file."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from PIL import Image, ImageDraw

from .access import Collaboration
from .box import Box
from .directory import Role, Status, User
from .tree import Folder, Item

DEFAULT = Path(__file__).with_name("people.toml")
DAY_S = 86400
OLDEST_DAYS = 700
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
FILLER = b"All work and no play makes Jack a dull boy.\n"


class Content(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A file that is not a text: so many bytes, or a picture of one colour, or a PDF with so many pages."""

    size: int = 0
    image: str = ""
    pages: int = 0


class Person(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    login: str
    status: Status = "active"
    role: Role = "user"
    language: str = "en"
    aliases: list[str] = []
    tree: dict[str, Any] = {}
    """Names ending in ``/`` are folders (tables); others are files: a text, or the fields of `Content`.

    ``{1..1200}`` in a name stands for 1200 names, ``{0001..1200}`` for the same with leading zeros.
    """


class Share(msgspec.Struct, forbid_unknown_fields=True, rename={"with_": "with"}):
    """A collaboration that has been accepted."""

    owner: str
    path: str
    with_: str
    role: str = "editor"


class Seed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What stands in the emulated Box at the beginning."""

    people: list[Person] = []
    collaborations: list[Share] = []

    @classmethod
    def load(cls, path: Path) -> Seed:
        """Read a seed file.

        :raises msgspec.ValidationError: something in it is unknown or of the wrong type; the message says where
        """
        return msgspec.toml.decode(path.read_bytes(), type=cls)

    def plant(self, box: Box) -> None:
        """Fill an empty Box. The same seed gives the same ids."""
        for person in self.people:
            details = msgspec.structs.asdict(person)
            details.pop("tree")
            user = box.add_user(**details)
            _Planter(box, user).fill(box.tree.root(user), person.tree)
        for share in self.collaborations:
            _share(box, share)


class _Planter:
    """Puts one person's tree into Box, with dates in the past that depend on the names alone."""

    def __init__(self, box: Box, user: User) -> None:
        self._box = box
        self._user = user
        self._now = box.clock.now()

    def fill(self, folder: Folder, tree: dict[str, Any]) -> None:
        for pattern, value in tree.items():
            for name in expand(pattern):
                if name.endswith("/"):
                    made = self._box.tree.add_folder(folder, name[:-1], self._user, self._date(name))
                    self.fill(made, msgspec.convert(value, dict[str, Any]))
                else:
                    file = value if isinstance(value, str) else msgspec.convert(value, Content)
                    self._box.tree.add_file(folder, name, content_of(file), self._user, self._date(name))

    def _date(self, name: str) -> float:
        return self._now - zlib.crc32(name.encode()) % (OLDEST_DAYS * DAY_S)


def expand(pattern: str) -> Iterator[str]:
    """``Invoice {08..10}.pdf`` gives ``Invoice 08.pdf``, ``Invoice 09.pdf``, ``Invoice 10.pdf``."""
    match = RANGE.search(pattern)
    if match is None:
        yield pattern
        return
    first, last = match.groups()
    for number in range(int(first), int(last) + 1):
        yield f"{pattern[: match.start()]}{number:0{len(first)}}{pattern[match.end() :]}"


@cache
def content_of(content: str | Content) -> bytes:
    """The bytes of a file. Equal contents are one object: a hundred thousand files need little memory."""
    if isinstance(content, str):
        return content.encode()
    if content.image:
        return _picture(content.image)
    if content.pages:
        return _pdf(content.pages)
    return (FILLER * (content.size // len(FILLER) + 1))[: content.size]


def _picture(colour: str) -> bytes:
    picture = Image.new("RGB", (960, 640), colour)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((640, 80, 800, 240), fill="#fff3c4")
    draw.polygon([(0, 640), (320, 300), (640, 640)], fill="#5b6472")
    draw.polygon([(380, 640), (700, 380), (960, 640)], fill="#7b8494")
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def _pdf(pages: int) -> bytes:
    sheets = []
    for number in range(1, pages + 1):
        sheet = Image.new("RGB", (595, 842), "white")
        ImageDraw.Draw(sheet).text((72, 72), f"Page {number} of {pages}", fill="black", font_size=24)
        sheets.append(sheet)
    target = io.BytesIO()
    sheets[0].save(target, "PDF", save_all=True, append_images=sheets[1:])
    return target.getvalue()


def _share(box: Box, share: Share) -> None:
    owner, user = box.directory.by_login(share.owner), box.directory.by_login(share.with_)
    if owner is None or user is None:
        raise msgspec.ValidationError(f"collaborations: no such person: {share.owner} or {share.with_}")
    item = _at(box.tree.root(owner), share.path)
    now = box.clock.now()
    box.add_collaboration(
        Collaboration(box.next_item_id(), item, user, user.login, share.role, "accepted", owner, now, now)
    )


def _at(folder: Folder, path: str) -> Item:
    item: Item | None = folder
    for name in path.strip("/").split("/"):
        item = item.children.get(name.casefold()) if isinstance(item, Folder) else None
    if item is None:
        raise msgspec.ValidationError(f"collaborations: no such item: {path}")
    return item


SEED = web.AppKey("seed", Seed)
