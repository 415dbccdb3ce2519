"""Spans by OpenTelemetry, sent as OTLP over HTTP: imported only where its variables say where to.

A span holds a step's name, its times, and how it ended: no login, no id, no token, and no message, which could hold
one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Any, TypeAlias, TypeVar

from box_sidecar.problems import ConfigError, Problem

try:
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ModuleNotFoundError:
    raise ConfigError(
        "OTEL_EXPORTER_OTLP_ENDPOINT wants traces, for which OpenTelemetry is not installed; "
        "install sidecar/tracing.lock as sidecar/README.md has it"
    ) from None

T = TypeVar("T")
Application: TypeAlias = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

_FLUSH_S = 2.0
_METHODS = {"GET", "POST", "HEAD", "OPTIONS"}


class Telemetry:
    """Makes spans of steps. All that is set is set by OpenTelemetry's own variables (OTEL_…)."""

    def __init__(self) -> None:
        named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        resource = Resource.create({} if named else {"service.name": "box-sidecar"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("box_sidecar")
        self._propagator = TraceContextTextMapPropagator()

    def around(self, app: Application, paths: Collection[str]) -> Application:
        """The application, with a span for each request: a part of the caller's trace if it named a valid one.

        A path that is none of ``paths`` may hold anything, and is not told.
        """

        async def traced(scope: dict[str, Any], receive: Any, send: Any) -> None:
            method, path = scope["method"], scope["path"]
            name = f"{method} {path}" if path in paths and method in _METHODS else "unknown"
            attributes = {"http.request.method": method if method in _METHODS else "_OTHER"}
            with self._span(name, SpanKind.SERVER, attributes, self._callers(scope["headers"])) as span:

                async def noted(event: dict[str, Any]) -> None:
                    if "status" in event:
                        span.set_attribute("http.response.status_code", event["status"])
                    await send(event)

                await app(scope, receive, noted)

        return traced

    def around_hits(self, answer: Callable[[Any], T]) -> Callable[[Any], T]:
        """What answers at once, with a span for each answer that it gives."""

        def traced(request: Any) -> T:
            started = time.time_ns()
            if (answered := answer(request)) is not None:
                context = self._callers(request.headers)
                span = self._tracer.start_span("POST /v1/tokens", context, SpanKind.SERVER, start_time=started)
                span.set_attributes({"http.request.method": "POST", "http.response.status_code": 200})
                span.end()
            return answered

        return traced

    def _callers(self, headers: Iterable[tuple[bytes, bytes]]) -> Context:
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name == b"traceparent"}
        return self._propagator.extract(named, Context())

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What is done for a request."""
        with self._span(name, SpanKind.INTERNAL, {}):
            yield

    @contextlib.contextmanager
    def call(self, route: str, method: str, headers: dict[str, str]) -> Iterator[None]:
        """One call to Box; ``headers`` get what lets Box's side of it be found."""
        with self._span(f"Box {route}", SpanKind.CLIENT, {"http.request.method": method}):
            self._propagator.inject(headers)
            yield

    @contextlib.contextmanager
    def _span(
        self, name: str, kind: SpanKind, attributes: dict[str, str], before: Context | None = None
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            before,
            kind,
            attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", error.code if isinstance(error, Problem) else type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    async def end(self) -> None:
        """Send what there is; a receiver that is away holds nothing up."""
        flush = threading.Thread(target=self._provider.force_flush, args=(int(_FLUSH_S * 1000),), daemon=True)
        flush.start()
        await asyncio.to_thread(flush.join, _FLUSH_S)
