"""Output of a network device without a shell."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from stopgap.orchestrator.device_script import Look, Origin, lines_of, to_text
from stopgap.orchestrator.facts.reader import Fact, Output, Reader, UnreadableError

_NAME = r"[A-Za-z0-9_.:/-]{1,64}"
READ_ONLY = (
    rf"show configuration commands \| match {_NAME}",
    rf"show configuration (policy-options|firewall|interfaces)( {_NAME}){{0,2}} \| display set( \| no-more)?",
    rf"show (ip|ipv6) access-lists? {_NAME}",
    rf"show running-config interface {_NAME}( {_NAME})?",
    rf"show running-config interfaces {_NAME}",
    r"show archive( config rollback timer)?",
    r"show system commit",
    r"show configuration sessions detail",
    r"show running-config \| include Null0 tag 666",
    rf"/(ip|ipv6) firewall (address-list|raw) print terse where (list|comment)={_NAME}",
)
"""Patterns (re) of the allowed commands, matched whole: no command changes the device or writes a file."""


class ShownFact(Fact):
    """The output of commands, each separate."""

    shown: dict[str, str] = {}

    def lines(self, command: str) -> tuple[str, ...]:
        """Return the lines of a command's output, spaces collapsed and trimmed, without blank lines."""
        return lines_of(self.shown.get(command, ""))


@dataclass(frozen=True)
class Shown(Reader[ShownFact]):
    """Send READ_ONLY commands to a network device; any other command raises ValueError.

    For a command refused by the device, the output is the refusal.
    """

    commands: tuple[str, ...]
    deadline = 30.0
    cap = 8 << 20

    def __post_init__(self) -> None:
        """Raise ValueError for a command outside READ_ONLY."""
        for command in self.commands:
            if not any(re.fullmatch(known, command) for known in READ_ONLY):
                raise ValueError(f"{command}: not among the commands that only show")

    def script(self) -> str:
        """Return the dialogue."""
        return to_text(Look(commands=self.commands))

    def parse(self, output: Output) -> ShownFact:
        """Split the answers."""
        try:
            answers = json.loads(output.stdout.decoded())
        except ValueError:
            answers = None
        if output.status != 0 or not isinstance(answers, list) or len(answers) != len(self.commands):
            raise UnreadableError(output.stderr.last_line() or "the device did not answer as one")
        return ShownFact(shown=dict(zip(self.commands, map(str, answers), strict=True)))


@dataclass(frozen=True)
class DeviceOrigin(Reader[IPv4Address | IPv6Address | None]):
    """Read the operator's source address towards a network device; `None` behind a jump host."""

    def script(self) -> str:
        """Return the dialogue."""
        return to_text(Origin())

    def parse(self, output: Output) -> IPv4Address | IPv6Address | None:
        """Parse an address; an IPv4-mapped IPv6 address becomes IPv4."""
        text = output.stdout.decoded()
        try:
            address = ip_address(text) if text else None
        except ValueError:
            raise UnreadableError("no address of this end of the connection is known") from None
        return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
