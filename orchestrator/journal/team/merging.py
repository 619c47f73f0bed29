"""Bringing the records that a machine wrote apart into the team's database: nothing lost, no fork unseen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from stopgap.orchestrator.journal.chain import Row, canonical_record, entry, export_line, timestamp
from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.journal.integrity import EXPORT
from stopgap.orchestrator.journal.local import LocalRecords
from stopgap.orchestrator.journal.merged import Merged
from stopgap.orchestrator.journal.records import WrittenApart
from stopgap.orchestrator.journal.team.records import TeamTable

_ACTS = ("change-intended", "undo-intended", "step-started")


def merge(chain: str, local: LocalRecords, table: TeamTable, home: Path, controller: str) -> Merged:
    """Bring what a machine wrote into the database.

    Where nobody else wrote meanwhile, the records go there as they are, with their hashes. Otherwise they follow the
    others' records, linked anew behind a `WrittenApart` with the hashes that they had; the chain as it was written
    stays beside the run's folder. A merge that was cut off is carried on by the next. Raises LostError, JournalError.
    """
    mine, theirs = local.rows(chain), table.rows(chain)
    same = _common(mine, theirs)
    if len(mine) == same:
        if len(theirs) > same:
            local.restore(chain, theirs, kind_of)
        return Merged(chain, 0)
    if len(theirs) == same:
        return Merged(chain, table.restore(chain, mine, kind_of))
    apart = mine[same:]
    if not _is_merged(theirs, apart[-1].hash):
        _keep_aside(home, chain, mine)
        told = WrittenApart(
            controller=controller,
            after=same - 1,
            records=len(apart),
            last_hash=apart[-1].hash,
            contested=_acts(apart) and _acts(theirs[same:]),
        )
        texts: list[tuple[str, str, str]] = [(told.kind, timestamp(datetime.now(UTC)), canonical_record(told))]
        texts += [(kind_of(row), row.at, row.record) for row in apart]
        table.append_rows(chain, texts, None, (theirs[-1].seq, theirs[-1].hash), fenced=False)
    now = table.rows(chain)
    local.replace(chain, now, kind_of)
    export = home / "runs" / chain / EXPORT
    if export.exists():
        write_at_once(export, _lines(chain, now))
    return Merged(chain, len(apart), forked=True)


def kind_of(row: Row) -> str:
    """Return the kind of a stored record, also of one that this version cannot read."""
    return str(json.loads(row.record).get("kind", ""))


def _common(mine: Sequence[Row], theirs: Sequence[Row]) -> int:
    same = 0
    for one, other in zip(mine, theirs, strict=False):
        if one != other:
            break
        same += 1
    return same


def _is_merged(theirs: Sequence[Row], last_hash: str) -> bool:
    found = [row for row in theirs if kind_of(row) == "written-apart"]
    records = [entry(row).record for row in found]
    return any(isinstance(each, WrittenApart) and each.last_hash == last_hash for each in records)


def _acts(rows: Sequence[Row]) -> bool:
    return any(kind_of(row) in _ACTS for row in rows)


def _keep_aside(home: Path, chain: str, rows: Sequence[Row]) -> None:
    folder = home / "runs" / chain
    target = folder if folder.is_dir() else home / "runs"
    if target.is_dir():
        name = (
            f"journal-apart-{rows[-1].hash[:8]}.jsonl" if target == folder else f"{chain}-{rows[-1].hash[:8]}.jsonl"
        )
        write_at_once(target / name, _lines(chain, rows))


def _lines(chain: str, rows: Sequence[Row]) -> bytes:
    return "".join(export_line(chain, row) + "\n" for row in rows).encode("ascii")
