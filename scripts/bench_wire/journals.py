"""What `runs` and `status` cost by the number of runs, over a journal in SQLite and one on PostgreSQL."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench_wire.place import ROOT, Place
from bench_wire.table import Row

if TYPE_CHECKING:
    from stopgap.orchestrator.journal.chain import Row as Stored
    from stopgap.orchestrator.journal.records import AnyRecord

SIZES = (10, 100, 1_000)
RECORDS = 1_000
IN_FORCE = 3
"""Runs of each journal of which something is in force; of all others everything was undone."""
TARGETS = 200
"""Hosts that the runs are about, in turn."""
_TARGET = {1_000: "≤ 1 s"}
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def measure(place: Place) -> Iterator[Row]:
    """Each size: the first look at all records, a look where no record is new, and one after one run went on."""
    sys.path.insert(0, str(ROOT))
    from tests.unit.journals import Journals  # noqa: PLC0415 - a real PostgreSQL, as the tests start it
    from tests.unit.postgres import Cluster, programs  # noqa: PLC0415

    for size in SIZES:
        home = place.folder / f"journal{size}"
        fill(home, size, RECORDS)
        yield from _looks(place, home, size, "SQLite", {"STOPGAP_JOURNAL": ""})
        if programs() is None:
            continue
        cluster = Cluster.make()
        try:
            with Journals.in_postgresql(cluster) as journals:
                _copy(home, cluster)
                yield from _looks(place, home, size, "PostgreSQL", journals.environ(home))
        finally:
            cluster.end()


def _looks(place: Place, home: Path, size: int, where: str, journal: dict[str, str]) -> Iterator[Row]:
    environment = {**place.environment, **journal, "STOPGAP_HOME": str(home)}
    (home / "looked.sqlite").unlink(missing_ok=True)
    for command in (["runs"], ["status", "--offline"]):
        words = [str(ROOT / ".venv/bin/stopgap"), *command]
        about = f"{command[0]}, {size:,} runs × {RECORDS:,} records, {where}"
        first = _spent(words, environment)
        yield Row(f"{about}, first", first[:1], more=f"{first[1]:.3g} s of processor time")
        again = [_spent(words, environment) for _ in range(place.attempts)]
        more = f"{min(processor for _, processor in again):.3g} s of processor time"
        yield Row(about, tuple(wall for wall, _ in again), target=_TARGET.get(size, ""), more=more)


def _spent(words: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds of a command, and those of processor time of the command and its children."""
    from bench_wire.place import timed  # noqa: PLC0415

    before = os.times()
    took = timed(list(words), env=environment, accept=(0, 1))
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return took, spent


def fill(home: Path, runs: int, records: int) -> None:
    """Write a journal of finished runs, with the folders and exports that runs leave."""
    from stopgap.orchestrator.journal.chain import canonical_record, export_line  # noqa: PLC0415
    from stopgap.orchestrator.journal.local import LocalRecords  # noqa: PLC0415

    store = LocalRecords(home)
    for number in range(runs):
        begun = _BEGIN + timedelta(minutes=number)
        run = f"{begun:%Y%m%d-%H%M}-bnch"
        told = _story(records, f"web{number % TARGETS}", undone=number < runs - IN_FORCE)
        story = [(each.kind, canonical_record(each)) for each in told]
        rows = list(_linked(run, begun, [text for _, text in story]))
        store.add(run, rows, [kind for kind, _ in story])
        folder = home / "runs" / run
        folder.mkdir(mode=0o700, parents=True)
        (folder / "lock").write_bytes(b"begun\n")
        (folder / "journal.jsonl").write_text("".join(f"{export_line(run, row)}\n" for row in rows))
    store.close()


def _linked(run: str, begun: datetime, texts: Sequence[str]) -> Iterator[Stored]:
    from stopgap.orchestrator.journal.chain import GENESIS, link, timestamp  # noqa: PLC0415
    from stopgap.orchestrator.journal.chain import Row as Stored  # noqa: PLC0415

    previous = GENESIS
    for seq, text in enumerate(texts):
        at = timestamp(begun + timedelta(milliseconds=seq))
        previous = link(previous, run, seq, at, text)
        yield Stored(seq, at, text, previous)


def _story(records: int, target: str, *, undone: bool) -> Iterable[AnyRecord]:
    """Return the records of a containment that is told again and again; `undone`: with an undo of every change."""
    from stopgap.orchestrator.journal.records import ChangeMade, RunFinished, UndoIntended, UndoMade  # noqa: PLC0415
    from tests.unit.story import CONTAINED, FOUND, started  # noqa: PLC0415

    told: list[AnyRecord] = [started(targets=(target,)), FOUND.model_copy(update={"target": target})]
    back: list[AnyRecord] = []
    part = [record for record in CONTAINED[:-1] if hasattr(record, "step")]
    number = 0
    while len(told) + len(back) < records - 1:
        record = part[number % len(part)]
        told.append(
            record := record.model_copy(update={"step": f"{record.step}-{number // len(part)}", "target": target})
        )
        if undone and isinstance(record, ChangeMade):
            place = {"step": record.step, "target": target, "index": record.index}
            back.append(UndoIntended.model_validate({**place, "because": "operator"}))
            back.append(UndoMade.model_validate({**place, "outcome": "undone"}))
        number += 1
    return [*told, RunFinished(outcome="ok", exit_code=0, containment={target: "contained"}), *back]


def _copy(home: Path, cluster: object) -> None:
    """Copy the records into the database, as fast as it takes them."""
    import sqlite3  # noqa: PLC0415

    import psycopg  # noqa: PLC0415

    assert hasattr(cluster, "url")
    columns = "run, seq, at, kind, record, hash"
    with sqlite3.connect(home / "journal.sqlite") as source, psycopg.connect(cluster.url()) as target:
        for table, names in (("records", columns), ("heads", "run, seq, hash")):
            with target.cursor().copy(f"COPY stopgap.{table} ({names}) FROM STDIN".encode()) as copy:
                for row in source.execute(f"SELECT {names} FROM {table} ORDER BY 1, 2"):
                    copy.write_row(row)
        target.commit()
        target.autocommit = True
        target.execute("VACUUM ANALYZE stopgap.records")
