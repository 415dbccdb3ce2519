"""A machine in which Box's own host names lead to the emulator: a private network, a hosts file and a CA of its own.

The clients in it are as they come, and set up as their users set them up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from intranet.emulator_process import EmulatorProcess, find_description
from intranet.process import Process, ProcessError
from intranet.release import REPOSITORY

HOSTS = (
    "api.box.com",
    "account.box.com",
    "app.box.com",
    "upload.box.com",
    "upload.app.box.com",
    "dl.boxcloud.com",
    "public.boxcloud.com",
)
SYSTEM_CAS = Path("/etc/ssl/certs/ca-certificates.crt")
LOCK = Path(__file__).with_name("clients.lock")
CLIENTS = REPOSITORY / ".cache" / "foreign"
DEBIANS_PYTHON = "/usr/bin/python3"
TIMEOUT_S = 240.0

# Loopback and nothing else; names and CAs are those of the folder given.
PRIVATE = """
set -eu
ip link set lo up
mount --bind "$1/hosts" /etc/hosts
mount --bind "$1/cas.pem" "$2"
touch "$1/ready"
exec sleep infinity
"""


class NoNamespaces(Exception):
    """This machine lets nobody have namespaces; the message says why."""


class Machine:
    """Runs programs where Box's names lead to the emulator `box`, which runs there, too. `home` is everybody's home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "hosts").write_text(f"127.0.0.1 localhost {' '.join(HOSTS)}\n")
        self._cas = home / "cas.pem"
        shutil.copy(SYSTEM_CAS, self._cas)
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        unshare = ["unshare", *user, "--mount", "--net", "sh", "-c", PRIVATE, "sh", str(home), str(SYSTEM_CAS)]
        try:
            self._namespaces = Process(unshare, log=home / "machine.log")
            self._namespaces.wait_until((home / "ready").exists)
        except ProcessError as error:
            raise NoNamespaces(str(error)) from error
        same_user = ["--user", "--preserve-credentials"] if user else []
        self.within = ["nsenter", *same_user, "--mount", "--net", f"--target={self._namespaces.pid}"]
        self.box = EmulatorProcess(
            home / "box",
            port=443,
            tls=True,
            description=find_description(),
            tls_names=HOSTS,
            within=self.within,
            settings={"rate_limit_per_minute": 0, "uploads_per_minute": 0, "searches_per_second": 0},
        ).start()
        with self._cas.open("a") as bundle:
            bundle.write(self.box.ca.read_text())

    def stop(self) -> None:
        """End everything that runs in it."""
        self.box.stop()
        self._namespaces.stop()

    def run(self, *command: str | Path, env: Mapping[str, str] | None = None, check: bool = True) -> str:
        """What a program prints, or with `check` False all that it says, however it ends.

        :raises AssertionError: with `check`, it ended with another status than 0; carries what it said
        """
        done = subprocess.run(
            self.command(*command),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env=self.environment(env or {}),
        )
        if not check:
            return done.stdout + done.stderr
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def command(self, *command: str | Path) -> list[str]:
        """How to run a command here, in the home."""
        return [*self.within, "env", f"--chdir={self.home}", *map(str, command)]

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """The surroundings of a program: no proxy, and the CA in the ways that clients look for it."""
        bundle = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(self._cas))
        common = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "NO_PROXY": "*"}
        return common | bundle | {"NODE_EXTRA_CA_CERTS": str(self.box.ca)} | dict(more)


def clients() -> Path:
    """The folder with the clients that ``clients.lock`` names, for Debian's Python; installed if it is not there."""
    stamp = CLIENTS / "clients.lock"
    if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
        shutil.rmtree(CLIENTS, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "--python", DEBIANS_PYTHON, "--quiet", "--disable-pip-version-check"]
        install = ["install", "--require-hashes", "--no-deps", "--target", str(CLIENTS), "-r", str(LOCK)]
        subprocess.run([*pip, *install], check=True)
        shutil.copy(LOCK, stamp)
    return CLIENTS


def locked(name: str) -> str:
    """The version that the lock file names."""
    return next(
        line.removeprefix(f"{name}==").split()[0]
        for line in LOCK.read_text().splitlines()
        if line.startswith(f"{name}==")
    )
