"""A machine of its own with systemd: Debian from its packages, in a container of podman's without a network.

Box's own host names lead to the emulator, which runs beside it; nothing on the machine knows that.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from intranet.emulator_process import EmulatorProcess, find_description
from intranet.packages import PackagesError, archive_address
from intranet.process import Process, ProcessError
from intranet.release import REPOSITORY, made_once

KEPT = REPOSITORY / ".cache" / "containers"
#: A web server as Debian's packages make it; nothing of ours.
INCLUDE = "systemd,systemd-sysv,dbus,ca-certificates,python3,python3-venv,nginx-light,php-fpm,php-curl"
INCLUDE += ",php-sqlite3,php-xml,php-mbstring"
#: What would reach beyond the container: the kernel's settings are one for all.
MASKED = ("systemd-sysctl.service", "systemd-modules-load.service")
HOSTS = ("api.box.com", "account.box.com", "upload.box.com", "dl.boxcloud.com")
TIMEOUT_S = 300.0
#: As PHP would ask. Nothing of the token is printed.
ASK = """
$curl = curl_init('http://sidecar/v1/tokens');
$body = json_encode(['user' => ['login' => 'ana@example.com'], 'element' => 'explorer', 'scopes' => ['item_download']]);
curl_setopt_array($curl, [
    CURLOPT_UNIX_SOCKET_PATH => '/run/box-sidecar/box-sidecar.sock', CURLOPT_POSTFIELDS => $body,
    CURLOPT_HTTPHEADER => ['Box-Sidecar: 1', 'Content-Type: application/json'], CURLOPT_RETURNTRANSFER => true,
]);
$answer = json_decode((string) curl_exec($curl), true);
unset($answer['access_token']);
echo json_encode($answer ?? ['error' => curl_error($curl)]);
"""
#: Ana's browser, as far as HTTP goes: a page, its widget's token, and what Box shows with it, if its address is given.
VISIT = """
import html, json, re, sys, time
from pathlib import Path
import httpx
from intranet.process import answers
from intranet.wordpress import WordPress
site = WordPress(Path(sys.argv[1]), plugin=None, port=int(sys.argv[2]))
while not answers(site.port):
    time.sleep(0.1)
ana = site.login("ana")
widget = html.unescape(re.search(r'data-widget="([^"]+)"', ana.get("/files/").text)[1])
answer = ana.rest("POST", "widgets-for-box/v1/token", json={"widget": widget}).json()
for address in sys.argv[3:]:
    headers = {"Authorization": "Bearer " + answer["token"]}
    answer["entries"] = len(httpx.get(address + "/2.0/folders/0/items", headers=headers).json()["entries"])
answer["token"] = bool(answer.get("token"))
print(json.dumps(answer))
"""

# crun takes no hybrid cgroups, and may raise no limits here: the one is unmounted in a namespace, the other left away.
# A network of its own, too, and what podman keeps of networks: what is published there meets nobody's ports.
NAMESPACE = """umount /sys/fs/cgroup/unified 2>/dev/null
mkdir -p /run/containers && mount -t tmpfs containers /run/containers
ip link set lo up; touch "$1"; exec sleep infinity"""
RUNTIME = """#!/usr/bin/python3
import json, os, sys
given = sys.argv[1:]
for option, value in zip(given, given[1:]):
    file = {"--bundle": value + "/config.json", "-b": value + "/config.json", "--process": value}.get(option)
    if file and os.path.exists(file):
        with open(file) as opened:
            config = json.load(opened)
        config.get("process", config).pop("rlimits", None)
        with open(file, "w") as opened:
            json.dump(config, opened)
os.execvp("crun", ["crun", *given])
"""
CONTAINERS = """[engine]
runtime = "limitless"
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime_supports_nocgroups = ["limitless", "crun"]
[engine.runtimes]
limitless = ["{runtime}"]
[network]
network_config_dir = "{networks}"
"""


class NoContainers(Exception):
    """This machine can have no containers, or not this Debian; the message says why."""


class Podman:
    """podman with a store of its own, in a namespace in which it can work; `home` holds what belongs to it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        if os.geteuid() != 0:
            raise NoContainers("containers with systemd take root")
        missing = [name for name in ("podman", "crun", "mmdebstrap") if not shutil.which(name)]
        if missing:
            raise NoContainers(f"not installed: {', '.join(missing)}")
        runtime, config = home / "runtime", home / "containers.conf"
        runtime.write_text(RUNTIME)
        runtime.chmod(0o755)
        config.write_text(CONTAINERS.format(runtime=runtime, networks=home / "networks"))
        self._store = tempfile.mkdtemp(prefix="wfb-")  # podman takes 50 letters
        self.options = ["--root", f"{self._store}/root", "--runroot", f"{self._store}/run"]
        self.environment = {**os.environ, "CONTAINERS_CONF": str(config)}
        ready = home / "namespace"
        try:
            self._namespace = Process(
                ["unshare", "--mount", "--net", "sh", "-c", NAMESPACE, "sh", str(ready)], log=home / "namespace.log"
            )
            self._namespace.wait_until(ready.exists)
        except ProcessError as error:
            raise NoContainers(str(error)) from error

    def close(self) -> None:
        """Leave the namespace and forget the store."""
        self._namespace.stop()
        shutil.rmtree(self._store, ignore_errors=True)

    def podman(self, *words: str) -> str:
        """What a command of podman's prints.

        :raises ProcessError: it failed
        """
        done = self.command("podman", *self.options, *words)
        if done.returncode != 0:
            raise ProcessError(f"podman {words[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def command(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in the namespace."""
        enter = ["nsenter", "--mount", "--net", f"--target={self._namespace.pid}", "env", f"--chdir={REPOSITORY}"]
        return subprocess.run(
            [*enter, *words],
            input=given, capture_output=True, text=True, check=False, env=self.environment, timeout=TIMEOUT_S,
        )  # fmt: skip


class Container(Podman):
    """A running Debian ``release`` (``bookworm``), a context manager."""

    def __init__(self, release: str, home: Path) -> None:
        super().__init__(home)
        self.name = f"wfb-{os.getpid()}-{release}"
        self._root = debian(release)
        self.box: EmulatorProcess | None = None
        self.within: list[str] = []
        """What to put before a command of our side that is to speak to the machine's loopback addresses."""

    def __enter__(self) -> Self:
        hosts = [f"--add-host={host}:127.0.0.1" for host in HOSTS]
        self.podman(
            *("run", "--detach", f"--name={self.name}", "--privileged", "--systemd=always", "--network=none"),
            *(*hosts, "--rootfs", f"{self._root}:O", "/sbin/init"),
        )
        # As on a machine of its own, where credentials are mounted in another namespace and seen from there. systemd
        # leaves this to whoever makes the container, and podman makes it private.
        self.run("mount --make-rshared /")
        self.run("systemctl is-system-running --wait || true")
        pid = self.podman("inspect", "--format={{.State.Pid}}", self.name).strip()
        self.within = ["nsenter", f"--net=/proc/{pid}/ns/net"]
        self.box = EmulatorProcess(
            self.home / "box", port=443, tls=True, tls_names=HOSTS, within=self.within, description=find_description()
        ).start()
        self.put(self.box.ca, "/usr/local/share/ca-certificates/box.crt")
        self.run("update-ca-certificates")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.box:
            self.box.stop()
        self.podman("rm", "--force", "--time=0", self.name)
        self.close()

    def run(
        self, script: str, check: bool = True, env: dict[str, str] | None = None, answers: str | None = None
    ) -> str:
        """What a script of the shell prints, both streams together; with `answers`, on a terminal where they are typed.

        :raises AssertionError: with `check`, it ended with another status than 0; carries what it said
        """
        more = [f"--env={name}={value}" for name, value in (env or {}).items()]
        words = ["sh", "-ec", script]
        if answers is not None:
            words = ["script", "--quiet", "--return", "--command", shlex.join(words), "/dev/null"]
        command = ["podman", *self.options, "exec", "--interactive", *more, self.name, *words]
        done = self.command(*command, given=answers or "")
        told = done.stdout.replace("\r\n", "\n") + done.stderr
        assert done.returncode == 0 or not check, f"{script}: {done.returncode}\n{told}"
        return told if check or not done.returncode else f"{told}\nstatus {done.returncode}"

    def put(self, source: Path, target: str) -> None:
        """Copy a file or a folder onto the machine."""
        self.run(f"mkdir -p {shlex.quote(str(Path(target).parent))}")
        self.podman("cp", str(source), f"{self.name}:{target}")


def debian(release: str, include: str = INCLUDE) -> Path:
    """The files of a release with these packages: made from Debian's archive once, and kept.

    :raises NoContainers: it can't be had
    """
    digest = hashlib.sha256(repr((include, MASKED)).encode()).hexdigest()[:8]
    kept = KEPT / f"{release}-{digest}"
    options = ["--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io", f"--include={include}"]
    options += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
    with made_once(kept) as made:
        if made is not None:
            try:
                words = ["mmdebstrap", *options, release, str(made), archive_address()]
                done = subprocess.run(words, capture_output=True, text=True, check=False)
            except (PackagesError, OSError) as error:
                raise NoContainers(str(error)) from error
            if done.returncode != 0:
                raise NoContainers(f"Debian {release} can't be had: {done.stderr.strip()[-500:]}")
            made.chmod(0o755)
            for unit in MASKED if "systemd" in include else ():
                (made / "etc/systemd/system" / unit).symlink_to("/dev/null")
    return kept


def wheels(release_python: str, folder: Path) -> None:
    """Fill a folder with what ``requirements.lock`` names, for that version of Python (``3.11``).

    Downloaded once, and kept where what makes packages keeps and finds the same.
    """
    lock = REPOSITORY / "sidecar/requirements.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:8]
    kept = REPOSITORY / ".cache/wheels" / f"{release_python}-{digest}"
    with made_once(kept) as made:
        if made is not None:
            download(lock, release_python, made)
    shutil.copytree(kept, folder, dirs_exist_ok=True)


def download(lock: Path, release_python: str, folder: Path) -> None:
    """Have pip fetch what a lock file names, by its hashes, for a Python that need not be here."""
    platforms = [f"--platform={name}_x86_64" for name in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    pip = [str(REPOSITORY / ".venv/bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    only = ["--require-hashes", "--no-deps", "--only-binary=:all:", f"--python-version={release_python}", *platforms]
    subprocess.run([*pip, *only, "--dest", str(folder), "-r", str(lock)], check=True)


def own_wheel(folder: Path, work: Path) -> None:
    """Put the sidecar's wheel, as the working tree is, into a folder."""
    source = work / "sidecar"
    shutil.copytree(REPOSITORY / "sidecar", source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    pip = [str(REPOSITORY / ".venv/bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"]
    subprocess.run([*pip, "--no-deps", "--wheel-dir", str(folder), str(source)], check=True)
