"""The token endpoint: JWT grant (RFC 7523), client credentials (RFC 6749), token exchange (RFC 8693), revocation.

The refusals are word for word those that people report; the order of the checks is this emulator's own (G1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web
from joserfc import jws
from joserfc.errors import JoseError

from .access import Access
from .box import BOX, Box
from .console import Application
from .directory import User
from .errors import InvalidTokenError, OAuthError
from .items import mini
from .scopes import DOWNSCOPES, covers, scopes_of
from .tokens import Resource, Token
from .tree import ROOT_ID

AUDIENCE = "https://api.box.com/oauth2/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
ALGORITHMS = ["RS256", "RS384", "RS512"]
MAX_LIFE_S = 60
JTI_LENGTH = range(16, 129)
RESOURCE = re.compile(r"https://api\.box\.com/2\.0/(folder|file)s/(\d+)")

Form = dict[str, str]


async def token(request: web.Request) -> web.Response:
    """POST /oauth2/token."""
    box = request.app[BOX]
    form = await _form(request)
    grant = form.get("grant_type", "")
    request["grant"] = grant.rpartition(":")[2]
    if grant not in (JWT_BEARER, TOKEN_EXCHANGE, "client_credentials"):
        raise OAuthError("invalid_request", "Invalid grant_type parameter or parameter missing")
    if grant == JWT_BEARER:
        body = _jwt_grant(box, form)
    elif grant == TOKEN_EXCHANGE:
        body = _token_exchange(box, form)
    else:
        body = _client_credentials(box, form)
    return web.Response(
        body=msgspec.json.encode(body), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


async def revoke(request: web.Request) -> web.Response:
    """POST /oauth2/revoke: 200 with an empty body, also for a token that is not known (RFC 7009, section 2.2)."""
    box = request.app[BOX]
    form = await _form(request)
    app = _authenticate(box, form)
    if "token" not in form:
        raise OAuthError("invalid_request", "Parameter missing: token")
    found = box.tokens.get(form["token"])
    if found is not None and found.client_id == app.client_id:
        found.revoked = True
    return web.Response()


async def _form(request: web.Request) -> Form:
    """The form's fields; none may come twice (RFC 6749, section 3.2) or from the query."""
    # G26
    if request.content_type not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise OAuthError("invalid_request", "Invalid grant_type parameter or parameter missing")
    posted = await request.post()
    if len(posted) != len(set(posted)):
        raise OAuthError("invalid_request", "A parameter must not be included more than once")
    return {name: value for name, value in posted.items() if isinstance(value, str)}


def _authenticate(box: Box, form: Form) -> Application:
    app = box.application(form.get("client_id", ""))
    if app is None or form.get("client_secret") != app.client_secret:
        raise OAuthError("invalid_client", "The client credentials are invalid")
    return app


def _jwt_grant(box: Box, form: Form) -> dict[str, Any]:
    app = _authenticate(box, form)
    if app.key is None:
        raise OAuthError("unauthorized_client", "The grant type is unauthorized for this client_id")
    claims = _verified_claims(box, app, form.get("assertion", ""))
    return _issue_for(box, app, claims["box_sub_type"], claims["sub"], _jwt_refusals())


def _verified_claims(box: Box, app: Application, assertion: str) -> dict[str, Any]:
    """The claims of an assertion whose signature, issuer, audience, times and ``jti`` are right."""
    try:
        # The Node SDK names no key at all, and Box's PHP sample names it among the claims: both work with Box.
        key = app.public_key(jws.extract_compact(assertion.encode()).headers().get("kid"))
        if key is None:
            raise _wrong_key()
        # Claims are looked at only after the signature has been checked.
        signed = jws.deserialize_compact(assertion, key, algorithms=ALGORITHMS)
        claims = msgspec.json.decode(signed.payload)
    except (JoseError, ValueError):
        raise _wrong_key() from None
    # G2: the wording of what follows, but for ``exp`` and ``jti``.
    if not isinstance(claims, dict) or claims.get("iss") != app.client_id:
        raise _bad_claim("iss", "The client id specified is invalid.")
    if claims.get("aud") != AUDIENCE:
        raise _bad_claim("aud", "The 'aud' specified is invalid.")
    _check_times(box, claims)
    _check_jti(box, app, claims)
    if not isinstance(claims.get("sub"), str) or claims.get("box_sub_type") not in ("enterprise", "user"):
        raise _unknown_sub()
    return claims


def _check_times(box: Box, claims: dict[str, Any]) -> None:
    now, exp = box.clock.now(), claims.get("exp")
    if not isinstance(exp, int) or isinstance(exp, bool):
        raise _bad_exp(box, "Please check the 'exp' claim. Should be an integer")
    if exp <= now:
        raise _bad_exp(box, r"Current date\/time MUST be before the expiration date\/time listed in the 'exp' claim")
    if exp > now + MAX_LIFE_S:
        reason = "The 'exp' value exceeds the maximum value of 60 seconds beyond the issue time."
        raise _bad_exp(box, f"Please check the 'exp' claim. {reason}")
    for name in ("iat", "nbf"):
        value = claims.get(name)
        if value is not None and (not isinstance(value, int) or value > now):
            raise _bad_claim(name, f"The '{name}' specified is invalid.")


def _check_jti(box: Box, app: Application, claims: dict[str, Any]) -> None:
    jti, now, every = claims.get("jti"), box.clock.now(), box.settings.jti_refused_every
    fit = isinstance(jti, str) and len(jti) in JTI_LENGTH and app.first_use(jti, claims["exp"], now)
    box.assertions += 1
    if not fit or (every > 0 and box.assertions % every == 0):
        raise _bad_claim("jti", "A unique 'jti' value is required.")


def _client_credentials(box: Box, form: Form) -> dict[str, Any]:
    app = box.application(form.get("client_id", ""))
    if app is None or form.get("client_secret") != app.client_secret:
        raise OAuthError("invalid_grant", "Grant credentials are invalid")
    if app.key is not None:
        raise OAuthError("unauthorized_client", "The grant type is unauthorized for this client_id")
    subject_type = form.get("box_subject_type", "")
    if subject_type not in ("enterprise", "user"):
        message = 'The "box_subject_type" value is unauthorized for this client_id'
        raise OAuthError("unauthorized_client", message)
    return _issue_for(box, app, subject_type, form.get("box_subject_id", ""), _ccg_refusals(box))


@dataclass(frozen=True, slots=True)
class Refusals:
    """How a grant says no: each grant has words of its own for the same reasons."""

    not_authorized: OAuthError
    unknown_subject: OAuthError
    no_user_tokens: OAuthError
    """"Generate user access tokens" is off, or a managed user is out of reach of "App access only"."""


def _jwt_refusals() -> Refusals:
    return Refusals(
        _not_authorized(),
        _unknown_sub(),
        OAuthError("invalid_request", "Cannot obtain user token based on the enterprise configuration for your app"),
    )


def _ccg_refusals(box: Box) -> Refusals:
    """With client credentials Box says the same for whatever is wrong."""
    same = OAuthError("invalid_grant", "Grant credentials are invalid")
    told = box.settings.ccg_not_authorized == "unauthorized_client"
    return Refusals(_not_authorized() if told else same, same, same)


def _issue_for(box: Box, app: Application, kind: str, subject: str, refusals: Refusals) -> dict[str, Any]:
    """A token of the service account or of a user, if the enterprise's settings allow it."""
    if not box.settings.app_authorized:
        raise refusals.not_authorized
    scopes = frozenset(box.settings.app_scopes)
    if kind == "enterprise":
        account = box.directory.get(app.service_account_id)
        if subject != app.enterprise_id or account is None:
            raise refusals.unknown_subject
        return _answer(box.issue("service", app.client_id, account, scopes), box.clock.now())
    user = box.directory.get(subject)
    # An app user belongs to the app that made it, a service account to its app.
    if user is None or not (user.managed or user.client_id == app.client_id):
        raise refusals.unknown_subject
    if not box.settings.user_tokens_enabled or (user.managed and box.settings.app_access == "app"):
        raise refusals.no_user_tokens
    if user.status == "inactive":
        raise refusals.unknown_subject  # G3
    return _answer(box.issue("user", app.client_id, user, scopes & scopes_of(user)), box.clock.now())


def _token_exchange(box: Box, form: Form) -> dict[str, Any]:
    now = box.clock.now()
    if form.get("subject_token_type") != ACCESS_TOKEN_TYPE:
        raise OAuthError("invalid_request", "Invalid subject_token_type parameter or parameter missing")
    if "client_id" in form:
        _authenticate(box, form)
    parent = box.tokens.get(form.get("subject_token", ""))
    if parent is None or not parent.alive(now):
        raise _invalid_subject_token()
    if box.settings.fresh_subject_token_refused and not parent.presented:
        parent.presented = True
        raise _invalid_subject_token()
    scopes = frozenset(form.get("scope", "").split())
    if not scopes or not scopes <= DOWNSCOPES:
        raise OAuthError("invalid_scope", "The requested scope is invalid.")  # G4
    if not covers(parent.scopes, scopes):
        raise InvalidTokenError  # G4
    user = box.directory.get(parent.user_id)
    if user is None:
        raise _invalid_subject_token()
    link, resource = None, _resource(box, parent, user, form.get("resource"))
    if "box_shared_link" in form:
        if "resource" in form:
            raise OAuthError("invalid_request", "Only one of resource and box_shared_link may be given")  # G6
        link, resource = _shared_link(box, parent, form["box_shared_link"], resource)
    child = box.issue("downscoped", parent.client_id, user, scopes, resource=resource, parent=parent.value)
    child.shared_link = link
    body = _answer(child, now) | {"issued_token_type": ACCESS_TOKEN_TYPE}
    body["restricted_to"] = _restricted_to(box, child, user)
    return {name: value for name, value in body.items() if value is not None}


def _resource(box: Box, parent: Token, user: User, url: str | None) -> Resource | None:
    """The item that `url` names, which the parent token must reach (G5: also where the parent is narrowed already)."""
    if url is None:
        return parent.resource
    match = RESOURCE.fullmatch(url)
    if match is None or (match[2] == ROOT_ID and not (match[1] == "folder" and box.settings.root_resource)):
        raise OAuthError("invalid_resource", "The target resource is invalid.")
    access = Access(box, parent, user)
    item = access.root() if match[2] == ROOT_ID else box.tree.get(match[2])
    if item is None or item.type != match[1] or not access.visible(item):
        raise OAuthError("invalid_resource", "The target resource is invalid.")
    return Resource(item.type, item.id)


def _shared_link(box: Box, parent: Token, url: str, resource: Resource | None) -> tuple[str, Resource]:
    """The token of the link that `url` is, and its item: what the child is restricted to. G6."""
    link = url.rpartition("/")[2]
    item = box.shared(link)
    known = item.shared_link if item is not None else None
    if item is None or known is None or known.access == "collaborators" or known.password is not None:
        raise OAuthError("invalid_resource", "The target resource is invalid.")
    inside = resource is None or resource.id in (item.id, *(folder.id for folder in item.ancestors()))
    if not inside or parent.shared_link not in (None, link):
        raise OAuthError("invalid_resource", "The target resource is invalid.")
    return link, Resource(item.type, item.id)


def _restricted_to(box: Box, token: Token, user: User) -> list[dict[str, Any]] | None:
    """Each scope with the item it is restricted to; None for no such field."""
    scopes = sorted(token.scopes)
    if token.resource is not None:
        item = box.tree.root(user) if token.resource.id == ROOT_ID else box.tree.get(token.resource.id)
        assert item is not None
        return [{"scope": scope, "object": mini(item)} for scope in scopes]
    root = mini(box.tree.root(user))
    dialects: dict[str, list[dict[str, Any]] | None] = {
        "per_scope": [{"scope": scope} for scope in scopes],
        "with_folder": [{"scope": scope, "object": root} for scope in scopes],
        "joined": [{"scope": ",".join(scopes), "object": root}],
        "empty": [],
        "absent": None,
    }
    return dialects[box.settings.root_restricted_to]


def _answer(token: Token, now: float) -> dict[str, Any]:
    return {
        "access_token": token.value,
        "expires_in": max(0, int(token.expires_at - now)),
        "restricted_to": [],
        "token_type": "bearer",
    }


def _not_authorized() -> OAuthError:
    return OAuthError("unauthorized_client", "This app is not authorized by the enterprise admin")


def _bad_exp(box: Box, reason: str) -> OAuthError:
    bare = box.settings.exp_refusal == "bare"
    return OAuthError("invalid_grant", "Please check the 'exp' claim." if bare else reason)


def _bad_claim(name: str, reason: str) -> OAuthError:
    return OAuthError("invalid_grant", f"Please check the '{name}' claim. {reason}")


def _invalid_subject_token() -> OAuthError:
    return OAuthError("invalid_grant", "The subject_token provided is invalid")


def _unknown_sub() -> OAuthError:
    return _bad_claim("sub", "The 'sub' specified is invalid.")


def _wrong_key() -> OAuthError:
    message = (
        'Signature verification error. The public key identified by "kid" must correspond to the private key used'
        " for signing."
    )
    return OAuthError("invalid_grant", message)
