"""The head of a run's hash chain in a small file, for a signature: the head vouches for every earlier record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stopgap.orchestrator.journal.chain import Row
from stopgap.orchestrator.text import tr

HEAD = "journal.head"
SIGNATURE = "journal.head.sig"
_LONGEST = 1024


def head_text(run: str, rows: Sequence[Row]) -> bytes:
    """Return the text to sign: the run, the number of the last record, and the record's hash."""
    return f"stopgap-journal 1\nrun {run}\nseq {rows[-1].seq}\nhash {rows[-1].hash}\n".encode("ascii")


def head_problems(run: str, rows: Sequence[Row], folder: Path, signers: Path | None) -> list[str]:
    """Return the problems of the signed head beside a run's records.

    An unsigned run passes, unless `signers` requires a signature. Records after the signature, such as the records of
    an undo, are allowed; a missing or different record before the signature is a problem.
    """
    head, signature = folder / HEAD, folder / SIGNATURE
    if not head.is_file() or not signature.is_file():
        if signers or head.exists() or signature.exists():
            return [tr("{head}: not signed, or the signature was removed", head=HEAD)]
        return []
    from stopgap.orchestrator.signature import SignatureError, check  # noqa: PLC0415 - few runs are signed

    try:
        with head.open("rb") as stream:
            content = stream.read(_LONGEST)
        check(content, signature, signers)
    except OSError as error:
        return [tr("{head}: {strerror}", head=HEAD, strerror=error.strerror)]
    except SignatureError as error:
        return [str(error)]
    found = [row for row in rows if head_text(run, [row]) == content]
    return [] if found else [tr("{head}: the record that was signed is missing, or another stands there", head=HEAD)]


def signed_seq(run: str, rows: Sequence[Row], folder: Path) -> int | None:
    """Return the number of the record with the signed hash; `None` without a signed head of the run."""
    try:
        with (folder / HEAD).open("rb") as stream:
            content = stream.read(_LONGEST)
    except OSError:
        return None
    return next((row.seq for row in rows if head_text(run, [row]) == content), None)
