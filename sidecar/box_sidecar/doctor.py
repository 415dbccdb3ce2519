"""What is wrong, and what to click: each check one function, each fix one sentence."""

from __future__ import annotations

import asyncio
import errno
import grp
import os
import pwd
import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

import aiohttp
import msgspec

from box_sidecar.box.deadline import within
from box_sidecar.box.transport import ME, PROBE
from box_sidecar.model import Resource, Subject, Token
from box_sidecar.problems import CODES, ConfigError, Problem
from box_sidecar.schemas import Check, DoctorAnswer
from box_sidecar.settings import ServerSettings
from box_sidecar.sidecar import Sidecar, load

_CONSOLE = "Developer Console (app.box.com/developers/console) → your app → Configuration"
_DRIFT_S = 5.0


async def examine(
    sidecar: Sidecar, *, login: str | None = None, origin: str | None = None, user: str | None = None
) -> DoctorAnswer:
    """All checks, in the order in which things depend on each other.

    ``login``: try a token for this person. ``origin``: try Box's CORS rules for this site.
    ``user``: judge the socket for this user of the machine. Ends well without a network.
    """
    compared = asyncio.create_task(_running(sidecar) if sidecar.state == "starting" else _configuration(sidecar))
    checks = [_key(sidecar), _audit(sidecar), socket_for(sidecar.settings.server, user)]
    with within(sidecar.transport.patience):
        reached = await _reach(sidecar)
        checks.append(reached)
        if reached.status != "fail":
            checks.append(_clock(sidecar))
            checks += await _ask_box(sidecar, login, origin)
    checks += await compared
    worst = max(checks, key=lambda check: ("pass", "warn", "fail").index(check.status))
    return DoctorAnswer(worst.status, checks, sidecar.loaded.digest)


async def _configuration(sidecar: Sidecar) -> list[Check]:
    """Whether what runs is what the files say by now."""
    try:
        found = await asyncio.to_thread(load, sidecar.config_path)
    except ConfigError as error:
        return [
            Check(
                "configuration", "fail", f"{error}. The sidecar goes on with what it had, but would not start again.",
                "Mend the file.",
            )
        ]  # fmt: skip
    if found.digest == sidecar.loaded.digest:
        return [Check("configuration", "pass", "What runs is what the files say.")]
    return [_is_another(": " + "; ".join(differences) if (differences := sidecar.differences(found)) else "")]


async def _running(sidecar: Sidecar) -> list[Check]:
    """Whether the sidecar on the socket, if there is one, has this configuration."""
    path = sidecar.settings.server.socket
    timeout = aiohttp.ClientTimeout(sidecar.transport.patience + _DRIFT_S)
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
    if running.configuration == sidecar.loaded.digest:
        return [Check("configuration", "pass", "The running sidecar has this configuration.")]
    return [_is_another(" than this")]


def _is_another(what: str) -> Check:
    return Check(
        "configuration", "warn", f"The running sidecar has another configuration{what}.",
        "Take the file over: systemctl reload box-sidecar (SIGHUP); restart it for another [server] or box.api_url.",
    )  # fmt: skip


def _is_silent(path: str, why: str) -> Check:
    return Check(
        "configuration", "warn", f"The running sidecar can't be asked for its configuration: {path}: {why}.",
        "Run the check as root or as the sidecar's own user.",
    )  # fmt: skip


def _key(sidecar: Sidecar) -> Check:
    app = sidecar.app
    if app.key_id is None:
        return Check("key", "pass", "The JSON has no key pair: the client credentials grant is used.")
    if not re.fullmatch(r"[a-z0-9]{8}", app.key_id):
        return Check(
            "key", "warn", "The key opens, but publicKeyID is not eight letters and digits as Box makes them.",
            f"{_CONSOLE} → Add and Manage Public Keys: compare the ID.",
        )  # fmt: skip
    return Check("key", "pass", f"The private key opens; its publicKeyID is {app.key_id}.")


def _audit(sidecar: Sidecar) -> Check:
    where = "standard output" if sidecar.audit.path == "-" else sidecar.audit.path
    if sidecar.audit.is_broken:
        return Check(
            "audit", "fail", f"The audit can't be written to {where}, so nothing is issued.",
            "Is the disk full? Does nobody read standard output? It mends itself once it can be written.",
        )  # fmt: skip
    return Check("audit", "pass", f"The audit goes to {where}.")


def socket_for(settings: ServerSettings, user: str | None) -> Check:
    """Whether the socket is there and this user could connect to it."""
    path = Path(settings.socket)
    if not path.parent.is_dir():
        return Check(
            "socket", "fail", f"The directory {path.parent} is missing.",
            f"Create it, or let systemd do it: RuntimeDirectory={path.parent.name}",
        )  # fmt: skip
    if user is None:
        if settings.mode & 0o007:
            return Check(
                "socket", "warn", "Every user of this machine may open the socket; only the sidecar turns them away.",
                'Set server.socket_mode = "0660" and server.socket_group.',
            )  # fmt: skip
        return Check("socket", "pass", f"The socket is {path}.")
    return _socket_for_user(settings, path, user)


def _socket_for_user(  # noqa: PLR0911 - one return for each thing that can be wrong
    settings: ServerSettings, path: Path, user: str
) -> Check:
    from box_sidecar.peers import Admission

    try:
        person = pwd.getpwnam(user)
    except KeyError:
        return Check("socket", "fail", f"This machine knows no user “{user}”.", "Give --user the web server's user.")
    groups = set(os.getgrouplist(user, person.pw_gid))
    for directory in reversed(path.parents):
        if not _may(directory, person.pw_uid, groups, 0o1):
            return Check(
                "socket",
                "fail",
                f"{user} may not enter {directory}.",
                f"Run: chmod o+x {directory} (or give it to a group of {user})",
            )
    if not path.is_socket():
        return Check("socket", "warn", f"{path} is not there yet.", "Start the sidecar: box-sidecar serve --config …")
    group = settings.socket_group or _group(path.stat().st_gid)
    if not _may(path, person.pw_uid, groups, 0o2):
        return Check(
            "socket", "fail", f"{user} may not open {path}.",
            f'Set server.socket_group = "{_group(person.pw_gid)}" and server.socket_mode = "0660", then restart.',
        )  # fmt: skip
    try:
        admitted = Admission(settings).admits(person.pw_uid, person.pw_gid)
    except ConfigError as error:
        return Check("socket", "fail", str(error), "Correct the name.")
    if not admitted:
        return Check(
            "socket", "fail", f"{user} could open the socket, but the sidecar would turn them away.",
            f'Add "{user}" to server.allowed_users, or to the group {group} in server.socket_group.',
        )  # fmt: skip
    return Check("socket", "pass", f"{user} may connect to {path}.")


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


async def _reach(sidecar: Sidecar) -> Check:
    base = sidecar.settings.box.base_url
    proxy = "https_proxy" if urlsplit(base).scheme == "https" else "http_proxy"
    through = " through the proxy in the environment" if getproxies().get(proxy.removesuffix("_proxy")) else ""
    try:
        await sidecar.transport.call(PROBE, lambda: ME)
    except Problem as problem:
        fix = CODES["box_unavailable"].fix
        if "TLS" in problem.detail:
            paths = ssl.get_default_verify_paths()
            now = paths.cafile or paths.openssl_cafile
            fix = f"Point SSL_CERT_FILE at a file with your own authority's certificate (now: {now})."
        elif "proxy" in problem.detail:
            fix = "Look at HTTPS_PROXY and NO_PROXY in the sidecar's environment."
        return Check("network", "fail", f"{base} can't be reached{through}: {problem.detail}", fix)
    return Check("network", "pass", f"{base} answers{through}.")


def _clock(sidecar: Sidecar) -> Check:
    offset = sidecar.clock.offset
    if offset is None:
        return Check(
            "clock",
            "warn",
            "Box's answer had no Date, so its clock is unknown.",
            "Does a proxy remove the Date header?",
        )
    if abs(offset) > _DRIFT_S:
        return Check(
            "clock", "warn", f"Box's clock is {offset:+.0f} s from this machine's. The sidecar corrects for it.",
            "Mend this machine's clock all the same: timedatectl set-ntp true",
        )  # fmt: skip
    return Check("clock", "pass", f"This machine's clock is right ({offset:+.1f} s from Box's).")


async def _ask_box(sidecar: Sidecar, login: str | None, origin: str | None) -> list[Check]:
    """From here on each check needs the one before."""
    checks: list[Check] = []
    try:
        service = await sidecar.box.service_token()
        checks.append(Check("app", "pass", "Box accepts the client id, the secret and the key; the app is authorized."))
    except Problem as problem:
        return [_failed("app", problem)]
    try:
        await sidecar.box.find_users("doctor@box-sidecar.invalid")
        checks.append(Check("lookup", "pass", "The app may look people up."))
    except Problem as problem:
        checks.append(_failed("lookup", problem))
    person = await _user_token(sidecar, login, checks) if login else None
    narrowed = await _exchange(sidecar, person or service, checks)
    if origin and narrowed:
        checks.append(await _cors(sidecar, narrowed, origin))
    for token in (narrowed, person):
        if token:
            try:
                await sidecar.box.revoke(token.secret)
            except Problem as problem:
                checks.append(_failed("revoke", problem))
    return checks


async def _user_token(sidecar: Sidecar, login: str, checks: list[Check]) -> Token | None:
    try:
        user = await sidecar.service.lookup(Subject("login", login))
        sidecar.service.policy.check_user(user)
        token = await sidecar.box.user_token(user.id)
    except Problem as problem:
        checks.append(_failed("user_token", problem))
        return None
    checks.append(Check("user_token", "pass", f"The app may act for users: {login} is {user.name} (Box id {user.id})."))
    return token


async def _exchange(sidecar: Sidecar, parent: Token, checks: list[Check]) -> Token | None:
    try:
        token = await sidecar.box.downscope(parent, ("base_explorer",), Resource("folder", "0"))
    except Problem as problem:
        checks.append(_failed("exchange", problem))
        return None
    checks.append(Check("exchange", "pass", "Box narrows tokens to an element's scopes."))
    return token


async def _cors(sidecar: Sidecar, token: Token, origin: str) -> Check:
    wanted = f"{_CONSOLE} → CORS Domains: add {origin.rstrip('/')} exactly so, without a slash at the end."
    parts = urlsplit(origin)
    if not parts.scheme or not parts.netloc or parts.path or parts.query:
        return Check("cors", "fail", f"“{origin}” is no origin.", "Give --origin like https://intranet.example.com")
    try:
        allowed = await sidecar.transport.allows_origin("/2.0/folders/0", token.secret.reveal(), origin)
    except Problem as problem:
        return _failed("cors", problem)
    if allowed:
        return Check("cors", "pass", f"Box lets pages of {origin} call it.")
    return Check("cors", "fail", f"Box does not let pages of {origin} call it: widgets stay empty.", wanted)


def _failed(check: str, problem: Problem) -> Check:
    code = CODES[problem.code]
    words = problem.box.error_description or problem.box.error if problem.box else ""
    summary = f"{code.title}. {problem.detail}{f' Box said: {words}' if words else ''}"
    status = "warn" if problem.code in {"box_unavailable", "box_rate_limited"} and check != "app" else "fail"
    return Check(check, status, summary, problem.fix or code.fix)
