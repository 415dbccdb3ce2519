"""One command that tells whether all of it works with your Box: each element's own token tries what the element does.

Everything happens in a folder that is made for it, as the person who is named, and is removed for good at the end. The
report names no file, folder or person and holds no token, so that it can be pasted into a question.
"""

from __future__ import annotations

import contextlib
import secrets
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from box_sidecar.box.client import downscope_request
from box_sidecar.box.deadline import within
from box_sidecar.box.transport import Route
from box_sidecar.doctor import worst
from box_sidecar.elements import ELEMENTS
from box_sidecar.model import Resource, Subject, Token, User
from box_sidecar.problems import Problem
from box_sidecar.schemas import Check
from box_sidecar.secret import Secret
from box_sidecar.sentences import Text, say
from box_sidecar.sidecar import Sidecar
from box_sidecar.tools.browser import Browser, Reply, item_id, may_upload_to
from box_sidecar.tools.report import (
    ABSENT,
    ACTIONS,
    ASK_BOX,
    ElementReport,
    Outcome,
    Report,
    Try,
    describe_restriction,
    findings,
)

_EXCHANGE: Route[dict[str, Any]] = Route("token", "POST", dict)

#: Tried without the scope, too: the token must not be able to. Each can only touch what was made for the probe.
_LIMITED = frozenset({"download", "upload", "rename", "share", "delete"})


async def probe(sidecar: Sidecar, login: str, progress: Callable[[Text], None] = lambda _: None) -> Report:
    """Try what the elements do, as the person with this login.

    Raises:
        Problem: the person gets no token at all, or Box can't be reached.
    """
    with within(sidecar.transport.patience):
        user = await sidecar.users.lookup(Subject("login", login))
        sidecar.current.policy.check_user(user)
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
                await sidecar.revocations.revoke(Subject("id", user.id))


class _Probe:
    """One run. ``person`` is the person's full token: it makes and removes the folder, and no element gets it."""

    def __init__(
        self, sidecar: Sidecar, browser: Browser, user: User, person: Token, progress: Callable[[Text], None]
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
                    self._progress(say("Trying what the {element} does", element=element))
                    elements.append(await self._element(element, folder))
                self._progress(say("Finding out how this Box does it"))
                dialects = await self._dialects(elements)
                await self._check_folder_limit(folder)
                await self._check_revocation()
        self._checks += [finding for report in elements for finding in findings(report)]
        return Report(worst(self._checks), elements, dialects, self._checks)

    @asynccontextmanager
    async def _folder(self) -> AsyncIterator[str]:
        """A new folder for the probe, removed for good at the end; an empty id if none could be made."""
        name = f"box-sidecar probe {secrets.token_hex(4)}"
        made = await self._browser.call(
            self._person, "POST", "/2.0/folders", json={"name": name, "parent": {"id": self._place}}
        )
        folder = item_id(made.json())
        if made.status != 201 or not folder:
            self._checks.append(
                Check(
                    "probe_folder", "fail",
                    say("Box does not let the person make a folder to try it in ({status}).", status=made.status),
                    say("Name a person with --login who may write to their own root, or to the first of "
                        "policy.folders."),
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
            self._progress(say("The folder “{name}” could not be removed; please delete it in Box", name=name))
            self._checks.append(
                Check("probe_folder", "warn", say("The probe's folder could not be removed."), say("Delete it in Box."))
            )

    async def _element(self, element: str, folder: str) -> ElementReport:
        features = self._sidecar.settings.policy.elements[element]
        sample = await self._sample(folder)
        kind = ELEMENTS[element].resource
        resource = Resource(kind, sample if kind == "file" else self._place)
        try:
            issued = await self._sidecar.issuer.issue(Subject("id", self._user.id), element, features, resource)
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
    ) -> Reply:
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

    async def _preflight(self, token: Token, folder: str) -> Reply:
        body = {"name": _new_name(), "size": len(_PICTURE), "parent": {"id": folder}}
        return await self._browser.call(token, "OPTIONS", "/2.0/files/content", json=body)

    async def _upload(self, token: Token, folder: str) -> Reply:
        """An upload as the Elements do it: ask first, then send the file where the answer says."""
        asked = await self._preflight(token, folder)
        address = str(asked.json().get("upload_url", ""))
        if asked.status != 200 or not may_upload_to(address, self._browser.base):
            return asked if asked.status != 200 else Reply(0, b"")
        form = aiohttp.FormData()
        form.add_field("attributes", msgspec.json.encode({"name": _new_name(), "parent": {"id": folder}}).decode())
        form.add_field("file", _PICTURE, filename=_new_name(), content_type="image/png")
        return await self._browser.call(token, "POST", address, data=form)

    async def _sample(self, folder: str) -> str:
        """A picture made with the person's own token; an empty id if Box does not take it."""
        entries = (await self._upload(self._person, folder)).json().get("entries")
        return item_id(entries[0]) if isinstance(entries, list) and entries else ""

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
        request = downscope_request(self._person, scopes, resource)
        with within(self._sidecar.transport.patience):
            answer = await self._sidecar.transport.call(_EXCHANGE, lambda: request)
            if answer.reason is not None:
                return f"refused ({answer.reason.status} {answer.reason.error})"
            said = answer.value("exchange")
            await self._sidecar.box.revoke(Secret(str(said.get("access_token", ""))))
        return describe_restriction(said.get("restricted_to", ABSENT), scopes)

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
        issued = await self._sidecar.issuer.issue(
            Subject("id", self._user.id), "explorer", (), Resource("folder", folder)
        )
        inside = await self._browser.call(issued.token, "GET", f"/2.0/folders/{folder}?limit=1")
        outside = await self._browser.call(issued.token, "GET", "/2.0/folders/0?limit=1")
        if inside.status != 200:
            self._checks.append(
                Check(
                    "folder_limit",
                    "fail",
                    say("A token for a folder does not open it ({status}).", status=inside.status),
                )
            )
        elif outside.status == 200:
            self._checks.append(
                Check("folder_limit", "fail", say("A token for one folder opens others, too."), ASK_BOX)
            )
        else:
            self._checks.append(Check("folder_limit", "pass", say("A token for one folder opens no other.")))

    async def _check_revocation(self) -> None:
        """What was issued here is ended, and Box must mean it."""
        held = [(await self._sidecar.issuer.issue(Subject("id", self._user.id), element, (), self._root)).token
                for element in ("explorer",) if element in self._sidecar.settings.policy.elements]  # fmt: skip
        await self._sidecar.revocations.revoke(Subject("id", self._user.id))
        for token in held:
            after = await self._browser.call(token, "GET", f"/2.0/folders/{self._place}?limit=1")
            if after.status == 401:
                self._checks.append(Check("revocation", "pass", say("A revoked token opens nothing any more.")))
            else:
                told = say("A revoked token still got an answer ({status}).", status=after.status)
                self._checks.append(Check("revocation", "fail", told, ASK_BOX))

    @property
    def _root(self) -> Resource:
        return Resource("folder", self._place)


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
