"""The head of a run's chain in a small file of its own, to be signed: it vouches for every record up to there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.journal.chain import Row
from stopgap.orchestrator.signature import SignatureError, check

HEAD = "journal.head"
SIGNATURE = "journal.head.sig"
_LONGEST = 1024


def head_text(run: str, rows: Sequence[Row]) -> bytes:
    """Give what is signed: the run, the number of the last record, and its hash."""
    return f"stopgap-journal 1\nrun {run}\nseq {rows[-1].seq}\nhash {rows[-1].hash}\n".encode("ascii")


def head_problems(run: str, rows: Sequence[Row], folder: Path, signers: Path | None) -> list[str]:
    """Give what is wrong with the signed head beside a run's records.

    A run that was never signed passes, unless `signers` says who must have signed it. Records that came after the
    signature, as an undo adds them, are allowed; none before it may be missing or another.
    """
    head, signature = folder / HEAD, folder / SIGNATURE
    if not head.is_file() or not signature.is_file():
        if signers or head.exists() or signature.exists():
            return [f"{HEAD}: not signed, or the signature was removed"]
        return []
    try:
        with head.open("rb") as stream:
            content = stream.read(_LONGEST)
        check(content, signature, signers)
    except OSError as error:
        return [f"{HEAD}: {error.strerror}"]
    except SignatureError as error:
        return [escape(str(error))]
    found = [row for row in rows if head_text(run, [row]) == content]
    return [] if found else [f"{HEAD}: the record that was signed is missing, or another stands there"]


def signed_seq(run: str, rows: Sequence[Row], folder: Path) -> int | None:
    """Give the number of the record whose hash is in the signed head; None where there is none that is the run's."""
    try:
        with (folder / HEAD).open("rb") as stream:
            content = stream.read(_LONGEST)
    except OSError:
        return None
    return next((row.seq for row in rows if head_text(run, [row]) == content), None)
