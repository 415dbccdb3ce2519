"""Caches and names in which what belongs to a person is found without going through everybody's.

The caches forget by themselves, whatever was used least or has ended; what is found by person follows them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator
from typing import TypeVar

from cachetools import Cache, TLRUCache

from box_sidecar import clock
from box_sidecar.model import Subject

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByPerson(TLRUCache[K, V]):
    """Keeps what was used last, each entry until the moment that ``ends(value)`` says, on the monotonic clock.

    ``person`` tells whose an entry is; ``left`` is told the person of whom the last entry has gone.
    """

    def __init__(
        self, size: int, ends: Callable[[V], float], person: Callable[[K, V], str], left: Callable[[str], None]
    ) -> None:
        self._person = person
        self._left = left
        self._keys: dict[str, list[K]] = {}  # most people have one entry, and a set of one takes thrice as much
        super().__init__(size, ttu=lambda _key, value, _now: ends(value), timer=clock.monotonic)

    def keys_of(self, person: str) -> list[K]:
        """The keys of all that is held of one person; an entry that has ended may still be among them."""
        return list(self._keys.get(person, ()))

    def of(self, person: str) -> list[V]:
        """All that is held of one person."""
        return [value for key in self.keys_of(person) if (value := self.get(key)) is not None]

    def has(self, person: str) -> bool:
        """Whether there is anything of this person."""
        return person in self._keys

    def people(self) -> list[str]:
        """Everybody of whom anything is held."""
        return list(self._keys)

    def drop(self, person: str) -> None:
        """Forget all that is held of one person."""
        if keys := self._keys.pop(person, None):
            for key in keys:
                self.pop(key, None)
            self._left(person)

    def __setitem__(self, key: K, value: V) -> None:
        with self.timer:  # which stands still meanwhile
            self.expire()  # first: what has ended under this very key takes the person's note of the key with it
            old, new = self._whose(key), self._person(key, value)
            if old != new:
                # Now: what is evicted to make room may be the last of this very person.
                self._keys.setdefault(new, []).append(key)
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

    def expire(self, time: float | None = None) -> list[tuple[K, V]]:
        """Drop what has ended; cachetools calls it at each insertion."""
        expired = super().expire(time)
        for key, value in expired:
            self._discard(self._person(key, value), key)
        return expired

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
        keys = self._keys.get(person, [])
        with contextlib.suppress(ValueError):  # taken
            keys.remove(key)
            if not keys:
                del self._keys[person]
                self._left(person)


class Names:
    """Which names have led to whom. A name may have led to several people, one after the other."""

    def __init__(self) -> None:
        self._people: dict[Subject, tuple[str, ...]] = {}
        self._names: dict[str, tuple[Subject, ...]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def link(self, person: str, *names: Subject) -> None:
        """From now on these names lead to this person too."""
        for name in names:
            known = self._names.get(person, ())
            if name not in known:
                self._names[person] = (*known, name)
                self._people[name] = (*self._people.get(name, ()), person)

    def people(self, name: Subject) -> tuple[str, ...]:
        """Everybody to whom the name has led."""
        return self._people.get(name, ())

    def of(self, person: str) -> tuple[Subject, ...]:
        """All names that have led to the person."""
        return self._names.get(person, ())

    def unlink(self, person: str) -> None:
        """Forget the person's names."""
        for name in self._names.pop(person, ()):
            self._people[name] = tuple(other for other in self._people[name] if other != person)
            if not self._people[name]:
                del self._people[name]
