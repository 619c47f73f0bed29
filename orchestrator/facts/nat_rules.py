"""Rules for address translation (NAT), independent of the program: chains, jumps, and their effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

from stopgap.orchestrator.facts.reader import Fact

Network: TypeAlias = IPv4Network | IPv6Network
Side: TypeAlias = Literal["destination", "source"]
DEEPEST, MOST = 8, 20_000
"""Most jumps followed, and most rules read: the remainder is not read, and reported."""


class TranslationFact(Fact):
    """The address translation of one rule."""

    side: Side
    of: Network | None = None
    """The addresses rewritten; `None`: all addresses."""
    to: Network | None = None
    """The new addresses; `None`: the outgoing interface's address, the router itself, or unknown."""
    part: bool = False
    """The rule covers only some ports, some protocols, or packets under some other condition."""
    ports: tuple[int, ...] = ()
    """TCP ports named by the rule."""
    understood: bool = True


class TranslationsFact(Fact):
    """Every translation of a router."""

    rules: tuple[TranslationFact, ...] = ()
    unread: str = ""
    """The reason for missing rules, if any."""


@dataclass(frozen=True)
class Match:
    """The conditions of a rule on a packet; `None` for no condition on an address."""

    destination: tuple[Network, ...] | None = None
    source: tuple[Network, ...] | None = None
    part: bool = False
    ports: tuple[int, ...] = ()

    def within(self, outer: Match) -> Match:
        """Return the conjunction of two matches: the narrower condition of each."""
        return Match(
            outer.destination if self.destination is None else self.destination,
            outer.source if self.source is None else self.source,
            self.part or outer.part,
            self.ports or outer.ports,
        )


@dataclass(frozen=True)
class Jump:
    """A jump to another chain, under further conditions."""

    chain: str
    match: Match = Match()


@dataclass(frozen=True)
class Rewrite:
    """An address rewrite; `of` is set only if the rewrite itself depends on the address, as in a map."""

    side: Side
    to: Network | None
    of: Network | None = None
    part: bool = False
    understood: bool = True


@dataclass(frozen=True)
class Rule:
    """One rule of a chain."""

    match: Match
    does: tuple[Jump | Rewrite, ...]


def followed(chains: Mapping[str, Sequence[Rule]], bases: Sequence[str]) -> Iterator[TranslationFact]:
    """Follow the rules from the base chains through their jumps; yield each translation with all conditions."""
    seen = 0
    todo = [(base, Match(), 0) for base in reversed(bases)]
    while todo:
        chain, outer, depth = todo.pop()
        for rule in chains.get(chain, ()):
            seen += 1
            match = rule.match.within(outer)
            for act in rule.does:
                if seen > MOST or (isinstance(act, Jump) and depth >= DEEPEST):
                    yield TranslationFact(side="destination", understood=False)
                    return
                if isinstance(act, Jump):
                    todo.append((act.chain, act.match.within(match), depth + 1))
                else:
                    yield from _translations(act, match)


def _translations(act: Rewrite, match: Match) -> Iterator[TranslationFact]:
    asked = match.destination if act.side == "destination" else match.source
    for of in (act.of,) if act.of is not None else asked if asked is not None else (None,):
        yield TranslationFact(
            side=act.side,
            of=of,
            to=act.to,
            part=match.part or act.part or (act.side == "destination" and match.source is not None),
            ports=match.ports,
            understood=act.understood,
        )
