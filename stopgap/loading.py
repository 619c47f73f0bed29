"""Read runbooks and inventories, from files or from text; nothing is contacted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeAlias

from stopgap.orchestrator import inventory as inventories
from stopgap.orchestrator import runbook as runbooks
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.runbook import Runbook
from stopgap.orchestrator.runbook.finding import runbook_file

Source: TypeAlias = str | os.PathLike[str]
"""An inventory: a path, or another argument of `-i`."""


def load_runbook(source: str | os.PathLike[str], *, text: str | None = None) -> Runbook:
    """Read a runbook and check the runbook alone, without an inventory.

    `source`: a file, or the name of a runbook in `./runbooks` or of a shipped one, such as `contain`.
    `text`: the YAML itself; `source` then only names the text in messages.

    Raises InvalidInput with every problem at its line and column.

    >>> load_runbook("mine", text="{name: Look, steps: [{task: evidence.collect, with: {profile: volatile}}]}").name
    'Look'
    """
    if text is not None:
        return runbooks.parse_runbook(text, os.fspath(source))
    return runbooks.load_runbook(runbook_file(os.fspath(source)))


def load_inventory(source: Source | Sequence[Source], *, text: str | None = None) -> Inventory:
    """Read an inventory: hosts by name with addresses, logins and relations, and groups of hosts.

    `source`: a value of `-i` (a file or folder, `ssh_config:PATH`, `command:…`, `LOGIN@HOST,`), or several sources
    for one inventory. `text`: the YAML; paths in the YAML are relative to the folder of `source`.

    Raises InvalidInput with every problem at its line and column, contradictions between two sources included.

    >>> hosts = load_inventory("mine.yaml", text="{hosts: {web: {address: 192.0.2.7}}}").hosts
    >>> str(hosts["web"].address)
    '192.0.2.7'
    """
    sources = [os.fspath(each) for each in ([source] if isinstance(source, (str, os.PathLike)) else source)]
    if text is not None:
        return inventories.parse_inventory(text, ", ".join(sources))
    return inventories.load_inventory(sources)
