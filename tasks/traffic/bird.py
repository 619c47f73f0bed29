"""BIRD as a source of FlowSpec rules: sessions, configuration file, and rules sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal

from stopgap.orchestrator.change import Command
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import ANY, File, ProgramFact, Reader, ReadOnly
from stopgap.orchestrator.host import Network
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.shell import run

BIRDC = ReadOnly(("birdc", "-r"), more=ANY, because="birdc(8): -r allows only commands that show")
SESSIONS = BIRDC.asked("show", "protocols", "all")

_PROTOCOL = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)\s+(\S+)\s+\S+\s+(\S+)\s")
_CHANNEL = re.compile(r"^  Channel flow([46])$")
_FIELD = re.compile(r"^    (State|Table):\s+(\S+)$")
_RULE = re.compile(r"^flow[46] \{ ([^}]*)\}")
_PREFIX = re.compile(r"(dst|src) ([0-9a-fA-F.:/]+);")

DISCARD = "bgp_ext_community.add((generic, 0x80060000, 0x0));"
"""The traffic-rate action with a rate of nothing (RFC 8955, section 7.1)."""


@dataclass(frozen=True)
class Session:
    """An established BGP session with FlowSpec for one family, fed from `table`."""

    protocol: str
    version: Literal[4, 6]
    table: str


def sessions(shown: str) -> tuple[Session, ...]:
    """Return the sessions from the output of SESSIONS."""
    return tuple(_sessions(shown.splitlines()))


def _sessions(lines: Iterable[str]) -> Iterator[Session]:
    protocol, version, up = "", None, False
    for line in lines:
        if match := _PROTOCOL.match(line):
            protocol = match[1] if match[2] == "BGP" and match[3] == "up" and "Established" in line else ""
            version = None
        elif match := _CHANNEL.match(line):
            version, up = (4 if match[1] == "4" else 6), False
        elif line.startswith("  Channel "):
            version = None
        elif protocol and version and (match := _FIELD.match(line)):
            if match[1] == "State":
                up = match[2] == "UP"
            elif up:
                yield Session(protocol, 4 if version == 4 else 6, match[2])


@dataclass(frozen=True)
class Rule:
    """A FlowSpec rule on packets from `source` to `destination`; None is any. Packets are discarded unless
    `accept`.
    """

    destination: Network | None = None
    source: Network | None = None
    accept: bool = False

    @property
    def version(self) -> int:
        """Return the IP version of the rule's networks."""
        network = self.destination or self.source
        return network.version if network else 0

    def line(self) -> str:
        """Give BIRD's line (BIRD's manual, section 6.14)."""
        parts = [f"{key} {n};" for key, n in (("dst", self.destination), ("src", self.source)) if n]
        action = ";" if self.accept else f" {{ {DISCARD} }};"
        return f"\troute flow{self.version} {{ {' '.join(parts)} }}{action}"


def path(label: str) -> str:
    """Return the path of a block's file, in /run: a reboot also clears the expiry timer of the block."""
    return f"/run/stopgap-bird-{label}.conf"


def content(label: str, rules: Iterable[Rule], tables: Mapping[int, tuple[str, ...]]) -> str:
    """Return a static protocol for each table; `tables` are the tables exported by sessions, by IP version."""
    known = tuple(rules)
    lines: list[str] = []
    for version in (4, 6):
        mine = [rule.line() for rule in known if rule.version == version]
        for table in tables.get(version, ()) if mine else ():
            lines += [
                f"protocol static stopgap_{label.replace('-', '__')}_{table} {{",
                f"\tflow{version} {{ table {table}; }};",
            ]
            lines += [*mine, "}"]
    return "".join(f"{line}\n" for line in lines)


def reader(label: str) -> File:
    """Read the file of a block."""
    return File(path(label))


def originate(label: str, rules: str) -> Command:
    """Return the command to load this content into BIRD, in place of the previous content; empty withdraws the
    rules.
    """
    return run("originate", path(label), rules=rules)


class Originated(Check):
    """BIRD exports the rules to a peer. The peer's handling of the rules stays unknown."""

    kind: Literal["originated"] = "originated"
    protocol: str
    version: Literal[4, 6]
    table: str
    rules: tuple[Rule, ...]

    def describe(self) -> str:
        """Name the session."""
        return tr(
            "FlowSpec rules for IPv{version} are sent over the session {protocol}",
            version=self.version,
            protocol=self.protocol,
        )

    def reader(self) -> Reader[ProgramFact]:
        """Return a reader for the routes exported by the session."""
        return BIRDC.asked("show", "route", "table", self.table, "export", self.protocol)

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look for each rule."""
        if fact.status != 0:
            return Judgement(None, tr("BIRD does not list them"))
        sent = {_prefixes(match[1]) for line in fact.stdout.splitlines() if (match := _RULE.match(line))}
        missing = [rule for rule in self.rules if (rule.destination, rule.source) not in sent]
        if missing:
            return Judgement(
                False,
                tr(
                    "{count} of {count2} are not: does bird.conf include {path}, and does the session's export "
                    "filter let them through?",
                    count=len(missing),
                    count2=len(self.rules),
                    path=path("*"),
                ),
            )
        return Judgement(True, tr("all {count}", count=len(self.rules)))


def _prefixes(rule: str) -> tuple[Network | None, Network | None]:
    found: dict[str, Network] = {}
    for key, text in _PREFIX.findall(rule):
        try:
            found[key] = ip_network(text)
        except ValueError:
            continue
    return found.get("dst"), found.get("src")
