"""journal import: restore a run lost from the journal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal
from stopgap.orchestrator.cli.steps import counted, moment
from stopgap.orchestrator.documents.catalogue import import_document
from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.journal import DamagedRunError
from stopgap.orchestrator.journal.bringing_back import UnfitExportError, bring_back, read_exported
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class ImportOptions:
    """The options of `stopgap journal import`."""

    folder: Path | None
    """None: every run of this machine, into a team's journal."""
    signers: Path | None = None
    json: bool = False


def bring_in(options: ImportOptions) -> int:
    """Read a run's folder, verify the exported journal, and add the run to the journal."""
    screen, folder = screens.out(), options.folder
    if folder is None:
        from stopgap.orchestrator.cli.team import bring_all

        return bring_all(as_json=options.json)
    if not folder.is_dir():
        raise UsageError(
            tr("{folder}: no such folder; give a run's own, as below runs/ of $STOPGAP_HOME", folder=folder)
        )
    with open_journal() as journal:
        try:
            exported = read_exported(journal, folder, options.signers)
            missing = bring_back(journal, exported)
        except UnfitExportError as error:
            for problem in error.problems:
                screens.err().line(problem, "bad")
            raise RefusedError(tr("{folder}: its journal is damaged; nothing was imported", folder=folder)) from None
        except DamagedRunError as error:
            raise RefusedError(
                tr(
                    "{problems}; nothing was imported. stopgap verify {run}",
                    problems=error.problems[0],
                    run=error.run,
                )
            ) from None
        history = journal.history(exported.run)
    if options.json:
        print_document(import_document(history, records=len(exported.rows), missing=missing))
        return 0
    started = history.started
    screen.line(
        tr(
            "Run {run}: {runbook_name}, by {operator}, {started_at}",
            run=history.run,
            runbook_name=started.runbook_name,
            operator=started.operator,
            started_at=moment(history.started_at),
        ),
        "title",
    )
    screen.line(
        tr(
            "{missing} of its {count} records were missing, and are in the journal now.",
            missing=missing,
            count=len(exported.rows),
        )
    )
    if standing := history.in_force():
        screen.line(
            tr("{standing} in force. Undo: stopgap undo {run}", standing=counted(standing), run=history.run), "warn"
        )
    return 0
