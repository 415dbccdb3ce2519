"""What a new configuration would take away from the one that runs, or allow beyond it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from box_sidecar.settings import ServerSettings, Settings


def dropped(before: frozenset[str], after: frozenset[str]) -> list[str]:
    """Tables and keys that stand in the file no more, as after a write that was cut short."""
    gone = before - after
    return sorted(name for name in gone if name.rpartition(".")[0] not in gone)


def loosened(before: Settings, after: Settings) -> list[str]:
    """What would be allowed from now on and is not yet, each as a few words for the log.

    A key of ``[policy]`` is judged by its type and name, so that one that is new here is judged too: a number must not
    grow, a list that denies must not lose, one that allows must not gain, and anything else must not change.
    """
    return [
        *_each("policy", msgspec.structs.asdict(before.policy), msgspec.structs.asdict(after.policy)),
        *_number("cache.user_ttl_s", before.cache.user_ttl_s, after.cache.user_ttl_s),
        *_admission(before.server, after.server),
    ]


def _each(table: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key, old in before.items():
        name, new = f"{table}.{key}", after[key]
        if isinstance(old, int | float):
            yield from _number(name, old, new)
        elif isinstance(old, dict):
            yield from _elements(name, old, new)
        elif isinstance(old, list) and key.startswith("denied_"):
            if lost := set(old) - set(new):  # people may be named here, and need not be in the log
                yield f"{name} loses {len(lost)} of {len(set(old))}"
        elif isinstance(old, list):
            if old and not new:
                yield f"{name} is empty, which means any"
            elif old and (gained := set(new) - set(old)):
                yield f"{name} gains {', '.join(sorted(gained))}"
        elif old != new:
            yield f"{name} is another"


def _number(name: str, before: float, after: float) -> Iterator[str]:
    if after > before:
        yield f"{name} is {str(after).lower()} instead of {str(before).lower()}"


def _elements(name: str, before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> Iterator[str]:
    for element, scopes in after.items():
        if element not in before:
            yield f"{name} gains {element}"
        elif gained := set(scopes) - set(before[element]):
            yield f"{name}.{element} gains {', '.join(sorted(gained))}"


def _admission(before: ServerSettings, after: ServerSettings) -> Iterator[str]:
    if before.allowed_users and not after.allowed_users:
        yield "server.allowed_users is empty, which means the members of socket_group"
    elif gained := set(after.allowed_users) - set(before.allowed_users):
        yield f"server.allowed_users gains {', '.join(sorted(map(str, gained)))}"
    if after.mode & ~before.mode:
        yield f"server.socket_mode is {after.socket_mode} instead of {before.socket_mode}"
    if after.socket_group and after.socket_group != before.socket_group:
        yield f"server.socket_group is {after.socket_group}"
