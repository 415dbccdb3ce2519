"""What a part of the project needs of Debian is installed, or said in a way that can be typed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from intranet import packages
from intranet.release import REPOSITORY


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose lines are all the packages that dpkg knows as installed."""
    known = tmp_path / "installed"
    known.write_text("")
    program = tmp_path / "dpkg-query"
    program.write_text(f"#!/bin/sh\nsed 's/$/ installed/' {known}\necho nginx deinstall\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return known


def test_what_is_missing(installed: Path) -> None:
    installed.write_text("chromium\nphp8.2-curl\n")
    assert packages.missing(("chromium", "php-curl", "nginx", "php-intl")) == ["nginx", "php-intl"]


def test_nothing_is_asked_of_apt_when_all_is_there(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed.write_text("chromium\n")
    monkeypatch.setattr(packages, "privilege", lambda: pytest.fail("asked for root"))
    packages.install(("chromium",))


def test_who_may_not_install_reads_what_to_type(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed.write_text("chromium\n")
    monkeypatch.setattr(packages, "privilege", lambda: None)
    with pytest.raises(packages.PackagesError, match=r"sudo apt-get install --no-install-recommends nginx gettext$"):
        packages.install(("chromium", "nginx", "gettext"))


def test_other_system_reads_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(packages.PackagesError, match=r"not a Debian system.*nginx"):
        packages.missing(("nginx",))


def test_command_needs_nothing_but_python() -> None:
    # -S -I: no site-packages, no environment.
    command = [sys.executable, "-I", "-S", str(REPOSITORY / "tests/intranet/packages.py"), "build"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


def test_wheel_holds_all_that_the_code_imports_and_reads() -> None:
    (wheel,) = (REPOSITORY / "dist").glob("box_sidecar-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    packed = {name for name in names if ".data/data/" not in name}
    assert {name.partition(".data/data/")[2] for name in names - packed} == {"share/man/man1/box-sidecar.1"}
    sources = (REPOSITORY / "sidecar/box_sidecar").rglob("*")
    kept = {str(path.relative_to(REPOSITORY / "sidecar")) for path in sources if path.is_file()}
    kept = {name for name in kept if "__pycache__" not in name and not name.endswith(".po")}
    assert packed == kept, "run: make build"
    script = f"import sys; sys.path.insert(0, {str(wheel)!r}); sys.argv[1:] = ['config']; import box_sidecar.__main__"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert printed.stdout == (REPOSITORY / "sidecar/box_sidecar/settings.toml").read_text()
