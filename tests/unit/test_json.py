"""`--json`: standard output is JSON and nothing else, with a schema, a version and times in RFC 3339."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, file
from .forging import edit, only_run

NO_DOCUMENT = {"completion", "evidence cat", "runner", "schema", "serve"}
"""`cat` gives bytes of evidence, `schema` a JSON Schema; `serve` serves a page; `runner` runs what others show."""
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
LOOKS_LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
ENVELOPE = {"schema", "version", "time"}
RUN = {
    "run", "runbook", "targets", "operator", "incident", "state", "exit_code", "started", "finished", "damage",
    "unsigned",
}  # fmt: skip
CHANGE = {
    "step", "target", "host", "index", "do", "undo", "state", "reason", "in_force", "intended", "made", "undone",
    "ends", "due", "expired", "goes_back",
}  # fmt: skip
FIELDS = {
    "stopgap.runs": {"home", "runs", "strays", "pruned", "pruned_damage"},
    "stopgap.prune": {"home", "dry_run", "evidence_kept", "removed", "rest_removed", "stays"},
    "stopgap.run": RUN
    | {
        "runbook_path", "inventory_path", "stopgap", "plan", "requester", "approval",
        "steps", "changes", "checks", "messages", "questions",
        "answers", "evidence", "findings", "unreachable", "containment", "in_force", "undoable", "whole",
        "undelivered",
    },
    "stopgap.status": {
        "offline", "apart", "damaged", "exit_code", "runs", "open_hosts", "returning", "strays", "ends_soon",
        "undelivered", "not_stored",
    },
    "stopgap.recovery": {"incident", "hosts"},
    "stopgap.install": {"journal", "before", "after"},
    "stopgap.merge": {"runs"},
    "stopgap.verification": {"what", "run", "valid", "problems"},
    "stopgap.questions": {"run", "questions", "answers"},
    "stopgap.tasks": {"tasks"},
    "stopgap.task": {"name", "summary", "description", "on", "origin", "params", "appendix"},
    "stopgap.incident": {"details", "incident", "state", "opened", "closed", "notes", "actions", "runs"},
    "stopgap.duties": {"incident", "duties"},
    "stopgap.approval": {"run", "plan_digest", "by", "lacking"},
    "stopgap.ordered": {"runs"},
    "stopgap.trust": {"commands", "agreed"},
    "stopgap.agent": {"process", "socket"},
    "stopgap.init": {"written", "left"},
    "stopgap.import": RUN | {"records", "records_missing", "in_force"},
    "stopgap.evidence": {"collections"},
    "stopgap.custody": {"collections"},
    "stopgap.stored": {"runs", "not_stored"},
    "stopgap.fetched": {"run", "collections", "not_here"},
    "stopgap.inventory": {"source", "hosts", "groups", "left_out", "notes", "places", "derived_upstreams"},
    "stopgap.exported": {"format", "path", "lost"},
    "stopgap.alert": {"format", "url", "id", "state", "indicators", "left_out", "requests"},
    "stopgap.imported": {"path", "steps", "dropped", "warnings", "problems"},
    "stopgap.check": {"valid", "runbooks", "problems", "notes"},
}  # fmt: skip
"""Every field of each document, beside the envelope."""


def document(bench: Bench, *words: str, status: int = 0) -> dict[str, Any]:
    """Run a command with --json; its standard output is one document, whole, with an envelope and its fields."""
    got, out, err = bench.stopgap(*words, "--json")
    assert got == status, (words, out, err)
    found: dict[str, Any] = json.loads(out)
    assert found["version"] == 1
    assert set(found) - ENVELOPE == FIELDS[found["schema"]], found["schema"]
    for text in texts(found):
        assert not LOOKS_LIKE_A_TIME.match(text) or RFC3339.fullmatch(text), text
    return found


def lines(bench: Bench, *words: str, status: int = 0) -> list[dict[str, Any]]:
    """Run a command with --json; each line of its standard output is an object with schema, version and time."""
    got, out, err = bench.stopgap(*words, "--json")
    assert got == status, (words, out, err)
    found = [json.loads(line) for line in out.splitlines()]
    assert all(set(each) >= ENVELOPE for each in found)
    assert all(RFC3339.fullmatch(each["time"]) for each in found)
    return found


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def commands(bench: Bench, *words: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give every command, also those of a group, with its help."""
    with pytest.raises(SystemExit):
        bench.stopgap(*words, "--help")
    said = bench.capsys.readouterr().out
    names = re.findall(r"^    ([a-z]+)(?: |$)", said.partition("positional arguments:")[2], re.MULTILINE)
    if not re.search(r" (COMMAND|VERB) \.\.\.$", said.partition("\n\n")[0]):
        yield words, said
        return
    assert names, said
    for name in names:
        yield from commands(bench, *words, name)


@pytest.fixture
def ran(bench: Bench) -> str:
    """A run that wrote a file on host a."""
    status, _ = bench.run(bench.runbook(file(bench, "one")), "--yes")
    assert status == 0
    return only_run(bench.top / "home")


def test_every_command_that_tells_something_has_json(bench: Bench) -> None:
    lacking = {" ".join(words) for words, said in commands(bench) if "--json" not in said}
    assert lacking == NO_DOCUMENT


def test_runs_and_show_tell_a_run_whole(bench: Bench, ran: str) -> None:
    [listed] = document(bench, "runs")["runs"]
    assert (listed["run"], listed["state"], listed["exit_code"]) == (ran, "ok", 0)
    assert set(listed) == RUN - {"incident", "unsigned"}
    shown = document(bench, "show", "last")
    assert shown["run"] == ran
    [step] = shown["steps"]
    assert (step["step"], step["task"], step["outcome"]) == ("one", "host.file", "changed")
    [change] = shown["changes"]
    assert set(change) == CHANGE
    assert (change["state"], change["in_force"]) == ("done", True)
    assert (shown["in_force"], shown["undoable"]) == (1, 1)


def test_status_tells_what_is_in_force_and_nothing_after_the_undo(bench: Bench, ran: str) -> None:
    found = document(bench, "status")
    [run] = found["runs"]
    assert set(run) == RUN | {"changes", "containment"}
    [change] = run["changes"]
    assert set(change) == CHANGE | {"device"}
    assert (run["run"], change["do"], found["exit_code"]) == (ran, f"write {bench.files}/one (0644)", 0)
    assert document(bench, "status", "--offline")["offline"] is True
    bench.stopgap("undo", ran, "--yes")
    assert document(bench, "status")["runs"] == []


def test_a_damaged_journal_is_told_with_the_exit_status_of_the_text(bench: Bench, ran: str) -> None:
    edit(bench.top / "home", ran, lambda record: record.replace("A runbook", "Another runbook"))
    for words in (["runs"], ["status"], ["show", ran], ["verify", ran]):
        status, _, _ = bench.stopgap(*words)
        found = document(bench, *words, status=status)
        told = found.get("damage") or found.get("problems") or [d for run in found["runs"] for d in run["damage"]]
        assert told, words


def test_verify_gives_the_run_and_its_problems(bench: Bench, ran: str) -> None:
    found = document(bench, "verify", "last")
    assert (found["what"], found["run"], found["valid"], found["problems"]) == (f"run {ran}", ran, True, [])
    found = document(bench, "verify", str(bench.files), status=1)
    assert (found["run"], found["valid"]) == (None, False)
    assert found["problems"]


def test_an_undo_is_a_stream_that_ends_with_what_is_left(bench: Bench, ran: str) -> None:
    events = lines(bench, "undo", ran, "--yes")
    assert [event["event"] for event in events] == ["undo-intended", "undo-made", "undo-finished"]
    last = events[-1]
    assert (last["outcome"], last["exit_code"], last["undone"], last["in_force"]) == ("ok", 0, 1, [])
    assert not (bench.files / "one").exists()
    [again] = lines(bench, "undo", ran, "--yes")
    assert (again["event"], again["undone"], again["changes"]) == ("undo-finished", 0, [])


def test_an_undo_that_nobody_agrees_to_is_refused_and_says_why(bench: Bench, ran: str) -> None:
    [last] = lines(bench, "undo", ran, status=4)
    assert (last["outcome"], last["reason"]) == ("refused", "nobody is there to ask; add --yes")
    assert (bench.files / "one").exists()


def test_an_undo_tells_what_has_drifted(bench: Bench, ran: str) -> None:
    (bench.files / "one").write_text("somebody else's\n")
    last = lines(bench, "undo", ran, "--yes", status=4)[-1]
    [change] = last["changes"]
    assert (change["outcome"], last["outcome"]) == ("drifted", "refused")
    assert len(last["in_force"]) == 1


def test_a_resumed_run_is_a_stream_as_a_run_is(bench: Bench) -> None:
    runbook = bench.runbook(file(bench, "one"), {"id": "bad", "task": "host.command", "with": {"argv": ["false"]}})
    assert bench.run(runbook, "--yes")[0] == 1
    events = lines(bench, "resume", "last", "--yes", status=1)
    assert (events[-1]["event"], events[-1]["outcome"]) == ("run-finished", "failed")


def test_a_run_that_is_finished_has_nothing_to_resume(bench: Bench, ran: str) -> None:
    [last] = lines(bench, "resume", ran, "--yes")
    assert (last["event"], last["run"], last["outcome"]) == ("run-finished", ran, "ok")


def test_watch_tells_every_record_and_ends_with_the_run(bench: Bench, ran: str) -> None:
    events = lines(bench, "watch", ran)
    kinds = [event["event"] for event in events]
    assert (kinds[0], kinds[-1]) == ("run-started", "run-finished")
    assert "step-finished" in kinds


def test_tasks_are_listed_and_documented(bench: Bench) -> None:
    names = [task["name"] for task in document(bench, "tasks")["tasks"]]
    assert "traffic.block" in names
    task = document(bench, "tasks", "traffic.block")
    assert (task["name"], task["on"][0]) == ("traffic.block", "upstream")
    assert "expires" in task["params"]["properties"]


def test_an_incident_tells_its_notes_and_runs(bench: Bench) -> None:
    document(bench, "incident", "open", "flood")
    document(bench, "incident", "note", "called them")
    bench.run(bench.runbook(file(bench, "one")), "--yes", "--incident", "flood")
    shown = document(bench, "incident", "show")
    assert (shown["incident"], shown["state"]) == ("flood", "open")
    assert [note["text"] for note in shown["notes"]] == ["called them"]
    assert [run["in_force"] for run in shown["runs"]] == [1]
    assert document(bench, "incident", "close")["state"] == "closed"


def test_the_other_documents_have_their_fields_too(bench: Bench, ran: str, tmp_path: Path) -> None:
    document(bench, "init", str(tmp_path / "new"))
    document(bench, "inventory", "-i", str(bench.inventory))
    document(bench, "trust", str(bench.inventory))
    document(bench, "check", bench.runbook(file(bench, "one")), "-i", str(bench.inventory), "-t", "a")
    document(bench, "journal", "import", str(bench.top / "home" / "runs" / ran))


def test_what_was_pruned_is_told_by_prune_and_by_runs(bench: Bench, ran: str) -> None:
    kept = document(bench, "prune", "--older", "1ms", "--yes")
    assert (kept["dry_run"], [each["run"] for each in kept["stays"]]) == (False, [ran])
    assert bench.stopgap("undo", ran, "--yes")[0] == 0
    previewed = document(bench, "prune", "--older", "1ms", "--keep-evidence", "--dry-run")
    removed = document(bench, "prune", "--older", "1ms", "--keep-evidence", "--yes")
    assert (previewed["dry_run"], [each["run"] for each in previewed["removed"]]) == (True, [ran])
    listed = document(bench, "runs")
    assert (listed["runs"], listed["pruned"], listed["pruned_damage"]) == ([], removed["removed"], [])
    [pruned] = listed["pruned"]
    assert set(pruned) == {
        "run", "runbook", "targets", "operator", "incident", "state", "begun", "ended", "records", "last_hash",
        "manifests", "evidence_kept", "by", "at",
    }  # fmt: skip


def test_evidence_is_listed_file_by_file_and_found_line_by_line(bench: Bench) -> None:
    bench.run(bench.runbook({"task": "evidence.collect", "with": {"profile": "volatile"}}), "--yes")
    [collection] = document(bench, "evidence", "ls", "last")["collections"]
    items = [item["id"] for item in collection["items"]]
    assert (collection["host"], "clock" in items) == ("a", True)
    found = bench.stopgap("evidence", "grep", "last", "-F", "Linux")[0]
    hits = lines(bench, "evidence", "grep", "last", "-F", "Linux", status=found)
    assert {hit["schema"] for hit in hits} == {"stopgap.evidence-line"}
    assert all(
        set(hit) - ENVELOPE == {"host", "collection", "item", "file", "member", "line", "text"} for hit in hits
    )
    [log] = document(bench, "evidence", "custody", "last")["collections"]
    assert "collected" in [one["action"] for one in log["handled"]]
    [found] = lines(bench, "evidence", "findings", "last")
    assert (found["schema"], found["host"]) == ("stopgap.findings", "a")
    assert document(bench, "evidence", "fetch", "last")["not_here"] == []
    (bench.top / "home" / "evidence.yaml").write_text(f"store: {(bench.top / 'store').as_uri()}\n")
    [stored] = document(bench, "evidence", "store", "last")["runs"]
    assert (len(stored["copies"]), stored["problems"]) == (1, [])


def test_an_error_leaves_standard_output_empty(bench: Bench, ran: str) -> None:
    for words, status in ((["show", "nothing"], 2), (["tasks", "no.such"], 2), (["undo", ran, "--step", "x"], 2)):
        got, out, err = bench.stopgap(*words, "--json")
        assert (got, out) == (status, ""), words
        assert err.startswith("stopgap: ")
