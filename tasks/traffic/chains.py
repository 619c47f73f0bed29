"""Chains and sets of a block for iptables, as text in the syntax of iptables-save and ipset."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from stopgap.orchestrator.host import Network
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.tasks.traffic.driver import Block, address_text

EVERYBODY: Mapping[int, tuple[Network, ...]] = {
    4: tuple(IPv4Network("0.0.0.0/0").subnets()),
    6: tuple(IPv6Network("::/0").subnets()),
}
"""All sources, as a set of networks can hold them, which takes no `/0`. What drops by a card asks for them too, and
so lapses with the set: many kernels have no sets of cards."""
TABLES = {
    "raw": (("PREROUTING", "p"), ("OUTPUT", "o")),
    "mangle": (("FORWARD", "f"), ("INPUT", "i"), ("OUTPUT", "s")),
    "nat": (("PREROUTING", "d"),),
}
"""Table → built-in chains, each with the ending of ours. `raw` comes before connection tracking, and so meets flows
from before; `mangle` before whatever a firewall or Docker puts into `filter`. `nat` is used for a spare alone, and
OUTPUT of `mangle` by a host that cuts itself off."""
_ORDER = "pofisd"
_MADE = re.compile(r'--comment "(by [^"]*)"')

_CARD = re.compile(r"--mac-source ([0-9A-Fa-f:]{17})")
_LONGEST = 18
"""Maximum characters of a label; a set's name is limited to 31 characters with prefix and suffix, a chain's to 28."""


def name_of(label: str) -> str:
    """Give the beginning of the name of every chain and set."""
    short = label if len(label) <= _LONGEST else f"{label[:11]}_{hashlib.sha256(label.encode()).hexdigest()[:6]}"
    return f"stopgap_{short}"


@dataclass(frozen=True)
class Chains:
    """Chains and sets of a block: present on a router, or wanted."""

    rules: Mapping[int, tuple[str, ...]]
    """By IP version: `TABLE -A CHAIN …`, in order, without the jumps."""
    sets: Mapping[str, Mapping[Network, timedelta]]
    """Name → element → timeout; zero: no timeout."""
    jumps: int | None = None
    """Number of chains with the first jump of a built-in chain; None: all."""
    made: str = ""
    """Text of the first rule with the owner; empty if not loaded yet, or unrecorded."""

    @property
    def tables(self) -> frozenset[str]:
        """Return the tables with rules of the block."""
        return frozenset(rule.split()[0] for rules in self.rules.values() for rule in rules)

    @property
    def first(self) -> bool:
        """Return True if every chain has the first jump in the built-in chain."""
        chains = {(version, rule.split()[2]) for version, rules in self.rules.items() for rule in rules}
        return self.jumps in {None, len(chains)}

    def same_as(self, other: Chains) -> bool:
        """Return True if rules and set elements are the same, ignoring timeouts."""
        mine, theirs = ({name: set(s) for name, s in c.sets.items()} for c in (self, other))
        rules = all(self.rules.get(v, ()) == other.rules.get(v, ()) for v in (4, 6))
        return rules and mine == theirs and self.first and other.first

    def restore(self, version: int, name: str) -> str:
        """Return the input of `iptables-restore --noflush`; empty without rules of this version."""
        lines: list[str] = []
        for table, places in TABLES.items():
            rules = [rule.removeprefix(f"{table} ") for rule in self.rules.get(version, ()) if rule.startswith(table)]
            if rules:
                named = {rule.split()[1] for rule in rules}
                own = [f":{chain} - [0:0]" for _, ending in places if (chain := f"{name}_{ending}") in named]
                said = f'"{self.made}"' if self.made else "@made@"
                mark = [f"-A {name}_p -m comment --comment {said}"] if f"{name}_p" in named else []
                lines += [f"*{table}", *own, *mark, *rules, "COMMIT"]
        return "\n".join([*lines, ""]) if self.rules.get(version) else ""

    def restore_sets(self, name: str) -> str:
        """Return the input of `ipset restore`: fill a temporary set, then swap atomically."""
        lines: list[str] = []
        for known, elements in self.sets.items():
            kind = f"hash:net family {'inet6' if known.endswith('6') else 'inet'} timeout 0"
            lines += [f"create {name}_t {kind}", f"flush {name}_t"]
            lines += [f"add {name}_t {element(n, left)}" for n, left in elements.items()]
            lines += [f"create {known} {kind}", f"swap {name}_t {known}", f"destroy {name}_t"]
        return "\n".join([*lines, ""])

    def listing(self) -> list[str]:
        """Return rules and sets line by line, for a diff."""
        sets = [f"{name}: {element(n, left)}" for name, elements in self.sets.items() for n, left in elements.items()]
        return sets + [f"IPv{version} {rule}" for version, rules in self.rules.items() for rule in rules]


def element(network: Network, left: timedelta) -> str:
    """Write an element of a set."""
    seconds = int(left.total_seconds())
    return address_text(network) + (f" timeout {seconds}" if seconds else "")


def chains(block: Block) -> Chains:
    """Return the chains of a block. Allowed sources get answers, never a connection from the blocked host.

    Web traffic to the spare passes `raw`; `mangle`, evaluated after the translation, drops untranslated packets (of
    flows older than the block).
    """
    name = name_of(block.label)
    versions = versions_of(block)
    sets: dict[str, dict[Network, timedelta]] = {}
    for version in versions:
        sets[f"{name}_b{version}"] = {n: block.expires for n in block.dropped if n.version == version}
        sets[f"{name}_a{version}"] = {n: timedelta() for n in block.allowed if n.version == version}
        if block.cards:
            sets[f"{name}_c{version}"] = dict.fromkeys(EVERYBODY[version], block.expires)
    return Chains({version: tuple(_rules(name, version, block)) for version in versions}, sets)


def versions_of(block: Block) -> list[int]:
    """Return the IP versions with chains: versions of the addresses, or IPv4 and IPv6 if a card is dropped."""
    return [v for v in (4, 6) if block.cards or any(n.version == v for n in block.dropped)]


def own_chains(block: Block) -> Chains:
    """Return chains for a host's own isolation, loopback excepted; without sets, since ipset may be missing."""
    name = name_of(block.label)
    return Chains({version: tuple(_own_rules(name, version, block)) for version in (4, 6)}, {})


def _own_rules(name: str, version: int, block: Block) -> Iterator[str]:
    allowed = [n for n in block.allowed if n.version == version]
    come = [f"-s {n} -j RETURN" for n in allowed]
    # As in `ruleset.host_ruleset`: nothing may have tracked the operator's session so far.
    what = ("-p tcp -m tcp --tcp-flags ACK ACK", "-m conntrack --ctstate ESTABLISHED --ctdir REPLY")
    answer = [f"-d {n} {match} -j RETURN" for n in allowed for match in what]
    discovery = _discovery(version, "")
    yield from _chain(f"raw -A {name}_p", ["-i lo -j RETURN", *come, *discovery, "-j DROP"])
    yield from _chain(f"mangle -A {name}_s", ["-o lo -j RETURN", *answer, *discovery, "-j DROP"])


def _rules(name: str, version: int, block: Block) -> Iterator[str]:
    def matching(kind: str, side: str) -> str:
        return f"-m set --match-set {name}_{kind}{version} {side}"

    blocked_in, blocked_out = matching("b", "src"), matching("b", "dst")
    to_blocked = f"{matching('a', 'src')} {blocked_out} -j RETURN"
    to_allowed = f"{blocked_in} {matching('a', 'dst')}"
    answers = f"{to_allowed} -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j RETURN"
    drop_from = [f"{blocked_in} -j DROP"] if "from" in block.directions else []
    drop_to = [f"{blocked_out} -j DROP"] if "to" in block.directions else []
    spare = next((a for a in block.spare if a.version == version), None)
    web = f"-p tcp {blocked_out} -m multiport --dports 80,443"
    diverted = [f"{web} -j RETURN"] if spare else []
    come, go = (_discovery(version, match) for match in (blocked_in, blocked_out))
    cards = [f"-m mac --mac-source {card} {matching('c', 'src')}" for card in block.cards]
    by_card = [f"{card} -j DROP" for card in cards]
    card_to_allowed = [f"{card} {matching('a', 'dst')}" for card in cards]
    card_asks = [rule for card in cards for rule in _discovery(version, card, (133, 135, 136))]
    card_comes = [*(f"{rule} -j RETURN" for rule in card_to_allowed), *card_asks]
    card_answers = [f"{rule} -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j RETURN" for rule in card_to_allowed]
    yield from _chain(
        f"raw -A {name}_p",
        [to_blocked, f"{to_allowed} -j RETURN", *come, *card_comes, *drop_from, *by_card, *diverted, *drop_to],
    )
    yield from _chain(f"raw -A {name}_o", [to_blocked, *go, _too_big(version, blocked_out), *drop_to])
    forwarded = [to_blocked, answers, *drop_from, *drop_to, *card_answers, *by_card]
    yield from _chain(f"mangle -A {name}_f", forwarded)
    yield from _chain(f"mangle -A {name}_i", [answers, *come, *drop_from, *card_answers, *card_asks, *by_card])
    if spare:
        spared = f"{matching('a', 'src')} -j RETURN"
        yield from _chain(f"nat -A {name}_d", [spared, f"{web} -j DNAT --to-destination {spare}"])


def _chain(head: str, rules: Iterable[str]) -> Iterator[str]:
    return (f"{head} {rule}" for rule in rules)


def _discovery(version: int, match: str, wanted: tuple[int, ...] = (135, 136)) -> list[str]:
    """Return rules to pass neighbour discovery, needed by every allowed address (RFC 4861)."""
    kinds = wanted if version == 6 else ()
    return [
        f"-p ipv6-icmp -m icmp6 --icmpv6-type {k} -m hl --hl-eq 255{match and f' {match}'} -j RETURN" for k in kinds
    ]


def _too_big(version: int, match: str) -> str:
    """Return a rule to pass "packet too big" messages towards allowed addresses."""
    kind = "-p ipv6-icmp -m icmp6 --icmpv6-type 2" if version == 6 else "-p icmp -m icmp --icmp-type 3/4"
    return f"{kind} {match} -j RETURN"


def present(name: str, saved: Mapping[int, str], sets: str) -> Chains:
    """Return the block's chains from the output of iptables-save, ip6tables-save and `ipset save`."""
    rules: dict[int, tuple[str, ...]] = {}
    jumps, made = 0, ""
    ours, sets_of_ours = re.compile(f"{re.escape(name)}_[{_ORDER}]"), re.compile(f"{re.escape(name)}_[abc][46]")
    for version, text in saved.items():
        table, own = "", []
        first: set[tuple[str, str]] = set()
        for line in text.splitlines():
            words = line.split()
            if line.startswith("*"):
                table = line[1:].strip()
            elif words[:1] == ["-A"] and ours.fullmatch(words[1]) and (said := _MADE.search(line)):
                made = said[1]
            elif words[:1] == ["-A"] and ours.fullmatch(words[1]):
                own.append(f"{table} {_lower_cards(line.strip())}")
            elif words[:1] == ["-A"] and (table, words[1]) not in first:
                first.add((table, words[1]))
                jumps += words[2:3] == ["-j"] and bool(ours.fullmatch(words[3]))
        rules |= {version: tuple(sorted(own, key=_order))} if own else {}
    found: dict[str, dict[Network, timedelta]] = {}
    for line in sets.splitlines():
        match line.split():
            case ["create", known, *_] if sets_of_ours.fullmatch(known):
                found[known] = {}
            case ["add", known, network, *rest] if known in found:
                found[known][ip_network(network)] = _timeout(rest)
    return Chains(rules, found, jumps, made)


def cards_of(rules: Iterable[str]) -> tuple[str, ...]:
    """Return the link-layer addresses in the rules."""
    return tuple(dict.fromkeys(card for rule in rules for card in _CARD.findall(rule)))


def _lower_cards(rule: str) -> str:
    """Write cards as newer versions of iptables do."""
    return _CARD.sub(lambda found: found[0].replace(found[1], found[1].lower()), rule)


def _order(rule: str) -> int:
    """Return the sort key of a rule's chain; rules within a chain keep their order."""
    return _ORDER.index(rule.split()[2][-1])


def _timeout(rest: list[str]) -> timedelta:
    """Return the time left to a set element; zero without a valid timeout."""
    seconds = parse_int(rest[1], 9) if rest[:1] == ["timeout"] and len(rest) > 1 else None
    return timedelta(seconds=seconds or 0)
