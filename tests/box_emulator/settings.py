"""What the control interface can change while the emulator runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

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
    """API calls a minute and user before 429; 0 for no limit, here and below."""

    uploads_per_minute: int = 240
    """Uploads a minute and user."""

    searches_per_second: int = 6
    searches_per_minute: int = 60
    """Searches a second and a minute, and user."""

    app_authorized: bool = True
    """Whether an admin authorized the app in the Admin Console."""

    user_tokens_enabled: bool = True
    """The app's "Generate user access tokens"."""

    app_scopes: list[str] = msgspec.field(default_factory=lambda: list(APP_SCOPES))
    """The application scopes ticked in the Developer Console."""

    app_access: Literal["enterprise", "app"] = "enterprise"
    """"App + Enterprise access" or "App access only" (then managed users are out of reach)."""

    # Dialects: where the sources say different things, or nothing. README.md has the evidence for each.

    root_resource: bool = False
    """Whether ``folders/0`` is accepted as the resource of a token exchange."""

    root_restricted_to: Literal["per_scope", "with_folder", "joined", "empty", "absent"] = "per_scope"
    """What ``restricted_to`` says when no resource was named: an entry a scope; the same with folder 0 as object; one
    entry with folder 0 and all scopes, joined by commas; an empty list; no such field."""

    filter_term_marker: Literal["endless", "null"] = "endless"
    """The ``next_marker`` after the last page of a search for users: another one for ever, or null."""

    users_max_offset: int = 10_000
    """The greatest ``offset`` of a list of users."""

    downscoped_search: bool = False
    """Whether a downscoped token without ``root_readonly`` or ``root_readwrite`` may search."""

    downscoped_zip: bool = False
    """Whether a downscoped token may ask for a zip archive."""

    unknown_thumbnail: Literal["placeholder", "not_found"] = "placeholder"
    """The thumbnail of a file of which Box makes none: 302 to a picture of its kind, or 404."""

    ccg_not_authorized: Literal["invalid_grant", "unauthorized_client"] = "invalid_grant"
    """What an app with client credentials hears while no admin has authorized it."""

    exp_refusal: Literal["explained", "bare"] = "explained"
    """How an ``exp`` is refused: with the reason, or by the older text that stops after naming the claim."""

    # Faults that come and go at Box, for whole runs; faults.py has those for single requests.

    fresh_subject_token_refused: bool = False
    """Whether the first exchange of each token fails as if Box did not know the token yet."""

    jti_refused_every: int = 0
    """Every so many-th good assertion is refused for its ``jti``, though that is new; 0 for none."""

    @classmethod
    def parse(cls, assignments: Iterable[str]) -> Self:
        """Settings from the command line: ``name=value`` each, the value in JSON or, without quotes, a word.

        :raises ValueError: no such setting, or no value for it
        """
        values: dict[str, Any] = {}
        for assignment in assignments:
            name, _, text = assignment.partition("=")
            try:
                values[name] = msgspec.json.decode(text)
            except msgspec.DecodeError:
                values[name] = text
        return msgspec.convert(values, cls)
