"""``box-sidecar setup`` on trees of files that are no machines: whom it finds, what it would do, and what it refuses.

Debian is also tried for real (``test_installation.py``). Of Ubuntu, the RHEL family and SUSE there are the paths and
files of their packages here, and no machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from box_sidecar import __version__
from box_sidecar.peers import Credentials
from box_sidecar.problems import ConfigError
from box_sidecar.settings import ServerSettings, Settings, parse_settings
from box_sidecar.tools import config, setup
from box_sidecar.tools.host import Host, Worker, shared_group
from box_sidecar.tools.installation import Installation, Wanted, is_in_place, read_json, unit_text, warnings_about
from box_sidecar.tools.obstacles import hints, obstacles, program, proxies
from box_sidecar.tools.removal import configured, issue_nothing, removal, remove, what_stays
from box_sidecar.tools.steps import SetupError, Step, carry_out, write_file
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'
UBUNTU = 'PRETTY_NAME="Ubuntu 24.04 LTS"\nID=ubuntu\nID_LIKE=debian\n'
ALMA = 'PRETTY_NAME="AlmaLinux 9.4 (Seafoam Ocelot)"\nID="almalinux"\nID_LIKE="rhel centos fedora"\n'
SUSE = 'PRETTY_NAME="openSUSE Leap 15.6"\nID="opensuse-leap"\nID_LIKE="suse opensuse"\n'

PASSWD = """root:x:0:0:root:/root:/bin/bash
www-data:x:33:33::/var/www:/usr/sbin/nologin
apache:x:48:48::/usr/share/httpd:/sbin/nologin
nginx:x:990:990::/var/lib/nginx:/sbin/nologin
wwwrun:x:478:477::/var/lib/wwwrun:/usr/sbin/nologin
intranet:x:1001:1001::/srv/intranet:/usr/sbin/nologin
shop:x:1002:1002::/srv/shop:/usr/sbin/nologin
nobody:x:65534:65534::/:/usr/sbin/nologin
"""
GROUP = """root:x:0:
www-data:x:33:intranet,shop
apache:x:48:
nginx:x:990:
www:x:477:wwwrun
intranet:x:1001:
shop:x:1002:
sites:x:1003:intranet,shop
nogroup:x:65534:
"""


def pool(name: str, user: str, group: str = "") -> str:
    """A pool as packages bring it, comments included."""
    lines = [f"; a pool\n[{name}]\n;user = nobody\nuser = {user} ; as whom", f"group = {group}" if group else ""]
    return "\n".join([*lines, f"listen = /run/php/{name}.sock", "listen.owner = root", "pm = dynamic", ""])


MAIN = "[global]\npid = /run/php-fpm.pid\ninclude=/etc/{}/*.conf\n"
MACHINES: dict[str, tuple[str, dict[str, str], list[tuple[str, str, str]]]] = {
    "Debian, Apache with mod_php": (DEBIAN, {
        "usr/sbin/apache2": "", "etc/apache2/mods-enabled/php8.2.load": "LoadModule php_module /usr/lib/libphp.so\n",
        "etc/apache2/apache2.conf": "# User nobody\nUser ${APACHE_RUN_USER}\nGroup ${APACHE_RUN_GROUP}\n",
        "etc/apache2/envvars": "export APACHE_RUN_USER=www-data\nexport APACHE_RUN_GROUP=www-data\n",
    }, [("www-data", "www-data", "apache2")]),
    "Debian, Apache, a user for each site": (DEBIAN, {
        "usr/sbin/apache2": "", "etc/apache2/mods-enabled/php8.2.load": "LoadModule php_module /usr/lib/libphp.so\n",
        "etc/apache2/apache2.conf": "User www-data\nGroup www-data\n",
        "etc/apache2/sites-enabled/shop.conf": "<VirtualHost *:80>\n  AssignUserID shop shop\n</VirtualHost>\n",
    }, [("www-data", "www-data", "apache2"), ("shop", "shop", "apache2")]),
    "Ubuntu, nginx, FPM, and what an old PHP left": (UBUNTU, {
        "usr/sbin/nginx": "", "etc/nginx/nginx.conf": "user www-data;\n", "usr/sbin/php-fpm8.3": "",
        "etc/php/8.3/fpm/php-fpm.conf": MAIN.format("php/8.3/fpm/pool.d"),
        "etc/php/8.3/fpm/pool.d/www.conf": pool("www", "www-data", "www-data"),
        "etc/php/7.4/fpm/php-fpm.conf": MAIN.format("php/7.4/fpm/pool.d"),
        "etc/php/7.4/fpm/pool.d/www.conf": pool("www", "nobody", "nogroup"),
    }, [("www-data", "www-data", "php8.3-fpm")]),
    "Debian, two versions, pools named after their users": (DEBIAN, {
        "usr/sbin/php-fpm8.2": "", "usr/sbin/php-fpm8.3": "",
        "etc/php/8.2/fpm/php-fpm.conf": MAIN.format("php/8.2/fpm/pool.d"),
        "etc/php/8.2/fpm/pool.d/intranet.conf": pool("intranet", "$pool", "$pool"),
        "etc/php/8.3/fpm/php-fpm.conf": MAIN.format("php/8.3/fpm/pool.d"),
        "etc/php/8.3/fpm/pool.d/shop.conf": pool("shop", '"shop"'),
    }, [("intranet", "intranet", "php8.2-fpm"), ("shop", "shop", "php8.3-fpm")]),
    "RHEL family, Apache and FPM": (ALMA, {
        "usr/sbin/httpd": "", "etc/httpd/conf/httpd.conf": "User apache\nGroup apache\n",
        "usr/sbin/php-fpm": "", "etc/php-fpm.conf": MAIN.format("php-fpm.d"),
        "etc/php-fpm.d/www.conf": pool("www", "apache", "apache"),
    }, [("apache", "apache", "php-fpm")]),
    "RHEL family, nginx, PHP of Remi's": (ALMA, {
        "etc/nginx/nginx.conf": "user nginx;\n", "opt/remi/php82/root/usr/sbin/php-fpm": "",
        "etc/opt/remi/php82/php-fpm.conf": MAIN.format("opt/remi/php82/php-fpm.d"),
        "etc/opt/remi/php82/php-fpm.d/www.conf": pool("www", "nginx", "nginx"),
    }, [("nginx", "nginx", "php82-php-fpm")]),
    "SUSE, Apache with mod_php": (SUSE, {
        "usr/sbin/httpd-prefork": "", "etc/apache2/uid.conf": "User wwwrun\nGroup www\n",
        "etc/sysconfig/apache2": 'APACHE_MODULES="actions alias php8 rewrite"\n',
    }, [("wwwrun", "www", "apache2")]),
    "SUSE, FPM": (SUSE, {
        "usr/sbin/php-fpm": "", "etc/php8/fpm/php-fpm.conf": MAIN.format("php8/fpm/php-fpm.d"),
        "etc/php8/fpm/php-fpm.d/www.conf": pool("www", "wwwrun", "www"),
        "etc/php8/fpm/php-fpm.d/www.conf.default": pool("www", "nobody", "nobody"),
    }, [("wwwrun", "www", "php-fpm")]),
}  # fmt: skip
LIKELY: dict[str, tuple[str, dict[str, str], tuple[str, str]]] = {
    "Debian, only nginx": (DEBIAN, {"etc/nginx/nginx.conf": "user intranet sites;\n"}, ("intranet", "sites")),
    "RHEL family, only Apache": (
        ALMA, {"usr/sbin/httpd": "", "etc/httpd/conf/httpd.conf": "User apache\nGroup apache\n"}, ("apache", "apache"),
    ),
    "Ubuntu, nothing": (UBUNTU, {}, ("www-data", "www-data")),
    "RHEL family, nothing": (ALMA, {}, ("apache", "apache")),
    "SUSE, nothing": (SUSE, {}, ("wwwrun", "www")),
}  # fmt: skip

Make = Callable[[str, Mapping[str, str]], Host]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Lays out the tree of a machine that runs systemd."""

    def lay_out(release: str, files: Mapping[str, str]) -> Host:
        common = {"etc/os-release": release, "etc/passwd": PASSWD, "etc/group": GROUP, "run/systemd/system/.": ""}
        for name, text in {**common, **files}.items():
            path = tmp_path / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not name.endswith("/."):
                path.write_text(text)
        return Host(tmp_path / "root")

    return lay_out


@pytest.fixture
def debian(make: Make) -> Host:
    return make(*MACHINES["Debian, Apache with mod_php"][:2])


@pytest.fixture
def json(box: EmulatorProcess, tmp_path: Path) -> Path:
    """What the Developer Console handed out, where an administrator has put it."""
    path = tmp_path / "1234_box_config.json"
    shutil.copy(box.app_config, path)
    path.chmod(0o600)
    return path


def flags(**given: object) -> argparse.Namespace:
    usual = {"json": None, "user": None, "group": None, "site": None, "delete_json": None}
    return argparse.Namespace(
        **{**usual, "yes": False, "dry_run": False, "remove": False, "leave_tokens": False, **given}
    )


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in root.rglob("*")}


@pytest.mark.parametrize("name", MACHINES)
def test_whoever_runs_php_is_found(name: str, make: Make) -> None:
    release, files, wanted = MACHINES[name]
    host = make(release, files)
    assert [(found.user, found.group, found.service) for found in host.workers()] == wanted
    assert all(host.user(found.user) for found in host.workers())


@pytest.mark.parametrize("name", LIKELY)
def test_else_the_web_server_s_user_or_the_usual_one(name: str, make: Make) -> None:
    release, files, wanted = LIKELY[name]
    host = make(release, files)
    assert host.workers() == []
    assert [(found.user, found.group) for found in host.likely_workers()] == [wanted]


def test_a_machine_that_is_nothing_we_know_has_no_likely_user(make: Make) -> None:
    host = make("ID=slackware\n", {"etc/passwd": "root:x:0:0::/root:/bin/sh\n"})
    assert (host.family, host.workers(), host.likely_workers()) == ("", [], [])


def test_damaged_configuration_finds_nobody_and_fails_nowhere(make: Make) -> None:
    host = make(
        DEBIAN, {"usr/sbin/php-fpm8.2": "", "etc/php/8.2/fpm/php-fpm.conf": "include=\ninclude = /etc/none/*\n"}
    )
    (host.root / "etc/php/8.2/fpm/php-fpm.conf").write_bytes(b"\xff\xfe[www\nuser = \x00\n[x]\nuser=\n")
    (host.root / "etc/passwd").write_text("::\nbad:x:1\n")
    assert host.workers() == []


@pytest.mark.parametrize(
    ("workers", "group"),
    [
        ([("www-data", "www-data")], "www-data"),
        ([("intranet", "intranet"), ("shop", "shop")], "sites"),
        ([("intranet", "www-data"), ("shop", "www-data")], "www-data"),
        ([("www-data", "www-data"), ("apache", "apache")], None),
        # FPM gives its processes the pool's group and those that the user is a member of, not the user's first one.
        ([("nginx", "www-data")], None),
        ([("nobody", "nogroup")], None),
        ([], None),
    ],
)
def test_the_socket_s_group_is_one_that_all_have(workers: list[tuple[str, str]], group: str | None, make: Make) -> None:
    assert shared_group(make(DEBIAN, {}), [Worker(*names, "", "") for names in workers]) == group


@pytest.mark.parametrize("name", MACHINES)
def test_a_dry_run_says_everything_and_does_nothing(
    name: str, make: Make, json: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "obstacles", lambda _host: [])
    release, files, wanted = MACHINES[name]
    host, users = make(release, files), [user for user, _, _ in wanted]
    before = snapshot(host.root)
    assert setup.run(flags(json=str(json), user=users, delete_json=True, dry_run=True), host) == 0
    told = capsys.readouterr().out
    assert snapshot(host.root) == before and json.exists()
    lines = [line.strip() for line in told.split("To be done")[1].splitlines()]
    assert lines[1].startswith("useradd --system --user-group ") and lines[-1] == f"rm {json}"
    allowed = ", ".join(f'"{user}"' for user in ("root", "box-sidecar", *users))
    assert f"allowed_users = [{allowed}]" in told
    (drop_in,) = [line for line in lines if "socket.d/setup.conf" in line]
    group = shared_group(host, host.workers()) or "box-sidecar-web"
    assert f"SocketGroup={group}" in drop_in and "SocketMode=" not in drop_in and f'socket_group = "{group}"' in told
    assert ("groupadd" in told) == (group == "box-sidecar-web")
    for secret in ("BEGIN", *(line for line in json.read_text().split('"') if len(line) > 40 or "secret" in line)):
        assert secret not in told


@pytest.mark.parametrize(("running", "words"), [(None, "start"), ("0.0.9", "restart"), (__version__, "start")])
def test_what_serves_is_restarted_if_it_is_another_version(running: str | None, words: str, debian: Host) -> None:
    def steps(wanted: Wanted, settings: Settings | None = None) -> list[str]:
        return [step.says for step in Installation(debian, wanted, settings, running).steps]

    nobody = Wanted([], "", None, None, {})
    (debian.root / "etc/systemd/system").mkdir(parents=True)
    (debian.root / "etc/box-sidecar").mkdir()
    (debian.root / "etc/passwd").write_text(f"{PASSWD}box-sidecar:x:998:998::/nonexistent:/usr/sbin/nologin\n")
    for step in Installation(debian, nobody, Settings(), running).steps:
        if step.says.startswith("write "):
            step.do()
    assert f"systemctl {words} box-sidecar" in steps(nobody, Settings())


def test_the_units_name_no_group_and_the_socket_is_as_configured(debian: Host) -> None:
    assert "SupplementaryGroups=" not in unit_text()
    assert "\nSocketGroup=" not in unit_text("box-sidecar.socket")
    server = ServerSettings(socket="/run/box/s.sock", socket_mode="0600", socket_group="sites")
    plan = Installation(debian, Wanted([], "", None, None, {}), Settings(server=server))
    (drop_in,) = [step.says for step in plan.steps if "socket.d/setup.conf" in step.says]
    assert drop_in.endswith("SocketGroup=sites; SocketMode=0600; ListenStream=; ListenStream=/run/box/s.sock")


def test_several_users_are_asked_about_or_named(make: Make, json: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host = make(*MACHINES["Debian, two versions, pools named after their users"][:2])
    assert setup.run(flags(json=str(json), dry_run=True), host) == 1
    told = capsys.readouterr()
    assert "PHP runs as shop: pool shop in /etc/php/8.3/fpm/pool.d/shop.conf" in told.out
    assert "there is no terminal to ask on; say it by: --user NAME" in told.err
    assert setup.run(flags(json=str(json), dry_run=True, user=["shop"], group="sites"), host) == 1
    told = capsys.readouterr()
    assert 'socket_group = "sites"' in told.out and '"intranet"' not in told.out


@pytest.mark.parametrize(
    ("server", "told"),
    [
        # As the commands before there was a setup left it: members of the group.
        ('socket_group = "www-data"', ["May have tokens: www-data", "SocketGroup=www-data"]),
        (
            'allowed_users = ["root", "shop"]',
            ["May have tokens: shop", "/etc/box-sidecar/box-sidecar.toml is there already"],
        ),
    ],
)
def test_a_configuration_that_is_there_decides_and_stays(
    server: str, told: list[str], debian: Host, json: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = debian.root / "etc/box-sidecar"
    folder.mkdir()
    (folder / "box-sidecar.toml").write_text(f"[server]\n{server}\n")
    setup.run(flags(json=str(json), dry_run=True), debian)
    said = capsys.readouterr().out
    assert all(words in said for words in told) and "allowed_users = [" not in said
    setup.run(flags(json=str(json), dry_run=True, user=["intranet"], group="sites"), debian)
    said = capsys.readouterr().out
    assert "--group is not taken over" in said
    assert ('add "intranet" to server.allowed_users' in said) == ("allowed_users" in server)


def test_a_configuration_that_can_t_be_understood_is_said_and_can_be_removed(
    debian: Host, json: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = debian.root / "etc/box-sidecar"
    folder.mkdir()
    (folder / "box-sidecar.toml").write_text("[server]\nsocket = 1\n")
    with pytest.raises(ConfigError, match="line 2"):
        setup.run(flags(json=str(json), dry_run=True), debian)
    assert setup.run(flags(remove=True, dry_run=True), debian) == 0
    assert "rm -r" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "--json FILE"),
        ({"json": "/nowhere.json"}, "there is no such file"),
        ({"user": ["anna"]}, "knows no user “anna”"),
        ({"user": ["root"]}, "PHP must not run as root"),
        ({"user": ["nobody"]}, "give PHP a user of its own"),
        ({"group": "staff"}, "“staff” is no group of this machine"),
        ({"group": "root"}, "“root” is no group of this machine that a socket may be given to"),
    ],
)
def test_what_is_missing_or_wrong_is_said(
    given: dict[str, object], words: str, debian: Host, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert setup.run(flags(dry_run=True, **given), debian) == 1
    told = capsys.readouterr()
    assert words in told.err and "To be done" not in told.out


def test_every_obstacle_is_said_before_anything_is_done(debian: Host, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(debian.root / "run/systemd")
    (debian.root / "etc/systemd/system").mkdir(parents=True)
    for unit in ("service", "socket"):
        (debian.root / f"etc/systemd/system/box-sidecar.{unit}").symlink_to("/dev/null")
    (debian.root / "etc/passwd").write_text(f"{PASSWD}box-sidecar:x:1000:1000::/home/box-sidecar:/bin/bash\n")
    (debian.root / "etc/box-sidecar").symlink_to("/srv")
    before = snapshot(debian.root)
    assert setup.run(flags(json="/x.json", yes=True), debian) == 1
    told = capsys.readouterr().err
    for words in (
        "systemd does not run here",
        "service is masked",
        "socket is masked",
        "can log in (/bin/bash)",
        "not a folder (or a link",
    ):
        assert told.count(words) == 1
    assert told.endswith("Nothing was done.\n") and snapshot(debian.root) == before


def test_without_root_it_says_so(debian: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert any("This takes root" in sentence and "shared hosting" in sentence for sentence in obstacles(debian))


def test_a_folder_that_others_can_write_takes_no_key(debian: Host) -> None:
    folder = debian.root / "etc/box-sidecar"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    assert any("chmod go-w /etc/box-sidecar" in sentence for sentence in obstacles(debian))
    folder.chmod(0o755)
    (folder / "box_config.json").symlink_to("/srv/box_config.json")
    assert any("is a symbolic link" in sentence for sentence in obstacles(debian))


def test_selinux_and_proxies_are_told_and_no_password_is(debian: Host) -> None:
    enforce = debian.root / "sys/fs/selinux/enforce"
    enforce.parent.mkdir(parents=True)
    enforce.write_text("1")
    (debian.root / "etc/environment").write_text('NO_PROXY="localhost"\nPATH=/bin\n')
    through = proxies(debian, {"HTTPS_PROXY": "http://me:s3cr$t@proxy.example:3128", "PATH": "/bin"})
    assert set(through) == {"HTTPS_PROXY", "NO_PROXY"}
    told = "\n".join(hints(debian, through))
    assert "semodule -i " in told and "HTTPS_PROXY, NO_PROXY" in told and "s3cr" not in told
    module = Path(told.split("semodule -i ")[1].split(" ", 1)[0])
    assert "httpd_t" in module.read_text()
    plan = Installation(debian, Wanted([Worker("www-data", "www-data", "", "")], "", None, None, through), None)
    said = "\n".join(step.says for step in plan.steps)
    assert "EnvironmentFile=-/etc/box-sidecar/environment" in said and "s3cr" not in said
    assert "s3cr" not in repr(plan) + repr(Wanted([], "", None, None, through))


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of root's that services see."""
    if os.geteuid() != 0:
        pytest.skip("this takes root")
    path = Path(tempfile.mkdtemp(prefix="wfb-", dir="/opt"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def let_in(path: Path, uid: int) -> None:
    """Give one user more by an ACL: its group is root's, and yet the group's permission is not root's alone."""
    path.chmod(0o775)
    entries = [(1, 7, 0xFFFFFFFF), (2, 7, uid), (4, 5, 0xFFFFFFFF), (16, 7, 0xFFFFFFFF), (32, 5, 0xFFFFFFFF)]
    try:
        value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)  # acl(5)
        os.setxattr(path, "system.posix_acl_access", value)
    except OSError:
        pytest.skip("this file system has no ACLs")


def lead_to_another(program: Path, lead: Callable[[Path], object]) -> None:
    """Outside of the environment, somebody else's."""
    other = program.parents[2] / "other"
    other.mkdir()
    os.chown(other, 1234, 0)
    lead(other)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda program: program.parent.chmod(0o700), "The service's user could not read"),
        (lambda program: program.chmod(0o700), "run: chmod -R go+rX"),
        (lambda program: program.chmod(0o777), "can be changed by others"),
        (lambda program: os.chown(program, 1234, 0), "belongs to uid 1234"),
        (lambda program: let_in(program, 1234), "can be changed by others"),
        (lambda program: lead_to_another(program, program.with_name("linked.py").symlink_to), "belongs to uid 1234"),
        (
            lambda program: lead_to_another(program, lambda path: program.with_name("x.pth").write_text(f"{path}\n")),
            "belongs to uid 1234",
        ),
        (lambda program: program.unlink(), "is not there or can't be run"),
    ],
)
def test_a_program_that_others_could_change_or_the_service_not_read_is_refused(
    spoil: Callable[[Path], None], words: str, place: Path, debian: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = place / "env/bin/box-sidecar"
    program.parent.mkdir(mode=0o755, parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(place / "env"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(program.parent)])
    assert not [sentence for sentence in obstacles(debian) if str(place) in sentence]
    spoil(program)
    (told,) = [sentence for sentence in obstacles(debian) if words in sentence and str(place) in sentence]
    # Nobody is told to make somebody else's work root's own.
    assert "chown" not in told and ("the environment anew" in told) == ("could have the key" in told)


def test_an_environment_that_the_service_does_not_see_is_refused(
    debian: Host, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert any("which the service does not see" in sentence for sentence in obstacles(debian))
    (place / "a space").mkdir()
    monkeypatch.setattr(sys, "prefix", str(place / "a space"))
    assert any("systemd would read this path differently" in sentence for sentence in obstacles(debian))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "{}", "boxAppSettings is missing"),
        (lambda text: "<html>", "not JSON"),
        (lambda text: text.replace("BEGIN ENCRYPTED", "BEGIN"), "can't be opened"),
        (lambda text: text.replace('"clientSecret"', '"secret"'), "clientSecret is missing"),
    ],
)
def test_a_json_that_would_not_work_is_refused_and_nothing_of_it_told(
    change: Callable[[str], str], words: str, json: Path
) -> None:
    json.write_text(change(json.read_text()))
    with pytest.raises(ConfigError) as raised:
        read_json(json)
    assert words in str(raised.value) and "PRIVATE" not in str(raised.value)


def test_who_may_have_the_key_already_is_told(debian: Host, json: Path) -> None:
    assert warnings_about(read_json(json), debian) == []
    json.chmod(0o644)
    assert "can be read by others on this machine (mode 0644)" in warnings_about(read_json(json), debian)[0]
    published = debian.root / "var/www/html"
    published.mkdir(parents=True)
    shutil.move(json, published)
    assert "anybody may have downloaded it" in warnings_about(read_json(published / json.name), debian)[0]
    site = debian.root / "srv/sites/intranet"
    (site / "keys").mkdir(parents=True)
    shutil.move(published / json.name, site / "keys")
    assert "anybody" not in "".join(warnings_about(read_json(site / "keys" / json.name), debian))
    (site / "wp-load.php").touch()
    assert "anybody" in warnings_about(read_json(site / "keys" / json.name), debian)[0]


def test_only_the_file_that_was_read_is_deleted(debian: Host, json: Path) -> None:
    def delete(path: Path) -> Callable[[], object]:
        wanted = Wanted([Worker("www-data", "www-data", "", "")], "", read_json(path), True, {})
        return Installation(debian, wanted, None).steps[-1].do

    link = json.with_name("link.json")
    link.symlink_to(json)
    act = delete(link)
    json.rename(json.with_name("moved.json"))
    json.write_text("another's")
    with pytest.raises(SetupError, match="not the file any more"):
        act()
    assert json.read_text() == "another's"
    json.with_name("moved.json").replace(json)
    delete(link)()
    assert not json.exists() and not link.is_symlink()


def test_a_folder_that_is_put_in_the_way_loses_nothing(
    debian: Host, json: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir()
    ours.mkdir()
    shutil.move(json, theirs)
    (ours / json.name).write_text("not theirs")
    wanted = Wanted([Worker("www-data", "www-data", "", "")], "", read_json(theirs / json.name), True, {})
    step, look = Installation(debian, wanted, None).steps[-1], os.stat

    def swap_after_the_look(*given: Any, **details: Any) -> os.stat_result:
        status = look(*given, **details)
        if given[0] == json.name and not theirs.is_symlink():
            theirs.rename(tmp_path / "moved")
            theirs.symlink_to(ours)
        return status

    monkeypatch.setattr(os, "stat", swap_after_the_look)
    step.do()
    monkeypatch.undo()
    assert theirs.is_symlink() and (ours / json.name).read_text() == "not theirs"
    assert not (tmp_path / "moved" / json.name).exists()


def test_the_sidecar_s_own_copy_is_never_taken_for_the_original(debian: Host, json: Path) -> None:
    folder = debian.root / "etc/box-sidecar"
    folder.mkdir()
    os.link(json, folder / "box_config.json")
    assert is_in_place(json, debian)
    json.unlink()
    shutil.copy(folder / "box_config.json", json)
    assert not is_in_place(json, debian)


def test_a_file_is_there_as_a_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, elsewhere = tmp_path / "key", tmp_path / "elsewhere"
    elsewhere.write_text("not ours")
    target.symlink_to(elsewhere)
    write_file(target, b"one", 0o600, os.getuid(), os.getgid())
    assert not target.is_symlink() and elsewhere.read_text() == "not ours"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_file(target, b"two", 0o600, os.getuid(), os.getgid())
    assert target.read_bytes() == b"one" and sorted(tmp_path.iterdir()) == [elsewhere, target]


def test_what_fails_half_way_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    steps = [Step("one", lambda: None), Step("two", (tmp_path / "x/y").mkdir), Step("three", lambda: None)]
    with pytest.raises(SetupError) as raised:
        carry_out(steps, said.append)
    assert said == ["✓ one"] and "1 of 3 steps are done; “two” is not." in str(raised.value)


def test_removal_names_what_is_there_and_follows_no_link(
    debian: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert removal(debian) == []
    assert setup.run(flags(remove=True, dry_run=True), debian) == 0
    assert capsys.readouterr().out == "There is nothing to remove.\n"
    folder = debian.root / "etc/box-sidecar"
    folder.mkdir()
    (folder / "box-sidecar.toml").write_text('[log]\naudit_file = "/var/log/box-audit.jsonl"\n')
    (folder / "box_config.json").touch()
    others = tmp_path / "others"
    others.mkdir()
    (others / "file").touch()
    (folder / "link").symlink_to(others)
    assert setup.run(flags(remove=True, dry_run=True), debian) == 0
    told = capsys.readouterr().out
    assert "(box-sidecar.toml, box_config.json, link)" in told and "/var/log/box-audit.jsonl" in told
    assert folder.exists()
    remove(folder)
    assert not folder.exists() and (others / "file").exists()
    folder.symlink_to(others)
    remove(folder)
    assert not folder.is_symlink() and (others / "file").exists()


@pytest.mark.parametrize("how", ["LoadCredential", "LoadCredentialEncrypted"])
def test_a_json_that_systemd_hands_over_is_not_asked_for(
    how: str, debian: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, drop_ins = (debian.root / name for name in ("etc/box-sidecar", "etc/systemd/system/box-sidecar.service.d"))
    for made in (folder, drop_ins):
        made.mkdir(parents=True)
    (folder / "box-sidecar.toml").write_text("")
    (drop_ins / "credential.conf").write_text(f"[Service]\n{how}=box_config.json:/etc/box-sidecar/box_config.cred\n")
    setup.run(flags(dry_run=True, user=["www-data"]), debian)
    told = capsys.readouterr()
    assert "write /etc/systemd/system/box-sidecar.socket" in told.out and "JSON" not in told.out + told.err


def test_what_setup_did_not_make_and_the_audit_stay(debian: Host, capsys: pytest.CaptureFixture[str]) -> None:
    state, folder = debian.root / "var/lib/box-sidecar", debian.root / "etc/box-sidecar"
    drop_in = debian.root / "etc/systemd/system/box-sidecar.service.d/setup.conf"
    for made in (state, folder, drop_in.parent):
        made.mkdir(parents=True)
    key = debian.root / "srv/box_config.json"
    key.parent.mkdir()
    key.touch()
    (folder / "box-sidecar.toml").write_text(
        f'[box]\napp_config = "{key}"\n[log]\naudit_file = "/var/lib/box-sidecar/audit.jsonl"\n'
    )
    for name in ("tokens.ledger", "tokens.ledger.old", "usage.json", "audit.jsonl", "audit.jsonl.1", "notes"):
        (state / name).touch()
    drop_in.write_text("[Service]\nLoadCredential=box_config.json:/srv/credentials/box.json\n")
    accounts = f"{PASSWD}box-sidecar:x:998:998::/nonexistent:/usr/sbin/nologin\n"
    (debian.root / "etc/passwd").write_text(accounts)
    (debian.root / "etc/group").write_text(f"{GROUP}box-sidecar-web:x:997:www-data\n")

    assert setup.run(flags(remove=True, dry_run=True), debian) == 0
    told = capsys.readouterr().out
    assert "the app's key goes, too" not in told and "userdel box-sidecar\n" not in told.split("What stays")[0]
    for stays in (str(key), "/srv/credentials/box.json", "(userdel box-sidecar)", "(groupdel box-sidecar-web)"):
        assert stays in told.split("What stays")[1]
    for step in removal(debian):
        if step.says.startswith(("rm -r", "chown")):
            step.do()
    assert sorted(path.name for path in state.iterdir()) == ["audit.jsonl", "audit.jsonl.1", "notes"]
    assert not folder.exists() and not drop_in.exists() and key.exists()
    assert removal(debian) == []

    os.mkfifo(state / "tokens.ledger")  # by the service's user: nobody is kept waiting
    assert [step.says for step in removal(debian)] == [f"rm -r {state}/tokens.ledger"]

    # What it makes it notes, now and when it runs again.
    shutil.rmtree(state)
    (debian.root / "etc/passwd").write_text(PASSWD)
    (debian.root / "etc/group").write_text(GROUP)
    workers = [Worker("intranet", "intranet", "", ""), Worker("apache", "apache", "", "")]
    for passwd in (PASSWD, accounts):
        plan = Installation(debian, Wanted(workers, "", None, None, {}), None)
        for step in plan.steps:
            if "setup.conf" in step.says:
                step.do()
        (debian.root / "etc/passwd").write_text(passwd)
        (debian.root / "etc/group").write_text(f"{GROUP}box-sidecar-web:x:997:intranet,apache\n")
    words = [step.says for step in removal(debian)]
    assert words.index("userdel box-sidecar") < words.index("groupdel box-sidecar-web") < len(words) - 2
    assert f"rm -r {drop_in.parent} (setup.conf)" in words[-3:]  # the note goes last


@pytest.fixture
def installed(serve: Serve, debian: Host, monkeypatch: pytest.MonkeyPatch) -> SidecarProcess:
    """A sidecar that serves, as if systemd ran it on that machine."""
    sidecar = serve()
    for name in ("etc/box-sidecar", "var/lib/box-sidecar"):
        (debian.root / name).parent.mkdir(parents=True, exist_ok=True)
        (debian.root / name).symlink_to(sidecar.directory)
    (debian.root / "etc/systemd/system/box-sidecar.service.d").mkdir(parents=True)

    def systemctl(words: list[str]) -> str:
        assert words[0] == "systemctl" and sidecar.process
        if words[1] == "reload":
            os.kill(sidecar.process.pid, signal.SIGHUP)
        elif words[1] == "start":
            sidecar.start()
        return ""

    monkeypatch.setattr("box_sidecar.tools.removal.run", systemctl)
    return sidecar


@pytest.mark.parametrize("runs", [True, False])
def test_removal_ends_tokens_before_it_forgets_them(
    runs: bool, installed: SidecarProcess, box: EmulatorProcess, debian: Host
) -> None:
    assert installed.token("ana@example.com").status_code == 200
    if not runs:
        installed.stop()  # its ledger has them
        assert any(token["alive"] and token["kind"] != "service" for token in box.tokens())
    first = removal(debian)[0]
    assert "policy.issue = false" in first.says and first.do() is None
    # Nobody who goes on asking gets one between the revocation and the end.
    assert installed.token("ana@example.com").json()["code"] == "issuing_stopped"
    assert [token for token in box.tokens() if token["alive"]] == []
    installed.stop()
    assert first.do() is None  # and again: it knows of none


@pytest.mark.parametrize("spoil", ["box", "configuration"])
def test_removal_stops_where_tokens_would_live_on(
    spoil: str, installed: SidecarProcess, box: EmulatorProcess, debian: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed.token("ana@example.com").status_code == 200
    if spoil == "box":
        box.fault("status", path="/oauth2/revoke", status=503, times=None)
    else:
        installed.config.write_text("[server]\nsocket = 1\n")
    done: list[str] = []
    with pytest.raises(SetupError) as raised:
        carry_out(removal(debian), done.append)
    assert not done and "about an hour" in str(raised.value) and "--leave-tokens" in str(raised.value)
    assert (installed.directory / "tokens.ledger").stat().st_size and installed.config.exists()
    told = removal(debian, leave_tokens=True)[0].do()
    assert told and "about an hour" in told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[policy]\nissue = true # on\n",
        "policy.issue = true\n",
        "[policy]\nmints_per_minute = 1\n[policy.elements]\nuploader = []\n",
        "[server]\nsocket_group = ''",
        "[policy]\r\nissue=true\r\n",
        "[policy] # all\nissue = false\n",
    ],
)
def test_issuing_is_switched_off_in_any_configuration(text: str, debian: Host) -> None:
    path = debian.root / "etc/box-sidecar/box-sidecar.toml"
    path.parent.mkdir()
    path.write_text(text)
    before = parse_settings(text, path)[0] if text else Settings()
    issue_nothing(debian)
    after = parse_settings(path.read_text(), path)[0]
    assert not after.policy.issue and (after.server, after.policy.elements) == (before.server, before.policy.elements)


def test_a_lesser_user_s_command_has_no_terminal_and_not_root_s_environment(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    monkeypatch.setenv("LC_TIME", "C.UTF-8")
    look = (
        "import os, sys; print(sorted(os.environ), os.getsid(0) == os.getpid(), os.isatty(1), sys.stdin.read() == '');"
        "print('\x1b]0;title'); sys.exit(3)"
    )
    assert setup.run_apart([sys.executable, "-c", look], {"HTTPS_PROXY": "http://proxy.example"}) == 3
    told = capfd.readouterr().out
    assert "True False True" in told and "AWS" not in told and "\x1b" not in told and "\\x1b]0;title" in told
    assert all(f"'{name}'" in told for name in ("PATH", "LC_TIME", "HTTPS_PROXY"))


def test_nothing_of_a_stranger_s_is_offered_or_printed_as_it_is(
    debian: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setattr(setup.Questions, "_require", lambda *_: None)
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return ""

    def offered() -> str:
        asked.clear()
        with contextlib.suppress(ConfigError):  # it is empty
            setup.run(flags(dry_run=True, user=["www-data"]), debian)
        return asked[0]

    monkeypatch.setattr("builtins.input", answer)

    assert "[" not in offered()
    (folder / "\x1b[2J_config.json").touch()
    assert "[" not in offered()
    (folder / "1_config.json").touch()
    assert f"[{folder}/1_config.json]" in offered()
    if os.geteuid() == 0:
        os.chown(folder, 1234, 1234)
        assert "[" not in offered()
        monkeypatch.setenv("SUDO_UID", "1234")
        assert f"[{folder}/1_config.json]" in offered()
        os.chown(folder / "1_config.json", 1235, 1234)
        assert "[" not in offered()
    capsys.readouterr()
    setup.run(flags(dry_run=True, user=["www-data"], json="/nowhere/\x1b[2J\r.json"), debian)
    told = capsys.readouterr().err
    assert "\\x1b[2J\\r.json: there is no such file" in told and "\x1b" not in told and "\r" not in told


def test_two_names_of_one_user_are_one_user(debian: Host, capsys: pytest.CaptureFixture[str]) -> None:
    ours = "box-sidecar:x:998:998::/nonexistent:/usr/sbin/nologin\n"
    (debian.root / "etc/passwd").write_text(
        f"{PASSWD}{ours}php:x:998:998::/:/usr/sbin/nologin\ntoor:x:0:0::/:/bin/sh\nnoone:x:65534:65534::/:/bin/sh\n"
    )
    (debian.root / "etc/group").write_text(f"{GROUP}wheel0:x:0:\n")
    assert any("php has the uid of box-sidecar" in sentence for sentence in obstacles(debian))
    for name, words in (("php", "PHP must not run as php"), ("toor", "not run as toor"), ("noone", "noone is whoever")):
        assert setup.run(flags(dry_run=True, user=[name]), debian) == 1
        assert words in capsys.readouterr().err
    assert setup.run(flags(dry_run=True, user=["www-data"], group="wheel0"), debian) == 1
    assert "no group of this machine that a socket may be given to" in capsys.readouterr().err


def test_root_asks_as_the_user_whose_the_configuration_is(place: Path) -> None:
    account, config = pwd.getpwnam("daemon"), place / "box-sidecar.toml"
    config.write_text(f'[server]\nsocket = "{place}/box-sidecar.sock"\n')
    os.chown(config, account.pw_uid, account.pw_gid)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{place}/box-sidecar.sock")
        (place / "box-sidecar.sock").chmod(0o666)
        listener.listen()
        listener.settimeout(30)
        # What is imported late, first: this Python may lie where only root can read.
        code = (
            "import encodings.idna, encodings.utf_8_sig; from pathlib import Path\n"
            "from box_sidecar.tools import running\n"
            f"print(running.ask(Path('{config}'), 'GET', '/health/live').decode())"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as command:
            connection, _ = listener.accept()
            with connection:
                assert Credentials.of(connection)[1:] == (account.pw_uid, account.pw_gid)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nalive")
                assert command.communicate(timeout=30)[0] == "alive\n"


@pytest.mark.parametrize(
    ("pretend", "words"),
    [
        ("sys.platform = 'win32'; sys.modules.update(pwd=None, grp=None, fcntl=None, resource=None)", "Linux only"),
        ("sys.platform = 'darwin'", "Linux only"),
        ("sys.version_info = (3, 9, 18)", "Python 3.11 or newer"),
    ],
)
def test_other_systems_and_old_pythons_are_told_in_a_sentence(pretend: str, words: str) -> None:
    code = f"import sys; from box_sidecar.cli import main; {pretend}; sys.argv[1:] = ['setup']; main()"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert words in ended.stderr and len(ended.stderr.splitlines()) == 1


def test_a_package_and_setup_do_not_take_turns_at_one_service(debian: Host, json: Path) -> None:
    """The package's program sets up the package's service, over its untouched configuration; no other one does."""
    for name in ("etc/box-sidecar", "usr/lib/systemd/system", "etc/systemd/system", "usr/lib/box-sidecar/bin"):
        (debian.root / name).mkdir(parents=True)
    (debian.root / "etc/box-sidecar/box-sidecar.toml").write_text(config.template())
    ours = unit_text().replace("/opt/box-sidecar/bin/box-sidecar", str(program()))
    (debian.root / "usr/lib/systemd/system/box-sidecar.service").write_text(ours)
    (debian.root / "etc/systemd/system/box-sidecar.service").write_text(unit_text())
    assert "The package box-sidecar" not in " ".join(obstacles(debian))
    assert configured(debian) is None
    wanted = Wanted(debian.workers(), "", read_json(json), False, {})
    told = [step.says for step in Installation(debian, wanted, configured(debian)).steps]
    assert any('box-sidecar.toml: the default, with socket_group = "www-data"' in says for says in told)
    assert "rm /etc/systemd/system/box-sidecar.service: the package has its own" in told
    assert any("apt purge box-sidecar" in line for line in what_stays(debian))

    packaged = debian.root / "usr/lib/box-sidecar/bin/box-sidecar"
    packaged.touch()
    (debian.root / "usr/lib/systemd/system/box-sidecar.service").write_text(
        unit_text().replace("/opt/box-sidecar/", "/usr/lib/box-sidecar/")
    )
    assert "set that one up by “/usr/lib/box-sidecar/bin/box-sidecar setup”" in " ".join(obstacles(debian))
