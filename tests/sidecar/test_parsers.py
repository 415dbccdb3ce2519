"""What parses outside input, given anything: it understands or refuses, and never breaks or lets more through."""

from __future__ import annotations

import json
import re
import string
from email.utils import formatdate
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from box_sidecar.app_config import load_app_config
from box_sidecar.box.clock import BoxClock
from box_sidecar.box.errors import explain
from box_sidecar.box.responses import (
    Reply,
    TokenResponse,
    UserPage,
    granted_scopes,
    refusal_reason,
    retry_after,
    understand,
)
from box_sidecar.elements import ELEMENTS
from box_sidecar.logs import redact_error
from box_sidecar.model import Resource, normalize_login
from box_sidecar.policy import Policy
from box_sidecar.problems import BoxReason, ConfigError, Problem
from box_sidecar.schemas import TokenRequest
from box_sidecar.settings import load_settings
from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess, toml
from sidecar.support import code, greeted

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)

words = st.text(max_size=30)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4))
names = st.sampled_from(["user", "element", "scopes", "folder", "file", "login", "id", "external_app_user_id"])
nearly = st.dictionaries(names, anything | st.dictionaries(names, anything, max_size=3), max_size=6)


@given(st.binary(max_size=300) | nearly.map(lambda value: json.dumps(value).encode()))
@fuzz
def test_a_body_is_understood_or_refused(body: bytes) -> None:
    try:
        asked = msgspec.json.decode(body, type=TokenRequest)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return
    assert sum(value is not None for value in (asked.user.login, asked.user.id, asked.user.external_app_user_id)) == 1
    assert asked.resource.id.isascii() and asked.resource.id.isdigit()


def test_the_running_sidecar_answers_any_body_with_a_problem(box: EmulatorProcess, sidecar: SidecarProcess) -> None:
    greeted(box)
    before = len(sidecar.log.read_text())
    with sidecar.client() as client:

        @given(st.binary(max_size=300) | nearly.map(lambda value: json.dumps(value).encode()))
        @settings(fuzz, max_examples=120)
        def fuzzing(body: bytes) -> None:
            for path in ("/v1/tokens", "/v1/tokens/revoke", "/v1/users"):
                answer = client.post(path, content=body)
                assert answer.status_code in {400, 403, 404} or path == "/v1/tokens/revoke", answer.text
                if answer.is_error:
                    code(answer)

        @given(st.dictionaries(names | words, words, max_size=3))
        @settings(fuzz, max_examples=60)
        def querying(query: dict[str, str]) -> None:
            assume(all(text.isprintable() for text in query.values()))
            answer = client.get("/v1/users", params=query)
            assert answer.status_code in {400, 403, 404, 429}, answer.text

        fuzzing()
        querying()
    log = sidecar.log.read_text()[before:]
    assert "internal error" not in log and "Traceback" not in log
    log = sidecar.log.read_text()
    assert "internal error" not in log and "Traceback" not in log


@given(st.dictionaries(st.sampled_from(["box", "server", "policy", "cache", "log", "x"]),
                       st.dictionaries(st.sampled_from(["app_config", "api_url", "timeout_s", "socket", "socket_mode",
                           "allowed_users", "folders", "elements", "max_tokens", "min_life_s", "level", "y"]),
                           scalars.filter(lambda value: value is not None) | st.lists(words, max_size=2), max_size=4),
                       max_size=4))  # fmt: skip
@fuzz
def test_a_configuration_is_understood_or_refused_in_one_line(tmp_path_factory: Any, tables: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    try:
        path.write_text(toml(tables), encoding="utf-8")
    except UnicodeEncodeError:
        return
    _loads_or_refuses(path)


@given(st.binary(max_size=200) | st.text(alphabet="[]{}=\"'.\n#ab1", max_size=80).map(str.encode))
@example(b"a = " + b"[" * 5000)
@example(b'[box]\napi_url = "https://[::1"')
@example(b'[box]\napi_url = "https://\\u0000"')
@fuzz
def test_any_bytes_as_configuration_are_refused_in_one_line(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_bytes(content)
    _loads_or_refuses(path)


def _loads_or_refuses(path: Path) -> None:
    try:
        loaded = load_settings(path)
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1
        return
    assert loaded.box.api_url.startswith(("https://", "http://"))
    Policy(loaded.policy)


console = st.fixed_dictionaries(
    {},
    optional={
        "enterpriseID": anything,
        "boxAppSettings": anything
        | st.fixed_dictionaries(
            {},
            optional={
                "clientID": anything,
                "clientSecret": anything,
                "appAuth": anything
                | st.dictionaries(st.sampled_from(["publicKeyID", "privateKey", "passphrase"]), anything),
            },
        ),
    },
)


@given(st.binary(max_size=200) | console.map(lambda value: json.dumps(value).encode()))
@example(b'{"boxAppSettings":' * 5000)
@fuzz
def test_any_bytes_as_the_consoles_json_are_refused_without_quoting_them(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.json"
    path.touch(mode=0o600)
    path.write_bytes(content)
    try:
        app = load_app_config(path)
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1
        assert len(str(error)) < 600
        return
    assert app.client_id and app.enterprise_id and app.client_secret.reveal()


scopes = st.sampled_from(
    sorted({scope for element in ELEMENTS.values() for scope in (element.base, *element.features)})
)
named = scopes | st.lists(scopes, min_size=1, max_size=3).map(",".join) | words
items = st.fixed_dictionaries({"type": st.sampled_from(["file", "folder"]), "id": st.sampled_from(["0", "1", "2"])})
restrictions = (
    st.lists(st.fixed_dictionaries({"scope": named}, optional={"object": items | anything}), max_size=4) | anything
)


@given(restrictions, st.lists(scopes, min_size=1, max_size=4, unique=True), items)
@fuzz
def test_restricted_to_never_lets_through_more_than_was_asked(
    told: Any, asked: list[str], place: dict[str, str]
) -> None:
    resource = Resource(place["type"], place["id"])  # type: ignore[arg-type]
    body = {"access_token": "x", "expires_in": 60, "restricted_to": told}
    try:
        answer = msgspec.convert(body, TokenResponse)
    except msgspec.ValidationError:
        return
    granted = granted_scopes(answer.restricted_to, tuple(asked), resource)
    if not granted:
        assert granted == () or not told  # refused, or nothing was said
        return
    assert {scope for one in told for scope in re.split("[, ]+", one["scope"]) if scope} == set(granted) <= set(asked)
    for one in told:
        limited = one.get("object") or {}
        here = (limited.get("type"), limited.get("id")) == (resource.type, resource.id)
        assert here or (resource.is_root and not limited)


@given(st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()), st.integers(200, 599),
       st.sampled_from(["application/json", "text/html", ""]) | st.text(st.characters(), max_size=99))  # fmt: skip
@fuzz
def test_any_answer_of_boxs_is_a_value_a_refusal_or_a_failure(body: bytes, status: int, kind: str) -> None:
    reply = Reply(status, {"Content-Type": kind} if kind else {}, body)
    for decode in (TokenResponse, UserPage, dict):
        try:
            answer = understand(reply, decode)
        except Exception as failure:
            assert type(failure).__name__ == "RetryableError", repr(failure)
            assert len(str(failure).encode()) < 500
            continue
        if answer.reason:
            problem = explain("user", answer.reason)
            assert problem.document("-")["code"]
            assert len(problem.detail) < 1000
        else:
            assert isinstance(answer.value("user"), decode)


@given(st.text(max_size=400) | st.text(alphabet=string.ascii_letters + string.digits, min_size=25, max_size=200))
@fuzz
def test_boxs_words_are_shown_without_control_characters_or_long_runs(text: str) -> None:
    shown = redact_error(text, 300)
    assert shown.isprintable() and len(shown) <= 300
    assert all(len(word) <= 24 or set(word) <= {*string.ascii_lowercase, "_"} for word in shown.split())


@given(st.binary(max_size=100))
@fuzz
def test_a_refusal_with_any_body_is_a_reason(body: bytes) -> None:
    reason = refusal_reason(400, body)
    assert isinstance(reason, BoxReason)
    assert isinstance(explain("*", reason), Problem)


@given(
    st.none() | st.text(max_size=40) | st.integers().map(str) | st.floats().map(str), st.none() | st.text(max_size=40)
)
@example("²", None)
@example("9" * 5000, None)
@example(formatdate(4e9, usegmt=True), formatdate(0, usegmt=True))
@fuzz
def test_any_retry_after_and_any_date_are_bounded(value: str | None, date: str | None) -> None:
    wait = retry_after(value, date)
    assert wait is None or 0 <= wait <= 300
    clock = BoxClock()
    clock.observe(date)
    assert clock.now() > -1e12


@given(st.text(max_size=20), st.text(max_size=20))
@example("\u212aenji", "kenji")
@example("stra\u00dfe", "strasse")
@example("\u0130", "i\u0307")
@fuzz
def test_two_logins_are_one_only_by_letter_case(one: str, other: str) -> None:
    assert normalize_login(normalize_login(one)) == normalize_login(one)
    if normalize_login(one) == normalize_login(other):
        assert one.casefold() == other.casefold()
        assert len(one) == len(other)
    assert normalize_login(one.upper()) == normalize_login(one.lower()) or not one.isascii()


def test_the_strategies_reach_what_is_accepted_too(box: EmulatorProcess) -> None:
    body = {"user": {"login": "a"}, "element": "explorer", "scopes": ["item_share"], "folder": "1"}
    assert msgspec.convert(body, TokenRequest).resource == Resource("folder", "1")
    assert load_app_config(box.app_config).key_id
    told = [{"scope": "base_explorer", "object": {"type": "folder", "id": "1"}}]
    answer = msgspec.convert({"access_token": "x", "expires_in": 1, "restricted_to": told}, TokenResponse)
    assert granted_scopes(answer.restricted_to, ("base_explorer",), Resource("folder", "1")) == ("base_explorer",)
