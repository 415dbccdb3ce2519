"""What is wrong, and what to click: each check one function, each fix one sentence."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from box_sidecar.box.deadline import within
from box_sidecar.box.transport import ME, PROBE
from box_sidecar.loaded import load
from box_sidecar.model import Resource, Token
from box_sidecar.problems import CODES, ConfigError, Problem
from box_sidecar.schemas import Check, DoctorAnswer
from box_sidecar.settings import ServerSettings
from box_sidecar.sidecar import Sidecar

CONSOLE = "Developer Console (app.box.com/developers/console) → your app → Configuration"
_DRIFT_S = 5.0


class Examination:
    """All that can be found out without naming a person; ends well without a network.

    The command line knows more, and has an examination of its own (``tools/check.py``).
    """

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar
        self.checks: list[Check] = []
        self.made: list[Token] = []  # to be revoked at the end

    async def run(self) -> DoctorAnswer:
        """All checks, in the order in which things depend on each other."""
        compared = asyncio.create_task(self.configuration())
        self.checks += [_key(self.sidecar), *_switched_off(self.sidecar), _audit(self.sidecar), *_ledger(self.sidecar)]
        self.checks.append(self.socket())
        with within(self.sidecar.transport.patience):
            reached = await _reach(self.sidecar)
            self.checks.append(reached)
            if reached.status != "fail":
                self.checks.append(_clock(self.sidecar))
                await self._ask_box()
        self.checks += await compared
        return DoctorAnswer(worst(self.checks), self.checks, self.sidecar.loaded.digest)

    async def _ask_box(self) -> None:
        """From here on each check needs the one before."""
        box = self.sidecar.box
        try:
            service = await box.service_token()
        except Problem as problem:
            self.checks.append(failed("app", problem))
            return
        accepted = "Box accepts the client id, the secret and the key; the app is authorized."
        self.checks.append(Check("app", "pass", accepted))
        try:
            await box.find_users("doctor@box-sidecar.invalid")
            self.checks.append(Check("lookup", "pass", "The app may look people up."))
        except Problem as problem:
            self.checks.append(failed("lookup", problem))
        whole = await self.user_token() or service
        try:
            token = await box.downscope(whole, ("base_explorer",), Resource("folder", "0"))
            self.made.append(token)
            self.checks.append(Check("exchange", "pass", "Box narrows tokens to an element's scopes."))
            await self.use(token)
        except Problem as problem:
            self.checks.append(failed("exchange", problem))
        for token in reversed(self.made):
            try:
                await box.revoke(token.secret)
            except Problem as problem:
                self.checks.append(failed("revoke", problem))

    def socket(self) -> Check:
        """Whether the socket can be where it should be."""
        return socket_place(self.sidecar.settings.server)

    async def user_token(self) -> Token | None:
        """A person's token to downscope instead of the service account's."""
        return None

    async def use(self, token: Token) -> None:
        """What else can be tried with a downscoped token; raises no problem."""

    async def configuration(self) -> list[Check]:
        """Whether what runs is what the files say by now."""
        try:
            found = await asyncio.to_thread(load, self.sidecar.config_path)
        except ConfigError as error:
            summary = f"{error}. The sidecar goes on with what it had, but would not start again."
            return [Check("configuration", "fail", summary, "Mend the file.")]
        if found.digest == self.sidecar.loaded.digest:
            return [Check("configuration", "pass", "What runs is what the files say.")]
        differences = "; ".join(self.sidecar.differences(found))
        return [another_configuration(f": {differences}" if differences else "")]


def worst(checks: list[Check]) -> str:
    """The worst status of all; ``pass`` if there is none."""
    ranks = ("pass", "warn", "fail")
    return ranks[max((ranks.index(check.status) for check in checks), default=0)]


def failed(check: str, problem: Problem) -> Check:
    """A check that ended with a problem."""
    code = CODES[problem.code]
    words = problem.box.error_description or problem.box.error if problem.box else ""
    summary = f"{code.title}. {problem.detail}{f' Box said: {words}' if words else ''}"
    status = "warn" if problem.code in {"box_unavailable", "box_rate_limited"} and check != "app" else "fail"
    return Check(check, status, summary, problem.fix or code.fix)


def another_configuration(what: str) -> Check:
    """What runs differs from a file."""
    return Check(
        "configuration", "warn", f"The running sidecar has another configuration{what}.",
        "Take the file over: systemctl reload box-sidecar (SIGHUP); restart it for another [server] or box.api_url.",
    )  # fmt: skip


def _key(sidecar: Sidecar) -> Check:
    app = sidecar.app
    if app.key_id is None:
        return Check("key", "pass", "The JSON has no key pair: the client credentials grant is used.")
    if not re.fullmatch(r"[a-z0-9]{8}", app.key_id):
        return Check(
            "key", "warn", "The key opens, but publicKeyID is not eight letters and digits as Box makes them.",
            f"{CONSOLE} → Add and Manage Public Keys: compare the ID.",
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


def _switched_off(sidecar: Sidecar) -> list[Check]:
    if sidecar.settings.policy.issue:
        return []
    return [Check("issuing", "fail", "No tokens are issued: policy.issue is false.", CODES["issuing_stopped"].fix)]


def _ledger(sidecar: Sidecar) -> list[Check]:
    if not sidecar.ledger.why:
        return []
    summary = f"Tokens that a restart forgets can't be revoked. The ledger: {sidecar.ledger.why}."
    fix = "Let the sidecar write there (systemd: StateDirectory=box-sidecar), or name another place in cache.ledger."
    return [Check("ledger", "warn", summary, fix)]


def socket_place(settings: ServerSettings) -> Check:
    """Whether the socket's directory is there, and only those who should may open it."""
    path = Path(settings.socket)
    if not path.parent.is_dir():
        fix = f"Create it, or let systemd do it: RuntimeDirectory={path.parent.name}"
        return Check("socket", "fail", f"The directory {path.parent} is missing.", fix)
    if settings.mode & 0o007:
        return Check(
            "socket", "warn", "Every user of this machine may open the socket; only the sidecar turns them away.",
            'Set server.socket_mode = "0660" and server.socket_group.',
        )  # fmt: skip
    return Check("socket", "pass", f"The socket is {path}.")


async def _reach(sidecar: Sidecar) -> Check:
    base = sidecar.settings.box.base_url
    through = " through the proxy in the environment" if getproxies().get(urlsplit(base).scheme) else ""
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
        unknown = "Box's answer had no Date, so its clock is unknown."
        return Check("clock", "warn", unknown, "Does a proxy remove the Date header?")
    if abs(offset) > _DRIFT_S:
        return Check(
            "clock", "warn", f"Box's clock is {offset:+.0f} s from this machine's. The sidecar corrects for it.",
            "Mend this machine's clock all the same: timedatectl set-ntp true",
        )  # fmt: skip
    return Check("clock", "pass", f"This machine's clock is right ({offset:+.1f} s from Box's).")
