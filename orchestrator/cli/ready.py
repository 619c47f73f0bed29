"""ready: what a containment would lack tonight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.screen import said
from stopgap.orchestrator.documents import envelope
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory, load_inventory
from stopgap.orchestrator.ready.item import Item
from stopgap.orchestrator.text import tr, trn

_INVENTORY = Path("inventory.yaml")
_RUNBOOKS = Path("runbooks")
_STYLES = {"ready": "good", "told": "", "lacks": "bad"}


@dataclass(frozen=True)
class ReadyOptions:
    """The options of `stopgap ready`."""

    inventories: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    limit: tuple[str, ...] | None = None
    """Names and patterns of --limit-file."""
    sudoers: bool = False
    json: bool = False


def ready(options: ReadyOptions) -> int:
    """Show what is there and what is lacking; return 0 where nothing is lacking, else 1."""
    from stopgap.orchestrator.journal import state_home
    from stopgap.orchestrator.ready.look import look, usual_targets

    inventory = _inventory(options.inventories)
    named = bool(options.targets) or options.limit is not None
    targets = inventory.select(options.targets, options.limit) if named else usual_targets(inventory)
    if options.sudoers:
        return _print_sudoers(inventory, targets, as_json=options.json)
    runbooks = sorted(_RUNBOOKS.glob("*.yaml")) if _RUNBOOKS.is_dir() else []
    items = look(inventory, targets, runbooks, state_home())
    lacking = [item for item in items if item.state == "lacks"]
    if options.json:
        hosts = [target.name for target in targets]
        print_document(
            {**envelope("ready"), "ready": not lacking, "targets": hosts, "items": [asdict(item) for item in items]}
        )
    else:
        _show(items, len(lacking))
    return 1 if lacking else 0


def _print_sudoers(inventory: Inventory, targets: Sequence[Host], *, as_json: bool) -> int:
    from stopgap.orchestrator.ready.sudoers import sudoers

    lines = list(sudoers(inventory, targets))
    if as_json:
        print_document({**envelope("sudoers"), "lines": lines})
    else:
        screens.out().lines(lines)
    return 0


def _inventory(typed: Sequence[str]) -> Inventory:
    if not typed and not _INVENTORY.is_file():
        raise UsageError(tr("which inventory? Name it with -i, or call this where inventory.yaml is"))
    return load_inventory(tuple(typed) or (str(_INVENTORY),))


def _show(items: Sequence[Item], lacking: int) -> None:
    screen = screens.out()
    widest = max((len(item.host) for item in items), default=0)
    for item in items:
        screen.line(
            f"{item.state:<6} {item.host:<{widest}}  {item.subject:<8} {said(item.text)}", _STYLES[item.state]
        )
    screen.line()
    if lacking:
        screen.line(
            trn(
                "{count} thing is lacking. Nothing was changed.",
                "{count} things are lacking. Nothing was changed.",
                lacking,
            ),
            "bad",
        )
    else:
        screen.line(tr("Ready: nothing is lacking. Nothing was changed."), "good")
