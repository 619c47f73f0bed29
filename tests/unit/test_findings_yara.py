"""YARA rules of one's own, beside the shipped ones."""

import json
from pathlib import Path

import pytest

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.findings import judge
from stopgap.orchestrator.findings.yara import YaraError, add_yara, load_yara

from .collection import begin_custody, collected

RULES = """
rule miner_pool { meta: severity = "high" description = "Talks to a pool" strings: $a = "stratum+tcp" condition: $a }
rule nothing { strings: $a = "no such bytes" condition: $a }
"""
ITEMS = {
    "temporary-files": {"/tmp/x\x1b": "#!/bin/sh\n./m -o stratum+tcp://pool\n", "/tmp/y": "plain\n"},
    "kernel-log": "stratum+tcp\n",
}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yar"
    path.write_text(RULES)
    return path


def test_a_match_is_a_finding_with_its_file_and_its_place(tmp_path: Path, rules: Path) -> None:
    made = collected(tmp_path / "c", ITEMS)
    found = add_yara(judge(made, []), made, load_yara(rules))
    (finding,) = found.findings
    assert (finding.id, finding.severity, finding.why, finding.count) == (
        "yara-miner-pool", "high", "Talks to a pool", 2,
    )  # fmt: skip
    assert [(s.file, s.member, s.what) for s in finding.seen] == [
        ("000-temporary-files.tar", "/tmp/x\\x1b", "/tmp/x\\x1b, at byte 17"),
        ("001-kernel-log.txt", "", "001-kernel-log.txt, at byte 0"),
    ]
    assert [(c.id, c.compared) for c in found.no_discrepancy_seen] == [("yara-nothing", "3 files")]


def test_rules_of_a_whole_folder_are_taken_and_shown(
    tmp_path: Path, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin_custody(collected(tmp_path / "c", ITEMS))
    assert main(["evidence", "findings", str(tmp_path / "c"), "--yara", str(rules.parent), "--json"]) == 0
    assert [f["id"] for f in json.loads(capsys.readouterr().out)["findings"]] == ["yara-miner-pool"]


def test_when_the_time_is_over_that_is_said(tmp_path: Path, rules: Path) -> None:
    made = collected(tmp_path / "c", ITEMS)
    ticks = iter((0.0, 1.0, 2.0))
    found = add_yara(judge(made, []), made, load_yara(rules), budget=0.5, clock=lambda: next(ticks))
    assert found.not_looked[-1].reason.startswith("the time for it was over")
    assert found.no_discrepancy_seen == ()


@pytest.mark.parametrize("text", ["rule x {", "rule x { condition: y }", "\udcff"])
def test_rules_that_cannot_be_used_are_named(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.yar"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(YaraError, match=r"bad\.yar: "):
        load_yara(path)
    begin_custody(collected(tmp_path / "c", ITEMS))
    assert main(["evidence", "findings", str(tmp_path / "c"), "--yara", str(path)]) == 2
    assert main(["evidence", "findings", str(tmp_path / "c"), "--yara", str(tmp_path / "none")]) == 2
    assert "none: No such file" in capsys.readouterr().err
