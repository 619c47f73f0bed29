"""Packets of the target as its upstream sees them, with the upstream's flows, neighbours and leases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from stopgap.orchestrator.duration import Duration, format_duration
from stopgap.orchestrator.facts import (
    Forwarding,
    Gateways,
    Guests,
    Links,
    Neighbours,
    Routes,
    SshOrigin,
    System,
    Translations,
)
from stopgap.orchestrator.facts.links import BRIDGES
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import (
    Beside,
    Collection,
    Gap,
    Note,
    Parameters,
    Planned,
    Probe,
    Refused,
    Task,
    Unlimited,
    Unplannable,
)
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.evidence.source import Size
from stopgap.tasks.evidence.wire_scripts import PACKETS, PROGRAMS, READERS, SLACK, Capture, artifacts, texts
from stopgap.tasks.traffic.driver import DeviceFacts
from stopgap.tasks.traffic.guest.port import find
from stopgap.tasks.traffic.nat import behind
from stopgap.tasks.traffic.operators import operators, reads_of_operators

HEADERS = 384
"""Bytes of a packet in `headers`: all headers, and a question of the domain name system whole."""
WHOLE = 262_144
SMALLEST = 1 << 20
_NO_PACKET = Unlimited(why=tr("what is not captured lets no packet through"))


class WireParams(Parameters):
    """How long, how much, and when the following steps go on."""

    lasts: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(days=7))] = Field(
        default=timedelta(seconds=60),
        validation_alias=AliasChoices("lasts", "for"),
        description="How long packets are captured, such as `60s` or `1h`. The following steps go on meanwhile, and "
        "the run ends after the capture. `for` is another name of it.",
    )
    before: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(hours=1))] | None = Field(
        default=None,
        description="How long the following steps wait for the capture, once it runs: time for packets from before a "
        "cut. Without it they wait for nothing.",
    )
    ends: Literal["time", "steps"] = Field(
        default="time",
        description="`time`: the capture goes on for `lasts`. `steps`: it ends as soon as the target's other steps "
        "have ended, and after `lasts` at the latest.",
    )
    packets: Literal["headers", "whole"] = Field(
        default="headers",
        description=f"`headers`: the first {HEADERS} bytes of each packet. `whole`: all of it, with what people "
        "wrote and read.",
    )
    size: Annotated[Size, Field(ge=SMALLEST)] = Field(
        default=256 << 20,
        description="How much is kept at most, such as `256 MiB`; then the capture ends, but with `keep: newest`.",
    )
    keep: Literal["first", "newest"] = Field(
        default="first",
        description="What is kept of more than `size`: the `first` packets, or the `newest`, in eight files of which "
        "the oldest is overwritten.",
    )
    newest: Annotated[Duration, Field(ge=timedelta(seconds=7), le=timedelta(days=7))] | None = Field(
        default=None,
        description="With `keep: newest`: packets older than this are overwritten, too. Default: by size alone.",
    )
    compress: bool = Field(
        default=False,
        description="Compress on the upstream (gzip -1) what goes over the wire; what is kept is the same. A capture "
        "that is ended early loses its last packets then.",
    )


class Wire(Task[WireParams, DeviceFacts]):
    """Capture the target's packets upstream.

    The target cannot forge what its router or hypervisor sees, before and after the cut: on a router the packets of
    the target's addresses, on a hypervisor (`driver: guestport`, or `guest` in the inventory) all frames of the
    guest's own port. Packets that a block drops are captured too. dumpcap, tcpdump or python3 reads, the first that
    is installed. Nothing is written on the upstream's disk; packets go to the controller as they come, and what had
    come is kept if the capture is cut off. The operator's own SSH to the target is left out.

    Beside the packets: the flow table of the target (with bytes and times where the kernel counts them) before and
    after the capture, its neighbours, and its leases of DHCP.

    Following steps do not wait for the capture, unless `before` is given. Findings set the capture against the
    target's own lists of sockets (evidence.collect, profile `volatile`, same run): hidden connections and listeners,
    beacons, tunnels in names, and who was attacked from the target.
    """

    name = "evidence.wire"
    vantages = ("upstream",)
    beside = True

    def probe(self, params: WireParams, scene: Scene) -> Probe:
        """Return readers for the devices towards the target, and for the operator's addresses."""
        if not scene.on.has_shell:
            return {}
        addresses = scene.target.known_addresses
        at_port = _at_port(scene)
        return {
            "system": System(PROGRAMS),
            "origin": SshOrigin(),
            **reads_of_operators(scene),
            "routes": Routes(addresses),
            "links": Links(),
            **(
                {
                    "guest_ports": Guests(),
                    "forwarding": Forwarding(),
                    "gateways": Gateways(),
                    "neighbours": Neighbours(addresses, gateways=True),
                }
                if at_port
                else {"translations": Translations()}
            ),
        }

    def plan(self, params: WireParams, facts: DeviceFacts, scene: Scene) -> Iterator[Planned]:
        """Yield the collection; a gap for what the upstream cannot capture."""
        on = scene.on.name
        if not scene.on.has_shell:
            yield _gap(
                tr("{host} has no shell: packets of {target} are not captured", host=on, target=scene.target.name)
            )
            return
        if facts.system.uid != 0:
            yield _gap(
                tr(
                    "{host}: packets are captured by root alone, and this is user id {uid}",
                    host=on,
                    uid=facts.system.uid,
                )
            )
            return
        capture, instead = _capture(params, facts, scene)
        if instead:
            yield Note(text=tr("not at the guest's own port: {why}", why=instead))
        if capture.reader is None:
            why = (
                tr("it has no route to {addresses} but to itself", addresses=texts(capture.addresses))
                if not capture.devices
                else tr("none of {programs} is installed", programs=", ".join(READERS))
            )
            yield _gap(tr("{host} captures no packets: {why}; its flow table is kept", host=on, why=why))
        else:
            yield Note(text=_said(capture, scene))
        listed = tuple(artifacts(capture))
        yield Collection(
            profile="wire",
            artifacts=listed,
            deadline=sum(artifact.deadline for artifact in listed) + SLACK,
            compress="always" if params.compress else "never",
            beside=Beside(
                until=PACKETS if capture.reader else "",
                head=params.before.total_seconds() if params.before and capture.reader else 0.0,
                with_steps=params.ends == "steps",
                parts=capture.further if capture.reader else (),
                part_size=capture.part_size,
                part_seconds=capture.part_seconds,
            ),
        )


def _at_port(scene: Scene) -> bool:
    return scene.on.named_driver == "guestport" or scene.target.guest is not None


def _capture(params: WireParams, facts: DeviceFacts, scene: Scene) -> tuple[Capture, str]:
    """Return the capture at the guest's own port on a hypervisor, otherwise on the devices towards the target.

    With the reason, if the port of a guest is not known.
    """
    addresses, instead = scene.target.known_addresses, ""
    networks = tuple(map(ip_network, addresses))
    reader = next((name for name in READERS if name in facts.system.programs), None)
    devices = tuple(dict.fromkeys(route.device for route in facts.routes if route.device and not route.local))
    bridged = any((link := facts.links.of(device)) and link.kind in BRIDGES for device in devices)
    hidden = behind(networks, facts, ()).hosts
    cards: tuple[str, ...] = ()
    if _at_port(scene):
        try:
            guest = find(networks, scene.target, facts, (), scene.on.name)
        except (Refused, Unplannable) as error:
            instead = str(error)
        else:
            devices, cards, bridged, hidden = guest.ports, guest.cards, False, guest.own
    own = (network.network_address for network in hidden if network.prefixlen == network.max_prefixlen)
    capture = Capture(
        reader=reader if devices else None,
        devices=devices,
        addresses=tuple(dict.fromkeys((*addresses, *own))),
        cards=cards,
        promiscuous=bridged,
        spared=operators(facts, scene),
        port=scene.target.port,
        snap=HEADERS if params.packets == "headers" else WHOLE,
        seconds=params.lasts.total_seconds(),
        size=params.size,
        newest=(params.newest.total_seconds() if params.newest else 0.0) if params.keep == "newest" else None,
    )
    return capture, instead


def _said(capture: Capture, scene: Scene) -> str:
    devices = ", ".join(capture.devices)
    whose = (
        tr("all frames of its port {devices}", devices=devices)
        if capture.cards
        else tr("packets of {addresses} on {devices}", addresses=texts(capture.addresses), devices=devices)
    )
    what = (
        tr("the first {bytes} bytes of each packet", bytes=HEADERS)
        if capture.snap == HEADERS
        else tr("whole packets")
    )
    parts = [
        tr(
            "{whose}, by {reader}: {what}, {time} and {size} MiB at most, as {format}",
            whose=whose,
            reader=capture.reader or "",
            what=what,
            time=format_duration(timedelta(seconds=capture.seconds)),
            size=capture.size >> 20,
            format=capture.suffix,
        )
    ]
    if capture.spared:
        spared, target = texts(capture.spared), scene.target.name
        parts.append(tr("SSH of {operators} to {target} is left out", operators=spared, target=target))
    if capture.doubled:
        parts.append(tr("a packet is seen on each device that it passes"))
    if capture.newest is not None:
        parts.append(tr("of more than that the newest packets"))
    parts.append(tr("nothing is written on {host}", host=scene.on.name))
    return joined("; ", parts)


def _gap(text: str) -> Gap:
    return Gap(text=text, at_best=_NO_PACKET)
