"""What tests of imports share: places in data to change, and a machine that must not be touched."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

import stopgap.orchestrator.runbook.expression as expressions


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the path of each value of JSON-like data, outer ones first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


def put(data: Any, changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """Change values at their paths; a path that an earlier change has taken away is left out."""
    for path, value in changes:
        at = data
        try:
            for part in path[:-1]:
                at = at[part]
            at[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue


def touch_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make opening files, starting programs, connecting and evaluating expressions fail."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("an import must not")

    for module, name in ((subprocess, "Popen"), (os, "system"), (os, "execve"), (socket, "socket"), (os, "open")):
        monkeypatch.setattr(module, name, never)
    monkeypatch.setattr("builtins.open", never)
    monkeypatch.setattr(Path, "open", never)
    monkeypatch.setattr(expressions, "evaluate", never, raising=False)
