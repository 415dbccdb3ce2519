"""What ``box-sidecar setup`` makes of a machine and of the administrator's answers: steps, and what to say of them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from box_sidecar import __version__
from box_sidecar.app_config import AppConfig, parse_app_config
from box_sidecar.box.assertion import AssertionSigner
from box_sidecar.logs import printable
from box_sidecar.settings import ServerSettings, Settings
from box_sidecar.tools import config
from box_sidecar.tools.host import Host, Worker, shared_group
from box_sidecar.tools.obstacles import FOLDER, SOCKET_UNIT, UNIT, USER, nologin, program
from box_sidecar.tools.removal import CLIENTS_GROUP, MADE_NOTE, SOCKET_FOLDER, made_here, remove
from box_sidecar.tools.steps import SetupError, Step, command, run, write_file
from box_sidecar.trusted_file import read_file

CONFIG = f"{FOLDER}/box-sidecar.toml"
ENVIRONMENT = f"{FOLDER}/environment"
_PACKAGED = ("/usr/lib/systemd/system", "/lib/systemd/system")


@dataclass(frozen=True, slots=True)
class AppJson:
    """The Developer Console's JSON as it was read, once: what is judged is what is installed."""

    path: Path
    content: bytes = field(repr=False)
    status: os.stat_result
    app: AppConfig

    @property
    def told(self) -> str:
        """Which app it is; nothing of it is secret."""
        key = f"key {self.app.key_id}" if self.app.key else "no key pair (client credentials)"
        return printable(f"app {self.app.client_id}, enterprise {self.app.enterprise_id}, {key}")


def read_json(path: Path, *, in_hardware: bool = False) -> AppJson:
    """Read it and make sure that the sidecar could work with it. ``in_hardware``: box.key names the private key.

    Raises:
        ConfigError: it is not the Console's JSON, or its key can't be opened.
        SetupError: there is none.
    """
    try:
        content, status = read_file(path)
    except FileNotFoundError:
        raise SetupError(
            f"{path}: there is no such file; the Developer Console has it: docs/install.md, “In Box”, step 3"
        ) from None
    app = parse_app_config(content, path, in_hardware=in_hardware)
    if app.key and not in_hardware:
        AssertionSigner(app.client_id, app.key)
    return AppJson(path, content, status, app)


def warnings_about(json: AppJson, host: Host) -> list[str]:
    """Who may have the key already, from where the file lies."""
    anew = "make a new key pair in the Developer Console unless you are sure that nobody did, and take that JSON."
    if host.publishes(json.path.resolve()):
        return [f"{json.path} lies in a folder of the web server's: anybody may have downloaded it; {anew}"]
    if json.status.st_mode & (stat.S_IRGRP | stat.S_IROTH):
        mode = stat.S_IMODE(json.status.st_mode)
        return [f"{json.path} can be read by others on this machine (mode {mode:04o}); {anew}"]
    return []


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the administrator wants. ``json`` is ``None`` where the one that is installed stays; ``group`` is the
    socket's, if it was named; ``delete_json`` is ``None`` while it is not known."""

    workers: list[Worker]
    group: str
    json: AppJson | None
    delete_json: bool | None
    proxies: Mapping[str, str] = field(repr=False)


class Installation:
    """``steps`` in their order, and ``notes`` for what is left as it is. Where all is done, there are only those that
    start the service."""

    def __init__(self, host: Host, wanted: Wanted, settings: Settings | None, running: str | None = None) -> None:
        """``running``: the version that serves already, if any does."""
        self.host = host
        self.notes: list[str] = []
        self.group = self._socket_group(wanted, settings)
        changes = [
            *self._accounts(wanted.workers),
            *self._folder(),
            *self._json(wanted.json, settings),
            *self._config(wanted.workers, settings),
            *self._environment(wanted.proxies),
            *self._units(wanted.proxies, settings),
        ]
        if self._group_is_new(wanted.workers):  # a process has the groups with which it was started
            services = dict.fromkeys(worker.service for worker in wanted.workers if worker.service)
            changes += [command("systemctl", "reload", service) for service in services]
        start = "restart" if changes or running not in {None, __version__} else "start"
        self.steps = [
            *changes,
            command("systemctl", "daemon-reload"),
            command("systemctl", "enable", f"{USER}.socket", USER),
            Step(f"systemctl {start} {USER}", lambda: self._start(start)),
            *self._original(wanted),
        ]
        self.changes = len(changes)

    def _socket_group(self, wanted: Wanted, settings: Settings | None) -> str:
        if settings is not None:
            if wanted.group not in {"", settings.server.socket_group}:
                self.notes.append(f'--group is not taken over: set server.socket_group = "{wanted.group}" in {CONFIG}.')
            return settings.server.socket_group
        return wanted.group or shared_group(self.host, wanted.workers) or CLIENTS_GROUP

    def _group_is_new(self, workers: list[Worker]) -> bool:
        group = self.host.group(CLIENTS_GROUP)
        missing = [worker.user for worker in workers if group is None or worker.user not in group.gr_mem]
        return self.group == CLIENTS_GROUP and bool(missing)

    def _accounts(self, workers: list[Worker]) -> list[Step]:
        steps = []
        if self.host.user(USER) is None:
            group = ("--gid", USER) if self.host.group(USER) else ("--user-group",)
            home = ("--home-dir", "/nonexistent", "--no-create-home", "--shell", nologin(self.host))
            steps.append(command("useradd", "--system", *group, *home, USER))
        if self._group_is_new(workers):
            group_known = self.host.group(CLIENTS_GROUP)
            if group_known is None:
                steps.append(command("groupadd", "--system", CLIENTS_GROUP))
            for user in dict.fromkeys(worker.user for worker in workers):
                if group_known is None or user not in group_known.gr_mem:
                    steps.append(command("usermod", "--append", "--groups", CLIENTS_GROUP, user))
        return steps

    def _made(self) -> list[str]:
        """The accounts that set-up makes or has made, and that go with it."""
        made = made_here(self.host)
        if self.host.user(USER) is None:
            made.add(f"user {USER}")
        if self.group == CLIENTS_GROUP and self.host.group(CLIENTS_GROUP) is None:
            made.add(f"group {CLIENTS_GROUP}")
        return sorted(made)

    def _folder(self) -> list[Step]:
        folder = self._path(FOLDER)
        if folder.exists():
            return []
        return [Step(f"install -d -o root -g root -m 755 {FOLDER}", lambda: folder.mkdir(mode=0o755))]

    def _json(self, json: AppJson | None, settings: Settings | None) -> list[Step]:
        if json is None:
            return []
        name = (settings or Settings()).box.app_config
        target = self._path(FOLDER) / name
        if target.parent != self._path(FOLDER):
            if target.exists() and target.samefile(json.path):
                return []
            raise SetupError(f"{CONFIG} names {name} as the app's JSON: put it there yourself, and leave --json away")
        if target.exists():
            account, status = self.host.user(USER), target.stat()
            private = account is not None and (status.st_uid, status.st_mode & 0o077) == (account.pw_uid, 0)
            same = target.read_bytes() == json.content
            if same and private:
                return []
            if not same:
                self.notes.append(f"The JSON in {target} is replaced by this one.")
        says = f"install -o {USER} -m 600 {json.path} {target}"
        return [Step(says, lambda: write_file(target, json.content, 0o600, *self._owner()))]

    def _config(self, workers: list[Worker], settings: Settings | None) -> list[Step]:
        users = list(dict.fromkeys(worker.user for worker in workers))
        if settings is not None:
            self._compare(users, settings)
            return []
        text, allowed = config.template(), ", ".join(f'"{user}"' for user in ("root", USER, *users))
        for key, value in (("socket_group", f'"{self.group}"'), ("allowed_users", f"[{allowed}]")):
            text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        says = f'{CONFIG}: the default, with socket_group = "{self.group}", allowed_users = [{allowed}]'
        return [Step(f"write {says}", lambda: write_file(self._path(CONFIG), text.encode(), 0o644))]

    def _compare(self, users: list[str], settings: Settings) -> None:
        """An administrator's configuration stays as it is; what it lacks is said."""
        self.notes.append(f"{CONFIG} is there already and stays as it is.")
        allowed = {str(name) for name in settings.server.allowed_users}
        for user in users:
            account = self.host.user(user)
            if allowed and account and not {user, str(account.pw_uid)} & allowed:
                fix = f'add "{user}" to server.allowed_users, then run: systemctl restart {USER}'
                self.notes.append(f"It does not admit {user}: {fix}")

    def _environment(self, proxies: Mapping[str, str]) -> list[Step]:
        escaped = {name: re.sub(r'([\\"`$])', r"\\\1", value) for name, value in proxies.items()}
        text = "".join(f'{name}="{value}"\n' for name, value in escaped.items())
        if not proxies or self._has(ENVIRONMENT, text):
            return []
        says = f"write {ENVIRONMENT}: {', '.join(proxies)} (root, mode 600)"
        return [Step(says, lambda: write_file(self._path(ENVIRONMENT), text.encode(), 0o600))]

    def _units(self, proxies: Mapping[str, str], settings: Settings | None) -> list[Step]:
        """Service and socket as they are shipped, each with a drop-in of what depends on this machine."""
        server = (settings or Settings()).server
        service = ["[Service]"]
        if proxies or self._path(ENVIRONMENT).exists():
            service.append(f"EnvironmentFile=-{ENVIRONMENT}")
        if f"ExecStart={program()} " not in self._shipped(UNIT):
            service += ["ExecStart=", f"ExecStart={program()} serve --config {CONFIG}"]
        socket = ["[Socket]"]
        if self.group:
            socket.append(f"SocketGroup={self.group}")
        if server.socket_mode != ServerSettings().socket_mode:
            socket.append(f"SocketMode={server.socket_mode}")
        if server.socket != ServerSettings().socket:
            socket += ["ListenStream=", f"ListenStream={server.socket}"]
        made = [f"{MADE_NOTE}{', '.join(found)}"] if (found := self._made()) else []
        about_socket = self._unit(SOCKET_UNIT, socket)
        self._socket_changes = bool(about_socket)
        return [*self._unit(UNIT, [*made, *service]), *about_socket]

    def _shipped(self, name: str) -> str:
        """A unit's text: that of a package, else ours."""
        packaged = self._packaged(name)
        return packaged[0].read_text() if packaged else unit_text(Path(name).name)

    def _packaged(self, name: str) -> list[Path]:
        places = [self._path(f"{folder}/{Path(name).name}") for folder in _PACKAGED]
        return [path for path in places if path.exists()]

    def _unit(self, name: str, more: list[str]) -> list[Step]:
        """One unit, unless a package has brought it, and the drop-in."""
        steps, unit = [], self._shipped(name)
        if self._packaged(name):
            if self._path(name).is_file():  # from before the package: it would win over the package's
                steps.append(Step(f"rm {name}: the package has its own", self._path(name).unlink))
        elif not self._has(name, unit):
            if self._path(name).exists():
                self.notes.append(f"{name} is replaced; changes of your own: systemctl edit {Path(name).name}")
            steps.append(Step(f"write {name}", lambda: write_file(self._path(name), unit.encode(), 0o644)))
        lines = ["# Written by “box-sidecar setup”. What you change goes into another file beside this one.", *more]
        path, drop_in = self._path(f"{name}.d/setup.conf"), "\n".join((*lines, ""))
        if not self._has(f"{name}.d/setup.conf", drop_in):
            told = "; ".join(line for line in more if not line.startswith(("#", "[")))

            def write() -> None:
                path.parent.mkdir(mode=0o755, exist_ok=True)
                write_file(path, drop_in.encode(), 0o644)

            steps.append(Step(f"write {name}.d/setup.conf{': ' if told else ''}{told}", write))
        return steps

    def _start(self, how: str) -> None:
        """Start or restart the service behind its socket, which is made anew where its unit has changed. A socket is
        not taken from a service that made its own, as those of older versions did, in a folder of its own; and what
        failed before is forgotten, so that systemd tries it again at once."""
        state = run(["systemctl", "show", "--property=ActiveState", "--value", f"{USER}.socket"]).strip()
        folder = self._path(SOCKET_FOLDER)
        is_theirs = folder.exists() and folder.lstat().st_uid != 0  # who could put another socket there
        if self._socket_changes or is_theirs or state != "active":
            run(["systemctl", "stop", USER] if state != "active" else ["systemctl", "stop", f"{USER}.socket", USER])
            run(["systemctl", "reset-failed", f"{USER}.socket", USER])
        if is_theirs:
            remove(folder)
        try:
            run(["systemctl", how, USER])
        except SetupError as error:
            if f"Job for {USER}.service" not in str(error):
                raise  # else it is tried again, and who waits for it tells why it does not come up

    def _original(self, wanted: Wanted) -> list[Step]:
        """The copy that the key came from; nothing but that very file."""
        json = wanted.json
        if json is None or wanted.delete_json is False:
            return []
        says = f"rm {json.path}" if wanted.delete_json else f"ask whether to: rm {json.path}"
        return [Step(says, lambda: _delete(json))]

    def _has(self, name: str, text: str) -> bool:
        path = self._path(name)
        try:
            return not path.is_symlink() and path.read_text("utf-8") == text
        except (OSError, UnicodeDecodeError):
            return False

    def _owner(self) -> tuple[int, int]:
        account = self.host.user(USER)
        if account is None:
            raise SetupError(f"the account {USER} was not made")
        return account.pw_uid, account.pw_gid

    def _path(self, name: str) -> Path:
        return self.host.root / name[1:]


def unit_text(name: str = f"{USER}.service") -> str:
    """A unit, which lies beside this code."""
    return files("box_sidecar.tools").joinpath(name).read_text("utf-8")


def is_in_place(json: Path, host: Host) -> bool:
    """Whether the file is the one that the sidecar uses, whatever it was called."""
    try:
        return any(json.samefile(path) for path in (host.root / FOLDER[1:]).iterdir())
    except OSError:
        return False


def _delete(json: AppJson) -> None:
    """Remove the file and, if that was how it was named, the link to it; not what has taken its place meanwhile.

    Both are looked at and removed in folders that were opened before: whoever could put another folder in their way
    would else have root remove a file there.
    """
    wanted = (json.status.st_dev, json.status.st_ino)
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    itself = json.path.resolve()
    folder, named_in = os.open(itself.parent, flags), os.open(json.path.parent, flags)
    try:
        status = os.stat(itself.name, dir_fd=folder, follow_symlinks=False)
        if (status.st_dev, status.st_ino) != wanted:
            raise SetupError(f"{json.path} is not the file any more that was installed; look at it, and delete it")
        link = os.stat(json.path.name, dir_fd=named_in, follow_symlinks=False)
        followed = os.stat(json.path.name, dir_fd=named_in)
        os.unlink(itself.name, dir_fd=folder)
        if stat.S_ISLNK(link.st_mode) and (followed.st_dev, followed.st_ino) == wanted:
            os.unlink(json.path.name, dir_fd=named_in)
    finally:
        os.close(folder)
        os.close(named_in)
