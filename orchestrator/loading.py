"""Deferred imports, made by one thread at a time.

Packages such as paramiko, fabric and netmiko have circular imports. Python ends a deadlock between two importing
threads by a half-initialised module, and KeyError, ImportError or AttributeError follow. Therefore the parent thread
imports for its child threads, and the child threads wait.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

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
