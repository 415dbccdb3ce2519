"""Every way to fail: what we answer, with what an administrator does about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import Struct

DEVELOPER_CONSOLE = "Developer Console (app.box.com/developers/console) → your app"
_ADMIN_CONSOLE = "Admin Console (app.box.com/master) → Integrations → Platform Apps Manager"
AUTHORIZE = f"{_ADMIN_CONSOLE}: authorize the app, or reauthorize it after any change to its configuration"


@dataclass(frozen=True, slots=True)
class Code:
    """One ``code`` of our answers: HTTP status, title, and what an administrator does about it."""

    status: int
    title: str
    fix: str


#: By ``code``; the documentation and a test go through them.
CODES: dict[str, Code] = {
    "invalid_request": Code(400, "The request can't be understood", "Send what GET /openapi.json describes."),
    "missing_header": Code(412, "The Box-Sidecar header is missing",
        "Send “Box-Sidecar: 1”. Browsers can't be made to send it, which is why it is asked for."),
    "forwarded_request": Code(400, "A proxy's request is not served",
        "Let the application connect to the socket itself; no web server may forward to it."),
    "not_found": Code(404, "There is no such route", "See GET /openapi.json."),
    "method_not_allowed": Code(405, "The route does not know this method", "See GET /openapi.json."),
    "element_not_allowed": Code(403, "This element is not allowed", "Add it under [policy.elements]."),
    "scope_not_allowed": Code(403, "This scope is not allowed for this element",
        "Add it to the element's list under [policy.elements]."),
    "folder_not_allowed": Code(403, "This folder is not allowed", "Add its id to policy.folders."),
    "login_not_allowed": Code(403, "This login is not allowed", "See policy.login_domains and policy.denied_logins."),
    "role_not_allowed": Code(403, "People with this Box role get no token",
        "See policy.denied_roles; a token of an administrator of Box would be worth more than a page should hold."),
    "provisioning_not_allowed": Code(403, "App users may not be created", "Set policy.provision_app_users = true."),
    "user_not_found": Code(404, "Box knows no such person",
        "Admin Console → Users & Groups: does a managed user have exactly this primary e-mail address? "
        "An alias or a name does not count. If nobody at all is found: Developer Console → your app → Configuration → "
        "App Access Level must be “App + Enterprise Access”, and the app reauthorized after that change."),
    "user_ambiguous": Code(409, "Box knows several such people",
        "Admin Console → Users & Groups: one login must belong to one person."),
    "user_inactive": Code(403, "The person's Box account is not active",
        "Admin Console → Users & Groups: activate it."),
    "folder_not_found": Code(404, "The person has no folder at this path",
        "Look in Box as this person: below the root only the person's own folders count, and letter case matters. "
        "To have what is missing made where people may upload, set policy.create_folders = true."),
    "path_ambiguous": Code(409, "The path does not lead to one folder",
        "Look at it in Box as this person: rename one of the two folders, or name the folder by its id."),
    "tokens_revoked": Code(409, "The person's tokens were revoked while this one was made",
        "Nothing is wrong: the person logged out or changed. Ask again if the person still may."),
    "rate_limited": Code(429, "Too many new tokens in a minute",
        "Wait, or raise policy.mints_per_user_per_minute or policy.mints_per_minute; "
        "if nobody should be asking so often, look into the audit log."),
    "peer_not_allowed": Code(403, "This user of the machine may not connect",
        "Add the user to server.allowed_users, or to the group in server.socket_group."),
    "caller_not_allowed": Code(403, "This user of the machine may not ask for that",
        "Ask as root or as the sidecar's own user: box-sidecar revoke --all"),
    "issuing_stopped": Code(503, "No tokens are issued at the moment",
        "Set policy.issue = true and send SIGHUP (systemctl reload box-sidecar), once you want tokens again."),
    "overloaded": Code(503, "Too many connections at once", "Ask again in a moment."),
    "not_ready": Code(503, "The sidecar is not ready", "Look at GET /health/ready or run: box-sidecar check"),
    "key_unavailable": Code(503, "The key can't sign at the moment",
        "Look at the token that box.key names: is it there, does its own tool reach it? What is in memory is served "
        "meanwhile. Run: box-sidecar check"),
    "box_rate_limited": Code(503, "Box asks us to slow down",
        "Wait: Box limits calls per minute. Tokens already issued go on working."),
    "box_unavailable": Code(503, "Box can't be reached",
        "Look at status.box.com, then at this machine's DNS, proxy and firewall. It mends itself once Box answers."),
    "app_not_authorized": Code(502, "The app is not authorized in this enterprise", AUTHORIZE),
    "user_tokens_not_enabled": Code(502, "The app may not act for users",
        f"{DEVELOPER_CONSOLE} → Configuration → Advanced Features: enable “Generate user access tokens” and "
        f"choose “App + Enterprise Access”. Then {AUTHORIZE}"),
    "bad_client_credentials": Code(502, "Box does not accept the client id and secret",
        f"{DEVELOPER_CONSOLE} → Configuration: download the JSON again and put it in place of the old one."),
    "key_rejected": Code(502, "Box does not accept the key",
        f"{DEVELOPER_CONSOLE} → Configuration → Add and Manage Public Keys: is the key with this publicKeyID still "
        "there? Else generate a new key pair and put the downloaded JSON in place of the old one."),
    "insufficient_app_scopes": Code(502, "The app lacks a permission",
        f"{DEVELOPER_CONSOLE} → Configuration → Application Scopes: “Read and write all files and folders”, "
        f"“Manage users”; App Access Level: “App + Enterprise Access”. Then {AUTHORIZE}"),
    "resource_not_found": Code(502, "The folder or file is not there for this person",
        "Open it in Box as this person: was it deleted, or is the person not a collaborator of it?"),
    "clock_skew": Code(502, "Box does not accept the time in our assertion",
        "The sidecar already corrects for this machine's clock. Something between here and Box changes the Date header "
        "of answers: look at the proxy's clock."),
    "box_refused": Code(502, "Box refused", "See “box” for Box's own words."),
    "internal_error": Code(500, "The sidecar failed",
        "Please report it with the lines of its log for this request_id."),
}  # fmt: skip

#: Where Box gives no answer, or can't be asked: what is in memory may be served meanwhile.
BOX_IS_DOWN = frozenset({"box_unavailable", "box_rate_limited", "key_unavailable"})


class BoxReason(Struct, frozen=True, omit_defaults=True):
    """Box's own words: HTTP ``status``, ``error`` (or ``code``) and ``error_description`` (or ``message``)."""

    status: int
    error: str = ""
    error_description: str = ""


@dataclass(slots=True, eq=False)
class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """A failure as the caller is told it (RFC 9457). Holds nothing secret: it is made to be shown.

    ``detail`` is for this occurrence; ``fix`` replaces the code's own; ``retry_after`` in seconds; ``refusal`` is the
    row of Box's refusals (``box/errors.py``) that it comes from.
    """

    code: str
    detail: str = ""
    fix: str | None = None
    box: BoxReason | None = None
    retry_after: float | None = None
    errors: list[dict[str, str]] | None = None
    refusal: str | None = None

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
            "detail": str(self.detail) or code.title,
            "code": self.code,
            "fix": str(self.fix or code.fix),
            "request_id": request_id,
        }
        if self.box is not None:
            body["box"] = self.box
        if self.errors:
            body["errors"] = self.errors
        return body


class ConfigError(Exception):
    """The configuration can't be used. The message is one line that says what to change, and where."""
