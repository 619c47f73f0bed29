"""Integrity of a run's records: hash chain, head, export and signature.

A chain alone reveals an edit by hand or by accident. Against an attacker able to recompute all hashes there is the
signed head: records up to the signed head cannot be exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.journal.chain import Row, begins_with, chain_problems, read_lines
from stopgap.orchestrator.journal.disk import disk_errors
from stopgap.orchestrator.journal.head import head_problems, signed_seq
from stopgap.orchestrator.text import tr

EXPORT = "journal.jsonl"


@dataclass(frozen=True)
class Kept:
    """The content of the database on one run, from one snapshot."""

    rows: Sequence[Row]
    head: tuple[int, str] | None
    """Number and hash of the last record."""
    misfiled: Sequence[int] = ()
    """Records listed under a kind different from their text."""
    digest: str = ""
    """SHA-256 of all that is stored of the run, in hexadecimal: `seq|`, hash, time, kind and text of each record, in
    order.
    """


@dataclass(frozen=True)
class Beside:
    """The files of a run's folder beside the evidence.

    Read before the database, so that the database is never behind.
    """

    folder: Path
    exported: bytes | None = None
    """journal.jsonl; `None` before the first export."""


def read_beside(folder: Path) -> Beside:
    """Read journal.jsonl of a run's folder, if present; raises JournalError."""
    path = folder / EXPORT
    with disk_errors(path):
        return Beside(folder, path.read_bytes() if path.exists() else None)


def integrity_problems(run: str, kept: Kept, beside: Beside, signers: Path | None = None) -> Iterator[str]:
    """Yield the problems of a run's records: edits, deletions, reordering, or truncation.

    Truncation shows by the head beside the records, by journal.jsonl and by the signed head. With `signers` a signed
    head of a listed signer is required.
    """
    yield from chain_problems(run, kept.rows)
    for seq in kept.misfiled:
        yield tr("record {seq}: is listed as another kind", seq=seq)
    yield from _contested(kept.rows)
    yield from _end_problems(kept)
    yield from head_problems(run, kept.rows, beside.folder, signers)
    if beside.exported is not None and not begins_with(run, kept.rows, beside.exported):
        yield from _export_problems(run, kept.rows, beside.exported)


def unsigned_changes(run: str, kept: Kept, folder: Path) -> Iterator[str]:
    """Yield the changes after the record with the signed hash; empty for a run never signed.

    An undo adds no changes. A `resume` adds changes, and signs the changes at its end.
    """
    signed = signed_seq(run, kept.rows, folder)
    if signed is None:
        return
    later = [row.seq for row in kept.rows if row.seq > signed and '"kind":"change-intended"' in row.record]
    if later:
        yield (
            tr(
                "records {later} to {later2}: {count} changes came after record {signed}, the last that is "
                "signed: a `resume` without the key, or one that was cut off, or somebody else",
                later=later[0],
                later2=later[-1],
                count=len(later),
                signed=signed,
            )
        )


def _contested(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if '"kind":"written-apart"' in row.record and '"contested":true' in row.record:
            yield tr(
                "record {seq}: two machines went on with it at once, while one did not reach the team's database; "
                "look at the hosts before acting on it",
                seq=row.seq,
            )


def _end_problems(kept: Kept) -> Iterator[str]:
    last = kept.rows[-1] if kept.rows else None
    if kept.head is None:
        yield tr("the head of the chain is missing")
    elif last is None or last.seq < kept.head[0]:
        yield tr(
            "cut off: the chain reached record {head}, and ends at {rest}",
            head=kept.head[0],
            rest=last.seq if last else -1,
        )
    elif (last.seq, last.hash) != kept.head:
        yield tr("record {seq}: is not the head that was written last", seq=last.seq)


def _export_problems(run: str, rows: Sequence[Row], exported: bytes) -> Iterator[str]:
    other, lines, problems = read_lines(exported, EXPORT)
    yield from problems
    if other != run:
        yield tr("{export}: is of run {other}", export=EXPORT, other=other)
        return
    if len(lines) > len(rows):
        yield tr(
            "cut off: {export} holds {count} records, the journal {count2}",
            export=EXPORT,
            count=len(lines),
            count2=len(rows),
        )
    known = {row.seq: row for row in rows}
    for line in lines:
        if line.seq in known and known[line.seq] != line:
            yield tr("record {seq}: {export} has another", seq=line.seq, export=EXPORT)
