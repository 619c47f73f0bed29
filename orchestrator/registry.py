"""The registry of tasks: every named subclass of Task in the package `tasks`, and those of plug-ins."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from stopgap.orchestrator.plugins import classes, code, fail, guarded
from stopgap.orchestrator.task import Task
from stopgap.orchestrator.text import tr

_DRIVERS = "def drivers(self)"


def origins() -> Mapping[str, str]:
    """Return the origin of each plug-in's task by the task's name: a distribution with its version, or a file."""
    return dict(_registered().origins())


@cache
def tasks() -> Mapping[str, Task[Any, Any]]:
    """Return an instance of each task, by name; a task's module is imported at the first request.

    Plug-ins are looked up for a name of no shipped task, and at the request of all tasks. Two shipped tasks of the
    same name are a programming error: ValueError, at the request of all tasks.
    """
    return _registered()


def tasks_with_drivers() -> Iterator[Task[Any, Any]]:
    """Yield the shipped tasks that have drivers; no other task is imported."""
    yield from _registered().with_drivers()


@cache
def _registered() -> _Tasks:
    return _Tasks()


class _Tasks(Mapping[str, Task[Any, Any]]):
    """For a name, imports the modules with the name in their text; only an unknown name imports all modules."""

    def __init__(self) -> None:
        self._texts = {name: path.read_text(encoding="utf-8") for name, path in _modules()}
        self._found: dict[str, Task[Any, Any]] = {}
        self._all_shipped: dict[str, Task[Any, Any]] | None = None
        self._all: dict[str, Task[Any, Any]] | None = None
        self._origins: dict[str, str] = {}

    def origins(self) -> dict[str, str]:
        """Return the origins of the plug-ins' tasks, after a look at all of them."""
        self._every()
        return self._origins

    def with_drivers(self) -> Iterator[Task[Any, Any]]:
        """Yield the shipped tasks with drivers, found by the text of the modules."""
        for module, text in self._texts.items():
            if f"    {_DRIVERS}" in text:
                yield from _tasks_of(module).values()

    def __getitem__(self, name: str) -> Task[Any, Any]:
        if name not in self._found:
            for module, text in self._texts.items():
                if f'name = "{name}"' in text:
                    self._found |= _tasks_of(module)
        if name in self._found:
            return self._found[name]
        shipped = self._shipped()
        return shipped[name] if name in shipped else self._every()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._every())

    def __len__(self) -> int:
        return len(self._every())

    def _every(self) -> dict[str, Task[Any, Any]]:
        if self._all is None:
            shipped = self._shipped()
            of_plugins = _tasks_of_plugins(shipped)
            self._origins = {name: origin for name, (_, origin) in of_plugins.items()}
            found = {name: task for name, (task, _) in of_plugins.items()}
            self._all = dict(sorted({**shipped, **found}.items()))
        return self._all

    def _shipped(self) -> dict[str, Task[Any, Any]]:
        if self._all_shipped is None:
            found: dict[str, Task[Any, Any]] = {}
            for module in self._texts:
                for name, task in _tasks_of(module).items():
                    if name in found:
                        raise ValueError(tr("two tasks are called {name}", name=name))
                    found[name] = self._found.setdefault(name, task)
            self._all_shipped = found
        return self._all_shipped


def _modules() -> Iterator[tuple[str, Path]]:
    for place in importlib.import_module("stopgap.tasks").__path__:
        for file in sorted(Path(place).rglob("*.py")):
            parts = file.relative_to(place).with_suffix("").parts
            yield ".".join(("stopgap.tasks", *parts)).removesuffix(".__init__"), file


def _tasks_of(module: str) -> dict[str, Task[Any, Any]]:
    return {
        item.name: item()
        for item in vars(importlib.import_module(module)).values()
        if isinstance(item, type) and issubclass(item, Task) and item.__module__ == module
    }


def _tasks_of_plugins(shipped: Mapping[str, Task[Any, Any]]) -> dict[str, tuple[Task[Any, Any], str]]:
    found: dict[str, tuple[Task[Any, Any], str]] = {}
    for plugin in code("tasks"):
        named = plugin.plugin
        with guarded("tasks", named.name, named.origin):
            for kind in classes(plugin.value, Task):  # type: ignore[type-abstract]
                if kind.name in shipped or kind.name in found:
                    whose = "of Stopgap" if kind.name in shipped else tr("of another plug-in")
                    fail(
                        "tasks",
                        named.name,
                        named.origin,
                        tr("a task {whose} is called {kind}", whose=whose, kind=kind.name),
                    )
                    continue
                kind.Params.model_json_schema()  # a parameter that pydantic does not know fails here, by name
                found[kind.name] = kind(), named.origin
    return found
