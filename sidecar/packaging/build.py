"""Make what is installed: the sidecar's wheel, Debian packages and an RPM with all that it needs, and what is in them.

    python sidecar/packaging/build.py [DESTINATION]                (default: dist)
    python sidecar/packaging/build.py --debian 12 [DESTINATION]    (only for that release of Debian)
    python sidecar/packaging/build.py --wheel [DESTINATION]        (only the sidecar's own wheel)

The same sources make the same bytes, in any folder and at any time: times are that of the last commit
(SOURCE_DATE_EPOCH), and what others have made is taken as it is, by the hashes of ``requirements.lock``.
"""

from __future__ import annotations

import argparse
import email.utils
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
SIDECAR = SOURCE.parent
REPOSITORY = SIDECAR.parent
NAME = "box-sidecar"
#: The program's folder: a Python environment, on the system's own Python.
PREFIX = "usr/lib/box-sidecar"
#: For which release of Debian, which Python: wheels with compiled parts are for one version alone.
DEBIANS = {"12": "3.11", "13": "3.13"}
#: RHEL 9 has a Python 3.11 beside its own; the wheels want a C library as old as RHEL 8's.
RPM_PYTHON = "3.11"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
#: Where what lies beside ``tools/`` or this file goes, by the end of its name.
PLACES = {
    ".service": "usr/lib/systemd/system/box-sidecar.service",
    ".socket": "usr/lib/systemd/system/box-sidecar.socket",
    ".sysusers": "usr/lib/sysusers.d/box-sidecar.conf",
    ".tmpfiles": "usr/lib/tmpfiles.d/box-sidecar.conf",
    ".removal": f"{PREFIX}/removal",
}
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/box-sidecar",
    "zsh": "usr/share/zsh/vendor-completions/_box-sidecar",
    "fish": "usr/share/fish/vendor_completions.d/box-sidecar.fish",
}
LAUNCHER = f"#!/{PREFIX}/bin/python3\nimport sys\n\nfrom box_sidecar.cli import main\n\nsys.exit(main())\n"
MAINTAINER = "The Widgets for Box contributors <noreply@widgets-for-box.invalid>"
#: Licences whose text every Debian system has.
COMMON = "/usr/share/common-licenses"


class BuildError(RuntimeError):
    """Something is missing or not as expected; the message says what to do."""


def main() -> int:
    """Command line; exit status 1 with one line where nothing could be made."""
    parser = argparse.ArgumentParser(description="Make the sidecar's wheel and packages.")
    parser.add_argument("--wheel", action="store_true", help="only the sidecar's own wheel")
    parser.add_argument("--debian", choices=DEBIANS, help="only for this release of Debian, and no RPM")
    parser.add_argument("destination", nargs="?", type=Path, default=REPOSITORY / "dist")
    given = parser.parse_args()
    os.umask(0o022)
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch())
    given.destination.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as work:
            wheel = own_wheel(given.destination, Path(work))
            if not given.wheel:
                packages(wheel, given.debian, given.destination.resolve(), Path(work))
    except BuildError as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


def epoch() -> int:
    """The time that all files carry: what the environment says, else the last commit's, else the first a zip can."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    command = ["git", "-C", str(REPOSITORY), "log", "-1", "--format=%ct"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else 315532800


def own_wheel(destination: Path, work: Path) -> Path:
    """The sidecar's own wheel, from a copy of its sources: neither their modes nor what lies about gets into it."""
    source = work / "source"
    ignore = shutil.ignore_patterns("build", "*.egg-info", "__pycache__", "packaging")
    shutil.copytree(SIDECAR, source, ignore=ignore, copy_function=shutil.copyfile)
    for folder in (source, *(path for path in source.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    for old in destination.glob("box_sidecar-*.whl"):
        old.unlink()
    made = work / "made"
    pip("wheel", "--no-deps", "--wheel-dir", made, source)
    (wheel,) = made.glob("box_sidecar-*.whl")
    return Path(shutil.copyfile(wheel, destination / wheel.name))


def packages(wheel: Path, only: str | None, destination: Path, work: Path) -> None:
    """The packages, what is in them, and the checksums of everything that lies there."""
    version = wheel.name.split("-")[1]
    for pattern in ("_*.deb", "-*.rpm", "-*.cdx.json"):
        for old in destination.glob(NAME + pattern):
            old.unlink()
    sbom = destination / f"{NAME}-{version}.cdx.json"
    for debian, python in DEBIANS.items():
        if only not in {None, debian}:
            continue
        root = work / python
        tree(root, wheel, python, sbom, work)
        deb(root, f"{version}-1+deb{debian}", python, destination)
        if not only and python == RPM_PYTHON and shutil.which("rpmbuild"):
            rpm(root, version, work, destination)
    made = sorted(path for path in destination.iterdir() if path.suffix in {".whl", ".zip", ".deb", ".rpm", ".json"})
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made]
    (destination / "SHA256SUMS").write_text("".join(sums))


def tree(root: Path, wheel: Path, python: str, sbom: Path, work: Path) -> None:
    """Lay out below ``root`` what every package has; the bill of materials is the same for each, and made once."""
    modules = root / PREFIX / f"lib/python{python}/site-packages"
    modules.mkdir(parents=True)
    for one in (*wheels(python, work), wheel):
        unpack(one, modules)
    (root / PREFIX / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"
    )
    scripts = root / PREFIX / "bin"
    scripts.mkdir()
    (scripts / "python3").symlink_to(f"../../../bin/python{python}")
    write(root, f"{PREFIX}/bin/{NAME}", LAUNCHER).chmod(0o755)
    (root / "usr/bin").mkdir()
    (root / "usr/bin" / NAME).symlink_to(f"../lib/box-sidecar/bin/{NAME}")
    for folder in (SIDECAR / "box_sidecar/tools", SOURCE):
        for path in folder.glob(f"{NAME}.*"):
            if path.suffix in PLACES and not (root / PLACES[path.suffix]).exists():
                write(root, PLACES[path.suffix], path.read_text().replace("/opt/box-sidecar/", f"/{PREFIX}/"))
    write(root, "etc/box-sidecar/box-sidecar.toml", (SIDECAR / "box_sidecar/settings.toml").read_text())
    for shell, place in COMPLETIONS.items():
        write(root, place, (SIDECAR / "box_sidecar/completion" / shell).read_text())
    write(root, f"usr/share/man/man1/{NAME}.1.gz", (SIDECAR / f"man/{NAME}.1").read_text())
    write(root, f"usr/share/doc/{NAME}/changelog.gz", (REPOSITORY / "CHANGELOG.md").read_text())
    if not sbom.exists():
        bill_of_materials(modules, sbom, work)
    write(root, f"usr/share/doc/{NAME}/sbom.cdx.json", sbom.read_text())
    write(root, f"usr/share/doc/{NAME}/copyright", copyright_of(modules))
    settle(root)


def wheels(python: str, work: Path) -> list[Path]:
    """What ``requirements.lock`` names, for that version of Python; downloaded once, and kept."""
    lock = SIDECAR / "requirements.lock"
    kept = REPOSITORY / ".cache/wheels" / f"{python}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:8]}"
    if kept.exists():
        return sorted(kept.glob("*.whl"))
    folder = work / f"wheels-{python}"
    platforms = [f"--platform={name}" for name in PLATFORMS]
    only = ["--require-hashes", "--no-deps", "--only-binary=:all:", f"--python-version={python}", *platforms]
    pip("download", *only, "--dest", folder, "-r", lock)
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    return sorted(kept.glob("*.whl"))


def unpack(wheel: Path, modules: Path) -> None:
    """Lay out a wheel's modules as they are; where its manual and its commands go is ours to say."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".data/" in name and not re.search(r"\.data/(data/share/man|scripts)/", name):
                raise BuildError(f"{wheel.name} has {name}, which nobody here knows where to put")
        archive.extractall(modules, [name for name in archive.namelist() if ".data/" not in name])


def bill_of_materials(modules: Path, target: Path, work: Path) -> None:
    """Name, version, licence and origin of each distribution, as CycloneDX has it.

    The tool asks an interpreter of its own for what is installed; that version's own Python need not be here.
    """
    asked = work / "asked"
    (asked / "bin").mkdir(parents=True)
    (asked / "bin/python3").symlink_to(Path(sys.executable).resolve())
    (asked / "pyvenv.cfg").write_text(
        f"home = {Path(sys.executable).resolve().parent}\ninclude-system-site-packages = false\n"
    )
    place = asked / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    place.mkdir(parents=True)
    (place / "site-packages").symlink_to(modules)
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--output-format=JSON"]
    run(*command, "--pyproject", SIDECAR / "pyproject.toml", "--output-file", target, asked / "bin/python3")
    bill = json.loads(target.read_text())
    without = [one["name"] for one in bill["components"] if not one.get("licenses")]
    if without:
        raise BuildError(f"no licence is known of {', '.join(without)}: look it up before it is passed on")
    target.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")


def copyright_of(modules: Path) -> str:
    """Whose all of it is, under which licence, and where that one's text lies."""
    lines = ["Widgets for Box, the sidecar. Copyright 2026 the contributors.", "Licence: GPL-2.0-or-later"]
    lines += [f"{COMMON}/GPL-2 has its text.", ""]
    lines += ["It comes with these, as their authors published them as wheels:", ""]
    for folder in sorted(modules.glob("*.dist-info"), key=lambda path: path.name.lower()):
        told = email.message_from_string((folder / "METADATA").read_text("utf-8"))
        if told["Name"] == NAME:
            continue
        licence = (
            told["License-Expression"]
            or told["License"]
            or "; ".join(
                value.rpartition(" :: ")[2]
                for value in told.get_all("Classifier", [])
                if value.startswith("License ::")
            )
        )
        texts = [path for path in sorted(folder.rglob("*")) if re.match(r"(?i)licen|copying|notice", path.name)]
        lines.append(f"{told['Name']} {told['Version']}: {licence.splitlines()[0]}")
        lines += [f"  /{PREFIX}/{path.relative_to(modules.parents[2])}" for path in texts if path.is_file()]
    return "\n".join((*lines, ""))


def deb(root: Path, version: str, python: str, destination: Path) -> None:
    """A package for the release of Debian that has this Python."""
    control = root / "DEBIAN"
    shutil.rmtree(control, ignore_errors=True)
    major, minor = python.split(".")
    size = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file()) // 1024
    values = {"version": version, "python": python, "next": f"{major}.{int(minor) + 1}", "size": size}
    fields = (SOURCE / "control").read_text().format(**values, maintainer=MAINTAINER)
    write(root, "DEBIAN/control", fields)
    conffiles = sorted(path for path in (root / "etc").rglob("*") if path.is_file())
    write(root, "DEBIAN/conffiles", "".join(f"/{path.relative_to(root)}\n" for path in conffiles))
    at = email.utils.formatdate(epoch())
    entry = f"{NAME} ({version}) stable; urgency=medium\n\n  * See changelog.gz.\n\n -- {MAINTAINER}  {at}\n"
    write(root, f"usr/share/doc/{NAME}/changelog.Debian.gz", entry)
    for name in ("postinst", "prerm", "postrm"):
        write(root, f"DEBIAN/{name}", (SOURCE / name).read_text()).chmod(0o755)
    write(root, f"usr/share/lintian/overrides/{NAME}", (SOURCE / "lintian-overrides").read_text())
    inside = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    sums = [path for path in inside if path.relative_to(root).parts[0] not in {"DEBIAN", "etc"}]
    digests = [hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for path in sums]
    listed = [f"{digest}  {path.relative_to(root)}\n" for digest, path in zip(digests, sums, strict=True)]
    write(root, "DEBIAN/md5sums", "".join(listed))
    settle(root)
    target = destination / f"{NAME}_{version}_amd64.deb"
    run("dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zgzip", "-z6", "--build", root, target)
    shutil.rmtree(control)
    shutil.rmtree(root / "usr/share/lintian")
    (root / f"usr/share/doc/{NAME}/changelog.Debian.gz").unlink()


def rpm(root: Path, version: str, work: Path, destination: Path) -> None:
    """The same files for the RHEL family."""
    top = work / "rpm"
    define = {"_topdir": top, "_tree": root, "_version": version, "_python": RPM_PYTHON}
    options = [word for name, value in define.items() for word in ("--define", f"{name} {value}")]
    run("rpmbuild", "-bb", "--quiet", *options, SOURCE / f"{NAME}.spec")
    for made in (top / "RPMS").rglob("*.rpm"):
        shutil.copyfile(made, destination / made.name)


def write(root: Path, place: str, text: str) -> Path:
    """A file of the package; compressed, without name and time, where it is called so."""
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode()
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)
    path.chmod(0o644)
    return path


def settle(root: Path) -> None:
    """Give everything the same time, and modes that nobody's habits decide."""
    for path in (root, *root.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
        elif not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 and path.suffix != ".so" else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)


def pip(*words: object) -> None:
    """Run pip."""
    run(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words)


def run(*words: object) -> None:
    """Run a command; BuildError with what it said when it fails."""
    command = [str(word) for word in words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not installed") from None
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command)} failed:\n{(done.stderr or done.stdout).strip()}")


if __name__ == "__main__":
    sys.exit(main())
