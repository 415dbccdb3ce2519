"""A MariaDB of one's own: a child process on a Unix socket, with nothing shared with a server of the machine."""

from __future__ import annotations

import getpass
import socket
import subprocess
from pathlib import Path
from types import TracebackType

from intranet.process import Process, ProcessError

# Small files and no waiting for the disk: what is in it is thrown away.
OPTIONS = ("--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", "--skip-networking")


class MariaDB:
    """A server whose data is in `directory`; what is there already is kept. Its only user is the current one."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "data"
        self.socket = directory / "mariadb.sock"
        self.log = directory / "mariadb.log"
        self.user = getpass.getuser()

    def __enter__(self) -> MariaDB:
        if not self.data.exists():
            self.data.mkdir(parents=True)
            install = ["mariadb-install-db", "--no-defaults", f"--datadir={self.data}", f"--user={self.user}"]
            done = subprocess.run([*install, "--skip-test-db"], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise ProcessError(f"mariadb-install-db failed:\n{done.stderr}{done.stdout}")
        # As root the server wants to be told that it is meant.
        command = ["mariadbd", "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}", *OPTIONS]
        self._server = Process([*command, f"--user={self.user}"], log=self.log)
        self._server.wait_until(self._answers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.stop()

    def _answers(self) -> bool:
        """The file of the socket is there before anybody listens."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.socket)) == 0

    def create(self, database: str) -> None:
        """Make a database unless it is there."""
        statement = f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4"
        client = ["mariadb", "--no-defaults", f"--socket={self.socket}", f"--user={self.user}", "-e", statement]
        done = subprocess.run(client, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ProcessError(f"mariadb failed:\n{done.stderr}")
