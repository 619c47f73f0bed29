"""A folder of inventories in Stopgap's own format."""

from __future__ import annotations

import re
from pathlib import Path

from stopgap.orchestrator.inventory.foreign.source import is_of_ansible
from stopgap.orchestrator.source import InvalidInput, Problem

_TOP = re.compile(r"^([\"']?)([A-Za-z_][\w.-]*)\1\s*:", re.MULTILINE)
_KEYS = frozenset({"defaults", "hosts", "groups"})
_OF_ANSIBLE = ("group_vars", "host_vars", "ansible.cfg")
_LOOKED_AT = 1 << 20
"""Characters of a file in which the keys at the top are looked for."""


def own_files(folder: Path) -> list[Path]:
    """Return the inventories of a folder, in the order of their names; none for a folder of another tool.

    A file counts whose name ends in .yaml or .yml, and that has `hosts`, `groups` or `defaults` at the top and no
    other key. Raises InvalidInput for a folder that holds Ansible's inventories too.
    """
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    own = [path for path in files if path.suffix in {".yaml", ".yml"} and _is_own(path)]
    if not own:
        return []
    others = [folder / name for name in _OF_ANSIBLE if (folder / name).exists()]
    others += [path for path in files if path not in own and is_of_ansible(path)]
    if others:
        message = f"{own[0].name} is Stopgap's own, and {others[0].name} is Ansible's"
        hint = f"keep the two apart, and name each: -i {folder} -i {own[0].name}"
        raise InvalidInput([Problem(f"-i {folder}", message, hint=hint)])
    return own


def _is_own(path: Path) -> bool:
    try:
        with path.open("r", encoding="utf-8", errors="replace") as stream:
            text = stream.read(_LOOKED_AT)
    except OSError:
        return False
    keys = {found[2] for found in _TOP.finditer(text)}
    return bool(keys) and keys <= _KEYS
