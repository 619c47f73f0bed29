"""Runbooks and plans as CACAO playbooks: valid, the same bytes each time, signed, and honest about what is lost."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from stopgap.orchestrator.exchange.cacao.playbook import portable
from stopgap.orchestrator.exchange.cacao.signing import matches, signed
from stopgap.orchestrator.exchange.jcs import canonical
from stopgap.orchestrator.resources import runbooks
from stopgap.orchestrator.runbook import load_runbook
from tests.unit.bench import Bench
from tests.unit.cacao_rules import assert_valid, graph_faults


@pytest.mark.parametrize("name", sorted(runbooks()))
def test_every_shipped_runbook_is_a_valid_playbook(name: str):
    assert_valid(portable(load_runbook(runbooks()[name])))


@pytest.mark.parametrize("name", ["contain", "recover"])
def test_what_is_written_for_soarca_is_valid_and_names_what_is_lost(name: str, bench: Bench):
    out = bench.top / "out.json"
    status, told, _ = bench.stopgap("export", "cacao", name, "--for", "soarca", "-o", str(out))
    playbook = json.loads(out.read_text())
    assert status == 0
    assert_valid(playbook)
    assert {agent["name"] for agent in playbook["agent_definitions"].values()} <= {"soarca-ssh", "soarca-manual"}
    told_as_json = json.loads(bench.stopgap("export", "cacao", name, "--for", "soarca", "-o", f"{out}2", "--json")[1])
    assert [f"  lost: {loss}" for loss in told_as_json["lost"]] == told.splitlines()[1:]
    continues = name == "contain"
    assert ("Stop the mail server: a failure ends the playbook" in told) is continues


def test_the_rules_find_what_readers_let_pass():
    playbook = portable(load_runbook(runbooks()["contain"]))
    steps = [step for step in playbook["workflow"].values() if step["type"] == "action"]
    steps[0]["on_completion"] = "action--00000000-0000-4000-8000-000000000000"
    assert any("leads to" in fault for fault in graph_faults(playbook))
    looped = portable(load_runbook(runbooks()["collect"]))
    actions = {key: step for key, step in looped["workflow"].items() if step["type"] == "action"}
    last = list(actions)[-1]
    actions[last]["on_success"] = next(iter(actions))
    assert "a loop" in graph_faults(looped)


def test_ids_are_made_of_the_content_and_the_file_is_the_same_bytes(bench: Bench):
    files = [bench.top / name for name in ("one.json", "two.json")]
    for file in files:
        assert bench.stopgap("export", "cacao", "contain", "-o", str(file))[0] == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    playbook = json.loads(files[0].read_text())
    ids = [playbook["id"], *playbook["workflow"], *playbook["agent_definitions"]]
    assert {uuid.UUID(each.partition("--")[2]).version for each in ids} == {5}
    status, _, told = bench.stopgap("export", "cacao", "contain", "-o", str(files[0]))
    assert (status, "there already" in told) == (1, True)


COMMAND = {"task": "host.command", "with": {"argv": ["touch", "a b; reboot"]}}


def exported(bench: Bench, *steps: dict[str, Any], **rest: Any) -> list[dict[str, Any]]:
    playbook = portable(load_runbook(Path(bench.runbook(*steps, **rest))))
    assert_valid(playbook)
    return [step for step in playbook["workflow"].values() if step["type"] == "action"]


def test_a_command_with_known_words_goes_over_ssh_quoted(bench: Bench):
    (step,) = exported(bench, COMMAND)
    assert step["commands"][0]["type"] == "ssh"
    assert step["commands"][0]["command"] == "touch 'a b; reboot'"


@pytest.mark.parametrize(
    "more",
    [
        {"when": "params.sure"},
        {"foreach": [1, 2]},
        {"with": {"argv": ["touch", "{{ params.path }}"]}},
        {"with": {"argv": ["touch", "x"], "creates": "/x"}},
        {"on": "controller"},
    ],
)
def test_a_command_with_a_condition_or_a_template_is_left_to_a_person(bench: Bench, more: dict[str, Any]):
    params = {
        "sure": {"type": "boolean", "default": False},
        "path": {"type": "string", "default": "$(reboot)"},
    }
    (step,) = exported(bench, {**COMMAND, **more}, params=params)
    assert step["commands"][0]["type"] == "manual"


def test_failures_questions_and_undo_become_ways_of_the_workflow(bench: Bench):
    goes_on = {**COMMAND, "on_failure": "continue"}
    asks = {**COMMAND, "confirm": "Now?", "on_failure": "undo", "timeout": "90s"}
    first, question, second, undo = exported(bench, goes_on, asks)
    assert "on_completion" in first and "on_failure" not in first
    assert "Now?" in question["commands"][0]["command"]
    assert second["timeout"] == 90_000
    assert "take back" in undo["commands"][0]["command"]


def test_a_secret_is_not_in_the_file(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOKEN", "hunter2-hunter2")
    params = {"token": {"type": "secret", "default": "env:TOKEN"}}
    text = json.dumps(exported(bench, COMMAND, params=params))
    playbook = json.dumps(portable(load_runbook(bench.top / "runbook.yaml")))
    assert "hunter2" not in text + playbook
    assert '"value": "env:TOKEN"' not in playbook


def plan_of(bench: Bench, *steps: dict[str, Any]) -> tuple[str, Path]:
    runbook, plan = bench.runbook(*steps), bench.top / "plan.json"
    words = ("run", runbook, "-i", str(bench.inventory), "-t", "a", "--dry-run", "--save-plan", str(plan))
    assert bench.stopgap(*words)[0] == 0
    return runbook, plan


def test_a_plan_is_exported_with_commands_undo_and_digest(bench: Bench):
    path = bench.files / "note"
    runbook, plan = plan_of(
        bench,
        {"task": "host.file", "with": {"path": str(path), "content": "line\n"}},
        {
            "task": "host.command",
            "with": {"argv": ["tee", f"{path}2"], "stdin": "two\nlines\n", "undo": ["rm", "-f", f"{path}2"]},
            "on_failure": "undo",
        },
    )
    out = bench.top / "out.json"
    words = ("--plan", str(plan), "-i", str(bench.inventory), "-o", str(out))
    assert bench.stopgap("export", "cacao", runbook, *words)[0] == 0
    playbook = json.loads(out.read_text())
    assert_valid(playbook)
    digest = json.loads(plan.read_text())["plan_digest"]
    (extension,) = playbook["playbook_extensions"].values()
    assert extension["stopgap_plan"] == {"plan_digest": digest, "targets": ["a"]}
    assert {t["address"]["ipv4"][0] for t in playbook["target_definitions"].values()} == {"127.0.0.2"}
    actions = [step for step in playbook["workflow"].values() if step["type"] == "action"]
    made = [next(iter(step["step_extensions"].values()))["stopgap_change"] for step in actions[:2]]
    assert made[1]["change"]["do"][0] == {
        "argv": ["tee", f"{path}2"],
        "stdin": "two\nlines\n",
        "ok": [0],
        "shown": "",
    }
    assert made[1]["undo_script"] == f"rm -f {path}2"
    assert [step["name"].partition(":")[0] for step in actions[2:]] == ["Undo", "Undo"]
    # The commands do what the plan says, and the undo takes it back.
    for step in actions:
        subprocess.run(["sh", "-c", script_of(step)], check=True, capture_output=True)
        if step is actions[1]:
            assert (path.read_text(), Path(f"{path}2").read_text()) == ("line\n", "two\nlines\n")
    assert list(bench.files.iterdir()) == []


def test_a_step_that_only_collects_is_not_lost_and_one_that_is_skipped_is_named(bench: Bench):
    collects = {"id": "look", "task": "evidence.collect", "with": {"profile": "volatile"}}
    runbook, plan = plan_of(bench, collects, COMMAND, {**COMMAND, "id": "never", "when": "1 == 2"})
    out = bench.top / "out.json"
    status, told, _ = bench.stopgap("export", "cacao", runbook, "--plan", str(plan), "-o", str(out))
    playbook = json.loads(out.read_text())
    assert_valid(playbook)
    first, second = [step for step in playbook["workflow"].values() if step["type"] == "action"]
    assert (status, first["commands"][0]["type"], second["commands"][0]["type"]) == (0, "manual", "ssh")
    assert "evidence.collect" in first["commands"][0]["command"]
    assert "never on a was skipped in the plan" in told


def script_of(step: dict[str, Any]) -> str:
    (command,) = step["commands"]
    return command.get("command") or base64.b64decode(command["command_b64"]).decode()


def test_a_plan_of_another_runbook_is_refused(bench: Bench):
    _, plan = plan_of(bench, COMMAND)
    status, _, told = bench.stopgap("export", "cacao", "contain", "--plan", str(plan), "-o", str(bench.top / "x"))
    assert status == 2
    assert "host-command" in told


@pytest.fixture
def key(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "key"
    words = ["ssh-keygen", "-q", "-t", *getattr(request, "param", ["ed25519"]), "-N", "", "-f", str(path)]
    subprocess.run(words, check=True)
    return path


@pytest.mark.parametrize("key", [["ed25519"], ["rsa", "-b", "2048"], ["ecdsa", "-b", "256"]], indirect=True)
def test_a_signature_is_over_the_hexadecimal_digest_of_canonical_json(key: Path):
    playbook = portable(load_runbook(runbooks()["extend"]))
    made = signed(playbook, key, "noc")
    assert_valid(made)
    (signature,) = made["signatures"]
    assert matches(made, signature) is True
    assert matches({**made, "name": "other"}, signature) is False
    assert signed(playbook, key, "noc") == made
    if signature["algorithm"] == "Ed25519":
        unsigned = {k: v for k, v in signature.items() if k != "value"}
        text = hashlib.sha256(canonical({**playbook, "signatures": [unsigned]})).hexdigest().encode()
        public = serialization.load_der_public_key(base64.b64decode(signature["public_key"]))
        public.verify(base64.urlsafe_b64decode(signature["value"] + "=="), text)


def test_a_key_that_cannot_sign_is_told(tmp_path: Path, bench: Bench):
    no_key = tmp_path / "none"
    no_key.write_text("no key")
    words = ("export", "cacao", "extend", "--sign-key", str(no_key), "-o", str(tmp_path / "o"))
    status, _, told = bench.stopgap(*words)
    assert (status, "no private key" in told, (tmp_path / "o").exists()) == (2, True, False)


KEYS = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7}
SORTED = '{"\\r":2,"1":4,"\x80":6,"\xf6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'
NUMBERS = [333333333.33333329, 1e30, 4.5, 2e-3, 1e-27, 1e21, 123456789012345680000.0, 1e-6, -1e-7, -0.0, 2**60, 10]
WRITTEN = (
    "[333333333.3333333,1e+30,4.5,0.002,1e-27,1e+21,123456789012345680000,0.000001,-1e-7,0,1152921504606847000,10]"
)


@pytest.mark.parametrize(("value", "text"), [(KEYS, SORTED), (NUMBERS, WRITTEN)])
def test_canonical_json_is_that_of_rfc_8785(value: Any, text: str):
    assert canonical(value).decode() == text
