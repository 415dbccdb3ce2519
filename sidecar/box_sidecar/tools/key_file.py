"""What can be seen of the file with the app's key: how old it is, and whether copies of it lie about."""

from __future__ import annotations

import itertools
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from box_sidecar.app_config import AppConfig, parse_app_config
from box_sidecar.problems import ConfigError
from box_sidecar.schemas import Check
from box_sidecar.sentences import say
from box_sidecar.trusted_file import read_file

_OLD_S = 31_536_000.0
_DAY_S = 86_400.0
_FILES = 1000  # of a folder, that are looked at
_JSON_BYTES = 65_536  # Box's has three thousand
_OTHERS = stat.S_IRGRP | stat.S_IROTH


def findings(path: Path, app: AppConfig) -> Iterator[Check]:
    """What is worth a look; nothing where all is well."""
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return  # said by who loads it
    if age > _OLD_S:
        yield Check(
            "key_file", "warn",
            say("The file with the app's key is {days} days old: {path}.", days=int(age / _DAY_S), path=path),
            say("Make another key pair once a year: docs/keys.md has the steps, and no request fails meanwhile."),
        )  # fmt: skip
    for copy in _copies(path, app):
        yield Check(
            "key_file", "warn", say("Others on this machine can read a copy of the app's JSON: {path}.", path=copy),
            say("Delete it, and make another key pair: whoever has read it has the key."),
        )  # fmt: skip


def _copies(path: Path, app: AppConfig) -> Iterator[Path]:
    """Files beside it with the same app's secret or key in them, whatever their names, that others can read."""
    try:
        if not path.parent.stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH):
            return  # nobody else gets there
        names = list(itertools.islice(path.parent.iterdir(), _FILES))
    except OSError:
        return
    for other in sorted(names):
        try:
            status = other.lstat()
            is_open = stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS and status.st_size <= _JSON_BYTES
            if is_open and _is_of(app, read_file(other, _JSON_BYTES)[0], other):
                yield other
        except (OSError, ConfigError):
            continue  # it is not ours to read, or something else


def _is_of(app: AppConfig, content: bytes, path: Path) -> bool:
    found = parse_app_config(content, path)
    same_secret = found.client_secret == app.client_secret
    return found.client_id == app.client_id and (same_secret or found.key is not None)
