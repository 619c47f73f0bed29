"""The whole course to scale: traces, runs, outages, and what happens to texts of a host in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stopgap.orchestrator.evidence.manifest import MANIFEST
from stopgap.orchestrator.evidence.reader import open_collection
from stopgap.orchestrator.findings import judge, shipped_rules
from stopgap.orchestrator.journal.records import AnyRecord, FindingNoted, FindingsMade, StepStarted
from stopgap.orchestrator.report import report
from stopgap.orchestrator.report.build import build
from stopgap.orchestrator.report.course import Course, course

from .collection import collected
from .story import BACK, CONTAINED, FOUND, START, Lang, told


def found(*times: datetime, severity: str = "critical", title: str = "A process hides") -> FindingsMade:
    noted = FindingNoted.model_validate(
        {"id": title, "severity": severity, "title": title, "count": 9, "first": "f"}
        | {"times": [at.isoformat() for at in times]}
    )
    return FindingsMade.model_validate(FOUND.model_dump() | {"findings": [noted], "step": title, "folder": title})


RECORDS: list[AnyRecord] = [
    r.model_copy(update={"outage": True}) if isinstance(r, StepStarted) and r.step in {"cut-off", "mail"} else r
    for r in CONTAINED
]
HOUR = timedelta(hours=1)


def drawn(*records: AnyRecord) -> Course:
    made = course(build(told([*RECORDS, *records])))
    assert made is not None
    return made


def test_without_a_dated_trace_a_run_has_no_course() -> None:
    assert course(build(told([*RECORDS, FOUND]))) is None


def test_it_begins_with_the_first_trace_and_everything_is_in_its_place() -> None:
    made = drawn(found(START - 3 * HOUR, START - HOUR))
    assert (made.start, made.seconds) == (START - 3 * HOUR, 4 * HOUR.total_seconds())
    by_kind = {group.kind: group.strands for group in made.groups}
    assert by_kind["trace"][0].points == (0, 500)
    assert by_kind["run"][0].x == 750
    assert [strand.label for strand in by_kind["outage"]] == ["Web site", "Mail"]
    assert [strand.label for strand in by_kind["measure"]] == [
        "Drop its packets upstream",
        "Stop the mail server",
        "Maintenance page",
    ]
    assert [(moment.kind, moment.x) for moment in made.moments] == [("cut", 750)]


def test_an_outage_ends_when_it_is_taken_back_and_goes_on_until_then() -> None:
    trace = found(START - HOUR)
    assert {s.label: s.till for g in drawn(trace).groups for s in g.strands}["Drop its packets upstream"] is None
    ended = {s.label: s.till for g in drawn(trace, *BACK).groups for s in g.strands}
    assert ended["Drop its packets upstream"] is not None
    assert ended["Stop the mail server"] is None
    assert (ended["Web site"], ended["Mail"]) == (ended["Drop its packets upstream"], None)


def test_what_is_old_or_of_little_weight_does_not_stretch_it() -> None:
    old, small = (
        found(START - timedelta(days=400), title="old"),
        found(START - 9 * HOUR, severity="low", title="small"),
    )
    made = drawn(found(START - HOUR), old, small)
    assert made.start == START - HOUR
    assert made.earlier == 1
    assert [s.label for g in made.groups if g.kind == "trace" for s in g.strands] == ["A process hides"]


def test_of_many_traces_the_worst_are_drawn_and_the_rest_counted() -> None:
    many = [found(START - HOUR, severity="medium", title=f"m{n}") for n in range(30)]
    trace = drawn(*many, found(START - HOUR, title="worst")).groups[0]
    assert (len(trace.strands), trace.left_out) == (12, 19)
    assert "worst" in {strand.label for strand in trace.strands}


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_page_draws_it_with_a_legend_and_escapes_what_a_host_wrote(lang: Lang) -> None:
    hostile = "<script>alert(1)</script>\u202e\x1b[2J"
    page = report(told([*RECORDS, found(START - HOUR, title=hostile)]), lang=lang)
    assert {"en": "Outages: visitors or senders do without", "ja": "停止期間"}[lang] in page
    assert 'class="legend"' in page
    for bad in ("<script", "\u202e", "\x1b"):
        assert bad not in page


def test_moments_come_from_logs_files_histories_and_processes_set_right_by_the_clocks(tmp_path: Path) -> None:
    when = int(datetime(2026, 11, 22, 1, 0, tzinfo=UTC).timestamp())
    collected(
        tmp_path,
        {
            "clock": "/proc/uptime:3600.50 100.00\n",
            "processes": "/proc/7/stat:7 (miner) S 1 7 7 0 -1 4194560 " + "0 " * 12 + "180000 0\n",
            "process-links": "",
            "process-list": "  PID COMMAND\n    1 init\n",
            "hidden-processes": "looked at 1 to 9 of 9, found 2 processes, listed 1 7\n",
            "attributes": "----i---------e------- /usr/sbin\n",
            "bodyfile": f"0|/usr/sbin|1|drwxr-xr-x|0|0|4096|{when}|{when}|{when}|0\n",
            "histories": {"/root/.bash_history": f"#{when}\nchattr +i /usr/sbin\n"},
        },
    )
    manifest = open_collection(tmp_path).manifest.model_copy(update={"clock_skew": 60.0})
    (tmp_path / MANIFEST).write_bytes(manifest.canonical())
    at = {finding.id: finding.seen[0].at for finding in judge(open_collection(tmp_path), shipped_rules()).findings}
    assert at["attribute-system"] == "2026-11-22T00:59:00Z"
    assert at["process-hidden-from-ps"] == "2026-11-23T01:44:49Z"
    assert "2026-11-22T00:59:00Z" in {value for key, value in at.items() if key.startswith("history-")}
