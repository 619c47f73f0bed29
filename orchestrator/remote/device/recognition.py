"""Recognises the command line of a device without a shell: by the server's version, the first prompt, `show version`.

netmiko's own detection (`netmiko.ssh_autodetect.SSHDetect`) would log in with any host key, and sleeps for over ten
seconds; netmiko's patterns are used here over our pinned and bounded connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from netmiko.ssh_autodetect import SSH_MAPPER_DICT

from stopgap.orchestrator.host import Cli
from stopgap.orchestrator.remote.device.terminal import DeviceShell
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.remote.ssh import Connection
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import Deadline

QUIET = 1.0
"""Seconds without output after which a prompt is taken to wait for a line."""
MOST = 64 << 10
"""Most bytes read of one answer."""
_SHOW = b"show version\r"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_AT_ONCE: Mapping[Cli, str] = {
    "routeros": r"SSH-2\.0-ROSSSH|MikroTik RouterOS|^\[[^\]\s@]{1,64}@[^\]\n]{1,64}\] (?:/\S* ?)?> ?\Z",
    "vyos": "Welcome to VyOS",
    "junos": r"--- JUNOS ",
}
"""Seen before any line is sent: the server's version (RFC 4253, section 4.2), the greeting, the prompt."""
_BY_NETMIKO: Mapping[Cli, tuple[str, ...]] = {
    "ios": ("cisco_ios", "cisco_xe"),
    "eos": ("arista_eos",),
    "junos": ("juniper_junos",),
}


def _patterns(kinds: tuple[str, ...]) -> str:
    """Join netmiko's patterns of some device types."""
    known: Mapping[str, Mapping[str, Any]] = SSH_MAPPER_DICT
    return "|".join(f"(?:{pattern})" for kind in kinds for pattern in known[kind]["search_patterns"])


_SHOWN: Mapping[Cli, str] = {
    **{cli: _patterns(kinds) for cli, kinds in _BY_NETMIKO.items()},
    "vyos": r"^Version:\s+VyOS",
}
"""Seen in the answer to `show version`."""


def recognise(connection: Connection, limits: Limits, deadline: Deadline) -> tuple[Cli, str]:
    """Return the command line of a device, and what was seen of it; one read-only line is sent at most.

    `connection` is logged in, and stays open. Raises Unreachable for a command line that is not known.
    """
    seen = f"{connection.transport.remote_version}\n"
    shell = DeviceShell(connection, limits, deadline)
    with suppress(OSError):  # what came until then tells
        shell.invoke_shell()
        seen += _heard(shell, limits)
        if found := _match(_AT_ONCE, seen):
            return found
        shell.sendall(_SHOW)
        seen += _heard(shell, limits)
    if found := _match(_SHOWN, seen):
        return found
    said = next((line.strip() for line in reversed(seen.splitlines()) if line.strip()), "")
    raise Unreachable(
        connection.host, tr("`show version` there tells of no device that is known: {said}", said=said[:80]), "shell"
    )


def _heard(shell: DeviceShell, limits: Limits) -> str:
    """Read until the device waits for a line."""
    heard = b""
    whole = shell.deadline
    with suppress(TimeoutError):
        while len(heard) < MOST:
            shell.deadline = Deadline(max(min(QUIET if heard else limits.start, whole.left()), 0.0))
            heard += shell.hear()
    shell.deadline = whole
    whole.check()
    return _ANSI.sub("", heard.decode("utf-8", "replace")).replace("\r", "")


def _match(known: Mapping[Cli, str], seen: str) -> tuple[Cli, str] | None:
    for cli, pattern in known.items():
        if found := re.search(pattern, seen[:MOST], re.IGNORECASE | re.MULTILINE):
            return cli, found[0].strip()
    return None
