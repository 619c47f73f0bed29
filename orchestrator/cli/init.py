"""init: a folder to start from, and the operator's word that plug-ins in that folder may run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.documents.catalogue import written_document
from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.plugins import KINDS
from stopgap.orchestrator.plugins.project import MARK_FILE, is_marked, mark
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.text import tr

_FABFILE = '''"""Makes Stopgap's tasks known to fabric: `fab --list`."""

from stopgap.fabric import namespace as tasks_of_stopgap

namespace = tasks_of_stopgap()
'''
_SCHEMA_LINE = "# yaml-language-server: $schema=templates/schema/inventory.json\n"


@dataclass(frozen=True)
class InitOptions:
    """The options of `stopgap init`."""

    folder: Path
    json: bool = False


def init(options: InitOptions) -> int:
    """Start a folder: inventory, runbooks, fabfile, schemas for editors; what is there already is left alone.

    The folder becomes a project, whose plug-ins take part in what is started there.
    """
    top = options.folder
    screen = screens.err() if options.json else screens.out()
    written, left = [], []
    try:
        for to, text in _wanted(top).items():
            if to.exists():
                left.append(to)
                screen.line(f"left   {to}")
                continue
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(text(), encoding="utf-8")
            written.append(to)
            screen.line(f"wrote  {to}", "good")
        (written if _mark(top, screen) else left).append(top / MARK_FILE)
    except OSError as error:
        raise Error(f"{error.filename}: {error.strerror}") from None
    if options.json:
        print_document(written_document("init", written, left))
    screen.line()
    screen.line(tr("Next: put your hosts into inventory.yaml, their keys into known_hosts, then"))
    screen.line(
        tr(
            "  stopgap check {top} -i {top2} -t web",
            top=top / "runbooks" / "contain.yaml",
            top2=top / "inventory.yaml",
        )
    )
    return 0


def _wanted(top: Path) -> Mapping[Path, Callable[[], str]]:
    wanted: dict[Path, Callable[[], str]] = {top / "inventory.yaml": _inventory}
    for path in sorted(folder("runbooks").glob("*.yaml")):
        wanted[top / "runbooks" / path.name] = lambda path=path: path.read_text(encoding="utf-8")  # type: ignore[misc]
    # Where the first line of runbooks and inventory tells an editor to look.
    for path in sorted((folder("templates") / "schema").glob("*.json")):
        wanted[top / "templates" / "schema" / path.name] = lambda path=path: _schema(path)  # type: ignore[misc]
    wanted[top / "fabfile.py"] = lambda: _FABFILE
    return wanted


def _inventory() -> str:
    text = (folder("inventories") / "example.yaml").read_text(encoding="utf-8")
    return text if text.startswith("# yaml-language-server:") else _SCHEMA_LINE + text


def _schema(shipped: Path) -> str:
    """Give a schema as `stopgap schema` prints it, with the tasks and drivers of installed plug-ins."""
    from stopgap.orchestrator.runbook import schema_inventory, schema_runbook

    makers: dict[str, Callable[[], dict[str, Any]]] = {"runbook": schema_runbook, "inventory": schema_inventory}
    if shipped.stem not in makers:
        return shipped.read_text(encoding="utf-8")
    return json.dumps(makers[shipped.stem](), indent=2, ensure_ascii=False) + "\n"


def _mark(top: Path, screen: screens.Screen) -> bool:
    """Mark the folder; False if the folder is marked already."""
    path = top / MARK_FILE
    if is_marked(top):
        screen.line(f"left   {path}")
        return False
    mark(top)
    screen.line(tr("wrote  {path}: plug-ins in this folder take part in what is started here", path=path), "good")
    for kind in KINDS:
        found = [file for file in sorted((top / kind).rglob("*")) if file.is_file() and "schema" not in file.parts]
        for file in found:
            screen.line(tr("trusts {file}", file=file), "warn")
    return True
