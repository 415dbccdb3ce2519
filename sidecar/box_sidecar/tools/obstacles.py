"""What keeps the sidecar from being installed here, found out before anything is done: one sentence each."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import stat
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

import box_sidecar
from box_sidecar.tools.host import Host

USER = "box-sidecar"
FOLDER = "/etc/box-sidecar"
UNIT = "/etc/systemd/system/box-sidecar.service"
SOCKET_UNIT = "/etc/systemd/system/box-sidecar.socket"
#: What the unit hides from the service: ProtectHome=, PrivateTmp=.
_HIDDEN = tuple(map(Path, ("/root", "/home", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108
_ANEW = (
    "make the environment anew, as root, in a folder of root's, like /opt/box-sidecar: "
    "what is there now may be somebody else's already."
)
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


def obstacles(host: Host) -> list[str]:
    """Why the sidecar can't be installed here; empty where it can."""
    found = []
    if os.geteuid() != 0:
        found.append(
            "This takes root (sudo, or a root shell): the key gets a user of its own, whom PHP can't be. "
            "On shared hosting without root it can't be had, and the key must not lie there in any other way."
        )
    if not host.runs_systemd():
        found.append(
            "systemd does not run here, and the service is a unit of systemd's: in containers take docker-compose.yml; "
            "elsewhere have your own supervisor run “box-sidecar serve” as a user of its own."
        )
    return [*found, *_program(program()), *_package(host), *_account(host), *_places(host)]


def proxies(host: Host, environment: Mapping[str, str]) -> dict[str, str]:
    """The proxy's variables, of this process or, as sudo takes them away, of the whole machine."""
    lines = host.text("etc/environment").splitlines()
    whole = {name.strip(): value.strip().strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
    found = {name: environment.get(name) or whole.get(name, "") for name in PROXIES}
    return {name: value for name, value in found.items() if value and value.isprintable()}


def hints(host: Host, through: Mapping[str, str]) -> list[str]:
    """What somebody should know who installs it here, though it keeps nobody from it. ``through``: the proxies."""
    found = []
    if host.enforces_selinux():
        module, prefix = (shlex.quote(str(path)) for path in (Path(__file__).with_name("box-sidecar.cil"), sys.prefix))
        found.append(
            "SELinux is enforcing, and its policy does not let web servers connect to the sidecar. Allow it once: "
            f"semodule -i {module} && restorecon -iR {prefix} /etc/box-sidecar /run/box-sidecar "
            "(undone by: semodule -r box-sidecar)."
        )
    if through:
        found.append(
            f"This machine goes through a proxy: {', '.join(through)} go into {FOLDER}/environment for the service, "
            "which only root can read."
        )
    return found


def program() -> Path:
    """The command that the service runs: that of the Python environment in which we run."""
    scripts = Path(sys.prefix) / "bin" if _in_environment() else Path(sysconfig.get_path("scripts"))
    return scripts / "box-sidecar"


def packaged_unit(host: Host) -> str:
    """The unit as a package of the system's has brought it; empty if none has."""
    texts = (host.text(f"{folder}/{USER}.service") for folder in ("usr/lib/systemd/system", "lib/systemd/system"))
    return next(filter(None, texts), "")


def _package(host: Host) -> Iterator[str]:
    """Two installations of the sidecar would take turns at one service."""
    runs = re.search(r"(?m)^ExecStart=(/\S+) serve", packaged_unit(host))
    if runs and runs[1] != str(program()) and (host.root / runs[1][1:]).exists():
        yield (
            f"The package {USER} is installed, and its service runs {runs[1]}: set that one up by “{runs[1]} setup”, "
            "or remove the package first."
        )


def _in_environment() -> bool:
    return sys.prefix != sys.base_prefix


def _program(command: Path) -> Iterator[str]:
    """Whether the service's user can run our program, and whether nobody else could change it."""
    prefix = Path(sys.prefix)
    if not re.fullmatch(r"/[\w./+-]+", str(command)):
        yield f"{command}: systemd would read this path differently; make the environment in /opt/box-sidecar."
    elif not os.access(command, os.X_OK):
        yield f"{command} is not there or can't be run; install the wheel as docs/install.md has it."
    elif os.statvfs(command).f_flag & os.ST_NOEXEC:
        yield f"{prefix} lies on a file system mounted noexec; make the environment elsewhere, like /opt/box-sidecar."
    package, library = Path(box_sidecar.__file__).resolve().parent, Path(os.__file__).resolve()
    whole = prefix.resolve() if _in_environment() else command.resolve()
    seen = set[Path]()
    for place in (whole, *_named_by_pth(prefix), package, Path(sys.executable).resolve(), library):
        if found := next(_unfit(place, seen), None):
            yield found
            return


def _named_by_pth(prefix: Path) -> Iterator[Path]:
    """The folders outside of the environment from which its ``.pth`` files have Python import, as editable installs
    do."""
    own = [Path(name).resolve() for name in sys.path if name and Path(name).is_relative_to(prefix)]
    for folder in own:
        for file in sorted(folder.glob("*.pth")):
            for line in file.read_text("utf-8", errors="replace").splitlines():
                named = folder / line.strip()
                if line.strip() and not line.startswith(("#", "import ", "import\t")) and named.exists():
                    yield named.resolve()


def _unfit(place: Path, seen: set[Path]) -> Iterator[str]:
    """Why a file, or a folder with all that is in it, is no part of a service that holds a key. Where links lead is
    a part, too."""
    if place in seen:
        return
    seen.add(place)
    if hidden := next((folder for folder in _HIDDEN if place.is_relative_to(folder)), None):
        yield (
            f"{place} lies below {hidden}, which the service does not see: make the environment in /opt/box-sidecar, "
            "with a Python that is installed for everybody, like /usr/bin/python3."
        )
    for folder in reversed(place.parents):
        yield from _judge(folder, "")
    yield from _judge(place, "-R ")
    for inside, names, files in os.walk(place):
        for name in (*names, *files):
            path = Path(inside) / name
            yield from _judge(path, "-R ")
            if path.is_symlink() and not (target := path.resolve()).is_relative_to(place) and target.exists():
                yield from _unfit(target, seen)


def _judge(path: Path, all_of_it: str) -> Iterator[str]:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return  # said elsewhere, if it matters
    quoted = shlex.quote(str(path))
    if status.st_uid != 0:
        # To give it to root, as it is, would have the service run what somebody else may have put there.
        yield f"{path} belongs to uid {status.st_uid}, who could have the key by changing it; {_ANEW}"
    if stat.S_ISLNK(status.st_mode):
        return
    mode, is_folder = status.st_mode, stat.S_ISDIR(status.st_mode)
    by_group = mode & stat.S_IWGRP and (status.st_gid != 0 or _has_acl(path))
    if by_group or (mode & stat.S_IWOTH and not mode & stat.S_ISVTX):
        yield f"{path} can be changed by others, who could have the key so; {_ANEW}"
    if not mode & (stat.S_IXOTH if is_folder else stat.S_IROTH):
        yield f"The service's user could not read {path}; run: chmod {all_of_it}go+rX {quoted}"


def _has_acl(path: Path) -> bool:
    """Whether others may hide behind the group's permission (acl(5))."""
    with contextlib.suppress(OSError):  # a file system without attributes has no ACLs either
        return "system.posix_acl_access" in os.listxattr(path)
    return False


def _account(host: Host) -> Iterator[str]:
    """An account of this name that somebody could log in to, or that is root's, must not have the key."""
    account = host.user(USER)
    if account is None:
        return
    if account.pw_uid == 0:
        yield f"The account {USER} is root by its uid; remove it: it is to be able to do nothing but its own work."
        return
    if others := host.names_of(account.pw_uid) - {USER}:
        yield (
            f"{', '.join(sorted(others))} has the uid of {USER} ({account.pw_uid}), and could read the key; "
            "give each a uid of its own."
        )
    if not account.pw_shell.endswith(("/nologin", "/false")):
        yield f"The account {USER} can log in ({account.pw_shell}); run: usermod --shell {nologin(host)} {USER}"


def _places(host: Host) -> Iterator[str]:
    """Whether what we write to is what it seems to be, and root's alone."""
    folder = host.root / FOLDER[1:]
    for what, name in (("service", UNIT), ("socket", SOCKET_UNIT)):
        unit = host.root / name[1:]
        if unit.is_symlink() and unit.readlink() == Path("/dev/null"):
            yield f"The {what} is masked; run: systemctl unmask {unit.name}"
    if not os.path.lexists(folder):
        return
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        yield f"{FOLDER} is not a folder (or a link to one); move it away: the key goes into a folder of root's."
    elif status.st_uid != 0 and host.is_real:
        yield (
            f"{FOLDER} belongs to uid {status.st_uid}, who could replace what is in it; move it away: "
            f"mv {FOLDER} {FOLDER}.old"
        )
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield f"Others than root can write to {FOLDER}; run: chmod go-w {FOLDER}"
    for name in ("box-sidecar.toml", "box_config.json"):
        if (folder / name).is_symlink():
            yield f"{FOLDER}/{name} is a symbolic link; put the file itself there, or take the link away."


def nologin(host: Host) -> str:
    """The shell of accounts that nobody logs in to."""
    known = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false")
    return next((shell for shell in known if (host.root / shell[1:]).exists()), known[0])
