"""What the manual has administrators type, word for word, on blank machines with systemd, until a page has a token."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs import COMMANDS
from intranet.container import ASK, VISIT, Container, NoContainers, own_wheel, wheels
from intranet.release import REPOSITORY, sqlite_driver
from intranet.webserver import PHP_FILES
from intranet.wordpress import WordPress
from sidecar.support import until

pytestmark = pytest.mark.system

#: Debian's release, and its Python.
RELEASES = {"bookworm": "3.11", "trixie": "3.13"}
MOST_S = 600.0
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/var/cache/wheels"}
SETUP = "/opt/box-sidecar/bin/box-sidecar setup"
#: What of the service's unit mattered before there was a socket's.
FORMER_UNIT = """[Service]
ExecStart=/opt/box-sidecar/bin/box-sidecar serve --config /etc/box-sidecar/box-sidecar.toml
Restart=on-failure
User=box-sidecar
RuntimeDirectory=box-sidecar
StateDirectory=box-sidecar
StateDirectoryMode=0700
UMask=0077
[Install]
WantedBy=multi-user.target
""".replace("\n", "\\n")
TESTS = Path(__file__).parent
#: All that a machine has, but for what changes by itself, the program, and the journal.
LISTING = """
find / -xdev \\( -path /proc -o -path /sys -o -path /opt/box-sidecar -o -path /var/log/journal -o -path /tmp \\
    -o -path /root -o -path /srv -o -path /var/log -o -path /run/log -o -path /var/backups \\) -prune \\
    -o -print | grep -v -e '-$' | sort
find /run -name '*box-sidecar*'; systemctl list-unit-files --no-legend --no-pager; cat /etc/passwd /etc/group
"""


#: As the manual has it, but for the build, which the machine is given: the folder it is typed in, and our wheels.
INSTALL = "cd /root/widgets-for-box\n" + COMMANDS["install"].replace("make build", "")


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Container]]:
    """Web servers with PHP, one of each release: with a checkout in which `make build` was run, without a network."""
    with ExitStack() as running:

        @cache
        def wheel() -> Path:
            folder = tmp_path_factory.mktemp("wheel")
            own_wheel(folder, folder)
            return next(folder.glob("*.whl"))

        @cache
        def start(release: str) -> Container:
            folder = tmp_path_factory.mktemp(release)
            checkout, wheelhouse = folder / "checkout", folder / "wheels"
            (checkout / "dist").mkdir(parents=True)
            shutil.copy(wheel(), checkout / "dist")
            (checkout / "sidecar").mkdir()
            shutil.copy(REPOSITORY / "sidecar/requirements.lock", checkout / "sidecar")
            wheels(RELEASES[release], wheelhouse)
            container = running.enter_context(Container(release, folder))
            container.put(checkout, "/root/widgets-for-box")
            container.put(wheelhouse, "/var/cache/wheels")
            return container

        yield start


@pytest.fixture
def machine(request: pytest.FixtureRequest, machines: Callable[[str], Container]) -> Container:
    """One of them, and on it the JSON from the Developer Console."""
    try:
        container = machines(getattr(request, "param", "bookworm"))
    except NoContainers as error:
        pytest.skip(str(error))
    assert container.box
    container.put(container.box.app_config, "/root/widgets-for-box/box_config.json")
    return container


class Intranet:
    """A WordPress on the machine, owned by PHP's user; the plugin is not in it yet."""

    def __init__(self, machine: Container, folder: Path) -> None:
        self._machine, self._folder = machine, folder
        with WordPress(folder / "site", plugin=None) as site:
            self._site = site
        for path in (site.directory, sqlite_driver()):
            machine.put(path, str(path))
        machine.put(PHP_FILES, "/srv/php")
        machine.run(f"chown -R www-data: {site.directory}")

    def install(self, plugin: Path) -> None:
        """Unpack and activate the plugin, and publish a page with a widget, as an administrator does by clicks."""
        self._machine.put(plugin, f"/srv/{plugin.name}")
        self._as_php(f"python3 -m zipfile -e /srv/{plugin.name} {self._site.content}/plugins")
        code = (PHP_FILES / "setup.php").read_text().removeprefix("<?php")
        page = "[box_explorer folder='0' can='download']"
        code += "wp_insert_post( $data['page'] );"
        post = {"post_type": "page", "post_status": "publish", "post_name": "files", "post_content": page}
        data = {"people": [], "plugin": "widgets-for-box/widgets-for-box.php", "page": post}
        job = self._folder / "job.json"
        job.write_text(
            json.dumps({"docroot": str(self._site.docroot), "url": self._site.url, "code": code, "data": data})
        )
        self._machine.put(job, "/srv/job.json")
        self._as_php("php /srv/php/run.php < /srv/job.json")
        serve = f"php -S 127.0.0.1:{self._site.port} -t {self._site.docroot} /srv/php/router.php"
        self._machine.run(f"systemd-run --quiet --uid=www-data --unit=intranet {serve}")

    def token(self) -> dict[str, object]:
        """What the page's widget gets for Ana, who logs in; without the token itself."""
        words = [sys.executable, "-c", VISIT, str(self._site.directory), str(self._site.port)]
        done = subprocess.run([*self._machine.within, *words], capture_output=True, text=True, check=False, cwd=TESTS)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def _as_php(self, command: str) -> None:
        self._machine.run(f"runuser -u www-data -- sh -c {shlex.quote(f'cd / && {command}')}")


def asked_by(machine: Container, user: str) -> dict[str, object]:
    """What the sidecar answers somebody of that machine."""
    answer: dict[str, object] = json.loads(
        machine.run(f"runuser -u {user} -- php -r '{ASK.replace(chr(39), chr(34))}'")
    )
    return answer


@pytest.mark.parametrize("machine", RELEASES, indirect=True)
def test_from_zip_and_wheel_to_token_and_back(
    machine: Container, plugin_zip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    intranet = Intranet(machine, tmp_path)
    before = machine.run(LISTING)

    # What the manual says, typed by somebody who answers twice with yes.
    began = time.monotonic()
    told = machine.run(INSTALL, env=OFFLINE | {"NO_COLOR": "1"}, answers="y\ny\n")
    assert "✓ app: Box accepts the client id, the secret and the key" in told
    assert "✓ socket: www-data may connect" in told
    assert "✗" not in told and "!" not in told, told
    assert "Next, in WordPress: Plugins → Add New → Upload Plugin: widgets-for-box.zip" in told
    intranet.install(plugin_zip)
    token = intranet.token()
    took = time.monotonic() - began
    assert token["token"] and token["scopes"] == ["base_explorer", "item_download"], token
    with capsys.disabled():
        print(
            f"\n{machine.run('. /etc/os-release; echo $PRETTY_NAME').strip()}: {took:.0f} s from zip and wheel to token"
        )
    assert took < MOST_S

    # The key lies in one place, the sidecar's user's alone, and nobody but PHP's user gets a token.
    assert machine.run("ls /root/widgets-for-box").split() == ["dist", "sidecar"]
    assert machine.run("stat -c '%U %a' /etc/box-sidecar/box_config.json").split() == ["box-sidecar", "600"]
    machine.run("useradd --system --groups www-data curious")
    assert "user" not in asked_by(machine, "curious")
    assert "is not among server.allowed_users" in machine.run("journalctl --unit box-sidecar --output=cat --no-pager")
    machine.run("userdel curious")
    assert "active" in machine.run("systemctl is-enabled box-sidecar; systemctl is-active box-sidecar")
    assert "The uploader can do all that policy grants it." in machine.run(COMMANDS["probe"])

    # Again: nothing changes, neither the file that somebody edited nor the process that serves.
    machine.run("sed -i 's/^mints_per_minute = .*/mints_per_minute = 601/' /etc/box-sidecar/box-sidecar.toml")
    served = machine.run("systemctl show --property=MainPID box-sidecar; sha256sum /etc/box-sidecar/*")
    assert "All is in place" in machine.run(f"{SETUP} --yes", check=False)
    assert machine.run("systemctl show --property=MainPID box-sidecar; sha256sum /etc/box-sidecar/*") == served

    a_year(machine)

    # And away: the machine is as it was, and no token lives on.
    told = machine.run(COMMANDS["remove"])
    assert "Nothing of it is left" in told
    assert alive(machine) == []
    machine.run(f"systemctl stop intranet; rm -rf {tmp_path}/site/docroot/wp-content/plugins/widgets-for-box /srv/*")
    assert changes(machine, before) == set()


def changes(machine: Container, before: str) -> set[str]:
    """What is on the machine, or is not, unlike before; systemd lets go of a unit in its own time."""
    for _ in range(20):
        if machine.run(LISTING) == before:
            break
        time.sleep(1)
    return set(machine.run(LISTING).splitlines()) ^ set(before.splitlines())


def alive(machine: Container) -> list[str]:
    """Whose tokens open anything at Box."""
    assert machine.box
    return [token["login"] for token in machine.box.tokens() if token["alive"]]


def a_year(machine: Container) -> None:
    """What happens between installation and removal: looks, a drill, another key, an update."""
    assert machine.box
    assert "explorer" in machine.run(COMMANDS["usage"])
    assert "✓ socket: www-data may connect" in machine.run(COMMANDS["check"])
    assert "Active: active (running)" in machine.run(COMMANDS["socket"])

    assert "user" in asked_by(machine, "www-data")
    assert "Revoked at Box" in machine.run(COMMANDS["one"])
    assert "ana@example.com" not in alive(machine)

    assert "user" in asked_by(machine, "www-data")
    machine.run(COMMANDS["off"])
    until(lambda: asked_by(machine, "www-data").get("code") == "issuing_stopped", 20)
    assert "ana@example.com" not in alive(machine)
    machine.run(COMMANDS["on"])
    until(lambda: "user" in asked_by(machine, "www-data"), 20)

    machine.box.rotate(key=True)
    machine.put(machine.box.app_config, "/root/widgets-for-box/box_config.json")
    assert "✓ app" in machine.run("cd /root/widgets-for-box\n" + COMMANDS["rotate"])

    before = machine.run("systemctl show --property=MainPID box-sidecar")
    told, outcome = under_load(machine, "cd /root/widgets-for-box\n" + COMMANDS["update"], OFFLINE)
    assert "✓ app" in told
    assert outcome["lost"] == [] and outcome["answered"] > 100, outcome
    assert machine.run("systemctl show --property=MainPID box-sidecar") != before
    assert "user" in asked_by(machine, "www-data")
    limits_go_on(machine, "www-data")


def under_load(
    machine: Container, script: str, env: dict[str, str] | None = None, user: str = "root"
) -> tuple[str, dict[str, Any]]:
    """What a script says while callers, as this user, ask for one token after the other, and what they say."""
    machine.put(TESTS / "bench/callers.py", "/srv/callers.py")
    call = f"runuser -u {user} -- python3 callers.py /run/box-sidecar/box-sidecar.sock over"
    told = machine.run(
        f"cd /srv; rm -f over; ({call} > outcome 2>&1) & callers=$!\n"
        f"({script}\n) || echo failed; touch /srv/over; wait $callers",
        env=env,
    )
    return told, dict(json.loads(machine.run("cat /srv/outcome; rm /srv/outcome /srv/over /srv/callers.py")))


def have_program(machine: Container) -> None:
    """Install it, and do not set it up, where a test before has not."""
    install = INSTALL.replace("box-sidecar setup --json box_config.json", "")
    machine.run(f"test -x {SETUP.split(maxsplit=1)[0]} || {{ {install}\n}}", env=OFFLINE)


def php_user(machine: Container) -> str:
    """As whom PHP runs there, or one of them."""
    return machine.run("grep -h '^user = ' /etc/php/*/fpm/pool.d/*.conf | head -1").split()[-1]


def test_several_pools_and_what_goes_wrong_half_way(machine: Container) -> None:
    """Several pools, each its own user; a service that can't start; and the same command again."""
    have_program(machine)
    version = machine.run("ls /etc/php").strip()
    machine.run(
        f"""useradd --system intranet; useradd --system shop
        for user in intranet shop; do
            sed "s/^\\[www\\]/[$user]/; s/^user = .*/user = $user/; s/^group = .*/group = $user/;
                s#^listen = .*#listen = /run/php/$user.sock#" /etc/php/{version}/fpm/pool.d/www.conf \\
                > /etc/php/{version}/fpm/pool.d/$user.conf
        done; rm /etc/php/{version}/fpm/pool.d/www.conf; systemctl restart php{version}-fpm"""
    )
    base = f"{SETUP} --json /root/widgets-for-box/box_config.json --yes --remove-json"

    # Nobody guesses which of them may have tokens.
    told = machine.run(base, check=False)
    assert "PHP runs as shop: pool shop" in told and "say it by: --user NAME" in told
    assert "No such file" in machine.run("ls /etc/box-sidecar", check=False)

    # Somebody's own drop-in keeps it from starting: said, with the service's own words, and nothing is lost.
    drop_ins = "/etc/systemd/system/box-sidecar.service.d"
    machine.run(f"mkdir {drop_ins}; printf '[Service]\\nInaccessiblePaths=/etc/box-sidecar\\n' > {drop_ins}/own.conf")
    both = f"{base} --user intranet --user shop"
    told = machine.run(both, check=False)
    assert "the service does not come up" in told and "box-sidecar.toml: can't be read" in told, told
    machine.run(f"rm {drop_ins}/own.conf")
    again = machine.run(f"{SETUP} --yes --user intranet --user shop")
    assert "✓ app: Box accepts" in again, again
    for user in ("intranet", "shop"):
        assert "user" in asked_by(machine, user)
    assert "error" in asked_by(machine, "www-data")  # not even the socket can be opened
    # The pools were started anew: their processes have the new group.
    group = machine.run("getent group box-sidecar-web | cut -d: -f3").strip()
    worker = machine.run("pgrep --uid intranet --full php-fpm | head -1").strip()
    assert group in machine.run(f"grep ^Groups: /proc/{worker}/status").split()
    # Away, though it does not run: its ledger knows what has to be ended.
    machine.run("systemctl stop box-sidecar")
    assert alive(machine)
    told = machine.run(f"{SETUP} --remove --yes")
    assert "policy.issue = false" in told and alive(machine) == [], told
    assert machine.run("grep box-sidecar /etc/passwd /etc/group", check=False).strip() == "status 1"
    assert machine.run(f"{SETUP} --remove --yes").strip() == "There is nothing to remove."


def test_what_systemd_does_for_it(machine: Container) -> None:
    """Readiness, reloads, the watchdog, a socket that stays, and a key that lies sealed on the disk."""
    have_program(machine)
    user = php_user(machine)
    told = machine.run(f"{SETUP} --json /root/widgets-for-box/box_config.json --yes --keep-json --user {user}")
    assert "✗" not in told, told
    assert shown(machine, "ActiveState", "StatusText") == ["active", "Serving."]
    assert machine.run("stat -c '%U %a' /run/box-sidecar /run/box-sidecar/box-sidecar.sock").split() == [
        *("root", "755"), *("box-sidecar", "660"),
    ]  # fmt: skip

    # New files that can't be: said, and nothing else changes.
    config = "/etc/box-sidecar/box-sidecar.toml"
    machine.run(f"cp -p {config} /root/kept.toml; echo 'nonsense = 1' >> {config}; systemctl reload box-sidecar")
    until(lambda: "log.nonsense: unknown key" in shown(machine, "StatusText")[0], 20)
    assert shown(machine, "ActiveState", "NRestarts") == ["active", "0"]
    machine.run(f"cat /root/kept.toml > {config}; systemctl reload box-sidecar")
    until(lambda: shown(machine, "ActiveState", "StatusText") == ["active", "Serving."], 20)

    # Nobody serves: who asks starts it. It is started anew: who asks waits.
    machine.run("systemctl stop box-sidecar")
    assert "user" in asked_by(machine, user)
    told, outcome = under_load(machine, "for time in 1 2 3; do sleep 1; systemctl restart box-sidecar; done")
    assert "failed" not in told and outcome["lost"] == [] and outcome["answered"] > 100, (told, outcome)

    # A worker that hangs.
    machine.run(
        """mkdir -p /run/systemd/system/box-sidecar.service.d
        printf '[Service]\\nWatchdogSec=3\\n' > /run/systemd/system/box-sidecar.service.d/watchdog.conf
        systemctl daemon-reload; systemctl restart box-sidecar
        kill -STOP $(pgrep --parent $(systemctl show --property=MainPID --value box-sidecar))"""
    )
    until(lambda: shown(machine, "NRestarts") != ["0"], 30)
    assert "Watchdog timeout" in machine.run("journalctl --unit box-sidecar --output=cat --no-pager")
    assert "user" in asked_by(machine, user)
    machine.run("rm -r /run/systemd/system/box-sidecar.service.d; systemctl daemon-reload")

    rotation_loses_no_line(machine)

    # The key sealed, in a file of root's.
    machine.run("cd /root/widgets-for-box\n" + COMMANDS["seal"])
    assert "user" in asked_by(machine, user)
    assert machine.run("ls /etc/box-sidecar").split() == ["box-sidecar.toml", "box_config.cred"]
    assert "BEGIN" not in machine.run("cat /etc/box-sidecar/*")

    # Another key, sealed as well: both count at Box until the service has the new one.
    assert machine.box
    machine.box.renew_key()
    machine.put(machine.box.app_config, "/root/widgets-for-box/box_config.json")
    told, outcome = under_load(machine, "cd /root/widgets-for-box\n" + COMMANDS["reseal"] + "sleep 2")
    assert "failed" not in told and outcome["lost"] == [] and outcome["answered"] > 20, (told, outcome)
    machine.box.remove_old_key()
    machine.run("systemctl restart box-sidecar")
    assert "user" in asked_by(machine, user)
    assert "Nothing of it is left" in machine.run(f"{SETUP} --remove --yes")
    assert alive(machine) == []
    assert "No such file" in machine.run("ls /run/box-sidecar", check=False)


def test_an_installation_from_before_there_was_a_socket_unit(machine: Container) -> None:
    """The service as `setup` installed it then, which makes its own socket, and `setup` as of now."""
    have_program(machine)
    before, user = machine.run(LISTING), php_user(machine)
    machine.run(f"{SETUP} --json /root/widgets-for-box/box_config.json --yes --keep-json --user {user}")
    units = "/etc/systemd/system"
    machine.run(
        f"""systemctl disable --now box-sidecar.socket box-sidecar
        cd {units}; printf '{FORMER_UNIT}' > box-sidecar.service; cd box-sidecar.service.d
        sed -n 's/^SocketGroup=/SupplementaryGroups=/p' ../box-sidecar.socket.d/setup.conf >> setup.conf; cd ..
        rm -r box-sidecar.socket box-sidecar.socket.d /run/box-sidecar
        systemctl daemon-reload; systemctl enable --now box-sidecar"""
    )
    until(lambda: "user" in asked_by(machine, user), 20)
    assert machine.run("stat -c %U /run/box-sidecar").strip() == "box-sidecar"

    told, outcome = under_load(machine, f"{SETUP} --yes")
    assert "✗" not in told and "failed" not in told, told
    # Once, PHP finds no socket for a moment; and who waits in the queue of the one before loses the connection with it.
    assert outcome["answered"] > 100, outcome
    lost = {"FileNotFoundError", "ConnectionRefusedError", "ConnectionResetError"}
    assert {one.partition("(")[0] for one in outcome["lost"]} <= lost, outcome
    assert machine.run("stat -c '%U %a' /run/box-sidecar").split() == ["root", "755"]
    assert machine.run("ls -A /run/box-sidecar").split() == ["box-sidecar.sock"]
    assert shown(machine, "RuntimeDirectory", "TriggeredBy", "NFileDescriptorStore") == ["", "box-sidecar.socket", "2"]
    assert "Nothing of it is left" in machine.run(f"{SETUP} --remove --yes")
    assert alive(machine) == []
    assert changes(machine, before) == set()


def rotation_loses_no_line(machine: Container) -> None:
    """The audit in a file, rotated while it is written: each answer has its line, whole, and in its turn."""
    put_program(machine, "/usr/sbin/logrotate")
    machine.run("mkdir -p /etc/logrotate.d /var/lib/logrotate")
    machine.run(COMMANDS["audit"])
    until(lambda: "audit.jsonl" in machine.run("ls /var/lib/box-sidecar"), 20)
    rotate = "logrotate --force /etc/logrotate.d/box-sidecar"
    told, outcome = under_load(machine, f"for time in 1 2 3; do sleep 1; {rotate}; done; sleep 1")
    assert "failed" not in told and "error" not in told and outcome["lost"] == [], (told, outcome)
    files = "audit.jsonl.3.gz audit.jsonl.2.gz audit.jsonl.1 audit.jsonl"
    lines = machine.run(f"cd /var/lib/box-sidecar; zcat --force {files}").splitlines()
    events = [json.loads(line) for line in lines]
    assert len([event for event in events if event["event"] == "token_issued"]) == outcome["answered"] > 100
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    owners = machine.run("stat -c '%U %a' /var/lib/box-sidecar/audit.jsonl*").split()
    assert set(owners) == {"box-sidecar", "600"}, owners
    machine.run(
        """sed -i 's/^audit_file = .*/audit_file = "-"/' /etc/box-sidecar/box-sidecar.toml
        systemctl reload box-sidecar; rm -r /etc/logrotate.d/box-sidecar /var/lib/box-sidecar/audit.jsonl*"""
    )


def limits_go_on(machine: Container, user: str) -> None:
    """Over restarts and the main process' death, by what systemd keeps; a stop begins them anew."""
    config = "/etc/box-sidecar/box-sidecar.toml"
    machine.run(f"cp -p {config} /root/kept.toml; systemctl stop box-sidecar")
    machine.run(f"sed -i 's/^mints_per_user_per_minute = .*/mints_per_user_per_minute = 3/' {config}")
    kill = "kill -KILL $(systemctl show --property=MainPID --value box-sidecar)"
    for interruption in ("systemctl restart box-sidecar", kill, "systemctl restart box-sidecar"):
        assert "user" in asked_by(machine, user)
        machine.run(interruption)
    assert asked_by(machine, user)["code"] == "rate_limited"
    assert shown(machine, "NFileDescriptorStore", "NRestarts") == ["2", "0"]
    machine.run(f"cat /root/kept.toml > {config}; systemctl stop box-sidecar")
    assert shown(machine, "NFileDescriptorStore") == ["0"]
    assert "user" in asked_by(machine, user)


def shown(machine: Container, *names: str) -> list[str]:
    """What systemd knows of the service."""
    lines = machine.run(f"systemctl show --property={','.join(names)} box-sidecar").splitlines()
    known = dict(line.partition("=")[::2] for line in lines)
    return [known[name] for name in names]


@pytest.mark.parametrize(
    ("machine", "release"), [("bookworm", "deb12"), ("trixie", "deb13")], indirect=["machine"], ids=["12", "13"]
)
def test_by_package_from_nothing_to_purged(machine: Container, release: str, built: Path, tmp_path: Path) -> None:
    """Installed and not started without a key; set up; an upgrade goes on with it; purged, nothing is left."""
    machine.run("rm -rf /opt/box-sidecar /usr/local/bin/box-sidecar")
    before = machine.run(LISTING)
    (package,) = built.glob(f"box-sidecar_*+{release}_amd64.deb")
    machine.put(package, f"/root/widgets-for-box/dist/{package.name}")

    install, setup = COMMANDS["package"].replace("deb12", release).splitlines()
    told = machine.run(f"cd /root/widgets-for-box && {install}")
    assert "not started: it has no key yet" in told, told
    assert machine.run("systemctl is-enabled box-sidecar; systemctl is-active box-sidecar || true").split() == [
        "enabled", "inactive",
    ]  # fmt: skip
    # As at the next boot.
    machine.run("systemctl start box-sidecar")
    assert shown(machine, "ActiveState", "ConditionResult", "NRestarts") == ["inactive", "no", "0"]
    # Named, since there are other tests' pools.
    told = machine.run(f"cd /root/widgets-for-box && {setup} --user www-data", env={"NO_COLOR": "1"}, answers="y\ny\n")
    assert "✓ app: Box accepts" in told and "✗" not in told, told
    assert "user" in asked_by(machine, "www-data")

    process = machine.run("systemctl show --property=MainPID box-sidecar")
    machine.put(newer(package, tmp_path), "/root/widgets-for-box/dist/newer.deb")
    machine.run("cd /root/widgets-for-box && apt install --yes ./dist/newer.deb")
    assert machine.run("box-sidecar --version").split()[-1] == "99.0.0"
    assert machine.run("systemctl show --property=MainPID box-sidecar") != process
    until(lambda: "user" in asked_by(machine, "www-data"), 20)

    # Removed, key and state stay, and no token lives on, not even one that was asked for meanwhile; nor one that is
    # older, where the service is down. Installed again it goes on where it was.
    told, outcome = under_load(machine, "apt remove --yes box-sidecar", user="www-data")
    assert outcome["answered"] > 20 and "live on" not in told, (told, outcome)
    assert alive(machine) == []
    assert "box_config.json" in machine.run("ls /etc/box-sidecar /var/lib/box-sidecar")
    machine.run("cd /root/widgets-for-box && apt install --yes ./dist/newer.deb")
    until(lambda: "user" in asked_by(machine, "www-data"), 20)
    machine.run("systemctl stop box-sidecar.socket box-sidecar; apt remove --yes box-sidecar")
    assert alive(machine) == []
    machine.run("cd /root/widgets-for-box && apt install --yes ./dist/newer.deb")
    until(lambda: "user" in asked_by(machine, "www-data"), 20)
    machine.run("apt purge --yes box-sidecar")
    assert but_for_apt(machine.run(LISTING)) ^ but_for_apt(before) == set()
    assert "no packages found" in machine.run("dpkg-query --list box-sidecar", check=False)


def test_by_rpm_from_nothing_to_erased(machine: Container, built: Path, tmp_path: Path) -> None:
    """On Debian, which names its Python as RHEL does, with rpm and its database: no machine of that family is here."""
    put_rpm(machine)
    machine.run("rm -rf /opt/box-sidecar /usr/local/bin/box-sidecar")
    before, user = machine.run(LISTING), php_user(machine)
    (package,) = built.glob("*.rpm")
    machine.put(package, "/root/box-sidecar.rpm")
    told = machine.run("rpm --install --nodeps /root/box-sidecar.rpm")
    assert "installed and not started" in told, told
    assert machine.run("systemctl is-enabled box-sidecar; systemctl is-active box-sidecar || true").split() == [
        "enabled", "inactive",
    ]  # fmt: skip
    assert machine.run("rpm --verify --nodeps box-sidecar").strip() == ""
    told = machine.run(
        f"box-sidecar setup --json /root/widgets-for-box/box_config.json --yes --keep-json --user {user}"
    )
    assert "✓ app: Box accepts" in told and "✗" not in told, told
    assert "user" in asked_by(machine, user)

    # What was edited stays, and what serves is started anew.
    process = machine.run("systemctl show --property=MainPID box-sidecar")
    (debian,) = built.glob("*+deb12_amd64.deb")
    machine.put(newer_rpm(debian, tmp_path), "/root/newer.rpm")
    machine.run("rpm --upgrade --nodeps /root/newer.rpm")
    assert machine.run("box-sidecar --version").split()[-1] == "99.0.0"
    assert machine.run("systemctl show --property=MainPID box-sidecar") != process
    until(lambda: "user" in asked_by(machine, user), 20)
    edited = machine.run("rpm --verify --nodeps box-sidecar || true").split()
    assert edited[1:] == ["c", "/etc/box-sidecar/box-sidecar.toml"], edited

    # Erased, no token lives on; key, configuration and account stay, and go as the guide has it.
    told, outcome = under_load(machine, "rpm --erase box-sidecar", user=user)
    assert outcome["answered"] > 20 and "live on" not in told and "failed" not in told, (told, outcome)
    assert alive(machine) == []
    kept = machine.run("ls /etc/box-sidecar").split()
    assert kept == ["box-sidecar.toml.rpmsave", "box_config.json"], kept
    assert "tokens.ledger" in machine.run("ls /var/lib/box-sidecar").split()
    machine.run(COMMANDS["erased"])
    assert changes(machine, before) == set()


def put_program(machine: Container, path: str) -> None:
    """A program as it is here, with those of its libraries that the machine lacks."""
    linked = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    known = machine.run("/sbin/ldconfig --print-cache")
    for name, library in re.findall(r"(\S+) => (\S+)", linked):
        if name not in known:
            machine.put(Path(library).resolve(), f"/usr/local/lib/{name}")
    machine.put(Path(path), path)
    machine.run("/sbin/ldconfig")


def put_rpm(machine: Container) -> None:
    """rpm, with what it reads, and an empty database.

    And a folder that a base system of the RHEL family has, and a blank machine here has not.
    """
    put_program(machine, "/usr/bin/rpm")
    for path in ("/usr/lib/rpm", "/usr/bin/rpmdb"):
        machine.put(Path(path), path)
    machine.run("rpmdb --initdb; mkdir -p /usr/share/man/man1")


def but_for_apt(listing: str) -> set[str]:
    """What a machine has, but for what apt and dpkg remember by themselves."""
    return {line for line in listing.splitlines() if not re.match("/var/(cache|lib)/(apt|debconf|dpkg)/", line)}


def newer(package: Path, folder: Path) -> Path:
    """The same package as a version of the future."""
    tree, made = folder / "tree", folder / "newer.deb"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    (version,) = tree.glob("usr/lib/box-sidecar/lib/*/site-packages/box_sidecar/__init__.py")
    for path, old, new in (
        (tree / "DEBIAN/control", "Version: ", "Version: 99+"),
        (version, '__version__ = "', '__version__ = "99.0.0"  # "'),
    ):
        path.write_text(path.read_text().replace(old, new))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, made], check=True)
    return made


def newer_rpm(package: Path, folder: Path) -> Path:
    """What `newer` makes, as an RPM."""
    newer(package, folder)
    tree = folder / "tree"
    for path in ("usr/share/lintian", "DEBIAN"):
        shutil.rmtree(tree / path)
    (tree / "usr/share/doc/box-sidecar/changelog.Debian.gz").unlink()
    runpy.run_path(str(REPOSITORY / "sidecar/packaging/build.py"))["rpm"](tree, "99.0.0", folder, folder)
    (made,) = folder.glob("*.rpm")
    return made
