"""What takes part in a run: the plug-ins that are there, with their checksums, for the run's record."""

from __future__ import annotations

from stopgap.orchestrator.plugins.discovery import code, files
from stopgap.orchestrator.plugins.failures import failures
from stopgap.orchestrator.plugins.model import Kind, Plugin

_CODE: tuple[Kind, ...] = ("tasks", "drivers", "sinks")
_DATA: tuple[Kind, ...] = ("rules", "artifacts", "duties", "templates")


def used() -> tuple[Plugin, ...]:
    """Give every plug-in that was found and is not left out, by kind and name."""
    imported = [item.plugin for kind in _CODE for item in code(kind)]
    read = [item.plugin for kind in _DATA for item in files(kind)]
    left_out = {(failure.kind, failure.name, failure.origin) for failure in failures()}
    return tuple(
        sorted(plugin for plugin in (*imported, *read) if (plugin.kind, plugin.name, plugin.origin) not in left_out)
    )
