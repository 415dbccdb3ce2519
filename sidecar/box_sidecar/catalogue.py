"""Every way to fail, in two tables: what we answer (``CODES``) and what Box says (``REFUSALS``).

A new refusal of Box's is one more row; the documentation and a test go through the rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

_DEVELOPER_CONSOLE = "Developer Console (app.box.com/developers/console) → your app"
_ADMIN_CONSOLE = "Admin Console (app.box.com/master) → Integrations → Platform Apps Manager"
_AUTHORIZE = f"{_ADMIN_CONSOLE}: authorize the app, or reauthorize it after any change to its configuration"


@dataclass(frozen=True, slots=True)
class Code:
    """One ``code`` of our answers: HTTP status, title, and what an administrator does about it."""

    status: int
    title: str
    fix: str


CODES: dict[str, Code] = {
    "invalid_request": Code(400, "The request can't be understood", "Send what GET /openapi.json describes."),
    "missing_header": Code(
        412,
        "The Box-Sidecar header is missing",
        "Send “Box-Sidecar: 1”. Browsers can't be made to send it, which is why it is asked for.",
    ),
    "forwarded_request": Code(
        400,
        "A proxy's request is not served",
        "Let the application connect to the socket itself; no web server may forward to it.",
    ),
    "not_found": Code(404, "There is no such route", "See GET /openapi.json."),
    "method_not_allowed": Code(405, "The route does not know this method", "See GET /openapi.json."),
    "element_not_allowed": Code(403, "This element is not allowed", "Add it under [policy.elements]."),
    "scope_not_allowed": Code(
        403, "This scope is not allowed for this element", "Add it to the element's list under [policy.elements]."
    ),
    "folder_not_allowed": Code(403, "This folder is not allowed", "Add its id to policy.folders."),
    "login_not_allowed": Code(403, "This login is not allowed", "See policy.login_domains and policy.denied_logins."),
    "role_not_allowed": Code(
        403,
        "People with this Box role get no token",
        "See policy.denied_roles; a token of an administrator of Box would be worth more than a page should hold.",
    ),
    "provisioning_not_allowed": Code(403, "App users may not be created", "Set policy.provision_app_users = true."),
    "user_not_found": Code(
        404,
        "Box knows no such person",
        "Admin Console → Users & Groups: does a managed user have exactly this primary e-mail address? "
        "An alias or a name does not count. If nobody at all is found: Developer Console → your app → Configuration → "
        "App Access Level must be “App + Enterprise Access”, and the app reauthorized after that change.",
    ),
    "user_ambiguous": Code(
        409, "Box knows several such people", "Admin Console → Users & Groups: one login must belong to one person."
    ),
    "user_inactive": Code(
        403, "The person's Box account is not active", "Admin Console → Users & Groups: activate it."
    ),
    "tokens_revoked": Code(
        409,
        "The person's tokens were revoked while this one was made",
        "Nothing is wrong: the person logged out or changed. Ask again if the person still may.",
    ),
    "rate_limited": Code(
        429,
        "Too many new tokens in a minute",
        "Wait, or raise policy.mints_per_user_per_minute or policy.mints_per_minute; "
        "if nobody should be asking so often, look into the audit log.",
    ),
    "peer_not_allowed": Code(
        403,
        "This user of the machine may not connect",
        "Add the user to server.allowed_users, or to the group in server.socket_group.",
    ),
    "overloaded": Code(503, "Too many connections at once", "Ask again in a moment."),
    "not_ready": Code(503, "The sidecar is not ready", "Look at GET /health/ready or run: box-sidecar check"),
    "box_rate_limited": Code(
        503, "Box asks us to slow down", "Wait: Box limits calls per minute. Tokens already issued go on working."
    ),
    "box_unavailable": Code(
        503,
        "Box can't be reached",
        "Look at status.box.com, then at this machine's DNS, proxy and firewall. It mends itself once Box answers.",
    ),
    "app_not_authorized": Code(502, "The app is not authorized in this enterprise", _AUTHORIZE),
    "user_tokens_not_enabled": Code(
        502,
        "The app may not act for users",
        f"{_DEVELOPER_CONSOLE} → Configuration → Advanced Features: enable “Generate user access tokens” and "
        f"choose “App + Enterprise Access”. Then {_AUTHORIZE}",
    ),
    "bad_client_credentials": Code(
        502,
        "Box does not accept the client id and secret",
        f"{_DEVELOPER_CONSOLE} → Configuration: download the JSON again and put it in place of the old one.",
    ),
    "key_rejected": Code(
        502,
        "Box does not accept the key",
        f"{_DEVELOPER_CONSOLE} → Configuration → Add and Manage Public Keys: is the key with this publicKeyID still "
        "there? Else generate a new key pair and put the downloaded JSON in place of the old one.",
    ),
    "insufficient_app_scopes": Code(
        502,
        "The app lacks a permission",
        f"{_DEVELOPER_CONSOLE} → Configuration → Application Scopes: “Read and write all files and folders”, "
        f"“Manage users”; App Access Level: “App + Enterprise Access”. Then {_AUTHORIZE}",
    ),
    "resource_not_found": Code(
        502,
        "The folder or file is not there for this person",
        "Open it in Box as this person: was it deleted, or is the person not a collaborator of it?",
    ),
    "clock_skew": Code(
        502,
        "Box does not accept the time in our assertion",
        "The sidecar already corrects for this machine's clock. Something between here and Box changes the Date header "
        "of answers: look at the proxy's clock.",
    ),
    "box_refused": Code(502, "Box refused", "See “box” for Box's own words."),
    "internal_error": Code(
        500, "The sidecar failed", "Please report it with the lines of its log for this request_id."
    ),
}


class BoxReason(Struct, frozen=True, omit_defaults=True):
    """Box's own words: HTTP ``status``, ``error`` (or ``code``) and ``error_description`` (or ``message``)."""

    status: int
    error: str = ""
    error_description: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row: a body of Box's that means something definite.

    ``where`` is the step in which it is seen: ``service`` or ``user`` (a grant for the service account or
    for a person), ``exchange``, ``api``, or ``*``. ``description`` is a regular expression.
    """

    id: str
    where: str
    status: int
    error: str
    description: str
    code: str
    cause: str
    fix: str | None = None

    def matches(self, where: str, reason: BoxReason) -> bool:
        """Whether Box's words are this row's."""
        return (
            self.where in {"*", where}
            and self.status == reason.status
            and self.error in {"*", reason.error}
            and re.search(self.description, reason.error_description, re.IGNORECASE) is not None
        )


# Box has one sentence for several causes (Box guide "Client Credentials Grant"): all of them, in the order to check.
_CCG_FIX = (
    f"In this order: 1. {_DEVELOPER_CONSOLE} → Configuration: is it an app for client credentials, and is the client "
    f"secret this one? 2. Is enterpriseID this enterprise's? 3. {_AUTHORIZE}"
)
_CCG_USER_FIX = (
    "The client secret is right: the service account got a token. In this order: "
    f"1. {_DEVELOPER_CONSOLE} → Configuration → Advanced Features: is “Generate user access tokens” on? "
    "2. App Access Level: is it “App + Enterprise Access”? "
    f"3. {_AUTHORIZE}"
)

_OTHER_METHOD_FIX = (
    f"{_DEVELOPER_CONSOLE} → Configuration → OAuth 2.0 … Server Authentication: with JWT the JSON has appAuth, "
    "with client credentials it has none. Download the JSON of this app again."
)

#: First match wins. Sources: Box's guides "JWT without SDK" and "Common JWT errors", its OpenAPI
#: description, and what people report.
REFUSALS: tuple[Refusal, ...] = (
    Refusal(
        "exp-too-far",
        "*",
        400,
        "invalid_grant",
        r"'exp' value exceeds",
        "clock_skew",
        "exp lies more than 60 s ahead of Box's clock: this host's clock is fast",
    ),
    Refusal(
        "exp-past",
        "*",
        400,
        "invalid_grant",
        r"MUST be before the expiration",
        "clock_skew",
        "exp lies in Box's past: this host's clock is slow",
    ),
    Refusal(
        "exp-not-integer",
        "*",
        400,
        "invalid_grant",
        r"'exp' claim\. Should be an integer",
        "box_refused",
        "exp was not a whole number",
        "Please report it: the sidecar always sends a whole number.",
    ),
    Refusal(
        "exp-unexplained",
        "*",
        400,
        "invalid_grant",
        r"'exp' claim\.?\s*$",
        "clock_skew",
        "Box does not accept exp and says no more: this host's clock is wrong",
    ),
    Refusal(
        "iat-or-nbf",
        "*",
        400,
        "invalid_grant",
        r"'(iat|nbf)' claim",
        "clock_skew",
        "an issue time in Box's future; the sidecar sends none",
    ),
    Refusal(
        "jti-replayed",
        "*",
        400,
        "invalid_grant",
        r"'jti' claim",
        "box_refused",
        "an assertion was sent twice; the sidecar makes a new jti for each attempt",
        "Does a proxy between here and Box repeat requests? It must not.",
    ),
    Refusal(
        "signature",
        "*",
        400,
        "invalid_grant",
        r"Signature verification error",
        "key_rejected",
        "the public key was removed at Box, or the JSON mixes two keys",
    ),
    Refusal(
        "unknown-user",
        "user",
        400,
        "invalid_grant",
        r"'sub' claim",
        "user_not_found",
        "the person was deleted, or belongs to another enterprise",
    ),
    Refusal(
        "unknown-enterprise",
        "service",
        400,
        "invalid_grant",
        r"'sub' claim",
        "box_refused",
        "enterpriseID is not the app's enterprise",
        f"{_DEVELOPER_CONSOLE} → Configuration: download the JSON again; if enterpriseID is 0 in it, the app has "
        "not been authorized yet.",
    ),
    Refusal(
        "not-authorized",
        "*",
        400,
        "unauthorized_client",
        r"not authorized by the enterprise admin",
        "app_not_authorized",
        "an administrator of Box has not authorized the app yet, or has withdrawn it",
    ),
    Refusal(
        "user-tokens-off",
        "*",
        400,
        "invalid_request",
        r"Cannot obtain user token",
        "user_tokens_not_enabled",
        "“Generate user access tokens” is off, the app's access level is “App Access Only”, or the app was not "
        "reauthorized after a change of either",
    ),
    Refusal(
        "bad-client",
        "*",
        400,
        "invalid_client",
        r"",
        "bad_client_credentials",
        "the client id or the secret is wrong, or the secret was reset",
    ),
    Refusal(
        "bad-client-401",
        "*",
        401,
        "invalid_client",
        r"",
        "bad_client_credentials",
        "the client id or the secret is wrong, or the secret was reset",
    ),
    Refusal(
        "wrong-grant",
        "*",
        400,
        "unauthorized_client",
        r"grant type is unauthorized",
        "box_refused",
        "the app was made for another authentication method than the JSON's",
        _OTHER_METHOD_FIX,
    ),
    Refusal(
        "wrong-grant-request",
        "*",
        400,
        "invalid_request",
        r"grant type is unauthorized",
        "box_refused",
        "the app was made for another authentication method than the JSON's",
        _OTHER_METHOD_FIX,
    ),
    Refusal(
        "no-grant",
        "*",
        400,
        "invalid_request",
        r"Invalid grant_type",
        "box_refused",
        "the grant was missing or changed on its way",
        "Does a proxy between here and Box change requests?",
    ),
    Refusal(
        "ccg-user-credentials",
        "user",
        400,
        "invalid_grant",
        r"Grant credentials are invalid",
        "user_tokens_not_enabled",
        "client credentials: the app may not act for users, or not for this one",
        _CCG_USER_FIX,
    ),
    Refusal(
        "ccg-credentials",
        "*",
        400,
        "invalid_grant",
        r"Grant credentials are invalid",
        "bad_client_credentials",
        "client credentials: wrong secret, wrong enterprise, or the app is not authorized",
        _CCG_FIX,
    ),
    Refusal(
        "ccg-user",
        "user",
        400,
        "unauthorized_client",
        r"box_subject_type",
        "user_tokens_not_enabled",
        "client credentials: the app may not act for users",
    ),
    Refusal(
        "ccg-enterprise",
        "*",
        400,
        "unauthorized_client",
        r"box_subject_type",
        "app_not_authorized",
        "client credentials: the app may not act for the enterprise",
        _CCG_FIX,
    ),
    Refusal(
        "subject-token",
        "exchange",
        400,
        "invalid_grant",
        r"subject_token",
        "box_refused",
        "Box does not know the person's token, which it has just issued itself; a new one did not help",
        "Ask again in a minute. If it stays so, look at status.box.com and ask Box support.",
    ),
    Refusal(
        "bad-resource",
        "exchange",
        400,
        "invalid_resource",
        r"",
        "resource_not_found",
        "the folder or file was deleted, or the person can't see it",
    ),
    Refusal(
        "bad-scope",
        "exchange",
        400,
        "invalid_scope",
        r"",
        "insufficient_app_scopes",
        "a scope that the app itself does not have",
    ),
    Refusal(
        "scopes-beyond",
        "exchange",
        401,
        "*",
        r"",
        "insufficient_app_scopes",
        "scopes beyond the app's own: Box answers 401 and says no more",
    ),
    Refusal("scopes-forbidden", "exchange", 403, "*", r"", "insufficient_app_scopes", "scopes beyond the app's own"),
    Refusal("no-such-user", "api", 404, "*", r"", "user_not_found", "the person was deleted"),
    Refusal(
        "no-such-file",
        "files",
        404,
        "*",
        r"",
        "resource_not_found",
        "the file was deleted, or the person can't see it",
    ),
    Refusal(
        "api-forbidden",
        "api",
        403,
        "*",
        r"",
        "insufficient_app_scopes",
        "the app may not look people up: “Manage users” or “App + Enterprise Access” is missing",
    ),
    Refusal(
        "api-unauthorized",
        "api",
        401,
        "*",
        r"",
        "app_not_authorized",
        "Box does not accept the service account's token, not even a new one",
    ),
)


@dataclass(slots=True, eq=False)
class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """A failure as the caller is told it (RFC 9457). Holds nothing secret: it is made to be shown.

    ``detail`` is for this occurrence; ``fix`` replaces the code's own; ``retry_after`` in seconds.
    """

    code: str
    detail: str = ""
    fix: str | None = None
    box: BoxReason | None = None
    retry_after: float | None = None
    errors: list[dict[str, str]] | None = None
    refusal: str | None = field(default=None)

    def __str__(self) -> str:
        return f"{self.code}: {self.detail or CODES[self.code].title}"

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return CODES[self.code].status

    def document(self, request_id: str) -> dict[str, Any]:
        """The ``application/problem+json`` body."""
        code = CODES[self.code]
        body: dict[str, Any] = {
            "type": f"urn:box-sidecar:problem:{self.code}",
            "title": code.title,
            "status": code.status,
            "detail": self.detail or code.title,
            "code": self.code,
            "fix": self.fix or code.fix,
            "request_id": request_id,
        }
        if self.box is not None:
            body["box"] = self.box
        if self.errors:
            body["errors"] = self.errors
        return body


def explain(where: str, reason: BoxReason) -> Problem:
    """Box's refusal as ours. What no row knows is ``box_refused``, with Box's own words."""
    for row in REFUSALS:
        if row.matches(where, reason):
            return Problem(row.code, detail=f"{_upper_first(row.cause)}.", fix=row.fix, box=reason, refusal=row.id)
    said = reason.error_description or reason.error or f"HTTP status {reason.status}"
    return Problem("box_refused", detail=f"Box said: {said}", box=reason)


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]
