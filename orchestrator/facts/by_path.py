"""Answers about several paths in one output: each behind `path KEY`, where the key stands for the path."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

TOGETHER = 64
"""Most paths that steps ask about by one script."""
_KEY = re.compile(r"^path ([0-9a-f]{16})\n", re.MULTILINE)


def path_key(path: str) -> str:
    """Return what stands for a path in an output: a path may have any byte but zero, a newline too."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def keyed(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return the paths, each behind its key."""
    return [(path_key(path), path) for path in paths]


def blocks(output: str) -> tuple[str, dict[str, str]]:
    r"""Return what an output says before the first path, and what it says of each path, by key.

    >>> blocks(f"account 0\npath {path_key('/a')}\nlinks 1\n") == ("account 0\n", {path_key("/a"): "links 1\n"})
    True
    """
    head, *rest = _KEY.split(output)
    return head, dict(zip(rest[::2], rest[1::2], strict=True))
