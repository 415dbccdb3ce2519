"""One trace from whoever is in front of WordPress to each call to Box: through nginx, PHP, the sidecar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from intranet.sidecar_process import SidecarProcess
from intranet.stack import Stack
from intranet.trace_receiver import TraceReceiver
from plugin.support import ROUTE, descriptor
from sidecar.support import last, until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def receiver(stack: Stack) -> Iterator[TraceReceiver]:
    """Gets the traces of the sidecar that the site asks, for the length of a test."""
    stack.sidecar.stop()
    with TraceReceiver() as started:
        box = {"app_config": stack.emulator.app_config, "api_url": stack.emulator.url}
        details: dict[str, Any] = {**box, **stack.sidecar.settings}
        with SidecarProcess(stack.sidecar.directory, env=started.env, **details):
            yield started


def ask(stack: Stack, traceparent: str) -> set[str | None]:
    """Ask the site for a token as the page does; what each of the sidecar's calls to Box said of a trace."""
    ana = stack.wordpress.login("ana")
    stack.sidecar.request("POST", "/v1/tokens/revoke", json={"user": {"login": "ana@example.com"}})
    since = last(stack.emulator)
    headers = {"X-WP-Nonce": ana.nonce(), "traceparent": traceparent}
    widget = {"widget": descriptor(stack.wordpress, "[box_explorer]")}
    answer = ana.request("POST", f"/wp-json/{ROUTE}", json=widget, headers=headers)
    assert answer.status_code == 200, answer.text
    calls = [call for call in stack.emulator.log(since) if call["user_agent"] == "box-sidecar"]
    assert len(calls) >= 2, "the person's own token, and the widget's"
    return {call["traceparent"] for call in calls}


def test_a_page_s_request_is_one_trace_up_to_box(stack: Stack, receiver: TraceReceiver) -> None:
    sent = ask(stack, f"00-{TRACE}-{PARENT}-01")
    (request,) = until(lambda: receiver.named("POST /v1/tokens", TRACE))
    assert request.parent_span_id.hex() == PARENT
    spans = {span.span_id: span for span in receiver.spans if span.trace_id.hex() == TRACE}
    calls = [span for span in spans.values() if span.name.startswith("Box ")]
    assert {f"00-{TRACE}-{span.span_id.hex()}-01" for span in calls} == sent
    for span in calls:
        step = spans[span.parent_span_id]
        assert step.name in {"look-up", "user token", "downscope"}
        assert spans[step.parent_span_id] == request


def test_who_wants_no_trace_of_it_gets_none(stack: Stack, receiver: TraceReceiver) -> None:
    sent = ask(stack, f"00-{TRACE}-{PARENT}-00")
    assert all(told and told.startswith(f"00-{TRACE}-") and told.endswith("-00") for told in sent)
    stack.sidecar.token("kenji@example.com")
    until(lambda: any(span.name == "downscope" for span in receiver.spans))
    assert TRACE not in {span.trace_id.hex() for span in receiver.spans}


def test_what_is_no_trace_is_not_passed_on(stack: Stack, receiver: TraceReceiver) -> None:
    sent = ask(stack, f"00-{TRACE}-{'0' * 16}-01")
    assert not any(told and TRACE in told for told in sent)
    (request,) = until(lambda: [span for span in receiver.spans if span.name == "POST /v1/tokens"])
    assert request.parent_span_id == b"" and request.trace_id.hex() != TRACE
