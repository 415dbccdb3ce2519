"""The elements, and what each one's token may carry."""

from __future__ import annotations

#: Base scope of each element's token and the feature scopes it may add.
#: Box guide "Scopes for downscoping", section UI Elements.
ELEMENT_SCOPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "explorer": (
        "base_explorer",
        ("item_preview", "item_download", "item_upload", "item_rename", "item_share", "item_delete"),
    ),
    "uploader": ("base_upload", ()),
    "picker": ("base_picker", ("item_share", "item_upload")),
    "preview": (
        "base_preview",
        ("item_download", "annotation_edit", "annotation_view_all", "annotation_view_self"),
    ),
    "sidebar": ("base_sidebar", ("item_comment", "item_rename", "item_upload", "item_task")),
}

#: Elements that show one file; all others open a folder.
FILE_ELEMENTS = frozenset({"preview", "sidebar"})
