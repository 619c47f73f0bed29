"""A plug-in: kind, name, origin, and checksum of the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["tasks", "drivers", "rules", "artifacts", "templates", "duties", "sinks", "inventories"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, order=True)
class Plugin:
    """One plug-in."""

    kind: Kind
    name: str
    """The entry point's name, or the file's path below the folder of its kind."""
    origin: str
    """The distribution with its version, such as `acme-stopgap 1.2`, or the file of the project."""
    sha256: str
    """Of the file: the module that was loaded, the YAML, the template."""


@dataclass(frozen=True)
class Code:
    """A plug-in in Python, imported."""

    plugin: Plugin
    value: object
    """The module, or the object that the entry point names."""


@dataclass(frozen=True)
class DataFile:
    """A file of a plug-in that holds no Python: rules, artifacts, duties, a template."""

    plugin: Plugin
    path: Path
