"""Plug-ins of the operator's project: the folder that `stopgap init` has marked, and no other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import forkserver

FAB = Path(sys.executable).with_name("fab")

TASK = """
from stopgap.orchestrator.task import Facts, Parameters, Task
from ._words import GREETING

class GreetParams(Parameters):
    "None."

class GreetFacts(Facts):
    "None."

class Greet(Task[GreetParams, GreetFacts]):
    "Greet the operator of this project."
    name = "acme.greet"

    def probe(self, params, scene):
        return {}

    def plan(self, params, facts, scene):
        yield from ()
"""
DESK = """
from tests import forkserver
import json

def emit(event):
    with open({told!r}, "a") as file:
        file.write(json.dumps(event) + "\\n")
"""
ARTIFACT = """\
artifacts:
  - id: acme-words
    about: Words.
    why: They are there.
    references: [echo(1)]
    volatility: running
    reads: [{kind: run, commands: [echo of our own]}]
"""
RULE = """\
rules:
  - id: acme-miner
    title: Acme's miner runs
    severity: high
    table: history-lines
    when: {text: {matches: acme-miner}}
    shows: '{text}'
    why: Nobody runs it.
    confidence: high
    falsepositives: [A test.]
    response: Look.
    tests:
      matches: [{histories: {/root/.bash_history: "acme-miner"}}]
      spares: [{histories: {}}]
"""


@dataclass(frozen=True)
class Project:
    """A folder in which the installed command is run."""

    folder: Path
    home: Path

    def stopgap(self, *words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "STOPGAP_HOME": str(self.home)}
        done = subprocess.run(
            [forkserver.stopgap(), *words],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def inventory(self) -> None:
        self.write("inventory.yaml", json.dumps({"hosts": {"a": {"address": "127.0.0.1", "connection": "local"}}}))

    def run(self, *steps: dict[str, object], words: tuple[str, ...] = ("--yes",)) -> subprocess.CompletedProcess[str]:
        self.inventory()
        self.write("book.yaml", json.dumps({"name": "Test", "steps": list(steps)}))
        return self.stopgap("run", "book.yaml", "-i", "inventory.yaml", "-t", "a", *words)


@pytest.fixture
def unmarked(tmp_path: Path) -> Project:
    folder = tmp_path / "incident"
    folder.mkdir()
    return Project(folder, tmp_path / "home")


@pytest.fixture
def project(unmarked: Project) -> Project:
    done = unmarked.stopgap("init")
    assert done.returncode == 0, done.stderr
    return unmarked


def greets(project: Project, trace: Path) -> None:
    project.write("tasks/greet.py", f"open({str(trace)!r}, 'w').close()\n{TASK}")
    project.write("tasks/_words.py", "GREETING = 'hello'\n")


def test_a_task_of_the_project_is_listed_checked_and_run(project: Project, tmp_path: Path) -> None:
    greets(project, tmp_path / "trace")
    listed = project.stopgap("tasks")
    assert "acme.greet" in listed.stdout
    assert "./tasks/greet.py" in listed.stdout
    assert project.stopgap("tasks", "acme.greet").stdout.startswith("acme.greet\n  Greet the operator")
    done = project.run({"task": "acme.greet"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(project.folder.rglob("__pycache__"))


def test_fab_lists_the_tasks_of_the_project_beside_an_invoke_file(project: Project, tmp_path: Path) -> None:
    greets(project, tmp_path / "trace")
    project.write("tasks.py", "import invoke\n@invoke.task\ndef own(c):\n    'Of the operator.'\n")
    done = subprocess.run([FAB, "--list"], cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "acme.greet" in done.stdout
    assert "mta.stop" in done.stdout


def clone(project: Project) -> Project:
    copy = project.folder.parent / "clone"
    shutil.copytree(project.folder, copy)
    return Project(copy, project.home)


def without_mark(project: Project) -> Project:
    (project.folder / "stopgap.toml").unlink()
    return project


def writable_by_all(project: Project) -> Project:
    project.folder.chmod(0o777)
    return project


def file_writable_by_all(project: Project) -> Project:
    (project.folder / "tasks" / "greet.py").chmod(0o666)
    return project


def link_that_leads_out(project: Project) -> Project:
    file = project.folder / "tasks" / "greet.py"
    file.rename(project.folder.parent / "greet.py")
    file.symlink_to(project.folder.parent / "greet.py")
    return project


def damaged_mark(project: Project) -> Project:
    project.write("stopgap.toml", "mark = [")
    return project


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (clone, "was made for another folder"),
        (without_mark, ""),
        (damaged_mark, "stopgap.toml cannot be read"),
        (writable_by_all, "can be written by everybody"),
        (file_writable_by_all, "can be written by everybody"),
        (link_that_leads_out, "leads out of the project"),
    ],
)
@pytest.mark.parametrize("words", [("tasks",), ("schema", "runbook"), ("check", "collect", "-i", "inventory.yaml")])
def test_no_strangers_code_runs(
    project: Project, tmp_path: Path, spoil: Callable[[Project], Project], said: str, words: tuple[str, ...]
) -> None:
    trace = tmp_path / "trace"
    greets(project, trace)
    project.inventory()
    spoiled = spoil(project)
    done = spoiled.stopgap(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not trace.exists()
    assert "acme.greet" not in done.stdout.partition("left out")[0]
    assert said in done.stderr or words[0] == "check"  # of shipped tasks, for which no plug-in is asked for


def test_another_users_folder_is_left_alone(project: Project, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a file away")
    greets(project, tmp_path / "trace")
    for owned in (project.folder / "tasks" / "greet.py", project.folder):
        os.chown(owned, 12345, 12345)
        assert "belongs to uid 12345" in project.stopgap("tasks").stderr
        assert not (tmp_path / "trace").exists()


def test_init_takes_a_clone_over_by_name(project: Project, tmp_path: Path) -> None:
    greets(project, tmp_path / "trace")
    copy = clone(project)
    assert "acme.greet" not in copy.stopgap("tasks").stdout
    assert "stopgap.toml" in copy.stopgap("init").stdout
    assert "acme.greet" in copy.stopgap("tasks").stdout


@pytest.mark.parametrize(
    "text", ["import nowhere_to_be_found", "raise SystemExit(9)", "def (", "raise KeyboardError", "1 / 0", "\0"]
)
@pytest.mark.parametrize("kind", ["tasks", "drivers", "sinks"])
def test_a_plug_in_that_fails_costs_itself_alone(project: Project, tmp_path: Path, kind: str, text: str) -> None:
    greets(project, tmp_path / "trace")
    project.write(f"{kind}/broken.py", text)
    listed = project.stopgap("tasks")
    assert listed.returncode == 0
    assert "acme.greet" in listed.stdout
    assert f"plug-in broken ({kind}, ./{kind}/broken.py) is left out" in listed.stderr
    done = project.run({"task": "acme.greet"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plug-in broken" in done.stderr


@pytest.mark.parametrize("path", ["rules/broken.yaml", "artifacts/broken.yaml"])
def test_a_file_with_a_mistake_costs_itself_alone(project: Project, path: str) -> None:
    project.write(path, "rules: [{id: x}]\nartifacts: [{id: x}]\n")
    project.write("rules/mine.yaml", RULE)
    done = project.run({"task": "evidence.collect", "with": {"artifacts": ["clock"]}})
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"./{path}) is left out: " in done.stderr
    assert "line 1" in done.stderr or ":1:" in done.stderr


def test_a_task_of_a_shipped_tasks_name_is_left_out(project: Project, tmp_path: Path) -> None:
    greets(project, tmp_path / "trace")
    file = project.folder / "tasks" / "greet.py"
    file.write_text(file.read_text().replace("acme.greet", "host.file"))
    listed = project.stopgap("tasks")
    assert "Greet the operator" not in listed.stdout
    assert "a task of Stopgap is called host.file" in listed.stderr


def test_rules_and_artifacts_of_the_project_take_part_and_are_recorded(project: Project) -> None:
    project.write("rules/mine.yaml", RULE)
    project.write("artifacts/mine.yaml", ARTIFACT)
    done = project.run({"id": "look", "task": "evidence.collect", "with": {"artifacts": ["histories", "acme-words"]}})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out" not in done.stderr
    shown = project.stopgap("show", "last").stdout
    assert "plug-in  rules mine.yaml (./rules/mine.yaml)" in shown
    assert "plug-in  artifacts mine.yaml (./artifacts/mine.yaml)" in shown
    assert [file.read_text() for file in project.home.rglob("*-acme-words.*")] == ["$ echo of our own\nof our own\n"]
    [findings] = project.home.rglob("findings.json")
    judged = json.loads(findings.read_text())
    known = [entry["id"] for key in ("findings", "no_discrepancy_seen", "not_looked") for entry in judged[key]]
    assert "acme-miner" in known


def test_ones_own_letter_wins_and_is_recorded(project: Project) -> None:
    project.write("templates/letters/cert.en.txt", "Subject: Ours\n\nOur own words for {{ recipient }}.\n")
    letter = {"kind": "cert", "recipient": "CERT", "contact": "noc@example.jp", "languages": ["en"]}
    done = project.run({"task": "letter.compose", "with": letter, "on": "controller"})
    assert done.returncode == 0, done.stdout + done.stderr
    [written] = project.home.rglob("letters/*")
    assert "Our own words for CERT." in written.read_text()
    assert "templates letters/cert.en.txt (./templates/letters/cert.en.txt)" in project.stopgap("show", "last").stdout


@pytest.mark.parametrize("text", ["Subject: x\n\n{{ nobody }}", "Subject: x\n\n{% if", "Subject: x\n\n{{ 1 / 0 }}"])
def test_a_letter_that_cannot_be_rendered_gives_way_to_the_shipped_one(project: Project, text: str) -> None:
    project.write("templates/letters/cert.en.txt", text)
    letter = {"kind": "cert", "recipient": "CERT", "contact": "noc@example.jp", "languages": ["en"]}
    done = project.run({"task": "letter.compose", "with": letter, "on": "controller"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "templates/letters/cert.en.txt) is left out" in done.stderr


def test_a_sink_gets_the_events_and_one_that_fails_or_hangs_holds_nothing_up(
    project: Project, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    project.write("sinks/desk.py", DESK.format(told=str(told)))
    project.write("sinks/sour.py", "def emit(event):\n    raise OSError('nobody there')\n")
    project.write("sinks/stuck.py", "import threading\ndef emit(event):\n    threading.Event().wait()\n")
    step = {"task": "host.file", "with": {"path": str(tmp_path / "x"), "content": "x"}}
    assert project.run(step, words=("--dry-run",)).returncode == 0
    assert not told.exists()
    done = project.run(step)
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line)["event"] for line in told.read_text().splitlines()]
    assert events[0] == "run-started"
    assert events[-1] == "run-finished"
    assert "sink sour: " in done.stderr
    assert "nobody there" in done.stderr
    assert "sink stuck: " in done.stderr


def test_an_inventory_of_the_project_is_asked_by_name(project: Project) -> None:
    project.write(
        "inventories/cmdb.py",
        "def inventory(source):\n    return {'hosts': {source: {'address': '127.0.0.1', 'connection': 'local'}}}\n",
    )
    project.write("inventories/lab.yaml", "hosts: {z: {address: 192.0.2.9}}\n")
    shown = project.stopgap("inventory", "-i", "cmdb:web")
    assert "web" in shown.stdout, shown.stderr
    assert "192.0.2.9" in project.stopgap("inventory", "-i", "lab").stdout
    project.write("inventories/bad.py", "def inventory(source):\n    raise OSError('no answer')\n")
    bad = project.stopgap("inventory", "-i", "bad:web")
    assert bad.returncode == 2
    assert "no answer" in bad.stderr


def test_init_brings_fabfile_and_schema_lines(project: Project) -> None:
    assert (project.folder / "fabfile.py").is_file()
    first = (project.folder / "inventory.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=templates/schema/inventory.json"
    schema = json.loads((project.folder / "templates/schema/inventory.json").read_text())
    assert "nftables" in json.dumps(schema["$defs"]["HostEntry"]["properties"]["driver"])
    assert "stopgap init" not in project.stopgap("init").stderr
