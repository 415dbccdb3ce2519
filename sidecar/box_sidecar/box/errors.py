"""What Box's failures mean: which may be repeated, and what each refusal of its token endpoint and API tells."""

from __future__ import annotations

import re
from typing import NamedTuple

from box_sidecar.problems import AUTHORIZE, DEVELOPER_CONSOLE, BoxReason, Problem
from box_sidecar.sentences import Text, say


class RetryableError(Exception):
    """An attempt that may be worth repeating: ``what`` happened. ``wait`` is Box's own ``Retry-After``, in seconds.

    ``odd``: Box is well, and answered JSON, but of another form than its description has.
    """

    def __init__(self, what: Text, *, rate_limited: bool = False, odd: bool = False, wait: float | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.rate_limited = rate_limited
        self.odd = odd
        self.wait = wait

    @property
    def is_outage(self) -> bool:
        """Whether Box, or the way to it, is not well."""
        return not (self.rate_limited or self.odd)


class Refusal(NamedTuple):
    """One row: a body of Box's that means something definite.

    ``where`` is the step in which it is seen: ``service`` or ``user`` (a grant for the service account or
    for a person), ``exchange``, ``api``, ``files``, ``folders``, or ``*``. ``description`` is a regular expression.
    """

    id: str
    where: str
    status: int
    error: str
    description: str
    code: str
    cause: str
    fix: str | None = None

    @property
    def sentence(self) -> str:
        """The cause as people read it."""
        return f"{self.cause[:1].upper()}{self.cause[1:]}."

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
    f"In this order: 1. {DEVELOPER_CONSOLE} → Configuration: is it an app for client credentials, and is the client "
    f"secret this one? 2. Is enterpriseID this enterprise's? 3. {AUTHORIZE}"
)
_CCG_USER_FIX = (
    "The client secret is right: the service account got a token. In this order: "
    f"1. {DEVELOPER_CONSOLE} → Configuration → Advanced Features: is “Generate user access tokens” on? "
    f"2. App Access Level: is it “App + Enterprise Access”? 3. {AUTHORIZE}"
)
_OTHER_METHOD = "the app was made for another authentication method than the JSON's"
_OTHER_METHOD_FIX = (
    f"{DEVELOPER_CONSOLE} → Configuration → OAuth 2.0 … Server Authentication: with JWT the JSON has appAuth, "
    "with client credentials it has none. Download the JSON of this app again."
)
_BAD_CLIENT = "the client id or the secret is wrong, or the secret was reset"

#: First match wins. Sources: Box's guides "JWT without SDK" and "Common JWT errors", its OpenAPI
#: description, and what people report.
REFUSALS: tuple[Refusal, ...] = (
    Refusal("exp-too-far", "*", 400, "invalid_grant", r"'exp' value exceeds", "clock_skew",
            "exp lies more than 60 s ahead of Box's clock: this host's clock is fast"),
    Refusal("exp-past", "*", 400, "invalid_grant", r"MUST be before the expiration", "clock_skew",
            "exp lies in Box's past: this host's clock is slow"),
    Refusal("exp-not-integer", "*", 400, "invalid_grant", r"'exp' claim\. Should be an integer", "box_refused",
            "exp was not a whole number", "Please report it: the sidecar always sends a whole number."),
    Refusal("exp-unexplained", "*", 400, "invalid_grant", r"'exp' claim\.?\s*$", "clock_skew",
            "Box does not accept exp and says no more: this host's clock is wrong"),
    Refusal("iat-or-nbf", "*", 400, "invalid_grant", r"'(iat|nbf)' claim", "clock_skew",
            "an issue time in Box's future; the sidecar sends none"),
    Refusal("jti-replayed", "*", 400, "invalid_grant", r"'jti' claim", "box_refused",
            "an assertion was sent twice; the sidecar makes a new jti for each attempt",
            "Does a proxy between here and Box repeat requests? It must not."),
    Refusal("signature", "*", 400, "invalid_grant", r"Signature verification error", "key_rejected",
            "the public key was removed at Box, or the JSON mixes two keys"),
    Refusal("unknown-user", "user", 400, "invalid_grant", r"'sub' claim", "user_not_found",
            "the person was deleted, or belongs to another enterprise"),
    Refusal("unknown-enterprise", "service", 400, "invalid_grant", r"'sub' claim", "box_refused",
            "enterpriseID is not the app's enterprise",
            f"{DEVELOPER_CONSOLE} → Configuration: download the JSON again; if enterpriseID is 0 in it, the app has "
            "not been authorized yet."),
    Refusal("not-authorized", "*", 400, "unauthorized_client", r"not authorized by the enterprise admin",
            "app_not_authorized", "an administrator of Box has not authorized the app yet, or has withdrawn it"),
    Refusal("user-tokens-off", "*", 400, "invalid_request", r"Cannot obtain user token", "user_tokens_not_enabled",
            "“Generate user access tokens” is off, the app's access level is “App Access Only”, or the app was not "
            "reauthorized after a change of either"),
    Refusal("bad-client", "*", 400, "invalid_client", r"", "bad_client_credentials", _BAD_CLIENT),
    Refusal("bad-client-401", "*", 401, "invalid_client", r"", "bad_client_credentials", _BAD_CLIENT),
    Refusal("wrong-grant", "*", 400, "unauthorized_client", r"grant type is unauthorized", "box_refused",
            _OTHER_METHOD, _OTHER_METHOD_FIX),
    Refusal("wrong-grant-request", "*", 400, "invalid_request", r"grant type is unauthorized", "box_refused",
            _OTHER_METHOD, _OTHER_METHOD_FIX),
    Refusal("no-grant", "*", 400, "invalid_request", r"Invalid grant_type", "box_refused",
            "the grant was missing or changed on its way", "Does a proxy between here and Box change requests?"),
    Refusal("ccg-user-credentials", "user", 400, "invalid_grant", r"Grant credentials are invalid",
            "user_tokens_not_enabled", "client credentials: the app may not act for users, or not for this one",
            _CCG_USER_FIX),
    Refusal("ccg-credentials", "*", 400, "invalid_grant", r"Grant credentials are invalid", "bad_client_credentials",
            "client credentials: wrong secret, wrong enterprise, or the app is not authorized", _CCG_FIX),
    Refusal("ccg-user", "user", 400, "unauthorized_client", r"box_subject_type", "user_tokens_not_enabled",
            "client credentials: the app may not act for users"),
    Refusal("ccg-enterprise", "*", 400, "unauthorized_client", r"box_subject_type", "app_not_authorized",
            "client credentials: the app may not act for the enterprise", _CCG_FIX),
    Refusal("subject-token", "exchange", 400, "invalid_grant", r"subject_token", "box_refused",
            "Box does not know the person's token, which it has just issued itself; a new one did not help",
            "Ask again in a minute. If it stays so, look at status.box.com and ask Box support."),
    Refusal("bad-resource", "exchange", 400, "invalid_resource", r"", "resource_not_found",
            "the folder or file was deleted, or the person can't see it"),
    Refusal("bad-scope", "exchange", 400, "invalid_scope", r"", "insufficient_app_scopes",
            "a scope that the app itself does not have"),
    Refusal("scopes-beyond", "exchange", 401, "*", r"", "insufficient_app_scopes",
            "scopes beyond the app's own: Box answers 401 and says no more"),
    Refusal("scopes-forbidden", "exchange", 403, "*", r"", "insufficient_app_scopes", "scopes beyond the app's own"),
    Refusal("no-such-user", "api", 404, "*", r"", "user_not_found", "the person was deleted"),
    Refusal("no-such-file", "files", 404, "*", r"", "resource_not_found",
            "the file was deleted, or the person can't see it"),
    Refusal("user-token", "folders", 401, "*", r"", "box_refused",
            "Box does not accept the person's token for the folders of a path, not even a new one"),
    Refusal("no-such-folder", "folders", 404, "*", r"", "resource_not_found",
            "the folder at which a path begins was deleted, or the person can't see it"),
    Refusal("no-new-folder", "folders", 403, "*", r"", "folder_not_found",
            "a folder of a path is not there, and the person may not make it"),
    Refusal("api-forbidden", "api", 403, "*", r"", "insufficient_app_scopes",
            "the app may not look people up: “Manage users” or “App + Enterprise Access” is missing"),
    Refusal("api-unauthorized", "api", 401, "*", r"", "app_not_authorized",
            "Box does not accept the service account's token, not even a new one"),
)  # fmt: skip


def explain(where: str, reason: BoxReason) -> Problem:
    """Box's refusal as ours. What no row knows is ``box_refused``, with Box's own words."""
    for row in REFUSALS:
        if row.matches(where, reason):
            return Problem(row.code, detail=row.sentence, fix=row.fix, box=reason, refusal=row.id)
    words = reason.error_description or reason.error or f"HTTP status {reason.status}"
    return Problem("box_refused", detail=say("Box said: {words}", words=words), box=reason)
