"""prune: removal of old runs that nothing needs any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal, open_journal_to_read
from stopgap.orchestrator.cli.screen import Screen, said
from stopgap.orchestrator.cli.steps import moment
from stopgap.orchestrator.documents.prune import prune_document
from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.journal import DamagedRunError
from stopgap.orchestrator.journal.prune import Judged, judge, left_over, remove
from stopgap.orchestrator.journal.pruned_records import RunPruned
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.text import joined, tr, trn


@dataclass(frozen=True)
class PruneOptions:
    """The options of `stopgap prune`."""

    older: timedelta
    """Since the last record of a run."""
    keep_evidence: bool = False
    dry_run: bool = False
    yes: bool = False
    json: bool = False


def prune(options: PruneOptions) -> int:
    """Remove the runs that are old, ended, reported and not needed; with --dry-run only list these and the others."""
    screen = screens.err() if options.json else screens.out()
    with open_journal_to_read() if options.dry_run else open_journal() as journal:
        try:
            judged = judge(journal, journal.now() - options.older, operator(), keep_evidence=options.keep_evidence)
            left = [each.run for each in left_over(journal)]
        except DamagedRunError as error:
            raise RefusedError(
                tr(
                    "the records of run {run} are damaged: {problem}; nothing was removed",
                    run=error.run,
                    problem=error.problems[0],
                )
            ) from None
        if lost := next((each for each in journal.strays() if each.lacks != "folder"), None):
            raise RefusedError(tr("{stray}. Nothing was removed: what that run needs cannot be told", stray=lost))
        _show(screen, judged, left, options)
        if not options.dry_run:
            if judged.goes and not options.yes:
                _agree(trn("Remove {count} run?", "Remove {count} runs?", len(judged.goes)))
            left = remove(journal, judged.goes)
            _tell(screen, judged, left)
    if options.json:
        print_document(
            prune_document(
                str(journal.home), judged, left, dry_run=options.dry_run, keep_evidence=options.keep_evidence
            )
        )
    return 0


def show_pruned(screen: Screen, pruned: list[RunPruned]) -> None:
    """List pruned runs, the latest first."""
    for each in reversed(pruned):
        screen.line(_line(each))
        screen.line(
            tr(
                "    {count} records to {hash}; removed {at} by {by}",
                count=each.records,
                at=f"{datetime.fromisoformat(each.at):%Y-%m-%d %H:%M} UTC",
                hash=each.last_hash,
                by=each.by,
            ),
            "quiet",
        )
        for folder, digest in each.manifests.items():
            screen.line(f"    {folder}  sha256 {digest}", "quiet")


def _show(screen: Screen, judged: Judged, left: list[str], options: PruneOptions) -> None:
    for each in judged.goes:
        screen.line(tr("goes   {run}", run=_line(each)))
    if not options.dry_run:
        return
    for run in left:
        screen.line(tr("goes   {run}: the rest of its folder", run=run))
    for stay in judged.stays:
        screen.line(tr("stays  {run}: {why}", run=stay.run, why=joined("; ", stay.why)))
    screen.line(
        tr(
            "{count} of {all} runs would be removed. Nothing was removed.",
            count=len(judged.goes),
            all=len(judged.goes) + len(judged.stays),
        )
    )


def _tell(screen: Screen, judged: Judged, left: list[str]) -> None:
    for run in left:
        screen.line(tr("Removed the rest of the folder of run {run}, pruned before.", run=run))
    screen.line(
        tr(
            "{count} of {all} runs removed; `stopgap runs --pruned` lists all that ever were.",
            count=len(judged.goes),
            all=len(judged.goes) + len(judged.stays),
        )
    )


def _line(each: RunPruned) -> str:
    return (
        f"{each.run}  {moment(datetime.fromisoformat(each.begun))}  {said(shortened(each.targets))}: {each.runbook}"
    )


def _agree(question: str) -> None:
    from stopgap.orchestrator.cli.terminal import Terminal

    agreed = Terminal(screens.err(), yes=False).confirms(question)
    if not agreed:
        raise RefusedError(tr("nobody is there to ask; add --yes") if agreed is None else tr("nothing was removed"))
