"""undo of a run that runners at sites have carried out: ordered there, waited for, told as one."""

from __future__ import annotations

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.journals import open_journal, open_journal_to_read
from stopgap.orchestrator.cli.steps import counted
from stopgap.orchestrator.cli.terminal import Terminal
from stopgap.orchestrator.documents.whole import undone_document
from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.outcome import ExitCode, run_outcome, word_of
from stopgap.orchestrator.run.gate import gate_here
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.run.undo_run import UndoRequested
from stopgap.orchestrator.run.whole import whole_of
from stopgap.orchestrator.text import tr

_PAUSE = 1.0
"""Seconds between two looks at whether the sites are done."""


def went_to_sites(run: str) -> bool:
    """Return True for a run that was ordered at a site, by the records of the order alone: the undo verifies the run.

    Raises UnknownRunError.
    """
    with open_journal_to_read() as journal:
        return any(journal.of_run(journal.resolve(run), "run-queued"))


def undo_at_sites(run: str, wanted: UndoRequested, *, yes: bool, as_json: bool) -> int:
    """Order the undo at the site of each run of an order, wait for all, and show what is left; return the exit code.

    Ctrl-C ends the wait alone. Raises RefusedError, UsageError for options that a site cannot take, QueueError.
    """
    from stopgap.orchestrator.sites.queue import queue_address
    from stopgap.orchestrator.sites.undoing import order_undo, undone

    if wanted.anyway or wanted.take_over or wanted.sign_key:
        raise UsageError(tr("the run was carried out at a site: --anyway, --take-over and --sign-key need --here"))
    address, screen = queue_address(), screens.err() if as_json else screens.out()
    with open_journal() as journal:
        run = journal.resolve(run)
        whole = whole_of(journal, run)
        for each in whole.runs:
            screen.line(tr("{site}: run {run}; {left} in force", **_left(each)))
        agreed = Terminal(screens.err(), yes=yes).confirms(tr("Undo all of it, at the sites?"))
        if not agreed:
            raise RefusedError(
                tr("nobody is there to ask; add --yes") if agreed is None else tr("nothing was undone")
            )
        order_undo(journal, address, run, wanted, gate_here(), operator())
        screen.line(tr("Ordered; the runners are at it. Ctrl-C ends this wait, and not the undo."), "quiet")
        done = undone(journal, run)
        while done is None:
            journal.wait(_PAUSE)
            done = undone(journal, run)
    code = done.undo_exit_code or ExitCode.OK
    if as_json:
        print_document(undone_document(code, done.runs))
        return code
    for each in done.runs:
        ended = each.undo_ended
        word = word_of(run_outcome(ended.exit_code)) if ended else ""
        screen.line(
            tr("{site}: run {run}: {word}; {left} in force", word=word, **_left(each)),
            "bad" if ended and ended.exit_code else "good",
        )
        if ended and ended.refusal:
            screen.line(f"  {ended.refusal}", "bad")
    return code


def _left(history: History) -> dict[str, str]:
    return {"site": history.site or "-", "run": history.run, "left": counted(history.in_force())}
