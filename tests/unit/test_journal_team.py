"""A team's journal on a real PostgreSQL: what two machines see, and what happens where the database is lost."""

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from stopgap.orchestrator.journal import Journal, JournalError, RunHeldError
from stopgap.orchestrator.journal.prune import judge, remove
from stopgap.orchestrator.journal.records import Answered, HostUnreachable, RunFinished, StepStarted
from stopgap.orchestrator.journal.team.address import Address, team_address
from stopgap.orchestrator.journal.team.connection import Database, LostError
from stopgap.orchestrator.journal.team.opening import open_team
from stopgap.orchestrator.journal.team.schema import VERSION, install
from stopgap.orchestrator.journal.team.shared import TeamRecords
from stopgap.orchestrator.run.closing import write_report
from stopgap.orchestrator.text import tr

from .journals import Journals
from .postgres import Cluster
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


STORY = (
    StepStarted(step="s", target="web", host="web", name="S", task="t"),
    unreachable(1),
    Answered(step="s", target="web", question="?", answer="yes", by="ana@desk"),
    unreachable(2),
    RunFinished(outcome="ok", exit_code=0),
)


@pytest.mark.parametrize("killed", range(len(STORY) + 1))
def test_a_database_killed_before_any_record_of_a_run_lacks_none_of_them_later(
    team: Journals, tmp_path: Path, killed: int
) -> None:
    assert team.cluster
    records = (STARTED, *STORY)
    with team.open(tmp_path / "a") as journal:
        run = ""
        for number, record in enumerate(records):
            if number == killed:
                team.cluster.crash()
            if number:
                journal.append(run, record)
            else:
                run = journal.begin(STARTED)
        here = [(entry.seq, entry.record) for entry in journal.records(run)]
    team.cluster.start()
    with team.open(tmp_path / "a") as again, team.open(tmp_path / "b") as other:
        assert [(entry.seq, entry.record) for entry in other.records(run)] == here == list(enumerate(records))
        assert again.verify(run) == other.verify(run) == []
        assert again.history(run).state == other.history(run).state == "ok"


def test_a_database_that_stands_still_holds_a_run_up_once_and_briefly(team: Journals, tmp_path: Path) -> None:
    assert team.cluster
    with team.open(tmp_path / "a") as journal:
        run = journal.begin(STARTED)
        team.cluster.freeze()
        try:
            journal.append(run, unreachable(1))
            assert journal.apart
            journal.append(run, unreachable(2))
        finally:
            team.cluster.thaw()
    with team.open(tmp_path / "b") as other, team.open(tmp_path / "a"):
        assert hosts(other, run) == ["h1", "h2"]


def test_nobody_changes_or_removes_a_record(team: Journals, tmp_path: Path) -> None:
    assert team.cluster
    with team.open(tmp_path / "a") as journal:
        journal.begin(STARTED)
    for statement in (
        "UPDATE stopgap.records SET kind = 'x'",
        "DELETE FROM stopgap.records",
        "TRUNCATE stopgap.records",
    ):
        with pytest.raises(psycopg.Error, match="append-only"):
            team.cluster.run(statement)
    with team.cluster.connect() as connection:
        connection.execute("SET ROLE stopgap_operator")
        for statement in (
            b"INSERT INTO stopgap.records (run, seq, at, kind, record, hash) VALUES ('r', 0, '', '', '', '')",
            b"UPDATE stopgap.heads SET seq = 0",
            b"SELECT stopgap.prune('r', 0, '')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        connection.execute("SET ROLE stopgap_viewer")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(b"SELECT stopgap.append('r', -1, '', '{}', '{}', '{}', '{}', '{}', '{}')")


@pytest.mark.parametrize("earlier", range(1, VERSION))
def test_a_schema_is_migrated_from_every_earlier_one(cluster: Cluster, tmp_path: Path, earlier: int) -> None:
    cluster.run("DROP SCHEMA IF EXISTS stopgap CASCADE")
    database = Database(Address(cluster.url(), "postgresql://test"))
    assert install(database, until=earlier) == (0, earlier)
    with Journals(cluster).open(tmp_path / "a") as journal:
        assert "stopgap journal install" in str(journal.apart)
        run = journal.begin(STARTED)
    assert install(database) == (earlier, VERSION)
    assert install(database) == (VERSION, VERSION)
    database.close()
    with Journals(cluster).open(tmp_path / "a"), Journals(cluster).open(tmp_path / "b") as other:
        assert [each.id for each in other.runs()] == [run]


def test_a_dump_that_was_restored_is_verified(team: Journals, tmp_path: Path) -> None:
    assert team.cluster
    with team.open(tmp_path / "a") as journal:
        run = journal.begin(STARTED)
        journal.append(run, unreachable(1), RunFinished(outcome="ok", exit_code=0))
    team.cluster.by("pg_dump", "--format=custom", "--schema=stopgap", "--file=dump", "postgres")
    team.cluster.run("DROP SCHEMA stopgap CASCADE")
    team.cluster.by("pg_restore", "--dbname=postgres", "dump")
    with team.open(tmp_path / "b") as restored:
        assert restored.verify(run) == []
        assert hosts(restored, run) == ["h1"]


@pytest.mark.parametrize(
    "url", ["postgresql://kei:canary@db/x", "postgresql://db/x?password=canary", "mysql://kei:canary@db/x"]
)
def test_an_address_with_a_password_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(JournalError) as told:
        team_address({"STOPGAP_JOURNAL": url})
    assert "canary" not in str(told.value)


def test_runs_are_pruned_for_every_machine(team: Journals, tmp_path: Path) -> None:
    with team.open(tmp_path / "a") as one:
        gone = one.begin(STARTED)
        one.append(gone, RunFinished(outcome="ok", exit_code=0))
    with team.open(tmp_path / "a") as one, team.open(tmp_path / "b") as other:
        stays = other.begin(STARTED)
        write_report(one, gone)
        judged = judge(one, one.now() + timedelta(days=1), "kei@noc", keep_evidence=False)
        assert [each.run for each in judged.goes] == [gone]
        remove(one, judged.goes)
        assert [each.id for each in other.runs()] == [stays]
        assert [each.run for each in other.pruned()] == [gone]
        with pytest.raises(JournalError, match="was pruned"):
            other.append(gone, unreachable(1))


def test_where_another_may_carry_the_run_on_an_act_waits_for_the_database_unless_it_cuts_off(
    team: Journals, tmp_path: Path
) -> None:
    cluster, asked = team.cluster, [False, True]
    assert cluster

    def waits() -> bool:
        goes_on = asked.pop(0) if asked else True
        if goes_on and cluster.process is None:
            cluster.start()
        return goes_on

    with open_team(tmp_path / "a", team.address, waits=waits) as journal:
        run = journal.begin(STARTED)
        cluster.crash()
        journal.append(run, unreachable(1))
        assert journal.apart
        journal.assure(urgent=True)
        with pytest.raises(JournalError, match="nothing more was done"):
            journal.assure()
        journal.assure()
        assert journal.apart is None
        with team.open(tmp_path / "b") as other:
            assert hosts(other, run) == ["h1"]
