"""Releases of WordPress as Debian packages them, unpacked into a plain document root, with SQLite as the database.

Debian's stable and unstable releases are where several WordPress versions can be had, signature-checked, from the
machine's own package archive. What was unpacked is kept, so that only the first use of a version needs the network.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intranet.packages import Archive, PackagesError

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache"

#: Packages that are built twice carry one time, as those of one commit do.
PACKAGED_AT = {"SOURCE_DATE_EPOCH": "1795996460"}

DEBIAN_RELEASES = {"6.1": "bookworm", "6.8": "trixie", "newest": "sid"}
LANGUAGES = ("de_DE", "es_ES", "fr_FR", "ja", "pt_BR")

# The package that carries WordPress' SQLite driver; its zip is not published anywhere else that npm or apt reach.
SQLITE_PACKAGE = "@wp-playground/cli@3.1.56"
SQLITE_INTEGRITY = "sha512-JTxl6djPEM2YRYz/w+BUoyoCvhSGHIjqMi4fMV1b8o1UPNvZatLaS7opo57UsrVElXrfdZwvi6IuyS4LswUx9Q=="
SQLITE_FOLDER = "sqlite-database-integration"


class ReleaseError(RuntimeError):
    """A release can't be had: no network, no npm, or something other than what was pinned."""


def document_root(version: str) -> Path:
    """A WordPress of that version ("6.1", "6.8" or "newest"), neither configured nor installed: to be copied."""
    if version not in DEBIAN_RELEASES:
        raise ReleaseError(f"WordPress {version} is not one of {', '.join(DEBIAN_RELEASES)}")
    kept = CACHE / "wordpress" / version
    with made_once(kept) as directory:
        if directory is not None:
            unpack(DEBIAN_RELEASES[version], directory)
    return kept


def sqlite_driver() -> Path:
    """The folder of WordPress' SQLite driver."""
    kept = CACHE / "sqlite" / SQLITE_PACKAGE.rpartition("@")[2] / SQLITE_FOLDER
    with made_once(kept) as directory:
        if directory is not None:
            fetch_sqlite_driver(directory)
    return kept


def build_packages(repository: Path, destination: Path) -> Path:
    """Build the sidecar's packages from a copy of the repository; the folder they lie in."""
    command = [sys.executable, str(repository / "sidecar/packaging/build.py"), str(destination)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **PACKAGED_AT})
    if done.returncode != 0:
        raise ReleaseError(done.stderr)
    return destination


@contextmanager
def made_once(kept: Path) -> Iterator[Path | None]:
    """Yield an empty directory that becomes `kept` when the block ends well, or None where `kept` is there already.

    Several processes may ask at once: one makes it, the others wait.
    """
    with one_at_a_time(kept):
        if kept.exists():
            yield None
            return
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=f".{kept.name}.") as temporary:
            made = Path(temporary) / kept.name
            made.mkdir()
            yield made
            made.rename(kept)


@contextmanager
def one_at_a_time(kept: Path) -> Iterator[None]:
    """Hold a lock beside `kept`, as long as the block runs."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with (kept.parent / f".{kept.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def unpack(debian_release: str, directory: Path) -> None:
    """Fill `directory` with Debian's WordPress, its default theme and the libraries it shares with other packages."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "root"
        try:
            archive = Archive(debian_release, Path(temporary) / "apt")
            needed = archive.dependencies("wordpress")
            archive.unpack({"wordpress", *filter(part_of_wordpress, needed)}, root)
        except PackagesError as error:
            raise ReleaseError(f"WordPress can't be had from Debian {debian_release}: {error}") from error
        wordpress = root / "usr/share/wordpress"
        # Debian's own configuration, and the certificates of a system that is not this one.
        for foreign in ("wp-config.php", ".htaccess", "wp-includes/certificates/ca-bundle.crt"):
            (wordpress / foreign).unlink(missing_ok=True)
        shutil.rmtree(wordpress / "wp-content/plugins/akismet", ignore_errors=True)
        shutil.copytree(wordpress, directory, dirs_exist_ok=True, ignore=foreign_languages)
    for folder in ("mu-plugins", "uploads", "languages"):
        (directory / "wp-content" / folder).mkdir(exist_ok=True)
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    if certificates.exists():
        shutil.copy(certificates, directory / "wp-includes/certificates/ca-bundle.crt")


def part_of_wordpress(package: str) -> bool:
    """Whether a dependency of Debian's package holds files of WordPress itself, rather than a server to run it on."""
    return re.match(r"wordpress-|libjs-|libphp-|php-getid3", package) is not None


def foreign_languages(folder: str, names: list[str]) -> set[str]:
    """What shutil.copytree is to leave out: languages that nobody here speaks."""
    if not folder.endswith("wp-content/languages"):
        return set()
    return {name for name in names if not re.fullmatch(rf"(?:.*-)?(?:{'|'.join(LANGUAGES)})\.mo", name)}


def fetch_sqlite_driver(directory: Path) -> None:
    """Fill `directory` with the SQLite driver."""
    with tempfile.TemporaryDirectory() as temporary:
        package = npm_pack(SQLITE_PACKAGE, SQLITE_INTEGRITY, Path(temporary))
        subprocess.run(["tar", "-xzf", package, "-C", temporary, f"package/{SQLITE_FOLDER}.zip"], check=True)
        with zipfile.ZipFile(Path(temporary) / "package" / f"{SQLITE_FOLDER}.zip") as driver:
            driver.extractall(temporary)
        shutil.copytree(Path(temporary) / f"plugin-{SQLITE_FOLDER}", directory, dirs_exist_ok=True)
    # WordPress 6.1 has no such property in wpdb, and the driver asks for it only to keep its own copy the same.
    database = directory / "wp-includes/sqlite/class-wp-sqlite-db.php"
    asked = "$this->__get( 'allow_unsafe_unquoted_parameters' )"
    kept = "$this->allow_unsafe_unquoted_parameters"
    source = database.read_text()
    if source.count(asked) != 1:
        raise ReleaseError(f"{SQLITE_PACKAGE}: the SQLite driver is not the one that this was written for")
    guarded = f"( property_exists( 'wpdb', 'allow_unsafe_unquoted_parameters' ) ? {asked} : {kept} )"
    database.write_text(source.replace(asked, guarded))


def npm_pack(package: str, integrity: str, directory: Path) -> Path:
    """Download an npm package into `directory`; ReleaseError unless it is the pinned one (an SRI sha512 string)."""
    command = ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", str(directory), package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)
    except FileNotFoundError as error:
        raise ReleaseError("npm is needed and not installed") from error
    if done.returncode != 0:
        raise ReleaseError(f"npm could not download {package}:\n{done.stderr.strip()}")
    file = directory / str(json.loads(done.stdout)[0]["filename"])
    digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != integrity:
        raise ReleaseError(f"{package} is not what was pinned: sha512-{digest} instead of {integrity}")
    return file
