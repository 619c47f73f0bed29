"""Whatever a journal, an export, a manifest or a plan was turned into, it is read or refused, without a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.evidence.manifest import MANIFEST
from stopgap.orchestrator.evidence.verify import verify_folder
from stopgap.orchestrator.journal import Journal, JournalError
from stopgap.orchestrator.journal.chain import read_export
from stopgap.orchestrator.journal.records import RunFinished, RunStarted, StepStarted
from stopgap.orchestrator.plan.saved import saved_digest

EXAMPLES = int(os.environ.get("STOPGAP_FUZZ", "100"))
"""Examples of each test; a longer run sets STOPGAP_FUZZ."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["seq", "at", "record", "hash", "run", "format", "version", "items", "file", "plan_digest", "kind"]
)
DEEP = st.integers(1, 3000).map(lambda depth: "[" * depth) | st.just("[" * 100_000) | st.just('{"a":' * 2000)
DIGITS = st.sampled_from(["9" * 5000, '{"seq": ' + "9" * 5000 + "}", '{"version": 1e400}', '{"bytes": ²}', "NaN"])
TEXT = st.one_of(
    st.text(),
    DEEP,
    DIGITS,
    JSON.map(json.dumps),
    st.dictionaries(KEYS, JSON).map(json.dumps),
    st.just('{"seq": 1e999}'),
)
NOISE = st.binary(max_size=200) | TEXT.map(lambda text: text.encode("utf-8", "surrogatepass"))
STARTED = RunStarted(
    version="1", runbook_name="R", runbook_path="r", runbook_text="", inventory_path="i", inventory_text="",
    hosts=(), targets=(), params={}, operator="a@b",
)  # fmt: skip
RECORDS = (
    STARTED,
    StepStarted(step="a", target="t", host="t", name="A", task="host.command"),
    RunFinished(outcome="ok", exit_code=0),
)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(NOISE, max_size=4), st.booleans())
def test_an_export_is_read_or_its_problems_are_told(lines: list[bytes], ends: bool):
    with folder() as place:
        path = place / "journal.jsonl"
        path.write_bytes(b"\n".join(lines) + (b"\n" if ends else b""))
        assert read_export(path)[2]
        assert verify_folder(place)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2), st.sampled_from(["seq", "at", "kind", "record", "hash"]), JSON | NOISE)
def test_a_journal_with_a_field_overwritten_tells_it(seq: int, column: str, value: object):
    with folder() as place:
        with Journal.open(place / "home") as journal:
            run = journal.begin(STARTED)
            journal.append(run, *RECORDS[1:])
        stored = value if isinstance(value, bytes | str | None) else json.dumps(value)
        with contextlib.closing(sqlite3.connect(place / "home" / "journal.sqlite")) as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f"DROP TRIGGER {name}")
            try:
                changed = database.execute(
                    f"UPDATE records SET {column} = ? WHERE seq = ? AND {column} IS NOT ?", (stored, seq, stored)
                ).rowcount
            except sqlite3.DatabaseError:
                return
            database.commit()
        with Journal.open(place / "home") as journal:
            ask = SimpleNamespace(
                verify=lambda: journal.verify(run),
                runs=journal.runs,
                history=lambda: journal.history(run),
                export=lambda: journal.export(run),
                resolve=lambda: journal.resolve("last"),
            )
            found: list[str] = []
            for name in vars(ask):
                with contextlib.suppress(JournalError):
                    found += getattr(ask, name)() if name == "verify" else (getattr(ask, name)(), [])[1]
            assert found or not changed


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0), NOISE)
def test_a_journal_file_with_bytes_overwritten_is_read_or_refused(at: int, noise: bytes):
    with folder() as place:
        with Journal.open(place / "home") as journal:
            run = journal.begin(STARTED)
            journal.append(run, *RECORDS[1:])
        path = place / "home" / "journal.sqlite"
        content = bytearray(path.read_bytes())
        at %= len(content)
        content[at : at + len(noise)] = noise
        path.write_bytes(content)
        for ask in ("verify", "history", "export"):
            with contextlib.suppress(JournalError), Journal.open(place / "home") as journal:
                getattr(journal, ask)(run)


@settings(max_examples=EXAMPLES, deadline=None)
@given(NOISE)
def test_a_manifest_is_believed_or_its_problems_are_told(content: bytes):
    with folder() as place:
        (place / MANIFEST).write_bytes(content)
        assert verify_folder(place)


@settings(max_examples=EXAMPLES, deadline=None)
@given(NOISE)
def test_a_saved_plan_is_read_or_refused(content: bytes):
    with folder() as place:
        (place / "plan").write_bytes(content)
        try:
            assert isinstance(saved_digest(place / "plan"), str)
        except Error as error:
            assert error.exit_code == 2
