"""What answers on each route: bodies strictly decoded, one line in the audit, an answer or a problem."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import falcon
import falcon.asgi
import msgspec
from falcon.asgi import Request, Response

from box_sidecar import schemas
from box_sidecar.audit import AuditEvent, Peer
from box_sidecar.box.deadline import within
from box_sidecar.clock import monotonic
from box_sidecar.doctor import Examination
from box_sidecar.issuer import Issued
from box_sidecar.model import Subject, User
from box_sidecar.problems import Problem
from box_sidecar.revocation import Guard
from box_sidecar.sidecar import Sidecar
from box_sidecar.single_flight import SingleFlight

_MAX_BODY = 64 * 1024
_CALLS_OF_DOCTOR = 4  # a probe, a look-up, an exchange, a revocation

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


async def _body(req: Request, kind: type[T]) -> T:
    """The request's body; raises :class:`Problem` as :func:`box_sidecar.schemas.decode`."""
    raw = await req.stream.read(_MAX_BODY + 1)
    if len(raw) > _MAX_BODY:
        raise Problem("invalid_request", detail=f"The body is longer than {_MAX_BODY} bytes.")
    return schemas.decode(raw, kind)


def _query(req: Request, kind: type[T], *, strict: bool = True) -> T:
    """The request's query; unless ``strict``, numbers are read from it. Raises ``invalid_request``."""
    query = {name: value for name, value in req.params.items() if isinstance(value, str)}
    if len(query) != len(req.params):
        raise Problem("invalid_request", detail="A parameter is there more than once.")
    try:
        return msgspec.convert(query, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise Problem("invalid_request", detail=f"{str(error).partition(' - at `')[0]}.") from None


def _token_event(event: str, asked: schemas.TokenRequest, request_id: str, peer: Peer, started: float) -> AuditEvent:
    resource = asked.resource
    return AuditEvent(
        event=event,
        request_id=request_id,
        peer_uid=peer.uid,
        peer_pid=peer.pid,
        element=asked.element,
        scopes=asked.scopes,
        resource=f"{resource.type}/{resource.id}",
        duration_ms=round((monotonic() - started) * 1000, 2),
    )


def issued_event(
    sidecar: Sidecar, asked: schemas.TokenRequest, issued: Issued, request_id: str, peer: Peer, started: float
) -> AuditEvent:
    """The audit's line about a token that is handed out; ``started`` on the monotonic clock."""
    entry = _token_event("token_issued", asked, request_id, peer, started)
    entry.person, entry.user_id = sidecar.audit.pseudonym(issued.user.login), issued.user.id
    entry.outcome, entry.granted = issued.source, issued.token.scopes
    entry.resource = f"{issued.key.resource.type}/{issued.key.resource.id}"  # not where its path began
    return entry


def token_answer(issued: Issued) -> bytes:
    """The body with the token."""
    user, token = issued.user, issued.token
    life, person = int(token.life), schemas.Person(user.id, user.login, user.name)
    return _encode(
        schemas.TokenAnswer(token.secret.reveal(), "bearer", life, token.scopes, issued.key.resource, person)
    )


def count(sidecar: Sidecar, asked: schemas.TokenRequest, issued: Issued) -> None:
    """A token that is handed out, among what is used."""
    sidecar.metrics.token(issued.source)
    sidecar.metrics.issued(asked.element)
    page = 0 if asked.report is None else int(asked.report.page)
    sidecar.usage.token(asked.element, issued.user.id, page)


def count_calls(sidecar: Sidecar, asked: schemas.TokenRequest) -> None:
    """What the browser tells of its Element's calls."""
    if asked.report is not None and asked.report.calls is not None:
        calls = {kind: int(number) for kind, number in msgspec.structs.asdict(asked.report.calls).items()}
        sidecar.metrics.element_calls(calls)
        sidecar.usage.calls(calls)


class Tokens:
    """``POST /v1/tokens`` and ``POST /v1/tokens/revoke``."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar

    async def on_post(self, req: Request, resp: Response) -> None:
        """A token for one person, element and folder or file."""
        started = monotonic()
        asked = await _body(req, schemas.TokenRequest)
        count_calls(self._sidecar, asked)
        self._sidecar.audit.require()
        who = asked.user.who
        guard = self._sidecar.revocations.begin(who)
        try:
            issued = await self._issue(req, asked, guard)
        except Problem as problem:
            entry = _token_event("token_refused", asked, req.context.id, req.context.peer, started)
            entry.person, entry.outcome = _person(self._sidecar, who), problem.code
            await self._sidecar.audit.write(entry)
            self._sidecar.metrics.token(problem.code)
            self._sidecar.usage.failure(problem.code)
            raise
        entry = issued_event(self._sidecar, asked, issued, req.context.id, req.context.peer, started)
        await self._sidecar.audit.write(entry)
        # The line may have waited; what was revoked meanwhile, or is refused by now, goes out to nobody.
        guard.check(issued.user, issued.key.resource)
        self._sidecar.current.policy.check(issued.user, issued.key)
        count(self._sidecar, asked, issued)
        resp.content_type = falcon.MEDIA_JSON
        resp.data = token_answer(issued)

    async def _issue(self, req: Request, asked: schemas.TokenRequest, guard: Guard) -> Issued:
        who, issue = asked.user.who, self._sidecar.issuer.issue
        with within(self._sidecar.current.patience):
            try:
                return await issue(who, asked.element, asked.scopes, asked.resource, asked.refused)
            except Problem as problem:
                name, allowed = asked.user.name, self._sidecar.current.policy.provision_app_users
                if problem.code != "user_not_found" or name is None or not allowed:
                    raise
            user, _ = await _provision(self._sidecar, req, who, name)
            guard.check(user)  # what follows begins anew, and would outlive a log-out that has come meanwhile
            return await issue(who, asked.element, asked.scopes, asked.resource, asked.refused)

    async def on_post_revoke(self, req: Request, resp: Response) -> None:
        """Revoke what is held of one person; or of everybody, for root and the sidecar's own user."""
        asked = await _body(req, schemas.RevokeRequest)
        who = asked.user.who if asked.user else None
        async with _audited(self._sidecar, req, "tokens_revoked" if who else "all_revoked", who) as entry:
            revocations = self._sidecar.revocations
            if who is None and req.context.peer.uid not in {0, os.geteuid()}:
                raise Problem("caller_not_allowed")
            revoked = await (revocations.revoke(who) if who else revocations.revoke_all())
            entry.outcome = f"revoked {revoked}"
        _json(resp, {"revoked": revoked})


class Users:
    """``GET`` and ``POST /v1/users``."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar

    async def on_get(self, req: Request, resp: Response) -> None:
        """Look one person up."""
        asked = _query(req, schemas.UserRef)
        self._sidecar.audit.require()
        async with _audited(self._sidecar, req, "user_refused", asked.who) as entry:
            user = await self._sidecar.users.lookup(asked.who)
            _found(self._sidecar, entry, user, "user_looked_up")
        _json(resp, user)

    async def on_post(self, req: Request, resp: Response) -> None:
        """Make an app user, or find it."""
        asked = await _body(req, schemas.ProvisionRequest)
        who = Subject("external_app_user_id", asked.external_app_user_id)
        self._sidecar.audit.require()
        user, made = await _provision(self._sidecar, req, who, asked.name)
        resp.status = falcon.HTTP_201 if made else falcon.HTTP_200
        _json(resp, user)


class Operation:
    """Health, usage, metrics, doctor and the description of this interface."""

    def __init__(self, sidecar: Sidecar, description: bytes) -> None:
        self._sidecar = sidecar
        self._openapi = description
        self._examinations: SingleFlight[schemas.DoctorAnswer] = SingleFlight()

    async def on_get_startup(self, req: Request, resp: Response) -> None:
        """Has it started?"""
        self._health(resp, self._sidecar.state != "starting", "The sidecar is starting.")

    async def on_get_live(self, req: Request, resp: Response) -> None:
        """Is the process alive?

        Restart it if it does not answer.
        """
        self._health(resp, True, "")

    async def on_get_ready(self, req: Request, resp: Response) -> None:
        """Can new tokens be had?

        Tokens in memory are served all the same.
        """
        quiet = self._sidecar.transport.throttle.left
        if not self._sidecar.settings.policy.issue:
            self._health(resp, False, "Nothing is issued: policy.issue is false.", 300.0)
        elif self._sidecar.transport.breaker.is_open:
            self._health(resp, False, "Box can't be reached. Tokens in memory are still served.")
        elif self._sidecar.audit.is_broken:
            self._health(resp, False, "The audit can't be written, so nothing is issued.")
        elif quiet > 0:
            why = (
                f"Rate limited: Box wants no calls from this app for {quiet:.0f} s. Tokens in memory are still served."
            )
            self._health(resp, False, why, quiet)
        elif self._sidecar.state == "ready" and (why := self._sidecar.sharing.why):
            _json(resp, {"status": "pass", "why": f"The store: {why}. This sidecar goes on with its own memory."})
        else:
            self._health(resp, self._sidecar.state == "ready", f"The sidecar is {self._sidecar.state}.")

    def _health(self, resp: Response, well: bool, why: str, retry_after: float = 2.0) -> None:
        resp.status = falcon.HTTP_200 if well else falcon.HTTP_503
        if not well:
            resp.set_header("Retry-After", str(max(1, round(retry_after))))
        _json(resp, {"status": "pass"} if well else {"status": "fail", "why": why})

    async def on_get_usage(self, req: Request, resp: Response) -> None:
        """What was used, by day, and how many calls to Box this month comes to."""
        asked, settings = _query(req, schemas.UsageQuery, strict=False), self._sidecar.settings.usage
        _json(resp, self._sidecar.usage.answer(asked.days, settings.allotment, brake=settings.brake))

    async def on_get_metrics(self, req: Request, resp: Response) -> None:
        """Prometheus metrics."""
        resp.content_type = "text/plain; version=0.0.4; charset=utf-8"
        resp.data = self._sidecar.metrics.text()

    async def on_get_doctor(self, req: Request, resp: Response) -> None:
        """Find out what is wrong."""
        # An audit that can't be written is among what it may have found.
        async with _audited(self._sidecar, req, "doctor_ran", required=False) as entry:
            answer = await self._examinations.do("all", self._examine)
            entry.outcome = answer.status
        _json(resp, answer)

    async def _examine(self) -> schemas.DoctorAnswer:
        for _ in range(_CALLS_OF_DOCTOR):
            self._sidecar.current.limits.charge_call()
        return await Examination(self._sidecar).run()

    async def on_get_openapi(self, req: Request, resp: Response) -> None:
        """This document."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = self._openapi


@asynccontextmanager
async def _audited(
    sidecar: Sidecar, req: Request, event: str, who: Subject | None = None, *, required: bool = True
) -> AsyncIterator[AuditEvent]:
    """One line about what is done inside, however that ends; raises ``not_ready`` if it is ``required`` and can't be
    written."""
    started, peer = monotonic(), req.context.peer
    entry = AuditEvent(event=event, request_id=req.context.id, peer_uid=peer.uid, peer_pid=peer.pid, outcome="failed")
    if who is not None:
        entry.person = _person(sidecar, who)
    try:
        yield entry
    except Problem as problem:
        entry.outcome = problem.code
        raise
    finally:
        entry.duration_ms = round((monotonic() - started) * 1000, 2)
        with suppress(*(() if required else (Problem,))):
            await sidecar.audit.write(entry)


async def _provision(sidecar: Sidecar, req: Request, who: Subject, name: str) -> tuple[User, bool]:
    async with _audited(sidecar, req, "user_refused", who) as entry:
        user, made = await sidecar.users.provision(who.value, name)
        _found(sidecar, entry, user, "user_created" if made else "user_looked_up")
    return user, made


def _found(sidecar: Sidecar, entry: AuditEvent, user: User, event: str) -> None:
    entry.event, entry.person, entry.user_id = event, sidecar.audit.pseudonym(user.login), user.id
    entry.outcome = ""


def _person(sidecar: Sidecar, who: Subject) -> str:
    # A site's own id for somebody may well be an address.
    return f"id:{who.value}" if who.by == "id" else sidecar.audit.pseudonym(who.value)


def _json(resp: Response, value: Any) -> None:
    resp.content_type = falcon.MEDIA_JSON
    resp.data = _encode(value)
