"""The elements: the one table of what each opens and what its token may carry.

The plugin's catalogue, its editor and the commented configuration repeat parts of it; a test compares them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Element(NamedTuple):
    """One UI Element: what it opens, its token's ``base`` scope, and the ``features`` (scopes) that may be added."""

    resource: Literal["folder", "file"]
    base: str
    features: tuple[str, ...]


#: Box guide "Scopes for downscoping", section UI Elements.
ELEMENTS: dict[str, Element] = {
    "explorer": Element(
        "folder",
        "base_explorer",
        ("item_preview", "item_download", "item_upload", "item_rename", "item_share", "item_delete"),
    ),
    "uploader": Element("folder", "base_upload", ()),
    "picker": Element("folder", "base_picker", ("item_share", "item_upload")),
    "preview": Element(
        "file", "base_preview", ("item_download", "annotation_edit", "annotation_view_all", "annotation_view_self")
    ),
    "sidebar": Element("file", "base_sidebar", ("item_comment", "item_rename", "item_upload", "item_task")),
}
