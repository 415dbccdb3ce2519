"""A PKCS#11 token that is software (SoftHSM2), p11-kit's server, which has its module live in another process, and a
module that fails at will."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from intranet.process import Process

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "74-hush-90"


def remote_module() -> Path:
    """p11-kit's module that asks a server."""
    return next(Path("/usr/lib").glob("*/pkcs11/p11-kit-client.so"))


class SoftToken:
    """A token in `folder`, with its PIN in a file beside it; `env` has whoever loads the module find it."""

    def __init__(self, folder: Path, label: str = "Box keys") -> None:
        self.folder = folder
        self.label = label
        self.pin_file = folder / "pin"
        self.tokens = folder / "tokens"
        self.tokens.mkdir(parents=True)
        settings = folder / "softhsm2.conf"
        settings.write_text(f"directories.tokendir = {self.tokens}\nlog.level = ERROR\n")
        self.env = {"SOFTHSM2_CONF": str(settings)}
        self.write_pin(PIN)
        self.util("--init-token", "--free", "--label", label, "--so-pin", "1234-5678", "--pin", PIN)

    def util(self, *arguments: str | Path) -> None:
        """SoftHSM's own tool."""
        command = ["softhsm2-util", "--module", str(MODULE), *map(str, arguments)]
        subprocess.run(command, env={**os.environ, **self.env}, check=True, capture_output=True)

    def write_pin(self, pin: str) -> None:
        """Put a PIN into the file, as an administrator would."""
        scratch = self.pin_file.with_suffix(".new")
        scratch.write_text(f"{pin}\n")
        scratch.chmod(0o600)
        scratch.replace(self.pin_file)

    def uri(self, key: str = "box", module: Path = MODULE) -> str:
        """What goes into `box.key`."""
        named = f"token={quote(self.label)};object={quote(key)}"
        return f"pkcs11:{named}?module-path={module}&pin-source=file:{self.pin_file}"

    def import_key(self, pem: Path, key: str = "box", key_id: str = "01") -> None:
        """Put a private key (PKCS#8, no passphrase) on it."""
        self.util("--import", pem, "--token", self.label, "--label", key, "--id", key_id, "--pin", PIN)

    def take_out(self) -> None:
        """As if somebody pulled it."""
        self.tokens.rename(self.folder / "away")
        self.tokens.mkdir()

    def put_back(self) -> None:
        shutil.rmtree(self.tokens)
        (self.folder / "away").rename(self.tokens)


class TokenServer:
    """`p11-kit server` for a token, a context manager: the module and the key are in its process alone."""

    def __init__(self, token: SoftToken) -> None:
        self._token = token
        self.socket = token.folder / "p11-kit.sock"
        self.env = {"P11_KIT_SERVER_ADDRESS": f"unix:path={self.socket}"}
        self.process: Process | None = None

    def __enter__(self) -> Self:
        command: list[str | Path] = ["p11-kit", "server", "-f", "--provider", MODULE, "--name", self.socket, "pkcs11:"]
        self.process = Process(command, log=self._token.folder / "p11-kit.log", env=self._token.env)
        self.process.wait_until(self.socket.exists)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process:
            self.process.stop()


class MoodyModule:
    """SoftHSM2 with moods, compiled in `folder`: `path` goes into `box.key`, and `env` has whoever loads it find them.

    A mood lasts until it is over: ``module.mood("C_Login", "a4")``, or ``"hang"``; see moody_module.c.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "moody.so"
        self._moods = folder / "moods"
        self._moods.mkdir()
        self.env = {"MOODS": str(self._moods)}
        source = Path(__file__).with_name("moody_module.c")
        options = ["-shared", "-fPIC", "-I/usr/include/p11-kit-1", f'-DSOFTHSM="{MODULE}"']
        subprocess.run(["cc", "-Wall", "-Werror", *options, "-o", self.path, source, "-ldl"], check=True)

    def mood(self, function: str, what: str = "") -> None:
        """From now on that function is like this; "flags", "bare" and "picky" stand for more than one."""
        scratch = self._moods / ".new"
        scratch.write_text(what)
        scratch.rename(self._moods / function)

    def over(self, *functions: str) -> None:
        """All is well with these again, or with all."""
        for function in functions or {path.name for path in self._moods.iterdir()} - {"calls"}:
            (self._moods / function).unlink(missing_ok=True)

    def calls(self, function: str) -> int:
        """How often it was called."""
        noted = self._moods / "calls"
        return noted.read_text().splitlines().count(function) if noted.exists() else 0
