"""What the preview tells of a mail server: program, package, role, unit, and queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stopgap.orchestrator.facts import OwnersFact
from stopgap.orchestrator.task import Note
from stopgap.orchestrator.text import tr, trn
from stopgap.tasks.mta.located import Located
from stopgap.tasks.mta.server import MailServer, Queue


def found(server: MailServer[Any, Any], running: Sequence[Located], owners: OwnersFact) -> Iterator[Note]:
    """Yield a note on each place where the server runs: role, program, package and unit.

    A process without a port is told where no other process of the server has one: it delivers for the others.
    """
    told = [each for each in running if each.ports] or [each for each in running if each.place.unit]
    yield from (note(each, owners) for each in told)
    if not running and server.binaries and not server.units:
        yield Note(text=tr("found: {server}, only sends (no process of its own)", server=server.name))


def note(each: Located, owners: OwnersFact) -> Note:
    """Return the note on a mail server that runs."""
    program = each.processes[0].exe or each.processes[0].name
    where = tr(", in {unit}", unit=each.place.unit) if each.place.unit else ""
    package = tr(", {package}", package=package_of(program, owners)) if package_of(program, owners) else ""
    return Note(
        text=tr(
            "found: {server}, {role} ({exe}{package}{where})",
            server=each.name,
            role=each.role,
            exe=program,
            package=package,
            where=where,
        )
    )


def package_of(program: str, owners: OwnersFact) -> str:
    """Return the package that owns a program, in words; empty on a host whose packages are not known."""
    if not owners.known:
        return ""
    path = program.removesuffix(" (deleted)")
    name = owners.packages.get(path) or owners.packages.get(path.removeprefix("/usr"))
    return tr("package {name}", name=name) if name else tr("of no package")


def queue(server: MailServer[Any, Any], queues: Mapping[str, Any], *, stopping: bool) -> Iterator[Note]:
    """Yield notes on the server's queue: how many messages stay, and what to look at before an undo."""
    if not server.queues:
        return
    listed: Queue | None = server.queued(queues[server.key]) if server.key in queues else None
    if listed is None:
        yield Note(text=tr("{server}'s queue could not be listed; it is left as it lies", server=server.name))
        return
    least = "" if listed.whole else tr("at least ")
    oldest = tr(", the oldest {oldest}", oldest=listed.oldest) if listed.oldest else ""
    messages = trn("1 message stays", "{count} messages stay", listed.messages)
    yield Note(
        text=tr(
            "{server}: {least}{messages} queued{oldest}",
            server=server.name,
            least=least,
            messages=messages,
            oldest=oldest,
        ),
        figure=("messages-held", listed.messages),
    )
    if stopping and listed.messages:
        yield Note(
            text=tr(
                "before an undo, look at the queue for the intruder's mail: {show_queue}",
                show_queue=server.show_queue,
            )
        )
