"""Address translations (NAT) of a router, from the rules of nftables and of iptables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stopgap.orchestrator.facts.iptables_nat import iptables_translations
from stopgap.orchestrator.facts.nat_rules import TranslationFact, TranslationsFact
from stopgap.orchestrator.facts.nft_nat import nft_translations
from stopgap.orchestrator.facts.reader import Output, Reader
from stopgap.orchestrator.hostnumber import parse_json

_SCRIPT = """\
export LC_ALL=C
if command -v nft >/dev/null; then
    nft list chains 2>/dev/null | awk '$1 == "table" { t = $2 " " $3 } /type nat / { print t }' | sort -u |
        while read -r family table; do
            case $family$table in bridge* | *stopgap_*) ;; *) nft -j list table "$family" "$table" && echo ;; esac
        done 2>/dev/null
fi
for save in iptables-save ip6tables-save iptables-legacy-save ip6tables-legacy-save; do
    command -v "$save" >/dev/null || continue
    echo "$save"
    "$save" 2>/dev/null | sed -n '/^\\*nat/,/^COMMIT/p'
done
true"""


@dataclass(frozen=True)
class Translations(Reader[TranslationsFact]):
    """Read every rule with an address translation, except Stopgap's own rules."""

    cap = 8 << 20

    def script(self) -> str:
        """Return the script: each nft table with a `nat` chain as a line of JSON, then the rules of iptables."""
        return _SCRIPT

    def parse(self, output: Output) -> TranslationsFact:
        """Parse the rules; unreadable rules are reported as missing, and cause no failure."""
        if output.status is None or output.truncated:
            return TranslationsFact(unread="the list of rules is too long")
        try:
            rules = tuple(dict.fromkeys(_read(output.stdout.lines())))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return TranslationsFact(unread="a rule is written in a way that is not known")
        return TranslationsFact(rules=rules)


def _read(lines: list[str]) -> Iterator[TranslationFact]:
    saved: list[str] = []
    for line in [*lines, "iptables-save"]:
        if line.startswith("{"):
            yield from nft_translations(parse_json(line))
        elif line.endswith("tables-save") or line.endswith("tables-legacy-save"):
            yield from iptables_translations(saved)
            saved = []
        else:
            saved.append(line)
