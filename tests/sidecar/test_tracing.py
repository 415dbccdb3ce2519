"""Traces: a request's steps as one trace, from the caller to Box; and nothing of it where nobody asked for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from intranet.emulator_process import EmulatorProcess
from intranet.sidecar_process import SidecarProcess
from intranet.trace_receiver import TraceReceiver
from sidecar.conftest import Serve
from sidecar.support import code, greeted, last, until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def receiver() -> Iterator[TraceReceiver]:
    with TraceReceiver() as started:
        yield started


def ask(sidecar: SidecarProcess, login: str, traceparent: str) -> int:
    body = {"user": {"login": login}, "element": "explorer"}
    headers = {"traceparent": traceparent}
    return sidecar.request("POST", "/v1/tokens", json=body, headers=headers).status_code


def test_a_request_is_one_trace_from_the_caller_to_box(
    box: EmulatorProcess, serve: Serve, receiver: TraceReceiver
) -> None:
    sidecar = serve(env=receiver.env)
    greeted(box)
    since = last(box)
    assert ask(sidecar, "ana@example.com", TRACEPARENT) == 200
    (request,) = until(lambda: receiver.named("POST /v1/tokens", TRACE))
    assert request.parent_span_id.hex() == PARENT and receiver.services == {"box-sidecar"}
    steps = {
        name: receiver.named(name, TRACE) for name in ("look-up", "user token", "downscope", "Box users", "Box token")
    }
    assert {name: len(spans) for name, spans in steps.items()} == {
        "look-up": 1, "user token": 1, "downscope": 1, "Box users": 1, "Box token": 2,
    }  # fmt: skip
    by_id = {span.span_id: span for spans in steps.values() for span in spans} | {request.span_id: request}
    for spans in steps.values():
        for span in spans:
            assert span.parent_span_id in by_id
    sent = {entry["traceparent"] for entry in box.log(since) if entry["user_agent"] == "box-sidecar"}
    calls = [*steps["Box users"], *steps["Box token"]]
    assert sent == {f"00-{TRACE}-{span.span_id.hex()}-01" for span in calls}
    assert ask(sidecar, "ana@example.com", TRACEPARENT) == 200
    assert until(lambda: receiver.named("POST /v1/tokens", TRACE)[1:]), "what is at hand is told, too"


def test_a_span_holds_no_secret_and_nobody_s_name(box: EmulatorProcess, serve: Serve, receiver: TraceReceiver) -> None:
    sidecar = serve(env=receiver.env)
    box.fault("status", path="/oauth2/token", grant="token-exchange", status=400, body={"error": "x"}, times=9)
    assert code(sidecar.token("kenji@example.com")) == "box_refused"
    box.clear_faults()
    assert sidecar.token("ana@example.com").is_success
    assert sidecar.request("GET", "/v1/users", params={"login": "olga@example.com"}).is_success
    assert sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "ana@example.com"}}).is_success
    assert sidecar.request("GET", "/v1/users/ana@example.com").status_code == 404
    until(lambda: {"GET /v1/users", "revoke", "unknown"} <= {span.name for span in receiver.spans})
    failed = until(lambda: [span for span in receiver.spans if span.name == "downscope" and span.status.code])
    assert {one.key: one.value.string_value for one in failed[0].attributes} == {"error.type": "box_refused"}
    ids = [user["id"].encode() for user in box.users()]
    for hidden in [*(token["token"].encode() for token in box.tokens()), b"example.com", *ids]:
        assert hidden not in receiver.raw


@pytest.mark.parametrize("given", ["", "00-x", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01", "\xff" * 55])
def test_a_parent_that_is_none_is_ignored(
    given: str, box: EmulatorProcess, receiver: TraceReceiver, serve: Serve
) -> None:
    sidecar = serve(env=receiver.env)
    body = {"user": {"login": "ana@example.com"}, "element": "explorer"}
    headers = [(b"traceparent", given.encode("latin-1"))]
    assert sidecar.request("POST", "/v1/tokens", json=body, headers=headers).is_success
    (request,) = until(lambda: [span for span in receiver.spans if span.name == "POST /v1/tokens"])
    assert request.parent_span_id == b"" and request.trace_id.hex() != TRACE


def test_without_otel_s_variables_nothing_is_loaded_and_nothing_sent(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(env={"PYTHONPROFILEIMPORTTIME": "1"})
    since = last(box)
    assert ask(sidecar, "ana@example.com", TRACEPARENT) == 200
    assert {entry["traceparent"] for entry in box.log(since)} == {None}
    assert not re.search(r"\b(opentelemetry|box_sidecar\.telemetry)\b", sidecar.log.read_text())


def test_a_receiver_that_is_away_holds_nothing_up(box: EmulatorProcess, serve: Serve) -> None:
    sidecar = serve(env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert ask(sidecar, "ana@example.com", TRACEPARENT) == 200
    assert sidecar.process
    began = time.monotonic()
    os.kill(sidecar.process.pid, 15)
    until(lambda: sidecar.process is not None and not sidecar.process.running(), 20)
    assert time.monotonic() - began < 15


def test_without_opentelemetry_it_is_said_what_to_install() -> None:
    program = "import sys; sys.modules['opentelemetry.context'] = None; import box_sidecar.telemetry"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.stderr.rstrip().endswith("install sidecar/tracing.lock as sidecar/README.md has it")
