"""The hash chain: each entry's hash covers the one before it, so that no record changes or goes unseen.

A chain shows an edit made by hand or by accident. Against somebody who computes all hashes anew, compare its head
with one that was kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.records import RECORD, AnyRecord, ChangeIntended, RunStarted
from stopgap.orchestrator.journal.renamed import with_current_names
from stopgap.orchestrator.secret import redact_tree

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
GENESIS = "0" * 64
"""Stands for the hash before the first entry of a run."""


@dataclass(frozen=True)
class Entry:
    """One record, at its place in the run's order."""

    seq: int
    """From 0; the order in which things became true, whatever the clock did."""
    at: datetime
    """UTC, by the controller's clock."""
    record: AnyRecord


@dataclass(frozen=True)
class Row:
    """One entry as it lies on disk."""

    seq: int
    at: str
    record: str
    """Canonical JSON."""
    hash: str


def canonical(value: Any) -> str:  # noqa: ANN401
    """Give the one JSON text of a value: sorted keys, no spaces, all beyond ASCII escaped, lone surrogates too."""
    return _CANONICAL.encode(value)


def canonical_record(record: AnyRecord) -> str:
    """Give a record's canonical JSON, redacted but for what has to stay as it is.

    That is the operator's own text in RunStarted, from which a run is resumed, and the change in ChangeIntended,
    from which it is undone: no plan has one that carries a secret.
    """
    fields = record.model_dump(mode="json")
    if not isinstance(record, RunStarted | ChangeIntended):
        fields = redact_tree(fields)
    return canonical(fields)


def timestamp(moment: datetime) -> str:
    """Give ISO 8601 in UTC with microseconds and `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def link(previous: str, run: str, seq: int, at: str, record: str) -> str:
    """Give the hash of an entry: SHA-256 over the hash before it and the canonical JSON of the entry."""
    # The record is canonical already, and its key stands in sorted order: no need to parse it to embed it.
    entry = f'{{"at":{canonical(at)},"record":{record},"run":{canonical(run)},"seq":{seq}}}'
    return hashlib.sha256(f"{previous}\n{entry}".encode()).hexdigest()


def entry(row: Row) -> Entry:
    """Read an entry back; raises JournalError for one that this version cannot understand."""
    try:
        return Entry(
            row.seq,
            datetime.fromisoformat(row.at),
            RECORD.validate_python(with_current_names(json.loads(row.record))),
        )
    except (ValueError, ValidationError, RecursionError):
        raise JournalError(f"record {row.seq} cannot be read; `stopgap verify` tells what is wrong") from None


def chain_problems(run: str, rows: Iterable[Row]) -> Iterator[str]:
    """Give what is wrong with a run's entries, in order; nothing where the chain holds."""
    previous, expected = GENESIS, 0
    for row in rows:
        if row.seq != expected:
            yield f"record {expected}: missing or out of order, {row.seq} stands there"
        if not _is_canonical(row.record):
            yield f"record {row.seq}: not as Stopgap writes it"
        if link(previous, run, row.seq, row.at, row.record) != row.hash:
            yield f"record {row.seq}: does not match its hash and the record before it"
        previous, expected = row.hash, row.seq + 1


def _is_canonical(record: str) -> bool:
    try:
        return canonical(json.loads(record)) == record
    except (ValueError, RecursionError):
        return False


def export_line(run: str, row: Row) -> str:
    """Give an entry as a line of journal.jsonl, without the newline; raises JournalError for a damaged one."""
    try:
        record = json.loads(row.record)
        return canonical({"at": row.at, "hash": row.hash, "record": record, "run": run, "seq": row.seq})
    except (ValueError, TypeError, RecursionError):
        raise JournalError(f"record {row.seq} cannot be read; `stopgap verify` tells what is wrong") from None


def begins_with(run: str, rows: Iterable[Row], exported: bytes) -> bool:
    """Tell whether exported lines are the beginning of these rows, or all of them. Reads no record: it is quick."""
    lines = (
        f'{{"at":{canonical(row.at)},"hash":{canonical(row.hash)},"record":{row.record},'
        f'"run":{canonical(run)},"seq":{row.seq}}}\n'
        for row in rows
    )
    return exported.endswith(b"\n") and "".join(lines).encode("utf-8", "surrogatepass").startswith(exported)


def read_export(path: Path) -> tuple[str, list[Row], list[str]]:
    """Read a journal.jsonl: the run's id, its rows, and what is wrong with lines or their chain.

    It needs no database, so that a run can be checked on another machine. Raises JournalError where the file
    cannot be read at all.
    """
    try:
        return read_lines(path.read_bytes(), path.name)
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}") from None


def read_lines(content: bytes, name: str) -> tuple[str, list[Row], list[str]]:
    """Read chained lines: the name of their chain, the rows, and what is wrong; problems begin with `name`."""
    text = content.decode("ascii", "replace")
    rows: list[Row] = []
    problems: list[str] = []
    runs: list[str] = []
    if text and not text.endswith("\n"):
        problems.append(f"{name}: cut off within its last line")
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], 1):
        try:
            fields = json.loads(line)
            row = Row(int(fields["seq"]), str(fields["at"]), canonical(fields["record"]), str(fields["hash"]))
            runs.append(str(fields["run"]))
            rows.append(row)
            if export_line(runs[-1], row) != line:
                problems.append(f"{name}: line {number}: not as Stopgap writes it")
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError, JournalError):
            problems.append(f"{name}: line {number}: no entry of a journal")
    run = runs[0] if runs else ""
    if any(other != run for other in runs):
        problems.append(f"{name}: entries of several runs")
    if not rows:
        problems.append(f"{name}: holds no entry")
    problems += [f"{name}: {problem}" for problem in chain_problems(run, rows)]
    return run, rows, problems
