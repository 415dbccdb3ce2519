"""The clock that never jumps, for the lives of tokens."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

#: Seconds since boot, time asleep included: a suspended machine's tokens age too.
monotonic: Callable[[], float] = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
