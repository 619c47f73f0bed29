"""How a server with SFTP is logged in to: as the inventory says, else as ssh(1) would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stopgap.orchestrator.cut.logins import typed
from stopgap.orchestrator.evidence.delivery.destination import SftpFolder
from stopgap.orchestrator.host import Host


def server_of(to: SftpFolder, hosts: Mapping[str, Host], where: str = "--to") -> Host:
    """Return the host of the inventory, or the one that ssh(1) would log in to by this name.

    `where`: the option, for messages.
    """
    if (known := hosts.get(to.host)) is not None:
        changed: dict[str, Any] = ({"user": to.user} if to.user else {}) | ({"port": to.port} if to.port else {})
        return known.model_copy(update=changed) if changed else known
    at = f"{to.user}@" if to.user else ""
    address = f"[{to.host}]" if ":" in to.host else to.host
    found = typed(f"{at}{address}" + (f":{to.port}" if to.port else ""), where)
    entry = dict(found.entry)
    if "known_hosts" in entry:
        entry["known_hosts"] = Path(entry["known_hosts"]).expanduser()
    return Host.model_validate({"name": found.name, **entry})
