"""The two files that configure the sidecar, read and checked together, and what of them a new worker goes on with."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from box_sidecar.app_config import AppConfig, find_app_config, load_app_config
from box_sidecar.settings import Settings, parse_settings, read_settings


class Taken:
    """The TOML that was taken over last, in an anonymous file that a new worker inherits from the master.

    A worker that ended is no reload: the next one goes on with what ran, whatever the file says by then.
    """

    def __init__(self) -> None:
        self._file = os.memfd_create("box-sidecar.toml")

    def keep(self, text: str) -> None:
        """Remember it for the next worker."""
        content = text.encode()
        os.pwrite(self._file, len(content).to_bytes(4, "big") + content, 0)

    def text(self) -> str | None:
        """What was kept; ``None`` before the first."""
        length = int.from_bytes(os.pread(self._file, 4, 0), "big")
        return os.pread(self._file, length, 4).decode() if length else None


taken = Taken()  # made by the master, before it forks


@dataclass(frozen=True, slots=True)
class Loaded:
    """Both files, read and checked. ``keys`` stand in the TOML; ``stamp`` tells whether either was replaced since."""

    text: str
    settings: Settings
    keys: frozenset[str]
    app: AppConfig
    app_path: Path
    stamp: tuple[tuple[int, ...], ...]

    @property
    def digest(self) -> str:
        """The same for two that have the same settings, app and key; nothing can be read from it."""
        key = hmac.digest(self.app.client_secret.reveal().encode(), b"box-sidecar configuration 1", "sha256")
        app = (self.app.client_id, self.app.enterprise_id, self.app.key_id)
        return hmac.digest(key, msgspec.json.encode((self.settings, app)), "sha256").hex()[:32]


def load(config_path: Path, text: str | None = None) -> Loaded:
    """Read both files, or the second only if the TOML's ``text`` is given.

    Raises:
        ConfigError: one line that says what to change, and where.
    """
    # Looked at before they are read: what changes meanwhile is then noticed.
    toml_stamp = stamp_of(config_path) if text is None else ((),)
    text = read_settings(config_path) if text is None else text
    settings, keys = parse_settings(text, config_path)
    app_path = find_app_config(settings, config_path)
    stamp = toml_stamp + stamp_of(app_path)
    return Loaded(text, settings, keys, load_app_config(app_path, in_hardware=bool(settings.box.key)), app_path, stamp)


def state_path(name: str, config_path: Path) -> Path | None:
    """Where a file of ours is: in systemd's ``$STATE_DIRECTORY``, else beside the TOML; ``None`` without a name."""
    folder = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(folder or config_path.parent) / name if name else None


def stamp_of(*paths: Path) -> tuple[tuple[int, ...], ...]:
    """What tells whether a file was replaced; empty for one that is not there."""
    stamps: list[tuple[int, ...]] = []
    for path in paths:
        try:
            status = path.stat()
            stamps.append((status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode))
        except OSError:
            stamps.append(())
    return tuple(stamps)
