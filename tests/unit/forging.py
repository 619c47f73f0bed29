"""What somebody does who may write the state folder: edit records, rechain them, put an older database back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from stopgap.orchestrator.journal.chain import GENESIS, Row, canonical, export_line, link

Edit = Callable[[str], str]
"""From a record's text to another."""


def only_run(home: Path) -> str:
    """Give the id of the last run."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as database:
        (found,) = database.execute("SELECT run FROM records ORDER BY rowid DESC LIMIT 1").fetchone()
    return str(found)


def edit(home: Path, run: str, change: Edit, *, rechained: bool = False) -> None:
    """Edit a run's records; `rechained`: all hashes, the head and journal.jsonl are made to match."""
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as database:
        database.execute("DROP TRIGGER IF EXISTS no_update")
        found = database.execute("SELECT seq, at, record, hash FROM records WHERE run = ? ORDER BY seq", (run,))
        previous, rows = GENESIS, []
        for seq, at, record, digest in found.fetchall():
            new = change(record)
            previous = link(previous, run, seq, at, new) if rechained else digest
            rows.append(Row(seq, at, new, previous))
            where = (new, previous, run, seq)
            database.execute("UPDATE records SET record = ?, hash = ? WHERE run = ? AND seq = ?", where)
        database.execute("UPDATE heads SET hash = ? WHERE run = ?", (previous, run))
        database.execute(
            "CREATE TRIGGER no_update BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'append-only'); END"
        )
    if rechained:
        lines = "".join(export_line(run, row) + "\n" for row in rows)
        (home / "runs" / run / "journal.jsonl").write_text(lines)


def another_path(name: str, victim: Path) -> Edit:
    """Have a change be of another file."""
    old, new = f"/{name}", f"/{victim.name}"

    def change(record: str) -> str:
        return record.replace(canonical(old)[1:-1], canonical(new)[1:-1]) if "change-intended" in record else record

    return change


def put_aside(home: Path, aside: Path) -> None:
    """Copy the database as it is."""
    aside.mkdir()
    for path in home.glob("journal.sqlite*"):
        shutil.copy(path, aside)


def put_back(home: Path, aside: Path) -> None:
    """Replace the database by the older copy."""
    for path in home.glob("journal.sqlite*"):
        path.unlink()
    for path in aside.iterdir():
        shutil.copy(path, home)
