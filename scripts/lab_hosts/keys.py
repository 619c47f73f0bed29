"""The lab's SSH keys: one for the operator, one for each host, all pinned in `known_hosts`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .topology import HOSTS

OPERATOR = "id_ed25519"
KNOWN_HOSTS = "known_hosts"


def make(directory: Path) -> dict[str, Path]:
    """Make all keys in `directory`; the hosts' private keys by host name."""
    _generate(directory / OPERATOR, "operator")
    keys = {node.name: directory / "hosts" / node.name / "key" for node in HOSTS}
    lines = []
    for node in HOSTS:
        _generate(keys[node.name], node.name)
        kind, key, _ = keys[node.name].with_suffix(".pub").read_text().split()
        lines.append(f"{','.join(node.addresses)} {kind} {key}\n")
    (directory / KNOWN_HOSTS).write_text("".join(lines))
    return keys


def _generate(path: Path, comment: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path], check=True)
