"""A plug-in that is a distribution of its own: built as a wheel, installed beside Stopgap, used by its commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).with_name("example")
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example's wheel unpacked, as `pip install --target` leaves it."""
    top = tmp_path_factory.mktemp("example")
    source = shutil.copytree(EXAMPLE, top / "source", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(top)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    [wheel] = top.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(top / "site")
    return top / "site"


def command(site: Path, cwd: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    names = {"PYTHONPATH": str(site), "STOPGAP_HOME": str(cwd / "home")}
    done = subprocess.run(
        [BIN / program, *words],
        cwd=cwd,
        env={**os.environ, **names},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def book(folder: Path, hosts: dict[str, object], step: dict[str, object]) -> tuple[str, ...]:
    (folder / "inventory.yaml").write_text(json.dumps({"hosts": hosts}))
    (folder / "book.yaml").write_text(json.dumps({"name": "Test", "steps": [step]}))
    return "run", "book.yaml", "-i", "inventory.yaml", "-t", "web"


def test_its_task_is_listed_and_runs_on_a_local_host(installed: Path, tmp_path: Path) -> None:
    listed = command(installed, tmp_path, "stopgap", "tasks")
    assert "acme.motd " in listed.stdout
    assert "motd  (acme-stopgap 1.2, sha256 " in listed.stdout
    assert "rules       acme.yaml  (acme-stopgap 1.2" in listed.stdout
    motd = tmp_path / "motd"
    words = book(
        tmp_path,
        {"web": {"address": "127.0.0.1", "connection": "local"}},
        {"task": "acme.motd", "with": {"path": str(motd)}},
    )
    done = command(installed, tmp_path, "stopgap", *words, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert motd.read_text() == "This host is under investigation.\n"
    assert command(installed, tmp_path, "stopgap", "undo", "last", "--yes").returncode == 0
    assert not motd.exists()


def test_its_driver_blocks_in_a_dry_run(installed: Path, tmp_path: Path) -> None:
    edge = {"address": "127.0.0.1", "connection": "local", "driver": "acme-prohibit", "may_block": ["192.0.2.0/24"]}
    hosts = {"web": {"address": "192.0.2.10", "upstream": "edge"}, "edge": edge}
    words = book(tmp_path, hosts, {"task": "traffic.block", "with": {"expires": "1h"}})
    assert (
        "acme-prohibit: packets to it alone"
        in command(installed, tmp_path, "stopgap", "tasks", "traffic.block").stdout
    )
    checked = command(installed, tmp_path, "stopgap", "check", *words[1:])
    assert "no driver is called" not in checked.stderr
    done = command(installed, tmp_path, "stopgap", *words, "--dry-run")
    assert "driver" not in done.stderr, done.stdout + done.stderr
    assert "prohibit routes: refuse packets to 192.0.2.10" in done.stdout, done.stdout + done.stderr


def test_without_the_distribution_the_driver_is_unknown(tmp_path: Path) -> None:
    edge = {"address": "127.0.0.1", "connection": "local", "driver": "acme-prohibit", "may_block": ["192.0.2.0/24"]}
    hosts = {"web": {"address": "192.0.2.10", "upstream": "edge"}, "edge": edge}
    words = book(tmp_path, hosts, {"task": "traffic.block", "with": {}})
    done = command(tmp_path, tmp_path, "stopgap", *words, "--dry-run")
    assert done.returncode == 2
    assert "no driver is called" in done.stderr


def test_fab_lists_its_task(installed: Path, tmp_path: Path) -> None:
    assert command(installed, tmp_path, "stopgap", "init").returncode == 0
    listed = command(installed, tmp_path, "fab", "--list")
    assert "acme.motd" in listed.stdout, listed.stderr


@pytest.mark.long
def test_the_pytest_plug_in_plays_its_cases_and_its_rule(installed: Path, tmp_path: Path) -> None:
    project = shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("__pycache__"))
    passed = command(installed, project, "pytest", "-v", "-p", "no:cacheprovider")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "3 passed" in passed.stdout

    case = project / "cases" / "acme.motd" / "absent.json"
    case.write_text(case.read_text().replace("/etc/motd", "/etc/issue"))
    rules = project / "acme_stopgap" / "rules" / "acme.yaml"
    rules.write_text(rules.read_text().replace("./acme-miner", "ls"))
    failed = command(installed, project, "pytest", "-p", "no:cacheprovider")
    assert failed.returncode == 1
    assert "changes[0]: expected " in failed.stdout
    assert "acme-miner-in-history: matches[0]: nothing was found" in failed.stdout


def test_a_distribution_that_cannot_be_imported_costs_itself_alone(installed: Path, tmp_path: Path) -> None:
    site = shutil.copytree(installed, tmp_path / "site")
    (site / "acme_stopgap" / "prohibit.py").write_text("import nowhere_to_be_found\n")
    listed = command(site, tmp_path, "stopgap", "tasks")
    assert listed.returncode == 0
    assert "acme.motd " in listed.stdout
    assert "plug-in acme-prohibit (drivers, acme-stopgap 1.2) is left out: ModuleNotFoundError" in listed.stderr
