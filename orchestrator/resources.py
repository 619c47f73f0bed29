"""The folders of files shipped with Stopgap, in an installed package or in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

Folder: TypeAlias = Literal["artifacts", "docs", "duties", "inventories", "rules", "runbooks", "templates"]

_PACKAGE = Path(__file__).resolve().parent


def folder(name: Folder) -> Path:
    """Return the folder of shipped files; FileNotFoundError if the installation lacks the folder.

    The package's own copy takes precedence: `templates` beside an installed package may belong to anybody.
    """
    shipped = _PACKAGE / "shipped" / name
    if shipped.is_dir():
        return shipped
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    raise FileNotFoundError(f"this installation of Stopgap lacks its folder {name}")


def runbooks() -> dict[str, Path]:
    """Return the shipped runbooks by name, sorted."""
    return {path.stem: path for path in sorted(folder("runbooks").glob("*.yaml"))}
