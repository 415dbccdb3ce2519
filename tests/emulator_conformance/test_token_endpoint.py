"""Each refusal of the token endpoint, word for word as people report it from Box; and what is not refused."""

from __future__ import annotations

import stat
import time
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from emulator_conformance.protocol import JWT_BEARER, App, error
from intranet.emulator_process import EmulatorProcess

GRANT_MISSING = (400, "invalid_request", "Invalid grant_type parameter or parameter missing")
WRONG_GRANT = (400, "unauthorized_client", "The grant type is unauthorized for this client_id")
BAD_CREDENTIALS = (400, "invalid_client", "The client credentials are invalid")
WRONG_KEY = (
    400,
    "invalid_grant",
    'Signature verification error. The public key identified by "kid" must correspond to the private key used for'
    " signing.",
)
EXP_TOO_FAR = (
    400,
    "invalid_grant",
    "Please check the 'exp' claim. The 'exp' value exceeds the maximum value of 60 seconds beyond the issue time.",
)
EXP_PAST = (
    400,
    "invalid_grant",
    r"Current date\/time MUST be before the expiration date\/time listed in the 'exp' claim",
)
EXP_NO_INTEGER = (400, "invalid_grant", "Please check the 'exp' claim. Should be an integer")
JTI = (400, "invalid_grant", "Please check the 'jti' claim. A unique 'jti' value is required.")
SUB = (400, "invalid_grant", "Please check the 'sub' claim. The 'sub' specified is invalid.")
NOT_AUTHORIZED = (400, "unauthorized_client", "This app is not authorized by the enterprise admin")
NO_USER_TOKENS = (
    400,
    "invalid_request",
    "Cannot obtain user token based on the enterprise configuration for your app",
)
CCG_CREDENTIALS = (400, "invalid_grant", "Grant credentials are invalid")
CCG_SUBJECT = (400, "unauthorized_client", 'The "box_subject_type" value is unauthorized for this client_id')
SUBJECT_TOKEN = (400, "invalid_grant", "The subject_token provided is invalid")
RESOURCE = (400, "invalid_resource", "The target resource is invalid.")


def test_service_token(app: App, emulator: EmulatorProcess) -> None:
    answer = app.jwt().raise_for_status()
    body = answer.json()
    assert body["token_type"] == "bearer"
    assert 3590 <= body["expires_in"] <= 3600
    assert body["restricted_to"] == []
    assert "refresh_token" not in body
    assert answer.headers["Cache-Control"] == "no-store"
    me = app.api(body["access_token"], "GET", "users/me").json()
    assert me["login"].startswith("AutomationUser_")
    assert [token["kind"] for token in emulator.tokens()] == ["service"]


def test_user_token_speaks_for_the_user(app: App, emulator: EmulatorProcess) -> None:
    for login in ("ana@example.com", "o'brien+box@example.com", "boss@example.com"):
        token = app.user_token(emulator.user(login)["id"])
        assert app.api(token, "GET", "users/me").json()["login"] == login


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512"])
def test_algorithms(app: App, alg: str) -> None:
    assert app.jwt(app.assertion(app.claims(), alg=alg)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"exp": int(time.time()) + 3600}, EXP_TOO_FAR),
        ({"exp": int(time.time()) - 5}, EXP_PAST),
        ({"exp": str(int(time.time()) + 30)}, EXP_NO_INTEGER),
        ({"exp": time.time() + 30.5}, EXP_NO_INTEGER),
        ({"exp": True}, EXP_NO_INTEGER),
        ({"exp": None}, EXP_NO_INTEGER),
        ({"jti": None}, JTI),
        ({"jti": "x" * 15}, JTI),
        ({"jti": "x" * 129}, JTI),
        ({"jti": 12345678901234567890}, JTI),
        ({"sub": "123"}, SUB),
        ({"sub": 9000001}, SUB),
        ({"sub": None}, SUB),
        ({"box_sub_type": None}, SUB),
        ({"box_sub_type": "service"}, SUB),
        ({"box_sub_type": "user"}, SUB),
    ],
)
def test_bad_claims(app: App, changes: dict[str, Any], refusal: tuple[int, str, str]) -> None:
    assert error(app.jwt(**changes)) == refusal


@pytest.mark.parametrize("length", [16, 128])
def test_jti_of_the_least_and_greatest_length(app: App, length: int) -> None:
    assert app.jwt(jti="j" * length).status_code == 200


@pytest.mark.parametrize("claim", ["iss", "aud", "iat", "nbf"])
def test_claims_whose_refusal_names_them(app: App, claim: str) -> None:
    wrong: dict[str, Any] = {"iss": "someone", "aud": f"{app.http.base_url}oauth2/token", "iat": 2**40, "nbf": 2**40}
    status, code, text = error(app.jwt(**{claim: wrong[claim]}))
    assert (status, code) == (400, "invalid_grant")
    assert text.startswith(f"Please check the '{claim}' claim.")


def test_an_assertion_works_once(app: App) -> None:
    assertion = app.assertion(app.claims())
    assert app.jwt(assertion).status_code == 200
    assert error(app.jwt(assertion)) == JTI


def test_a_refused_assertion_does_not_use_up_its_jti(app: App) -> None:
    claims = app.claims()
    assert error(app.jwt(app.assertion(claims | {"exp": 1}))) == EXP_PAST
    assert app.jwt(app.assertion(claims)).status_code == 200


def test_wrong_keys(app: App) -> None:
    assert error(app.jwt(app.assertion(app.claims(), key=RSAKey.generate_key(2048)))) == WRONG_KEY
    assert error(app.jwt(app.assertion(app.claims(), kid="other"))) == WRONG_KEY
    assert error(app.jwt(app.assertion(app.claims(kid=app.key_id), kid="other"))) == WRONG_KEY
    assert error(app.jwt("rubbish")) == WRONG_KEY
    assert error(app.jwt(".".join([*app.assertion(app.claims()).split(".")[:2], ""]))) == WRONG_KEY


def test_a_key_need_not_be_named(app: App) -> None:
    assert app.jwt(app.assertion(app.claims(), kid=None)).status_code == 200
    assert app.jwt(app.assertion(app.claims(kid=app.key_id), kid=None)).status_code == 200


def test_changed_keys_and_secrets(app: App, emulator: EmulatorProcess) -> None:
    emulator.rotate(key=True)
    assert error(app.jwt()) == WRONG_KEY
    emulator.rotate(secret=True)
    assert error(app.jwt()) == BAD_CREDENTIALS
    with App(emulator.url, emulator.app_config) as renewed:
        assert renewed.jwt().status_code == 200


def test_client_credentials_are_checked_first(app: App) -> None:
    form = {"grant_type": JWT_BEARER, "assertion": "rubbish"}
    assert error(app.post_token(form | {"client_secret": "wrong"})) == BAD_CREDENTIALS
    assert error(app.post_token(form | {"client_id": "wrong"})) == BAD_CREDENTIALS
    assert error(app.post_token(form | {"client_secret": None})) == BAD_CREDENTIALS


@pytest.mark.parametrize("grant", [None, "", "password", "urn:ietf:params:oauth:grant-type:jwt", "authorization_code"])
def test_grants_that_do_not_exist(app: App, grant: str | None) -> None:
    assert error(app.post_token({"grant_type": grant})) == GRANT_MISSING


def test_a_form_and_nothing_else(app: App) -> None:
    assert error(app.http.post("/oauth2/token", json={"grant_type": JWT_BEARER})) == GRANT_MISSING
    assert error(app.http.post("/oauth2/token", params={"grant_type": JWT_BEARER})) == GRANT_MISSING


def test_app_not_authorized(app: App, emulator: EmulatorProcess) -> None:
    token = app.jwt().json()["access_token"]
    emulator.settings(app_authorized=False)
    assert error(app.jwt()) == NOT_AUTHORIZED
    assert app.api(token, "GET", "users/me").status_code == 401


def test_user_tokens_not_enabled(app: App, emulator: EmulatorProcess) -> None:
    emulator.settings(user_tokens_enabled=False)
    assert app.jwt().status_code == 200
    assert error(app.jwt(sub=emulator.user("ana@example.com")["id"], box_sub_type="user")) == NO_USER_TOKENS


def test_users_out_of_reach(app: App, ccg_app: App, emulator: EmulatorProcess) -> None:
    assert error(app.jwt(sub=emulator.user("ines@example.com")["id"], box_sub_type="user")) == SUB
    service = app.jwt().json()["access_token"]
    made = app.api(service, "POST", "users", json={"name": "App user", "is_platform_access_only": True}).json()
    assert app.jwt(sub=made["id"], box_sub_type="user").status_code == 200
    grant = {"grant_type": "client_credentials", "box_subject_type": "user", "box_subject_id": made["id"]}
    assert error(ccg_app.post_token(grant)) == CCG_CREDENTIALS
    emulator.settings(app_access="app")
    assert error(app.jwt(sub=emulator.user("ana@example.com")["id"], box_sub_type="user")) == NO_USER_TOKENS
    assert app.jwt(sub=made["id"], box_sub_type="user").status_code == 200


@pytest.mark.parametrize(
    "reason", [{"app_authorized": False}, {"user_tokens_enabled": False}, {"app_access": "app"}], ids=str
)
def test_client_credentials_are_refused_in_one_way(
    ccg_app: App, emulator: EmulatorProcess, reason: dict[str, Any]
) -> None:
    ana = emulator.user("ana@example.com")["id"]
    grant = {"grant_type": "client_credentials", "box_subject_type": "user", "box_subject_id": ana}
    assert ccg_app.post_token(grant).status_code == 200
    emulator.settings(**reason)
    assert error(ccg_app.post_token(grant)) == CCG_CREDENTIALS
    emulator.settings(ccg_not_authorized="unauthorized_client")
    told = "app_authorized" in reason
    assert error(ccg_app.post_token(grant)) == (NOT_AUTHORIZED if told else CCG_CREDENTIALS)


def test_client_credentials_grant(app: App, ccg_app: App, emulator: EmulatorProcess) -> None:
    grant = {"grant_type": "client_credentials", "box_subject_type": "enterprise"}
    service = grant | {"box_subject_id": ccg_app.enterprise_id}
    assert ccg_app.post_token(service).status_code == 200
    ana = emulator.user("ana@example.com")["id"]
    token = ccg_app.post_token(grant | {"box_subject_type": "user", "box_subject_id": ana}).json()["access_token"]
    assert ccg_app.api(token, "GET", "users/me").json()["id"] == ana
    assert error(ccg_app.post_token(service | {"client_secret": "wrong"})) == CCG_CREDENTIALS
    assert error(ccg_app.post_token(service | {"box_subject_id": "1"})) == CCG_CREDENTIALS
    assert error(ccg_app.post_token(service | {"box_subject_type": "admin"})) == CCG_SUBJECT
    assert error(ccg_app.post_token({"grant_type": "client_credentials"})) == CCG_SUBJECT


def test_each_app_has_its_own_grant(app: App, ccg_app: App) -> None:
    assert error(ccg_app.post_token({"grant_type": JWT_BEARER, "assertion": "x"})) == WRONG_GRANT
    form = {"grant_type": "client_credentials", "box_subject_type": "enterprise", "box_subject_id": app.enterprise_id}
    assert error(app.post_token(form)) == WRONG_GRANT


@pytest.mark.parametrize("offset", [-7200, -90, 90, 86400])
def test_times_are_by_boxs_clock(app: App, emulator: EmulatorProcess, offset: int) -> None:
    emulator.settings(clock_offset_s=offset)
    answer = app.jwt()
    assert error(answer) == (EXP_TOO_FAR if offset < 0 else EXP_PAST)
    now = parsedate_to_datetime(answer.headers["Date"])
    assert abs((now - datetime.now(now.tzinfo)).total_seconds() - offset) < 5
    assert app.jwt(exp=int(now.timestamp()) + 50).status_code == 200
    assert error(app.jwt(exp=int(now.timestamp()) + 50, iat=int(now.timestamp()) + 30))[2].startswith("Please check")


def test_tokens_expire_by_boxs_clock(app: App, emulator: EmulatorProcess) -> None:
    emulator.settings(token_life_s={"service": 4247, "user": 60})
    service = app.jwt().json()
    assert service["expires_in"] in (4246, 4247)
    user = app.user_token(emulator.user("ana@example.com")["id"])
    emulator.settings(clock_offset_s=61)
    assert app.api(user, "GET", "users/me").status_code == 401
    assert app.api(service["access_token"], "GET", "users/me").status_code == 200


def test_expired_token_answer_has_no_body(app: App, emulator: EmulatorProcess) -> None:
    token = app.jwt().json()["access_token"]
    assert emulator.expire_tokens(kind="service") == 1
    answer = app.api(token, "GET", "users/me")
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="Service", error="invalid_token"')


def test_exchange(app: App, emulator: EmulatorProcess) -> None:
    ana = emulator.user("ana@example.com")["id"]
    folder = emulator.item("ana@example.com", "/Projetos")["id"]
    url = f"https://api.box.com/2.0/folders/{folder}"
    body = app.exchange(app.user_token(ana), "base_explorer item_download", url).raise_for_status().json()
    assert body["access_token"].startswith("1!")
    assert body["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert {entry["scope"] for entry in body["restricted_to"]} == {"base_explorer", "item_download"}
    assert {(entry["object"]["type"], entry["object"]["id"]) for entry in body["restricted_to"]} == {("folder", folder)}
    assert emulator.tokens()[-1]["resource"] == {"type": "folder", "id": folder}


def test_exchange_without_a_resource(app: App, emulator: EmulatorProcess) -> None:
    token = app.user_token(emulator.user("ana@example.com")["id"])

    def told(dialect: str) -> Any:
        emulator.settings(root_restricted_to=dialect)
        return app.exchange(token, "item_download base_explorer").raise_for_status().json().get("restricted_to")

    root = {"type": "folder", "id": "0", "sequence_id": None, "etag": None, "name": "All Files"}
    assert told("per_scope") == [{"scope": "base_explorer"}, {"scope": "item_download"}]
    assert told("with_folder") == [
        {"scope": "base_explorer", "object": root},
        {"scope": "item_download", "object": root},
    ]
    assert told("joined") == [{"scope": "base_explorer,item_download", "object": root}]
    assert told("empty") == []
    assert told("absent") is None


def test_exchange_never_widens(app: App, emulator: EmulatorProcess) -> None:
    ana = emulator.user("ana@example.com")["id"]
    folder = emulator.item("ana@example.com", "/Projetos")["id"]
    narrow = app.downscoped(ana, "base_explorer", f"folders/{folder}")
    refused = app.exchange(narrow, "base_explorer item_delete")
    assert (refused.status_code, refused.content) == (401, b"")
    assert app.exchange(narrow, "base_explorer").json()["access_token"]
    assert emulator.tokens()[-1]["resource"] == {"type": "folder", "id": folder}
    elsewhere = emulator.item("ana@example.com", "/Recibos")["id"]
    assert error(app.exchange(narrow, "base_explorer", f"https://api.box.com/2.0/folders/{elsewhere}")) == RESOURCE
    inside = emulator.item("ana@example.com", "/Projetos/Aurora")["id"]
    assert app.exchange(narrow, "base_explorer", f"https://api.box.com/2.0/folders/{inside}").status_code == 200


def test_resources_that_are_refused(app: App, emulator: EmulatorProcess) -> None:
    token = app.user_token(emulator.user("ana@example.com")["id"])
    others = emulator.item("kenji@example.com", "/写真")["id"]
    file = emulator.item("ana@example.com", "/Bem-vinda.txt")["id"]
    folder = emulator.item("ana@example.com", "/Projetos")["id"]
    for resource in (
        f"https://api.box.com/2.0/folders/{others}",
        f"https://api.box.com/2.0/folders/{file}",
        f"https://api.box.com/2.0/files/{folder}",
        "https://api.box.com/2.0/folders/999",
        "https://api.box.com/2.0/folders/0",
        "https://api.box.com/2.0/web_links/1",
        f"{emulator.url}/2.0/folders/{folder}",
        f"https://api.box.com/folders/{folder}",
        "",
    ):
        assert error(app.exchange(token, "base_explorer", resource)) == RESOURCE, resource
    emulator.settings(root_resource=True)
    assert app.exchange(token, "base_explorer", "https://api.box.com/2.0/folders/0").status_code == 200


def test_exchange_of_dead_tokens_and_unknown_scopes(app: App, emulator: EmulatorProcess) -> None:
    token = app.user_token(emulator.user("ana@example.com")["id"])
    assert error(app.exchange(token, "base_everything"))[:2] == (400, "invalid_scope")
    assert error(app.exchange(token, ""))[:2] == (400, "invalid_scope")
    assert app.exchange(token, "ai.readwrite").status_code == 200
    assert error(app.exchange("unknown", "base_explorer")) == SUBJECT_TOKEN
    assert error(app.exchange(token, "base_explorer", subject_token_type=None))[:2] == (400, "invalid_request")
    emulator.expire_tokens(token=token)
    assert error(app.exchange(token, "base_explorer")) == SUBJECT_TOKEN


def test_a_token_may_be_too_new_to_be_exchanged(app: App, emulator: EmulatorProcess) -> None:
    """Box knows a token in one place before it knows it in the other: forum.box.com t/1806."""
    emulator.settings(fresh_subject_token_refused=True)
    for login in ("ana@example.com", "kenji@example.com"):
        token = app.user_token(emulator.user(login)["id"])
        assert error(app.exchange(token, "base_explorer")) == SUBJECT_TOKEN
        assert app.exchange(token, "base_explorer").status_code == 200


def test_a_new_jti_may_be_refused(app: App, emulator: EmulatorProcess) -> None:
    emulator.settings(jti_refused_every=3)
    answers = [app.jwt() for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200, 200, 400, 200, 200, 400]
    assert error(answers[2]) == JTI


@pytest.mark.parametrize("exp", [1, int(time.time()) + 3600, "soon"], ids=["past", "too late", "no number"])
def test_an_older_text_names_the_claim_alone(app: App, emulator: EmulatorProcess, exp: object) -> None:
    emulator.settings(exp_refusal="bare")
    assert error(app.jwt(exp=exp)) == (400, "invalid_grant", "Please check the 'exp' claim.")
    assert app.jwt().status_code == 200


def test_an_administrators_token_manages(app: App, emulator: EmulatorProcess) -> None:
    for login, status in (("boss@example.com", 200), ("coadmin@example.com", 200), ("ana@example.com", 403)):
        token = app.user_token(emulator.user(login)["id"])
        assert app.api(token, "GET", "users?filter_term=ana").status_code == status


def test_a_child_outlives_its_parent(app: App, emulator: EmulatorProcess) -> None:
    emulator.settings(token_life_s={"user": 30, "downscoped": 3600})
    child = app.downscoped(emulator.user("ana@example.com")["id"], "base_explorer")
    emulator.settings(clock_offset_s=300)
    assert app.api(child, "GET", "folders/0/items").status_code == 200


def test_revoke(app: App, emulator: EmulatorProcess) -> None:
    token = app.jwt().json()["access_token"]
    credentials = {"client_id": app.client_id, "client_secret": app.settings["clientSecret"]}
    wrong = app.http.post("/oauth2/revoke", data=credentials | {"client_secret": "wrong", "token": token})
    assert error(wrong) == BAD_CREDENTIALS
    assert app.api(token, "GET", "users/me").status_code == 200
    answer = app.http.post("/oauth2/revoke", data=credentials | {"token": token})
    assert (answer.status_code, answer.content) == (200, b"")
    assert app.api(token, "GET", "users/me").status_code == 401
    assert app.http.post("/oauth2/revoke", data=credentials | {"token": "unknown"}).status_code == 200


def test_the_consoles_json(emulator: EmulatorProcess, app: App, ccg_app: App) -> None:
    for path in (emulator.app_config, emulator.ccg_config):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(app.settings) == {"clientID", "clientSecret", "appAuth"}
    assert app.settings["appAuth"]["privateKey"].startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert set(ccg_app.settings) == {"clientID", "clientSecret"}


def test_the_consoles_json_is_kept_over_restarts(tmp_path_factory: pytest.TempPathFactory) -> None:
    state = tmp_path_factory.mktemp("kept")
    with EmulatorProcess(state) as first, App(first.url, first.app_config) as app:
        before = first.app_config.read_bytes()
        ana = first.user("ana@example.com")["id"]
    with EmulatorProcess(state) as second:
        assert second.app_config.read_bytes() == before
        assert second.user("ana@example.com")["id"] == ana
        with App(second.url, second.app_config) as again:
            assert again.client_id == app.client_id
            assert again.jwt().status_code == 200
