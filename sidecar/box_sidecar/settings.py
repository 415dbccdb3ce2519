"""What the administrator sets in the TOML file. ``settings.toml`` beside this file explains each key.

Everything that is not understood is refused, with the key and the line, before anything else starts.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct, field

from box_sidecar.elements import ELEMENTS
from box_sidecar.problems import ConfigError
from box_sidecar.trusted_file import check_way, read_file

_SOCKET_PATH_MAX = 107  # bytes, sockaddr_un.sun_path without its terminator (unix(7))


Seconds = Annotated[float, Meta(gt=0, le=86_400 * 30)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Text = Annotated[str, Meta(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
FileName = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,20}$(?!\n)")]


class BoxSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[box]``: where Box is and which app we are."""

    app_config: Text = "box_config.json"
    api_url: str = "https://api.box.com"
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 10.0
    key: str = ""

    def __post_init__(self) -> None:
        if self.key:
            from box_sidecar.hardware.uri import parse

            parse(self.key)
        url = urlsplit(self.api_url)
        try:
            _ = url.port
        except ValueError:
            raise ValueError("api_url must have a port below 65536") from None
        if not self.api_url.isprintable() or " " in self.api_url:
            raise ValueError("api_url must be like https://api.box.com")
        if url.scheme not in {"https", "http"} or not url.hostname or url.query or url.fragment or url.username:
            raise ValueError("api_url must be like https://api.box.com")
        if url.scheme == "http" and not _is_loopback(url.hostname):
            raise ValueError("api_url may be plain http only for a loopback address: tokens must not travel readable")

    @property
    def base_url(self) -> str:
        """``api_url`` without a trailing slash."""
        return self.api_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ServerSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[server]``: the socket, and who may connect to it."""

    socket: Text = "/run/box-sidecar/box-sidecar.sock"
    socket_mode: str = "0660"
    socket_group: str = ""
    allowed_users: list[str | int] = []

    def __post_init__(self) -> None:
        if not re.fullmatch(r"0?o?[0-7]{3}", self.socket_mode):
            raise ValueError('socket_mode must be an octal file mode in quotes, like "0660"')
        if not self.socket.startswith("/"):
            raise ValueError("socket must be an absolute path")
        if len(os.fsencode(self.socket)) > _SOCKET_PATH_MAX:
            raise ValueError(f"socket must be at most {_SOCKET_PATH_MAX} bytes long, a limit of the kernel")

    @property
    def mode(self) -> int:
        """``socket_mode`` as a number."""
        return int(self.socket_mode.replace("o", ""), 8)


class PolicySettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[policy]``: the most that anybody can be given, whatever the web server asks for."""

    login_domains: list[str] = []
    denied_roles: list[Literal["admin", "coadmin", "user"]] = field(default_factory=lambda: ["admin", "coadmin"])
    denied_logins: list[str] = []
    folders: list[Digits] = []
    provision_app_users: bool = False
    mints_per_user_per_minute: Count = 30
    mints_per_minute: Count = 600
    issue: bool = True
    create_folders: bool = False
    accept_unstated_scopes: bool = False
    elements: dict[str, list[str]] = field(
        default_factory=lambda: {name: list(element.features) for name, element in ELEMENTS.items()}
    )

    def __post_init__(self) -> None:
        for login in self.denied_logins:
            if not re.fullmatch(r"[^\s@*]+@[^\s@*]+", login):  # it would deny nobody
                raise ValueError("denied_logins must name each whole login, like ana@example.com: no space, no *")
        for name, scopes in self.elements.items():
            if name not in ELEMENTS:
                raise ValueError(f"elements.{name} is not one of {', '.join(ELEMENTS)}")
            features = ELEMENTS[name].features
            if wrong := sorted(set(scopes) - set(features)):
                known = ", ".join(features) or "none"
                raise ValueError(f"elements.{name} can't have {', '.join(wrong)}; its feature scopes are: {known}")


class CacheSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[cache]``: how long what Box told us is believed."""

    max_tokens: Count = 10_000
    user_ttl_s: Seconds = 3600.0
    unknown_user_ttl_s: Seconds = 60.0
    refresh_ahead_s: Annotated[float, Meta(ge=0, le=86_400)] = 600.0
    min_life_s: Annotated[float, Meta(ge=0, le=86_400)] = 120.0
    store: Annotated[str, Meta(max_length=1024)] = ""
    ledger: FileName = "tokens.ledger"

    def __post_init__(self) -> None:
        if self.store and not re.fullmatch(r"(rediss?|unix)://[!-~]+", self.store):
            raise ValueError("store must begin with redis://, rediss:// or unix://, like redis://127.0.0.1:6379/0")


class UsageSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[usage]``: what is counted, and what Box's licence allows."""

    file: FileName = "usage.json"
    allotment: Annotated[int, Meta(ge=0, le=10**12)] = 0
    brake: bool = False


class LogSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[log]``: what is written, and where."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    audit_file: Text = "-"


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole TOML file; every key has a default."""

    box: BoxSettings = field(default_factory=BoxSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    usage: UsageSettings = field(default_factory=UsageSettings)
    log: LogSettings = field(default_factory=LogSettings)


def load_settings(path: Path) -> Settings:
    """Read and check the TOML file.

    Raises:
        ConfigError: unreadable, somebody else could write it, not TOML, an unknown key, a wrong type or an
            impossible value; names the key and the line.
    """
    return parse_settings(read_settings(path), path)[0]


def read_settings(path: Path) -> str:
    """The TOML file's text, after making sure that nobody else could have written it.

    Raises:
        ConfigError: as :func:`load_settings`.
    """
    try:
        content, _ = read_file(path)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    check_way(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: can't be read: not UTF-8 text") from None


def parse_settings(text: str, path: Path) -> tuple[Settings, frozenset[str]]:
    """Judge the TOML file's text; the settings, and which tables and keys stand in it, like ``policy.folders``.

    Raises:
        ConfigError: as :func:`load_settings`.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid TOML: nested too deeply") from None
    try:
        return msgspec.convert(raw, Settings), frozenset(_names(raw))
    except msgspec.ValidationError as error:
        message, keys = _locate(str(error))
        line = _line_of(text, keys)
        raise ConfigError(f"{path}: line {line}: {'.'.join(keys) or 'file'}: {message}") from None


def _names(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in table.items():
        yield prefix + name
        if isinstance(value, dict):
            yield from _names(value, f"{prefix}{name}.")


def _locate(message: str) -> tuple[str, list[str]]:
    """Split msgspec's "what - at `$.table.key`" into what and the key's path; an unknown key is its last part."""
    what, _, where = message.partition(" - at `")
    keys = re.findall(r"[A-Za-z0-9_-]+", re.sub(r"\[[^\]]*\]", "", where.rstrip("`").removeprefix("$")))
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        return "unknown key", [*keys, unknown[1]]
    if named := re.match(r"(elements\.\w+|\w+) (must|may|can't|is not)", what):
        keys += [key for key in named[1].split(".") if key not in keys]
    return what[0].lower() + what[1:], keys


def _line_of(text: str, keys: list[str]) -> int:
    """The line, from 1, where the key stands, or the nearest table around it."""
    table: list[str] = []
    best, best_depth = 1, -1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]#]+?)\s*\]+", line):
            table = [part.strip(" \"'") for part in header[1].split(".")]
            here = table
        elif assignment := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            here = table + [part.strip("\"'") for part in assignment[1].split(".")]
        else:
            continue
        if here == keys[: len(here)] and len(here) > best_depth:
            best, best_depth = number, len(here)
    return best
