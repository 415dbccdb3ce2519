"""``box-sidecar setup``: from a wheel that is installed to a sidecar that serves, on any Linux that runs systemd."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from box_sidecar.logs import printable
from box_sidecar.settings import Settings
from box_sidecar.tools import ask
from box_sidecar.tools.host import Host, Worker
from box_sidecar.tools.installation import CONFIG, Installation, Wanted, is_in_place, read_json, warnings_about
from box_sidecar.tools.obstacles import FOLDER, PROXIES, USER, hints, obstacles, program, proxies
from box_sidecar.tools.removal import configured, credentials, key_stays, removal, what_stays
from box_sidecar.tools.steps import SetupError, Step, carry_out, surroundings
from box_sidecar.tools.steps import run as run_command

_READY_S = 30.0
_NOBODIES = frozenset({65534, 4294967294})
#: What of root's environment the check gets, which runs as a lesser user.
_KEPT = ("LANG", "LANGUAGE", "NO_COLOR", "TERM", "SSL_CERT_FILE", "SSL_CERT_DIR", *PROXIES)


class Questions:
    """What the administrator is asked, if there is a terminal; else which flag would have said it.

    Raises:
        SetupError: nobody can be asked.
    """

    def __init__(self) -> None:
        self.can_ask = sys.stdin.isatty() and sys.stdout.isatty()

    def text(self, question: str, default: str, flag: str) -> str:
        """One line."""
        self._require(flag)
        return input(printable(f"{question}{f' [{default}]' if default else ''}: ")).strip() or default

    def yes(self, question: str, flag: str) -> bool:
        """Yes or no, without a default: Enter alone decides nothing."""
        self._require(flag)
        while True:
            answer = input(f"{_lines(question)} [y/n] ").strip().lower()
            if answer in {"y", "yes", "n", "no"}:
                return answer.startswith("y")

    def _require(self, flag: str) -> None:
        if not self.can_ask:
            raise SetupError(f"there is no terminal to ask on; say it by: {flag}")


def run(arguments: argparse.Namespace, host: Host | None = None) -> int:
    """Install, or remove; the exit status: that of ``check`` at the end, and 1 where nothing or not all was done."""
    host, questions = host or Host(), Questions()
    try:
        return _remove(arguments, host, questions) if arguments.remove else _install(arguments, host, questions)
    except SetupError as error:
        print(f"box-sidecar: {_lines(error)}", file=sys.stderr)
    except (EOFError, KeyboardInterrupt):
        print("\nbox-sidecar: stopped; run the same command again to go on.", file=sys.stderr)
    return 1


def _install(arguments: argparse.Namespace, host: Host, questions: Questions) -> int:
    in_the_way, through = obstacles(host), proxies(host, os.environ)
    for sentence in in_the_way:
        print(printable(f"✗ {sentence}"), file=sys.stderr)
    if in_the_way and not arguments.dry_run:
        print("Nothing was done.", file=sys.stderr)
        return 1
    settings = configured(host)
    wanted = _wanted(arguments, host, questions, settings, through)
    plan = Installation(host, wanted, settings, _running((settings or Settings()).server.socket))
    _tell(host, wanted, plan, [*hints(host, through), *plan.notes])
    if arguments.dry_run:
        return int(bool(in_the_way))
    if not arguments.yes and not questions.yes("\nDo this?", "--yes"):
        print("Nothing was done.")
        return 1
    try:
        carry_out(plan.steps, print)
    except SetupError as error:
        raise SetupError(f"{error}\n  Mend it and run the same command again, or: {_again('--remove')}") from None
    _wait_until_ready((settings or Settings()).server.socket)
    return _check(wanted.workers, arguments.site, through)


def _wanted(
    arguments: argparse.Namespace,
    host: Host,
    questions: Questions,
    settings: Settings | None,
    through: Mapping[str, str],
) -> Wanted:
    workers = _workers(arguments, host, questions, settings)
    group = host.group(arguments.group) if arguments.group else None
    if arguments.group and (group is None or group.gr_gid == 0):
        raise SetupError(f"“{printable(arguments.group)}” is no group of this machine that a socket may be given to")
    path = _json_path(arguments, host, questions, settings)
    if path is None:
        return Wanted(workers, arguments.group or "", None, False, through)
    app_json = read_json(path, in_hardware=bool(settings and settings.box.key))
    for warning in warnings_about(app_json, host):
        print(printable(f"! {warning}"), file=sys.stderr)
    delete = arguments.delete_json
    if is_in_place(path, host):
        return Wanted(workers, arguments.group or "", app_json, False, through)
    if delete is None and not arguments.dry_run:
        question = (
            f"Afterwards, delete {printable(str(path))}? The sidecar has its own copy; a second one is a second key."
        )
        delete = questions.yes(question, "--remove-json or --keep-json")
    return Wanted(workers, arguments.group or "", app_json, delete, through)


def _workers(
    arguments: argparse.Namespace, host: Host, questions: Questions, settings: Settings | None
) -> list[Worker]:
    """Who may have tokens: whom the flags name, else whom the configuration that is installed admits, else who runs
    PHP here."""
    found = host.workers() or host.likely_workers()
    if arguments.user:
        chosen = [worker for name in arguments.user for worker in _named(name, found, host)]
    elif settings is not None:
        chosen = _admitted(settings, found, host)
    elif len({worker.user for worker in found}) > 1:
        for worker in found:
            print(printable(f"PHP runs as {worker.user}: {worker.source}"))
        names = questions.text("Who of them is to have tokens of Box?", "", "--user NAME, once for each").split()
        chosen = [worker for name in names for worker in _named(name.strip(","), found, host)]
    else:
        chosen = found
    if not chosen and settings is None:
        raise SetupError("nothing here says as whom PHP runs; say it by: --user NAME")
    for worker in chosen:
        _judge(worker, host)
    return chosen


def _admitted(settings: Settings, found: list[Worker], host: Host) -> list[Worker]:
    """Whom the configuration lets in, but for ourselves: by name, else the members of the socket's group."""
    server, ours = settings.server, {"root", USER, "0"}
    if not server.allowed_users:
        return [worker for worker in found if server.socket_group in host.groups_of(worker.user, worker.group)]
    names = [str(name) for name in server.allowed_users if str(name) not in ours]
    return [worker for name in names if host.user(name) for worker in _named(name, found, host)]


def _named(name: str, found: list[Worker], host: Host) -> list[Worker]:
    """The processes that run as this user, or the user alone where none are known."""
    known = [worker for worker in found if worker.user == name]
    account = host.user(name)
    if known or account is None:
        return known or [Worker(name, name, "", "--user")]
    return [Worker(name, host.group_name(account.pw_gid), "", "--user")]


def _judge(worker: Worker, host: Host) -> None:
    account, ours, name = host.user(worker.user), host.user(USER), printable(worker.user)
    if account is None:
        raise SetupError(f"this machine knows no user “{name}” ({worker.source}); name the right one by: --user NAME")
    # Not by name alone: two names can be one user.
    if worker.user == USER or account.pw_uid in {0, *([ours.pw_uid] if ours else [])}:
        raise SetupError(f"PHP must not run as {name} ({worker.source}): then it could read the key; give it a user")
    if worker.user == "nobody" or account.pw_uid in _NOBODIES:
        raise SetupError(f"{name} is whoever the kernel can't name ({worker.source}); give PHP a user of its own")


def _json_path(
    arguments: argparse.Namespace, host: Host, questions: Questions, settings: Settings | None
) -> Path | None:
    """Where the Console's JSON is; ``None`` where systemd hands it to the service, and no other is named."""
    if arguments.json:
        return Path(arguments.json).absolute()
    name = (settings or Settings()).box.app_config
    installed = host.root / FOLDER[1:] / name
    if installed.exists():
        return installed
    if name in credentials(host):
        return None
    asked = questions.text("The JSON from the Developer Console", _json_here(), "--json FILE")
    if not asked:
        raise SetupError(
            "without the JSON from the Developer Console nothing can be done; say where it is by: --json FILE"
        )
    return Path(asked).expanduser().absolute()


def _json_here() -> str:
    """What may be it, in the folder in which one stands; nothing that a third person could have put there."""
    folder, whoever = Path.cwd(), {0, os.getuid()}
    with contextlib.suppress(KeyError, ValueError):
        whoever.add(int(os.environ["SUDO_UID"]))
    with contextlib.suppress(OSError):
        if folder.stat().st_uid not in whoever:
            return ""
        for path in sorted(folder.glob("*_config.json")):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_uid in whoever and str(path).isprintable():
                return str(path)
    return ""


def _tell(host: Host, wanted: Wanted, plan: Installation, notes: Sequence[str]) -> None:
    print(f"This machine: {host.release.get('PRETTY_NAME', 'unknown')}")
    for worker in wanted.workers:
        print(printable(f"May have tokens: {worker.user} ({worker.source})"))
    if wanted.workers:
        print(
            printable(f"The socket's group is {plan.group or 'unset'}; of its members only those above are admitted.")
        )
    if wanted.json:
        print(f"Box: {wanted.json.told}")
    for note in notes:
        print(printable(f"! {note}"))
    print("\nTo be done, as root:" if plan.changes else "\nAll is in place. To be done, as root:")
    _list(plan.steps)


def _list(steps: Sequence[Step]) -> None:
    for step in steps:
        print(printable(f"  {step.says}"))


def _running(socket: str) -> str | None:
    """The version of the sidecar that serves, if one does: after an update it is still the old one."""
    answer = ask.get(socket, "/openapi.json")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(answer.body)["info"]["version"]) if answer and answer.status == 200 else None
    return None


def _wait_until_ready(socket: str) -> None:
    """Until it serves, or until it is clear that it does not begin to."""
    end, answer, restarts = time.monotonic() + _READY_S, None, None
    while time.monotonic() < end:
        state = run_command(["systemctl", "show", "--property=NRestarts,ActiveState", USER])
        # systemd's socket would have us wait for a service that does not come up.
        answer = ask.get(socket, "/health/ready") if "ActiveState=active" in state else None
        if answer and answer.status == 200:
            print(f"✓ it serves on {socket}")
            return
        counted = int("0" + "".join(re.findall(r"(?m)^NRestarts=(\d+)$", state)))
        restarts = counted if restarts is None else restarts  # an earlier attempt may have counted some
        # The first may be the restart that was due of an earlier attempt.
        if "ActiveState=failed" in state or counted > restarts + 1:
            break
        time.sleep(0.2)
    if answer:
        return  # it runs; what is wrong at Box the check tells
    # What the service said itself, not what systemd says of it.
    log = run_command(["journalctl", f"--unit={USER}", "_TRANSPORT=stdout", "--lines=5", "--no-pager", "--output=cat"])
    last = "\n".join(f"  | {printable(line)}" for line in log.splitlines())
    raise SetupError(f"the service does not come up. Its last lines:\n{last}\n  More: journalctl --unit {USER}")


def _check(workers: list[Worker], site: str | None, through: Mapping[str, str]) -> int:
    """Run the whole check as the service's user, and say what comes next; its exit status."""
    user = ["--user", workers[0].user] if workers else []
    origin = ["--origin", site.rstrip("/")] if site else []
    command = ["runuser", "-u", USER, "--", str(program()), "check", "--config", CONFIG, *user, *origin]
    print(f"\n{shlex.join(command)}", flush=True)
    status = run_apart(command, through)
    if status:
        print("\nThe service runs. Mend what is marked ✗ as the arrow says, then run that command again.")
        return status
    base = f" ({site.rstrip('/')}/wp-admin/plugin-install.php?tab=upload)" if site else ""
    print(f"\nNext, in WordPress: Plugins → Add New → Upload Plugin{base}: widgets-for-box.zip. Activate it.")
    base = f" ({site.rstrip('/')}/wp-admin/options-general.php?page=widgets-for-box)" if site else ""
    print(f"Then Settings → Widgets for Box{base} says whether all is connected.")
    return 0


def run_apart(command: Sequence[str], through: Mapping[str, str]) -> int:
    """Run what is a lesser user's without root's terminal, which it could type into, and without root's environment."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    kept = {**kept, **through, "PATH": surroundings()["PATH"], "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(  # noqa: S603 - our own words, and no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True, cwd="/", env=kept,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            print(printable(line.rstrip("\n")), flush=True)
    return process.returncode


def _remove(arguments: argparse.Namespace, host: Host, questions: Questions) -> int:
    if os.geteuid() != 0 and not arguments.dry_run:
        raise SetupError("this takes root (sudo, or a root shell)")
    steps, stays = removal(host, leave_tokens=arguments.leave_tokens), what_stays(host)
    if not steps:
        print("There is nothing to remove.")
        return 0
    print("To be done, as root:" if key_stays(host) else "To be done, as root; the app's key goes, too:")
    _list(steps)
    print("What stays:", *map(printable, stays), sep="\n  ")
    if arguments.dry_run:
        return 0
    if not arguments.yes and not questions.yes("\nDo this?", "--yes"):
        print("Nothing was done.")
        return 1
    try:
        carry_out(steps, print)
    except SetupError as error:
        raise SetupError(f"{error}\n  Mend it and run the same command again.") from None
    print("Nothing of it is left but what stays as told above.")
    return 0


def _lines(text: object) -> str:
    """Lines of ours, with what others wrote in them escaped."""
    return "\n".join(map(printable, str(text).split("\n")))


def _again(flag: str) -> str:
    return f"{program()} setup {flag}"
