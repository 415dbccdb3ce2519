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
from box_sidecar.sentences import Text, join, say
from box_sidecar.settings import ServerSettings
from box_sidecar.sidecar import Sidecar

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
        self.checks += [
            await _key(self.sidecar),
            *_switched_off(self.sidecar),
            _audit(self.sidecar),
            *_ledger(self.sidecar),
            *await _store(self.sidecar),
        ]
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
        accepted = say("Box accepts the client id, the secret and the key; the app is authorized.")
        self.checks.append(Check("app", "pass", accepted))
        try:
            await box.find_users("doctor@box-sidecar.invalid")
            self.checks.append(Check("lookup", "pass", say("The app may look people up.")))
        except Problem as problem:
            self.checks.append(failed("lookup", problem))
        whole = await self.user_token() or service
        try:
            token = await box.downscope(whole, ("base_explorer",), Resource("folder", "0"))
            self.made.append(token)
            self.checks.append(Check("exchange", "pass", say("Box narrows tokens to an element's scopes.")))
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
            goes_on = say("The sidecar goes on with what it had, but would not start again.")
            return [Check("configuration", "fail", join(f"{error}.", goes_on), say("Mend the file."))]
        if found.digest == self.sidecar.loaded.digest:
            return [Check("configuration", "pass", say("What runs is what the files say."))]
        differences = "; ".join(self.sidecar.differences(found))
        told = (
            say("The running sidecar has another configuration: {differences}.", differences=differences)
            if differences
            else say("The running sidecar has another configuration.")
        )
        return [another_configuration(told)]


def worst(checks: list[Check]) -> str:
    """The worst status of all; ``pass`` if there is none."""
    ranks = ("pass", "warn", "fail")
    return ranks[max((ranks.index(check.status) for check in checks), default=0)]


def failed(check: str, problem: Problem) -> Check:
    """A check that ended with a problem."""
    code = CODES[problem.code]
    words = problem.box.error_description or problem.box.error if problem.box else ""
    quoted = say("Box said: {words}", words=words) if words and words not in problem.detail else ""
    summary = join(f"{code.title}.", problem.detail, quoted)
    status = "warn" if problem.code in {"box_unavailable", "box_rate_limited"} and check != "app" else "fail"
    return Check(check, status, summary, problem.fix or code.fix)


def another_configuration(told: Text) -> Check:
    """What runs differs from a file."""
    return Check(
        "configuration", "warn", told,
        say("Take the file over: systemctl reload box-sidecar (SIGHUP); restart it for another [server], "
            "box.api_url, cache.ledger, cache.store or usage.file."),
    )  # fmt: skip


async def _key(sidecar: Sidecar) -> Check:
    app = sidecar.app
    if app.key_id is None:
        return Check("key", "pass", say("The JSON has no key pair: the client credentials grant is used."))
    if sidecar.hardware:
        try:
            return Check("key", *await sidecar.hardware.examined(app.key_id))
        except Problem as problem:
            return failed("key", problem)
    if not re.fullmatch(r"[a-z0-9]{8}", app.key_id):
        return Check(
            "key", "warn", say("The key opens, but publicKeyID is not eight letters and digits as Box makes them."),
            say("Developer Console (app.box.com/developers/console) → your app → Configuration → "
                "Add and Manage Public Keys: compare the ID."),
        )  # fmt: skip
    return Check("key", "pass", say("The private key opens; its publicKeyID is {key_id}.", key_id=app.key_id))


def _audit(sidecar: Sidecar) -> Check:
    path = sidecar.audit.path
    if sidecar.audit.is_broken:
        return Check(
            "audit", "fail", say("The audit can't be written to {path}, so nothing is issued.", path=path),
            say("Is the disk full? Does nobody read standard output? It mends itself once it can be written."),
        )  # fmt: skip
    if path == "-":
        return Check("audit", "pass", say("The audit goes to standard output."))
    return Check("audit", "pass", say("The audit goes to {path}.", path=path))


def _switched_off(sidecar: Sidecar) -> list[Check]:
    if sidecar.settings.policy.issue:
        return []
    told = say("No tokens are issued: policy.issue is false.")
    return [Check("issuing", "fail", told, CODES["issuing_stopped"].fix)]


def _ledger(sidecar: Sidecar) -> list[Check]:
    if not sidecar.ledger.why:
        return []
    summary = say("Tokens that a restart forgets can't be revoked. The ledger: {why}.", why=sidecar.ledger.why)
    fix = say(
        "Let the sidecar write there (systemd: StateDirectory=box-sidecar), or name another place in cache.ledger."
    )
    return [Check("ledger", "warn", summary, fix)]


async def _store(sidecar: Sidecar) -> list[Check]:
    found = await sidecar.sharing.examine()
    if found is None:
        return []
    if found.why:
        told = say("The store can't be used: {why}. This sidecar goes on with its own memory.", why=found.why)
        fix = say(
            "Look at the server that cache.store names: does it run, are user, password and certificate right? "
            "It mends itself once it answers."
        )
    elif found.is_old:
        told = say("The store is {server}; it takes Redis 7, or Valkey.", server=found.server)
        fix = say("Update the server that cache.store names.")
    elif found.is_full:
        told = say("The store is full.")
        fix = say("Give it more memory, or set its maxmemory-policy to volatile-ttl: what it loses is made anew.")
    elif found.forgets:
        told = say(
            "The store may forget a log-out and keep the tokens: its maxmemory-policy is {policy}.",
            policy=found.forgets,
        )
        fix = say("Set its maxmemory-policy to volatile-ttl.")
    elif found.is_readable:
        told = say("What is said to the store can be read on its way, the password included.")
        fix = say("Use TLS: begin cache.store with rediss://.")
    else:
        return [Check("store", "pass", say("The store answers: {server}.", server=found.server))]
    return [Check("store", "warn", told, fix)]


def socket_place(settings: ServerSettings) -> Check:
    """Whether the socket's directory is there, and only those who should may open it."""
    path = Path(settings.socket)
    if not path.parent.is_dir():
        fix = say("Create it, or let systemd do it: RuntimeDirectory={name}", name=path.parent.name)
        return Check("socket", "fail", say("The directory {directory} is missing.", directory=path.parent), fix)
    if settings.mode & 0o007:
        return Check(
            "socket", "warn",
            say("Every user of this machine may open the socket; only the sidecar turns them away."),
            say('Set server.socket_mode = "0660" and server.socket_group.'),
        )  # fmt: skip
    return Check("socket", "pass", say("The socket is {path}.", path=path))


async def _reach(sidecar: Sidecar) -> Check:
    url = sidecar.settings.box.base_url
    through = say("A proxy in the environment is used.") if getproxies().get(urlsplit(url).scheme) else ""
    try:
        await sidecar.transport.call(PROBE, lambda: ME)
    except Problem as problem:
        fix = CODES["box_unavailable"].fix
        if "TLS" in problem.detail:
            paths = ssl.get_default_verify_paths()
            now = paths.cafile or paths.openssl_cafile
            fix = say("Point SSL_CERT_FILE at a file with your own authority's certificate (now: {file}).", file=now)
        elif "proxy" in problem.detail:
            fix = say("Look at HTTPS_PROXY and NO_PROXY in the sidecar's environment.")
        found = join(say("{url} can't be reached.", url=url), through, problem.detail)
        return Check("network", "fail", found, fix)
    return Check("network", "pass", join(say("{url} answers.", url=url), through))


def _clock(sidecar: Sidecar) -> Check:
    offset = sidecar.clock.offset
    if offset is None:
        unknown = say("Box's answer had no Date, so its clock is unknown.")
        return Check("clock", "warn", unknown, say("Does a proxy remove the Date header?"))
    if abs(offset) > _DRIFT_S:
        return Check(
            "clock", "warn",
            say("Box's clock is {offset} s from this machine's. The sidecar corrects for it.", offset=f"{offset:+.0f}"),
            say("Mend this machine's clock all the same: timedatectl set-ntp true"),
        )  # fmt: skip
    return Check(
        "clock", "pass", say("This machine's clock is right ({offset} s from Box's).", offset=f"{offset:+.1f}")
    )
