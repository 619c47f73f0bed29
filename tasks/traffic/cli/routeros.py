"""MikroTik RouterOS: address lists with entry timeouts, dropped by the owner's raw rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

from stopgap.orchestrator.change import DeviceChange, Entry, Witness, Words
from stopgap.orchestrator.facts import ShownFact
from stopgap.orchestrator.host import Cli, Network
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.task import Gap, Note, Planned
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.capabilities import Capabilities
from stopgap.tasks.traffic.cli.procedure import MINUTES, once
from stopgap.tasks.traffic.cli.slot import Placed, SlotDriver, about, lines_of
from stopgap.tasks.traffic.driver import Block, DeviceFacts, address_text

_LONGEST = 10**9
"""Seconds that are taken for what an entry has left: some thirty years."""
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


class RouterOs(SlotDriver):
    """RouterOS 7. A new entry lives for MINUTES; a second login extends the timeout to the full time."""

    name: ClassVar[str] = "routeros"
    cli: ClassVar[Cli] = "routeros"
    capabilities: ClassVar[Capabilities] = Capabilities(expiry="device", exception=True, commit_confirm=True)
    commands: ClassVar[tuple[str, ...]] = tuple(
        f"/{ip} firewall {what}"
        for ip in ("ip", "ipv6")
        for what in (
            "address-list print terse where list=stopgap",
            "address-list print terse where list=stopgap-allow",
            "raw print terse where comment=stopgap",
        )
    )

    def lacks(self, block: Block, shown: ShownFact) -> Iterator[str]:
        """Yield missing raw rules to drop each direction."""
        for version in sorted({n.version for n in block.addresses}):
            rules = shown.lines(f"/{_ip(version)} firewall raw print terse where comment=stopgap")
            for side in ("src", "dst"):
                if not any(_is_drop(rule, side) for rule in rules):
                    yield tr(
                        "no raw rule of IPv{version} that drops by {side}-address-list=stopgap",
                        version=version,
                        side=side,
                    )

    def witnesses(self, block: Block) -> tuple[Witness, ...]:
        """Return witnesses: the raw rules, and only entries in the lists, possibly empty."""
        expected = []
        for ip in dict.fromkeys(_ip(n.version) for n in block.addresses):
            lists = f"/{ip} firewall address-list print terse where list="
            expected += [
                Witness(show=f"{lists}{name}", only=rf"[0-9]+ .*\blist={name} address=.*")
                for name in ("stopgap", "stopgap-allow")
            ]
            drops = tuple(
                rf"(?=.*\bchain=prerouting\b)(?=.*\baction=drop\b).*\b{side}-address-list=stopgap(?: .*)?"
                for side in ("src", "dst")
            )
            expected.append(Witness(show=f"/{ip} firewall raw print terse where comment=stopgap", always=drops))
        return tuple(expected)

    def entries(self, block: Block, shown: ShownFact) -> list[Placed]:
        """Return the members of the two lists, allowed networks first."""
        seconds = MINUTES * 60
        versions = {n.version for n in block.addresses}
        allowed = [_placed("stopgap-allow", n, seconds) for n in block.allowed if n.version in versions]
        return [*allowed, *(_placed("stopgap", n, seconds) for n in block.addresses)]

    def plan(self, block: Block, facts: DeviceFacts) -> Iterator[Planned]:
        """Yield the block, and a gap on flows of a whole network carried by FastTrack."""
        yield from super().plan(block, facts)
        if any(not _is_host(n) for n in block.addresses):
            yield Gap(
                text=tr("flows of a whole network that FastTrack carries are not looked for: they may go on"),
                at_best="unverified",
            )

    def change(self, block: Block, missing: list[Placed], shown: ShownFact) -> DeviceChange:
        """Add with a short time, drop the flows, and give the full time over a second login."""
        put, take = lines_of(missing, "put"), lines_of(missing[::-1], "take")
        whole = tuple(_retimed(one, int(block.expires.total_seconds())) for one in missing)
        flows = [line for network in block.addresses if _is_host(network) for line in _forget(network)]
        words = once(self.cli, block.label, [*put, *flows], back=take)
        return DeviceChange(
            about=about(block),
            do=words.model_copy(update={"confirm": whole, "within": MINUTES * 60}),
            undo=self.undo(block, take, []),
            added=tuple(one.taken for one in missing),
            witnesses=self.witnesses(block),
            lasts=block.expires.total_seconds(),
            looked=shown,
        )

    def renewal(self, block: Block, placed: list[Placed], shown: ShownFact) -> Iterator[Planned]:
        """Yield the renewal of the entries' timeouts, after part of the time has passed."""
        lefts = [_left(one.entry, shown) for one in placed]
        timed = [left for left in lefts if left is not None]
        left = min(timed, default=None)
        if left is None:
            yield Note(text=tr("in force until it is undone: the entries have no timeout"))
            return
        if left >= block.expires * block.fresh:
            yield Note(text=tr("in force until {at}, then it lets everything through", at="{at}"), after=left)
            return
        pairs = [(one, left) for one, left in zip(placed, lefts, strict=True) if left is not None]
        yield DeviceChange(
            about=tr("{block}, for its full time again", block=about(block)),
            do=Words(lines=tuple(_retimed(one, int(block.expires.total_seconds())) for one, _ in pairs)),
            undo=Words(lines=tuple(_retimed(one, int(left.total_seconds())) for one, left in pairs)),
            lasts=block.expires.total_seconds(),
        )


def _placed(name: str, network: Network, seconds: int) -> Placed:
    at = f"/{_ip(network.version)} firewall address-list"
    address = address_text(network) if network.version == 4 else str(network)
    return Placed(
        Entry(
            show=f"{at} print terse where list={name}",
            line=f"0 D list={name} address={address} timeout={seconds}s",
            seen=rf".*\blist={name} address={re.escape(address)}(?: .*)?",
        ),
        f"{at} add list={name} address={address} timeout={seconds}s",
        f"{at} remove [find list={name} address={address}]",
    )


def _retimed(one: Placed, seconds: int) -> str:
    return f"{one.take.replace(' remove ', ' set ')} timeout={seconds}s"


def _forget(network: Network) -> Iterator[str]:
    """Yield commands to remove flows: FastTrack would carry known flows past every rule."""
    for side in ("src", "dst"):
        pattern = f"^{re.escape(str(network.network_address))}(:|$)" if network.version == 4 else _quoted6(network)
        yield f'/{_ip(network.version)} firewall connection remove [find {side}-address~"{_escaped(pattern)}"]'


def _quoted6(network: Network) -> str:
    return f"^\\[*{network.network_address}(]|/|$)"


def _escaped(pattern: str) -> str:
    """Return a pattern escaped for a string of RouterOS scripts."""
    return pattern.replace("\\", "\\\\").replace("$", "\\$")


def _is_drop(rule: str, side: str) -> bool:
    words = rule.split()
    return {"action=drop", "chain=prerouting", f"{side}-address-list=stopgap"} <= set(words) and "X" not in words[:3]


def _left(entry: Entry, shown: ShownFact) -> timedelta | None:
    """Return the time left to an entry; None without a timeout."""
    for line in shown.lines(entry.show):
        if re.fullmatch(entry.seen, line) and (found := re.search(r"\btimeout=((?:[0-9]+[wdhms])+)", line)):
            parts = re.findall(r"([0-9]+)([wdhms])", found[1])
            return timedelta(seconds=min(sum((parse_int(n, 9) or 0) * _UNITS[unit] for n, unit in parts), _LONGEST))
    return None


def _ip(version: int) -> str:
    return "ip" if version == 4 else "ipv6"


def _is_host(network: Network) -> bool:
    return network.prefixlen == network.max_prefixlen
