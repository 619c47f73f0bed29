"""runs: the list of all runs. What has to verify a run anew, or tells what is wrong, is imported there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage, show_strays
from stopgap.orchestrator.cli.journals import open_journal_to_read
from stopgap.orchestrator.cli.screen import said
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.journal.failure import DamagedRunError
from stopgap.orchestrator.outcome import word_of
from stopgap.orchestrator.text import moment_text, tr


@dataclass(frozen=True)
class RunsOptions:
    """The options of `stopgap runs`."""

    pruned: bool = False
    """List the runs that were removed, instead of those that are there."""
    json: bool = False


def runs(options: RunsOptions) -> int:
    """List the runs, the latest first."""
    with open_journal_to_read() as journal:
        looks = journal.looks()
        listed, strays = journal.runs(looks), journal.strays()
        damage = {run.id: problems for run in listed if run.id not in looks and (problems := journal.look_at(run.id))}
        try:
            pruned = journal.pruned()
        except DamagedRunError as error:
            pruned, damage[error.run] = [], list(error.problems)
    if options.json:
        from stopgap.orchestrator.cli.document import print_document
        from stopgap.orchestrator.documents.run import runs_document

        print_document(runs_document(str(journal.home), listed, damage, strays, pruned))
        return int(bool(damage or strays))
    screen = screens.out()
    for run, problems in damage.items():
        show_damage(screen, run, problems)
    show_strays(screen, strays)
    if options.pruned:
        from stopgap.orchestrator.cli.prune import show_pruned

        show_pruned(screen, pruned)
        if not pruned:
            screen.line(tr("No run was pruned below {home}.", home=journal.home))
        return int(bool(damage or strays))
    for each in listed:
        code = "" if each.exit_code is None else f" ({each.exit_code})"
        code += tr(", damaged") if each.id in damage and each.state != "damaged" else ""
        screen.line(
            f"{each.id}  {_when(each.started)}  {said(word_of(each.state))}{said(code)}  "
            f"{said(shortened(each.targets))}: {each.runbook}"
        )
    if not listed:
        screen.line(tr("No run yet below {home}.", home=journal.home))
    return int(bool(damage or strays))


def _when(at: datetime | None) -> str:
    return moment_text(at) if at else "?"
