"""The key in hardware through all that may happen to it, in any order: by a real token, whose module fails at will."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from joserfc import jwt
from joserfc.jwk import RSAKey

from box_sidecar.box.remote import RemoteSigner
from box_sidecar.hardware import key as hardware_key
from box_sidecar.hardware.key import HardwareKey, opened
from box_sidecar.problems import ConfigError, Problem
from intranet.soft_token import PIN, MoodyModule, SoftToken
from sidecar.support import until

T = TypeVar("T")
PATIENCE_S, RETRY_S = 3.0, 0.1
KEYS = ("one", "two")
#: How a signature fails: the device is gone, or broken, or says nothing.
FAILURES = ("32", "30", "hang")


@cache
def _made(name: str) -> RSAPrivateKey:
    """A key of that name: making one takes its time."""
    return rsa.generate_private_key(65537, 2048)


class Story(RuleBasedStateMachine):
    """People want assertions while the token comes and goes, forgets its PIN, hangs, and the key is exchanged.

    What is promised: whoever asks is answered in time; an assertion is signed by the key that it names; a PIN that was
    refused is not tried again; and once all is well everybody gets one, without a restart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="signer-")
        self.patch = pytest.MonkeyPatch()
        self.token = SoftToken(Path(self.folder.name) / "token")
        self.module = MoodyModule(Path(self.folder.name))
        for name, value in (self.token.env | self.module.env).items():
            self.patch.setenv(name, value)
        self.patch.setattr(hardware_key, "_PATIENCE_S", PATIENCE_S)
        self.patch.setattr(hardware_key, "_RETRY_S", RETRY_S)
        self.loop = asyncio.Runner()
        self.is_there, self.pin, self.locked, self.failure = True, PIN, False, ""
        self.tries, self.tries_before = 0, 0
        for number, name in enumerate(KEYS):
            path = Path(self.folder.name) / f"{name}.pem"
            path.write_bytes(_made(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            self.token.import_key(path, name, f"0{number}")
        self._take(opened(self._uri("one"), None, reloading=False, asked=False), "one")

    def teardown(self) -> None:
        try:
            self.all_is_well_again()
        finally:
            self.key.close()
            self.loop.close()
            self.patch.undo()
            self.folder.cleanup()

    def _uri(self, name: str) -> str:
        return self.token.uri(name, module=self.module.path)

    def _take(self, key: HardwareKey, name: str) -> None:
        self.key, self.name = key, name
        self.signer = RemoteSigner("client", name, key.sign)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    def _processes(self) -> list[int]:
        """Those that speak with the token for us."""
        children = [
            child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()
        ]
        return [int(pid) for pid in children if b"box_sidecar.hardware" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    async def _assertion(self) -> bool:
        """Whether there is one; it is what it says, and whatever comes comes in time."""
        name, began = self.name, time.monotonic()
        try:
            text = await self.signer.assertion("user", "1", time.time())
        except Problem as problem:
            assert problem.code == "key_unavailable" and PIN not in str(problem)
            text = ""
        assert time.monotonic() - began < 3 * PATIENCE_S + 3, "to have a turn, to begin anew, and to sign"
        if text:
            token = jwt.decode(text, RSAKey(_made(name), _made(name)))
            assert token.header["kid"] == name and token.claims["iss"] == "client"
        return bool(text)

    async def _assertions(self, count: int) -> list[bool]:
        return await asyncio.gather(*(self._assertion() for _ in range(count)))

    @property
    def _is_well(self) -> bool:
        return self.is_there and self.pin == PIN and not self.locked and not self.failure

    def _may_try_again(self) -> None:
        """From now on the PIN may be tried once."""
        self.tries, self.tries_before = 1, self.module.calls("C_Login")

    # What may happen

    @rule(count=st.integers(1, 4))
    def ask(self, count: int) -> None:
        made = self._run(self._assertions(count))
        assert not (self.failure and any(made))

    @rule(after=st.sampled_from([0.0, 0.01, 0.3]))
    def ask_and_leave(self, after: float) -> None:
        """Who asks gives up; the next one must not get the answer. A PIN that was on its way then is tried anew."""
        self.tries += 1

        async def leave() -> None:
            asking = asyncio.ensure_future(self._assertion())
            await asyncio.sleep(after)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

        self._run(leave())
        self.ask(2)

    @rule(killer=st.sampled_from([signal.SIGKILL, signal.SIGSEGV]), at_work=st.booleans())
    def kill(self, killer: signal.Signals, at_work: bool) -> None:
        async def strike() -> None:
            asking = [asyncio.ensure_future(self._assertion()) for _ in range(3 * at_work)]
            await asyncio.sleep(0.002 * at_work)
            for pid in self._processes():
                os.kill(pid, killer)
            await asyncio.gather(*asking)

        self._run(strike())

    @precondition(lambda self: self.is_there)
    @rule()
    def take_out(self) -> None:
        self.token.take_out()
        self.is_there = False

    @precondition(lambda self: not self.is_there)
    @rule()
    def put_back(self) -> None:
        self.token.put_back()
        self.is_there = True

    @rule(pin=st.sampled_from([PIN, "00-wrong-0"]))
    def write_pin(self, pin: str) -> None:
        self._may_try_again()
        self.token.write_pin(pin)
        self.pin = pin

    @precondition(lambda self: self.is_there)
    @rule(locks=st.booleans())
    def forget_the_pin(self, locks: bool) -> None:
        """The PIN is another one, or locked, when the token is spoken with anew; people go on asking."""
        self.lock(True) if locks else self.write_pin("00-wrong-0")
        self.kill(signal.SIGKILL, at_work=False)
        for _ in range(3):
            assert not self._run(self._assertion())
            time.sleep(2 * RETRY_S)

    @rule(locked=st.booleans())
    def lock(self, locked: bool) -> None:
        self._may_try_again()
        self.module.mood("C_Login", "a4") if locked else self.module.over("C_Login")
        self.locked = locked

    @rule(failure=st.sampled_from(["", *FAILURES]))
    def fail(self, failure: str) -> None:
        self.module.mood("C_Sign", failure) if failure else self.module.over("C_Sign")
        self.failure = failure

    @rule()
    def reload(self) -> None:
        """Somebody has asked for it."""
        self._may_try_again()
        assert opened(self.key.uri, self.key, reloading=True, asked=True) is self.key

    @rule()
    def exchange(self) -> None:
        """Another key is taken over while the old one signs, or it is not and the old one stays."""
        other = KEYS[self.name == KEYS[0]]
        tries = self.module.calls("C_Login")

        async def take_over() -> None:
            asking = asyncio.ensure_future(self._assertions(3))
            try:
                new = await asyncio.to_thread(opened, self._uri(other), self.key, reloading=True, asked=True)
            except ConfigError as error:
                assert str(error).startswith("box.key: ") and PIN not in str(error)
                assert not self._is_well or "did not answer" in str(error)
                await asking
            else:
                assert self._is_well
                await asking
                old = self.key
                self._take(new, other)
                await self._assertions(2)
                old.close()

        self._run(take_over())
        self.tries += max(0, self.module.calls("C_Login") - tries)

    @rule()
    def all_is_well_again(self) -> None:
        """And so everybody is served, by the process that there is."""
        self.module.over()
        if not self.is_there:
            self.put_back()
        self.locked, self.failure = False, ""
        self.write_pin(PIN)
        until(lambda: self._run(self._assertion()), 60, 0.1)  # on a machine that has other things to do
        assert self.key.trouble is None

    @invariant()
    def no_pin_is_tried_again(self) -> None:
        if self.pin != PIN or self.locked:
            assert self.module.calls("C_Login") - self.tries_before <= self.tries

    @invariant()
    def no_process_is_left(self) -> None:
        assert len(self._processes()) <= 1


TestStory = pytest.mark.system(Story.TestCase)
TestStory.settings = settings(
    max_examples=6,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate],  # a failure as it came: with real processes the shortest one takes many minutes
)
