"""What this machine is: its accounts, as whom its web servers run PHP, and which folders they publish.

It is told by the configuration files of Debian's, the RHEL family's and SUSE's packages. Everything takes the root of
the file system, so that it can be tried on a tree of files that is no machine.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CONFIG_MAX = 1_000_000  # bytes
_NEVER = frozenset({"root", "nobody", "nogroup"})

#: As whom the web servers of each distribution's own packages run: user, group.
_USUAL = {
    "debian": (("www-data", "www-data"),),
    "rhel": (("apache", "apache"), ("nginx", "nginx")),
    "suse": (("wwwrun", "www"), ("nginx", "nginx")),
    "": (("www-data", "www-data"), ("apache", "apache"), ("nginx", "nginx"), ("wwwrun", "www"), ("http", "http")),
}
#: PHP-FPM's main configuration as a pattern, its program and its service; ``{}`` is what the pattern's group found.
_FPM = (
    ("etc/php/*/fpm/php-fpm.conf", r"etc/php/([^/]+)/", "usr/sbin/php-fpm{}", "php{}-fpm"),
    ("etc/php-fpm.conf", "()", "usr/sbin/php-fpm", "php-fpm"),
    ("etc/opt/remi/php*/php-fpm.conf", r"etc/opt/remi/([^/]+)/", "opt/remi/{}/root/usr/sbin/php-fpm", "{}-php-fpm"),
    ("etc/php[0-9]*/fpm/php-fpm.conf", "()", "usr/sbin/php-fpm", "php-fpm"),
)
#: Apache's main configuration, its program, its service, and where its sites are configured.
_APACHES = (
    ("etc/apache2/apache2.conf", "usr/sbin/apache2", "apache2", "etc/apache2/sites-enabled/*"),
    ("etc/httpd/conf/httpd.conf", "usr/sbin/httpd", "httpd", "etc/httpd/conf.d/*.conf"),
    ("etc/apache2/uid.conf", "usr/sbin/httpd*", "apache2", "etc/apache2/vhosts.d/*.conf"),
)
#: Where Apache is told to run PHP itself (mod_php): a pattern of files, and what stands in them.
_MOD_PHP = (
    ("etc/apache2/mods-enabled/php*.load", "LoadModule"),
    ("etc/httpd/conf.modules.d/*.conf", r"(?m)^\s*LoadModule\s+php\w*_module"),
    ("etc/httpd/conf.d/*.conf", r"(?m)^\s*LoadModule\s+php\w*_module"),
    ("etc/sysconfig/apache2", r'(?m)^\s*APACHE_MODULES="[^"\n]*\bphp\d*\b'),
)
_PUBLISHED = ("var/www", "srv/www", "usr/share/nginx", "usr/share/wordpress")


@dataclass(frozen=True, slots=True)
class Worker:
    """Processes that run PHP: as whom, by which service, and what says so."""

    user: str
    group: str
    service: str
    source: str


class Host:
    """The machine below ``root``."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self.is_real = root == Path("/")

    @property
    def release(self) -> dict[str, str]:
        """os-release(5)."""
        lines = self.text("etc/os-release").splitlines() or self.text("usr/lib/os-release").splitlines()
        pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
        return {name: value.strip().strip("\"'") for name, _, value in pairs}

    @property
    def family(self) -> str:
        """``debian``, ``rhel``, ``suse``, or nothing that we know."""
        words = f"{self.release.get('ID', '')} {self.release.get('ID_LIKE', '')}".split()
        for family, names in {"debian": {"debian", "ubuntu"}, "rhel": {"rhel", "fedora", "centos"}}.items():
            if names & set(words):
                return family
        return "suse" if any(word.startswith(("suse", "opensuse", "sles", "sled")) for word in words) else ""

    def user(self, name: str) -> pwd.struct_passwd | None:
        """The account with this name."""
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name) if self.is_real else self._users()[name]
        return None

    def names_of(self, uid: int) -> set[str]:
        """All accounts with this uid that the machine lists."""
        users = pwd.getpwall() if self.is_real else list(self._users().values())
        return {user.pw_name for user in users if user.pw_uid == uid}

    def group(self, name: str) -> grp.struct_group | None:
        """The group with this name."""
        with contextlib.suppress(KeyError):
            return grp.getgrnam(name) if self.is_real else self._groups()[name]
        return None

    def group_name(self, gid: int) -> str:
        """The name of this group, or its number."""
        with contextlib.suppress(KeyError):
            if self.is_real:
                return grp.getgrgid(gid).gr_name
        return next((found.gr_name for found in self._groups().values() if found.gr_gid == gid), str(gid))

    def groups_of(self, user: str, group: str) -> set[str]:
        """The groups of a process that was started as this user and group (initgroups(3))."""
        first = self.group(group)
        if self.is_real:
            found = os.getgrouplist(user, first.gr_gid) if first else []
            return {self.group_name(gid) for gid in found}
        return {name for name, found in self._groups().items() if user in found.gr_mem} | ({group} if first else set())

    def workers(self) -> list[Worker]:
        """Who runs PHP: pools of PHP-FPM, and Apache where it has PHP in it. Each user and group once."""
        found: dict[tuple[str, str], Worker] = {}
        for worker in (*self._pools(), *self._apaches_with_php()):
            found.setdefault((worker.user, worker.group), worker)
        return list(found.values())

    def likely_workers(self) -> list[Worker]:
        """Where nothing says who runs PHP: the web servers' own users, else the distribution's usual ones."""
        servers = [*(worker for apache in _APACHES for worker in self._apache(*apache[:3])), *self._nginx()]
        if servers:
            return servers[:1]
        usual = [pair for pair in _USUAL[self.family] if self.user(pair[0]) and self.group(pair[1])]
        source = f"the usual one of {self.release.get('PRETTY_NAME', 'this system')}"
        return [Worker(user, group, "", source) for user, group in usual[:1]]

    def publishes(self, path: Path) -> bool:
        """Whether a file lies where a web server may hand it out."""
        roots = {self.root / folder for folder in _PUBLISHED}
        patterns = (*(sites for *_, sites in _APACHES), *(main for main, *_ in _APACHES), "etc/nginx/**/*")
        for file in self._files(*patterns):
            told = re.findall(r'(?mi)^\s*(?:DocumentRoot|root)\s+"?([^";\s]+)', self._text(file))
            roots |= {self.root / folder.lstrip("/") for folder in told if folder not in {"/", ""}}
        inside = any(folder.is_relative_to(place) for folder in path.parents for place in roots)
        names = {"public_html", "htdocs", "wp-content"} & set(path.parts)
        return inside or bool(names) or any((folder / "wp-load.php").exists() for folder in path.parents)

    def runs_systemd(self) -> bool:
        """Whether systemd is the machine's init (sd_booted(3))."""
        return (self.root / "run/systemd/system").is_dir()

    def enforces_selinux(self) -> bool:
        """Whether SELinux forbids what its policy does not allow."""
        return self.text("sys/fs/selinux/enforce").strip() == "1"

    def text(self, name: str) -> str:
        """What stands in the file of this name below the root; nothing if it can't be read."""
        return self._text(self.root / name)

    def _pools(self) -> Iterator[Worker]:
        for pattern, version, program, service in _FPM:
            for main in sorted(self.root.glob(pattern)):
                named = re.match(version, str(main.relative_to(self.root)))
                name = named[1] if named else ""
                if not (self.root / program.format(name)).exists():
                    continue  # a package that was removed leaves its configuration behind
                includes = re.findall(r"(?m)^\s*include\s*=\s*(\S+)", self._text(main))
                for file in (main, *self._files(*(place.lstrip("/") for place in includes))):
                    yield from self._pools_in(file, service.format(name))

    def _pools_in(self, file: Path, service: str) -> Iterator[Worker]:
        pool, values = "", dict[str, str]()
        for line in (*self._text(file).splitlines(), "[end]"):
            if section := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
                if pool not in {"", "global"} and values.get("user"):
                    user = values["user"].replace("$pool", pool)
                    group = values.get("group", "").replace("$pool", pool) or self._primary_group(user)
                    yield Worker(user, group, service, f"pool {pool} in /{file.relative_to(self.root)}")
                pool, values = section[1], {}
            elif found := re.match(r"\s*(user|group)\s*=\s*([^;]*)", line):
                values[found[1]] = found[2].strip().strip("\"'")

    def _apaches_with_php(self) -> Iterator[Worker]:
        for main, program, service, sites in _APACHES:
            folder = main.split("/")[1]
            with_php = any(
                re.search(said, self._text(file))
                for pattern, said in _MOD_PHP
                if folder in pattern
                for file in self._files(pattern)
            )
            if with_php:
                yield from self._apache(main, program, service)
                for file in self._files(sites):  # mpm_itk: a user for each site
                    for user, group in re.findall(r"(?mi)^\s*AssignUserID\s+(\S+)\s+(\S+)", self._text(file)):
                        yield Worker(user, group, service, f"AssignUserID in /{file.relative_to(self.root)}")

    def _apache(self, main: str, program: str, service: str) -> Iterator[Worker]:
        file = self.root / main
        if not file.exists() or not any(self.root.glob(program)):
            return
        text, values = self._text(file), dict[str, str]()
        variables = dict(re.findall(r"(?m)^\s*export\s+(\w+)=[\"']?([\w.-]+)", self._text(file.with_name("envvars"))))
        for name in ("User", "Group"):
            found = re.search(rf"(?mi)^\s*{name}\s+(\S+)", text)
            value = found[1].strip("\"'") if found else ""
            values[name] = re.sub(r"\$\{(\w+)\}", lambda name: variables.get(name[1], ""), value)
        if values["User"]:
            group = values["Group"] or self._primary_group(values["User"])
            yield Worker(values["User"], group, service, f"/{main}")

    def _nginx(self) -> Iterator[Worker]:
        file = self.root / "etc/nginx/nginx.conf"
        if found := re.search(r"(?m)^\s*user\s+([\w.-]+)(?:\s+([\w.-]+))?\s*;", self._text(file)):
            group = found[2] or self._primary_group(found[1])
            yield Worker(found[1], group, "nginx", "/etc/nginx/nginx.conf")

    def _primary_group(self, user: str) -> str:
        account = self.user(user)
        return self.group_name(account.pw_gid) if account else user

    def _users(self) -> dict[str, pwd.struct_passwd]:
        lines = (line.split(":") for line in self.text("etc/passwd").splitlines() if line.count(":") == 6)
        return {
            name: pwd.struct_passwd((name, word, int(uid), int(gid), gecos, home, shell))
            for name, word, uid, gid, gecos, home, shell in lines
        }

    def _groups(self) -> dict[str, grp.struct_group]:
        lines = (line.split(":") for line in self.text("etc/group").splitlines() if line.count(":") == 3)
        return {
            name: grp.struct_group((name, word, int(gid), [member for member in members.split(",") if member]))
            for name, word, gid, members in lines
        }

    def _files(self, *patterns: str) -> list[Path]:
        found = (path for pattern in patterns if pattern for path in sorted(self.root.glob(pattern)))
        return [path for path in found if path.is_file()]

    def _text(self, path: Path) -> str:
        with contextlib.suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_CONFIG_MAX)
        return ""


def shared_group(host: Host, workers: list[Worker]) -> str | None:
    """A group that all these processes have, and that the user database says they have; ``None`` if there is none."""
    if not workers:
        return None
    common = set.intersection(*(_groups(host, worker) for worker in workers)) - _NEVER
    for wanted in (workers[0].group, workers[0].user, *sorted(common)):
        if wanted in common:
            return wanted
    return None


def _groups(host: Host, worker: Worker) -> set[str]:
    account = host.user(worker.user)
    if account is None:
        return set()
    return host.groups_of(worker.user, worker.group) & host.groups_of(worker.user, host.group_name(account.pw_gid))
