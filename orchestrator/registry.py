"""Finds the tasks: every subclass of Task in the package `tasks` that has a name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from orchestrator.task import Task


@cache
def tasks() -> Mapping[str, Task[Any, Any]]:
    """Import every module below `tasks` and give one instance of each task, by name, sorted.

    Two tasks of one name are a mistake of the programmer: ValueError.
    """
    package = importlib.import_module("tasks")
    found: dict[str, Task[Any, Any]] = {}
    for module in pkgutil.walk_packages(package.__path__, "tasks."):
        for item in vars(importlib.import_module(module.name)).values():
            if not (isinstance(item, type) and issubclass(item, Task) and item.__module__ == module.name):
                continue
            if item.name in found:
                raise ValueError(f"two tasks are called {item.name}")
            found[item.name] = item()
    return MappingProxyType(dict(sorted(found.items())))
