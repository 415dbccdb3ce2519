"""The Box app: the JSON that Box's Developer Console hands out, which holds the key."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from box_sidecar.problems import ConfigError
from box_sidecar.secret import Secret
from box_sidecar.settings import Settings
from box_sidecar.trusted_file import read_private


class KeyPair(Struct, frozen=True, rename="camel"):
    """What signs in the app's name: the public key's id at Box, and the private key, a PEM under a passphrase.

    Both are ``None`` where the private key is in hardware, which ``box.key`` names.
    """

    id: str = field(name="publicKeyID")
    private_key: Secret | None = None
    passphrase: Secret | None = None


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


def load_app_config(path: Path, *, in_hardware: bool = False) -> AppConfig:
    """Read the Console's JSON, after making sure that nobody else can. ``in_hardware``: the private key is not in it.

    Raises:
        ConfigError: missing, readable by others, not JSON, or a field is missing; says which field and
            where to download the right file. The message never holds anything of the file's content.
    """
    try:
        content = read_private(path, "the app's key")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: can't be read: {error.strerror}; {_WHERE_TO_GET_IT} and set box.app_config to its path"
        ) from None
    return parse_app_config(content, path, in_hardware=in_hardware)


def parse_app_config(content: bytes, path: Path, *, in_hardware: bool = False) -> AppConfig:
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
    _check_key(key, path, in_hardware=in_hardware)
    return config


def _check_key(key: KeyPair | None, path: Path, *, in_hardware: bool) -> None:
    """One private key, in the JSON or in hardware; the Console leaves it empty for a public key that it was given."""
    if key is None and not in_hardware:
        return
    private_key = key and key.private_key and key.private_key.reveal()
    passphrase = key and key.passphrase and key.passphrase.reveal()
    if key is None:
        raise ConfigError(f"{path}: boxAppSettings.appAuth.publicKeyID is missing: the id at Box of the key in box.key")
    if in_hardware and (private_key or passphrase):
        raise ConfigError(
            f"{path}: boxAppSettings.appAuth.privateKey is there, and box.key names a key in hardware: which is the "
            "app's? Take privateKey and passphrase out of the JSON, or box.key out of the configuration"
        )
    if not in_hardware and (not private_key or passphrase is None):
        missing = "passphrase" if private_key else "privateKey"
        raise ConfigError(
            f"{path}: boxAppSettings.appAuth.{missing} is missing; {_WHERE_TO_GET_IT}; or, if the key is in hardware, "
            "name it in box.key"
        )


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
