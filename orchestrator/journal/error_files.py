"""Details of internal errors: the folder `errors` of the state folder, with the latest files only."""

from __future__ import annotations

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.home import private_folder, state_home
from stopgap.orchestrator.secret import redact
from stopgap.orchestrator.text import tr

FOLDER = "errors"
MOST = 10
"""Most files kept."""
_LONGEST = 256 << 10


def keep_details(error: BaseException) -> Path | None:
    """Write the traceback, with secrets redacted, to a file of mode 0600; `None` if the write fails."""
    text = "".join(traceback.format_exception(error))
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    try:
        folder = private_folder(state_home() / FOLDER)
        path = folder / f"{moment}-{os.getpid()}.txt"
        write_at_once(path, redact(text[-_LONGEST:]).encode("utf-8", "surrogateescape"))
        for old in sorted(folder.glob("*.txt"))[:-MOST]:
            old.unlink(missing_ok=True)
    except (JournalError, OSError):
        return None
    return path


def own_error(error: Exception) -> str:
    """Keep the details of an unforeseen exception, and return a description of one line."""
    kept = keep_details(error)
    where = tr("; details: {folder}/{kept} in the state folder", folder=FOLDER, kept=kept.name) if kept else ""
    return tr("an error of its own: {name}{where}", name=f"{type(error).__name__}: {error}"[:300], where=where)
