"""A walk with boxfs, fsspec's file system on Box: ``boxfs_walk.py (jwt|ccg) CONFIG LOGIN``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-not-found]
from boxsdk import CCGAuth, Client, JWTAuth  # type: ignore[import-not-found]

from foreign.steps import step


def main(kind: str, config: str, login: str) -> None:
    config = str(Path(config).resolve())
    os.chdir(tempfile.mkdtemp())
    with step("fsspec knows boxfs"):
        import boxfs  # type: ignore[import-not-found]

        fs = fsspec.filesystem("box", client=client(kind, config, login))
        assert isinstance(fs, boxfs.BoxFileSystem)
    reading_and_writing(fs)
    moving(fs)
    big(fs)
    removing(fs)


def client(kind: str, config: str, login: str) -> Any:
    if kind == "jwt":
        service = JWTAuth.from_settings_file(config)
        (user,) = [one for one in Client(service).users(filter_term=login) if one.login == login]
        return Client(JWTAuth.from_settings_file(config, user=user))
    document = json.loads(Path(config).read_text())
    settings = document["boxAppSettings"]
    credentials = {"client_id": settings["clientID"], "client_secret": settings["clientSecret"]}
    service = CCGAuth(**credentials, enterprise_id=document["enterpriseID"])
    (user,) = [one for one in Client(service).users(filter_term=login) if one.login == login]
    return Client(CCGAuth(**credentials, user=user.id))


def reading_and_writing(fs: Any) -> None:
    with step("mkdir"):
        fs.mkdir("boxfs")
        assert fs.isdir("boxfs")
    with step("makedirs"):
        fs.makedirs("boxfs/a/b/c", exist_ok=True)
        assert fs.exists("boxfs/a/b/c")
    with step("open for writing"):
        with fs.open("boxfs/ünï & +.txt", "wb") as file:
            file.write(b"hello\nworld\n")
        assert fs.size("boxfs/ünï & +.txt") == 12
    with step("open for reading"), fs.open("boxfs/ünï & +.txt", "rb") as file:
        assert file.read() == b"hello\nworld\n"
    with step("seek"), fs.open("boxfs/ünï & +.txt", "rb") as file:
        file.seek(6)
        assert file.readline() == b"world\n"
    with step("pipe and cat"):
        fs.pipe_file("boxfs/a/p.txt", b"piped")
        assert fs.cat_file("boxfs/a/p.txt") == b"piped"
    with step("cat with a range"):
        assert fs.cat_file("boxfs/a/p.txt", start=1, end=3) == b"ip"
    with step("overwriting"):
        with fs.open("boxfs/a/p.txt", "wb") as file:
            file.write(b"again")
        assert fs.cat_file("boxfs/a/p.txt") == b"again"
    with step("ls"):
        assert {Path(name).name for name in fs.ls("boxfs", detail=False)} == {"a", "ünï & +.txt"}
    with step("ls with details"):
        assert {entry["type"] for entry in fs.ls("boxfs", detail=True)} == {"file", "directory"}
    with step("info"):
        info = fs.info("boxfs/a/p.txt")
        assert (info["type"], info["size"]) == ("file", 5)
    with step("exists, isfile, isdir"):
        assert fs.exists("boxfs/a/p.txt")
        assert fs.isfile("boxfs/a/p.txt")
        assert not fs.isdir("boxfs/a/p.txt")
        assert not fs.exists("boxfs/nothing")
    with step("what is not there"):
        try:
            fs.info("boxfs/nothing")
        except FileNotFoundError:
            pass
        else:
            raise AssertionError("found")
    with step("find"):
        assert len(fs.find("boxfs")) == 2
    with step("glob"):
        assert [Path(name).name for name in fs.glob("boxfs/*/*.txt")] == ["p.txt"]
    with step("walk"):
        assert sum(len(files) for _, _, files in fs.walk("boxfs")) == 2
    with step("du"):
        assert fs.du("boxfs") == 17
    with step("modified, created"):
        assert fs.modified("boxfs/a/p.txt") >= fs.created("boxfs/a/p.txt")


def moving(fs: Any) -> None:
    with step("copy"):
        fs.copy("boxfs/a/p.txt", "boxfs/a/q.txt")
        assert fs.cat_file("boxfs/a/q.txt") == b"again"
    with step("move"):
        fs.mv("boxfs/a/q.txt", "boxfs/a/b/r.txt")
        assert fs.exists("boxfs/a/b/r.txt")
        assert not fs.exists("boxfs/a/q.txt")
    with step("put"):
        Path("up.txt").write_text("up\n")
        fs.put_file("up.txt", "boxfs/up.txt")
        assert fs.cat_file("boxfs/up.txt") == b"up\n"
    with step("get"):
        fs.get_file("boxfs/up.txt", "down.txt")
        assert Path("down.txt").read_text() == "up\n"
    with step("put a folder"):
        folder = Path("many")
        (folder / "deep").mkdir(parents=True, exist_ok=True)
        for name in ("1.txt", "2.txt", "deep/3.txt"):
            (folder / name).write_text(name)
        fs.put("many", "boxfs/many", recursive=True)
        assert len(fs.find("boxfs/many")) == 3
    with step("get a folder"):
        fs.get("boxfs/many", "many back", recursive=True)
        assert len([path for path in Path("many back").rglob("*") if path.is_file()]) == 3


def big(fs: Any) -> None:
    content = os.urandom(21_000_000)
    with step("21 MB in parts"):
        with fs.open("boxfs/big.bin", "wb") as file:
            file.write(content)
        assert fs.size("boxfs/big.bin") == len(content)
    with step("21 MB back, in blocks"), fs.open("boxfs/big.bin", "rb", block_size=5_000_000) as file:
        assert file.read() == content


def removing(fs: Any) -> None:
    with step("rm_file"):
        fs.rm_file("boxfs/up.txt")
        assert not fs.exists("boxfs/up.txt")
    with step("rmdir"):
        fs.rmdir("boxfs/a/b/c")
        assert not fs.exists("boxfs/a/b/c")
    # Not rm(recursive=True): fsspec carries that out with rm_file, which boxfs has for files alone.
    with step("rmdir of what is not empty"):
        fs.rmdir("boxfs")
        assert not fs.exists("boxfs")


main(*sys.argv[1:])
