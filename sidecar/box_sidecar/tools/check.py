"""``box-sidecar check``: all of doctor, and what only somebody at the command line can name or compare."""

from __future__ import annotations

import argparse
import asyncio
import errno
import grp
import os
import pwd
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from box_sidecar.doctor import Examination, another_configuration, failed, worst
from box_sidecar.logs import printable
from box_sidecar.model import Subject, Token
from box_sidecar.peers import AccessList
from box_sidecar.problems import ConfigError, Problem
from box_sidecar.schemas import Check, DoctorAnswer, Message
from box_sidecar.sentences import Text, say
from box_sidecar.settings import ServerSettings
from box_sidecar.sidecar import Sidecar
from box_sidecar.tools import key_file, report
from box_sidecar.tools.browser import Browser
from box_sidecar.tools.language import translated
from box_sidecar.tools.local import with_sidecar
from box_sidecar.tools.probe import probe
from box_sidecar.tools.terminal import coloured, progress

_MARKS = {"pass": "✓", "warn": "!", "fail": "✗"}
_MORE_PATIENCE_S = 5.0  # than the running sidecar has with Box
_NEWS_S = 1.0  # after which who waits is told for what


def run(arguments: argparse.Namespace) -> int:
    """Print the checks; the exit status: 1 if one fails.

    Raises:
        ConfigError, Problem: they can't be made.
    """
    if arguments.probe and not arguments.login:
        raise Problem(
            "invalid_request", detail=say("--probe needs a person to try things as."), fix=say("Add --login EMAIL.")
        )

    async def examine(sidecar: Sidecar) -> tuple[DoctorAnswer, report.Report | None]:
        examination = LocalExamination(sidecar, arguments.login, arguments.origin, arguments.user)
        news = asyncio.create_task(_tell_of_waiting(examination))
        try:
            answer = await examination.run()
        finally:
            news.cancel()
        if not arguments.probe or answer.status == "fail":
            return answer, None
        return answer, await probe(sidecar, arguments.login, progress)

    answer, found = asyncio.run(with_sidecar(arguments.config, examine))
    if arguments.json:
        document: Any = report.document(answer, found) if arguments.probe else answer
        print(msgspec.json.format(msgspec.json.encode(document)).decode())
    else:
        _print(answer.checks)
        if found:
            print(f"\n{report.table(found)}\n")
            _print(found.checks)
        _close([*answer.checks, *(found.checks if found else [])])
    return int(answer.status == "fail" or (found is not None and found.status == "fail"))


async def _tell_of_waiting(examination: Examination) -> None:
    """A line for each check that takes long."""
    told = -1
    while True:
        await asyncio.sleep(_NEWS_S)
        if (done := len(examination.checks)) != told:
            told = done
            progress(say("{count} checks done, waiting for Box", count=done))


def _print(checks: list[Check]) -> None:
    for check in checks:
        message = check.message or Message()
        told = printable(f"{check.id}: {translated(message.summary)}")
        print(f"{coloured(_MARKS[check.status], check.status)} {told}")
        if check.status != "pass" and message.fix:
            print(printable(f"    → {translated(message.fix)}"))


def _close(checks: list[Check]) -> None:
    """One line that tells whether to read the others."""
    status = worst(checks)
    print(coloured(printable(translated(_closing(checks, status))), status))


def _closing(checks: list[Check], status: str) -> Text:
    names = ", ".join(check.id for check in checks if check.status == status)
    count = sum(check.status == status for check in checks)
    if status == "pass":
        return say("All {total} checks passed.", total=len(checks))
    if status == "warn":
        return say(
            "No check failed; {count} of {total} worth a look: {names}.", count=count, total=len(checks), names=names
        )
    return say("{count} of {total} failed: {names}.", count=count, total=len(checks), names=names)


class LocalExamination(Examination):
    """Doctor's, and: a token for the person with this ``login``, Box's CORS rules for the site at ``origin``, the
    socket for this ``user`` of the machine, and what the sidecar that runs has."""

    def __init__(self, sidecar: Sidecar, login: str | None, origin: str | None, user: str | None) -> None:
        super().__init__(sidecar)
        self._login = login
        self._origin = origin
        self._user = user

    def socket(self) -> Check:
        """Also whether the user may connect."""
        found = super().socket()
        if self._user is None or found.status == "fail":
            return found
        return _socket_for(self._user, self.sidecar.settings.server)

    async def user_token(self) -> Token | None:
        """The person's token."""
        if self._login is None:
            return None
        try:
            user = await self.sidecar.users.lookup(Subject("login", self._login))
            self.sidecar.current.policy.check_user(user)
            token = await self.sidecar.box.user_token(user.id)
        except Problem as problem:
            self.checks.append(failed("user_token", problem))
            return None
        self.made.append(token)
        told = say(
            "The app may act for users: {login} is {name} (Box id {id}).", login=self._login, name=user.name, id=user.id
        )
        self.checks.append(Check("user_token", "pass", told))
        return token

    async def use(self, token: Token) -> None:
        """Call Box as a page of the site would."""
        if self._origin:
            self.checks.append(await _cors(self.sidecar, token, self._origin))

    async def configuration(self) -> list[Check]:
        """Whether the sidecar on the socket, if there is one, has this configuration; and what the key's file tells."""
        told = await asyncio.to_thread(lambda: list(key_file.findings(self.sidecar.loaded.app_path, self.sidecar.app)))
        return [*await self._compare(), *told]

    async def _compare(self) -> list[Check]:
        path = self.sidecar.settings.server.socket
        timeout = aiohttp.ClientTimeout(self.sidecar.transport.patience + _MORE_PATIENCE_S)
        try:
            connector = aiohttp.UnixConnector(path)
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout, headers={"Box-Sidecar": "1"}) as session,
                session.get("http://sidecar/v1/doctor") as response,
            ):
                running = msgspec.json.decode(await response.read(), type=DoctorAnswer)
        except aiohttp.ClientConnectorError as error:
            if error.errno in {errno.ENOENT, errno.ECONNREFUSED, errno.ENOTSOCK}:
                return []  # none runs
            return [_is_silent(path, error.strerror or "")]
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
            return [_is_silent(path, type(error).__name__)]
        if running.configuration == self.sidecar.loaded.digest:
            return [Check("configuration", "pass", say("The running sidecar has this configuration."))]
        return [another_configuration(say("The running sidecar has another configuration than this."))]


def _is_silent(path: str, why: str) -> Check:
    return Check(
        "configuration", "warn",
        say("The running sidecar can't be asked for its configuration ({path}: {why}).", path=path, why=why),
        say("Run the check as root or as the sidecar's own user."),
    )  # fmt: skip


async def _cors(sidecar: Sidecar, token: Token, origin: str) -> Check:
    parts = urlsplit(origin)
    if not parts.scheme or not parts.netloc or parts.path or parts.query:
        fix = say("Give --origin like https://intranet.example.com")
        return Check("cors", "fail", say("“{origin}” is no origin.", origin=origin), fix)
    base, timeout = sidecar.settings.box.base_url, aiohttp.ClientTimeout(sidecar.settings.box.timeout_s)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        reply = await Browser(base, session).call(token, "GET", "/2.0/folders/0", origin=origin)
    if not reply.status:
        return failed("cors", Problem("box_unavailable", detail=say("No answer came.")))
    if reply.status < 400 and reply.allowed_origin in {origin, "*"}:
        return Check("cors", "pass", say("Box lets pages of {origin} call it.", origin=origin))
    fix = say(
        "Developer Console (app.box.com/developers/console) → your app → Configuration → CORS Domains: "
        "add {origin} exactly so, without a slash at the end.",
        origin=origin.rstrip("/"),
    )
    return Check(
        "cors", "fail", say("Box does not let pages of {origin} call it: widgets stay empty.", origin=origin), fix
    )


def _socket_for(user: str, settings: ServerSettings) -> Check:
    """Whether this user of the machine may connect: by the file's permissions, then by the sidecar's own rules."""
    path = Path(settings.socket)
    try:
        person = pwd.getpwnam(user)
    except KeyError:
        told = say("This machine knows no user “{user}”.", user=user)
        return Check("socket", "fail", told, say("Give --user the web server's user."))
    groups = set(os.getgrouplist(user, person.pw_gid))
    for directory in reversed(path.parents):
        if not _may(directory, person.pw_uid, groups, 0o1):
            fix = say("Run: chmod o+x {directory} (or give it to a group of {user})", directory=directory, user=user)
            told = say("{user} may not enter {directory}.", user=user, directory=directory)
            return Check("socket", "fail", told, fix)
    if not path.is_socket():
        fix = say("Start the sidecar: box-sidecar serve --config …")
        return Check("socket", "warn", say("{path} is not there yet.", path=path), fix)
    if not _may(path, person.pw_uid, groups, 0o2):
        fix = say(
            'Set server.socket_group = "{group}" and server.socket_mode = "0660", then restart.',
            group=_group(person.pw_gid),
        )
        return Check("socket", "fail", say("{user} may not open {path}.", user=user, path=path), fix)
    return _admission(user, person, path, settings)


def _admission(user: str, person: pwd.struct_passwd, path: Path, settings: ServerSettings) -> Check:
    try:
        admitted = AccessList(settings).admits(person.pw_uid, person.pw_gid)
    except ConfigError as error:
        return Check("socket", "fail", str(error), say("Correct the name."))
    if admitted:
        return Check("socket", "pass", say("{user} may connect to {path}.", user=user, path=path))
    group = settings.socket_group or _group(path.stat().st_gid)
    return Check(
        "socket", "fail", say("{user} could open the socket, but the sidecar would turn them away.", user=user),
        say('Add "{user}" to server.allowed_users, or to the group {group} in server.socket_group.',
            user=user, group=group),
    )  # fmt: skip


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _may(path: Path, uid: int, groups: set[int], bit: int) -> bool:
    if uid == 0:
        return True
    try:
        status = path.stat()
    except OSError:
        return False
    if status.st_uid == uid:
        return bool(status.st_mode & bit << 6)
    if status.st_gid in groups:
        return bool(status.st_mode & bit << 3)
    return bool(status.st_mode & bit)
