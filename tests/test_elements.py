"""`make elements`: a folder like Box's CDN, from the pinned package and no other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs import COMMANDS
from intranet.release import REPOSITORY
from intranet.stack import ELEMENTS, fetch_elements

COMMAND = REPOSITORY / "wp-plugin/bin/elements"
CDN_LOCALES = [
    "en-US",
    "en-AU",
    "en-CA",
    "en-GB",
    "da-DK",
    "de-DE",
    "es-ES",
    "fi-FI",
    "fr-CA",
    "fr-FR",
    "it-IT",
    "ja-JP",
    "ko-KR",
    "nb-NO",
    "nl-NL",
    "pl-PL",
    "pt-BR",
    "ru-RU",
    "sv-SE",
    "tr-TR",
    "zh-CN",
    "zh-TW",
]


def elements(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, COMMAND, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def version() -> Path:
    """The folder of the pinned version, as the command left it."""
    fetch_elements()
    (made,) = (folder for folder in ELEMENTS.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    return made


def test_every_locale_has_every_file(version: Path) -> None:
    for locale in CDN_LOCALES:
        for element in ("explorer", "picker", "uploader", "preview", "sidebar"):
            assert (version / locale / f"{element}.js").stat().st_size > 100_000
            assert (version / locale / f"{element}.css").stat().st_size > 10_000
        assert len(json.loads((version / locale / "messages.json").read_text("utf-8"))) > 500


def test_messages_are_those_of_the_language(version: Path) -> None:
    english, japanese = (
        json.loads((version / locale / "messages.json").read_text("utf-8")) for locale in ("en-US", "ja-JP")
    )
    assert english.keys() == japanese.keys()
    assert english["be.upload"] == "Upload"
    assert japanese["be.upload"] == "アップロード"


def test_one_build_is_kept_once(version: Path) -> None:
    assert os.path.samefile(version / "en-US/explorer.js", version / "ja-JP/explorer.js")


def test_sizes_of_the_scripts_are_noted(version: Path) -> None:
    for locale in CDN_LOCALES:
        sizes = json.loads((version / locale / "sizes.json").read_text())
        assert sizes["explorer.js"] == (version / locale / "explorer.js").stat().st_size


def test_fonts_from_elsewhere_can_be_left_away(version: Path, tmp_path: Path) -> None:
    copy = tmp_path / version.name
    for locale in ("en-US", "ja-JP"):
        (copy / locale).mkdir(parents=True)
    for path in (version / "en-US").glob("*.css"):
        shutil.copy(path, copy / "en-US")
        os.link(copy / "en-US" / path.name, copy / "ja-JP" / path.name)
    before = {path.name: path.read_text("utf-8") for path in (copy / "ja-JP").glob("*.css")}
    assert len(before) == 5
    assert all("boxcdn.net/fonts" in styles for styles in before.values()), "if not, there is nothing to do any more"
    assert elements("--fonts", "system", tmp_path).returncode == 0
    for path in (copy / "ja-JP").glob("*.css"):
        after = path.read_text("utf-8")
        assert "boxcdn.net" not in after
        assert 0 < len(before[path.name]) - len(after) < 2000, "nothing else was changed"


def test_licence_lies_beside_the_files(version: Path) -> None:
    assert "BOX" in (version / "LICENSE").read_text()


def test_plugin_asks_for_the_pinned_version(version: Path) -> None:
    assert f"'{version.name}'" in (REPOSITORY / "wp-plugin/includes/widgets/class-elements.php").read_text()


def test_second_run_leaves_everything_alone(version: Path) -> None:
    before = (version / "en-US/explorer.js").stat()
    done = elements(version.parent)
    assert done.returncode == 0
    assert "already" in done.stdout
    assert str(version / "LICENSE") in done.stdout
    assert (version / "en-US/explorer.js").stat() == before


def test_other_package_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    package = tmp_path / "box-ui-elements.tgz"
    package.write_bytes(b"not the one")
    done = elements("--package", package, tmp_path / "elements")
    assert done.returncode == 1
    assert "is not the box-ui-elements@" in done.stderr
    assert list((tmp_path / "elements").iterdir()) == []


def test_missing_npm_is_said(tmp_path: Path) -> None:
    done = elements(tmp_path, PATH=str(tmp_path))
    assert done.returncode == 1
    assert "npm is needed" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_manual_s_command_is_right() -> None:
    """Where all of it is there already, it finds nothing to do."""
    fetch_elements()
    command = COMMANDS["elements"].replace("box-ui-elements", str(ELEMENTS))
    done = subprocess.run(["sh", "-c", command], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(ELEMENTS) in done.stdout
