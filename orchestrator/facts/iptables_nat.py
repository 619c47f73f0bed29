"""Parser for the translations of the `nat` table of iptables, in iptables-save format."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network, summarize_address_range

from stopgap.orchestrator.facts.nat_rules import Jump, Match, Network, Rewrite, Rule, Side, TranslationFact, followed
from stopgap.orchestrator.hostnumber import parse_int

_ENDS = {"ACCEPT", "DROP", "RETURN", "LOG", "MARK", "CONNMARK", "TRACE", "NFLOG", "CT"}
_ALONE = {"--random", "--random-fully", "--persistent"}
_OF_ANY_HOST = {"-i", "-o", "-m", "--comment", "--ctstate", "--dst-type", "--src-type"}
"""Options without a condition on one host, or mere loads of a match module."""


def iptables_translations(lines: list[str]) -> Iterator[TranslationFact]:
    """Yield the translations of one `nat` table; lines other than rules are skipped."""
    chains: dict[str, list[Rule]] = {}
    for line in lines:
        try:
            words = shlex.split(line)
        except ValueError:
            words = []
        if words[:1] == ["-A"] and len(words) > 2 and not words[1].startswith("stopgap_"):
            chains.setdefault(words[1], []).append(_rule(words[2:]))
    yield from followed(chains, ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"])


def _rule(words: list[str]) -> Rule:
    """Parse options and their values; an option negated by `!` selects no known address."""
    given: dict[str, str] = {}
    part = turned = False
    options = iter(words)
    for option in options:
        if option == "!":
            turned = True
            continue
        argument = "" if option in _ALONE else next(options, "")
        if option in {"-d", "-s"}:
            given |= {} if turned else {option: argument}
        elif option in {"-j", "-g"} or option.startswith("--to"):
            given["--to" if option.startswith("--to") else "-j"] = argument
        elif option not in _ALONE | _OF_ANY_HOST:
            part = True
            given |= {} if turned else {option: argument}
        turned = False
    match = Match(
        destination=tuple(_networks(given["-d"])) if "-d" in given else None,
        source=tuple(_networks(given["-s"])) if "-s" in given else None,
        part=part,
        ports=tuple(_ports(given)) if given.get("-p") == "tcp" else (),
    )
    return Rule(match, tuple(_acts(given.get("-j", ""), given.get("--to", ""), of_source="-s" in given)))


def _ports(given: Mapping[str, str]) -> Iterator[int]:
    for text in (given.get("--dport") or given.get("--dports") or "").split(","):
        if (number := parse_int(text, 5)) is not None:
            yield number


def _acts(target: str, value: str, *, of_source: bool) -> Iterator[Jump | Rewrite]:
    source = target in {"SNAT", "MASQUERADE"} or (target == "NETMAP" and of_source)
    side: Side = "source" if source else "destination"
    if target in {"DNAT", "SNAT", "NETMAP"}:
        found = list(_networks(value))
        yield from (Rewrite(side, network) for network in found)
        if not found:
            yield Rewrite(side, None, understood=False)
    elif target in {"MASQUERADE", "REDIRECT"}:
        yield Rewrite(side, None)
    elif target and target not in _ENDS and not target.startswith("stopgap_"):
        yield Jump(target)


def _networks(text: str) -> Iterator[Network]:
    """Parse `ADDRESS[/LENGTH]` or `FIRST-LAST`, with an optional `:PORT`; IPv6 with a port is in brackets."""
    whole = text[1:].partition("]")[0] if text.startswith("[") else text
    for words in (whole, whole.rpartition(":")[0]):
        first, _, last = words.partition("-")
        try:
            if last:
                yield from summarize_address_range(ip_address(first), ip_address(last))
            else:
                yield ip_network(first, strict=False)
        except (ValueError, TypeError):
            continue
        return
