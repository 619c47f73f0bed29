"""Lookup of the file for a runbook name."""

from __future__ import annotations

import os
from pathlib import Path

from stopgap.orchestrator.resources import runbooks
from stopgap.orchestrator.source import InvalidInput, Problem, did_you_mean


def runbook_file(name: str) -> Path:
    """Return the file: a path, or by name a file of `./runbooks`, editable by an operator, or a shipped runbook.

    Raises InvalidInput for an unknown name.
    """
    path = Path(name)
    if path.exists() or path.suffix or os.sep in name:
        return path
    own = {file.stem: file for file in Path("runbooks").glob("*.yaml")}
    known = runbooks() | own
    if name not in known:
        hint = did_you_mean(name, known) or f"the runbooks by name: {', '.join(sorted(known))}"
        raise InvalidInput([Problem(name, "there is no such file or runbook", hint=hint)])
    return known[name]
