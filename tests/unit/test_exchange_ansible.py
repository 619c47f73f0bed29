"""Playbooks of Ansible's: refused with the line, or mapped as said; nothing of them runs, opens or renders here."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopgap.orchestrator.exchange.ansible.files import Files
from stopgap.orchestrator.exchange.ansible.importing import MOST_STEPS, imported
from stopgap.orchestrator.exchange.ansible.reading import parse_playbook
from stopgap.orchestrator.exchange.imported import Imported
from stopgap.orchestrator.runbook import parse_runbook
from stopgap.orchestrator.runbook.rendering import render_value
from stopgap.orchestrator.source import InvalidInput, parse
from tests.unit.bench import Bench
from tests.unit.untouched import places, put, touch_nothing

CASES = sorted((Path(__file__).parents[1] / "playbooks" / "ansible").glob("*.yml"))


def made_of(text: str, folder: Path | None = None) -> Imported:
    return imported(parse_playbook(text, "x"), Files(folder))


def one_task(task: str) -> str:
    return f"- hosts: web\n  tasks:\n    - {{name: Kept, service: {{name: cron, state: stopped}}}}\n    - {task}\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_playbook_is_refused_or_mapped_as_said(path: Path):
    case = json.loads(path.with_suffix(".json").read_text())
    if "refused" in case:
        with pytest.raises(InvalidInput) as caught:
            made_of(path.read_text())
        assert [f"{each.position}: {each.message}" for each in caught.value.problems] == case["refused"]
        assert "hunter2" not in str(caught.value)
        return
    made = made_of(path.read_text())
    data = parse(made.text, "made.yaml").data
    assert data["name"] == case["name"]
    steps = [{**step, **({"confirm": "*"} if "confirm" in step else {})} for step in data["steps"]]
    assert steps == case["mapped"]
    assert (list(made.dropped), list(made.warnings)) == (case["dropped"], case["warnings"])
    assert made.steps == len(steps)
    parse_runbook(made.text, "made.yaml")  # What `check` reads first; raises where it is no runbook.


def test_whatever_runs_a_command_is_asked_about_and_has_no_undo():
    steps = [step for path in CASES for step in json.loads(path.with_suffix(".json").read_text()).get("mapped", [])]
    commands = [step for step in steps if step["task"] == "host.command"]
    assert len(commands) > 8
    assert all("confirm" in step and not {"undo", "reads"} & set(step["with"]) for step in commands)


def test_files_are_read_below_the_folder_of_the_operator_and_nowhere_else(tmp_path: Path):
    folder = tmp_path / "role"
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / "motd.j2").write_text("Closed.\n")
    (folder / "templates" / "vars.j2").write_text("{{ 7 * 7 }}\n")
    (folder / "plain").write_text("a {{ b }} {# c\n")
    (folder / "binary").write_bytes(b"\xff\0")
    (folder / "large").write_text("x" * 70_000)
    (folder / "key").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    (tmp_path / "outside").write_text("outside")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")

    def of(module: str, src: str) -> tuple[object, str]:
        made = made_of(one_task(f'{module}: {{src: "{src}", dest: /a}}'), folder)
        steps = parse(made.text, "made.yaml").data["steps"][1:]
        return (render_value(steps[0]["with"]["content"], {}) if steps else None), made.dropped[-1]

    assert of("template", "motd.j2")[0] == "Closed.\n"
    assert of("copy", "plain")[0] == "a {{ b }} {# c\n"
    for module, src, why in (
        ("template", "vars.j2", "the template has an expression of Jinja's"),
        ("copy", "binary", "no text in UTF-8"),
        ("copy", "large", "larger than"),
        ("copy", "key", "it holds a secret"),
        ("copy", "link", "link is no file in the folder"),
        ("copy", "up/outside", "up/outside is no file in the folder"),
        ("copy", "pipe", "pipe is no file in the folder"),
        ("copy", "templates", "templates is no file in the folder"),
        ("copy", "../outside", "without `..`"),
        ("copy", str(tmp_path / "outside"), "without `..`"),
    ):
        content, told = of(module, src)
        assert content is None
        assert why in told


def test_what_yaml_reads_in_two_ways_is_taken_only_in_quotes():
    for word in ("yes", "Off", "0x1f", "0777", "1_000", "12:30:00", "2026-11-29", ".inf", "Null"):
        for before, taken in (("", 1), ("&x ", 1), ('"', 2), ("'", 2)):
            written = f"{before}{word}{before.strip('&x ')}"
            assert made_of(one_task(f"command: {{argv: [echo, {written}]}}")).steps == taken, written
    made = made_of(one_task("copy:\n        dest: /a\n        content: |-\n          yes"))
    assert parse(made.text, "x").data["steps"][1]["with"]["content"] == "yes"


def test_there_is_an_end_to_steps_texts_and_depth():
    many = "- hosts: web\n  tasks:\n" + "    - command: id\n" * (MOST_STEPS + 1)
    with pytest.raises(InvalidInput, match="more than"):
        made_of(many)
    with pytest.raises(InvalidInput, match="nested too deep"):
        made_of("- hosts: web\n  tasks: " + "[" * 100 + "]" * 100)
    with pytest.raises(InvalidInput, match="too large"):
        made_of("- hosts: web\n#" + "x" * (1 << 20))
    assert "longer than" in made_of(one_task(f"shell: echo {'x' * 70_000}")).dropped[-1]
    assert made_of(one_task(f"shell: {'curl ' * 12_000}")).steps == 2  # Looked through once for a login.


@pytest.mark.parametrize("hosts", ["localhost", "[web, localhost]", "web,localhost", "127.0.0.1"])
def test_what_acts_on_this_machine_is_not_brought_to_a_host(hosts: str):
    with pytest.raises(InvalidInput, match="acts on this machine"):
        made_of(f"- hosts: {hosts}\n  tasks:\n    - command: id\n")


def test_an_import_opens_nothing_starts_nothing_and_renders_nothing(monkeypatch: pytest.MonkeyPatch):
    texts = [path.read_text() for path in CASES]
    made_of(one_task("command: id"))  # Loads the tasks, which are files of Stopgap's own.
    touch_nothing(monkeypatch)
    for text in texts:
        try:
            made_of(text)
        except InvalidInput:
            continue


TEXTS = st.text(max_size=20) | st.sampled_from(
    ["{{ 7 * 7 }}", "{% raw %}", "'; reboot #", "$(id)", "command:touch /tmp/x", "env:HOME", "a\nb: c", "/etc/shadow"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
SEED: list[Any] = [
    {
        "name": "P",
        "hosts": "web",
        "become": True,
        "vars": {"a": 1},
        "tasks": [
            {"name": "One", "service": {"name": "cron", "state": "stopped"}, "tags": ["x"]},
            {"copy": {"dest": "/etc/motd", "content": "x", "mode": "0644"}},
            {"file": {"path": "/a", "state": "link", "src": "/b"}},
            {"command": {"argv": ["echo", "a"], "creates": "/x", "stdin": "y"}, "ignore_errors": True},
            {"shell": "id; id", "args": {"executable": "/bin/bash"}},
            {"template": {"src": "x.j2", "dest": "/a"}},
        ],
    }
]


@settings(max_examples=120, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from(places(SEED)[1:]), VALUES), min_size=1, max_size=3))
def test_whatever_stands_in_a_playbook_is_refused_or_becomes_a_runbook(changes: list[tuple[tuple[Any, ...], Any]]):
    playbook = json.loads(json.dumps(SEED))
    put(playbook, changes)
    try:
        made = made_of(json.dumps(playbook))
    except InvalidInput:
        return
    steps = parse_runbook(made.text, "made.yaml").steps
    assert len(steps) == made.steps
    for step in steps:
        assert render_value(dict(step.with_), {}) == dict(step.with_)  # No expression came along.
        assert step.when is None


@settings(max_examples=60, deadline=None)
@given(words=TEXTS.filter(lambda text: text.strip()))
def test_words_of_a_command_arrive_as_they_were_written(words: str):
    try:
        made = made_of(one_task(f"shell: {{cmd: {json.dumps(words)}}}"))
    except InvalidInput:
        return
    for step in parse_runbook(made.text, "made.yaml").steps[1:]:
        assert render_value(step.with_["argv"], {}) == ["sh", "-c", words]


def test_it_is_written_checked_and_not_run(bench: Bench):
    source, out = bench.top / "site.yml", bench.top / "out.yaml"
    source.write_text(one_task(f"shell: touch {bench.files}/ran") + "    - apt: {name: nginx}\n")
    status, told, _ = bench.stopgap("import", "ansible", str(source), "-o", str(out))
    assert (status, "2 steps. Nothing was run." in told) == (0, True)
    assert "dropped: line 5, play 1, tasks 3: the module 'apt' has no counterpart" in told
    assert list(bench.files.iterdir()) == []
    assert bench.stopgap("check", str(out), "-i", str(bench.inventory))[0] == 0
    status, told, _ = bench.stopgap("import", "ansible", str(source), "-o", f"{out}2", "--json")
    assert (json.loads(told)["steps"], len(json.loads(told)["dropped"])) == (2, 2)
    status, _, told = bench.stopgap("import", "ansible", str(source), "-o", str(out))
    assert (status, "is there already" in told) == (1, True)
    status, _, told = bench.stopgap("import", "ansible", str(source), "-o", f"{out}3", "--files", f"{source}")
    assert (status, "there is no such folder" in told, Path(f"{out}3").exists()) == (2, True, False)


def test_what_was_imported_does_what_the_playbook_said(bench: Bench):
    source, out, files = bench.top / "site.yml", bench.top / "out.yaml", bench.files
    (files / "old").write_text("old")
    source.write_text(
        f"""- hosts: a
  tasks:
    - copy: {{dest: {files}/motd, content: "a {{ b }}\\n", mode: 0600}}
    - file: {{path: {files}/made, state: directory}}
    - file: {{path: {files}/link, src: motd, state: link}}
    - file: {{path: {files}/old, state: absent}}
    - command: cp '{files}/motd' '{files}/two words'
    - shell: {{cmd: "cat > {files}/said; exit 3", stdin: said}}
      ignore_errors: true
    - command: {{argv: [touch, "{files}/yes", "{files}/$HOME"], creates: {files}/motd}}
    - command: {{argv: [touch, "{files}/yes"], creates: {files}/motd}}
"""
    )
    assert bench.stopgap("import", "ansible", str(source), "-o", str(out))[0] == 0
    status, _, _ = bench.stopgap("run", str(out), "-i", str(bench.inventory), "-t", "a", "--yes")
    assert status == 1  # The command that fails, and is passed over.
    assert {each.name for each in files.iterdir()} == {"motd", "made", "link", "two words", "said"}
    assert ((files / "motd").read_text(), (files / "motd").stat().st_mode & 0o777) == ("a { b }\n", 0o600)
    assert ((files / "two words").read_text(), (files / "said").read_text()) == ("a { b }\n", "said\n")
    assert (files / "link").readlink() == Path("motd")


def test_a_playbook_given_as_a_runbook_is_told_how_to_import_it(bench: Bench):
    source = bench.top / "site.yml"
    source.write_text(one_task("command: id"))
    status, _, told = bench.stopgap("check", str(source))
    assert (status, "stopgap import ansible FILE" in told) == (2, True)


def test_a_playbook_that_ansible_runs_as_it_is_ends_as_ansible_says(bench: Bench):
    """Real ansible-core, on a host of `connection: local`: one play writes, the second fails."""
    program = Path(sys.executable).with_name("ansible-playbook")
    made, playbook = bench.top / "made", bench.top / "site.yml"
    play = "- hosts: all\n  gather_facts: false\n  tasks:\n"
    playbook.write_text(f"{play}    - raw: touch {made}\n    - raw: exit 3\n")
    step = {"task": "ansible.playbook", "with": {"playbook": str(playbook), "program": str(program)}}
    status, out, err = bench.stopgap("run", bench.runbook(step), "-i", str(bench.inventory), "-t", "a", "--yes")
    assert status == 1, err
    assert made.exists()
    assert "failed=1" in out + err
    assert "none known" in out


def test_an_opaque_import_is_one_step_that_is_asked_about(bench: Bench):
    playbook = bench.top / "site.yml"
    playbook.write_text(one_task("{shell: rm -rf /}"))
    output = bench.top / "made.yaml"
    status, out, _ = bench.stopgap("import", "ansible", str(playbook), "--opaque", "-o", str(output))
    assert status == 0
    [step] = parse(output.read_text(), "made.yaml").data["steps"]
    assert (step["task"], step["with"]) == ("ansible.playbook", {"playbook": str(playbook)})
    assert "confirm" in step
    assert "keep evidence before it" in out
    assert bench.stopgap("import", "ansible", str(bench.top / "none"), "--opaque", "-o", str(output))[0] == 2
