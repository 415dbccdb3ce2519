"""Where the store is: ``cache.store`` understood, or refused in one line."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from box_sidecar.problems import ConfigError
from box_sidecar.secret import Secret
from box_sidecar.trusted_file import read_private

_PORT = 6379
_OPTIONS = {"password-file", "ca-file", "db"}


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and as whom to speak to it. ``path`` is a Unix socket's; without one ``host`` and ``port`` count."""

    host: str = ""
    port: int = _PORT
    path: str = ""
    database: int = 0
    user: str | None = None
    password: Secret | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: str | None = None

    @property
    def is_readable(self) -> bool:
        """Whether others on the way may read the password, and change what is told."""
        if self.path or self.tls or self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True


def parse(url: str, config_path: Path) -> Address:
    """Understand ``cache.store``; files it names are relative to the configuration, or systemd's credentials.

    Raises:
        ConfigError: one line that says what to change.
    """
    try:
        return _parse(url, config_path.parent)
    except ValueError as error:
        raise ConfigError(f"{config_path}: cache.store {error}") from None


def _split(url: str) -> tuple[str, SplitResult, dict[str, str]]:
    """User, the address without them, and options. What is wrong may be part of a password: none of it is repeated."""
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    if any(mark in user for mark in ":@/?#[]") or (at and not user):
        raise ValueError("must not hold a password: put it into a file and name it, ?password-file=store_password")
    try:
        parts = urlsplit(f"{scheme}://{place}")
        _ = parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError("must name a host, a port up to 65535 and options, ?name=value&name=value") from None
    return unquote(user), parts, options


def _parse(url: str, folder: Path) -> Address:
    name, parts, options = _split(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must begin with redis://, rediss:// or unix://")
    if set(options) - _OPTIONS:
        raise ValueError(f"has another option than {', '.join(sorted(_OPTIONS))}")
    if parts.fragment:
        raise ValueError("must not hold a #")
    if "ca-file" in options and parts.scheme != "rediss":
        raise ValueError("has a ca-file without TLS: begin it with rediss://")
    database = options.get("db", "0") if parts.scheme == "unix" else parts.path.strip("/") or options.get("db", "0")
    if not (database.isascii() and database.isdigit() and len(database) < 5):
        raise ValueError("names no database: it is a number, like redis://127.0.0.1:6379/0")
    password = _password(folder, options["password-file"]) if "password-file" in options else None
    if name and password is None:
        raise ValueError("names a user without a password: add ?password-file=store_password")
    user = name or None
    if parts.scheme == "unix":
        if not parts.path.startswith("/") or parts.netloc:
            raise ValueError("must name a socket by its whole path, like unix:///run/valkey/valkey.sock")
        return Address(path=unquote(parts.path), database=int(database), user=user, password=password)
    if not parts.hostname:
        raise ValueError("must name a host, like rediss://store.example.com:6379/0")
    ca_file = str(_file(folder, options["ca-file"])) if "ca-file" in options else None
    if ca_file and not Path(ca_file).is_file():
        raise ValueError("names a ca-file that is not there, beside this file or among systemd's credentials")
    tls = parts.scheme == "rediss"
    return Address(parts.hostname, parts.port or _PORT, "", int(database), user, password, tls, ca_file)


def _file(folder: Path, name: str) -> Path:
    """Beside the configuration, else in systemd's ``$CREDENTIALS_DIRECTORY``."""
    path = folder / name
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(credentials) / name if credentials and not path.exists() else path


def _password(folder: Path, name: str) -> Secret:
    path = _file(folder, name)
    try:
        content = read_private(path, "the store's password")
    except FileNotFoundError:
        raise ValueError(
            "names a password-file that is not there, beside this file or among systemd's credentials"
        ) from None
    password = content.decode(errors="replace").strip("\r\n")
    if not password:
        raise ValueError("names a password-file that is empty")
    return Secret(password)
