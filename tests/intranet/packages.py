"""The Debian packages that the demo and the tests need.

`python3 tests/intranet/packages.py demo` installs what is missing of a group, through apt-get when that is allowed
(root, or sudo without a password), and says what to install when it is not. It runs before any virtual environment
exists: standard library only.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

BUILD = () if importlib.util.find_spec("ensurepip") else ("python3-venv",)
PHP = ("php-cli", "php-curl", "php-sqlite3", "php-mbstring", "php-xml", "php-intl")
GROUPS = {
    "build": BUILD,
    "demo": (*BUILD, *PHP),
    "test": (
        *BUILD,
        *PHP,
        *("php-fpm", "php-mysql", "mariadb-server-core", "mariadb-client-core", "nginx"),
        # Playwright brings a Node.js of its own, which needs libatomic.
        *("chromium-headless-shell", "libatomic1", "fonts-dejavu-core", "fonts-noto-cjk"),
        *("phpunit", "php-codesniffer", "gettext"),
        # What several sidecars share; the tests start servers of their own.
        "redis-server",
        # Clients of Box that nobody here wrote, and what the network of their own takes.
        *("rclone", "duplicity", "iproute2", "curl", "ca-certificates"),
        # A token that is software, what has it live in another process, and what makes one that fails at will.
        *("softhsm2", "p11-kit", "p11-kit-modules", "libp11-kit-dev", "gcc", "libc6-dev"),
    ),
    # Blank machines with systemd, containers, and what makes packages and finds fault with them.
    "system": ("podman", "crun", "mmdebstrap", "buildah", "netavark", "aardvark-dns", "lintian", "rpm", "logrotate"),
}


class PackagesError(RuntimeError):
    """Packages are missing and can't be had; the message says what to do."""


def missing(names: tuple[str, ...]) -> list[str]:
    """Those of the packages that dpkg does not know as installed."""
    if not names:
        return []
    if not shutil.which("dpkg-query"):
        raise PackagesError(f"This is not a Debian system. Please install by hand: {' '.join(names)}")
    lines = run("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n").splitlines()
    installed = {line.split()[0] for line in lines if line.endswith(" installed")}
    # php-curl is there where php8.2-curl is.
    installed |= {re.sub(r"^php[\d.]+-", "php-", name) for name in installed}
    return [name for name in names if name not in installed]


def install(names: tuple[str, ...]) -> None:
    """Install what is missing of the packages; PackagesError with the command to type where that is not allowed."""
    wanted = missing(names)
    if not wanted:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *wanted]
    sudo = privilege()
    if sudo is None:
        typed = shlex.join(["sudo", "apt-get", "install", "--no-install-recommends", *wanted])
        raise PackagesError(f"Debian packages are missing, and only root may install them. Please run:\n  {typed}")
    print(f"Installing Debian packages: {' '.join(wanted)}", flush=True)
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    subprocess.run([*sudo, "apt-get", "update", "-q", "-q", "-o", "DPkg::Lock::Timeout=300"], check=False)
    done = subprocess.run(
        [*sudo, *environment, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise PackagesError(f"{done.stdout.strip()}\nThis failed: {shlex.join([*sudo, *command])}")


def privilege() -> list[str] | None:
    """What to put before a command so that it runs as root: nothing for root, sudo where it asks for no password."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


class Archive:
    """Packages of another Debian release, downloaded and unpacked without touching the system's own packages.

    A private apt state, signatures checked; the archive's address is the one in the machine's own apt sources.

    Parameters: `release` is a code name such as "trixie"; `directory` keeps the package lists while it is used.
    """

    def __init__(self, release: str, directory: Path) -> None:
        self.release = release
        self.directory = directory
        for folder in ("lists/partial", "cache/archives/partial", "debs"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
        (directory / "status").touch()
        (directory / "sources.list").write_text(f"deb {archive_address()} {release} main\n")
        self._options = [
            *("-o", f"Dir::State={directory}", "-o", f"Dir::State::lists={directory}/lists"),
            *("-o", f"Dir::State::status={directory}/status", "-o", f"Dir::Cache={directory}/cache"),
            *("-o", f"Dir::Etc::sourcelist={directory}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null"),
            *("-o", "Dir::Etc::preferences=/dev/null", "-o", "Dir::Etc::preferencesparts=/dev/null"),
            *("-o", "Acquire::Languages=none", "-o", "Acquire::Retries=3", "-o", "APT::Sandbox::User="),
            # A mirror of the unstable release that lags by weeks serves as well; signatures are checked all the same.
            *("-o", "Acquire::Check-Valid-Until=false"),
        ]
        self._apt("apt-get", "update", "--quiet")

    def dependencies(self, package: str) -> set[str]:
        """The names that the package depends on or recommends, alternatives included."""
        others = ("--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances")
        answer = self._apt("apt-cache", "depends", *others, package)
        return {line.split(":", 1)[1].strip(" <>") for line in answer.splitlines() if ":" in line}

    def unpack(self, packages: set[str], root: Path) -> None:
        """Download the packages and lay their files out below `root`."""
        self._apt("apt-get", "download", *sorted(packages), cwd=self.directory / "debs")
        for file in sorted((self.directory / "debs").glob("*.deb")):
            run("dpkg-deb", "--extract", str(file), str(root))
            file.unlink()

    def _apt(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        return run(program, *self._options, *arguments, cwd=cwd)


def archive_address() -> str:
    """The address of the Debian archive that this machine's own apt sources name."""
    release = next(
        (
            line.partition("=")[2].strip('"')
            for line in Path("/etc/os-release").read_text().splitlines()
            if line.startswith("VERSION_CODENAME=")
        ),
        "",
    )
    targets = run("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages")
    for line in targets.splitlines():
        name, _, address = line.partition(" ")
        if name in (release, "stable", "oldstable"):
            return address
    raise PackagesError(f"The apt sources of this machine name no archive of its own release ({release or 'unknown'}).")


def run(program: str, *arguments: str, cwd: Path | None = None) -> str:
    """The output of a command; PackagesError with what it said when it fails."""
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=cwd, check=False)
    except FileNotFoundError as error:
        raise PackagesError(f"{program} is needed and not installed: this takes a Debian system.") from error
    if done.returncode != 0:
        raise PackagesError(f"{program} failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def main() -> int:
    """Command line; exit status 1 when packages are missing and can't be installed."""
    parser = argparse.ArgumentParser(description="Install the Debian packages that a part of this project needs.")
    parser.add_argument("group", choices=sorted(GROUPS))
    try:
        install(GROUPS[parser.parse_args().group])
    except PackagesError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
