"""Every refusal of Box's, as people report it, becomes a code, a cause and something to do."""

from __future__ import annotations

from typing import Any

import pytest

from box_sidecar.box.errors import REFUSALS, explain
from box_sidecar.problems import CODES, BoxReason
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from sidecar.conftest import Serve
from sidecar.support import code, greeted

JWT, EXCHANGE = "jwt-bearer", "token-exchange"

#: Row of the catalogue, step, status, Box's `error` and `error_description`, our code.
REPORTED = [
    ("exp-too-far", JWT, 400, "invalid_grant",
     "Please check the 'exp' claim. The 'exp' value exceeds the maximum value of 60 seconds beyond the issue time.",
     "clock_skew"),
    ("exp-past", JWT, 400, "invalid_grant",
     r"Current date\/time MUST be before the expiration date\/time listed in the 'exp' claim", "clock_skew"),
    ("exp-not-integer", JWT, 400, "invalid_grant", "Please check the 'exp' claim. Should be an integer", "box_refused"),
    ("exp-unexplained", JWT, 400, "invalid_grant", "Please check the 'exp' claim.", "clock_skew"),
    ("iat-or-nbf", JWT, 400, "invalid_grant", "Please check the 'iat' claim. The 'iat' specified is invalid.",
     "clock_skew"),
    ("jti-replayed", JWT, 400, "invalid_grant", "Please check the 'jti' claim. A unique 'jti' value is required.",
     "box_refused"),
    ("signature", JWT, 400, "invalid_grant",
     'Signature verification error. The public key identified by "kid" must correspond to the private key used for '
     "signing.", "key_rejected"),
    ("unknown-user", JWT, 400, "invalid_grant", "Please check the 'sub' claim. The 'sub' specified is invalid.",
     "user_not_found"),
    ("not-authorized", JWT, 400, "unauthorized_client", "This app is not authorized by the enterprise admin",
     "app_not_authorized"),
    ("user-tokens-off", JWT, 400, "invalid_request",
     "Cannot obtain user token based on the enterprise configuration for your app", "user_tokens_not_enabled"),
    ("bad-client", JWT, 400, "invalid_client", "The client credentials are invalid", "bad_client_credentials"),
    ("bad-client-401", JWT, 401, "invalid_client", "The client credentials are invalid", "bad_client_credentials"),
    ("wrong-grant", JWT, 400, "unauthorized_client", "The grant type is unauthorized for this client_id",
     "box_refused"),
    ("wrong-grant-request", JWT, 400, "invalid_request", "The grant type is unauthorized for this client_id",
     "box_refused"),
    ("no-grant", JWT, 400, "invalid_request", "Invalid grant_type parameter or parameter missing", "box_refused"),
    ("ccg-user-credentials", JWT, 400, "invalid_grant", "Grant credentials are invalid", "user_tokens_not_enabled"),
    ("ccg-credentials", "service", 400, "invalid_grant", "Grant credentials are invalid", "bad_client_credentials"),
    ("ccg-user", JWT, 400, "unauthorized_client",
     'The "box_subject_type" value is unauthorized for this client_id', "user_tokens_not_enabled"),
    ("ccg-enterprise", "service", 400, "unauthorized_client",
     'The "box_subject_type" value is unauthorized for this client_id', "app_not_authorized"),
    ("unknown-enterprise", "service", 400, "invalid_grant",
     "Please check the 'sub' claim. The 'sub' specified is invalid.", "box_refused"),
    ("subject-token", EXCHANGE, 400, "invalid_grant", "The subject_token provided is invalid", "box_refused"),
    ("bad-resource", EXCHANGE, 400, "invalid_resource", "The target resource is invalid.", "resource_not_found"),
    ("bad-scope", EXCHANGE, 400, "invalid_scope", "The requested scope is invalid.", "insufficient_app_scopes"),
    ("scopes-beyond", EXCHANGE, 401, "", "", "insufficient_app_scopes"),
    ("scopes-forbidden", EXCHANGE, 403, "access_denied", "", "insufficient_app_scopes"),
    ("no-such-user", "api", 404, "not_found", "Not Found", "user_not_found"),
    ("user-token", "folders", 401, "", "", "box_refused"),
    ("no-such-folder", "folders", 404, "not_found", "Not Found", "resource_not_found"),
    ("no-new-folder", "folders", 403, "access_denied_insufficient_permissions", "Access denied", "folder_not_found"),
    ("api-forbidden", "api", 403, "access_denied_insufficient_permissions", "Access denied", "insufficient_app_scopes"),
    ("api-unauthorized", "api", 401, "", "", "app_not_authorized"),
    ("no-such-file", "files", 404, "not_found", "Not Found", "resource_not_found"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "step", "status", "error", "words", "expected"), REPORTED, ids=[r[0] for r in REPORTED]
)
def test_a_refusal_is_explained(
    row: str,
    step: str,
    status: int,
    error: str,
    words: str,
    expected: str,
    box: EmulatorProcess,
    serve: Serve,
    sidecar: SidecarProcess,
) -> None:
    if step == "files":
        sidecar = serve(policy={"folders": ["1"]})  # only then Box is asked where a file lies
    greeted(box)
    match = {"path": {"api": "/2.0/users", "files": "/2.0/files", "folders": "/2.0/folders"}.get(step, "/oauth2/token")}
    match["grant"] = {"service": JWT, "api": "", "files": "", "folders": ""}.get(step, step)
    shape = ("code", "message") if step in {"api", "files", "folders"} else ("error", "error_description")
    body = dict(zip(shape, (error, words), strict=True)) if error or words else None
    if step == "service":
        box.expire_tokens(kind="service", revoke=True)
    box.fault("status", **match, times=None, status=status, body=body)
    asked: dict[str, dict[str, Any]] = {"files": {"element": "preview", "file": "1"}, "folders": {"path": "Receipts"}}
    answer = sidecar.token("ana@example.com", **asked.get(step, {}))
    assert (answer.status_code, code(answer)) == (CODES[expected].status, expected)
    said = answer.json()["box"]
    assert said["status"] == status
    assert said.get("error", "") == error
    assert said.get("error_description", "") == words
    found = next(refusal for refusal in REFUSALS if refusal.id == row)
    assert found.cause[1:] in answer.json()["detail"]
    assert answer.json()["fix"] == (found.fix or CODES[expected].fix)


def test_every_row_is_reported_above_and_each_is_the_first_to_match() -> None:
    steps = {JWT: "user", EXCHANGE: "exchange"}
    for row, step, status, error, words, expected in REPORTED:
        problem = explain(steps.get(step, step), BoxReason(status, error, words))
        assert (problem.refusal, problem.code) == (row, expected)
    assert {refusal.id for refusal in REFUSALS} == {reported[0] for reported in REPORTED}
    assert {refusal.code for refusal in REFUSALS} <= set(CODES)
    assert all(refusal.cause and (refusal.fix or CODES[refusal.code].fix) for refusal in REFUSALS)


def test_the_contracts_codes_have_the_contracts_status() -> None:
    contract = {
        400: "invalid_request forwarded_request",
        412: "missing_header",
        403: "element_not_allowed scope_not_allowed folder_not_allowed login_not_allowed role_not_allowed "
        "user_inactive",
        404: "user_not_found",
        409: "user_ambiguous",
        429: "rate_limited",
        503: "box_rate_limited box_unavailable",
        502: "app_not_authorized user_tokens_not_enabled bad_client_credentials key_rejected insufficient_app_scopes "
        "resource_not_found clock_skew box_refused",
    }
    for status, names in contract.items():
        for name in names.split():
            assert CODES[name].status == status


def test_what_no_row_knows_is_told_in_boxs_own_words(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    body = {"error": "teapot", "error_description": "Short\nand stout\x1b[31m"}
    greeted(box)
    box.fault("status", path="/oauth2/token", grant=EXCHANGE, status=418, body=body)
    answer = sidecar.token("ana@example.com")
    assert code(answer) == "box_refused"
    assert answer.json()["box"]["error"] == "teapot"
    assert "Short and stout" in answer.json()["detail"]
    assert "\x1b" not in answer.text and "\\u001b" not in answer.text


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"app_authorized": False}, "app_not_authorized"),
        ({"user_tokens_enabled": False}, "user_tokens_not_enabled"),
        ({"app_scopes": ["root_readwrite"]}, "insufficient_app_scopes"),
        ({"app_scopes": ["manage_managed_users"]}, "insufficient_app_scopes"),
    ],
)
def test_an_app_that_is_set_up_wrongly_at_box_is_told_what_to_click(
    settings: dict[str, object], expected: str, box: EmulatorProcess, serve: Serve
) -> None:
    box.settings(**settings)
    answer = serve().token("ana@example.com")
    assert (answer.status_code, code(answer)) == (502, expected)
    assert "Console" in answer.json()["fix"]


def test_a_folder_that_is_not_there_for_this_person(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    for folder in ("999999", box.item("kenji@example.com", "/写真")["id"]):
        answer = sidecar.token("ana@example.com", folder=folder)
        assert (answer.status_code, code(answer)) == (502, "resource_not_found")
