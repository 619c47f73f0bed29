"""Whether imported code is still the code on disk: an upgrade ends an agent."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping


def currency() -> Callable[[], bool]:
    """Return a function that tells whether every file that was imported so far is unchanged: some 2 µs a file."""
    taken = {path: found for path in _files() if (found := _stamp(path))}
    return lambda: _is_current(taken)


def _is_current(taken: Mapping[str, tuple[int, int, int]]) -> bool:
    return all(_stamp(path) == found for path, found in taken.items())


def _files() -> set[str]:
    return {
        path
        for module in list(sys.modules.values())
        if isinstance(path := getattr(module, "__file__", None), str) and os.path.isabs(path)  # noqa: PTH117
    }


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
