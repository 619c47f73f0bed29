"""A list of runs reads no record twice, and tells each change of a record, a head or a file all the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.looked import FILE
from stopgap.orchestrator.journal.looks import COMPARED_AGAIN
from stopgap.orchestrator.journal.records import AnyRecord, RunFinished, StepStarted
from stopgap.orchestrator.run.all_hosts import AllHosts, Read
from stopgap.orchestrator.run.gist import Gist, gist_json, quiet_gist
from stopgap.orchestrator.run.status import each_run
from stopgap.orchestrator.sinks.metrics import metrics_text

from .forging import edit, only_run
from .journals import Journals
from .story import BACK, CONTAINED, CUT, FAILED, FOUND, answered, started
from .test_journal import five, unreachable

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every journal as one whose records are too many to be compared each time."""
    monkeypatch.setattr("stopgap.orchestrator.journal.looks.COMPARED_ALWAYS", 0)


def looked_at(journals: Journals, home: Path, *, now: datetime = NOW) -> str:
    """Make a run of five records, and look at it as a list of runs does."""
    with journals.open(home, clock=lambda: now) as journal:
        run = five(journal, exported=True)
    with journals.open(home, clock=lambda: now) as journal:
        assert journal.look_at(run) == []
        assert list(journal.looks()) == [run]
    return run


def known(journals: Journals, home: Path, *, now: datetime = NOW) -> list[str]:
    """Return the runs whose records need not be read again."""
    with journals.open(home, clock=lambda: now) as journal:
        return list(journal.looks())


def by_statement(journals: Journals, home: Path) -> None:
    """Edit a record in the middle by a statement, as somebody who may write the database does."""
    if journals.cluster:
        journals.cluster.run("ALTER TABLE stopgap.records DISABLE TRIGGER no_change")
        journals.cluster.run("UPDATE stopgap.records SET record = replace(record, 'h1', 'h9') WHERE seq = 2")
        journals.cluster.run("ALTER TABLE stopgap.records ENABLE TRIGGER no_change")
    else:
        edit(home, only_run(home), lambda record: record.replace("h1", "h9"))


def below_the_database(home: Path) -> None:
    """Edit a record in the bytes of the file, of which SQLite knows nothing."""
    path = home / "journal.sqlite"
    content = path.read_bytes()
    assert b'"host":"h1"' in content
    path.write_bytes(content.replace(b'"host":"h1"', b'"host":"h9"'))


def test_a_run_that_was_looked_at_is_listed_without_its_records(
    journals: Journals, tmp_path: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = looked_at(journals, tmp_path / "home")
    with journals.open(tmp_path / "home", clock=lambda: NOW) as journal:
        for name in ("kept", "rows", "of_run", "digests"):
            monkeypatch.setattr(journal._records, name, lambda *_: pytest.fail("records were read"))
        monkeypatch.setattr(journal._records, "latest_of_kinds", lambda runs, *_: {run: {} for run in runs})
        assert [(each.id, each.state, each.exit_code) for each in journal.runs()] == [(run, "ok", 0)]


@pytest.mark.parametrize("size", ["small", "large"])
def test_an_edit_by_a_statement_is_told_at_once(
    size: str, journals: Journals, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if size == "large":
        request.getfixturevalue("large")
    run = looked_at(journals, tmp_path / "home")
    by_statement(journals, tmp_path / "home")
    assert known(journals, tmp_path / "home") == []
    with journals.open(tmp_path / "home") as journal:
        assert "record 2" in journal.look_at(run)[0]
        assert journal.looks() == {}


def test_a_row_that_was_replaced_past_the_trigger_is_told_at_once(tmp_path: Path, large: None) -> None:
    looked_at(Journals(), tmp_path)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as database, database:
        row = database.execute("SELECT * FROM records WHERE seq = 2").fetchone()
        values = (*row[:4], row[4].replace("h1", "h9"), row[5])
        database.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)", values)
    assert known(Journals(), tmp_path) == []


def test_an_edit_below_the_database_is_told_at_once_in_a_journal_of_ordinary_size(tmp_path: Path) -> None:
    looked_at(Journals(), tmp_path)
    below_the_database(tmp_path)
    assert known(Journals(), tmp_path) == []


def test_an_edit_below_the_database_of_a_large_journal_is_told_within_minutes(tmp_path: Path, large: None) -> None:
    looked_at(Journals(), tmp_path)
    below_the_database(tmp_path)
    assert known(Journals(), tmp_path, now=NOW + COMPARED_AGAIN) != []
    assert known(Journals(), tmp_path, now=NOW + COMPARED_AGAIN + timedelta(seconds=1)) == []


def test_a_clock_that_was_put_back_puts_off_no_comparison(tmp_path: Path, large: None) -> None:
    looked_at(Journals(), tmp_path)
    below_the_database(tmp_path)
    assert known(Journals(), tmp_path, now=NOW - timedelta(days=400)) == []


FILES: dict[str, Callable[[Path], object]] = {
    "an export that was rewritten": lambda folder: (folder / "journal.jsonl").write_text("{}\n"),
    "an export that is gone": lambda folder: (folder / "journal.jsonl").unlink(),
    "a signed head that was put there": lambda folder: (folder / "journal.head").write_text("stopgap-journal 1\n"),
}


@pytest.mark.parametrize("how", FILES)
def test_a_file_beside_the_records_that_was_written_has_the_run_verified(
    how: str, journals: Journals, tmp_path: Path
) -> None:
    run = looked_at(journals, tmp_path)
    FILES[how](tmp_path / "runs" / run)
    assert known(journals, tmp_path) == []


def test_new_records_a_cut_off_end_and_a_missing_head_have_the_run_verified(
    journals: Journals, tmp_path: Path, large: None
) -> None:
    run = looked_at(journals, tmp_path)
    with journals.open(tmp_path) as journal:
        journal.append(run, unreachable(7))
    assert known(journals, tmp_path) == []
    with journals.open(tmp_path, clock=lambda: NOW) as journal:
        assert journal.look_at(run) == []
    if journals.cluster:
        journals.cluster.run("DELETE FROM stopgap.heads")
    else:
        with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as database, database:
            database.execute("DELETE FROM heads")
    assert known(journals, tmp_path) == []
    with journals.open(tmp_path) as journal:
        assert [each.id for each in journal.runs()] == [run]
        assert journal.look_at(run) == ["the head of the chain is missing"]


def test_a_run_that_somebody_is_at_work_on_is_read_each_time(journals: Journals, tmp_path: Path) -> None:
    run = looked_at(journals, tmp_path)
    with journals.open(tmp_path) as one, one.hold(run):
        assert known(journals, tmp_path) == []
        with journals.open(tmp_path) as other:
            assert other.look_at(run) == []
    assert known(journals, tmp_path) == [run]


def test_where_signatures_are_required_and_in_a_copy_nothing_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = looked_at(Journals(), tmp_path)
    with Journal.open_copy(tmp_path) as copy:
        assert copy.looks() == {}
    monkeypatch.setenv("STOPGAP_SIGNERS", str(tmp_path / "signers"))
    assert known(Journals(), tmp_path) == []
    with Journal.open(tmp_path) as journal:
        assert journal.look_at(run) == []


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + bytes(4080)])
def test_a_memory_that_was_lost_or_damaged_begins_anew(content: bytes, tmp_path: Path) -> None:
    run = looked_at(Journals(), tmp_path)
    (tmp_path / FILE).write_bytes(content)
    assert known(Journals(), tmp_path) == []
    with Journal.open(tmp_path, clock=lambda: NOW) as journal:
        assert journal.look_at(run) == []
        assert list(journal.looks()) == [run]


def test_a_list_of_runs_takes_nothing_from_what_status_has_remembered(journals: Journals, tmp_path: Path) -> None:
    run = looked_at(journals, tmp_path)
    with journals.open(tmp_path, clock=lambda: NOW) as journal:
        journal.history(run, gist_json)
        journal.look_at(run)
        assert quiet_gist(journal.looks()[run])


def test_of_a_run_that_was_pruned_nothing_is_left(tmp_path: Path) -> None:
    run = looked_at(Journals(), tmp_path)
    with Journal.open(tmp_path, clock=lambda: NOW) as journal:
        last = journal.last_row(run)
        journal._records.prune({run: (last.seq, last.hash)}, [], lambda _: False)
        assert journal.looks() == {}
    with closing(sqlite3.connect(tmp_path / FILE)) as memory:
        assert memory.execute("SELECT run FROM looks").fetchall() == []


def tell(home: Path, journals: Journals) -> str:
    """Return all that `status` draws from the journal, and read it twice: what is told first is told again."""
    with journals.open(home, clock=lambda: NOW) as journal:
        read: list[Read] = []

        def keep(run: str, gist: Gist, history: object) -> None:
            read.append(Read(run, gist, history))  # type: ignore[arg-type]

        runs = [(r.run, r.damage, r.in_force, r.expired) for r in each_run(journal, offline=True, on_read=keep)]
        hosts = AllHosts(journal, read[::-1], NOW)
        return repr((runs, list(hosts.open()), list(hosts.returning())))


OK = RunFinished(outcome="ok", exit_code=0)
LIFT = "{name: Back, steps: [{id: lift, task: change.lift, with: {runs: [x], step: cut-off}}]}"
LIFTED = [*CUT, FOUND, RunFinished(outcome="ok", exit_code=0, containment={"web": "contained"}), *BACK]
ANSWERS = [
    *answered("x (critical): A process hides: resolved, or accepted?", "resolved", type="text"),
    *answered("y (low): A job of cron: resolved, or accepted?", "resolved", type="text"),
]
STORIES: tuple[tuple[str, str, list[AnyRecord]], ...] = (
    ("cut", "", CONTAINED),
    ("open", "", LIFTED),
    ("settled", "", LIFTED),
    ("settled", "", [*ANSWERS, OK]),
    ("failed", "", FAILED),
    ("back", "", LIFTED),
    ("back", LIFT, [*answered("Is it clean?", "yes"), RunFinished(outcome="failed", exit_code=1)]),
    ("begun", "", [StepStarted(step="s", target="web", host="web", name="S", task="host.command")]),
)


def of(target: str, record: AnyRecord) -> AnyRecord:
    """Return a record of the story for another target."""
    news: dict[str, object] = {"target": target} if hasattr(record, "target") else {}
    if isinstance(record, RunFinished):
        news = {"containment": dict.fromkeys([target], *record.containment.values())} if record.containment else {}
    return record.model_copy(update=news)


def test_status_tells_the_same_from_memory_as_from_the_records(journals: Journals, tmp_path: Path) -> None:
    with journals.open(tmp_path, clock=lambda: NOW - timedelta(minutes=30)) as journal:
        for target, runbook, records in STORIES:
            run = journal.begin(started(targets=(target,), runbook_text=runbook))
            journal.append(run, *[of(target, record) for record in records])
    first = tell(tmp_path, journals)
    assert [name for name in ("open", "settled", "back") if f"OpenHost(target='{name}'" in first] == ["open", "back"]
    assert "HostStands(target='back', phase='stopped'" in first
    with journals.open(tmp_path, clock=lambda: NOW) as journal:
        quiet = [run for run, look in journal.looks().items() if quiet_gist(look)]
        measured = metrics_text(journal)
    assert len(quiet) == 6
    assert tell(tmp_path, journals) == first
    (tmp_path / FILE).unlink()
    with journals.open(tmp_path, clock=lambda: NOW) as journal:
        assert metrics_text(journal) == measured
    assert tell(tmp_path, journals) == first
