"""Deferred imports, made by one thread at a time.

Packages such as paramiko, fabric and netmiko have circular imports. Python ends a deadlock between two importing
threads by a half-initialised module, and KeyError, ImportError or AttributeError follow. Therefore the parent thread
imports for its child threads, and the child threads wait.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_turn = threading.RLock()
_loaded: set[str] = set()


def load(modules: Iterable[str]) -> None:
    """Import modules by full name, after a wait for the import of another thread."""
    missing = [module for module in modules if module not in _loaded]
    if not missing:
        return
    with _turn:
        for module in missing:
            importlib.import_module(module)
            _loaded.add(module)


@contextmanager
def loading(modules: Iterable[str]) -> Iterator[None]:
    """Import modules at the end of the block; a thread started in the block waits in `load` until then."""
    missing = [module for module in modules if module not in _loaded]
    if not missing:
        yield
        return
    with _turn:
        yield
        load(missing)


def names_of(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package (PEP 562) whose public names are imported on first use.

    `modules`: name → module below the package. A name that is a module of the package too cannot be one of them.
    """

    def found(name: str) -> Any:  # noqa: ANN401
        if name not in modules:
            raise AttributeError(name)
        value = getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return found
