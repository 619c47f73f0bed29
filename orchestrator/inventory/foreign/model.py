"""The conversion of another tool's inventory: entries of Stopgap's own inventory, and hosts left out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

_PATIENCE, _LONGEST = 10, 600
"""Seconds for a login, by default and at most."""

HostFields: TypeAlias = dict[str, Any]
"""Keys and values of one host, in the form of Stopgap's own inventory."""


@dataclass(frozen=True)
class Understood:
    """Hosts and groups in the form of Stopgap's own inventory."""

    source: str
    """The source as named by the operator."""
    hosts: Mapping[str, HostFields]
    groups: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    defaults: HostFields = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Host → why Stopgap cannot act on the host."""
    notes: tuple[str, ...] = ()
    """Settings of hosts not taken over, with the reason."""

    def text(self) -> str:
        """Return the inventory as text of Stopgap's own format: JSON, a subset of YAML 1.2."""
        whole = {"defaults": _as_ssh_has_them() | self.defaults, "hosts": self.hosts, "groups": self.groups}
        return json.dumps({key: value for key, value in whole.items() if value}, indent=1, ensure_ascii=False) + "\n"


def patience(seconds: str) -> HostFields:
    """Return `connect_timeout` for another tool's connection timeout in seconds, if longer than the default.

    >>> patience("30"), patience("5"), patience("none")
    ({'connect_timeout': '30s'}, {}, {})
    """
    given = int(seconds) if re.fullmatch("[0-9]{1,6}", seconds) else 0
    return {"connect_timeout": f"{min(given, _LONGEST)}s"} if given > _PATIENCE else {}


def fitting_name(name: str) -> str:
    """Return a valid host or group name: other characters become hyphens.

    >>> fitting_name("web 01/äst")
    'web-01--st'
    """
    fitting = re.sub(r"[^A-Za-z0-9._-]", "-", name)[:64].rstrip(".")
    return fitting if re.match(r"[A-Za-z0-9]", fitting) else f"h{fitting}"[:64]


def _as_ssh_has_them() -> HostFields:
    """Return the default identity and known hosts of ssh(1), if the files exist."""
    folder = Path("~/.ssh").expanduser()
    keys = [folder / name for name in ("id_ed25519", "id_ecdsa", "id_rsa")]
    found = {"identity": next((str(key) for key in keys if key.is_file()), None)}
    return {
        **{name: path for name, path in found.items() if path},
        "known_hosts": str(folder / "known_hosts"),
    }
