"""Traces: which request was whose step (W3C Trace Context), where OpenTelemetry's own variables say where to.

Without them nothing is loaded, and no step costs more than a look at one variable.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from box_sidecar.telemetry import Telemetry

P = ParamSpec("P")
T = TypeVar("T")

#: What makes spans; ``None`` where nobody wants any.
telemetry: Telemetry | None = None

_SWITCHES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def begin() -> None:
    """Make spans from now on, if the environment says where to; in the worker, since it takes a thread.

    Raises:
        ConfigError: it does, and what makes them is not installed.
    """
    global telemetry  # noqa: PLW0603 - one for the process, as the environment is
    wanted = any(os.environ.get(name) for name in _SWITCHES)
    if wanted and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true":
        from box_sidecar.telemetry import Telemetry

        telemetry = Telemetry()


def calling(route: str, method: str, headers: dict[str, str]) -> AbstractContextManager[None]:
    """One call to Box; ``headers`` get what names the trace, where there is one."""
    return nullcontext() if telemetry is None else telemetry.call(route, method, headers)


def step(name: str) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """A function that is a step of a request: a span, where there are any."""

    def decorate(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        @functools.wraps(work)
        async def traced(*args: P.args, **kwargs: P.kwargs) -> T:
            if telemetry is None:
                return await work(*args, **kwargs)
            with telemetry.step(name):
                return await work(*args, **kwargs)

        return traced

    return decorate
