"""Scopes: those of an application, and those that a downscoped token may carry."""

from __future__ import annotations

from .directory import User
from .settings import APP_SCOPES

USER_SCOPES = frozenset({"root_readwrite", "root_readonly"})
"""The application scopes that reach into a user's own content."""


def scopes_of(user: User) -> frozenset[str]:
    """The application scopes that this user's token can carry: an administrator's those that manage, too. G7."""
    return USER_SCOPES if user.role == "user" else frozenset(APP_SCOPES) | USER_SCOPES


DOWNSCOPES = frozenset(
    {
        "ai.readwrite",
        "annotation_edit",
        "annotation_view_all",
        "annotation_view_self",
        "base_explorer",
        "base_picker",
        "base_preview",
        "base_sidebar",
        "base_upload",
        "item_comment",
        "item_delete",
        "item_download",
        "item_preview",
        "item_read",
        "item_readwrite",
        "item_rename",
        "item_share",
        "item_task",
        "item_upload",
        "root_readonly",
        "root_readwrite",
    }
)
"""Scopes that a token exchange may ask for (Box's guides "Downscope a token" and "Scopes for UI Elements")."""

READ_ONLY = frozenset(
    {
        "annotation_view_all",
        "annotation_view_self",
        "base_explorer",
        "base_picker",
        "base_preview",
        "base_sidebar",
        "item_download",
        "item_preview",
        "item_read",
        "root_readonly",
    }
)


def covers(parent: frozenset[str], wanted: frozenset[str]) -> bool:
    """Whether a token with `parent` scopes may be exchanged for one with `wanted` scopes."""
    if "root_readwrite" in parent:
        return True
    reachable = parent | (READ_ONLY if "root_readonly" in parent else frozenset())
    return wanted <= reachable
