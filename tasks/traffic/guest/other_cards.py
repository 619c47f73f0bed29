"""Network cards of a guest that none of its cut ports is the other end of: by the guest's own word.

The hypervisor's tools name every card of a guest that they know. Where a port is named by the inventory alone, or a
card is plugged elsewhere, the guest itself may tell of more; its word lowers the verdict, and raises none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import Cards, LinkFact, Reader
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.task import Gap
from stopgap.orchestrator.text import joined, tr

_ON_OTHERS = frozenset({"macvlan", "macvtap", "ipvlan", "ipvtap"})
"""Kinds of devices (ip-link(8)) with link-layer addresses of their own on another card."""
NAMED = 6
"""Cards that are named one by one; of the rest, how many."""


def gaps(who: str, cut: tuple[str, ...], cards: Iterable[LinkFact]) -> Iterator[Gap]:
    """Yield a gap for cards of the guest beside those that are cut off.

    Args:
        who: the target's name.
        cut: link-layer addresses of the ports that are cut off, and of interfaces that are named as open already.
        cards: the guest's network devices, by its own word.
    """
    if found := beside(cut, cards):
        yield Gap(
            text=tr(
                "{who} has {cards} beside the ports that are cut off: if the hypervisor has that port too, name the "
                "guest instead of a port in `guest`",
                who=who,
                cards=_listed(found),
            ),
            at_best="partly",
        )


def beside(cut: tuple[str, ...], cards: Iterable[LinkFact]) -> list[LinkFact]:
    """Return the devices by which the guest reaches others with a link-layer address of none of the cut ports."""
    known = list(cards)
    own = [card.link_address for card in known if not card.kind and card.leads_out]
    whole = bool(own) and set(own) <= set(cut)  # a bridge of the guest's may have the address of any of its ports
    return [
        card
        for card in known
        if card.leads_out
        and card.link_address not in cut
        and card.kind not in _ON_OTHERS
        and not (card.kind == "bridge" and whole)
        and any(not (each.ip.is_loopback or each.ip.is_link_local) for each in card.addresses)
    ]


class NoOtherCard(Check):
    """The guest has no card beside those that are cut off, by its own word."""

    kind: Literal["no-other-card"] = "no-other-card"
    vantage: CheckVantage = "target"
    one_sided: ClassVar[bool] = True
    trusts_target: ClassVar[bool] = True
    target: str
    cut: tuple[str, ...]

    def describe(self) -> str:
        """Name the target."""
        return tr("{target} has no card beside the ports that are cut off", target=self.target)

    def reader(self) -> Reader[tuple[LinkFact, ...]]:
        """Read the cards."""
        return Cards()

    def judge(self, fact: tuple[LinkFact, ...]) -> Judgement:
        """Name the other cards."""
        found = beside(self.cut, fact)
        return Judgement(not found, _listed(found) if found else tr("none"))


def _listed(found: list[LinkFact]) -> str:
    named = joined(", ", (f"{card.device} ({card.link_address or card.addresses[0].ip})" for card in found[:NAMED]))
    more = len(found) - NAMED
    return tr("{named} and {count} more", named=named, count=more) if more > 0 else named
