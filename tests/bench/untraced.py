"""The sidecar as if nobody had ever thought of traces: its steps are the bare functions.

``python untraced.py box-sidecar serve …``
"""

from __future__ import annotations

import contextlib
import runpy
import sys

from box_sidecar import tracing

_NOTHING = contextlib.nullcontext()

tracing.step = lambda name: lambda work: work
tracing.calling = lambda route, method, headers: _NOTHING

sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
