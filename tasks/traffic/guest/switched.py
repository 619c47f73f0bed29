"""The flows at a guest's ports on bridges of Open vSwitch: planned, checked, and recognised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from stopgap.orchestrator.change import Command, RunCommands, command, in_order
from stopgap.orchestrator.check import Check, Judgement
from stopgap.orchestrator.facts import ProgramFact, Reader, ReadOnly, Switches, SwitchFact
from stopgap.orchestrator.host import CheckVantage
from stopgap.orchestrator.hostnumber import parse_int
from stopgap.orchestrator.task import Gap, Note, Planned
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.traffic import expiry_timer
from stopgap.tasks.traffic.driver import ROLLBACK_SECONDS, Block, DeviceFacts, text_diff
from stopgap.tasks.traffic.guest import tables
from stopgap.tasks.traffic.guest.openflow import GETS, SENDS, alike, cookie_of, flows
from stopgap.tasks.traffic.guest.ruleset import Parting
from stopgap.tasks.traffic.guest.ways import read_by_the_kernel
from stopgap.tasks.traffic.shell import run

_DUMP = ReadOnly(
    ("ovs-ofctl", "dump-flows"),
    more=r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*|cookie=0x[0-9a-f]+/-1",
    because="ovs-ofctl(8): `dump-flows` prints flows",
)


def part(label: str) -> str:
    """Return the label of the flows' timer."""
    return f"{label}.flows"


def reads(label: str) -> Mapping[str, Reader[Any]]:
    """Return readers for the bridges with the block's flows, and for their timer."""
    return {"switches": Switches(cookie_of(label)), "scheduled_flows": expiry_timer.reader(part(label))}


def owner(facts: DeviceFacts) -> str | None:
    """Return the owner recorded by the timer; empty for flows without a timer, None without flows."""
    known = expiry_timer.owner(facts.scheduled_flows)
    return known if known is not None else "" if stands(facts) else None


def cards_in_force(facts: DeviceFacts) -> tuple[str, ...]:
    """Return the guest's link-layer addresses in the block's flows."""
    text = " ".join(flow for switch in facts.switches for flow in switch.flows if f"priority={GETS}," in flow)
    return tuple(dict.fromkeys(re.findall(r"dl_dst=([0-9a-f:]{17}) ", text)))


def stands(facts: DeviceFacts) -> bool:
    """Return True if any flow is present."""
    return any(switch.flows for switch in facts.switches)


def plan(block: Block, parting: Parting, switches: tuple[SwitchFact, ...], facts: DeviceFacts) -> Iterator[Planned]:
    """Yield the flows to lay on the guest's bridges, unless in force already."""
    timer = facts.scheduled_flows
    same = all(alike(switch.flows, flows(block, parting, switch)) for switch in switches)
    if same and expiry_timer.long_enough(timer, block.expires, block.fresh):
        yield Note(text=tr("in force until {at}, then it lets everything through", at="{at}"), after=timer.left)
    else:
        yield _change(block, parting, switches, facts, renewed=same)
    for switch in switches:
        beside = [port for port in parting.guest.ports if read_by_the_kernel(port, switch, facts)]
        if beside and "nft" not in facts.system.programs:
            yield Gap(
                text=tr(
                    "the kernel reads the frames of {ports}, too, and no nft is there to drop them",
                    ports=", ".join(beside),
                ),
                at_best="partly",
            )
        if any(port.floods is None for port in switch.ports if port.device in parting.guest.ports):
            yield Gap(
                text=tr(
                    "{bridge} does not speak OpenFlow 1.0: what neighbours send to everybody still reaches {guest}",
                    bridge=switch.bridge,
                    guest=parting.guest.name,
                ),
                at_best="partly",
            )


def checks(block: Block, parting: Parting, switch: SwitchFact, vantage: CheckVantage) -> Iterator[Check]:
    """Yield a check of drops and counters of the flows."""
    yield FlowsDropping(
        vantage=vantage,
        bridge=switch.bridge,
        cookie=cookie_of(block.label),
        ports=tuple(port.number for port in switch.ports if port.device in parting.guest.ports),
        cards=parting.guest.cards,
    )


class FlowsDropping(Check):
    """The flows drop what the guest's ports send, and what is sent to its link-layer addresses."""

    kind: Literal["flows-dropping"] = "flows-dropping"
    bridge: str
    cookie: str
    ports: tuple[int, ...]
    """Numbers of the ports on the bridge."""
    cards: tuple[str, ...]

    def describe(self) -> str:
        """Name the bridge and the cookie."""
        return tr("flows {cookie} on {bridge} drop both ways", cookie=self.cookie, bridge=self.bridge)

    def reader(self) -> Reader[ProgramFact]:
        """Read the flows with their counters."""
        return _DUMP.asked(self.bridge, f"cookie={self.cookie}/-1")

    def judge(self, fact: ProgramFact) -> Judgement:
        """Look for the drops, and count."""
        if fact.status != 0:
            return Judgement(None, tr("ovs-ofctl lists no flow of {bridge}", bridge=self.bridge))
        counted = dict[str, int]()
        for line in fact.stdout.splitlines():
            found = re.search(r"n_packets=([0-9]+),.* priority=([0-9]+),(\S+) actions=drop$", line)
            if found and found[2] in {str(SENDS), str(GETS)}:
                counted[found[3]] = parse_int(found[1]) or 0
        sent = [f"in_port={number}" for number in self.ports] + [f"dl_src={card}" for card in self.cards]
        received = [f"dl_dst={card}" for card in self.cards]
        if missing := [match for match in (*sent, *received) if match not in counted]:
            return Judgement(False, tr("not in it: {missing}", missing=", ".join(missing[:4])))
        return Judgement(
            True,
            joined(
                ", ",
                (
                    tr("{count} frames from it dropped", count=sum(counted[match] for match in sent)),
                    tr("{count} frames to it dropped", count=sum(counted[match] for match in received)),
                ),
            ),
        )


def _change(
    block: Block, parting: Parting, switches: tuple[SwitchFact, ...], facts: DeviceFacts, *, renewed: bool
) -> RunCommands:
    timed, cookie = replace(block, label=part(block.label)), cookie_of(block.label)
    wanted = {switch.bridge: flows(block, parting, switch) for switch in switches}
    before = {switch.bridge: switch.flows for switch in switches if switch.flows}
    lift = command("sh", "-c", in_order([_run("lift", block, parting, switch) for switch in switches]))
    shows = "; ".join(f"ovs-ofctl --no-stats dump-flows {bridge} cookie={cookie}/-1" for bridge in wanted)
    name = tr("flows {cookie} on {bridge}", cookie=cookie, bridge=", ".join(wanted))
    parts = [*tables.about(parting, block), *([tr("for its full time again")] if renewed else [])]
    back = [_run("lay", block, parting, switch, switch.flows) for switch in switches if switch.flows]
    return RunCommands(
        about=tr("{name}: {parts}", name=name, parts=joined(", ", parts)),
        do=(
            expiry_timer.end(timed, lift),
            *(_run("lay", block, parting, switch, wanted[switch.bridge]) for switch in switches),
            expiry_timer.record(timed, shows),
        ),
        undo=(expiry_timer.undo(timed, lift, back, facts.scheduled_flows),),
        undo_about=tr("put back {table} as it was", table=name) if before else tr("delete {table}", table=name),
        expects=expiry_timer.expected(timed, facts.scheduled_flows, shows),
        marked=True,
        diff=tuple(
            line
            for bridge, lines in wanted.items()
            for line in text_diff(f"ovs-ofctl dump-flows {bridge}", list(before.get(bridge, ())), sorted(lines))
        ),
        lasts=block.expires.total_seconds(),
        rollback_timer=ROLLBACK_SECONDS,
    )


def _run(what: str, block: Block, parting: Parting, switch: SwitchFact, of: tuple[str, ...] = ()) -> Command:
    name = expiry_timer.unit(part(block.label))
    ports = [device for device in parting.guest.ports if switch.port(device)]
    return run("flows", what, switch.bridge, cookie_of(block.label), name, *ports, flows="\n".join(of))
