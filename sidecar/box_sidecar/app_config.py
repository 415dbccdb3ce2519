"""The Box app: the JSON that Box's Developer Console hands out, which holds the key."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from box_sidecar.problems import ConfigError
from box_sidecar.secret import Secret
from box_sidecar.settings import Settings
from box_sidecar.trusted_file import check_way, read_file


class KeyPair(Struct, frozen=True, rename="camel"):
    """What signs in the app's name: the public key's id at Box, and the private key, a PEM under a passphrase."""

    id: str = field(name="publicKeyID")
    private_key: Secret
    passphrase: Secret


class _AppSettings(Struct, frozen=True, rename="camel"):
    client_id: str = field(name="clientID")
    client_secret: Secret
    app_auth: KeyPair | UnsetType = UNSET


class _ConsoleJson(Struct, frozen=True, rename="camel"):
    box_app_settings: _AppSettings
    enterprise_id: str = field(name="enterpriseID")


class AppConfig(Struct, frozen=True):
    """The Box app: what the Developer Console's JSON says.

    ``key`` is ``None`` for an app that uses the client credentials grant and has no key pair.
    """

    client_id: str
    client_secret: Secret
    enterprise_id: str
    key: KeyPair | None

    @property
    def key_id(self) -> str | None:
        """The public key's id at Box."""
        return self.key.id if self.key else None


_WHERE_TO_GET_IT = (
    "download it again in the Box Developer Console: your app → Configuration → "
    "App Settings / Add and Manage Public Keys → Download as JSON"
)

_T = TypeVar("_T")


def find_app_config(settings: Settings, config_path: Path) -> Path:
    """Where the Console's JSON is: beside the TOML, else in systemd's ``$CREDENTIALS_DIRECTORY``."""
    path = config_path.parent / settings.box.app_config
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and not path.exists():
        return Path(credentials) / settings.box.app_config
    return path


def load_app_config(path: Path) -> AppConfig:
    """Read the Console's JSON, after making sure that nobody else can.

    Raises:
        ConfigError: missing, readable by others, not JSON, or a field is missing; says which field and
            where to download the right file. The message never holds anything of the file's content.
    """
    return parse_app_config(_read_private(path), path)


def parse_app_config(content: bytes, path: Path) -> AppConfig:
    """Judge what stands in the Console's JSON at ``path``.

    Raises:
        ConfigError: as :func:`load_app_config`, except for what is said of the file itself.
    """
    try:
        parsed = msgspec.json.decode(content, type=_ConsoleJson, dec_hook=_secret)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{path}: not the Developer Console's JSON: {_missing(str(error))}; {_WHERE_TO_GET_IT}"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ConfigError(f"{path}: not JSON; {_WHERE_TO_GET_IT}") from None
    app = parsed.box_app_settings
    key = app.app_auth if app.app_auth is not UNSET else None
    config = AppConfig(app.client_id, app.client_secret, parsed.enterprise_id, key)
    for name, value in {
        "boxAppSettings.clientID": config.client_id,
        "boxAppSettings.clientSecret": config.client_secret.reveal(),
        "enterpriseID": config.enterprise_id,
        **({"boxAppSettings.appAuth.publicKeyID": key.id} if key else {}),
    }.items():
        if not value or not value.isprintable():
            raise ConfigError(f"{path}: {name} is empty or damaged; {_WHERE_TO_GET_IT}")
    return config


def _secret(kind: type[_T], value: Any) -> _T:
    if kind is Secret and isinstance(value, str):
        return kind(value)  # type: ignore[call-arg]
    raise ValueError("expected a string")


def _missing(message: str) -> str:
    """msgspec's message about a JSON, as the full name of the field that is missing or wrong."""
    what, _, where = message.partition(" - at `")
    prefix = where.rstrip("`").removeprefix("$").lstrip(".")
    if missing := re.search(r"missing required field `(\w+)`", what):
        return f"{prefix + '.' if prefix else ''}{missing[1]} is missing"
    return f"{prefix or 'the file'} is not what it should be"


def _read_private(path: Path) -> bytes:
    """Read a file that only its owner may read, as ssh does with a key.

    systemd hands credentials over in a directory closed to everybody else, with an ACL that reads as
    group permission: there, only the world is checked.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    from_systemd = bool(credentials) and path.parent.resolve() == Path(credentials or "").resolve()
    forbidden = stat.S_IRWXO if from_systemd else stat.S_IRWXG | stat.S_IRWXO
    try:
        content, status = read_file(path)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: can't be read: {error.strerror}; {_WHERE_TO_GET_IT} and set box.app_config to its path"
        ) from None
    mode = stat.S_IMODE(status.st_mode)
    if mode & forbidden:
        raise ConfigError(
            f"{path}: others on this machine can read the app's key (mode {mode:04o}); run: chmod 600 {path}"
        )
    check_way(path)
    return content
