"""How many calls to Box callers may cause, counted where neither a reload, a worker's death nor a restart can reach."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import mmap
import os
import struct
from collections import defaultdict, deque
from collections.abc import Sequence

from box_sidecar import clock
from box_sidecar.problems import Problem

_WINDOW_S = 60.0
_CAPACITY = 131_072  # more than one process can bring about in a window
_LAYOUT = b"charges1"
_TOTAL = struct.Struct("=Q")
_MOST_TOTAL = 2**63
_CHARGE = struct.Struct("=dQ")  # when, on the monotonic clock, and for whom
_FIRST = len(_LAYOUT) + _TOTAL.size
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Ledger:
    """What was charged last, in memory that this process and all that it forks have together (mmap(2), MAP_SHARED).

    The server's master makes it, its worker writes it; the next worker finds in it what the one before has done. One
    process writes at a time. ``file`` is that memory (memfd_create(2)), for whoever can keep it for the next master.
    """

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self.capacity = capacity
        self._size = _FIRST + capacity * _CHARGE.size
        self.file = os.memfd_create("box-sidecar charges", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.file, self._size)
        fcntl.fcntl(self.file, fcntl.F_ADD_SEALS, _SEALS)
        self._memory = mmap.mmap(self.file, self._size)
        self._memory[: len(_LAYOUT)] = _LAYOUT

    def take_over(self, file: int) -> None:
        """Go on in the memory of a master before this one; what was charged here is left behind.

        Raises:
            ValueError: why it can't be gone on with; nothing has changed then.
        """
        try:
            # Whoever holds it may not cut it off under us.
            if fcntl.fcntl(file, fcntl.F_GET_SEALS) & _SEALS != _SEALS or os.fstat(file).st_size != self._size:
                raise ValueError("its size is not ours, or not sealed")
            memory = mmap.mmap(file, self._size)
        except OSError as error:
            raise ValueError(f"it is no memory to write to ({error.strerror})") from None
        if memory[: len(_LAYOUT)] != _LAYOUT:
            raise ValueError("another version has written it")
        before, self._memory = self._memory, memory
        if not self._is_sound():
            self._memory = before
            raise ValueError("what is in it can't be")
        os.close(self.file)
        self.file = file

    def _is_sound(self) -> bool:
        """Whether the last minute can have been so: else a time to come would be counted for ever."""
        now = clock.monotonic()
        if self._total() >= _MOST_TOTAL:
            return False
        times = [when for when, _ in self.since(now - _WINDOW_S)]
        return all(first <= second for first, second in itertools.pairwise([*times, now]))

    def add(self, when: float, person: int) -> None:
        """Write one charge down; it counts once it is there as a whole."""
        total = self._total()
        _CHARGE.pack_into(self._memory, self._place(total), when, person)
        _TOTAL.pack_into(self._memory, len(_LAYOUT), total + 1)

    def since(self, start: float) -> list[tuple[float, int]]:
        """The charges later than `start`, oldest first."""
        total = self._total()
        found: list[tuple[float, int]] = []
        for number in range(total - 1, max(total - self.capacity, 0) - 1, -1):
            when, person = _CHARGE.unpack_from(self._memory, self._place(number))
            if when <= start:
                break
            found.append((when, person))
        return found[::-1]

    def _total(self) -> int:
        (total,) = _TOTAL.unpack_from(self._memory, len(_LAYOUT))
        return int(total)

    def _place(self, number: int) -> int:
        return _FIRST + number % self.capacity * _CHARGE.size


#: Made with the module, so before the server forks: whoever counts in this process or its children counts here. Each by
#: the name under which systemd keeps it.
LEDGERS = {"mints": Ledger(), "calls": Ledger()}


class _Charges:
    """The charges of the last minute: any minute, not one that begins anew at some moment."""

    def __init__(self, ledger: Ledger, now: float) -> None:
        self._ledger = ledger
        self.all: deque[float] = deque()
        self.of: defaultdict[int, list[float]] = defaultdict(list)  # lists: a deque of one takes 760 bytes
        self._people: deque[int] = deque()
        for when, person in ledger.since(now - _WINDOW_S):
            self._count(when, person)

    def add(self, now: float, person: int) -> None:
        self._ledger.add(now, person)
        self._count(now, person)

    def _count(self, when: float, person: int) -> None:
        self.all.append(when)
        self.of[person].append(when)
        self._people.append(person)

    def forget_before(self, start: float) -> None:
        while self.all and self.all[0] <= start:
            self.all.popleft()
            person = self._people.popleft()
            self.of[person].pop(0)
            if not self.of[person]:
                del self.of[person]


class MintLimits:
    """Calls to Box that callers may cause, per person and for all, within any minute.

    A web server in the wrong hands can ask for tokens; it can't ask for many. Mints are counted apart from other calls:
    a person's first token takes a look-up too, and still so many people can come in a minute as policy says. Other
    limits may be set at any time, by another object: what was charged already counts for it too.
    """

    def __init__(
        self, per_user: int, overall: int, mints: Ledger = LEDGERS["mints"], calls: Ledger = LEDGERS["calls"]
    ) -> None:
        self._per_user = per_user
        self._overall = min(overall, mints.capacity, calls.capacity)
        now = clock.monotonic()
        self._mints = _Charges(mints, now)
        self._calls = _Charges(calls, now)

    def charge_call(self) -> None:
        """Count one look-up or the like; raises ``rate_limited`` with ``retry_after`` above the limit."""
        now = clock.monotonic()
        self._calls.forget_before(now - _WINDOW_S)
        self._refuse_if_full(now, self._calls.all, self._overall, "other calls for all people together")
        self._calls.add(now, 0)

    def charge_mint(self, user_id: str) -> None:
        """Count one mint for a person, and for all; raises as :meth:`charge_call`."""
        now = clock.monotonic()
        person = int.from_bytes(hashlib.blake2b(user_id.encode(), digest_size=8).digest(), "big")
        self._mints.forget_before(now - _WINDOW_S)
        if theirs := self._mints.of.get(person):
            self._refuse_if_full(now, theirs, self._per_user, "mints for this person", "mints_per_user_per_minute")
        self._refuse_if_full(now, self._mints.all, self._overall, "mints for all people together")
        self._mints.add(now, person)

    @staticmethod
    def _refuse_if_full(
        now: float, charges: Sequence[float], limit: int, what: str, setting: str = "mints_per_minute"
    ) -> None:
        if len(charges) >= limit:
            free_at = charges[len(charges) - limit] + _WINDOW_S
            raise Problem(
                "rate_limited",
                detail=f"More than {limit} {what} (policy.{setting}) in a minute.",
                retry_after=max(1.0, free_at - now),
            )
