"""The mail servers that Stopgap knows: each module of this package may hold one."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from stopgap.tasks.mta.server import MailServer

_PACKAGE = __name__.rpartition(".")[0]


@cache
def servers() -> tuple[MailServer[Any, Any], ...]:
    """Return an instance of each mail server of this package, in order of the names."""
    names = pkgutil.iter_modules(importlib.import_module(_PACKAGE).__path__, f"{_PACKAGE}.")
    found = [
        item()
        for each in names
        for item in vars(importlib.import_module(each.name)).values()
        if isinstance(item, type) and issubclass(item, MailServer) and item.__module__ == each.name
        if item is not MailServer
    ]
    return tuple(sorted(found, key=lambda server: server.key))
