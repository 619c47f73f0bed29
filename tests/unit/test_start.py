"""What a command does before its first packet: as little as it can, and all that may fail."""

import json
import socket
import subprocess
import sys

import pytest

from stopgap.orchestrator.cli import HELP, main
from stopgap.orchestrator.cli.arguments import parser
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.run.gist import gist_json

from .bench import Bench
from .test_journal import five


def imported_by(code: str) -> set[str]:
    told = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_task_is_imported_when_it_is_asked_for() -> None:
    modules = imported_by("from stopgap.orchestrator.registry import tasks; tasks()['host.file']")
    assert "stopgap.tasks.host.file" in modules
    assert not {"stopgap.tasks.mta.stop", "stopgap.tasks.traffic.block"} & modules


def test_ssh_needs_no_mocks_and_who_uses_fabric_has_them() -> None:
    told = (
        "import sys\n"
        "from stopgap.orchestrator.host import Host\n"
        "from stopgap.orchestrator.loading import load\n"
        "from stopgap.orchestrator.remote import spoken_to_by\n"
        "load(spoken_to_by([Host(name='web', address='192.0.2.1')]))\n"
        "assert 'paramiko' in sys.modules and not {'unittest', 'asyncio'} & {*sys.modules}\n"
        "import invoke\n"
        "assert invoke.MockContext(run=invoke.Result('x')).run('y').stdout == 'x'"
    )
    assert "unittest.mock" in imported_by(told)


def test_a_start_is_not_searched_for_garbage_and_is_kept_out_of_what_is() -> None:
    told = (
        "import gc\n"
        "from stopgap.orchestrator.cli import hurry\n"
        "hurry()\n"
        "before = gc.get_stats()\n"
        "import stopgap.orchestrator.cli.run, stopgap.orchestrator.run.runner, stopgap.orchestrator.remote.ssh\n"
        "import stopgap.tasks.traffic.block\n"
        "assert gc.get_stats() == before and gc.get_count()[0] > 100_000\n"
        "gc.collect(0)\n"
        "assert gc.get_freeze_count() > 50_000\n"
        "assert gc.get_threshold() == (50_000, 20, 50) and not gc.callbacks\n"
    )
    assert imported_by(told)


def test_the_parser_imports_no_model_and_no_ssh() -> None:
    modules = imported_by("from stopgap.orchestrator.cli.arguments import parser; parser()")
    assert not {"pydantic", "paramiko", "rich", "yaml", "shutil", "inspect", "dataclasses"} & modules


def test_the_help_is_what_the_parser_would_write(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["--help"])
    kept, written = capsys.readouterr().out, parser().format_help()
    # Pythons differ in where they break a line.
    assert kept.split() == written.split(), f"orchestrator/cli/{HELP} is to be:\n{written}"


def test_the_help_needs_no_parser() -> None:
    modules = imported_by("from stopgap.orchestrator.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass")
    assert not {"argparse", "pathlib", "json", "stopgap.orchestrator.errors"} & modules


@pytest.mark.parametrize("words", [["--help"], ["status"], ["runs"], ["tasks", "host.file"]])
def test_a_command_that_needs_no_plug_in_looks_up_none(bench: Bench, words: list[str]) -> None:
    refusing = (
        "import importlib.metadata\n"
        "def refuse(*given): raise AssertionError('plug-ins were looked up')\n"
        "importlib.metadata.distributions = refuse\n"
    )
    command = (
        "from stopgap.orchestrator.cli import main\n"
        f"try:\n    assert main({words!r}) == 0\n"
        "except SystemExit as end:\n    assert not end.code"
    )
    assert "stopgap.orchestrator.cli" in imported_by(refusing + command)


@pytest.mark.parametrize("words", [["runs"], ["status", "--offline"]])
def test_what_tells_of_known_runs_loads_no_model_no_layout_and_no_ssh(bench: Bench, words: list[str]) -> None:
    with Journal.open(state_home()) as journal:
        run = five(journal, exported=True)
    with Journal.open(state_home()) as journal:
        journal.history(run, gist_json)
    command = f"from stopgap.orchestrator.cli import main; assert main({words!r}) == 0"
    modules = imported_by(command)
    assert "stopgap.orchestrator.journal.looked" in modules
    assert not {"pydantic", "rich", "jinja2", "paramiko", "stopgap.orchestrator.journal.records"} & modules


def test_a_runbook_is_checked_without_ssh_and_without_a_journal(bench: Bench) -> None:
    runbook = bench.runbook({"task": "host.file", "with": {"path": "/tmp/x", "content": "x"}})
    hosts = json.loads(bench.inventory.read_text())
    hosts["hosts"]["a"]["driver"] = "nftables"
    bench.inventory.write_text(json.dumps(hosts))
    words = ["check", runbook, "-i", str(bench.inventory), "-t", "a"]
    modules = imported_by(f"from stopgap.orchestrator.cli import main; assert main({words!r}) == 0")
    assert not {"paramiko", "fabric", "sqlite3", "stopgap.orchestrator.run.runner"} & modules
    assert "stopgap.tasks.traffic.block" in modules
    assert "stopgap.tasks.mta.stop" not in modules


def test_a_dry_run_loads_neither_reports_nor_findings(bench: Bench) -> None:
    runbook = bench.runbook({"task": "host.file", "with": {"path": "/tmp/x", "content": "x"}})
    words = ["run", runbook, "-i", str(bench.inventory), "-t", "a", "--dry-run"]
    modules = imported_by(f"from stopgap.orchestrator.cli import main; assert main({words!r}) == 0")
    assert not {"stopgap.orchestrator.report", "stopgap.orchestrator.findings"} & modules


def test_a_run_that_collects_nothing_loads_no_findings(bench: Bench) -> None:
    step = {"task": "host.file", "with": {"path": str(bench.files / "x"), "content": "x"}}
    words = ["run", bench.runbook(step), "-i", str(bench.inventory), "-t", "a", "--yes"]
    modules = imported_by(f"from stopgap.orchestrator.cli import main; assert main({words!r}) == 0")
    assert "stopgap.orchestrator.findings" not in modules


def test_the_process_that_judges_evidence_loads_neither_journal_nor_changes() -> None:
    modules = imported_by("import stopgap.orchestrator.findings.child")
    assert not {"stopgap.orchestrator.journal", "stopgap.orchestrator.change", "stopgap.orchestrator.facts"} & modules


def test_what_a_run_needs_later_is_imported_while_the_hosts_are_connected(bench: Bench) -> None:
    runbook = bench.runbook({"task": "host.file", "with": {"path": "/tmp/x", "content": "x"}})
    words = ["run", runbook, "-i", str(bench.inventory), "-t", "a", "--dry-run"]
    told = (
        "import sys\n"
        "from stopgap.orchestrator.cli import main\n"
        "from stopgap.orchestrator.remote import ConnectAhead\n"
        "before = {}\n"
        "begin = ConnectAhead.begin\n"
        "def noting(self, hosts): before.update(sys.modules); begin(self, hosts)\n"
        "ConnectAhead.begin = noting\n"
        f"assert main({words!r}) == 0\n"
        "early = {'stopgap.orchestrator.run.runner', 'stopgap.orchestrator.plan.planner'} & set(before)\n"
        "assert not early, early"
    )
    assert "stopgap.orchestrator.run.runner" in imported_by(told)


@pytest.mark.parametrize(
    "words",
    [
        ("--plan", "nowhere.json"),
        ("--sign-key", "nowhere"),
        ("-p", "nonsense=1"),
        ("-t", "nobody"),
    ],
)
def test_nothing_is_contacted_by_a_call_that_cannot_run(bench: Bench, words: tuple[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = {"address": "127.0.0.1", "port": server.getsockname()[1], "identity": "./id"}
        bench.inventory.write_text(json.dumps({"defaults": {"known_hosts": "./known_hosts"}, "hosts": {"far": host}}))
        runbook = bench.runbook({"task": "host.file", "with": {"path": "/tmp/x", "content": "x"}})
        status, _, said = bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "far", "--yes", *words)
        assert status == 2, said
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
