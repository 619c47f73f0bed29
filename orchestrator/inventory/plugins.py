"""Inventories by name: sources of plug-ins, and the files of the project's folder `inventories`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from stopgap.orchestrator.plugins import code
from stopgap.orchestrator.plugins.project import project
from stopgap.orchestrator.source import InvalidInput, Problem, did_you_mean

_SOURCE = re.compile(r"([a-z][a-z0-9_-]*):(.*)", re.DOTALL)
_NAME = re.compile(r"[\w-]+")


def project_file(spec: str) -> Path | None:
    """Give `inventories/NAME.yaml` of the project for a name that is no path here; None where there is none."""
    folder = project().folder if _NAME.fullmatch(spec) and not Path(spec).exists() else None
    path = folder / "inventories" / f"{spec}.yaml" if folder else None
    return path if path and path.is_file() else None


def from_plugin(spec: str) -> str | None:
    """Ask the plug-in that `NAME:SOURCE` names, and give the inventory's text; None for what is no such name.

    Raises InvalidInput where the plug-in fails, or gives neither a mapping nor text.
    """
    named = _SOURCE.fullmatch(spec)
    if named is None or Path(spec).exists():
        return None
    sources = {found.plugin.name: found for found in code("inventories")}
    if named[1] not in sources and "," in spec:
        return None  # a login, such as web:2222,
    if named[1] not in sources:
        hint = did_you_mean(named[1], (*sources, "ssh_config", "command"))
        raise InvalidInput([Problem(f"-i {spec}", f"no source of inventories is called {named[1]}", hint=hint)])
    found = sources[named[1]]
    try:
        ask = getattr(found.value, "inventory", found.value)
        given = ask(named[2])  # type: ignore[operator]
        if isinstance(given, Mapping):
            given = json.dumps(given, indent=1, ensure_ascii=False, default=str)
        if not isinstance(given, str):
            raise TypeError(f"it gave {type(given).__name__}, and neither a mapping nor text")
    except (Exception, SystemExit) as error:
        told = " ".join(str(error).split())
        message = f"the plug-in {found.plugin.name} ({found.plugin.origin}) failed: {type(error).__name__}: {told}"
        raise InvalidInput([Problem(f"-i {spec}", message)]) from None
    return given
