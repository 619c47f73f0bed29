"""recover: where the return of each host of an incident stands, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal_to_read
from stopgap.orchestrator.cli.screen import Screen, said
from stopgap.orchestrator.cli.words import named
from stopgap.orchestrator.journal import (
    DamagedRunError,
    History,
    Journal,
    JournalError,
)
from stopgap.orchestrator.journal.incidents import Incident, find_incident
from stopgap.orchestrator.run.standing import HostStands, hosts_stand, phase_text
from stopgap.orchestrator.run.status_document import standing_document
from stopgap.orchestrator.text import joined, tr, trn

_AHEAD = 4
"""Steps to come that are named."""


@dataclass(frozen=True)
class RecoverOptions:
    """The options of `stopgap recover`."""

    incident: str | None = None
    """None: the latest open incident; without one, all runs."""
    json: bool = False


def recover(options: RecoverOptions) -> int:
    """Tell where each contained host stands; return 1 for a damaged journal."""
    with open_journal_to_read() as journal:
        incident = _incident(journal, options.incident)
        names = incident.runs if incident else [run.id for run in reversed(journal.runs())]
        histories, damage = _histories(journal, names)
    hosts = list(hosts_stand(histories, incident.name if incident else ""))
    if options.json:
        print_document(standing_document(incident.name if incident else None, hosts))
        return int(bool(damage))
    screen = screens.out()
    for run, problems in damage.items():
        show_damage(screen, run, problems)
    if not hosts:
        screen.line(tr("No run has contained a host yet: stopgap run contain …"))
    for host in hosts:
        show_standing(screen, host, steps=True)
    return int(bool(damage))


def _incident(journal: Journal, name: str | None) -> Incident | None:
    try:
        return find_incident(journal, name)
    except JournalError:
        if name is not None:
            raise
        return None


def _histories(
    journal: Journal, runs: list[str] | tuple[str, ...]
) -> tuple[list[History], dict[str, tuple[str, ...]]]:
    histories: list[History] = []
    damage: dict[str, tuple[str, ...]] = {}
    for run in runs:
        try:
            history = journal.history(run)
        except DamagedRunError as error:
            damage[run] = error.problems
            continue
        histories.append(history)
        if history.damage:
            damage[run] = history.damage
    return histories, damage


def show_standing(screen: Screen, host: HostStands, *, steps: bool = False) -> None:
    """Show where a host stands, and the command that comes next; with `steps`, the steps of the recovery too."""
    screen.line(phase_text(host), "warn" if host.phase in {"stopped", "open"} else "title")
    if (now := host.now) is not None and host.phase in {"returning", "stopped"}:
        step = tr(
            "  step {number} of {count}: {name}",
            number=now.number,
            count=len(host.steps),
            name=named(now.name, now.name_ja),
        )
        screen.line(f"{said(step)}{f': {said(now.reason)}' if now.reason else ''}")
        if steps:
            ahead = [named(s.name, s.name_ja) for s in host.steps if s.state == "to-come"]
            if ahead:
                more = tr(" and {count} more", count=len(ahead) - _AHEAD) if len(ahead) > _AHEAD else ""
                screen.line(tr("  then: {names}{more}", names=joined(", ", ahead[:_AHEAD]), more=more), "quiet")
            screen.line(tr("  go back: stopgap resume {run} --from STEP", run=host.run), "quiet")
    if host.open_findings:
        open_ = trn("1 finding is open", "{count} findings are open", host.open_findings)
        screen.line(tr("  {findings}: nobody has shown them to be gone", findings=open_), "warn")
    for command in host.commands:
        screen.line(tr("  next: {command}", command=command))
