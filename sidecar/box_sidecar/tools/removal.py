"""``box-sidecar setup --remove``: everything that ``box-sidecar setup`` has made goes, tokens that live included."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
from pathlib import Path

from box_sidecar.problems import ConfigError
from box_sidecar.settings import Settings, parse_settings
from box_sidecar.tools import ask
from box_sidecar.tools.host import Host
from box_sidecar.tools.obstacles import FOLDER, UNIT, USER
from box_sidecar.tools.steps import SetupError, Step, command, run

CLIENTS_GROUP = "box-sidecar-web"
#: Folders that systemd makes for the unit (RuntimeDirectory=, StateDirectory=, …). An audit is no set-up: it stays.
_MADE = tuple(f"/{place}/box-sidecar" for place in ("run", "var/lib", "var/cache"))


def removal(host: Host) -> list[Step]:
    """What has to be done so that nothing of it is left; empty where there is nothing."""
    unit, drop_ins = host.root / UNIT[1:], host.root / f"{UNIT[1:]}.d"
    steps = []
    if host.runs_systemd() and (os.path.lexists(unit) or drop_ins.exists()):
        steps += [
            Step("revoke all tokens that the sidecar holds", _revoke_all),
            Step(f"systemctl disable --now {USER}", _stop),
        ]
    for path in (unit, drop_ins):
        if os.path.lexists(path):
            steps.append(_removal_of(path))
    if steps:
        steps += [command("systemctl", "daemon-reload"), Step(f"systemctl reset-failed {USER}", _forget_failures)]
    for name in (FOLDER, *_MADE):
        path = host.root / name[1:]
        if os.path.lexists(path):
            steps.append(_removal_of(path))
    if host.user(USER):
        steps.append(command("userdel", USER))
    if host.group(CLIENTS_GROUP):
        steps.append(command("groupdel", CLIENTS_GROUP))
    return steps


def what_stays(settings: Settings | None) -> list[str]:
    """What is no part of the set-up, and how to be rid of it."""
    told = [f"the lines in the journal (journalctl --unit {USER})", f"the program itself (rm -r {sys.prefix})"]
    if settings and settings.log.audit_file != "-":
        told.append(f"the audit ({settings.log.audit_file})")
    return [*told, "the app at Box: if nobody needs it, delete it in the Developer Console, and its key with it"]


def configured(host: Host) -> Settings | None:
    """The configuration that is installed; ``None`` if there is none.

    Raises:
        ConfigError: it can't be understood.
    """
    path = host.root / FOLDER[1:] / "box-sidecar.toml"
    if not os.path.lexists(path):
        return None
    try:
        return parse_settings(path.read_text("utf-8-sig"), path)[0]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from None


def _removal_of(path: Path) -> Step:
    held = sorted(inside.name for inside in path.iterdir()) if path.is_dir() and not path.is_symlink() else []
    told = f" ({', '.join(held)})" if held else ""
    return Step(f"rm -r {path}{told}", lambda: remove(path))


def remove(path: Path) -> None:
    """A file, a link, or a folder with all that is in it; no link is followed."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()


def _revoke_all() -> str | None:
    """Have Box end them; a sidecar that does not run knows of none."""
    settings = None
    with contextlib.suppress(ConfigError):
        settings = configured(Host())
    answer = ask.post((settings or Settings()).server.socket, "/v1/tokens/revoke", {"all": True})
    if answer is not None and answer.status == 200:
        return None
    why = "it does not answer" if answer is None else f"it answers with {answer.status}"
    return f"{why}; the tokens that pages have by now end by themselves within about an hour"


def _stop() -> None:
    """Stop and disable; a unit that is half there can't be disabled, and is removed next."""
    try:
        run(["systemctl", "disable", "--now", USER])
    except SetupError:
        run(["systemctl", "stop", USER])


def _forget_failures() -> None:
    with contextlib.suppress(SetupError):  # there are none, as a rule, and then the unit is not known any more
        run(["systemctl", "reset-failed", USER])
