"""A flag for several threads, of which none waits."""

from __future__ import annotations


class Flag:
    """Set and cleared as a `threading.Event` is, at a fiftieth of the memory: a session has several."""

    __slots__ = ("_set",)

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        """Set the flag."""
        self._set = True

    def clear(self) -> None:
        """Clear the flag."""
        self._set = False

    def is_set(self) -> bool:
        """Return True if the flag is set."""
        return self._set
