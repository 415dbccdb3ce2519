"""Pictures and texts made of files: thumbnails and representations."""

from __future__ import annotations

import io
import mimetypes
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image, ImageDraw, UnidentifiedImageError

from .tree import File

IMAGES = frozenset({"bmp", "gif", "jpg", "jpeg", "png", "webp"})
DOCUMENTS = frozenset({"doc", "docx", "md", "odt", "pdf", "ppt", "pptx", "txt", "xls", "xlsx"})
TEXTS = frozenset({"csv", "html", "json", "md", "txt", "xml"})

HINT = re.compile(r"(?P<name>[a-z0-9]+)(?:\?(?P<query>.*))?")
PAPER, INK, EDGE = "#ffffff", "#c4c9d1", "#e3e6ea"
LINES = 12


@dataclass(frozen=True, slots=True)
class Hint:
    """One wish of an ``X-Rep-Hints`` header, such as ``jpg?dimensions=1024x1024&paged=false``."""

    name: str
    properties: tuple[tuple[str, str], ...]

    @property
    def slug(self) -> str:
        """The representation's name in URLs, such as ``jpg_1024x1024``."""
        return "_".join([self.name, *(value for name, value in self.properties if name == "dimensions")])


def representations(file: File, hints: str, origin: str) -> list[dict[str, Any]]:
    """What there is of each bracket of `hints`, the first that is available; all that is available without hints."""
    groups = re.findall(r"\[([^\]]*)\]", hints) or ["jpg?dimensions=1024x1024&paged=false", "pdf", "text"]
    chosen = (_first_available(file, group) for group in groups)
    return [_entry(file, hint, origin) for hint in chosen if hint is not None]


def available(file: File, name: str) -> bool:
    """Whether a representation of this kind exists. There is no converter to PDF here: only a PDF is one."""
    extension = file.extension.lower()
    if name in ("jpg", "png"):
        return extension in IMAGES | DOCUMENTS
    return extension in TEXTS if name == "text" else name == "pdf" and extension == "pdf"


def thumbnail(file: File, width: int, height: int, form: str) -> bytes:
    """A picture of a file that fits into `width` by `height` pixels; `form` is ``png`` or ``jpg``."""
    content = file.current.content if file.extension.lower() in IMAGES else b""
    return _thumbnail(file.current.sha1, content, (width, height), form)


def sheet(form: str) -> bytes:
    """A picture for files of which there is none."""
    return _thumbnail("", b"", (128, 128), form)


@lru_cache(maxsize=256)
def _thumbnail(sha1: str, content: bytes, size: tuple[int, int], form: str) -> bytes:
    picture = _decoded(content) or _page(sha1)
    picture.thumbnail(size)
    target = io.BytesIO()
    picture.convert("RGB").save(target, "JPEG" if form == "jpg" else "PNG")
    return target.getvalue()


def content_type(name: str) -> str:
    """The media type by a file's name."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _first_available(file: File, group: str) -> Hint | None:
    for wish in group.split(","):
        match = HINT.fullmatch(wish.strip())
        if match is not None and available(file, match["name"]):
            pairs = (pair.partition("=") for pair in (match["query"] or "").split("&") if pair)
            return Hint(match["name"], tuple((name, value) for name, _, value in pairs))
    return None


def _entry(file: File, hint: Hint, origin: str) -> dict[str, Any]:
    address = f"internal_files/{file.id}/versions/{file.current.id}/representations/{hint.slug}"
    return {
        "representation": hint.name,
        "properties": dict(hint.properties),
        "info": {"url": f"{origin}/2.0/{address}"},
        "status": {"state": "success"},
        "content": {"url_template": f"{origin}/api/2.0/{address}/content/{{+asset_path}}"},
    }


def _decoded(content: bytes) -> Image.Image | None:
    """The picture that a file is; None if it is none after all."""
    try:
        picture = Image.open(io.BytesIO(content))
        picture.load()
    except (UnidentifiedImageError, OSError):
        return None
    return picture


def _page(sha1: str) -> Image.Image:
    """A sheet of paper with grey lines, their lengths drawn from the content's hash."""
    page = Image.new("RGB", (768, 1024), PAPER)
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 767, 1023), outline=EDGE, width=4)
    for line, digit in enumerate(sha1[:LINES]):
        top = 120 + line * 66
        draw.rectangle((96, top, 320 + int(digit, 16) * 22, top + 22), fill=INK)
    return page
