"""What is made of a collection: joins that cannot be fooled by a broken tool, and hostile data that ends nothing."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.evidence.archive import BLOCK, members
from orchestrator.evidence.manifest import FINDINGS, MANIFEST, ToolkitUsed
from orchestrator.evidence.shelf import LONGEST_LINE, lines_of, open_shelf
from orchestrator.findings import judge, shipped_rules
from orchestrator.findings.keeping import keep_findings
from orchestrator.findings.table import tables
from orchestrator.findings.tables.body import entries
from orchestrator.findings.timeline import Window, Work, timeline
from orchestrator.journal import Journal
from orchestrator.journal.records import EvidenceKept, RunFinished, RunStarted

from .bench import Bench
from .collection import begin_custody, shelf, tar

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
    shelf(tmp_path, HIDDEN)
    assert "process-hidden-from-ps" in {finding.id for finding in judge(open_shelf(tmp_path), RULES).findings}
    rewrite(tmp_path, "process-list", exit_status=127)
    judged = judge(open_shelf(tmp_path), RULES)
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
    shelf(tmp_path, {}, empty=("hidden-ports",))
    rewrite(tmp_path, "hidden-ports", **said)
    judged = judge(open_shelf(tmp_path), RULES)
    assert "port-taken-unlisted" not in {each.id for each in judged.no_discrepancy_seen}
    reasons = {missed.id: missed.reason for missed in judged.not_looked}
    assert reasons["port-taken-unlisted"] == f"hidden-ports could not be looked at: {reason}"


def test_where_nothing_was_found_it_says_what_was_compared(tmp_path: Path) -> None:
    judged = judge(shelf(tmp_path, HIDDEN | {"process-list": "  PID COMMAND\n    1 init\n    7 miner\n"}), RULES)
    compared = {each.id: each.compared for each in judged.no_discrepancy_seen}
    assert compared["process-hidden-from-ps"] == "1 rows of processes against ps against listed"


def test_a_rule_whose_items_another_profile_collects_is_not_mentioned(tmp_path: Path) -> None:
    judged = judge(shelf(tmp_path, {"histories": {"/root/.bash_history": "ls\n"}}), RULES)
    mentioned = {each.id for each in (*judged.no_discrepancy_seen, *judged.not_looked)}
    assert "history-fetched" in mentioned
    assert "process-hidden-from-ps" not in mentioned


def test_the_same_evidence_gives_the_same_bytes(tmp_path: Path) -> None:
    one = judge(shelf(tmp_path, HIDDEN), RULES).canonical()
    assert judge(open_shelf(tmp_path), RULES).canonical() == one


def test_what_a_finding_shows_of_a_host_can_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    planted = {"histories": {"/root/.bash_history": "wget http://198.51.100.2/\x1b]0;x\x07\u202e\n"}}
    (finding,) = [f for f in judge(shelf(tmp_path, planted), RULES).findings if f.id == "history-fetched"]
    assert finding.seen[0].what.isprintable()
    assert (finding.seen[0].member, finding.seen[0].line) == ("/root/.bash_history", 1)


def test_many_sightings_are_counted_and_a_few_shown(tmp_path: Path) -> None:
    planted = {"histories": {"/root/.bash_history": "history -c\n" * 500}}
    (finding,) = [f for f in judge(shelf(tmp_path, planted), RULES).findings if f.id == "history-traces-removed"]
    assert finding.count == 500
    assert len(finding.seen) == 20


def test_lines_made_to_be_slow_to_match_are_not(tmp_path: Path) -> None:
    hostile = "/usr/" * 12000 + "\n"
    planted = {"histories": {"/root/.bash_history": hostile * 400}}
    started = time.monotonic()
    judge(shelf(tmp_path, planted), RULES, budget=1.0)
    assert time.monotonic() - started < 10


def test_time_is_bounded_and_what_was_not_looked_at_is_said(tmp_path: Path) -> None:
    planted = {"histories": {"/root/.bash_history": "history -c\n" * 100}}
    ticks = itertools.count()
    judged = judge(shelf(tmp_path, planted), RULES, budget=50, clock=lambda: float(next(ticks)))
    assert not judged.no_discrepancy_seen
    assert any("time for it was over" in missed.reason for missed in judged.not_looked)


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
        collection = shelf(folder, {"system-tools": content, "package-digests": f"{written}  bin/ps\n"})
        assert [f.id for f in judge(collection, RULES).findings if f.id == "tool-altered"] == altered


def test_an_archive_is_read_as_tar_wrote_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    names = ["plain", "sp ace ", "new\nline", "-dash", "deep/" * 40 + "leaf", "x" * 200]
    for name in names:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name * 3)
    (tree / os.fsdecode(b"\xff\xfe")).write_bytes(b"odd")
    (tree / "link").symlink_to("t" * 150)
    os.mkfifo(tree / "fifo")
    for style in ("gnu", "ustar", "pax"):
        file = tmp_path / f"{style}.tar"
        with file.open("wb") as stream:
            subprocess.run(
                ["tar", "-C", tree, f"--format={style}", "-cf", "-", "."],
                stdout=stream,
                check=False,
                stderr=subprocess.DEVNULL,
            )
        with tarfile.open(file) as archive:
            expected = {"/" + m.name.removeprefix("./").strip("/.") * (m.name != "."): m for m in archive}
            got = {}
            for member in members(file):
                got[member.name] = (member.kind, member.read(1 << 20) if member.kind == "file" else member.target)
            assert got["/link"] == ("link", "t" * (100 if style == "ustar" else 150))
            assert got["/fifo"][0] == "other"
            for name, entry in expected.items():
                if entry.isfile() and (held := archive.extractfile(entry)):
                    assert got[name] == ("file", held.read())


def test_several_archives_may_follow_one_another_and_a_damaged_one_loses_no_other(tmp_path: Path) -> None:
    file = tmp_path / "x.tar"
    damaged = bytearray(tar({"/b": "2"}))
    damaged[0] ^= 1
    file.write_bytes(tar({"/a": "1"}) + bytes(damaged) + b"\xff" * BLOCK + tar({"/c": "3"}))
    assert [member.name for member in members(file)] == ["/a", "/c"]


def test_a_line_has_its_cap() -> None:
    lines = list(lines_of([b"a" * 50_000] * 4 + [b"\nb"]))
    assert [len(line.text) for line in lines] == [LONGEST_LINE, 1]
    assert [line.number for line in lines] == [1, 2]


ARTIFACTS = sorted({artifact for table in tables().values() for artifact in (*table.reads, *table.also)})
WORDS = st.sampled_from(
    ["/proc/7/stat:", "7 (x) S 1", "0|", "|", "/proc/self/net/tcp:", "tcp LISTEN ", ":0016 ", "\0", "\n", " ",
     "missing ", "??5??????   /bin/ps", "hidden: ", "9" * 30, "-1", "²", "\x1b", "/etc/", "cap_x=ep", " - ", "nan",
     "/proc/7/fd/3 -> socket:[9]", "looked at 1, listed ", "/proc/self/mountinfo:", "\\x", "\\777", "1e400",
     "/sys/class/net/x/flags:0xfff"]
)  # fmt: skip
TEXTS = st.lists(WORDS | st.text(max_size=8), max_size=30).map("".join)
PATHS = st.sampled_from(
    ["/var/log/auth.log", "/var/log/syslog.2.gz", "/var/log/wtmp", "/var/log/apache2/access.log", "/etc/passwd",
     "/root/.bash_history", "/root/.ssh/authorized_keys", "/etc/cron.d/x", "/var/www/html/x.php", "/etc/php/php.ini",
     "/usr/bin/ps"]
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.dictionaries(st.sampled_from(ARTIFACTS), TEXTS | st.binary(max_size=2000), max_size=6),
    files=st.dictionaries(PATHS, TEXTS, max_size=5),
    cut=st.integers(0, 20000),
)
def test_no_host_can_break_the_parsers(
    tmp_path: Path, texts: dict[str, Any], files: dict[str, str], cut: int
) -> None:
    archive = tar(files)
    held: dict[str, Any] = {artifact: archive[:cut] if cut < len(archive) else archive for artifact in ARTIFACTS}
    collection = shelf(tmp_path, held | texts)
    judged = judge(collection, RULES)
    judged.canonical()
    for line in timeline([collection]):
        assert {"message", "datetime", "timestamp_desc"} <= set(json.loads(line))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_archive_can_break_its_reader(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(tar({"/a": "1" * 600, "/" + "n" * 300: "2", "/l": {"target": "/x"}}))
    for _ in range(data.draw(st.integers(0, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for at in range(0, len(content), BLOCK):  # let the damaged headers count
        if data.draw(st.booleans()):
            block = content[at : at + BLOCK]
            block[148:156] = b" " * 8
            content[at + 148 : at + 156] = b"%06o\0 " % sum(block)
    file = tmp_path / "x.tar"
    file.write_bytes(content)
    for member in members(file):
        assert sum(map(len, member.chunks(1 << 20, holes=True))) <= 1 << 20


LINE = '198.51.100.2 - - [23/Nov/2026:03:14:46 +0100] "GET / HTTP/1.1" 200 2 "-" "-"\n'


def test_the_timeline_is_in_order_and_marks_what_is_ours(tmp_path: Path) -> None:
    collection = shelf(
        tmp_path,
        {
            "bodyfile": "0|/tmp/x|5|-rw-r--r--|0|0|9|1795399000.5|1795300000.0|1795300000.0|0.0\n",
            "logs": {
                "/var/log/auth.log": "Nov 23 02:14:49 web sshd[1]: Accepted publickey for root from ::1 port 1\n",
                "/var/log/wtmp": {"records": [1795390000]},
                "/var/log/dpkg.log": "2026-11-20 10:00:00 install x <none> 1\n2026-11-20 10:00:00 startup x\n",
                "/var/log/apache2/access.log": LINE,
            },
            "histories": {"/root/.bash_history": "#1795380000\nid\nw\n"},
        },
    )
    work = Work(1795400080.0, 1795400100.0, ((1795400085.0, "web", "step Evidence"),))
    lines = [json.loads(line) for line in timeline([collection], work)]
    assert [line["datetime"] for line in lines] == sorted(line["datetime"] for line in lines)
    told = {line["message"]: line for line in lines}
    assert told["Stopgap: step Evidence"]["ours"] is True
    login = next(line for line in lines if "Accepted" in line["message"])
    assert login["datetime"] == "2026-11-23T02:14:49.000000+00:00"
    assert (login["ours"], login["during_run"]) == (False, True)
    assert told["/root/.bash_history: id"]["datetime"].startswith("2026-11-22T20:40:00")
    changed = next(line for line in lines if line["timestamp_desc"].startswith("Content Modification Time;"))
    assert changed["timestamp_desc"] == "Content Modification Time; Metadata Modification Time"
    assert sum("install x" in line["message"] for line in lines) == 1
    assert next(line for line in lines if line["data_type"] == "apache:access")["datetime"].startswith(
        "2026-11-23T02:14:46"
    )
    assert len(lines) == 9


def test_a_timeline_is_of_the_time_of_the_incident_by_a_clock_that_is_right(tmp_path: Path) -> None:
    body = "".join(f"0|/x{n}|5|-rw-r--r--|0|0|9|{1795300000 + n}.0|0|0|0\n" for n in range(10))
    plain = shelf(tmp_path, {"bodyfile": body})
    ahead = replace(plain, manifest=plain.manifest.model_copy(update={"clock_skew": 3.0}))
    work = Work(1795300000.0, 1795300001.0, ((1795300001.0, "web", "step"), (1795300005.0, "web", "later")))
    for one, names in ((plain, ["/x1", "/x2"]), (ahead, ["/x4", "/x5"])):
        lines = [json.loads(line) for line in timeline([one], work, Window(1795300001, 1795300002))]
        assert [line["message"].split()[0] for line in lines if not line["ours"]] == names
        assert [line["message"] for line in lines if line["ours"]] == ["Stopgap: step"]


def test_a_timeline_longer_than_memory_goes_through_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.findings.timeline.AT_ONCE", 7)
    body = "".join(f"0|/x{n}|5|-rw-r--r--|0|0|9|{(n * 7919) % 1000 + 1}.0|0|0|0\n" for n in range(100))
    times = [json.loads(line)["datetime"] for line in timeline([shelf(tmp_path, {"bodyfile": body})])]
    assert times == sorted(times)
    assert len(times) == 100


def test_a_fault_in_the_rules_costs_no_evidence(tmp_path: Path) -> None:
    shelf(tmp_path / "c", HIDDEN)
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

    shelf(tmp_path / "evidence", HIDDEN)
    kept = EvidenceKept(
        step="s", target="w", host="w", profile="p", folder="evidence", items=1, size=1, manifest_sha256="0" * 64
    )
    before = sorted(path.name for path in (tmp_path / "evidence").iterdir())
    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(Died):
        keep_findings(tmp_path, kept, lambda: RULES)
    assert sorted(path.name for path in (tmp_path / "evidence").iterdir()) == before


@pytest.fixture
def collected(bench: Bench) -> Bench:
    """A run of one collection, as a run records it."""
    started = RunStarted(
        version="1", runbook_name="r", runbook_path="r", runbook_text="", inventory_path="i", inventory_text="",
        hosts=(), targets=("web",), params={}, operator="o",
    )  # fmt: skip
    with Journal.open(bench.top / "home") as journal:
        run = journal.begin(started)
        folder = journal.run_folder(run)
        look = HIDDEN | {"logs": {"/var/log/auth.log": "Nov 23 02:14:49 web x\n"}}
        begin_custody(shelf(folder / "evidence/web/look", look))
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


def test_a_run_keeps_its_findings_and_verify_knows_them(collected: Bench) -> None:
    path = findings_of(collected)
    judged = json.loads(path.read_text())
    assert judged["format"] == "stopgap-findings"
    assert path.stat().st_mode & 0o777 == 0o600
    assert collected.stopgap("verify", "last")[0] == 0
    shown = collected.stopgap("show", "last")[1]
    assert "Findings on web: 1 critical" in shown
    assert "process 7 miner" in shown
    path.write_bytes(path.read_bytes().replace(b"triage", b"TRIAGE"))
    code, out, _ = collected.stopgap("verify", "last")
    assert code == 1
    assert "findings.json: changed" in out
    assert collected.stopgap("evidence", "findings", "last")[0] == 0
    assert collected.stopgap("verify", "last")[0] == 0


def test_evidence_is_read_without_unpacking_it(collected: Bench) -> None:
    code, out, _ = collected.stopgap("evidence", "ls", "last")
    assert code == 0
    assert "000-processes.txt" in out
    assert "/var/log/auth.log" in collected.stopgap("evidence", "ls", "last", "logs")[1]
    assert "(miner)" in collected.stopgap("evidence", "cat", "last", "processes")[1]
    shown = collected.stopgap("evidence", "cat", "last", "logs", "/var/log/auth.log")[1]
    assert shown == "Nov 23 02:14:49 web x\n"
    assert "logs.tar:/var/log/auth.log:1: Nov 23" in collected.stopgap("evidence", "grep", "last", "02:1[4]")[1]
    assert collected.stopgap("evidence", "grep", "last", "no such text")[0] == 1
    assert collected.stopgap("evidence", "cat", "last", "nothing")[0] == 1
    assert collected.stopgap("evidence", "ls", str(findings_of(collected).parent))[1] == out
    lines = collected.stopgap("evidence", "timeline", "last")[1].splitlines()
    assert any(json.loads(line)["ours"] for line in lines)
    _, some, _ = collected.stopgap("evidence", "timeline", "last", "--until", "2026-11-23T02:14:49Z")
    assert [json.loads(line)["message"] for line in some.splitlines()] == ["Nov 23 02:14:49 web x"]
    assert collected.stopgap("evidence", "timeline", "last", "--since", "2026-11-23T02:14:50")[1] != some
    assert collected.stopgap("evidence", "timeline", "last", "--since", "yesterday")[0] == 2


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
    plain = shelf(tmp_path / "volatile", artifacts)
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
    made = shelf(tmp_path, {"logs": records, "configuration": {"/etc/passwd": passwd}, "bodyfile": body})
    seen = {finding.id: finding.seen[0].at for finding in judge(made, RULES).findings}
    assert seen["login-unrecorded"] == "2026-11-22T23:26:40Z"
    assert seen["history-missing"] == "2026-11-21T22:26:40Z"


def test_a_login_is_not_missed_in_records_that_did_not_come_whole(tmp_path: Path) -> None:
    logs = {"/var/log/lastlog": {"last": [1795390000]}, "/var/log/wtmp": ""}
    shelf(tmp_path, {"logs": logs, "configuration": {"/etc/passwd": "root:x:0:0::/root:/bin/bash\n"}})
    assert "login-unrecorded" in {finding.id for finding in judge(open_shelf(tmp_path), RULES).findings}
    rewrite(tmp_path, "logs", truncated=True, truncated_because="its cap")
    judged = judge(open_shelf(tmp_path), RULES)
    assert "login-unrecorded" not in {finding.id for finding in judged.findings}
    assert "cut off" in {missed.id: missed.reason for missed in judged.not_looked}["login-unrecorded"]
