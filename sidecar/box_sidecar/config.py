"""What the administrator sets: the TOML beside us and the JSON that Box's Developer Console hands out.

Everything that is not understood is refused, with the key and the line, before anything else starts.
"""

from __future__ import annotations

import contextlib
import grp
import ipaddress
import os
import pwd
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

#: Base scope of each element's token and the feature scopes it may add.
#: Box guide "Scopes for downscoping", section UI Elements.
ELEMENT_SCOPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "explorer": (
        "base_explorer",
        ("item_preview", "item_download", "item_upload", "item_rename", "item_share", "item_delete"),
    ),
    "uploader": ("base_upload", ()),
    "picker": ("base_picker", ("item_share", "item_upload")),
    "preview": (
        "base_preview",
        ("item_download", "annotation_edit", "annotation_view_all", "annotation_view_self"),
    ),
    "sidebar": ("base_sidebar", ("item_comment", "item_rename", "item_upload", "item_task")),
}

#: Elements that show one file; all others open a folder.
FILE_ELEMENTS = frozenset({"preview", "sidebar"})

_FILE_MAX = 1_000_000  # bytes
_SOCKET_PATH_MAX = 107  # bytes, sockaddr_un.sun_path without its terminator (unix(7))


class ConfigError(Exception):
    """The configuration can't be used. The message is one line that says what to change, and where."""


class Secret:
    """A string that shows itself to nobody who does not ask for it by name.

    ``repr``, ``str``, formatting and pickling give or carry nothing, so that no log line, traceback or
    debugger summary can hold the value by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one line that sends it to Box."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('…')"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> Any:
        raise TypeError("a Secret can't be pickled or copied")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


Seconds = Annotated[float, Meta(gt=0, le=86_400 * 30)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Text = Annotated[str, Meta(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,20}$(?!\n)")]


class BoxSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[box]``: where Box is and which app we are."""

    app_config: Text = "box_config.json"
    api_url: str = "https://api.box.com"
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 10.0

    def __post_init__(self) -> None:
        url = urlsplit(self.api_url)
        try:
            _ = url.port
        except ValueError:
            raise ValueError("api_url must have a port below 65536") from None
        if not self.api_url.isprintable() or " " in self.api_url:
            raise ValueError("api_url must be like https://api.box.com")
        if url.scheme not in {"https", "http"} or not url.hostname or url.query or url.fragment or url.username:
            raise ValueError("api_url must be like https://api.box.com")
        if url.scheme == "http" and not _is_loopback(url.hostname):
            raise ValueError("api_url may be plain http only for a loopback address: tokens must not travel readable")

    @property
    def base_url(self) -> str:
        """``api_url`` without a trailing slash."""
        return self.api_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ServerSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[server]``: the socket, and who may connect to it."""

    socket: Text = "/run/box-sidecar/box-sidecar.sock"
    socket_mode: str = "0660"
    socket_group: str = ""
    allowed_users: list[str | int] = []

    def __post_init__(self) -> None:
        if not re.fullmatch(r"0?o?[0-7]{3}", self.socket_mode):
            raise ValueError('socket_mode must be an octal file mode in quotes, like "0660"')
        if not self.socket.startswith("/"):
            raise ValueError("socket must be an absolute path")
        if len(os.fsencode(self.socket)) > _SOCKET_PATH_MAX:
            raise ValueError(f"socket must be at most {_SOCKET_PATH_MAX} bytes long, a limit of the kernel")

    @property
    def mode(self) -> int:
        """``socket_mode`` as a number."""
        return int(self.socket_mode.replace("o", ""), 8)


class PolicySettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[policy]``: the most that anybody can be given, whatever the web server asks for."""

    login_domains: list[str] = []
    denied_roles: list[Literal["admin", "coadmin", "user"]] = field(default_factory=lambda: ["admin", "coadmin"])
    denied_logins: list[str] = []
    folders: list[Digits] = []
    provision_app_users: bool = False
    mints_per_user_per_minute: Count = 30
    mints_per_minute: Count = 600
    accept_unstated_scopes: bool = False
    elements: dict[str, list[str]] = field(
        default_factory=lambda: {element: list(features) for element, (_, features) in ELEMENT_SCOPES.items()}
    )

    def __post_init__(self) -> None:
        for login in self.denied_logins:
            if not re.fullmatch(r"[^\s@*]+@[^\s@*]+", login):  # it would deny nobody
                raise ValueError("denied_logins must name each whole login, like ana@example.com: no space, no *")
        for element, scopes in self.elements.items():
            if element not in ELEMENT_SCOPES:
                raise ValueError(f"elements.{element} is not one of {', '.join(ELEMENT_SCOPES)}")
            if wrong := sorted(set(scopes) - set(ELEMENT_SCOPES[element][1])):
                known = ", ".join(ELEMENT_SCOPES[element][1]) or "none"
                raise ValueError(f"elements.{element} can't have {', '.join(wrong)}; its feature scopes are: {known}")


class CacheSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[cache]``: how long what Box told us is believed."""

    max_tokens: Count = 10_000
    user_ttl_s: Seconds = 3600.0
    unknown_user_ttl_s: Seconds = 60.0
    refresh_ahead_s: Annotated[float, Meta(ge=0, le=86_400)] = 600.0
    min_life_s: Annotated[float, Meta(ge=0, le=86_400)] = 120.0


class LogSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """``[log]``: what is written, and where."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    audit_file: Text = "-"


class Settings(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole TOML file; every key has a default."""

    box: BoxSettings = field(default_factory=BoxSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    log: LogSettings = field(default_factory=LogSettings)


class _AppAuth(Struct, frozen=True, rename="camel"):
    public_key_id: str = field(name="publicKeyID")
    private_key: Secret
    passphrase: Secret


class _AppSettings(Struct, frozen=True, rename="camel"):
    client_id: str = field(name="clientID")
    client_secret: Secret
    app_auth: _AppAuth | UnsetType = UNSET


class _ConsoleJson(Struct, frozen=True, rename="camel"):
    box_app_settings: _AppSettings
    enterprise_id: str = field(name="enterpriseID")


class AppConfig(Struct, frozen=True):
    """The Box app: what the Developer Console's JSON says.

    ``key_id``, ``private_key`` (PEM) and ``passphrase`` are ``None`` for an app that uses the client
    credentials grant and has no key pair.
    """

    client_id: str
    client_secret: Secret
    enterprise_id: str
    key_id: str | None
    private_key: Secret | None
    passphrase: Secret | None

    @property
    def key_pair(self) -> tuple[Secret, Secret]:
        """PEM and passphrase; ``ConfigError`` for an app that has none."""
        if self.private_key is None or self.passphrase is None:
            raise ConfigError("boxAppSettings.appAuth is missing")
        return self.private_key, self.passphrase


_WHERE_TO_GET_IT = (
    "download it again in the Box Developer Console: your app → Configuration → "
    "App Settings / Add and Manage Public Keys → Download as JSON"
)

_T = TypeVar("_T")


def load_settings(path: Path) -> Settings:
    """Read and check the TOML file.

    Raises:
        ConfigError: unreadable, somebody else could write it, not TOML, an unknown key, a wrong type or an
            impossible value; names the key and the line.
    """
    return parse_settings(read_settings(path), path)[0]


def read_settings(path: Path) -> str:
    """The TOML file's text, after making sure that nobody else could have written it.

    Raises:
        ConfigError: as :func:`load_settings`.
    """
    try:
        content, _ = _read(path)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    check_way(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: can't be read: not UTF-8 text") from None


def parse_settings(text: str, path: Path) -> tuple[Settings, frozenset[str]]:
    """Judge the TOML file's text; the settings, and which tables and keys stand in it, like ``policy.folders``.

    Raises:
        ConfigError: as :func:`load_settings`.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid TOML: nested too deeply") from None
    try:
        return msgspec.convert(raw, Settings), frozenset(_names(raw))
    except msgspec.ValidationError as error:
        message, keys = _locate(str(error))
        line = _line_of(text, keys)
        raise ConfigError(f"{path}: line {line}: {'.'.join(keys) or 'file'}: {message}") from None


def _names(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in table.items():
        yield prefix + name
        if isinstance(value, dict):
            yield from _names(value, f"{prefix}{name}.")


def _locate(message: str) -> tuple[str, list[str]]:
    """Split msgspec's "what - at `$.table.key`" into what and the key's path; an unknown key is its last part."""
    what, _, where = message.partition(" - at `")
    keys = re.findall(r"[A-Za-z0-9_-]+", re.sub(r"\[[^\]]*\]", "", where.rstrip("`").removeprefix("$")))
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        return "unknown key", [*keys, unknown[1]]
    if named := re.match(r"(elements\.\w+|\w+) (must|may|can't|is not)", what):
        keys += [key for key in named[1].split(".") if key not in keys]
    return what[0].lower() + what[1:], keys


def _line_of(text: str, keys: list[str]) -> int:
    """The line, from 1, where the key stands, or the nearest table around it."""
    table: list[str] = []
    best, best_depth = 1, -1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]#]+?)\s*\]+", line):
            table = [part.strip(" \"'") for part in header[1].split(".")]
            here = table
        elif assignment := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            here = table + [part.strip("\"'") for part in assignment[1].split(".")]
        else:
            continue
        if here == keys[: len(here)] and len(here) > best_depth:
            best, best_depth = number, len(here)
    return best


def find_app_config(settings: Settings, config_path: Path) -> Path:
    """Where the Console's JSON is: beside the TOML, else in systemd's ``$CREDENTIALS_DIRECTORY``."""
    path = config_path.parent / settings.box.app_config
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and not path.exists():
        return Path(credentials) / settings.box.app_config
    return path


def load_app_config(path: Path) -> AppConfig:
    """Read the Console's JSON, after making sure that nobody else can.

    Raises:
        ConfigError: missing, readable by others, not JSON, or a field is missing; says which field and
            where to download the right file. The message never holds anything of the file's content.
    """
    content = _read_private(path)
    try:
        parsed = msgspec.json.decode(content, type=_ConsoleJson, dec_hook=_secret)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{path}: not the Developer Console's JSON: {_missing(str(error))}; {_WHERE_TO_GET_IT}"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ConfigError(f"{path}: not JSON; {_WHERE_TO_GET_IT}") from None
    app = parsed.box_app_settings
    auth = app.app_auth if app.app_auth is not UNSET else None
    config = AppConfig(
        client_id=app.client_id,
        client_secret=app.client_secret,
        enterprise_id=parsed.enterprise_id,
        key_id=auth.public_key_id if auth else None,
        private_key=auth.private_key if auth else None,
        passphrase=auth.passphrase if auth else None,
    )
    for name, value in {
        "boxAppSettings.clientID": config.client_id,
        "boxAppSettings.clientSecret": config.client_secret.reveal(),
        "enterpriseID": config.enterprise_id,
        **({"boxAppSettings.appAuth.publicKeyID": auth.public_key_id} if auth else {}),
    }.items():
        if not value or not value.isprintable():
            raise ConfigError(f"{path}: {name} is empty or damaged; {_WHERE_TO_GET_IT}")
    return config


def _secret(kind: type[_T], value: Any) -> _T:
    if kind is Secret and isinstance(value, str):
        return kind(value)  # type: ignore[call-arg]
    raise ValueError("expected a string")


def _missing(message: str) -> str:
    """msgspec's message about a JSON, as the full name of the field that is missing or wrong."""
    what, _, where = message.partition(" - at `")
    prefix = where.rstrip("`").removeprefix("$").lstrip(".")
    if missing := re.search(r"missing required field `(\w+)`", what):
        return f"{prefix + '.' if prefix else ''}{missing[1]} is missing"
    return f"{prefix or 'the file'} is not what it should be"


def _read_private(path: Path) -> bytes:
    """Read a file that only its owner may read, as ssh does with a key.

    systemd hands credentials over in a directory closed to everybody else, with an ACL that reads as
    group permission: there, only the world is checked.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    from_systemd = bool(credentials) and path.parent.resolve() == Path(credentials or "").resolve()
    forbidden = stat.S_IRWXO if from_systemd else stat.S_IRWXG | stat.S_IRWXO
    try:
        content, status = _read(path)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: can't be read: {error.strerror}; {_WHERE_TO_GET_IT} and set box.app_config to its path"
        ) from None
    mode = stat.S_IMODE(status.st_mode)
    if mode & forbidden:
        raise ConfigError(
            f"{path}: others on this machine can read the app's key (mode {mode:04o}); run: chmod 600 {path}"
        )
    check_way(path)
    return content


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    """A regular file's content and whose it is. What is none (a pipe could hold us for ever) is not read.

    Raises:
        ConfigError: it can't be read.
        FileNotFoundError: there is none.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path}: can't be read: not a regular file")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(_FILE_MAX + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    if len(content) > _FILE_MAX:
        raise ConfigError(f"{path}: can't be read: longer than {_FILE_MAX} bytes")
    return content, status


def check_way(path: Path) -> None:
    """Refuse a file that somebody else could write or replace, as ssh does: whoever names Box's address gets the key.

    Looked at are the file and all directories and symbolic links that lead to it. A sticky directory, like /tmp, may
    be everybody's, since nobody can replace there what is not theirs.

    Raises:
        ConfigError: says which, and the command that mends it.
    """
    for step in _way(path):
        try:
            status = step.lstat()
        except OSError as error:
            raise ConfigError(f"{path}: can't be read: {step}: {error.strerror}") from None
        if status.st_uid not in {0, os.geteuid()}:
            raise ConfigError(
                f"{step} belongs to uid {status.st_uid}, who could replace the configuration; "
                f"run: chown {'-h ' if stat.S_ISLNK(status.st_mode) else ''}{os.geteuid()} {step}"
            )
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if stat.S_ISLNK(status.st_mode) or sticky:
            continue
        by_group = status.st_mode & stat.S_IWGRP and not _is_ours_alone(status.st_gid, step)
        if by_group or status.st_mode & stat.S_IWOTH:
            raise ConfigError(
                f"{step}: others on this machine can write it (mode {stat.S_IMODE(status.st_mode):04o}), and so "
                f"replace the configuration; run: chmod go-w {step}"
            )


def _way(path: Path) -> Iterator[Path]:
    """Every directory, symbolic link and file that decides what ``path`` names (path_resolution(7))."""
    here = Path("/")
    yield here
    rest = list(reversed(path.absolute().parts[1:]))
    for _ in range(1000):  # links can run in circles; opening the file says so
        if not rest:
            return
        step = here / rest.pop()
        if step.name == "..":
            here = here.parent
            continue
        yield step
        if step.is_symlink():
            target = step.readlink()
            here = Path("/") if target.is_absolute() else here
            rest += reversed(target.parts[1:] if target.is_absolute() else target.parts)
        else:
            here = step


def _is_ours_alone(gid: int, path: Path) -> bool:
    """Whether a group has no member but us and root, as a user's private group has."""
    with contextlib.suppress(OSError):  # a file system without attributes has no ACLs either
        if "system.posix_acl_access" in os.listxattr(path):
            return False  # others may hide behind the group's permission (acl(5))
    try:
        names = {user.pw_name for user in pwd.getpwall() if user.pw_gid == gid} | set(grp.getgrgid(gid).gr_mem)
        return all(pwd.getpwnam(name).pw_uid in {0, os.geteuid()} for name in names)
    except KeyError:
        return False


#: What ``box-sidecar config`` prints. A test holds it to the defaults above, key by key.
TEMPLATE = """\
# Configuration of the Box sidecar. Every key stands here with its default.

[box]
# The JSON from the Box Developer Console (Configuration → Download as JSON). It holds the key to your
# enterprise: mode 0600. Relative to this file; or a name in systemd's $CREDENTIALS_DIRECTORY.
app_config = "box_config.json"
# Where Box's API is. Plain http only for a loopback address.
api_url = "https://api.box.com"
# Seconds that one call to Box may take. All retries together end after one and a half times this.
timeout_s = 10.0

[server]
# The Unix socket, at most 107 bytes long. The sidecar never listens on the network.
socket = "/run/box-sidecar/box-sidecar.sock"
socket_mode = "0660"
# Group of the socket, for instance "www-data".
socket_group = ""
# Names or uids that may connect, told by the kernel. Empty: this service's own user, root, and the
# members of socket_group.
allowed_users = []

[policy]
# Mail domains whose people may get tokens. Empty: everybody in the enterprise.
# App users' logins end in boxdevedition.com: name that too if you use them.
login_domains = []
# Box roles that never get a token.
denied_roles = ["admin", "coadmin"]
# Logins that never get a token, each as a whole.
denied_logins = []
# Folder ids that may be asked for ("0" is a person's root). Empty: any. A file may be asked for when
# it lies somewhere below one of them.
folders = []
# Whether POST /v1/users may create app users.
provision_app_users = false
# New tokens, per person and for all together. Tokens from the cache are not counted.
mints_per_user_per_minute = 30
mints_per_minute = 600
# Believe a token for a person's root whose answer says nothing of its scopes; if Box then granted more
# than was asked, nobody would notice.
accept_unstated_scopes = false

# The most that each element's token may ever carry, besides the base scope. An element that is
# missing here is refused.
[policy.elements]
explorer = ["item_preview", "item_download", "item_upload", "item_rename", "item_share", "item_delete"]
uploader = []
picker = ["item_share", "item_upload"]
preview = ["item_download", "annotation_edit", "annotation_view_all", "annotation_view_self"]
sidebar = ["item_comment", "item_rename", "item_upload", "item_task"]

[cache]
# Tokens kept in memory; the least recently used goes first.
max_tokens = 10000
# Seconds that a person's Box id, status and role are believed.
user_ttl_s = 3600.0
# Seconds that "no such user" is believed.
unknown_user_ttl_s = 60.0
# A token in use is renewed in the background once less than this is left, in seconds.
refresh_ahead_s = 600.0
# No answer carries a token with less life than this, in seconds, unless Box is down and it is all
# there is.
min_life_s = 120.0

[log]
# debug, info, warning or error. No level shows a secret.
level = "info"
# Where the audit goes, one JSON object a line. "-" is standard output.
audit_file = "-"
"""
