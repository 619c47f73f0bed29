"""The hash chain: each entry's hash covers the previous hash, so that no edit of a record goes unseen.

A chain reveals an edit by hand or by accident. Against an attacker able to recompute all hashes, compare the head of
the chain with a copy stored elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sys import intern
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.journal.failure import JournalError
from stopgap.orchestrator.journal.renamed import with_current_names
from stopgap.orchestrator.secret.redaction import redact_tree
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.translatable import KeptTexts

if TYPE_CHECKING:
    from stopgap.orchestrator.journal.records import AnyRecord

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
_SCAN = json.JSONDecoder().raw_decode
_QUOTED = json.encoder.encode_basestring_ascii
"""Of a text what `canonical` returns, and nothing else."""
_SHARED = 64
"""Characters of a text that records are likely to have in common: hosts, steps, outcomes."""
_EXACT = frozenset({"run-started", "change-intended"})
"""Kinds of records that are stored as they are, without redaction."""
_NAMES: dict[frozenset[str], set[str]] = {}
"""Names of the fields that records came with."""
GENESIS = "0" * 64
"""Stands for the hash before the first entry of a run."""
TEXTS = "texts"
"""The key of a stored record beside the record's own: the texts for readers as templates with arguments, so that a
reader of another language gets them too; the record's own fields have the English words.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record, with its position in the run."""

    seq: int
    """Number of the record, from 0: the order of events, independent of the clock."""
    at: datetime
    """UTC, by the controller's clock."""
    record: AnyRecord


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as stored on disk."""

    seq: int
    at: str
    record: str
    """Canonical JSON."""
    hash: str


def canonical(value: Any) -> str:  # noqa: ANN401
    """Return the canonical JSON of a value: sorted keys, no spaces, ASCII escapes, for lone surrogates too.

    >>> canonical({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
    """
    return _CANONICAL.encode(value)


def canonical_record(record: AnyRecord) -> str:
    """Return a record's canonical JSON, redacted except for two exact texts.

    Exact are the operator's own text in RunStarted, needed for a resume, and the change in ChangeIntended, needed for
    an undo: no plan puts a secret into a change.
    """
    texts = KeptTexts()
    fields = record.model_dump(mode="json", context=texts)
    if texts:
        fields[TEXTS] = texts.as_json()
    if record.kind not in _EXACT:
        fields = redact_tree(fields)
    return canonical(fields)


def timestamp(moment: datetime) -> str:
    """Return ISO 8601 in UTC with microseconds and `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def link(previous: str, run: str, seq: int, at: str, record: str) -> str:
    """Return the hash of an entry: SHA-256 over the previous hash and the canonical JSON of the entry."""
    # The record is canonical already, and the key is in sorted order: no parse is needed.
    entry = f'{{"at":{_QUOTED(at)},"record":{record},"run":{_QUOTED(run)},"seq":{seq}}}'
    return hashlib.sha256(f"{previous}\n{entry}".encode()).hexdigest()


def entry(row: Row) -> Entry:
    """Parse a stored entry; raises JournalError for an entry unknown to this version."""
    from stopgap.orchestrator.journal.records import RECORD  # noqa: PLC0415 - what lists runs reads no record

    try:
        fields = with_current_names(json.loads(row.record))
        if not isinstance(fields, dict):
            raise TypeError(type(fields).__name__)
        kept = fields.pop(TEXTS, None)
        for name, value in fields.items():
            if type(value) is str and len(value) <= _SHARED:
                fields[name] = intern(value)
        texts = KeptTexts.from_json(kept) if kept else None
        record = RECORD.validate_python(fields, context=texts)
        return Entry(row.seq, datetime.fromisoformat(row.at), _sharing(record))
    except (TypeError, ValueError, RecursionError):
        raise JournalError(
            tr("record {seq} cannot be read; `stopgap verify` tells what is wrong", seq=row.seq)
        ) from None


def _sharing(record: AnyRecord) -> AnyRecord:
    """Have records that came with the same fields share the set of the names, which a copy copies: it is large."""
    names = record.model_fields_set
    object.__setattr__(record, "__pydantic_fields_set__", _NAMES.setdefault(frozenset(names), names))
    return record


def chain_problems(run: str, rows: Iterable[Row]) -> Iterator[str]:
    """Yield the problems of a run's entries, in order; empty for an intact chain."""
    previous, expected = GENESIS, 0
    for row in rows:
        if row.seq != expected:
            yield tr("record {expected}: missing or out of order, {seq} stands there", expected=expected, seq=row.seq)
        if not _is_canonical(row.record):
            yield tr("record {seq}: not as Stopgap writes it", seq=row.seq)
        if link(previous, run, row.seq, row.at, row.record) != row.hash:
            yield tr("record {seq}: does not match its hash and the record before it", seq=row.seq)
        previous, expected = row.hash, row.seq + 1


def _is_canonical(record: str) -> bool:
    try:
        # What stands before or after the value is missing in the other text: no scan for it is needed.
        return canonical(_SCAN(record)[0]) == record
    except (ValueError, RecursionError):
        return False


def export_line(run: str, row: Row) -> str:
    """Return an entry as a line of journal.jsonl, without the newline; raises JournalError for a damaged entry."""
    try:
        record = json.loads(row.record)
        return canonical({"at": row.at, "hash": row.hash, "record": record, "run": run, "seq": row.seq})
    except (ValueError, TypeError, RecursionError):
        raise JournalError(
            tr("record {seq} cannot be read; `stopgap verify` tells what is wrong", seq=row.seq)
        ) from None


def begins_with(run: str, rows: Iterable[Row], exported: bytes) -> bool:
    """Return True if the exported lines equal the first rows, or all rows. Parses no record, for speed."""
    lines = (
        f'{{"at":{canonical(row.at)},"hash":{canonical(row.hash)},"record":{row.record},'
        f'"run":{canonical(run)},"seq":{row.seq}}}\n'
        for row in rows
    )
    return exported.endswith(b"\n") and "".join(lines).encode("utf-8", "surrogatepass").startswith(exported)


def read_export(path: Path) -> tuple[str, list[Row], list[str]]:
    """Read a journal.jsonl: the run's id, the rows, and the problems of lines and chain.

    No database is needed, so that a run can be verified on another machine. Raises JournalError for an unreadable
    file.
    """
    try:
        return read_lines(path.read_bytes(), path.name)
    except OSError as error:
        raise JournalError(tr("{path}: {strerror}", path=path, strerror=error.strerror)) from None


def read_lines(content: bytes, name: str) -> tuple[str, list[Row], list[str]]:
    """Read chained lines: the name of the chain, the rows, and the problems, each with the prefix `name`."""
    text = content.decode("ascii", "replace")
    rows: list[Row] = []
    problems: list[str] = []
    runs: list[str] = []
    if text and not text.endswith("\n"):
        problems.append(tr("{name}: cut off within its last line", name=name))
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], 1):
        try:
            fields = json.loads(line)
            row = Row(int(fields["seq"]), str(fields["at"]), canonical(fields["record"]), str(fields["hash"]))
            runs.append(str(fields["run"]))
            rows.append(row)
            if export_line(runs[-1], row) != line:
                problems.append(tr("{name}: line {number}: not as Stopgap writes it", name=name, number=number))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError, JournalError):
            problems.append(tr("{name}: line {number}: no entry of a journal", name=name, number=number))
    run = runs[0] if runs else ""
    if any(other != run for other in runs):
        problems.append(tr("{name}: entries of several runs", name=name))
    if not rows:
        problems.append(tr("{name}: holds no entry", name=name))
    problems += [tr("{name}: {problem}", name=name, problem=problem) for problem in chain_problems(run, rows)]
    return run, rows, problems
