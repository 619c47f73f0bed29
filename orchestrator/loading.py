"""Imports that are put off until they are needed, made by one thread at a time.

Packages such as paramiko, fabric and netmiko import each other in circles. Python ends a deadlock between two threads
that import such packages by giving one of them half of a module, which fails with KeyError, ImportError or
AttributeError. So the thread that starts others imports for them, and they wait until it has.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_turn = threading.RLock()
_loaded: set[str] = set()


def load(modules: Iterable[str]) -> None:
    """Import modules, by their full names. Where another thread imports, wait for it first."""
    missing = [module for module in modules if module not in _loaded]
    if not missing:
        return
    with _turn:
        for module in missing:
            importlib.import_module(module)
            _loaded.add(module)


@contextmanager
def loading(modules: Iterable[str]) -> Iterator[None]:
    """Import modules when the block ends; a thread that the block starts and that calls `load` waits until then."""
    missing = [module for module in modules if module not in _loaded]
    if not missing:
        yield
        return
    with _turn:
        yield
        load(missing)
