"""A value that nobody sees by accident."""

from __future__ import annotations

from typing import Any


class Secret:
    """A string that shows itself to nobody who does not ask for it by name.

    ``repr``, ``str``, formatting and pickling give or carry nothing, so that no log line, traceback or
    debugger summary can hold the value by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one line that sends it to Box."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('…')"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> Any:
        raise TypeError("a Secret can't be pickled or copied")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)
