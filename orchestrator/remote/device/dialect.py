"""Differences between the command lines of network devices, as far as a session depends on the differences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from stopgap.orchestrator.device_script import LONGEST
from stopgap.orchestrator.host import Cli


@dataclass(frozen=True)
class Dialect:
    """One kind of command line."""

    netmiko: str
    """netmiko's device type."""
    refusal: re.Pattern[str]
    """Matches a line with a refusal of a command."""
    harmless: re.Pattern[str] = re.compile(r"(?!)")
    """Matches a line similar to a refusal, for a state already as wanted."""
    questions: tuple[tuple[re.Pattern[str], str], ...] = ()
    """Questions of the device, with the answers."""
    login_suffix: str = ""
    """Follows the login name: RouterOS takes terminal options there."""

    def refused(self, said: str) -> str | None:
        """Return the first line of an answer with a refusal."""
        return next(
            (
                line.strip()
                for line in (whole[:LONGEST] for whole in said.splitlines())
                if self.refusal.search(line) and not self.harmless.search(line)
            ),
            None,
        )


_CISCO = re.compile(
    r"^\s*% ?\S|[Cc]ommand rejected|^ERROR:|^Rollback .*(?:fail|cannot)|^Configuration rejected|not committed$"
)

DIALECTS: Mapping[Cli, Dialect] = MappingProxyType(
    {
        "vyos": Dialect(
            "vyos",
            re.compile(
                r"(?i)is not valid|invalid (?:command|value)|(?:set|delete|commit) failed|error:"
                r"|another (?:confirm is pending|commit in progress)|^\s*\[\[.*\]\] failed|commit is not possible"
            ),
            re.compile(r"(?i)already exists|nothing to delete"),
            ((re.compile(r"\[confirm\]\s*(?:\[y\])?\s*\Z|\(y/N\)\s*\Z", re.IGNORECASE), "y"),),
        ),
        "routeros": Dialect(
            "mikrotik_routeros",
            re.compile(
                r"(?i)^\s*(?:failure:|syntax error|bad command|expected |invalid |input does not match|no such item"
                r"|not enough permissions)"
            ),
            login_suffix="+ct511w4098h",
        ),
        "junos": Dialect(
            "juniper_junos",
            re.compile(
                r"(?i)^\s*(?:error:|syntax error|unknown command|invalid |missing )|commit failed|check-out failed"
            ),
        ),
        "eos": Dialect("arista_eos", _CISCO),
        "ios": Dialect(
            "cisco_xe",
            _CISCO,
            re.compile(r"^%(?:SYS|PARSER|ARCHIVE|HA_CONFIG|LINEPROTO|LINK)-[0-6]"),
            ((re.compile(r"\[(?:confirm|no|yes)\]:?\s*\Z", re.IGNORECASE), "y"),),
        ),
    }
)
