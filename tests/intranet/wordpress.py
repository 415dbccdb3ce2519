"""A real WordPress with the plugin, as a context manager::

    with WordPress(directory, version="6.8") as wordpress:
        ana = wordpress.login("ana")
        ana.get("/")

The plugin is the zip that `make build` leaves, unpacked as a site's owner would. Everything runs as the current user
and needs no service of the machine.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal

import httpx

from intranet import release
from intranet.mariadb import MariaDB
from intranet.process import Process, ProcessError, free_port
from intranet.webserver import PHP_FILES, Nginx, php_options, php_server

PLUGIN = "widgets-for-box"
PLUGIN_ZIP = release.REPOSITORY / "dist" / f"{PLUGIN}.zip"

Constant = str | int | bool


class WordPressError(RuntimeError):
    """The site can't be set up or does not do what it should; the message carries PHP's own words."""


@dataclasses.dataclass(frozen=True)
class Person:
    """A WordPress user. Without a password of their own it is the login followed by "-demo"."""

    login: str
    email: str
    name: str
    role: str = "subscriber"
    password: str = ""
    locale: str = ""

    def __post_init__(self) -> None:
        if not self.password:
            object.__setattr__(self, "password", f"{self.login}-demo")


ADMIN = Person("admin", "admin@example.com", "Site administrator", role="administrator")
ANA = Person("ana", "ana@example.com", "Ana Souza")
KENJI = Person("kenji", "kenji@example.com", "田中健二")
OLGA = Person("olga", "olga@example.com", "Ольга Петрова", role="editor")
"""Writes the intranet's pages."""
NORA = Person("nora", "nora@example.com", "Nora Lind")
"""Has no Box account."""

PEOPLE = (ADMIN, ANA, KENJI, OLGA, NORA)


class Session(httpx.Client):
    """Somebody's browser, as far as HTTP goes: cookies, and the nonce that the REST interface wants."""

    def nonce(self) -> str:
        """A fresh REST nonce of this session."""
        return self.get("/wp-admin/admin-ajax.php", params={"action": "rest-nonce"}).raise_for_status().text

    def rest(self, method: str, route: str, *, json: object = None, nonce: str | None = None) -> httpx.Response:
        """Call a REST route, such as "widgets-for-box/v1/token", with a fresh nonce or the given one ("": none)."""
        if nonce is None:
            nonce = self.nonce()
        return self.request(method, f"/wp-json/{route}", json=json, headers={"X-WP-Nonce": nonce} if nonce else {})


class WordPress:
    """A WordPress site in `directory`; what is there already is kept and served again.

    Parameters: `version` is "6.1", "6.8" or "newest"; `database` SQLite or a MariaDB of the site's own; `server` PHP's
    built-in one or nginx with PHP-FPM; `port` 0 takes a free one; `constants` go into
    wp-config.php, where they win over those set here; `people` are made or brought up to date; `plugin` is the zip to
    install, or None.
    """

    def __init__(
        self,
        directory: Path,
        *,
        version: str = "6.8",
        database: Literal["sqlite", "mariadb"] = "sqlite",
        server: Literal["php", "nginx"] = "php",
        port: int = 0,
        constants: Mapping[str, Constant] | None = None,
        people: Sequence[Person] = PEOPLE,
        plugin: Path | None = PLUGIN_ZIP,
    ) -> None:
        self.directory = directory
        self.docroot = directory / "docroot"
        self.content = self.docroot / "wp-content"
        self.version = version
        self.database = database
        self.server = server
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.people = {person.login: person for person in people}
        self.constants = dict(constants or {})
        self._plugin = plugin
        self._mariadb = MariaDB(directory / "mariadb") if database == "mariadb" else None
        self._parts = ExitStack()
        self.web_server: Process | Nginx

    def __enter__(self) -> WordPress:
        with ExitStack() as parts:
            self._log_directory.mkdir(parents=True, exist_ok=True)
            self._lay_out()
            if self._mariadb is not None:
                parts.enter_context(self._mariadb).create("wordpress")
            self.configure()
            self._set_up()
            self.web_server = self._serve()
            parts.push(self.web_server)
            self._parts = parts.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._parts.close()

    def kill(self) -> None:
        """End PHP's built-in server and all its workers at once, as ``kill -9`` does."""
        assert isinstance(self.web_server, Process)
        self.web_server.signal(signal.SIGKILL)
        self.web_server.stop()

    def come_back(self) -> None:
        """Serve again after :meth:`kill`."""
        self.web_server = self._serve()
        self._parts.push(self.web_server)

    def visitor(self) -> Session:
        """Somebody who is not logged in."""
        return Session(base_url=self.url, follow_redirects=True, timeout=30.0)

    def login(self, name: str, password: str | None = None) -> Session:
        """Log in through wp-login.php as a person of this site; WordPressError when WordPress refuses."""
        session = self.visitor()
        form = {
            "log": name,
            "pwd": self.people[name].password if password is None else password,
            "testcookie": "1",
            "redirect_to": f"{self.url}/wp-admin/profile.php",
        }
        session.cookies.set("wordpress_test_cookie", "WP Cookie check")
        answer = session.post("/wp-login.php", data=form, follow_redirects=False)
        if answer.status_code != httpx.codes.FOUND or not any("logged_in" in cookie for cookie in session.cookies):
            raise WordPressError(f"{name} could not log in: status {answer.status_code}\n{self.log()}")
        return session

    def php(self, code: str, **data: object) -> str:
        """Run PHP code (without the opening tag) in a function inside the loaded WordPress and return its output.

        The code sees the keyword arguments as the array $data. WordPressError with PHP's words when it fails.
        """
        job = {"docroot": str(self.docroot), "url": self.url, "code": code, "data": data}
        return self._run_php(PHP_FILES / "run.php", standard_input=json.dumps(job))

    def configure(self, **constants: Constant) -> None:
        """Write wp-config.php, with these constants besides those that the site was made with."""
        self.constants.update(constants)
        known: dict[str, Constant] = {
            "DB_NAME": "wordpress",
            "DB_USER": self._mariadb.user if self._mariadb else "",
            "DB_PASSWORD": "",
            "DB_HOST": f"localhost:{self._mariadb.socket}" if self._mariadb else "",
            "DB_CHARSET": "utf8mb4",
            "DB_COLLATE": "",
            "DB_DIR": f"{self.directory}/database/",
            "DB_FILE": "wordpress.sqlite",
            "WP_HOME": self.url,
            "WP_SITEURL": self.url,
            "WP_DEBUG": True,
            "WP_DEBUG_DISPLAY": False,
            "WP_DEBUG_LOG": str(self._php_log),
            "WP_ENVIRONMENT_TYPE": "local",
            "AUTOMATIC_UPDATER_DISABLED": True,
            "DISABLE_WP_CRON": True,
            "FS_METHOD": "direct",
            **self._salts(),
            **self.constants,
        }
        lines = ["<?php", *(f"define( {php_literal(name)}, {php_literal(value)} );" for name, value in known.items())]
        lines += ["$table_prefix = 'wp_';", "require_once __DIR__ . '/wp-settings.php';", ""]
        config = self.docroot / "wp-config.php"
        config.write_text("\n".join(lines))
        config.chmod(0o600)

    def log(self) -> str:
        """PHP's error log."""
        return self._php_log.read_text(errors="replace") if self._php_log.exists() else ""

    @property
    def _log_directory(self) -> Path:
        return self.directory / "log"

    @property
    def _php_log(self) -> Path:
        return self._log_directory / "php.log"

    def _run_php(self, file: Path, *arguments: str, standard_input: str = "") -> str:
        """The output of a PHP program; WordPressError with what it said and logged when it fails."""
        before = len(self.log())
        command = ["php", *php_options(self._php_log), str(file), *arguments]
        try:
            done = subprocess.run(command, input=standard_input, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise ProcessError("php is not installed") from error
        if done.returncode != 0:
            said = f"{done.stderr}{done.stdout}{self.log()[before:]}"
            raise WordPressError(f"{file.name} ended with status {done.returncode}:\n{said}")
        return done.stdout

    def _salts(self) -> dict[str, str]:
        """The site's own secrets, made once."""
        names = [f"{use}_{kind}" for use in ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE") for kind in ("KEY", "SALT")]
        file = self.directory / "salts.json"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(json.dumps({name: secrets.token_urlsafe(48) for name in names}))
        return dict(json.loads(file.read_text()))

    def _lay_out(self) -> None:
        """The files of WordPress, SQLite driver and plugin."""
        if not self.docroot.exists():
            copy_tree(release.document_root(self.version), self.docroot)
            if self._mariadb is None:
                driver = release.sqlite_driver()
                drop_in = (driver / "db.copy").read_text().replace("{SQLITE_IMPLEMENTATION_FOLDER_PATH}", str(driver))
                (self.content / "db.php").write_text(drop_in)
                (self.directory / "database").mkdir(exist_ok=True)
        shutil.copy(PHP_FILES / "offline.php", self.content / "mu-plugins/offline.php")
        if self._plugin is not None:
            self.install_plugin(self._plugin)

    def install_plugin(self, package: Path) -> None:
        """Unpack the plugin's zip where WordPress would."""
        if not package.exists():
            raise WordPressError(f"{package} is not there: `make build` makes it")
        shutil.rmtree(self.content / "plugins" / PLUGIN, ignore_errors=True)
        with zipfile.ZipFile(package) as archive:
            archive.extractall(self.content / "plugins")

    def _serve(self) -> Process | Nginx:
        if self.server == "nginx":
            return Nginx(self.docroot, self.port, self.directory / "nginx", self._log_directory)
        return php_server(self.docroot, self.port, self._log_directory)

    def _set_up(self) -> None:
        """WordPress' own installation, the people, and the plugin's activation."""
        installed = self.directory / "installed"
        if not installed.exists():
            self._run_php(PHP_FILES / "install.php", str(self.docroot))
            installed.touch()
        self.php(
            (PHP_FILES / "setup.php").read_text().removeprefix("<?php"),
            people=[dataclasses.asdict(person) for person in self.people.values()],
            plugin=None if self._plugin is None else f"{PLUGIN}/{PLUGIN}.php",
        )


def copy_tree(source: Path, target: Path) -> None:
    """Copy a directory; with cp, which shares the blocks where the file system can."""
    subprocess.run(["cp", "--recursive", "--reflink=auto", source, target], check=True)


def php_literal(value: Constant) -> str:
    """The value as PHP source."""
    if isinstance(value, bool | int):
        return str(value).lower()
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
