"""inventory: how an inventory is understood, whichever tool the inventory is of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.documents import envelope
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.inventory import Inventory, load_inventory
from stopgap.orchestrator.text import tr

_MEMBERS = 12
"""Members of a group that are named."""


@dataclass(frozen=True)
class InventoryOptions:
    """The options of `stopgap inventory`."""

    inventories: tuple[str, ...]
    write: Path | None = None
    json: bool = False


def inventory(options: InventoryOptions) -> int:
    """Show an inventory as loaded: defaults filled in, groups resolved."""
    loaded = load_inventory(options.inventories)
    if options.write:
        _write(options.write, loaded.text)
    if options.json:
        return _show_as_json(loaded)
    if options.write:
        return 0
    screen = screens.out()
    several = len(loaded.sources) > 1
    for host in loaded.hosts.values():
        follows = tr(" (its `may_block` holds the addresses)") if host.name in loaded.derived else ""
        how = host.connection if host.connection != "ssh" else f"{host.user}@{host.address}:{host.port}"
        how = " ".join((how, *host.exec))
        screen.line(f"{host.name:<11} {how}", "title")
        for label, value in (
            ("addresses", ", ".join(map(str, host.addresses))),
            ("upstream", ", ".join(host.upstreams) + follows),
            ("spare", host.spare),
            ("jump", host.jump),
            ("driver", host.driver),
            (tr("may block"), ", ".join(map(str, host.may_block))),
            (tr("never block"), ", ".join(map(str, host.never_block))),
            ("vantage", host.vantage),
            ("become", host.become),
            ("from", loaded.place(host.name) if several else None),
        ):
            if value:
                screen.line(f"  {label:<12} {value}")
    for name, members in loaded.groups.items():
        screen.line(tr("group {name}: {shortened}", name=name, shortened=shortened(members, _MEMBERS)))
    for name, reason in loaded.left_out.items():
        screen.line(tr("{name} is left out: {reason}", name=name, reason=reason), "warn")
    for note in loaded.notes:
        screen.line(note, "warn")
    return 0


def _show_as_json(loaded: Inventory) -> int:
    shown = {
        **envelope("inventory"),
        "source": loaded.path,
        "hosts": {name: host.model_dump(mode="json", exclude={"name"}) for name, host in loaded.hosts.items()},
        "groups": {name: list(members) for name, members in loaded.groups.items()},
        "left_out": dict(loaded.left_out),
        "notes": list(loaded.notes),
        "places": {name: loaded.place(name) for name in loaded.hosts},
        "derived_upstreams": sorted(loaded.derived),
    }
    print_document(shown)
    return 0


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            tr("{path}: {strerror}; the inventory was not written", path=path, strerror=error.strerror)
        ) from None
    screens.err().line(tr("{path} is written; `stopgap inventory -i {path}` shows it.", path=path))
