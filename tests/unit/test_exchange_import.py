"""Playbooks of others: refused with the JSON path, or mapped as said; nothing of them runs, opens or renders here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopgap.orchestrator.exchange.cacao.importing import imported
from stopgap.orchestrator.exchange.cacao.playbook import portable
from stopgap.orchestrator.exchange.cacao.reading import MAX_BYTES, parse_playbook
from stopgap.orchestrator.exchange.cacao.signing import signed
from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.resources import runbooks
from stopgap.orchestrator.runbook import load_runbook, parse_runbook
from stopgap.orchestrator.source import InvalidInput, parse
from tests.unit.bench import Bench
from tests.unit.untouched import places, put, touch_nothing

CASES = sorted((Path(__file__).parents[1] / "playbooks").glob("*.json"))
BASE: dict[str, Any] = {
    "type": "playbook",
    "spec_version": "cacao-2.0",
    "id": "playbook--1",
    "name": "A playbook",
    "created_by": "identity--1",
    "created": "2026-11-29T00:00:00.000Z",
    "modified": "2026-11-29T00:00:00.000Z",
    "workflow_start": "start--1",
    "agent_definitions": {
        "individual--1": {"type": "individual", "name": "Operator"},
        "security-category--1": {"type": "security-category", "name": "Any", "category": ["orchestrator"]},
    },
    "target_definitions": {"ssh--1": {"type": "ssh", "name": "web", "address": {"ipv4": ["203.0.113.10"]}}},
}


def whole(text: str) -> str:
    """Write short ids, such as action--1, as identifiers."""
    return re.sub(
        r"([a-z][a-z-]*[a-z])--([0-9]{1,2})(?![0-9a-f-])",
        lambda found: f"{found[1]}--00000000-0000-4000-8000-{int(found[2]):012d}",
        text,
    )


def hosts_of(case: dict[str, Any]) -> dict[str, Host] | None:
    if "hosts" not in case:
        return None
    hosts = {name: {"address": of[0], "addresses": of} for name, of in case["hosts"].items()}
    return dict(parse_inventory(json.dumps({"hosts": hosts}), "hosts.yaml").hosts)


def content_of(case: dict[str, Any]) -> bytes:
    if "text" in case:
        return str(case["text"]).encode()
    made = {**BASE, **case["playbook"]}
    for step in made["workflow"].values():
        for key in [key for key, value in step.items() if value is None]:
            del step[key]
    return whole(json.dumps(made)).encode()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_playbook_is_refused_or_mapped_as_said(path: Path):
    case = json.loads(path.read_text())
    if "refused" in case:
        with pytest.raises(InvalidInput) as caught:
            imported(parse_playbook(content_of(case), "x"), "x", hosts_of(case))
        found = {each.source.removeprefix("x: "): each.message for each in caught.value.problems}
        assert set(found) == {whole(path) for path in case["refused"]}
        assert all(words in found[whole(path)] for path, words in case["refused"].items())
        return
    made = imported(parse_playbook(content_of(case), "x"), "x", hosts_of(case))
    data = parse(made.text, "made.yaml").data
    steps = [{**step, **({"confirm": "*"} if "confirm" in step else {})} for step in data["steps"]]
    assert steps == case["mapped"]
    assert data.get("params", {}) == case.get("params", {})
    assert [text.partition(": ")[0] for text in made.dropped] == sorted(map(whole, case.get("dropped", [])))
    warnings = case.get("warnings", ["not signed"])
    assert len(made.warnings) == len(warnings)
    assert all(part in text for part, text in zip(warnings, made.warnings, strict=True))
    parse_runbook(made.text, "made.yaml")  # What `check` reads first; raises where it is no runbook.


def test_there_are_cases_enough():
    assert sum("refused" in json.loads(path.read_text()) for path in CASES) >= 30


@pytest.mark.parametrize("name", sorted(runbooks()))
def test_every_shipped_runbook_comes_back_as_it_was(name: str):
    before = load_runbook(runbooks()[name])
    content = json.dumps(portable(before)).encode()
    made = imported(parse_playbook(content, "x"), "x")
    after = parse_runbook(made.text, "after.yaml")
    assert after.document.data == before.document.data
    assert after.steps == before.steps
    assert after.params == before.params
    # Drupal's own program runs a command on a host of which no evidence has been kept.
    told = [str(warning) for warning in made.warnings if "before any is kept" not in warning or name != "freeze-site"]
    assert (made.dropped, told) == ((), ["it is not signed"])


def test_questions_undo_and_commands_come_back(bench: Bench):
    runbook = bench.runbook(
        {"id": "one", "task": "host.command", "with": {"argv": ["echo", "a'b"], "stdin": "x\n", "expect": [0, 3]}},
        {"id": "two", "task": "host.command", "confirm": "Now?", "with": {"argv": ["id"]}, "on_failure": "undo"},
        {"id": "three", "task": "host.command", "with": {"argv": ["id"]}, "on": "spare", "timeout": "5m", "retry": 2},
    )
    before = load_runbook(Path(runbook))
    made = imported(parse_playbook(json.dumps(portable(before)).encode(), "x"), "x")
    assert parse_runbook(made.text, "after.yaml").steps == before.steps
    assert made.dropped == ()


def test_a_step_that_was_edited_is_no_longer_ours(bench: Bench):
    runbook = bench.runbook({"id": "one", "task": "host.command", "with": {"argv": ["id"]}})
    playbook = portable(load_runbook(Path(runbook)))
    (step,) = [each for each in playbook["workflow"].values() if each["type"] == "action"]
    step["commands"][0]["command"] = "reboot"
    made = imported(parse_playbook(json.dumps(playbook).encode(), "x"), "x")
    (entry,) = parse(made.text, "x").data["steps"]
    assert entry["with"] == {"argv": ["sh", "-c", "reboot"]}
    assert "confirm" in entry
    assert any("not believed" in text for text in made.dropped)


def test_the_order_is_that_of_the_ways_and_not_of_the_file():
    playbook = portable(load_runbook(runbooks()["contain"]))
    playbook["workflow"] = dict(sorted(playbook["workflow"].items(), reverse=True))
    made = imported(parse_playbook(json.dumps(playbook).encode(), "x"), "x")
    assert parse(made.text, "x").data == load_runbook(runbooks()["contain"]).document.data


def test_a_signature_that_does_not_match_is_refused_and_one_that_does_is_no_trust(tmp_path: Path):
    import subprocess

    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    playbook = signed(portable(load_runbook(runbooks()["extend"])), key, "noc")
    made = imported(parse_playbook(json.dumps(playbook).encode(), "x"), "x")
    assert "whose key it is" in made.warnings[0]
    playbook["labels"] = ["other"]
    with pytest.raises(InvalidInput, match="not of this playbook"):
        imported(parse_playbook(json.dumps(playbook).encode(), "x"), "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" " * (MAX_BYTES + 1), "larger than"),
        (b"[" * 100_000, "deeper than"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "deeper than"),
        (b"[" + b"1," * 60_000 + b"1]", "more than"),
        (b'{"a": "' + b"x" * 70_000 + b'"}', "longer than"),
        (b'{"a": "\xff"}', "not JSON"),
    ],
    ids=["bytes", "brackets", "depth", "values", "text", "utf-8"],
)
def test_sizes_and_depths_are_bounded(content: bytes, message: str):
    with pytest.raises(InvalidInput, match=message):
        parse_playbook(content, "x")


def test_it_is_written_checked_and_not_run(bench: Bench):
    source, out = bench.top / "in.json", bench.top / "out.yaml"
    case = json.loads((CASES[0].parent / "mapped-command.json").read_text())
    case["playbook"]["target_definitions"] = {"ssh--1": {"type": "ssh", "name": "a", "address": {}}}
    command = f"touch {bench.files}/ran"
    case["playbook"]["workflow"]["action--1"]["commands"] = [{"type": "ssh", "command": command}]
    source.write_bytes(content_of(case))
    status, told, _ = bench.stopgap("import", "cacao", str(source), "-i", str(bench.inventory), "-o", str(out))
    assert (status, "Nothing was run" in told) == (0, True)
    assert list(bench.files.iterdir()) == []
    status, told, _ = bench.stopgap(
        "import", "cacao", str(source), "-i", str(bench.inventory), "-o", f"{out}2", "--json"
    )
    assert json.loads(told)["steps"] == 1
    status, _, told = bench.stopgap("import", "cacao", str(source), "-o", f"{out}3")
    assert (status, "-i" in told, Path(f"{out}3").exists()) == (2, True, False)


def test_what_check_finds_is_explained(bench: Bench):
    playbook = portable(load_runbook(runbooks()["extend"]))
    text = json.dumps(playbook).replace("traffic.block", "traffic.unblock")
    source = bench.top / "in.json"
    source.write_text(text)
    status, told, _ = bench.stopgap("import", "cacao", str(source), "-o", str(bench.top / "out.yaml"))
    assert (status, "there is no task 'traffic.unblock'" in told) == (1, True)


TEXTS = st.text(max_size=30) | st.sampled_from(
    ["{{ 7 * 7 }}", "{% raw %}", "'; reboot #", "__x__:value", "$(id)", "command:touch /tmp/x", "env:HOME", "a\nb: c"]
)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
SEED = json.dumps(portable(load_runbook(runbooks()["freeze-site"])))
PLACES = [place for place in places(json.loads(SEED)) if place]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), JSONS), min_size=1, max_size=4))
def test_whatever_stands_in_a_playbook_is_refused_or_becomes_a_runbook(changes: list[tuple[tuple[Any, ...], Any]]):
    playbook = json.loads(SEED)
    put(playbook, changes)
    try:
        made = imported(parse_playbook(json.dumps(playbook).encode(), "x"), "x")
    except InvalidInput:
        return
    data = parse(made.text, "made.yaml").data
    assert len(data["steps"]) == made.steps


@settings(max_examples=100, deadline=None)
@given(words=TEXTS.filter(lambda text: text.strip() and text.isprintable() and ":value" not in text))
def test_words_of_a_command_reach_the_shell_as_they_were_written(words: str):
    from stopgap.orchestrator.runbook.rendering import render_value

    case = json.loads((CASES[0].parent / "mapped-command.json").read_text())
    case["playbook"]["workflow"]["action--1"]["commands"] = [{"type": "ssh", "command": words}]
    try:
        made = imported(parse_playbook(content_of(case), "x"), "x", hosts_of(case))
    except InvalidInput:
        return
    (entry,) = parse(made.text, "x").data["steps"]
    assert render_value(entry["with"]["argv"], {}) == ["sh", "-c", words]


def test_an_import_opens_nothing_starts_nothing_and_renders_nothing(monkeypatch: pytest.MonkeyPatch):
    contents = [(content_of(case), hosts_of(case)) for case in (json.loads(path.read_text()) for path in CASES)]
    touch_nothing(monkeypatch)
    for content, hosts in contents:
        try:
            imported(parse_playbook(content, "x"), "x", hosts)
        except InvalidInput:
            continue
