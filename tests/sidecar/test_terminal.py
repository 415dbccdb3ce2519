"""The command line where somebody sits before it, and where nobody does: colours, news, languages, completion."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import cli_pages
import docs
from box_sidecar.cli import parser
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess, box_sidecar

ESCAPE = re.compile(r"\x1b\[[\d;]*m")
LANGUAGE_NAMES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR", "TERM")


def environment(**changes: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in LANGUAGE_NAMES} | changes


def on_a_terminal(*arguments: str | Path, **changes: str) -> tuple[int, str]:
    """Exit status and all that is shown on one terminal that is both outputs."""
    shown, end = pty.openpty()
    command = [box_sidecar(), *map(str, arguments)]
    with subprocess.Popen(command, stdout=end, stderr=end, env=environment(**changes)) as process:
        os.close(end)
        told = b""
        while piece := _read(shown):
            told += piece
    os.close(shown)
    return process.returncode, told.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: nobody holds the other end any more
        return b""


def piped(*arguments: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [box_sidecar(), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment(**changes), encoding="utf-8"
    )


@pytest.fixture
def idle(box: EmulatorProcess, folder: Path) -> SidecarProcess:
    """A configuration without a running sidecar."""
    return SidecarProcess(folder / "terminal", app_config=box.app_config, api_url=box.url, box={"timeout_s": 5.0})


def test_a_check_closes_with_one_line_in_colours_and_languages(box: EmulatorProcess, idle: SidecarProcess) -> None:
    check = ("check", "--config", idle.config)
    status, shown = on_a_terminal(*check, TERM="xterm-256color", LANG="de_DE.UTF-8")
    assert status == 0
    assert "\x1b[32m✓\x1b[0m network: " in shown
    assert shown.splitlines()[-1] == "\x1b[32mAlle 8 Prüfungen bestanden.\x1b[0m"
    assert f"{box.url} antwortet." in shown
    for plain in ({"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}):
        assert not ESCAPE.search(on_a_terminal(*check, **plain)[1])
    box.settings(app_authorized=False, clock_offset_s=60)
    status, shown = on_a_terminal(*check, TERM="xterm", LANG="ja_JP.UTF-8")
    assert status == 1
    assert "\x1b[33m!\x1b[0m clock: Box の時計は" in shown
    assert "\x1b[31m✗\x1b[0m app: アプリがこの企業で承認されていません。" in shown
    assert "    → 「Admin Console」(app.box.com/master)" in shown
    assert shown.splitlines()[-1] == "\x1b[31m6 件中 1 件が失敗: app。\x1b[0m"


def test_where_nobody_watches_it_is_plain(box: EmulatorProcess, idle: SidecarProcess) -> None:
    box.settings(clock_offset_s=60)
    ended = piped("check", "--config", idle.config, TERM="xterm", LC_ALL="C", LANGUAGE="de")
    assert ended.returncode == 0 and ended.stderr == ""
    assert not ESCAPE.search(ended.stdout)
    assert ended.stdout.splitlines()[-1] == "No check failed; 1 of 8 worth a look: clock."
    spoken = json.loads(piped("check", "--config", idle.config, "--json", LANG="de_DE.UTF-8").stdout)
    (clock,) = [found for found in spoken["checks"] if found["id"] == "clock"]
    assert clock["summary"].startswith("Box's clock is +")
    assert clock["message"]["summary"][0]["params"]["offset"] in {"+59", "+60", "+61"}


def test_an_encoding_without_our_letters_stops_nothing(idle: SidecarProcess) -> None:
    ended = piped("check", "--config", idle.config, LANG="ja_JP.UTF-8", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0 and "Traceback" not in ended.stderr
    assert ended.stdout.splitlines()[0].startswith("? key: ")


def test_a_problem_speaks_the_language_too(idle: SidecarProcess) -> None:
    who = ("--config", idle.config, "--login", "nora@example.com", "--element", "explorer")
    ended = piped("token", *who, LANG="fr_FR.UTF-8")
    assert (ended.returncode, ended.stdout) == (1, "")
    first, fix = ended.stderr.splitlines()
    assert first.startswith("box-sidecar: Box ne connaît pas cette personne. Box n’a aucun utilisateur géré")
    assert fix.startswith("  Solution : « Admin Console » → « Users & Groups »")


def test_who_waits_for_box_is_told_so_once_for_each_check(box: EmulatorProcess, idle: SidecarProcess) -> None:
    box.fault("delay", times=1, seconds=2.6)
    status, shown = on_a_terminal("check", "--config", idle.config, LANG="es_ES.UTF-8")
    assert status == 0
    assert shown.count("… 3 comprobaciones hechas, esperando a Box") == 1
    box.fault("delay", times=1, seconds=1.6)
    assert piped("check", "--config", idle.config).stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    ended = piped("completion", shell)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == cli_pages.completion(shell)
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=ended.stdout, text=True, check=False).returncode == 0


COMPLETE = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
"$(complete -p box-sidecar | sed 's/.*-F \\([^ ]*\\).*/\\1/')" box-sidecar "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["che"], {"check"}),
        ([""], set(cli_pages.commands(parser()))),
        (["check", "--pro"], {"--probe"}),
        (["token", "--element", "up"], {"uploader"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(typed: list[str], offered: set[str], tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(cli_pages.completion("bash"))
    command = ["bash", "-c", COMPLETE, "bash", str(script), "box-sidecar", *typed]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert set(ended.stdout.split()) == offered, ended.stderr


@pytest.mark.parametrize("linter", ["groff -man -ww -z", "mandoc -Tlint"])
def test_the_manual_page_is_well_formed(linter: str) -> None:
    program, *options = linter.split()
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    page = docs.REPOSITORY / "sidecar/man/box-sidecar.1"
    ended = subprocess.run([program, *options, str(page)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_manual_page_has_every_command_and_option() -> None:
    text = (docs.REPOSITORY / "sidecar/man/box-sidecar.1").read_text().replace("\\-", "-")
    for name, command in cli_pages.commands(parser()).items():
        assert f".SS {name}\n" in text
        options = [option for action in command._actions for option in action.option_strings]
        section = text.partition(f".SS {name}\n")[2].partition("\n.S")[0]
        assert all(f"\\fB{option}\\fR" in section for option in options)
