"""Memory acquisition: by an operator's program, or from /proc/kcore."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import Field, StringConstraints

from stopgap.orchestrator.facts import MemoryFact, ToolkitFact, ToolkitFile
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.shell import quote
from stopgap.orchestrator.task import Artifact, Gap, Note, Planned, Unlimited, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.toolkit import Carried, root_alone
from stopgap.tasks.evidence.source import Size, shell

IMAGE = "memory-image"
"""The artifact's name."""
_NO_PACKET = Unlimited(why=tr("memory that is not taken lets no packet through"))

MemoryBy: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^(none|kcore|/[^\x00-\x1f]*[^/\x00-\x1f])$"),
    Field(
        description="Whether the host's memory is taken, and how: the path, on the controller, of a static program "
        "that writes it to a file as AVML does (it goes into the host's RAM, its hash is checked there, and nothing "
        "of it stays); or `kcore`: from /proc/kcore with the tools at hand. It holds passwords and keys.",
        examples=["none", "kcore", "/opt/avml/avml"],
    ),
]
"""A parameter."""
MemoryCap: TypeAlias = Annotated[
    Size,
    Field(description="How much of the memory is taken at most; it does not count towards what a run keeps."),
]
"""A parameter."""


@dataclass(frozen=True)
class Wanted:
    """Parameters of a memory acquisition: method, cap in bytes, timeout in seconds."""

    by: str
    cap: int
    deadline: float


def image_file(asked: str) -> ToolkitFile | None:
    """Return the program to read on the controller; None if no program is needed."""
    return None if asked in {"none", "kcore"} else ToolkitFile((asked,))


def image(
    wanted: Wanted, memory: MemoryFact, tool: ToolkitFact | None, machine: str, scene: Scene, uid: int
) -> Iterator[Planned | Artifact]:
    """Yield gaps and notes about memory acquisition, then the artifact. Raises Unplannable."""
    host = scene.on.name
    program = _program(wanted.by, tool)
    if program and machine not in (tool.machines if tool else ()):
        yield Gap(
            text=tr(
                "{path} is not for {host} ({machine}): memory is not taken",
                path=program.path,
                host=host,
                machine=machine or tr("its machine is unknown"),
            ),
            at_best=_NO_PACKET,
        )
        return
    size = min(memory.ram or wanted.cap, wanted.cap)
    how = (
        tr("by {path} ({size} MB, in its RAM)", path=program.path, size=f"{program.size / 1e6:.1f}")
        if program
        else tr("from {source}", source="/proc/kcore")
    )
    said = f"{memory.ram / 1e9:.1f} GB" if memory.ram else tr("of unknown size")
    yield Note(
        text=tr(
            "memory of {host}: {said} by its own word, {how}; up to {size} GB and {deadline} s, onto the "
            "controller's disk; nothing goes on the host's",
            host=host,
            said=said,
            how=how,
            size=f"{size / 1e9:.1f}",
            deadline=f"{wanted.deadline:g}",
        )
    )
    if memory.ram > wanted.cap:
        beyond = tr(
            "of {said} of memory, what lies beyond {cap} GB is not taken (memory_cap)",
            said=said,
            cap=f"{wanted.cap / 1e9:.1f}",
        )
        yield Gap(text=beyond, at_best=_NO_PACKET)
    if obstacle := _obstacle(memory, uid, needed=program is None):
        yield Gap(text=tr("memory of {host}: {obstacle}", host=host, obstacle=obstacle), at_best=_NO_PACKET)
    yield Artifact(
        id=IMAGE,
        about=_about(program),
        script=reading(program),
        suffix="lime",
        deadline=wanted.deadline,
        cap=wanted.cap,
        program=program,
        apart=True,
    )


def _program(asked: str, fact: ToolkitFact | None) -> Carried | None:
    if asked == "kcore":
        return None
    if fact is None or not fact.sha256:
        raise Unplannable(tr("memory: {asked} is not on the controller", asked=asked))
    if not fact.machines or not fact.static:
        why = tr("it needs a dynamic loader") if fact.machines else tr("it is no program of a known machine")
        raise Unplannable(
            tr("memory: {path}: {why}; a static one is wanted, as AVML's releases are", path=fact.path, why=why)
        )
    return Carried(path=fact.path, sha256=fact.sha256, size=fact.size)


def _obstacle(memory: MemoryFact, uid: int, *, needed: bool) -> str:
    """Return the reason for unreadable memory; empty if no obstacle is known."""
    if uid != 0:
        return tr("only root can read it, and this is user id {uid}", uid=uid)
    if memory.lockdown == "confidentiality":
        return tr("the kernel is locked down (confidentiality), and lets nobody read it")
    if memory.kcore == "closed":
        return tr("/proc/kcore does not open; a container, or a lockdown of the kernel, is in its way")
    if memory.kcore == "absent":
        return tr("its kernel has no /proc/kcore") + (
            "" if needed else tr("; the program may know /dev/crash or /dev/mem")
        )
    return ""


def _about(program: Carried | None) -> str:
    what = "Physical memory, in LiME's format where the program has no other: "
    if program is None:
        return f"{what}from /proc/kcore."
    return f"{what}by {program.path} of the controller's, sha256 {program.sha256}."


def reading(program: Carried | None) -> str:
    if program is None:
        return f"s=0\n{shell('memory_by_kcore')}\nexit $s"
    return f"s=0 sha256={quote(program.sha256)}\n{root_alone()}{shell('memory_by_tool')}\nexit $s"
