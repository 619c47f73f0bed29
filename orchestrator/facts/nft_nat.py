"""Parser for the translations of an nftables table, in the format of `nft -j` (libnftables-json(5))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network, summarize_address_range
from typing import Any

from stopgap.orchestrator.facts.nat_rules import Jump, Match, Network, Rewrite, Rule, Side, TranslationFact, followed

_OF_ANY_HOST = {"iif", "iifname", "oif", "oifname", "iifgroup", "oifgroup", "iiftype", "nfproto", "protocol"}
"""Keys of `meta` for the origin or destination of a packet: no distinction between hosts."""


def nft_translations(document: Any) -> Iterator[TranslationFact]:  # noqa: ANN401 (JSON is any of its kinds)
    """Yield the translations of one table; raises ValueError, KeyError or TypeError for malformed input."""
    objects: Sequence[Mapping[str, Any]] = document["nftables"]
    elements = {o["name"]: o.get("elem", []) for item in objects for k, o in item.items() if k in {"set", "map"}}
    bases = [o["name"] for item in objects if (o := item.get("chain")) and o.get("type") == "nat"]
    chains: dict[str, list[Rule]] = {}
    for item in objects:
        if rule := item.get("rule"):
            chains.setdefault(rule["chain"], []).append(_Reading(elements).rule(rule.get("expr", [])))
    yield from followed(chains, bases)


class _Reading:
    """The parse state of one rule, statement by statement; `elements` holds the table's sets and maps."""

    def __init__(self, elements: Mapping[str, Any]) -> None:
        self._elements = elements

    def rule(self, statements: Sequence[Mapping[str, Any]]) -> Rule:
        asked, acts = Match(), list[Jump | Rewrite]()
        for statement in statements:
            for kind, words in statement.items():
                if kind == "match":
                    asked = self._asked(words["op"], words["left"], words["right"]).within(asked)
                elif kind in {"jump", "goto"}:
                    acts.append(Jump(words["target"]))
                elif kind == "vmap":
                    acts += self._jumps(words["key"], words["data"])
                elif kind in {"dnat", "snat"}:
                    acts += self._rewrites("destination" if kind == "dnat" else "source", words or {})
                elif kind in {"masquerade", "redirect"}:
                    acts.append(Rewrite("source" if kind == "masquerade" else "destination", None))
                elif kind == "xt":  # a rule of iptables-nft, which iptables-save lists
                    asked = replace(asked, part=True)
        return Rule(asked, tuple(acts))

    def _asked(self, op: str, left: Any, right: Any) -> Match:  # noqa: ANN401
        parts = left["concat"] if isinstance(left, dict) and "concat" in left else [left]
        asked = Match()
        for place, part in enumerate(parts):
            kind, words = _only(part)
            field = words.get("field") if kind == "payload" else None
            if field in {"daddr", "saddr"} and words.get("protocol") in {"ip", "ip6"}:
                networks = tuple(self._networks(right, place)) if op in {"==", "in"} else None
                asked = Match(networks if field == "daddr" else None, networks if field == "saddr" else None).within(
                    asked
                )
            elif field == "dport":
                ports = tuple(self._numbers(right)) if words.get("protocol") == "tcp" and len(parts) == 1 else ()
                asked = replace(asked, part=True, ports=ports)
            elif not (kind in {"fib", "ct"} or (kind == "meta" and words.get("key") in _OF_ANY_HOST)):
                asked = replace(asked, part=True)
        return asked

    def _jumps(self, key: Any, data: Any) -> Iterator[Jump]:  # noqa: ANN401
        for picked, verdict in self._pairs(data):
            kind, words = _only(verdict)
            if kind in {"jump", "goto"}:
                yield Jump(words["target"], self._asked("==", key, picked))

    def _rewrites(self, side: Side, words: Mapping[str, Any]) -> Iterator[Rewrite]:
        address = words.get("addr")
        if not isinstance(address, dict) or "map" not in address:
            found = list(self._networks(address)) if address is not None else []
            yield from (Rewrite(side, network) for network in found)
            if not found:
                yield Rewrite(side, None)
            return
        key, pairs = address["map"]["key"], self._pairs(address["map"]["data"])
        for picked, becomes in pairs:
            asked = self._asked("==", key, picked)
            of = asked.destination if side == "destination" else asked.source
            for network in self._networks(becomes):
                for one in of or (None,):
                    yield Rewrite(side, network, one, asked.part and not _spreads(key))

    def _pairs(self, data: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
        listed = self._elements.get(data.removeprefix("@"), []) if isinstance(data, str) else data["set"]
        for pair in listed:
            if isinstance(pair, list) and len(pair) == 2:
                yield _value(pair[0]), _value(pair[1])

    def _networks(self, item: Any, place: int = 0) -> Iterator[Network]:  # noqa: ANN401
        """Yield the networks of an expression; for concatenations, of the component at one index."""
        item = _value(item)
        if isinstance(item, str) and item.startswith("@"):
            item = {"set": self._elements.get(item[1:], [])}
        if isinstance(item, str):
            yield ip_network(item)
        elif "set" in item:
            for one in item["set"]:
                yield from self._networks(one[0] if isinstance(one, list) else one, place)
        elif "concat" in item:
            yield from self._networks(item["concat"][place])
        elif "prefix" in item:
            yield ip_network(f"{item['prefix']['addr']}/{item['prefix']['len']}")
        elif "range" in item:
            first, last = (ip_address(word) for word in item["range"])
            yield from summarize_address_range(first, last)

    def _numbers(self, item: Any) -> Iterator[int]:  # noqa: ANN401
        item = _value(item)
        if isinstance(item, int):
            yield item
        elif isinstance(item, dict):
            yield from (one for one in item.get("set", ()) if isinstance(one, int))


def _only(item: Any) -> tuple[str, Mapping[str, Any]]:  # noqa: ANN401
    """Return the single key of an object, with its value."""
    if isinstance(item, dict) and len(item) == 1:
        ((kind, words),) = item.items()
        return kind, words if isinstance(words, dict) else {}
    return "", {}


def _spreads(key: Any) -> bool:  # noqa: ANN401
    """Return True if a map's key is a number drawn by the kernel, so that each value is used in turn."""
    return _only(key)[0] in {"numgen", "jhash", "symhash"}


def _value(item: Any) -> Any:  # noqa: ANN401
    """Return an element without timeout, comment and counter."""
    return item["elem"]["val"] if isinstance(item, dict) and "elem" in item else item
