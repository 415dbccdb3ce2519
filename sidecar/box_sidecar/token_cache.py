"""What is remembered of many people and found by person: nothing here goes through everybody's to find one's.

The caches forget by themselves, whatever was used least or has ended; what is found by person follows them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

from cachetools import Cache, LRUCache, TLRUCache

from box_sidecar.clock import monotonic

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
N = TypeVar("N", bound=Hashable)


class _ByPerson(Cache[K, V]):
    """A cache that knows whose each entry is. ``left`` is told the person of whom the last entry has gone."""

    def _begin(self, person: Callable[[K, V], str], left: Callable[[str], None]) -> None:
        self._person = person
        self._left = left
        self._keys: dict[str, set[K]] = {}

    def of(self, person: str) -> list[K]:
        """The keys of one person's entries; an entry that has ended may still be among them."""
        return list(self._keys.get(person, ()))

    def has(self, person: str) -> bool:
        """Whether there is anything of this person."""
        return person in self._keys

    def __setitem__(self, key: K, value: V) -> None:
        old, new = self._whose(key), self._person(key, value)
        # First: what is evicted to make room may be the last of this very person.
        self._keys.setdefault(new, set()).add(key)
        super().__setitem__(key, value)
        if key not in self:  # it had ended already
            self._discard(new, key)
        if old is not None and old != new:
            self._discard(old, key)

    def __delitem__(self, key: K) -> None:
        whose = self._whose(key)
        try:
            super().__delitem__(key)  # removes an entry that has ended, and raises all the same
        finally:
            if whose is not None:
                self._discard(whose, key)

    def clear(self) -> None:
        """Forget everything, and tell nobody."""
        super().clear()
        self._keys.clear()

    def _whose(self, key: K) -> str | None:
        try:
            return self._person(key, Cache.__getitem__(self, key))  # not the subclass's: it would be a use
        except KeyError:
            return None

    def _discard(self, person: str, key: K) -> None:
        keys = self._keys.get(person)
        if keys is None:
            return
        keys.discard(key)
        if not keys:
            del self._keys[person]
            self._left(person)


class Recent(_ByPerson[K, V], LRUCache[K, V]):
    """Keeps what was used last."""

    def __init__(self, size: int, person: Callable[[K, V], str], left: Callable[[str], None]) -> None:
        self._begin(person, left)
        super().__init__(size)


class Lapsing(_ByPerson[K, V], TLRUCache[K, V]):
    """Keeps what was used last, each entry until the moment that ``ends(value)`` says, on the monotonic clock."""

    def __init__(
        self, size: int, ends: Callable[[V], float], person: Callable[[K, V], str], left: Callable[[str], None]
    ) -> None:
        self._begin(person, left)
        super().__init__(size, ttu=lambda _key, value, _now: ends(value), timer=monotonic)

    def __setitem__(self, key: K, value: V) -> None:
        self.expire()  # first: what has ended under this very key takes the person's note of the key with it
        super().__setitem__(key, value)

    def expire(self, time: float | None = None) -> list[tuple[K, V]]:
        """Drop what has ended; cachetools calls it at each insertion."""
        expired = super().expire(time)
        for key, value in expired:
            self._discard(self._person(key, value), key)
        return expired


class Names(Generic[N]):
    """Which names have led to whom. A name may have led to several people, one after the other."""

    def __init__(self) -> None:
        self._people: dict[N, set[str]] = {}
        self._names: dict[str, set[N]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def link(self, person: str, *names: N) -> None:
        """From now on these names lead to this person too."""
        self._names.setdefault(person, set()).update(names)
        for name in names:
            self._people.setdefault(name, set()).add(person)

    def people(self, name: N) -> set[str]:
        """Everybody to whom the name has led."""
        return set(self._people.get(name, ()))

    def of(self, person: str) -> set[N]:
        """All names that have led to the person."""
        return set(self._names.get(person, ()))

    def unlink(self, person: str) -> None:
        """Forget the person's names."""
        for name in self._names.pop(person, ()):
            people = self._people[name]
            people.discard(person)
            if not people:
                del self._people[name]


class Marks(Generic[N]):
    """At which of our moments each name was marked last, so that whatever began before it can be told.

    There is room for ``size`` marks, each kept for ``memory_s`` seconds at least unless there is none. Whatever
    began before a mark that had to be forgotten counts as marked, and so does a name with the hash of a marked one (the
    names themselves may be long): too much is refused then, never too little.
    """

    def __init__(self, size: int, memory_s: float) -> None:
        self.now = 0
        self._size = size
        self._memory_s = memory_s
        self._marks: dict[int, tuple[int, float]] = {}  # by the names' hashes, in the order of their moments
        self._floor = 0

    def mark(self, names: Iterable[N]) -> None:
        """A new moment, and these names marked at it."""
        self.now += 1
        time = monotonic()
        for name in map(hash, names):
            self._marks.pop(name, None)
            self._marks[name] = (self.now, time)
        while self._marks:
            oldest = next(iter(self._marks))
            moment, marked = self._marks[oldest]
            if len(self._marks) <= self._size and time - marked < self._memory_s:
                break
            del self._marks[oldest]
            self._floor = moment

    def since(self, began: int, names: Iterable[N]) -> bool:
        """Whether any of these names was marked after the moment ``began``."""
        if self.now == began:
            return False
        return began < self._floor or any(self._marks.get(hash(name), (0, 0.0))[0] > began for name in names)
