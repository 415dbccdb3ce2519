"""What `make package` makes: the same bytes for the same sources, licences of all, and nothing that lintian minds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from intranet.release import REPOSITORY, build_packages

pytestmark = pytest.mark.system


def test_another_folder_and_other_habits_make_the_same_bytes(built: Path, tmp_path: Path) -> None:
    copy, again = tmp_path / "elsewhere", tmp_path / "again"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(REPOSITORY / "sidecar", copy / "sidecar", ignore=ignore, copy_function=shutil.copyfile)
    shutil.copyfile(REPOSITORY / "CHANGELOG.md", copy / "CHANGELOG.md")
    (copy / ".cache").symlink_to(REPOSITORY / ".cache")
    for path in copy.rglob("*.py"):
        path.chmod(0o660)  # as under another umask
    build_packages(copy, again)
    assert {path.name for path in built.iterdir()} == {path.name for path in again.iterdir()}
    assert {path.suffix for path in built.iterdir()} >= {".deb", ".rpm", ".whl", ".json"}
    for path in built.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=built, check=True)


def test_all_that_is_passed_on_is_listed_with_its_licence(built: Path) -> None:
    (file,) = built.glob("*.cdx.json")
    bill = json.loads(file.read_text())
    components = [bill["metadata"]["component"], *bill["components"]]
    assert [one["name"] for one in components if not one.get("licenses")] == []
    lock = (REPOSITORY / "sidecar/requirements.lock").read_text()
    pinned = {(name.lower(), version) for name, version in re.findall(r"(?m)^([\w.-]+)==([^ ]+)", lock)}
    listed = {(one["name"].lower().replace("_", "-"), one["version"]) for one in bill["components"]}
    assert listed == pinned
    for package in built.glob("*.deb"):
        assert unpacked(package, "./usr/share/doc/box-sidecar/sbom.cdx.json") == file.read_text()
        told = unpacked(package, "./usr/share/doc/box-sidecar/copyright")
        named = {name.lower().replace("_", "-") for name in re.findall(r"(?m)^([\w.-]+) \S+: \S", told)}
        assert named == {name for name, _ in pinned}


def test_lintian_minds_nothing(built: Path) -> None:
    package = next(built.glob("*+deb12_amd64.deb"))
    words = ["lintian", "--allow-root", "--fail-on=error,warning", str(package)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_rpm_has_the_same_files(built: Path) -> None:
    """Never installed on a machine of the RHEL family: there is none here."""
    (rpm,) = built.glob("*.rpm")
    listed = subprocess.run(["rpm", "-qlp", rpm], capture_output=True, text=True, check=True).stdout.split()
    package = next(built.glob("*+deb12_amd64.deb"))
    files = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
    tar = subprocess.run(["tar", "--list"], input=files, capture_output=True, check=True).stdout.decode().split()
    apart = ("lintian", "changelog.Debian.gz", "zsh")

    def ours(names: list[str]) -> set[str]:
        return {name for name in names if "box-sidecar" in name and not any(word in name for word in apart)}

    assert ours(listed) == ours([name[1:].rstrip("/") for name in tar])
    asked = subprocess.run(["rpm", "-qp", "--requires", rpm], capture_output=True, text=True, check=True)
    assert "/usr/bin/python3.11" in asked.stdout


def unpacked(package: Path, name: str) -> str:
    """A file's text, out of a Debian package."""
    files = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
    return subprocess.run(["tar", "-xO", name], input=files, capture_output=True, check=True).stdout.decode()
