"""One command that tells whether all of it works with your Box: each element's own token tries what the element does.

Everything happens in a folder that is made for it, as the person who is named, and is removed for good at the end. The
report names no file, folder or person and holds no token, so that it can be pasted into a question.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Struct

from box_sidecar import __version__
from box_sidecar.box.client import exchange_request
from box_sidecar.box.deadline import within
from box_sidecar.box.transport import Route, proxy_for
from box_sidecar.elements import FILE_ELEMENTS
from box_sidecar.model import Resource, Subject, Token, User
from box_sidecar.problems import CODES, Problem
from box_sidecar.schemas import Check, DoctorAnswer
from box_sidecar.secret import Secret
from box_sidecar.sidecar import Sidecar

Outcome = Literal["works", "refused", "failed", "not_granted", "beyond"]

_WORD = re.compile(r"[a-z_]{1,60}")
_BOXS_HOST = re.compile(r"(?:[a-z0-9-]+\.)+(?:box|boxcloud)\.com")
_BODY_MAX = 1_000_000
_EXCHANGE: Route[dict[str, Any]] = Route("token", "POST", dict)

#: What each element does at Box, and the feature scope that it needs for it beside the element's base scope.
ACTIONS: dict[str, dict[str, str]] = {
    "explorer": {
        "list": "",
        "search": "",
        "recents": "",
        "details": "",
        "thumbnail": "item_preview",
        "download": "item_download",
        "preflight": "item_upload",
        "upload": "item_upload",
        "rename": "item_rename",
        "share": "item_share",
        "delete": "item_delete",
    },
    "uploader": {"preflight": "", "upload": ""},
    "picker": {
        "list": "",
        "search": "",
        "recents": "",
        "preflight": "item_upload",
        "upload": "item_upload",
        "share": "item_share",
    },
    "preview": {"details": "", "thumbnail": "", "download": "item_download"},
    "sidebar": {"details": "", "rename": "item_rename"},
}

#: Without these an element shows nothing; without the others it does less.
_ESSENTIAL = frozenset({"list", "details", "preflight"})

#: Tried without the scope, too: the token must not be able to. Each can only touch what was made for the probe.
_LIMITED = frozenset({"download", "upload", "rename", "share", "delete"})


class Try(Struct, omit_defaults=True):
    """One action with one element's token. ``status`` is Box's HTTP status, ``error`` Box's own word for a refusal.

    ``beyond``: it worked although the token has no scope for it.
    """

    action: str
    outcome: Outcome
    status: int = 0
    error: str = ""


class ElementReport(Struct):
    """One element: the scopes of its token as Box told them, and what it could do. ``error``: it got no token."""

    element: str
    scopes: tuple[str, ...]
    tries: list[Try]
    error: str = ""


class Report(Struct):
    """What :func:`probe` found. ``dialects``: how this Box does what is documented twice or nowhere."""

    status: str
    elements: list[ElementReport]
    dialects: dict[str, str]
    checks: list[Check]


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body, if it is a JSON object; else an empty one."""
        try:
            value = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def error(self) -> str:
        """Box's own word for a refusal, where it looks like one."""
        word = str(self.json().get("code", ""))
        return word if _WORD.fullmatch(word) else ""

    def __repr__(self) -> str:
        return f"_Reply({self.status})"


class Browser:
    """Calls Box once each, as the Elements in a browser do: no retry, no redirect followed."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self._session = session

    async def call(self, token: Token, method: str, place: str, json: Any = None, data: Any = None) -> _Reply:
        """One call; status 0 if no answer came. ``place`` is a path of the API, or the address that Box gave."""
        url = self.base + place if place.startswith("/") else place
        headers = {"Authorization": f"Bearer {token.secret.reveal()}"}
        try:
            async with self._session.request(
                method, url, headers=headers, json=json, data=data, allow_redirects=False, proxy=proxy_for(url)
            ) as response:
                return _Reply(response.status, await _beginning(response))
        except (aiohttp.ClientError, TimeoutError, OSError):
            return _Reply(0, b"")


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """The body, or its first megabyte, in whatever pieces it comes."""
    body = b""
    while piece := await response.content.read(_BODY_MAX - len(body)):
        body += piece
    return body


def may_upload_to(url: str, base: str) -> bool:
    """Whether an upload address that Box named is of Box's own, or of the host at ``base``: a token is sent there."""
    here = urlsplit(base)
    try:
        there = urlsplit(url)
        port = there.port
    except ValueError:
        return False
    if there.scheme != here.scheme or there.username is not None:
        return False
    is_boxs = _BOXS_HOST.fullmatch(there.hostname or "") is not None and port in {None, 443}
    return is_boxs or (there.hostname, port) == (here.hostname, here.port)


async def probe(sidecar: Sidecar, login: str, progress: Callable[[str], None] = lambda _: None) -> Report:
    """Try what the elements do, as the person with this login.

    Raises:
        Problem: the person gets no token at all, or Box can't be reached.
    """
    with within(sidecar.transport.patience):
        user = await sidecar.service.lookup(Subject("login", login))
        sidecar.service.policy.check_user(user)
        person = await sidecar.box.user_token(user.id)
    timeout = aiohttp.ClientTimeout(total=sidecar.settings.box.timeout_s)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        browser = Browser(sidecar.settings.box.base_url, session)
        try:
            return await _Probe(sidecar, browser, user, person, progress).run()
        finally:
            with within(sidecar.transport.patience), contextlib.suppress(Problem):
                await sidecar.box.revoke(person.secret)
            with contextlib.suppress(Problem):
                await sidecar.service.revoke(Subject("id", user.id))


class _Probe:
    """One run. ``person`` is the person's full token: it makes and removes the folder, and no element gets it."""

    def __init__(
        self, sidecar: Sidecar, browser: Browser, user: User, person: Token, progress: Callable[[str], None]
    ) -> None:
        self._sidecar = sidecar
        self._browser = browser
        self._user = user
        self._person = person
        self._progress = progress
        self._checks: list[Check] = []
        self._deleted: list[str] = []
        folders = sidecar.settings.policy.folders
        self._place = "0" if not folders or "0" in folders else folders[0]

    async def run(self) -> Report:
        """Everything, one thing after the other."""
        elements: list[ElementReport] = []
        dialects: dict[str, str] = {}
        async with self._folder() as folder:
            if folder:
                for element in self._sidecar.settings.policy.elements:
                    self._progress(f"trying what the {element} does")
                    elements.append(await self._element(element, folder))
                self._progress("finding out how this Box does it")
                dialects = await self._dialects(elements)
                await self._check_folder_limit(folder)
                await self._check_revocation()
        self._checks += [finding for report in elements for finding in _findings(report)]
        ranks = ("pass", "warn", "fail")
        worst = max((ranks.index(check.status) for check in self._checks), default=0)
        return Report(ranks[worst], elements, dialects, self._checks)

    @asynccontextmanager
    async def _folder(self) -> AsyncIterator[str]:
        """A new folder for the probe, removed for good at the end; an empty id if none could be made."""
        name = f"box-sidecar probe {secrets.token_hex(4)}"
        made = await self._browser.call(
            self._person, "POST", "/2.0/folders", json={"name": name, "parent": {"id": self._place}}
        )
        folder = _id(made.json())
        if made.status != 201 or not folder:
            self._checks.append(
                Check(
                    "probe_folder", "fail", f"Box does not let the person make a folder to try it in ({made.status}).",
                    "Name a person with --login who may write to their own root, or to the first of policy.folders.",
                )
            )  # fmt: skip
            yield ""
            return
        try:
            yield folder
        finally:
            await self._remove(folder, name)

    async def _remove(self, folder: str, name: str) -> None:
        for file in self._deleted:  # what went into the trash before its folder does not leave it with the folder
            await self._browser.call(self._person, "DELETE", f"/2.0/files/{file}/trash")
        trashed = await self._browser.call(self._person, "DELETE", f"/2.0/folders/{folder}?recursive=true")
        gone = await self._browser.call(self._person, "DELETE", f"/2.0/folders/{folder}/trash")
        if trashed.status not in {204, 404} or gone.status not in {204, 404, 403}:
            self._progress(f"the folder “{name}” could not be removed; please delete it in Box")
            self._checks.append(
                Check("probe_folder", "warn", "The probe's folder could not be removed.", "Delete it in Box.")
            )

    async def _element(self, element: str, folder: str) -> ElementReport:
        features = self._sidecar.settings.policy.elements[element]
        sample = await self._sample(folder)
        resource = Resource("file", sample) if element in FILE_ELEMENTS else Resource("folder", self._place)
        try:
            issued = await self._sidecar.service.issue(Subject("id", self._user.id), element, features, resource)
        except Problem as problem:
            return ElementReport(element, (), [], problem.code)
        tries = [await self._try(issued.token, element, action, folder, sample) for action in ACTIONS[element]]
        return ElementReport(element, issued.token.scopes, tries)

    async def _try(self, token: Token, element: str, action: str, folder: str, sample: str) -> Try:
        needed = ACTIONS[element][action]
        granted = not needed or needed in token.scopes
        if not granted and action not in _LIMITED:
            return Try(action, "not_granted")
        reply = await self._act(token, action, folder, sample)
        works = 200 <= reply.status < 400
        if not granted:
            return Try(action, "beyond", reply.status) if works else Try(action, "not_granted")
        if works:
            return Try(action, "works", reply.status)
        outcome: Outcome = "refused" if reply.status in {401, 403, 404, 405} else "failed"
        return Try(action, outcome, reply.status, reply.error)

    async def _act(  # noqa: PLR0911 - one return an action
        self, token: Token, action: str, folder: str, sample: str
    ) -> _Reply:
        """What an element sends for one action."""
        call, file = self._browser.call, f"/2.0/files/{sample}"
        match action:
            case "list":
                return await call(token, "GET", f"/2.0/folders/{self._place}?fields=id,name,type&limit=10")
            case "search":
                return await call(token, "GET", f"/2.0/search?query=sample&ancestor_folder_ids={self._place}&limit=10")
            case "recents":
                return await call(token, "GET", "/2.0/recent_items?limit=10")
            case "details":
                return await call(token, "GET", f"{file}?fields=id,name,permissions")
            case "thumbnail":
                return await call(token, "GET", f"{file}/thumbnail.png?min_height=32&min_width=32")
            case "download":
                return await call(token, "GET", f"{file}/content")
            case "preflight":
                return await self._preflight(token, folder)
            case "upload":
                return await self._upload(token, folder)
            case "rename":
                return await call(token, "PUT", file, json={"name": f"renamed {_new_name()}"})
            case "share":
                return await call(token, "PUT", f"{file}?fields=shared_link", json={"shared_link": {}})
            case _:
                self._deleted.append(sample)
                return await call(token, "DELETE", file)

    async def _preflight(self, token: Token, folder: str) -> _Reply:
        body = {"name": _new_name(), "size": len(_PICTURE), "parent": {"id": folder}}
        return await self._browser.call(token, "OPTIONS", "/2.0/files/content", json=body)

    async def _upload(self, token: Token, folder: str) -> _Reply:
        """An upload as the Elements do it: ask first, then send the file where the answer says."""
        asked = await self._preflight(token, folder)
        address = str(asked.json().get("upload_url", ""))
        if asked.status != 200 or not may_upload_to(address, self._browser.base):
            return asked if asked.status != 200 else _Reply(0, b"")
        form = aiohttp.FormData()
        form.add_field("attributes", msgspec.json.encode({"name": _new_name(), "parent": {"id": folder}}).decode())
        form.add_field("file", _PICTURE, filename=_new_name(), content_type="image/png")
        return await self._browser.call(token, "POST", address, data=form)

    async def _sample(self, folder: str) -> str:
        """A picture made with the person's own token; an empty id if Box does not take it."""
        entries = (await self._upload(self._person, folder)).json().get("entries")
        return _id(entries[0]) if isinstance(entries, list) and entries else ""

    async def _dialects(self, elements: list[ElementReport]) -> dict[str, str]:
        """How this Box does what is documented twice or nowhere."""
        searches = {attempt.outcome for report in elements for attempt in report.tries if attempt.action == "search"}
        return {
            "grant": "jwt-bearer" if self._sidecar.app.key_id else "client_credentials",
            "root_restricted_to": await self._root_restricted_to(None),
            "root_resource": await self._root_restricted_to(Resource("folder", "0")),
            "filter_term_marker": await self._filter_term_marker(),
            "downscoped_search": ", ".join(sorted(searches)) or "not tried",
        }

    async def _root_restricted_to(self, resource: Resource | None) -> str:
        """How ``restricted_to`` is told for a root; of the token itself nothing is kept."""
        scopes = ("base_explorer", "item_download")
        request = exchange_request(self._person, scopes, resource)
        with within(self._sidecar.transport.patience):
            answer = await self._sidecar.transport.call(_EXCHANGE, lambda: request)
            if answer.reason is not None:
                return f"refused ({answer.reason.status} {answer.reason.error})"
            said = answer.value("exchange")
            await self._sidecar.box.revoke(Secret(str(said.get("access_token", ""))))
        return describe_restriction(said.get("restricted_to", _ABSENT), scopes)

    async def _filter_term_marker(self) -> str:
        with within(self._sidecar.transport.patience):
            service = await self._sidecar.box.service_token()
        query = "filter_term=box-sidecar-probe.invalid&usemarker=true&limit=1000"
        page = (await self._browser.call(service, "GET", f"/2.0/users?{query}")).json()
        return "endless" if page.get("next_marker") else "ends"

    async def _check_folder_limit(self, folder: str) -> None:
        """A token for one folder must open no other."""
        if self._sidecar.settings.policy.folders or "explorer" not in self._sidecar.settings.policy.elements:
            return
        issued = await self._sidecar.service.issue(
            Subject("id", self._user.id), "explorer", (), Resource("folder", folder)
        )
        inside = await self._browser.call(issued.token, "GET", f"/2.0/folders/{folder}?limit=1")
        outside = await self._browser.call(issued.token, "GET", "/2.0/folders/0?limit=1")
        if inside.status != 200:
            self._checks.append(
                Check("folder_limit", "fail", f"A token for a folder does not open it ({inside.status}).")
            )
        elif outside.status == 200:
            self._checks.append(Check("folder_limit", "fail", "A token for one folder opens others, too.", _ASK_BOX))
        else:
            self._checks.append(Check("folder_limit", "pass", "A token for one folder opens no other."))

    async def _check_revocation(self) -> None:
        """What was issued here is ended, and Box must mean it."""
        held = [(await self._sidecar.service.issue(Subject("id", self._user.id), element, (), self._root)).token
                for element in ("explorer",) if element in self._sidecar.settings.policy.elements]  # fmt: skip
        await self._sidecar.service.revoke(Subject("id", self._user.id))
        for token in held:
            after = await self._browser.call(token, "GET", f"/2.0/folders/{self._place}?limit=1")
            if after.status == 401:
                self._checks.append(Check("revocation", "pass", "A revoked token opens nothing any more."))
            else:
                self._checks.append(
                    Check("revocation", "fail", f"A revoked token still got an answer ({after.status}).", _ASK_BOX)
                )

    @property
    def _root(self) -> Resource:
        return Resource("folder", self._place)


def document(answer: DoctorAnswer, report: Report | None) -> dict[str, Any]:
    """What may be pasted into a question: of the checks only how they ended, since their sentences name people."""
    return {
        "version": __version__,
        "checks": {check.id: check.status for check in answer.checks},
        "probe": report,
    }


def table(report: Report) -> str:
    """The report for a terminal: what each element's token could do, then how this Box does it."""
    if not report.elements:
        return "Nothing could be tried."
    actions = list(dict.fromkeys(action for element in report.elements for action in ACTIONS[element.element]))
    rows = [["", *(element.element for element in report.elements)]]
    for action in actions:
        rows.append([action, *(_cell(element, action) for element in report.elements)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += ["", "✓ works   ✗ refused, with Box's status   - not granted by policy   ! works without its scope", ""]
    names = max((len(name) for name in report.dialects), default=0)
    return "\n".join(lines + [f"{name.ljust(names)}  {value}" for name, value in report.dialects.items()])


def _cell(element: ElementReport, action: str) -> str:
    if element.error:
        return "✗" if action in ACTIONS[element.element] else ""
    for attempt in element.tries:
        if attempt.action == action:
            marks = {"works": "✓", "not_granted": "-", "beyond": "!"}
            return marks.get(attempt.outcome) or f"✗ {attempt.status or 'no answer'}"
    return ""


_ABSENT = object()
_ASK_BOX = "Ask Box support, and take the widgets off until it is explained."


def describe_restriction(said: Any, scopes: tuple[str, ...]) -> str:
    """The shape of a ``restricted_to``, in words that name no item."""
    if said is _ABSENT or said is None:
        return "absent"
    if not isinstance(said, list) or not all(isinstance(entry, dict) for entry in said):
        return "not a list of objects"
    if not said:
        return "empty"
    joined = len(said) == 1 and len(str(said[0].get("scope", "")).replace(",", " ").split()) == len(scopes)
    shape = "one entry for all scopes" if joined else f"{len(said)} entries for {len(scopes)} scopes"
    objects = [entry.get("object") for entry in said]
    roots = [isinstance(limited, dict) and limited.get("id") == "0" for limited in objects]
    where = "folder 0" if all(roots) else "other objects" if any(objects) else "no object"
    return f"{shape}, {where}"


def _findings(report: ElementReport) -> list[Check]:
    """What of one element's table somebody has to know."""
    if report.error:
        return [
            Check(report.element, "fail", f"The {report.element} gets no token: {report.error}.", _fix(report.error))
        ]
    beyond = [attempt.action for attempt in report.tries if attempt.outcome == "beyond"]
    missing = [attempt for attempt in report.tries if attempt.outcome in {"refused", "failed"}]
    if beyond:
        told = f"Box lets the {report.element} {', '.join(beyond)} without the scope for it."
        return [Check(report.element, "fail", told, _ASK_BOX)]
    if missing:
        told = ", ".join(f"{attempt.action} ({attempt.status or 'no answer'})" for attempt in missing)
        worst = "fail" if any(attempt.action in _ESSENTIAL for attempt in missing) else "warn"
        fix = _SEARCH_FIX if {attempt.action for attempt in missing} == {"search"} else _MISSING_FIX
        return [Check(report.element, worst, f"Box does not let the {report.element} do: {told}.", fix)]
    return [Check(report.element, "pass", f"The {report.element} can do all that policy grants it.")]


_SEARCH_FIX = (
    "Some Boxes let no such token search. Pages hide the search field once Box has refused; nothing else is missing."
)
_MISSING_FIX = (
    "Compare with what the same person may do in Box itself; then look at the app's scopes in the Developer Console, "
    "and at the enterprise's settings for sharing."
)


def _id(told: Any) -> str:
    """The id of an item that Box tells of; empty if it tells none."""
    found = told.get("id") if isinstance(told, dict) else None
    return found if isinstance(found, str) and found.isascii() and found.isdecimal() else ""


def _fix(code: str) -> str:
    return CODES[code].fix if code in CODES else ""


def _new_name() -> str:
    return f"sample {secrets.token_hex(4)}.png"


def _png(side: int) -> bytes:
    """A grey square as a PNG (RFC 2083): what a thumbnail can be made of."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = (b"\x00" + b"\x80" * side) * side
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


_PICTURE = _png(64)
