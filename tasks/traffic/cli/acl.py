"""Access lists on the customer's interface, prepared by the owner: IN from the customer, OUT to the customer.

The owner keeps numbers below FIRST (neighbour discovery) and from LAST on (permit everything else); allow entries
come before deny entries.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from itertools import count

from stopgap.orchestrator.change import Entry, Witness
from stopgap.orchestrator.facts import ShownFact
from stopgap.orchestrator.host import Network
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.task import Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.cli.slot import Placed, SlotDriver
from stopgap.tasks.traffic.driver import Block

_COUNTED = r"(?: [\[(].*)?"
"""What follows a rule: how often it matched, and when."""
FIRST, DENIED, LAST = 100, 5000, 10000


class AccessLists(SlotDriver):
    """Common parts of EOS and IOS access lists."""

    def lacks(self, block: Block, shown: ShownFact) -> Iterator[str]:
        """Yield missing lists, and a missing final permit: without a permit, every customer would be cut off."""
        for version in sorted({n.version for n in block.addresses}):
            for name in _names(version):
                numbered = self._rules(version, name, shown)
                end = [n for n, rule in numbered if re.match(rf"permit {_ip(version)} any any\b", rule)]
                if not numbered:
                    yield tr("no access list {name}", name=name)
                elif not any(n >= LAST for n in end):
                    yield tr(
                        "{name} does not end with `{last} permit {version} any any`",
                        name=name,
                        last=LAST,
                        version=_ip(version),
                    )

    def witnesses(self, block: Block) -> tuple[Witness, ...]:
        """Expect the end of each list."""
        return tuple(
            Witness(show=self.show(version, name), always=(_end(version),))
            for version in sorted({n.version for n in block.addresses})
            for name in _names(version)
        )

    def entries(self, block: Block, shown: ShownFact) -> list[Placed]:
        """Return the entries of the block; missing entries get free sequence numbers."""
        placed: list[Placed] = []
        for version in sorted({n.version for n in block.addresses}):
            blocked = [n for n in block.addresses if n.version == version]
            allowed = [n for n in block.allowed if n.version == version]
            for name in _names(version):
                inward = name.endswith("-IN")
                pairs = [(b, a) if inward else (a, b) for b in blocked for a in allowed]
                wanted = [(FIRST, f"permit {_ip(version)} {self.written(s)} {self.written(d)}") for s, d in pairs]
                for b in blocked:
                    ends = f"{self.written(b)} any" if inward else f"any {self.written(b)}"
                    wanted.append((DENIED, f"deny {_ip(version)} {ends}"))
                placed += self._numbered(version, name, wanted, shown)
        return placed

    def _numbered(self, version: int, name: str, wanted: list[tuple[int, str]], shown: ShownFact) -> Iterator[Placed]:
        there = self._rules(version, name, shown)
        taken = {number for number, _ in there}
        for start, rule in wanted:
            known = rf"{re.escape(rule)}{_COUNTED}"
            number = next((n for n, text in there if re.fullmatch(known, text, re.IGNORECASE)), None)
            if number is None:
                number = next(n for n in count(start) if n not in taken)
                if number >= (DENIED if start == FIRST else LAST):
                    raise Unplannable(
                        tr("{name} has no number left: {last} addresses are the most", name=name, last=LAST - DENIED)
                    )
                taken.add(number)
            put, take, line = self.numbered(version, number, rule)
            show = self.show(version, name)
            seen = rf"(?:sequence )?{number} {known}|{re.escape(rule)}{_COUNTED} sequence {number}{_COUNTED}"
            anywhere = rf"(?:(?:sequence )?[0-9]+ )?{known}(?: sequence [0-9]+{_COUNTED})?"
            entry = Entry(show=show, line=line, seen=seen, elsewhere=anywhere)
            yield Placed(entry, put, take, within=self.enter(version, name))

    def _rules(self, version: int, name: str, shown: ShownFact) -> list[tuple[int, str]]:
        """Return the rules of a list with sequence numbers."""
        rules = []
        for line in shown.lines(self.show(version, name)):
            number: str | None = None
            if found := re.fullmatch(r"(?:sequence )?([0-9]+) ((?:permit|deny) .*)", line):
                number, rule = found[1], found[2]
            elif found := re.fullmatch(r"((?:permit|deny) .*) sequence ([0-9]+)", line):
                number, rule = found[2], found[1]
            if number is not None and (n := parse_int(number, 10)) is not None:
                rules.append((n, rule))
        return rules

    def show(self, version: int, name: str) -> str:
        """Return the command to show a list."""
        return f"show {_list(version)} {name}"

    @abstractmethod
    def enter(self, version: int, name: str) -> str:
        """Return the line to enter a list."""

    @abstractmethod
    def numbered(self, version: int, number: int, rule: str) -> tuple[str, str, str]:
        """Give how a rule is put, taken away and shown."""

    @abstractmethod
    def written(self, network: Network) -> str:
        """Return the network in the syntax of a rule."""


def _names(version: int) -> tuple[str, str]:
    base = "STOPGAP" if version == 4 else "STOPGAP6"
    return f"{base}-IN", f"{base}-OUT"


def _end(version: int) -> str:
    """Recognise the permit of everything else at the end of a list."""
    rule = rf"permit {_ip(version)} any any{_COUNTED}"
    return rf"(?:sequence )?[1-9]\d{{4,9}} {rule}|{rule} sequence [1-9]\d{{4,9}}{_COUNTED}"


def _ip(version: int) -> str:
    return "ip" if version == 4 else "ipv6"


def _list(version: int) -> str:
    return "ip access-lists" if version == 4 else "ipv6 access-lists"
