"""A static toolkit from the controller, run in the host's RAM in place of the host's own tools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, TypeAlias

from pydantic import Field, StringConstraints

from stopgap.orchestrator.facts import ToolkitFact, ToolkitFile
from stopgap.orchestrator.task import Artifact, Collection, Gap, Note, Planned, Unlimited, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.toolkit import Toolkit

BUSYBOX = ("/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox")

AskedFor: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^(none|busybox|/[^\x00-\x1f]*[^/\x00-\x1f])$"),
    Field(
        description="A static program of the controller's that reads in place of the host's tools: `busybox`, or "
        "the path of such a multi-call program for the host's machine. It is put into the host's RAM while the step "
        "runs, never on its disk, and removed. `none`: the host's own tools read."
    ),
]
"""A parameter."""


def file_of(asked: str) -> ToolkitFile:
    """Return the toolkit's file on the controller to read."""
    return ToolkitFile(BUSYBOX if asked == "busybox" else (asked,))


def toolkit_of(asked: str, fact: ToolkitFact | None, host: Iterable[str]) -> Toolkit:
    """Return the toolkit; `host` names tools always taken from the host. Raises Unplannable for a file unfit as
    toolkit.
    """
    if fact is None or not fact.sha256:
        where = ", ".join(file_of(asked).paths)
        raise Unplannable(
            tr(
                "toolkit {asked}: not on the controller ({where}); Debian has it in busybox-static",
                asked=asked,
                where=where,
            )
        )
    if not fact.machines or not fact.static:
        why = tr("it needs a dynamic loader") if fact.machines else tr("it is no program of a known machine")
        raise Unplannable(
            tr(
                "toolkit {path}: {why}; a static one is wanted, such as Debian's busybox-static",
                path=fact.path,
                why=why,
            )
        )
    return Toolkit(path=fact.path, sha256=fact.sha256, size=fact.size, host=tuple(sorted(set(host))))


def read_with(
    toolkit: Toolkit, fact: ToolkitFact | None, machine: str, collection: Collection, host: str
) -> Iterator[Planned]:
    """Yield the collection read by the toolkit; if the machine types differ, a gap and the collection by the host's
    tools.
    """
    machines = fact.machines if fact else ()
    if machine not in machines:
        yield Gap(
            text=tr(
                "{path} is for {machines}, and {host} is none: its own tools read",
                path=toolkit.path,
                machines=" or ".join(machines),
                host=host,
            ),
            at_best=Unlimited(why=tr("whose tools read the evidence lets no packet through")),
        )
        yield collection
        return
    yield Note(
        text=tr(
            "{path} ({size} MB, sha256 {sha256}…) goes into the RAM of {host} while this is read, and is "
            "removed at its end; nothing goes on disk",
            path=toolkit.path,
            size=f"{toolkit.size / 1e6:.1f}",
            sha256=toolkit.sha256[:16],
            host=host,
        )
    )
    yield _with_toolkit(collection, toolkit)


def _with_toolkit(collection: Collection, toolkit: Toolkit) -> Collection:
    """Let the toolkit read: put in place first, removed last."""
    together = sum(artifact.deadline for artifact in collection.artifacts)
    seconds = int(min(together, collection.deadline or together)) + 300
    first = Artifact(
        id="toolkit",
        about="The tools that read what follows, as they were put into the host's RAM: where, their hash as they and "
        "the host see it, and their names. What is not named was asked of the host's own tools.",
        script=toolkit.delivery(seconds),
        deadline=120,
    )
    last = Artifact(id="toolkit-removed", about="That they are gone again.", script=toolkit.removal(), deadline=20)
    between = (
        a.model_copy(update={"script": toolkit.beside(a.script) if a.program else toolkit.using(a.script)})
        for a in collection.artifacts
    )
    # Output compressed by the host's own gzip would depend on the host's tools again.
    changes = {"artifacts": (first, *between, last), "toolkit": toolkit, "compress": "never"}
    return collection.model_copy(update=changes)
