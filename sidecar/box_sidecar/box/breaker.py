"""A circuit breaker: after repeated failures nobody waits for Box, and one probe finds out when it is back."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from box_sidecar.problems import Problem
from box_sidecar.sentences import join, say

log = logging.getLogger(__name__)

_FAILURES = 5  # in a row
_PROBE_S = (0.5, 1.0, 2.0, 5.0)  # pauses between probes; the last one repeats


class CircuitBreaker:
    """Closed while Box answers; open from the fifth failure in a row until ``probe`` says that Box is well."""

    def __init__(self, probe: Callable[[], Awaitable[bool]]) -> None:
        self._probe = probe
        self._failures = 0
        self._last_failure = ""
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether Box is not called."""
        return self._probing is not None

    def check(self) -> None:
        """Raise ``box_unavailable`` while it is open."""
        if self._probing is not None:
            detail = join(say("Box has failed repeatedly and is being probed. The last failure:"), self._last_failure)
            raise Problem("box_unavailable", detail=detail, retry_after=5.0)

    def record_success(self) -> None:
        """Box has answered."""
        self._failures = 0

    def record_failure(self, what: str) -> None:
        """Box has failed, or the way to it; ``what`` says how."""
        self._failures += 1
        self._last_failure = what
        if self._failures >= _FAILURES and self._probing is None:
            log.warning("Box failed %d times in a row; no more calls until it answers again", self._failures)
            self._probing = asyncio.create_task(self._probe_until_back())

    async def _probe_until_back(self) -> None:
        pauses = iter(_PROBE_S)
        while True:
            await asyncio.sleep(next(pauses, _PROBE_S[-1]) * random.uniform(0.8, 1.2))  # noqa: S311
            try:
                is_back = await self._probe()
            except Exception as error:  # whatever it was, it must not end the probing
                log.error("the probe failed: %s", type(error).__name__)
                continue
            if is_back:
                log.warning("Box answers again")
                self._failures, self._probing = 0, None
                return

    def close(self) -> None:
        """End the probe."""
        if self._probing is not None:
            self._probing.cancel()
