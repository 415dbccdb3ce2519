"""A Valkey or Redis server of a test's own."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import signal
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from intranet.packages import Archive
from intranet.process import Process
from intranet.release import REPOSITORY, made_once

VALKEY = REPOSITORY / ".cache" / "valkey"


class StoreProcess:
    """``redis-server`` on a Unix socket in `directory`, keeping nothing on the disk; a context manager.

    `options` are the server's own: ``StoreProcess(..., "--maxmemory", "10mb")``. `program` may be another's, and begin
    with a command that starts others in a network of their own.
    """

    def __init__(self, directory: Path, *options: str, program: Sequence[str] = ("redis-server",)) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.socket = directory / "store.sock"
        self._log = directory / "store.log"
        self._command = [
            *(*program, "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"),
            *("--dir", str(directory), *options),
        ]
        self.process: Process | None = None
        self.client: Any = redis.Redis(unix_socket_path=str(self.socket))

    @staticmethod
    def tls(folder: Path, port: int) -> list[str]:
        """Options for TLS with what :func:`certificate` has made."""
        files = {"cert-file": "cert.pem", "key-file": "key.pem", "ca-cert-file": "cert.pem"}
        words = [word for what, name in files.items() for word in (f"--tls-{what}", str(folder / name))]
        return [*words, "--tls-port", str(port), "--tls-auth-clients", "no"]

    @property
    def url(self) -> str:
        """As ``cache.store`` names it."""
        return f"unix://{self.socket}"

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        self.process = Process(self._command, log=self._log)
        with contextlib.suppress(PermissionError):  # Elsewhere it has a machine of its own, and nobody to wait for.
            os.setpriority(os.PRIO_PROCESS, self.process.pid, -15)
        self.process.wait_until(self._answers)
        return self

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.exceptions.ConnectionError:
            return False

    def stop(self) -> None:
        """End it; what it held is gone."""
        if self.process:
            self.process.signal(signal.SIGCONT)
            self.process.stop()
            self.process = None

    def pause(self) -> None:
        """It takes connections, and answers nothing."""
        assert self.process
        self.process.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It answers again."""
        assert self.process
        self.process.signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.client.close()


def valkey(release: str = "trixie") -> list[str]:
    """How to start Valkey as a newer Debian has it, with the libraries of that; downloaded once.

    :raises PackagesError: it can't be had
    """
    kept = VALKEY / release
    with made_once(kept) as made, tempfile.TemporaryDirectory() as temporary:
        if made is not None:
            archive = Archive(release, Path(temporary))
            libraries: set[str] = set()
            for _ in range(2):  # what these need is all there is
                asked = libraries or {"valkey-tools"}
                libraries |= {name for each in asked for name in archive.dependencies(each) if re.match("z?lib", name)}
            archive.unpack({"valkey-server", "valkey-tools", *libraries}, made)
    folder = kept / "usr/lib/x86_64-linux-gnu"
    return [str(folder / "ld-linux-x86-64.so.2"), "--library-path", str(folder), str(kept / "usr/bin/valkey-server")]


def certificate(folder: Path, *addresses: str) -> None:
    """A server's own, for these addresses, that is its own authority: ``cert.pem``, ``key.pem``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "store")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(each)) for each in addresses])
    signed = builder.add_extension(names, critical=False).sign(key, SHA256())
    folder.mkdir(mode=0o700)
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
