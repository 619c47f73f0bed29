"""Findings and acts of a run for STIX and MISP: taken by their libraries, without a dangling reference."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stix2
from pymisp import MISPEvent, MISPObject

from stopgap.orchestrator.exchange.cacao.identity import STOPGAP
from stopgap.orchestrator.exchange.case import Case, read_case
from stopgap.orchestrator.exchange.misp import write_misp
from stopgap.orchestrator.exchange.stix import MARKINGS, write_stix
from stopgap.orchestrator.findings.model import Finding, Findings, Sighting
from stopgap.orchestrator.journal import Journal
from stopgap.orchestrator.journal.records import EvidenceKept, FindingNoted, FindingsMade
from tests.unit.bench import Bench

PLACE = {"step": "triage", "target": "a", "host": "a", "profile": "triage", "folder": "evidence/a/triage"}
SUM = "b" * 64


def finding(number: int, *seen: Sighting, confidence: str = "high") -> Finding:
    return Finding(
        id=f"rule-{number}",
        severity="high",
        title=f'A "quoted" shell \\ {number}',
        seen=seen,
        count=len(seen),
        why="Nobody does so",
        confidence=confidence,  # type: ignore[arg-type]
        falsepositives=("A test",),
        response="Look",
        tags=("attack.t1505.003",),
    )


def sighting(about: str, what: str = "seen", at: str | None = None) -> Sighting:
    return Sighting(what=what, file="001-x.txt", about=about, at=at)


SEEN = (
    sighting("process 7", at="2026-11-23T01:13:00Z"),
    sighting("account toor"),
    sighting("address 198.51.100.2"),
    sighting("address 9.9.9.9"),
    sighting("address 127.0.0.2"),
    sighting("/var/www/html/x.php", f"sha256 {SUM}"),
    sighting("what\ud800ever\x1b[2J"),
)


@pytest.fixture
def case(bench: Bench) -> Case:
    """A run that wrote a file, with findings of the test's own."""
    runbook = bench.runbook({"task": "host.file", "with": {"path": str(bench.files / "one"), "content": "x\n"}})
    assert bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "a", "--yes")[0] == 0
    with Journal.open_to_read(bench.top / "home") as journal:
        found = read_case(journal, "last")
    return with_findings(found, [finding(1, *SEEN), finding(2, *SEEN[:4], confidence="low")])


def with_findings(case: Case, findings: list[Finding]) -> Case:
    folder = case.folder / PLACE["folder"]
    folder.mkdir(parents=True, exist_ok=True)
    whole = Findings(
        run=case.history.run, step="triage", target="a", host="a", profile="triage", manifest_sha256="0" * 64,
        rules_sha256="0" * 64, findings=tuple(findings), no_discrepancy_seen=(), not_looked=(),
    )  # fmt: skip
    (folder / "findings.json").write_bytes(whole.canonical())
    noted = FindingNoted(id="rule-1", severity="high", title="A shell", count=1, first="", tags=("attack.t1505.003",))
    made = FindingsMade(**PLACE, findings=(noted,), rules=1, not_looked=0, sha256="0" * 64)
    kept = EvidenceKept(**PLACE, items=1, size=1, manifest_sha256="a" * 64)
    return dataclasses.replace(case, history=dataclasses.replace(case.history, findings=(made,), evidence=(kept,)))


def written(write: Any, case: Case, *words: Any) -> Any:
    stream = io.StringIO()
    write(case, stream, *words)
    return json.loads(stream.getvalue())


def refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key.endswith("_ref"):
                yield each
            elif key.endswith("_refs"):
                yield from each
            else:
                yield from refs(each)


def test_a_bundle_is_taken_by_the_library_and_refers_to_nothing_that_is_not_there(case: Case):
    bundle = written(write_stix, case)
    parsed = stix2.parse(bundle, allow_custom=False)
    assert len(parsed.objects) == len(bundle["objects"])
    ids = [made["id"] for made in bundle["objects"]]
    assert len(ids) == len(set(ids))
    for place, made in enumerate(bundle["objects"]):
        assert set(refs(made)) <= set(ids[:place]) | {made["id"]}, made["id"]
    kinds = {made["type"] for made in bundle["objects"]}
    assert kinds == {
        "marking-definition", "identity", "incident", "grouping", "note", "observed-data", "indicator",
        "attack-pattern", "course-of-action", "process", "user-account", "ipv4-addr", "file", "directory",
    }  # fmt: skip
    assert all(MARKINGS["amber"] in made["object_marking_refs"] for made in bundle["objects"][1:])


def test_a_rule_that_speaks_twice_of_one_collection_is_two_findings(case: Case):
    once = finding(1, sighting("address 9.9.9.9"))
    twice = with_findings(case, [once, once.model_copy(update={"severity": "medium"}), once])
    for written_by, place in ((write_stix, "id"), (write_misp, "uuid")):
        made = written(written_by, twice)
        objects = made["objects"] if "objects" in made else made["Event"]["Object"]
        ids = [each[place] for each in objects]
        assert len(ids) == len(set(ids))
    notes = [each["abstract"] for each in written(write_stix, twice)["objects"] if "rule-1" in each.get("labels", ())]
    assert [each.partition(":")[0] for each in notes] == ["high", "medium", "high"]


def test_a_process_has_an_id_of_the_version_that_stix_asks_for(case: Case):
    ids = [made["id"] for made in written(write_stix, case)["objects"] if made["type"] == "process"]
    assert {uuid.UUID(each.partition("--")[2]).version for each in ids} == {4}


def test_an_event_of_misp_says_who_made_it(case: Case):
    assert written(write_misp, case)["Event"]["Orgc"] == {"name": "Stopgap", "uuid": STOPGAP.partition("--")[2]}


def test_only_foreign_addresses_and_checksums_of_high_confidence_are_indicators(case: Case):
    bundle = written(write_stix, case)
    patterns = {made["pattern"] for made in bundle["objects"] if made["type"] == "indicator"}
    assert patterns == {"[ipv4-addr:value = '9.9.9.9']", f"[file:hashes.'SHA-256' = '{SUM}']"}
    marked = [a for o in written(write_misp, case)["Event"]["Object"] for a in o["Attribute"] if a["to_ids"]]
    assert {each["value"] for each in marked} == {"9.9.9.9", SUM}
    doubtful = with_findings(case, [finding(1, *SEEN, confidence="medium")])
    assert not [made for made in written(write_stix, doubtful)["objects"] if made["type"] == "indicator"]


def test_a_finding_says_why_how_sure_and_what_else_and_names_its_technique(case: Case):
    objects = {made["id"]: made for made in written(write_stix, case)["objects"]}
    (note,) = [o for o in objects.values() if o["type"] == "note" and "rule-1" in o.get("labels", ())]
    assert all(words in note["content"] for words in ("Why: Nobody", "Confidence: high", "Otherwise: A test"))
    (technique,) = [objects[ref] for ref in note["object_refs"] if ref.startswith("attack-pattern")]
    assert technique["external_references"][0]["external_id"] == "T1505.003"
    assert "Web Shell" in technique["name"]
    (act,) = [made for made in objects.values() if made["type"] == "course-of-action"]
    assert (act["name"].startswith("write "), "done" in act["description"]) == (True, True)


def test_an_event_is_taken_by_the_library_with_its_templates(case: Case):
    event = written(write_misp, case, "amber+strict")
    parsed = MISPEvent()
    parsed.from_dict(**event)
    assert {tag.name for tag in parsed.tags} >= {"tlp:amber+strict"}
    assert len({made.uuid for made in parsed.objects}) == len(parsed.objects)
    for made in parsed.objects:
        again = MISPObject(made.name, strict=True)
        assert (again.template_uuid, str(again.template_version)) == (made.template_uuid, str(made.template_version))
        relations = {attribute.object_relation: attribute.type for attribute in made.attributes}
        assert {name: again._definition["attributes"][name]["misp-attribute"] for name in relations} == relations
    assert parsed.distribution == 0


@pytest.mark.parametrize("write", [write_stix, write_misp])
def test_the_same_run_gives_the_same_bytes_and_every_finding_costs_the_same(case: Case, write: Any):
    first, second = io.StringIO(), io.StringIO()
    write(case, first)
    write(case, second)
    assert first.getvalue() == second.getvalue()
    sizes = []
    for count in (50, 100, 150):
        many = with_findings(case, [finding(n, sighting(f"/srv/{n:06}")) for n in range(100_000, 100_000 + count)])
        stream = io.StringIO()
        write(many, stream)
        sizes.append(len(stream.getvalue()))
        assert max(map(len, stream.getvalue().splitlines())) < 30_000
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0]


def test_the_command_writes_a_new_file_for_its_owner_alone(bench: Bench, case: Case):
    for words in (("export", "stix"), ("export", "misp"), ("evidence", "export", "--format", "stix")):
        out = bench.top / ("-".join(words) + ".json")
        status, told, err = bench.stopgap(*words, "last", "--tlp", "green", "-o", str(out))
        assert (status, err) == (0, "")
        assert re.search(r"\d+ objects of .*, TLP:GREEN", told)
        assert out.stat().st_mode & 0o777 == 0o600
        assert json.loads(out.read_text())
        assert bench.stopgap(*words, "last", "-o", str(out))[0] == 1
        assert out.exists()


def test_a_file_that_cannot_be_read_whole_leaves_nothing(bench: Bench, case: Case, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("stopgap.orchestrator.exchange.case.read_case", lambda *_: case)
    (case.folder / PLACE["folder"] / "findings.json").write_text("{}")
    out = bench.top / "out.json"
    status, _, err = bench.stopgap("export", "stix", "last", "-o", str(out))
    assert (status, "no findings that Stopgap wrote" in err, out.exists()) == (1, True, False)


def test_findings_lie_where_the_case_looks(case: Case):
    assert [each.id for _, each in case.findings()] == ["rule-1", "rule-2"]
    assert Path(case.folder, PLACE["folder"]).is_dir()
