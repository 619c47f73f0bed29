"""`resume --detach`: a run goes on in a process of its own, and the terminal is free."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.journals import open_journal
from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.text import tr

LOG = "detached.log"
"""In the run's folder: what the process says."""
PATIENCE = 30.0
"""Seconds in which the process has to begin."""
_PAUSE = 0.1


def go_on_apart(name: str, words: Sequence[str]) -> int:
    """Start `stopgap resume` with these words in a session of its own; return 0 once the run goes on.

    Raises Error with the last words of a process that ended at once.
    """
    with open_journal() as journal:
        run = journal.resolve(name)
        log = journal.run_folder(run) / LOG
        with log.open("ab") as output:
            log.chmod(0o600)
            started = output.tell()
            process = subprocess.Popen(
                [sys.executable, "-c", _CODE, "resume", run, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _await(journal, run, process, log, started)
    screen = screens.out()
    screen.line(tr("Run {run} goes on in the background, process {pid}.", run=run, pid=process.pid), "title")
    screen.line(tr("  look on:  stopgap watch {run}", run=run))
    screen.line(tr("  answer:   stopgap answer {run}", run=run))
    screen.line(tr("  stop:     kill -INT {pid}", pid=process.pid))
    screen.line(tr("  it says:  {log}", log=log), "quiet")
    return 0


_CODE = "import sys; from stopgap.orchestrator.cli import main; sys.exit(main(sys.argv[1:]))"


def _await(journal: Journal, run: str, process: subprocess.Popen[bytes], log: Path, started: int) -> None:
    """Wait until the process holds the run."""
    for _ in range(round(PATIENCE / _PAUSE)):
        try:
            code = process.wait(_PAUSE)
        except subprocess.TimeoutExpired:
            if journal.history(run).state == "running":
                return
            continue
        if code == 0:
            return
        said = log.read_bytes()[started:].decode("utf-8", "replace").strip().splitlines()
        raise Error(tr("the run did not go on: {reason}", reason=said[-1] if said else tr("it said nothing")))
