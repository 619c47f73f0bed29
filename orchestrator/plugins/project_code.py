"""Imports the Python of the operator's project: the very bytes that were checked, as the package `stopgap_project`.

Nothing is put on `sys.path`, and no bytecode is read or written: a `__pycache__` may be another person's.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from stopgap.orchestrator.plugins.ownership import distrusted
from stopgap.orchestrator.text import tr

PACKAGE = "stopgap_project"


class DistrustedError(Exception):
    """The file may hold another person's words; the message says why."""


def import_file(project: Path, path: Path) -> ModuleType:
    """Import a file of the project, `PROJECT/KIND/NAME.py`, as the module `stopgap_project.KIND.NAME`.

    Files beside it can be imported relatively. Raises DistrustedError, and whatever the file raises.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(project))
    parts = path.relative_to(project).with_suffix("").parts
    return importlib.import_module(".".join((PACKAGE, *parts)))


def checked_bytes(project: Path, path: Path) -> bytes:
    """Read a file of the project; raises DistrustedError where another person may have written it, OSError."""
    real = path.resolve(strict=True)
    if not real.is_relative_to(project):
        raise DistrustedError(tr("{path} leads out of the project, to {real}", path=path.name, real=real))
    if reason := distrusted(real):
        raise DistrustedError(reason)
    return real.read_bytes()


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, project: Path) -> None:
        self._project = project

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        first, *rest = fullname.split(".")
        if first != PACKAGE:
            return None
        place = self._project.joinpath(*rest)
        if place.is_dir():
            file = place / "__init__.py"
            return importlib.util.spec_from_loader(
                fullname, _Loader(self._project, file if rest and file.is_file() else None), is_package=True
            )
        file = place.with_name(f"{place.name}.py")
        return importlib.util.spec_from_loader(fullname, _Loader(self._project, file)) if file.is_file() else None


class _Loader(importlib.abc.Loader):
    def __init__(self, project: Path, file: Path | None) -> None:
        self._project, self._file = project, file

    def exec_module(self, module: ModuleType) -> None:
        if self._file is None:
            return
        module.__file__ = str(self._file)
        source = checked_bytes(self._project, self._file)
        exec(compile(source, str(self._file), "exec", dont_inherit=True), module.__dict__)  # noqa: S102
