"""The key in hardware as the worker has it: a process of its own that signs, and what is done if it does not.

The module is loaded in that process, so that the worker's memory holds neither the PIN nor, where the token is
software, the key; and one that hangs can be killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
from dataclasses import replace

import msgspec

from box_sidecar.clock import monotonic
from box_sidecar.hardware.answers import Answer, Kind, Opened, Refused, Signed, decode
from box_sidecar.hardware.uri import parse
from box_sidecar.problems import CODES, ConfigError, Problem
from box_sidecar.sentences import Text, say

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_RETRY_S = 3.0
_KILL_S = 0.1
_ANSWER_MAX = 65_536  # bytes
#: Where to try the same PIN again could lock the token.
_ABOUT_THE_PIN = frozenset({"refused", "locked", "last_try"})


class HardwareKey:
    """A private key that a PKCS#11 URI names. It signs for one caller at a time: tokens do no other.

    ``told`` is what is known of it, ``trouble`` why it can't sign at the moment; ``None`` where it can.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.name = parse(uri).holder
        self.told: Opened | None = None
        self.trouble: Problem | None = None
        self._pin_file = parse(uri).pin_file
        self._refused_pin: tuple[int, ...] | None = None
        self._rest_until = 0.0
        self._turn = asyncio.Lock()
        self._process: _Process | None = None

    def open(self) -> None:
        """Start the process and wait until the key has signed once; at the start, and where a thread may wait.

        Raises:
            ConfigError: the key can't be had by this configuration, whenever it is tried.
            Problem: ``key_unavailable``.
        """
        self._process = _Process(self.uri)
        answer = self._process.first_answer()
        if isinstance(answer, Opened):
            self._opened(answer)
            return
        self.close()
        if isinstance(answer, Refused) and answer.kind == "configuration":
            raise ConfigError(f"box.key: {answer.words}")
        raise self._note(answer)

    async def sign(self, data: bytes) -> bytes:
        """A signature by RS256, within some seconds.

        Raises:
            Problem: ``key_unavailable``.
        """
        self._refuse_early()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._turn.acquire()
        except TimeoutError:
            raise self._problem(say("The token “{token}” is busy.", token=self.name)) from None
        try:
            self._refuse_early()
            return await self._sign(data)
        finally:
            self._turn.release()

    async def examined(self, key_id: str) -> tuple[str, Text, str]:
        """What doctor tells of it once it has signed: status, summary and fix.

        Raises:
            Problem: ``key_unavailable``.
        """
        await self.sign(b"box-sidecar looks whether this key signs")
        if self.told is None or self.told.leaves:
            fix = say(
                "Make one that stays in it: box-sidecar keygen. Its public part goes to Box, the old one goes last."
            )
            return (
                "warn",
                say("The token “{token}” would give the private key out (CKA_EXTRACTABLE).", token=self.name),
                fix,
            )
        signs = say(
            "The private key, of {bits} bits, signs in the token “{token}”; its publicKeyID is {key_id}.",
            bits=self.told.bits, token=self.name, key_id=key_id,
        )  # fmt: skip
        return "pass", signs, ""

    def retry(self) -> None:
        """Let the next caller try again, the PIN too: somebody has looked."""
        self._rest_until, self._refused_pin = 0.0, None

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.end()
            self._process = None

    async def _sign(self, data: bytes) -> bytes:
        """A session that has ended, as after a token was taken out and put back, is begun anew, once."""
        was_open = self._process is not None
        answer = await self._ask(data)
        if was_open and isinstance(answer, Refused) and answer.kind != "hung":
            answer = await self._ask(data)
        if isinstance(answer, Signed):
            return answer.signature
        raise self._note(answer)

    async def _ask(self, data: bytes) -> Answer:
        try:
            if self._process is None:
                self._process = _Process(self.uri)
                opened = await self._process.answer()
                if not isinstance(opened, Opened):
                    self.close()
                    return opened
                self._opened(opened)
            answer = await self._process.answer(data)
        except BaseException:
            self.close()  # an answer that nobody waits for any more would be taken for the next one's
            raise
        if not isinstance(answer, Signed):
            self.close()
        return answer

    def _opened(self, told: Opened) -> None:
        if self.trouble:
            log.info("the token %s signs again", self.name)
        self.told, self.trouble, self._refused_pin = told, None, None

    def _refuse_early(self) -> None:
        """Nobody waits for a token that has just failed, nor is a PIN tried again that it has refused."""
        if self.trouble is None:
            return
        waits = self._refused_pin is not None and self._refused_pin == self._pin_stamp()
        if waits or monotonic() < self._rest_until:
            raise replace(self.trouble)

    def _note(self, answer: Answer) -> Problem:
        refused = answer if isinstance(answer, Refused) else Refused("failed", "an answer that nobody asked for")
        if refused.kind in _ABOUT_THE_PIN:
            self._refused_pin = self._pin_stamp()
        self._rest_until = monotonic() + _RETRY_S
        self.trouble = self._problem(
            what_happened(refused.kind, refused.words, self.name), _PIN_FIX if refused.kind in _ABOUT_THE_PIN else None
        )
        return replace(self.trouble)

    def _problem(self, detail: Text, fix: Text | None = None) -> Problem:
        return Problem("key_unavailable", detail=detail, fix=fix, retry_after=_RETRY_S)

    def _pin_stamp(self) -> tuple[int, ...]:
        """What tells whether the PIN's file was replaced."""
        if self._pin_file is None:
            return ()
        try:
            status = self._pin_file.stat()
        except OSError:
            return ()
        return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode)


def opened(uri: str, before: HardwareKey | None, *, reloading: bool, asked: bool) -> HardwareKey:
    """The key that a configuration names: the one that there is, whatever its state; or another. One that refused the
    PIN is tried again where somebody has ``asked`` for it, and not for any other change of the files.

    At the start one that is away or hangs may come back. Another one that is to be taken over must sign.

    Raises:
        ConfigError: it can't be had.
    """
    if before and before.uri == uri:
        if asked:
            before.retry()
        return before
    key = HardwareKey(uri)
    try:
        key.open()
    except Problem as problem:
        if reloading:
            raise ConfigError(f"box.key: {problem.detail}") from None
        log.error("box.key: %s Fix: %s", problem, problem.fix or CODES[problem.code].fix)
    return key


_PIN_FIX = say(
    "Put the right PIN into the file that pin-source in box.key names; where the token is locked, unlock it with its "
    "own tool first. A PIN that was refused is tried again once that file has changed, or by: "
    "systemctl reload box-sidecar"
)


def what_happened(kind: Kind, words: str, token: str) -> Text:
    """Why a token does not sign, for people."""
    texts: dict[Kind, Text] = {
        "absent": say("The token “{token}” is not there.", token=token),
        "hung": say("The module of the token “{token}” did not answer in time.", token=token),
        "died": say("The module of the token “{token}” broke down.", token=token),
        "refused": say("The token “{token}” refuses the PIN.", token=token),
        "locked": say("The PIN of the token “{token}” is locked.", token=token),
        "last_try": say("Another wrong PIN would lock the token “{token}”, so none is tried.", token=token),
    }
    return texts.get(kind) or say("The token “{token}” failed: {words}.", token=token, words=words)


class _Process:
    """Our end of the process that speaks with the token."""

    def __init__(self, uri: str) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # Isolated (-I): neither a variable of the environment's nor the working folder says what it imports.
            self._child = subprocess.Popen(  # noqa: S603 - our own program; the URI is one argument, and checked
                [sys.executable, "-I", "-m", "box_sidecar.hardware", uri],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
            )

    def first_answer(self) -> Answer:
        """The first answer, for who may wait."""
        self._channel.settimeout(_PATIENCE_S)
        try:
            return _understood(self._channel.recv(_ANSWER_MAX))
        except TimeoutError:
            return Refused("hung")
        except OSError:
            return Refused("died")

    async def answer(self, data: bytes = b"") -> Answer:
        """The next answer, to ``data`` if there is any."""
        loop = asyncio.get_running_loop()
        self._channel.setblocking(False)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if data:
                    await loop.sock_sendall(self._channel, data)
                return _understood(await loop.sock_recv(self._channel, _ANSWER_MAX))
        except TimeoutError:
            return Refused("hung")
        except OSError:
            return Refused("died")

    def end(self) -> None:
        """Kill it: a module that hangs would hear nothing else."""
        self._channel.close()
        self._child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # the kernel waits for a device; a later start buries it
            self._child.wait(_KILL_S)


def _understood(message: bytes) -> Answer:
    try:
        answer: Answer = decode(message)
    except msgspec.DecodeError:  # its end is an empty one
        return Refused("died")
    return answer
