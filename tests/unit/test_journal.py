"""The journal on a real disk, with real processes and a real kill."""

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stopgap.orchestrator.change import RunCommands, command, make_link
from stopgap.orchestrator.facts import FileFact
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.journal import Journal, JournalError, RunHeldError, UnknownRunError, state_home
from stopgap.orchestrator.journal.chain import read_export
from stopgap.orchestrator.journal.records import ChangeIntended, HostUnreachable, RunFinished, RunStarted, StepStarted
from stopgap.orchestrator.journal.renamed import with_current_names

from .journals import Journals

STARTED = RunStarted(
    version="0.1.0",
    runbook_name="Contain",
    runbook_path="contain.yaml",
    runbook_text="name: Contain\n",
    inventory_path="lab.yaml",
    inventory_text="",
    hosts=(Host(name="web", address="203.0.113.10"),),
    targets=("web",),
    params={"contact": "noc@example.jp"},
    operator="kei@noc",
)


def unreachable(number: int) -> HostUnreachable:
    return HostUnreachable(host=f"h{number}", reason="timeout")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def either(journals: Journals, tmp_path: Path) -> Iterator[Journal]:
    """A journal of each kind in turn."""
    with journals.open(tmp_path / "home") as opened:
        yield opened


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_while_the_same_process_opens_the_journal_again_is_not_lost(tmp_path: Path) -> None:
    """As `stopgap serve` does, for each page; another process that closes the file must not take it for its own."""
    home = tmp_path / "home"
    look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
    look += " print(c.execute('SELECT count(*) FROM records').fetchone()[0]); c.close()"
    argv = [sys.executable, "-S", "-c", look, str(home / "journal.sqlite")]
    with Journal.open(home) as first:
        run = first.begin(STARTED)
        Journal.open(home).close()
        assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "1\n"
        first.append(run, unreachable(1))
        assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "2\n"


def test_home_and_runs_are_readable_by_their_owner_alone(journal: Journal) -> None:
    run = journal.begin(STARTED)
    assert mode(journal.home) == mode(journal.home / "runs") == mode(journal.run_folder(run)) == 0o700
    assert mode(journal.home / "journal.sqlite") == mode(journal.export(run)) == 0o600
    assert {mode(path) for path in journal.home.glob("journal.sqlite*")} == {0o600}


def test_the_home_is_chosen_by_the_environment_then_by_the_platform() -> None:
    assert state_home({"STOPGAP_HOME": "/srv/s", "XDG_STATE_HOME": "/x"}) == Path("/srv/s")
    assert state_home({"XDG_STATE_HOME": "/x"}) == Path("/x/stopgap")
    assert state_home({"XDG_STATE_HOME": "relative"}) == Path("~/.local/state/stopgap").expanduser()


def test_a_run_whose_id_is_taken_gets_another(either: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr("stopgap.orchestrator.journal.store._letters", lambda count: next(letters))
    assert [either.begin(STARTED)[-4:] for _ in range(2)] == ["aaaa", "bbbb"]


def test_records_come_back_as_they_went_in_with_time_and_order(tmp_path: Path, journals: Journals) -> None:
    moment = datetime(2026, 11, 23, 1, 13, 5, 250000, tzinfo=UTC)
    awkward = RunCommands(about="日本語 'x'\n\x1b", do=(command("rm", "a\udcff"),), undo=None, lasts=1.5)
    intended = ChangeIntended(step="s", target="web", host="web", index=0, change=awkward)
    with journals.open(tmp_path, clock=lambda: moment) as journal:
        run = journal.begin(STARTED)
        journal.append(run, intended, unreachable(1))
    with journals.open(tmp_path) as journal:
        entries = list(journal.records(run))
    assert run.startswith("20261123-0113-")
    assert [entry.record for entry in entries] == [STARTED, intended, unreachable(1)]
    assert [(entry.seq, entry.at) for entry in entries] == [(0, moment), (1, moment), (2, moment)]


def test_a_link_whose_destination_is_not_unicode_survives(either: Journal) -> None:
    change = make_link("/etc/x", "/y", FileFact(kind="link", link_to="bad\udcff"))
    assert change is not None
    run = either.begin(STARTED)
    either.append(run, ChangeIntended(step="s", target="web", host="web", index=0, change=change))
    last = list(either.records(run))[-1].record
    assert isinstance(last, ChangeIntended)
    assert last.change == change


def test_append_is_all_or_nothing(journal: Journal) -> None:
    run = journal.begin(STARTED)
    journal._records._table._database.execute(
        "CREATE TRIGGER third BEFORE INSERT ON records WHEN NEW.seq = 3 BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(JournalError):
        journal.append(run, unreachable(1), unreachable(2), unreachable(3))
    assert len(list(journal.records(run))) == 1
    assert journal.verify(run) == []


def test_many_threads_append_to_one_run(either: Journal) -> None:
    run = either.begin(STARTED)
    threads = [
        threading.Thread(target=lambda: [either.append(run, unreachable(i)) for i in range(10)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.seq for entry in either.records(run)] == list(range(81))
    assert either.verify(run) == []


APPENDER = """
import sys
from pathlib import Path
from stopgap.orchestrator.journal import open_journal
from stopgap.orchestrator.journal.records import HostUnreachable
with open_journal() as journal:
    for number in range(int(sys.argv[3])):
        journal.append(sys.argv[2], HostUnreachable(host=sys.argv[4], reason=str(number)))
        print(number, flush=True)
"""


def appender(journals: Journals, home: Path, run: str, count: int, name: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(home), run, str(count), name],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **journals.environ(home)},
    )


@pytest.mark.parametrize("runs", [1, 2])
def test_two_processes_append_at_once(either: Journal, journals: Journals, runs: int) -> None:
    ids = [either.begin(STARTED) for _ in range(runs)] * (2 if runs == 1 else 1)
    processes = [appender(journals, either.home, run, 40, f"p{n}") for n, run in enumerate(ids)]
    assert [(process.communicate(timeout=60), process.returncode)[1] for process in processes] == [0, 0]
    for run in set(ids):
        seen = [e.record for e in either.records(run)][1:]
        for name in {r.host for r in seen if isinstance(r, HostUnreachable)}:
            mine = [r.reason for r in seen if isinstance(r, HostUnreachable) and r.host == name]
            assert mine == [str(n) for n in range(40)]
        assert either.verify(run) == []
    assert sum(len(list(either.records(run))) - 1 for run in set(ids)) == 80


def test_several_processes_may_make_a_home_at_once(tmp_path: Path) -> None:
    processes = [appender(Journals(), tmp_path / "a" / "home", "r", 1, f"p{n}") for n in range(4)]
    assert [(process.communicate(timeout=60), process.returncode)[1] for process in processes] == [0] * 4
    with Journal.open(tmp_path / "a" / "home") as journal:
        assert len(list(journal.records("r"))) == 4
        assert journal.verify("r") == []


@pytest.mark.parametrize("after", [1, 7, 23])
def test_a_kill_in_the_middle_loses_no_record_whose_append_returned(
    either: Journal, journals: Journals, after: int
) -> None:
    run = either.begin(STARTED)
    process = appender(journals, either.home, run, 10_000, "p")
    assert process.stdout is not None
    for _ in range(after):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    returned = after + len(process.stdout.read().split("\n")) - 1
    process.wait()
    with journals.open(either.home) as again:
        kept = [e.record for e in again.records(run)][1:]
        assert again.verify(run) == []
        again.append(run, unreachable(1))
    assert returned <= len(kept) <= returned + 1
    assert [r.reason for r in kept if isinstance(r, HostUnreachable)] == [str(n) for n in range(len(kept))]


def test_a_run_is_found_by_last_by_its_id_and_by_a_unique_end_or_beginning(
    tmp_path: Path, journals: Journals
) -> None:
    clock = iter([datetime(2026, 11, day, tzinfo=UTC) for day in (21, 21, 22, 22, 23, 23)])
    with journals.open(tmp_path, clock=lambda: next(clock)) as journal:
        with pytest.raises(UnknownRunError, match="no run yet"):
            journal.resolve("last")
        first, second, third = (journal.begin(STARTED) for _ in range(3))
        assert journal.resolve("last") == third
        assert journal.resolve(first) == first
        assert journal.resolve("20261122") == second
        assert journal.resolve(first[-4:]) == first
        with pytest.raises(UnknownRunError, match="any of 3 runs"):
            journal.resolve("202611")
        with pytest.raises(UnknownRunError, match=f"did you mean {second}"):
            journal.resolve(second[:-1] + "-")
        with pytest.raises(UnknownRunError, match="there is no run "):
            journal.resolve("")


def test_runs_are_listed_latest_first_with_how_they_ended(either: Journal, journals: Journals) -> None:
    done, going = either.begin(STARTED), either.begin(STARTED)
    either.append(done, RunFinished(outcome="failed", exit_code=1))
    assert [(r.id, r.state, r.exit_code) for r in either.runs()] == [(going, "running", None), (done, "failed", 1)]
    either.close()
    with journals.open(either.home) as later:
        assert [r.state for r in later.runs()] == ["interrupted", "failed"]
        later.append(done, StepStarted(step="s", target="web", host="web", name="S", task="t"))
        assert [r.state for r in later.runs()] == ["interrupted", "interrupted"]
        assert later.runs()[0].runbook == "Contain"


def test_one_process_at_a_time_is_at_work_on_a_run(either: Journal, journals: Journals) -> None:
    run = either.begin(STARTED)
    with journals.open(either.home) as other:
        assert other.is_held(run)
        with pytest.raises(RunHeldError, match="another process"), other.hold(run):
            pass
        either.close()
        assert not other.is_held(run)
        with other.hold(run), other.hold(run):
            assert other.is_held(run)
        assert not other.is_held(run)


def edit(home: Path, sql: str, *values: object) -> None:
    database = sqlite3.connect(home / "journal.sqlite")
    database.executescript("DROP TRIGGER no_update; DROP TRIGGER no_delete;")
    database.execute(sql, values)
    database.commit()
    database.close()


def five(journal: Journal, *, exported: bool = False) -> str:
    run = journal.begin(STARTED)
    journal.append(run, *[unreachable(n) for n in range(3)], RunFinished(outcome="ok", exit_code=0))
    if exported:
        journal.export(run)
    return run


@pytest.mark.parametrize("seq", range(5))
@pytest.mark.parametrize(
    "how",
    [
        "UPDATE records SET record = replace(record, '{\"', '{ \"') WHERE seq = ?",
        "UPDATE records SET record = replace(record, 'e', 'E') WHERE seq = ?",
        "UPDATE records SET record = 'nonsense' WHERE seq = ?",
        "UPDATE records SET at = '2001-01-01T00:00:00.000000Z' WHERE seq = ?",
        "UPDATE records SET kind = 'answered' WHERE seq = ?",
        "UPDATE records SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE seq = ?",
        "DELETE FROM records WHERE seq = ?",
        "DELETE FROM records WHERE seq >= ?",
        "UPDATE records SET seq = seq + 100 WHERE seq = ?",
    ],
)
def test_every_edit_of_a_single_record_is_found(journal: Journal, seq: int, how: str) -> None:
    run = five(journal)
    assert journal.verify(run) == []
    edit(journal.home, how, seq)
    assert journal.verify(run) != []


def test_two_records_that_changed_places_are_found(journal: Journal) -> None:
    run = five(journal)
    edit(journal.home, "UPDATE records SET seq = CASE seq WHEN 2 THEN 30 WHEN 3 THEN 20 ELSE seq END")
    edit_again = sqlite3.connect(journal.home / "journal.sqlite")
    edit_again.execute("UPDATE records SET seq = seq / 10 WHERE seq >= 20")
    edit_again.commit()
    assert "record 2: does not match its hash and the record before it" in journal.verify(run)


def test_a_tail_cut_off_together_with_its_head_is_found_by_the_export(journal: Journal) -> None:
    run = five(journal, exported=True)
    edit(journal.home, "DELETE FROM records WHERE seq = 4")
    edited = sqlite3.connect(journal.home / "journal.sqlite")
    edited.execute("UPDATE heads SET (seq, hash) = (SELECT seq, hash FROM records WHERE seq = 3)")
    edited.commit()
    assert journal.verify(run) == ["cut off: journal.jsonl holds 5 records, the journal 4"]


def test_sql_that_would_change_a_record_is_refused_by_the_table_itself(journal: Journal) -> None:
    five(journal)
    for statement in ("DELETE FROM records", "UPDATE records SET kind = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            journal._records._table._database.execute(statement)


def test_an_export_can_be_verified_without_the_journal(either: Journal) -> None:
    run = five(either, exported=True)
    path = either.run_folder(run) / "journal.jsonl"
    name, rows, problems = read_export(path)
    assert (name, len(rows), problems) == (run, 5, [])
    assert [json.loads(line)["seq"] for line in path.read_text().splitlines()] == list(range(5))
    either.append(run, unreachable(9))
    assert either.verify(run) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:2] + lines[3:],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [lines[0].replace("kei@noc", "eve@noc"), *lines[1:]],
        lambda lines: [*lines[:-1], lines[-1][:-5]],
        lambda lines: [*lines, "[]"],
        lambda lines: [],
    ],
)
def test_a_changed_export_is_found(either: Journal, change: Callable[[list[str]], list[str]]) -> None:
    run = five(either, exported=True)
    path = either.run_folder(run) / "journal.jsonl"
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    assert either.verify(run) != []


def test_a_damaged_record_does_not_hide_the_other_runs(journal: Journal) -> None:
    bad, good = five(journal), five(journal)
    edit(journal.home, "UPDATE records SET record = '{}' WHERE seq = 0 AND run = ?", bad)
    assert [(r.id, r.state) for r in journal.runs()] == [(good, "ok"), (bad, "damaged")]
    with pytest.raises(JournalError, match="stopgap verify"):
        list(journal.records(bad))


def test_a_journal_of_a_newer_stopgap_is_refused(journal: Journal) -> None:
    journal._records._table._database.execute("PRAGMA user_version = 2")
    with pytest.raises(JournalError, match="newer Stopgap"):
        Journal.open(journal.home)


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    for content in (b"not SQLite at all, but long enough to be looked at" * 40, None):
        path = tmp_path / "journal.sqlite"
        path.unlink(missing_ok=True)
        if content:
            path.write_bytes(content)
        else:
            other = sqlite3.connect(path)
            other.execute("CREATE TABLE t (x)")
            other.close()
        with pytest.raises(JournalError, match="no journal of Stopgap"):
            Journal.open(tmp_path)


def test_a_home_below_a_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="STOPGAP_HOME"):
        Journal.open(tmp_path / "file" / "home")


IN_A_SMALL_WORLD = """
import sys
from pathlib import Path
from stopgap.orchestrator.journal import Journal, JournalError
from stopgap.orchestrator.journal.renamed import with_current_names
from stopgap.orchestrator.journal.records import HostUnreachable
home = Path(sys.argv[1])
journal = Journal.open(home)
kept = 0
try:
    for kept in range(10_000):
        journal.append("r", HostUnreachable(host="h", reason="x" * 4000))
except JournalError as error:
    print(error)
else:
    raise SystemExit("the disk never filled")
assert len(list(journal.records("r"))) == kept, (len(list(journal.records("r"))), kept)
(home / "ballast").unlink()
journal.append("r", HostUnreachable(host="h", reason="after"))
assert journal.verify("r") == []
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root to mount a small disk")
def test_a_full_disk_is_an_error_that_loses_nothing_and_is_over_when_there_is_space(tmp_path: Path) -> None:
    script = (
        f"mount -t tmpfs -o size=3m none {tmp_path} && mkdir {tmp_path}/home"
        f" && head -c 1000000 /dev/zero >{tmp_path}/home/ballast"
        f' && exec "$0" -c "$1" {tmp_path}/home'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, sys.executable, IN_A_SMALL_WORLD],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "the disk is full" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root to mount a disk read-only")
def test_a_home_that_cannot_be_written_is_refused_before_anything_else(tmp_path: Path) -> None:
    with Journal.open(tmp_path):
        pass
    script = f'mount --bind -o ro {tmp_path} {tmp_path} && exec "$0" -c "$1" {tmp_path}'
    program = "import sys, pathlib, stopgap.orchestrator.journal as j; j.Journal.open(pathlib.Path(sys.argv[1]))"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, sys.executable, program], capture_output=True, text=True, timeout=60
    )
    assert "JournalError" in done.stderr
    assert "ead-only file system" in done.stderr


def test_a_record_of_an_earlier_version_is_read_under_the_names_of_this_one() -> None:
    old = {
        "kind": "check-judged", "step": "cut", "target": "web", "eye": "outside", "about": "a probe", "holds": True,
        "seen": "silent", "host": "isp",
    }  # fmt: skip
    change = {"kind": "change-intended", "change": {"kind": "commands", "lifeline": 60.0}}
    assert with_current_names(old)["vantage"] == "outside"
    assert with_current_names(change)["change"] == {"kind": "commands", "rollback_timer": 60.0}
    assert with_current_names({"kind": "lifeline-settled"}) == {"kind": "rollback-timer-settled"}
