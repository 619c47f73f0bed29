"""Finds plug-ins: the project's first, then those of installed distributions by name."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from stopgap.orchestrator.plugins.failures import fail, guarded
from stopgap.orchestrator.plugins.model import Code, DataFile, Kind, Plugin
from stopgap.orchestrator.plugins.project import project
from stopgap.orchestrator.plugins.project_code import DistrustedError, checked_bytes, import_file
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
_PATTERNS: dict[Kind, str] = {"rules": "*.yaml", "artifacts": "*.yaml", "duties": "*.yaml", "templates": "**/*"}


@cache
def code(kind: Kind) -> tuple[Code, ...]:
    """Import the plug-ins of a kind, such as `tasks`; those that fail are left out and noted (`failures`)."""
    return (*_project_code(kind), *_installed_code(kind))


@cache
def files(kind: Kind) -> tuple[DataFile, ...]:
    """Give the files of a kind that holds no Python: `rules`, `artifacts`, `duties`, `templates`."""
    return (*_project_files(kind), *_installed_files(kind))


def classes(value: object, base: type[T]) -> tuple[type[T], ...]:
    """Give the classes of a plug-in that can be made into a `base`: the class itself, or those that a module defines.

    Raises TypeError where there is none.
    """
    named = vars(value).values() if isinstance(value, ModuleType) else [value]
    within = value.__name__ if isinstance(value, ModuleType) else ""
    found = tuple(
        item
        for item in named
        if isinstance(item, type)
        and issubclass(item, base)
        and not getattr(item, "__abstractmethods__", None)
        and (not within or item.__module__ == within or item.__module__.startswith(f"{within}."))
    )
    if not found:
        raise TypeError(tr("no class in it is a {name} with a name", name=base.__name__))
    return found


def _project_code(kind: Kind) -> Iterator[Code]:
    folder = project().folder
    if folder is None:
        return
    for path in sorted((folder / kind).glob("*.py")):
        origin = f"./{path.relative_to(folder)}"
        if path.name.startswith("_"):
            continue
        with guarded(kind, path.stem, origin):
            digest = hashlib.sha256(checked_bytes(folder, path)).hexdigest()
            yield Code(Plugin(kind, path.stem, origin, digest), import_file(folder, path))


def _installed_code(kind: Kind) -> Iterator[Code]:
    for point in _points(kind):
        origin = _origin(point)
        with guarded(kind, point.name, origin):
            value = point.load()
            file = getattr(sys.modules[point.module], "__file__", None)
            yield Code(Plugin(kind, point.name, origin, _digest(Path(file)) if file else ""), value)


def _project_files(kind: Kind) -> Iterator[DataFile]:
    top = project().folder
    if top is None:
        return
    for path in _matching(top / kind, kind):
        origin, name = f"./{path.relative_to(top)}", path.relative_to(top / kind).as_posix()
        try:
            digest = hashlib.sha256(checked_bytes(top, path)).hexdigest()
        except (DistrustedError, OSError) as error:
            fail(kind, name, origin, str(error))
            continue
        yield DataFile(Plugin(kind, name, origin, digest), path.resolve())


def _installed_files(kind: Kind) -> Iterator[DataFile]:
    for point in _points(kind):
        with guarded(kind, point.name, _origin(point)):
            folder = _folder(point)
            for path in _matching(folder, kind):
                name = path.relative_to(folder).as_posix()
                yield DataFile(Plugin(kind, name, _origin(point), _digest(path)), path)


def _matching(folder: Path, kind: Kind) -> list[Path]:
    found = sorted(path for path in folder.glob(_PATTERNS[kind]) if path.is_file())
    schemas = folder / "schema"  # for editors, as `stopgap init` writes them; nothing renders them
    return [path for path in found if path.suffix not in {".py", ".pyc"} and schemas not in path.parents]


def _folder(point: EntryPoint) -> Path:
    """Find the folder of a package without running the package itself; raises ValueError, ImportError."""
    spec = importlib.util.find_spec(point.module)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places or not Path(places[0]).is_dir():
        raise ValueError(
            tr(
                "{value} is no package; the entry point names the package whose folder holds the files",
                value=point.value,
            )
        )
    return Path(places[0])


def _points(kind: Kind) -> list[EntryPoint]:
    group = [point for point in _all_points() if point.group == f"stopgap.{kind}"]
    return sorted(group, key=lambda point: (point.name, _origin(point)))


@cache
def _all_points() -> tuple[EntryPoint, ...]:
    """Read the entry points of every distribution, once for all kinds.

    Of two distributions of one name, the first on Python's path counts, as for imports. Names are in METADATA, which
    is slow to parse: without any plug-in, nothing but the entry points is read.
    """
    from importlib.metadata import distributions  # noqa: PLC0415 (slow to import, and seldom needed)

    every = list(distributions())
    if not any(point.group.startswith("stopgap.") for found in every for point in found.entry_points):
        return ()
    known = {found.name: found for found in reversed(every)}
    return tuple(point for found in known.values() for point in found.entry_points)


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
