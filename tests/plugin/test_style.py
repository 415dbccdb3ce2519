"""The plugin's sources: every supported PHP compiles them, translations are complete, the zip is what it should be."""

from __future__ import annotations

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from intranet.release import REPOSITORY

PLUGIN = REPOSITORY / "wp-plugin"
TESTS = REPOSITORY / "tests"
LANGUAGES = ("de_DE", "es_ES", "fr_FR", "ja", "pt_BR")


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=TESTS,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("version", ["7.4", "8.0", "8.1", "8.2", "8.3", "8.4", "8.5"])
def test_php_compiles_it(version: str) -> None:
    done = run("node", "node_modules/@php-wasm/cli/main.js", "plugin/php/lint.php", "../wp-plugin", PHP=version)
    assert done.returncode == 0, done.stdout + done.stderr
    compiled = re.search(r"^(\d+\.\d+)\S*: (\d+) files$", done.stdout, re.MULTILINE)
    assert compiled, done.stdout
    assert compiled[1] == version
    assert int(compiled[2]) == len(list(PLUGIN.glob("includes/**/*.php")))


def test_every_class_is_found_where_it_is() -> None:
    """A class that the loader does not know is a fatal error at the moment when it is first needed."""
    plugin = (PLUGIN / "includes/class-plugin.php").read_text()
    listed = {
        f"{folder}class-{name.lower().replace('_', '-')}.php"
        for name, folder in re.findall(r"^\t\t'(\w+)' +=> '([a-z]*/?)',$", plugin, re.MULTILINE)
    }
    there = {path.relative_to(PLUGIN / "includes").as_posix() for path in PLUGIN.glob("includes/**/class-*.php")}
    assert listed == there - {"class-plugin.php"}


def test_a_file_is_one_subject_that_one_can_read() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in [*PLUGIN.glob("**/*.php"), *PLUGIN.glob("**/*.js")]}
    assert [str(path) for path, lines in lengths.items() if lines > 300] == []


def test_analysis_looks_at_everything() -> None:
    done = run("node", "plugin/intelephense.mjs", "7.4", "../wp-plugin", "plugin/php/stubs.php")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(list(PLUGIN.glob('**/*.php')))} files, 0 findings" in done.stdout


def test_analysis_finds_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "wrong.php").write_text(
        "<?php\nfunction f( int $n ): int {\n\treturn absent( $n );\n}\nget_option();\n"
    )
    done = run("node", "plugin/intelephense.mjs", "7.4", tmp_path)
    assert done.returncode == 1
    assert "wrong.php:3:" in done.stdout, done.stdout
    assert "wrong.php:5:" in done.stdout, "WordPress's functions are known."


def test_translations_are_complete_and_compiled() -> None:
    done = run(PLUGIN / "bin/translations", "--check")
    assert done.returncode == 0, done.stderr
    assert {path.stem.removeprefix("widgets-for-box-") for path in PLUGIN.glob("languages/*.po")} == set(LANGUAGES)


def test_blocks_manifest_says_what_the_blocks_say() -> None:
    done = run(PLUGIN / "bin/blocks-manifest", "--check")
    assert done.returncode == 0, done.stderr
    shown = run("php", "-r", f"const ABSPATH = ''; echo json_encode( require '{PLUGIN}/blocks/blocks-manifest.php' );")
    blocks = {path.parent.name: json.loads(path.read_text()) for path in PLUGIN.glob("blocks/*/block.json")}
    assert json.loads(shown.stdout) == blocks


def test_zip_holds_what_a_site_needs_and_nothing_else(plugin_zip: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    assert run(PLUGIN / "bin/build-zip", again).returncode == 0
    assert again.read_bytes() == plugin_zip.read_bytes(), "The same sources make the same zip."
    with zipfile.ZipFile(plugin_zip) as archive:
        names = archive.namelist()
        sizes = sum(entry.file_size for entry in archive.infolist())
    assert all(name.startswith("widgets-for-box/") for name in names)
    assert {
        "widgets-for-box/widgets-for-box.php",
        "widgets-for-box/readme.txt",
        "widgets-for-box/uninstall.php",
    } <= set(names)
    kinds = {Path(name).suffix for name in names}
    assert kinds <= {".php", ".js", ".css", ".json", ".txt", ".pot", ".mo"}
    assert not [name for name in names if "/bin/" in name]
    # Box UI Elements are megabytes, and under a licence that forbids them here.
    assert sizes < 1_500_000


def test_versions_agree() -> None:
    main = (PLUGIN / "widgets-for-box.php").read_text()
    readme = (PLUGIN / "readme.txt").read_text()
    version = re.search(r"^ \* Version:\s+(\S+)$", main, re.MULTILINE)
    assert version
    assert f"const VERSION = '{version[1]}';" in main
    assert re.search(rf"^Stable tag: {re.escape(version[1])}$", readme, re.MULTILINE)
    for field in ("Requires at least", "Requires PHP"):
        values = {re.search(rf"{field}:\s+(\S+)", text)[1] for text in (main, readme)}  # type: ignore[index]
        assert len(values) == 1
    for block in PLUGIN.glob("blocks/*/block.json"):
        assert json.loads(block.read_text())["version"] == version[1]


def test_elements_version_is_pinned_the_same_everywhere() -> None:
    found = re.search(r"const VERSION = '([\d.]+)';", (PLUGIN / "includes/widgets/class-elements.php").read_text())
    assert found
    assert found[1] in (PLUGIN / "bin/elements").read_text()


def test_contents_are_readable_by_everyone() -> None:
    """Nothing minified or generated without its source, and no debugging left behind."""
    for path in [*PLUGIN.glob("assets/*"), *PLUGIN.glob("**/*.php")]:
        text = path.read_text()
        assert max(map(len, text.splitlines())) < 1000, path
        for leftover in ("console.log", "var_dump", "error_log(", "print_r(", "debugger;"):
            assert leftover not in text, f"{leftover} in {path}"
