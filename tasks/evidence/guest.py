"""A guest's memory and disks from its hypervisor: nothing inside can hide from these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated, Self

from pydantic import Field, model_validator

from stopgap.orchestrator.change import MARK, Command, Expectation, RunCommands
from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.facts import (
    Forwarding,
    Gateways,
    GuestDiskFact,
    GuestDisks,
    Guests,
    Links,
    Neighbours,
    System,
)
from stopgap.orchestrator.facts.guest_tools import is_uuid
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.shell import quote
from stopgap.orchestrator.task import (
    Artifact,
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
from stopgap.orchestrator.text import tr
from stopgap.tasks.evidence.source import Size, shell
from stopgap.tasks.traffic.driver import DeviceFacts
from stopgap.tasks.traffic.guest.port import find

IMAGE = "guest-memory"
"""The artifact's name."""
_NO_PACKET = Unlimited(why=tr("what is not kept lets no packet through"))


class GuestParams(Parameters):
    """What is taken."""

    memory: bool = Field(
        default=False,
        description="The guest's memory, streamed to the controller (virsh dump --memory-only). The guest stands "
        "still meanwhile: some seconds for each gigabyte, as fast as the connection is. It holds passwords and keys.",
    )
    memory_cap: Size = Field(default=64 << 30, description="How much of the memory is taken at most.")
    memory_deadline: Annotated[Duration, Field(ge=timedelta(seconds=10), le=timedelta(days=1))] = Field(
        default=timedelta(hours=1), description="How long that may take; then the guest goes on."
    )
    disks: bool = Field(
        default=False,
        description="Freeze the guest's disks as they are: from now on it writes to a file beside each of them "
        "(an external snapshot). The undo merges what was written since, and removes these files.",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.memory or self.disks):
            raise ValueError(tr("`memory` or `disks` has to be asked for"))
        return self


class GuestFacts(DeviceFacts):
    """Facts of the hypervisor, with the guests' disks."""

    disks: tuple[GuestDiskFact, ...] = ()


class Guest(Task[GuestParams, GuestFacts]):
    """Take a guest's memory, and freeze its disks.

    The guest is libvirt's, and everything is done at its hypervisor. Memory comes as an ELF core, past everything
    that runs inside. The hypervisor gets a pipe in /run for the time of the dump, and no file. crash(8) lists its
    processes, given the debugging symbols of the guest's kernel; Stopgap does not.

    A frozen disk can be copied while the guest goes on. The guest's memory and what it had not written yet are not in
    it, as after a power failure. The undo needs the guest running.
    """

    name = "evidence.guest"
    vantages = ("upstream",)

    def probe(self, params: GuestParams, scene: Scene) -> Probe:
        """Return readers for the guests, their ports, and their disks."""
        if not scene.on.has_shell:
            return {}
        return {
            "system": System(("virsh", "mkfifo")),
            "guest_ports": Guests(),
            "forwarding": Forwarding(),
            "gateways": Gateways(),
            "links": Links(),
            "neighbours": Neighbours(scene.target.known_addresses, gateways=True),
            **({"disks": GuestDisks()} if params.disks else {}),
        }

    def plan(self, params: GuestParams, facts: GuestFacts, scene: Scene) -> Iterator[Planned]:
        """Yield the dump and the snapshots; raises Refused and Unplannable for a guest that is not known."""
        on, target = scene.on.name, scene.target.name
        if "virsh" not in facts.system.programs:
            raise Unplannable(tr("{host} has no virsh: guests of libvirt alone are known here", host=on))
        if facts.system.uid != 0:
            raise Unplannable(
                tr("{host}: guests belong to root, and this is user id {uid}", host=on, uid=facts.system.uid)
            )
        guest = _guest(facts, scene)
        if params.memory:
            yield Note(
                text=tr(
                    "{target} stands still while its memory is taken, {cap} GB at most and {seconds} s",
                    target=target,
                    cap=f"{params.memory_cap / 1e9:.1f}",
                    seconds=f"{params.memory_deadline.total_seconds():g}",
                )
            )
            yield Collection(
                profile="guest",
                artifacts=(_memory(params, guest),),
                deadline=params.memory_deadline.total_seconds() + 30,
            )
        if params.disks:
            yield from _frozen([disk for disk in facts.disks if disk.guest == guest], guest, target)


def _guest(facts: GuestFacts, scene: Scene) -> str:
    """Return the guest's UUID."""
    networks = tuple(map(ip_network, scene.target.known_addresses))
    found = find(networks, scene.target, facts, (), scene.on.name)
    known = [port for port in facts.guest_ports if port.tool == "virsh" and found.name in port.names]
    uuids = {name for port in known for name in port.names if is_uuid(name)}
    if len(uuids) != 1:
        raise Refused(tr("{guest} of {host} is no guest of libvirt", guest=found.name, host=scene.on.name))
    return uuids.pop()


def _memory(params: GuestParams, guest: str) -> Artifact:
    return Artifact(
        id=IMAGE,
        about="The guest's memory, by its hypervisor, as an ELF core (virsh dump --memory-only).",
        script=f"s=0 guest={quote(guest)}\n{shell('guest_memory')}\nexit $s",
        suffix="elf",
        deadline=params.memory_deadline.total_seconds(),
        cap=params.memory_cap,
        apart=True,
    )


def _frozen(disks: Sequence[GuestDiskFact], guest: str, target: str) -> Iterator[Planned]:
    able = [disk for disk in disks if disk.device == "disk" and disk.kind == "file" and disk.source]
    for disk in disks:
        if disk not in able and disk.device in {"disk", "lun"}:
            yield Gap(
                text=tr(
                    "disk {disk} of {target} is no file ({kind}): it is not frozen",
                    disk=disk.target,
                    target=target,
                    kind=disk.kind,
                ),
                at_best=_NO_PACKET,
            )
    if not able:
        yield Gap(text=tr("{target} has no disk that can be frozen", target=target), at_best=_NO_PACKET)
        return
    if any(".stopgap-" in disk.source for disk in able):
        yield Note(text=tr("the disks of {target} are frozen already", target=target))
        return
    words = [
        word for disk in able for word in ("--diskspec", f"{disk.target},snapshot=external,file={_beside(disk)}")
    ]
    others = [word for disk in disks if disk not in able for word in ("--diskspec", f"{disk.target},snapshot=no")]
    snapshot = ("virsh", "-q", "snapshot-create-as", guest, MARK, "--disk-only", "--atomic", "--no-metadata")
    pairs = [word for disk in able for word in (disk.target, disk.source, _beside(disk))]
    yield RunCommands(
        about=tr("freeze {disks} of {target}", disks=", ".join(disk.source for disk in able), target=target),
        do=(Command(argv=(*snapshot, *words, *others)),),
        undo=(Command(argv=("sh", "-c", shell("guest_thaw"), "sh", guest, *pairs)),),
        undo_about=tr("merge what {target} wrote since, and remove the files beside its disks", target=target),
        expects=Expectation(
            look=Command(argv=("sh", "-c", shell("guest_frozen"), "sh", guest, *pairs)),
            left=("frozen", "partly"),
            gone=("thawed",),
        ),
        marked=True,
    )
    yield Note(
        text=tr(
            "copy {disks} meanwhile: {target} writes beside them; what it writes takes room there",
            disks=", ".join(disk.source for disk in able),
            target=target,
        )
    )


def _beside(disk: GuestDiskFact) -> str:
    return f"{disk.source}.{MARK}"
