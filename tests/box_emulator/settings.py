"""What the control interface can change while the emulator runs."""

from __future__ import annotations

from typing import Literal

import msgspec

APP_SCOPES = (
    "root_readwrite",
    "manage_managed_users",
    "manage_app_users",
    "manage_groups",
    "manage_enterprise_properties",
)


class RouteLatency(msgspec.Struct, forbid_unknown_fields=True):
    """Latency of the requests whose path matches a regular expression."""

    path: str
    ms: float
    method: str = ""


class Settings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """All settings with their defaults; names and types are those of ``POST /_emulator/settings``."""

    clock_offset_s: float = 0.0
    """Box's clock minus this machine's."""

    token_life_s: float | dict[Literal["service", "user", "downscoped"], float] = 3600.0
    """Life of the tokens issued from now on, of all kinds or by kind."""

    latency_ms: float = 0.0
    """Added to every answer, the control interface excepted."""

    route_latency: list[RouteLatency] = []
    """Latency of single routes, which wins over ``latency_ms``; the first match counts."""

    cors_origins: list[str] = []
    """The app's CORS domains; exact origins without a trailing slash."""

    rate_limit_per_minute: int = 1000
    """API calls a minute and user before 429; 0 for no limit."""

    app_authorized: bool = True
    """Whether an admin authorized the app in the Admin Console."""

    user_tokens_enabled: bool = True
    """The app's "Generate user access tokens"."""

    app_scopes: list[str] = msgspec.field(default_factory=lambda: list(APP_SCOPES))
    """The application scopes ticked in the Developer Console."""

    app_access: Literal["enterprise", "app"] = "enterprise"
    """"App + Enterprise access" or "App access only" (then managed users are out of reach)."""

    root_resource: bool = False
    """Whether ``folders/0`` is accepted as the resource of a token exchange. What Box does is not documented."""

    restricted_to_without_resource: Literal["scopes", "empty", "absent"] = "scopes"
    """What ``restricted_to`` says when no resource was named. What Box does is not documented."""
