"""Copying evidence to its store at a site, in a process of its own that ends with its runner."""

from __future__ import annotations

import sys

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.copying import store_waiting
from stopgap.orchestrator.journal import open_journal
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.sites.carrying import end_with
from stopgap.orchestrator.text import tr


def main(words: list[str]) -> int:
    """Copy what waits: PARENT; what came of it is said on standard error, as `stopgap status` does."""
    end_with(int(words[0]))
    try:
        with open_journal() as journal:
            for each in store_waiting(journal, operator()):
                for copy in each.copies:
                    _say(tr("Run {run}: evidence is in {url}", run=each.run, url=copy.url))
                for problem in each.problems:
                    _say(tr("Run {run}: not in the store: {problem}", run=each.run, problem=problem))
    except Error as error:
        _say(str(error))
        return error.exit_code
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - the runner's log
