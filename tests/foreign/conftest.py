"""One machine for all clients, and the table of what they agreed to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from foreign.machine import Machine, NoNamespaces
from foreign.walk import Begin, Walk


@pytest.fixture(scope="session")
def walks() -> list[Walk]:
    """The walks of this session, for the table."""
    return []


@pytest.fixture(scope="session")
def running_machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="wfb-") as home, ExitStack() as stack:
        try:
            machine = Machine(Path(home))
        except NoNamespaces as error:
            pytest.skip(f"this machine allows no namespaces: {error}")
        stack.callback(machine.stop)
        yield machine
        # What clients ask is theirs to answer for; what the emulator says must be as Box describes it.
        said = [found for found in machine.box.violations() if found["side"] == "response"]
        assert {f"{found['request']}: {found['problem']}" for found in said} == set()
        own_log = machine.box.log_file.read_text()
        assert "Traceback" not in own_log, own_log


@pytest.fixture
def machine(running_machine: Machine) -> Machine:
    running_machine.box.reset()
    return running_machine


@pytest.fixture
def walk(walks: list[Walk]) -> Iterator[Begin]:
    """Begins a walk; all its operations must have gone well."""
    begun: list[Walk] = []

    def begin(client: str, version: str, operations: str) -> Walk:
        begun.append(Walk(client, version, operations))
        return begun[-1]

    yield begin
    walks += begun
    for one in begun:
        assert one.done
        assert not one.failed, "\n".join(f"{one.client}, {name}: {why}" for name, why in one.failed.items())
