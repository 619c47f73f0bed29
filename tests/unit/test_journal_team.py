"""A team's journal on a real PostgreSQL: what two machines see, and what happens where the database is lost."""

from pathlib import Path

import pytest

from stopgap.orchestrator.journal import Journal, JournalError, RunHeldError
from stopgap.orchestrator.journal.records import Answered, HostUnreachable, RunFinished, StepStarted
from stopgap.orchestrator.journal.team.connection import LostError
from stopgap.orchestrator.journal.team.shared import TeamRecords
from stopgap.orchestrator.text import tr

from .journals import Journals
from .test_journal import STARTED, unreachable


def hosts(journal: Journal, run: str) -> list[str]:
    return [e.record.host for e in journal.records(run) if isinstance(e.record, HostUnreachable)]


def cut_off(journal: Journal) -> None:
    """Cut a journal off its database for good, as by a firewall between them."""
    records = journal._records
    assert isinstance(records, TeamRecords)
    records._stop.set()
    records.lost(LostError(tr("a cable was cut")))


def test_two_machines_see_the_same_runs(team: Journals, tmp_path: Path) -> None:
    with team.open(tmp_path / "a") as one, team.open(tmp_path / "b") as other:
        run = one.begin(STARTED)
        one.append(run, unreachable(1))
        assert [(r.id, r.state) for r in other.runs()] == [(run, "running")]
        assert hosts(other, run) == ["h1"]
        assert other.strays() == []
        assert other.resolve("last") == run
        with pytest.raises(RunHeldError, match="is at work on run"), other.hold(run):
            pass


def test_a_lost_database_holds_no_append_up_and_gets_all_of_them_later(team: Journals, tmp_path: Path) -> None:
    assert team.cluster
    with team.open(tmp_path / "a") as journal:
        run = journal.begin(STARTED)
        team.cluster.crash()
        try:
            journal.append(run, unreachable(1))
            journal.append(run, unreachable(2))
            assert journal.apart
            assert hosts(journal, run) == ["h1", "h2"]
        finally:
            team.cluster.start()
    with team.open(tmp_path / "b") as elsewhere:
        assert hosts(elsewhere, run) == []
    with team.open(tmp_path / "a") as again, team.open(tmp_path / "b") as elsewhere:
        assert again.apart is None
        assert hosts(elsewhere, run) == ["h1", "h2"]
        assert again.verify(run) == elsewhere.verify(run) == []


def test_a_machine_that_was_taken_over_does_nothing_more(team: Journals, tmp_path: Path) -> None:
    with team.open(tmp_path / "a") as one, team.open(tmp_path / "b") as other:
        run = one.begin(STARTED)
        with other.hold(run, over=True):
            with pytest.raises(RunHeldError, match="took over the lock run"):
                one.append(run, unreachable(1))
            other.append(run, unreachable(2))
        assert hosts(other, run) == ["h2"]


def test_a_lock_without_heartbeat_lapses(team: Journals, tmp_path: Path) -> None:
    assert team.cluster
    with team.open(tmp_path / "a") as one, team.open(tmp_path / "b") as other:
        run = one.begin(STARTED)
        assert other.is_held(run)
        team.cluster.run("UPDATE stopgap.locks SET beat = beat - interval '1 hour'")
        assert other.is_held(run)  # the lease begins anew with each start of the database
        team.cluster.run(
            "CREATE OR REPLACE FUNCTION stopgap.lapsed(beat timestamptz, lease interval) RETURNS boolean LANGUAGE sql"
            " AS $$ SELECT $1 + $2 < clock_timestamp() $$"
        )
        assert not other.is_held(run)
        with other.hold(run), pytest.raises(RunHeldError, match="took over"):
            one.append(run, unreachable(1))


def test_what_two_machines_wrote_apart_is_joined_and_told(team: Journals, tmp_path: Path) -> None:
    assert team.cluster
    answer = Answered(step="s", target="web", question="?", answer="yes", by="ana@desk")
    with team.open(tmp_path / "a") as one, team.open(tmp_path / "b") as other:
        run = one.begin(STARTED)
        one.append(run, unreachable(1))
        one.export(run)
        cut_off(one)
        one.append(run, unreachable(2), unreachable(3))
        other.append(run, answer)
    with team.open(tmp_path / "a") as one, team.open(tmp_path / "b") as other:
        kinds = [entry.record.kind for entry in other.records(run)]
        assert kinds == ["run-started", "host-unreachable", "answered", "written-apart", *["host-unreachable"] * 2]
        assert one.verify(run) == other.verify(run) == []
        one.append(run, RunFinished(outcome="ok", exit_code=0))
        assert list(one.records(run)) == list(other.records(run))
    assert [path.name for path in (tmp_path / "a" / "runs" / run).glob("journal-apart-*")] != []


def test_a_run_that_was_carried_on_elsewhere_meanwhile_is_not_trusted_blindly(team: Journals, tmp_path: Path) -> None:
    started = StepStarted(step="s", target="web", host="web", name="S", task="t")
    with team.open(tmp_path / "a") as one, team.open(tmp_path / "b") as other:
        run = one.begin(STARTED)
        cut_off(one)
        one.append(run, started)
        with other.hold(run, over=True):
            other.append(run, started)
    with team.open(tmp_path / "a") as again:
        assert "two machines went on with it at once" in again.verify(run)[0]


def test_a_run_can_begin_without_the_database_and_a_stranger_cannot_be_answered(
    team: Journals, tmp_path: Path
) -> None:
    assert team.cluster
    with team.open(tmp_path / "b") as other:
        known = other.begin(STARTED)
    team.cluster.crash()
    try:
        with team.open(tmp_path / "a") as one:
            run = one.begin(STARTED)
            with pytest.raises(JournalError, match="not known on this machine"):
                one.append(known, unreachable(1))
            with pytest.raises(JournalError, match="nothing was removed"):
                one.prune([])
    finally:
        team.cluster.start()
    with team.open(tmp_path / "a"), team.open(tmp_path / "b") as other:
        assert {each.id for each in other.runs()} == {run, known}
