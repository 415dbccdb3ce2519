"""What a client was made to do, and whether it and the emulator agreed."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Walk:
    """One client's operations, one after the other. A failure is noted and the walk goes on."""

    client: str
    version: str
    operations: str
    """In short, for the table."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """An operation; whatever it raises is what they disagree about."""
        assert name not in self.done, f"{name} is done twice"
        self.done.append(name)
        try:
            yield
        except Exception:
            self.failed[name] = traceback.format_exc(limit=-2)

    def said(self, lines: str) -> None:
        """Take over what a walk in another process said: ``ok NAME`` or ``FAILED NAME<tab>why``, a line each."""
        for line in lines.splitlines():
            verdict, _, rest = line.partition(" ")
            name, _, why = rest.partition("\t")
            if verdict in ("ok", "FAILED"):
                self.done.append(name)
            if verdict == "FAILED":
                self.failed[name] = why

    def row(self) -> str:
        """Its line of the table."""
        agreed = len(self.done) - len(self.failed)
        return f"| {self.client} | {self.version} | {self.operations} | {agreed} of {len(self.done)} |"


Begin = Callable[[str, str, str], Walk]
"""How a test begins a walk: client, version, operations in short."""
