"""A journal that was edited decides nothing: it is checked before it is acted on, by every command."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.chain import canonical_record
from stopgap.orchestrator.journal.records import ChangeIntended, ChangeMade

from .bench import Bench, file, outcomes
from .forging import another_path, edit, only_run
from .letterbox import web_server
from .test_messages import tell

needs_keys = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    return tmp_path / "key"


@pytest.fixture
def home(bench: Bench) -> Path:
    return bench.top / "home"


def write(bench: Bench, name: str, *words: str) -> str:
    """Run a runbook that writes a file, and give the run."""
    status, _ = bench.run(bench.runbook(file(bench, name)), "--yes", *words)
    assert status == 0
    return only_run(bench.top / "home")


def victim(bench: Bench) -> Path:
    """A file that no run has written, with the content of one that a run has."""
    path = bench.files / "victim"
    path.write_text("new\n")
    return path


def flipped(record: str) -> str:
    return record.replace('"name":"f"', '"name":"g"').replace('"outcome":"done"', '"outcome":"failed"')


def deleted(home: Path, run: str) -> None:
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as database:
        database.execute("DROP TRIGGER no_delete")
        database.execute("DELETE FROM records WHERE run = ? AND seq > 4", (run,))


def headless(home: Path, run: str) -> None:
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as database:
        database.execute("DELETE FROM heads WHERE run = ?", (run,))


def beheaded(home: Path, run: str) -> None:
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as database:
        database.execute("DROP TRIGGER no_delete")
        database.execute("DELETE FROM records WHERE run = ? AND seq = 0", (run,))


def unreadable(home: Path, run: str) -> None:
    edit(home, run, lambda record: "{" if "change-intended" in record else record)


def renamed(home: Path, run: str) -> None:
    edit(home, run, flipped)


DAMAGE: dict[str, Callable[[Path, str], None]] = {
    "a record that was edited": renamed,
    "records that were cut off": deleted,
    "a head that is gone": headless,
    "a first record that is gone": beheaded,
    "a record that cannot be read": unreadable,
}


@pytest.mark.parametrize("how", DAMAGE)
def test_nothing_is_undone_or_resumed_on_the_word_of_a_damaged_journal(how: str, bench: Bench, home: Path) -> None:
    run = write(bench, "f")
    DAMAGE[how](home, run)
    for words in (["undo", run, "--yes"], ["undo", "last", "--step", "f", "--yes"], ["resume", run, "--yes"]):
        status, _, said = bench.stopgap(*words)
        assert status == 4, said
        assert "damaged" in said
    assert (bench.files / "f").exists()


@pytest.mark.parametrize("how", DAMAGE)
def test_every_command_that_shows_a_damaged_run_says_so(how: str, bench: Bench, home: Path) -> None:
    run = write(bench, "f")
    DAMAGE[how](home, run)
    for words in (["runs"], ["status"], ["show", run], ["watch", run], ["report", run], ["verify", run]):
        status, out, err = bench.stopgap(*words)
        assert status == 1, (words, out, err)
        if words[0] != "verify":
            assert "damaged" in out + err, (words, out, err)
        if words[0] in {"runs", "status", "show", "watch"}:
            assert "damaged" in (out + err).splitlines()[0]


def test_a_damaged_run_hides_no_other(bench: Bench, home: Path) -> None:
    broken, sound = write(bench, "f"), write(bench, "g")
    unreadable(home, broken)
    status, out, _ = bench.stopgap("status")
    assert status == 1
    assert sound in out
    assert f"write {bench.files}/g" in out
    assert bench.stopgap("undo", sound, "--yes")[0] == 0
    assert not (bench.files / "g").exists()


def test_an_edit_that_hides_what_is_in_force_is_told_by_status(bench: Bench, home: Path) -> None:
    run = write(bench, "f")
    edit(home, run, lambda record: record.replace('"outcome":"done"', '"outcome":"not-run"'))
    status, out, _ = bench.stopgap("status")
    assert status == 1
    assert f"damaged: run {run}" in out
    assert "Nothing is in force.\n" not in out


def test_a_damaged_run_has_no_device_looked_at(bench: Bench, home: Path) -> None:
    """Its journal may name a command for a secret, and any host."""
    run = write(bench, "f")
    mark = bench.top / "was-run"
    secret = f'"identity_passphrase":"command:touch {mark}","identity":"/dev/null"'
    edit(home, run, lambda record: record.replace('"identity_passphrase":null', secret.split(",", maxsplit=1)[0]))
    for words in (["status"], ["show", run], ["undo", run, "--yes"], ["resume", run, "--yes"]):
        bench.stopgap(*words)
    assert not mark.exists()


def test_a_report_of_a_damaged_run_says_so_at_its_head_in_every_form(bench: Bench, home: Path) -> None:
    run = write(bench, "f")
    renamed(home, run)
    for lang, word in (("en", "The journal is damaged"), ("ja", "実行記録が破損")):
        for form in ("html", "md"):
            _, out, _ = bench.stopgap("report", run, "--lang", lang, "--format", form)
            assert word in out
    assert json.loads(bench.stopgap("report", run, "--format", "json")[1])["damage"]


def test_a_person_may_undo_it_anyway_which_is_on_record_and_blesses_nothing(
    bench: Bench, home: Path, key: Path
) -> None:
    run = write(bench, "f", "--sign-key", str(key))
    exported, signed = (home / "runs" / run / name for name in ("journal.jsonl", "journal.head"))
    before = exported.read_bytes(), signed.read_bytes()
    edit(home, run, flipped)
    status, _, said = bench.stopgap("undo", run, "--yes", "--anyway", "--sign-key", str(key))
    assert status == 1
    assert "not signed: the journal is damaged" in said
    assert not (bench.files / "f").exists()
    assert (exported.read_bytes(), signed.read_bytes()) == before
    with Journal.open(home) as journal:
        kinds = [entry.record.kind for entry in journal.records(run)]
    assert kinds[-3:] == ["damage-accepted", "undo-intended", "undo-made"]
    assert bench.stopgap("undo", run, "--yes")[0] == 4
    assert "Acted on though the journal is damaged" in bench.stopgap("report", run)[1]


@needs_keys
@pytest.mark.parametrize("rechained", [False, True])
def test_an_undo_that_was_turned_on_another_file_is_refused_where_the_run_was_signed(
    rechained: bool, bench: Bench, home: Path, key: Path
) -> None:
    run, other = write(bench, "f", "--sign-key", str(key)), victim(bench)
    edit(home, run, another_path("f", other), rechained=rechained)
    status, _, said = bench.stopgap("undo", run, "--yes")
    assert status == 4, said
    assert other.exists()


@needs_keys
def test_a_change_that_was_added_after_the_signed_records_is_not_undone(bench: Bench, home: Path, key: Path) -> None:
    run, other = write(bench, "f", "--sign-key", str(key)), victim(bench)
    with Journal.open(home) as journal:
        made = next(e.record for e in journal.records(run) if isinstance(e.record, ChangeIntended))
        forged = another_path("f", other)(canonical_record(made))
        journal.append(
            run,
            ChangeIntended.model_validate_json(forged).model_copy(update={"index": 1}),
            ChangeMade(step="f", target="a", index=1, outcome="done"),
        )
    status, _, said = bench.stopgap("undo", run, "--yes")
    assert status == 4
    assert "came after record" in said
    assert other.exists()
    assert bench.stopgap("undo", run, "--yes", "--anyway")[0] == 0


@needs_keys
@pytest.mark.parametrize("signed", [True, False])
def test_where_runs_must_be_signed_one_without_a_signature_is_not_acted_on(
    signed: bool, bench: Bench, home: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = write(bench, "f", *(("--sign-key", str(key)) if signed else ())), victim(bench)
    signers = bench.top / "signers"
    signers.write_text(f'kei@noc namespaces="stopgap" {key.with_suffix(".pub").read_text()}')
    monkeypatch.setenv("STOPGAP_SIGNERS", str(signers))
    if signed:
        assert bench.stopgap("status")[0] == 0
    for name in ("journal.head", "journal.head.sig"):
        (home / "runs" / run / name).unlink(missing_ok=True)
    edit(home, run, another_path("f", other), rechained=True)
    for words in (["undo", run, "--yes"], ["resume", run, "--yes"]):
        status, _, said = bench.stopgap(*words)
        assert status == 4
        assert "not signed, or the signature was removed" in said
    assert bench.stopgap("status")[0] == 1
    assert other.exists()


@needs_keys
def test_a_run_that_must_be_signed_is_begun_ended_and_undone(
    bench: Bench, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signers = bench.top / "signers"
    signers.write_text(f'kei@noc namespaces="stopgap" {key.with_suffix(".pub").read_text()}')
    monkeypatch.setenv("STOPGAP_SIGNERS", str(signers))
    monkeypatch.setenv("STOPGAP_SIGN_KEY", str(key))
    write(bench, "f")
    assert bench.stopgap("undo", "last", "--yes")[0] == 0
    assert bench.stopgap("verify", "last")[0] == 0


@needs_keys
def test_an_undo_in_two_parts_needs_no_key_for_the_second(bench: Bench, key: Path) -> None:
    status, _ = bench.run(bench.runbook(file(bench, "f"), file(bench, "g")), "--yes", "--sign-key", str(key))
    assert status == 0
    assert bench.stopgap("undo", "last", "--step", "g", "--yes")[0] == 0
    assert bench.stopgap("undo", "last", "--yes")[0] == 0


def test_a_step_that_lifts_an_earlier_one_is_refused_in_the_dry_run_and_in_the_run(bench: Bench, home: Path) -> None:
    run = write(bench, "f")
    renamed(home, run)
    lift = {"id": "lift", "task": "change.lift", "with": {"runs": [run], "step": "f"}}
    for words in (["--dry-run"], ["--yes"]):
        status, events = bench.run(bench.runbook(lift), *words)
        assert status == 4
        if words == ["--dry-run"]:
            assert outcomes(events) == {"lift": "refused"}
    assert (bench.files / "f").exists()


def test_a_journal_that_is_edited_while_its_run_goes_on_undoes_nothing(bench: Bench, home: Path) -> None:
    """`on_failure: undo` reads the journal as any undo does."""
    database = home / "journal.sqlite"
    forge = f"""
import sqlite3
database = sqlite3.connect({str(database)!r}, isolation_level=None)
database.execute("DROP TRIGGER no_update")
database.execute("UPDATE records SET record = replace(record, '/f\\"', '/victim\\"') WHERE kind = 'change-intended'")
"""
    other = victim(bench)
    steps = [
        file(bench, "f"),
        {
            "id": "forge",
            "task": "host.command",
            "with": {"argv": ["python3", "-c", forge], "reads": True},
        },
        {"id": "fails", "task": "host.command", "with": {"argv": ["false"], "reads": True}, "on_failure": "undo"},
    ]
    bench.stopgap("run", bench.runbook(*steps), "-i", str(bench.inventory), "-t", "a", "--yes")
    assert other.exists()
    assert (bench.files / "f").exists()


def test_a_record_that_is_appended_to_a_run_without_a_head_is_refused(bench: Bench, home: Path) -> None:
    """It would become a head, and what was cut off before it would be seen no more."""
    run = write(bench, "f")
    deleted(home, run)
    headless(home, run)
    assert bench.stopgap("undo", run, "--yes", "--anyway")[0] == 4
    assert bench.stopgap("verify", run)[0] == 1


def test_a_letter_that_a_damaged_journal_calls_sent_is_sent(bench: Bench, home: Path) -> None:
    with web_server([500, 200]) as server:
        via = {"kind": "webhook", "url": f"http://127.0.0.1:{server.port}/", "security": "none"}
        runbook = bench.runbook(tell(via))
        assert bench.run(runbook, "--yes")[0] == 1
        edit(home, only_run(home), lambda record: record.replace('"outcome":"failed"', '"outcome":"sent"'))
        status, events = bench.run(runbook, "--yes")
    assert (status, outcomes(events)) == (0, {"tell": "changed"})
    assert len(server.posts) == 2
