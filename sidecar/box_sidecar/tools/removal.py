"""``box-sidecar setup --remove``: everything that ``box-sidecar setup`` has made goes, tokens that live included."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import stat
import sys
import time
from pathlib import Path

from box_sidecar.problems import ConfigError
from box_sidecar.settings import Settings, parse_settings
from box_sidecar.tools import ask, config
from box_sidecar.tools.host import Host
from box_sidecar.tools.obstacles import FOLDER, SOCKET_UNIT, UNIT, USER, packaged_unit
from box_sidecar.tools.steps import SetupError, Step, command, run, write_file

CLIENTS_GROUP = "box-sidecar-web"
_UNITS = (f"{USER}.socket", f"{USER}.service")  # in this order: the socket would start the service again
#: What a comment in the drop-in begins with that names the accounts which set-up has made.
MADE_NOTE = "# Made by it: "
_STATE = "/var/lib/box-sidecar"
SOCKET_FOLDER = "/run/box-sidecar"
#: How a line of the ledger begins: when the token ends, in seconds since 1970.
_ENDS = re.compile(rb"([0-9]{1,12}) ")
_TAKEN_OVER_S = 30.0
_LIVES = "tokens that pages have by now may open what they did for about an hour"
#: Folders that systemd makes for the unit (RuntimeDirectory=, StateDirectory=, …). An audit is no set-up: it stays.
_MADE = (SOCKET_FOLDER, _STATE, "/var/cache/box-sidecar")


def removal(host: Host, *, leave_tokens: bool = False) -> list[Step]:
    """What has to be done so that nothing of it is left; empty where there is nothing.

    What notes what set-up has made goes last, so that a removal that was interrupted can go on. ``leave_tokens``: also
    if tokens can't be ended.
    """
    places = [host.root / f"{unit[1:]}{end}" for unit in (SOCKET_UNIT, UNIT) for end in ("", ".d")]
    units = [path for path in places if os.path.lexists(path)]
    settings = _settings(host)
    is_unit = host.runs_systemd() and bool(units)
    steps = []
    if is_unit or _may_live(host, settings):
        says = f"policy.issue = false in {FOLDER}/box-sidecar.toml, taken over; then revoke all tokens"
        steps.append(Step(says, lambda: end_tokens(host, leave=leave_tokens)))
    if is_unit:
        steps.append(Step(f"systemctl disable --now {' '.join(_UNITS)}", _stop))
    for name in (FOLDER, *_MADE):
        steps += _emptying(host, name, settings)
    made = made_here(host)
    if host.user(USER) and f"user {USER}" in made:
        steps.append(command("userdel", USER))
    if host.group(CLIENTS_GROUP) and f"group {CLIENTS_GROUP}" in made:
        steps.append(command("groupdel", CLIENTS_GROUP))
    steps += [_removal_of(path) for path in units]
    if units:
        steps += [command("systemctl", "daemon-reload")]
        steps.append(Step(f"systemctl reset-failed {' '.join(_UNITS)}", _forget_failures))
    return steps


def made_here(host: Host) -> set[str]:
    """Which accounts set-up has made, by its own note: like ``user box-sidecar``."""
    lines = host.text(f"{UNIT[1:]}.d/setup.conf").splitlines()
    noted = [line.removeprefix(MADE_NOTE) for line in lines if line.startswith(MADE_NOTE)]
    return {name.strip() for line in noted for name in line.split(",")}


def key_stays(host: Host) -> list[str]:
    """Where the app's key is besides our own folder, where nothing of it is removed."""
    settings, folder = _settings(host), host.root / FOLDER[1:]
    key = folder / settings.box.app_config
    real = key.resolve()
    stays = [str(real)] if os.path.lexists(key) and not real.is_relative_to(folder) else []
    stays += credentials(host).values()
    return [path for path in dict.fromkeys(stays) if not Path(path).is_relative_to(FOLDER)]


def credentials(host: Host) -> dict[str, str]:
    """What systemd opens for the service (systemd.exec(5), LoadCredential=): from which file, by name."""
    units = [f"{place}/{USER}.service" for place in ("etc/systemd/system", "usr/lib/systemd/system")]
    texts = [host.text(unit) for unit in units]
    texts += [host.text(str(path.relative_to(host.root))) for path in (host.root / f"{UNIT[1:]}.d").glob("*.conf")]
    found = (re.findall(r"(?m)^\s*LoadCredential(?:Encrypted)?\s*=\s*([^:\s]+):(\S+)", text) for text in texts)
    return {name: path for pairs in found for name, path in pairs}


def what_stays(host: Host) -> list[str]:
    """What is no part of the set-up, or not by what is known here, and how to be rid of it."""
    settings = _settings(host)
    program = f"apt purge {USER}, or: dnf remove {USER}" if packaged_unit(host) else f"rm -r {sys.prefix}"
    told = [f"the lines in the journal (journalctl --unit {USER})", f"the program itself ({program})"]
    told += [f"the app's key ({path})" for path in key_stays(host)]
    for name in (FOLDER, *_MADE):
        if (host.root / name[1:]).is_symlink():
            told.append(f"what {name} is a link to ({(host.root / name[1:]).resolve()})")
    for path in _state(host, settings):
        if os.path.lexists(path) and path.parent != host.root / _STATE[1:]:
            told.append(f"what the configuration keeps elsewhere ({path})")
    if settings.log.audit_file != "-":
        told.append(f"the audit ({settings.log.audit_file})")
    made = made_here(host)
    if host.user(USER) and f"user {USER}" not in made:
        told.append(f"the account {USER}: nothing notes that it was made by setup (userdel {USER})")
    if host.group(CLIENTS_GROUP) and f"group {CLIENTS_GROUP}" not in made:
        told.append(f"the group {CLIENTS_GROUP}: nothing notes that it was made by setup (groupdel {CLIENTS_GROUP})")
    return [*told, "the app at Box: if nobody needs it, delete it in the Developer Console, and its key with it"]


def configured(host: Host) -> Settings | None:
    """The configuration that is installed; ``None`` if there is none, or only the template that a package has brought.

    Raises:
        ConfigError: it can't be understood.
    """
    path = host.root / FOLDER[1:] / "box-sidecar.toml"
    if not os.path.lexists(path):
        return None
    try:
        text = path.read_text("utf-8-sig")
        return None if text == config.template() else parse_settings(text, path)[0]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from None


def _settings(host: Host) -> Settings:
    """The configuration that is installed; what can't be understood can be removed all the same, as the default."""
    with contextlib.suppress(ConfigError):
        return configured(host) or Settings()
    return Settings()


def _state(host: Host, settings: Settings) -> list[Path]:
    """The files that the sidecar keeps, be they there or not: ledger and counts."""
    names = [f"{settings.cache.ledger}{end}" for end in ("", ".old", ".new") if settings.cache.ledger]
    names += [f"{settings.usage.file}{end}" for end in ("", ".new", ".damaged") if settings.usage.file]
    return [host.root / str(Path(_STATE) / name)[1:] for name in names]


def _emptying(host: Host, name: str, settings: Settings) -> list[Step]:
    """A folder of ours goes, but for what is not ours to remove: an audit, and what others keep among our state."""
    folder = host.root / name[1:]
    if not os.path.lexists(folder):
        return []
    if folder.is_symlink() or not folder.is_dir():
        return [_removal_of(folder)]
    try:
        inside = sorted(folder.iterdir())
    except PermissionError:
        raise SetupError(f"{folder} can't be looked into; this takes root (sudo, or a root shell)") from None
    audit = host.root / settings.log.audit_file.lstrip("/") if settings.log.audit_file != "-" else None
    # Those that were rotated too: audit.jsonl.1
    ours = [path for path in inside if audit is None or not f"{audit}/".startswith(f"{path}/")]
    ours = [path for path in ours if audit is None or path.parent != audit.parent or audit.name not in path.name]
    if name == _STATE:
        state = _state(host, settings)
        ours = [path for path in ours if path in state]
    if ours == inside:
        return [_removal_of(folder)]
    steps = list(map(_removal_of, ours))
    if folder.stat().st_uid != 0:  # another account may get our uid
        steps.append(Step(f"chown root: {folder}", lambda: os.chown(folder, 0, 0, follow_symlinks=False)))
    return steps


def _removal_of(path: Path) -> Step:
    held = sorted(inside.name for inside in path.iterdir()) if path.is_dir() and not path.is_symlink() else []
    told = f" ({', '.join(held)})" if held else ""
    return Step(f"rm -r {shlex.quote(str(path))}{told}", lambda: remove(path))


def remove(path: Path) -> None:
    """A file, a link, or a folder with all that is in it; no link is followed."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()


def end_tokens(host: Host, *, leave: bool) -> str | None:
    """Have the sidecar issue nothing more, then have Box end all that it knows. One that does not run is started for
    that if its ledger holds tokens.

    Raises:
        SetupError: tokens may live on, and they are not to be left: their ledger and key have to stay.
    """
    try:
        settings = configured(host) or Settings()
        runs = ask.get(settings.server.socket, "/health/live") is not None
        if not runs and not _may_live(host, settings):
            return None if settings.cache.ledger else f"it does not run, and has no ledger; {_LIVES}"
        issue_nothing(host)
        run(["systemctl", "reload" if runs else "start", USER])
        _wait_until_stopped(settings.server.socket)
        for _ in range(3):  # one that starts or reloads greets Box meanwhile, with a token of the service account's
            answer = ask.post(settings.server.socket, "/v1/tokens/revoke", {"all": True})
            if answer is None or answer.status != 200:
                raise SetupError(f"Box could not be told to end all tokens: {_told(answer)}")
            time.sleep(1)
    except (ConfigError, SetupError, OSError) as error:
        if leave:
            return f"{error}; {_LIVES}"
        raise SetupError(
            f"{error}\n  So {_LIVES}. Ledger and key stay, since only they can end them; no new ones are issued where "
            "policy.issue = false was taken over.\n  To remove all the same, and leave those tokens alive: add "
            "--leave-tokens"
        ) from None
    return None


def _may_live(host: Host, settings: Settings) -> bool:
    """Whether the ledger has a token whose end has not come."""
    now, ledgers = time.time(), _state(host, settings)[:2] if settings.cache.ledger else []
    for path in ledgers:
        try:  # it is the service's user who could have put something else there
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as lines:
                if any((found := _ENDS.match(line)) and int(found[1]) > now for line in lines):
                    return True
        except FileNotFoundError:
            continue
        except OSError:
            return True
    return False


def issue_nothing(host: Host) -> None:
    """Set ``policy.issue = false`` in the configuration, and leave everything else in it as it is.

    Raises:
        ConfigError, OSError: it can't be understood, read or written.
        SetupError: it is written in a way in which only a person can change it.
    """
    path = (host.root / FOLDER[1:] / "box-sidecar.toml").resolve()
    text = path.read_text("utf-8-sig")
    if not parse_settings(text, path)[0].policy.issue:
        return
    changed = re.sub(r"(?m)^(\s*(?:policy\s*\.\s*)?issue\s*=\s*)true\b", r"\1false", text)
    if changed == text:
        changed = re.sub(r"(?m)^(\s*\[\s*policy\s*\].*)$", "\\1\nissue = false", text, count=1)
    if changed == text:
        changed = f"{text}\n[policy]\nissue = false\n"
    try:
        is_off = not parse_settings(changed, path)[0].policy.issue
    except ConfigError:
        is_off = False
    if not is_off:
        raise SetupError(f"set policy.issue = false in {path} yourself, then run the same command again")
    status = path.stat()
    write_file(path, changed.encode(), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def _wait_until_stopped(socket: str) -> None:
    """Until it refuses to issue: asked for an element that there is not, it says which refusal comes first."""
    end, asked = time.monotonic() + _TAKEN_OVER_S, {"user": {"login": "nobody@invalid"}, "element": "none"}
    while True:
        answer = ask.post(socket, "/v1/tokens", asked)
        if _code(answer) == "issuing_stopped":
            return
        if time.monotonic() > end:
            raise SetupError(f"it did not take over policy.issue = false: {_told(answer)}; see: journalctl -u {USER}")
        time.sleep(0.2)


def _code(answer: ask.Answer | None) -> str:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(answer.body)["code"]) if answer else ""
    return ""


def _told(answer: ask.Answer | None) -> str:
    return "it does not answer" if answer is None else f"it answers with {answer.status} {_code(answer)}".rstrip()


def _stop() -> None:
    """Stop and disable; a unit that is half there can't be disabled, and is removed next."""
    try:
        run(["systemctl", "disable", "--now", *_UNITS])
    except SetupError:
        for unit in _UNITS:
            with contextlib.suppress(SetupError):  # an older version had no socket
                run(["systemctl", "stop", unit])
        if run(["systemctl", "show", "--property=ActiveState", "--value", USER]).strip() == "active":
            raise


def _forget_failures() -> None:
    with contextlib.suppress(SetupError):  # there are none, as a rule, and then the unit is not known any more
        run(["systemctl", "reset-failed", *_UNITS])
