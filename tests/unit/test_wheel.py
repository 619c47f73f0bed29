"""The wheel from outside: a program that uses the public names type-checks strictly, and runs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PROGRAM = '''\
"""A program that contains a server, looks at what is in force, and takes the containment back."""

from collections.abc import Mapping
from typing import Any, assert_type

import stopgap


def tell(event: Mapping[str, Any]) -> None:
    print(event["event"])


def contain(targets: list[str]) -> stopgap.RunResult | None:
    runbook: stopgap.Runbook = stopgap.load_runbook("contain")
    inventory: stopgap.Inventory = stopgap.load_inventory("inventory.yaml")
    try:
        planned = stopgap.plan(runbook, inventory, targets=targets, params={"contact": "noc@example.jp"})
        return stopgap.run(planned, on_event=tell)
    except stopgap.DriftedError as error:
        print(error.saved, error.found)
    except stopgap.InvalidInput as error:
        print(*error.problems, sep="\\n")
    except stopgap.Error as error:
        raise SystemExit(error.exit_code) from None
    return None


def take_back(result: stopgap.RunResult) -> int:
    if result.outcome == "interrupted":
        result = stopgap.resume(result, on_event=tell)
    undone: stopgap.UndoResult = stopgap.undo(result, step=None, force=False, on_event=tell)
    assert_type(undone.undone, int)
    history: stopgap.History = stopgap.history(result)
    assert_type(stopgap.verify(history.run).valid, bool)
    return undone.exit_code


def look() -> list[str]:
    status: stopgap.Status = stopgap.status(offline=True)
    return [
        f"{run.run} {change.host} {change.ends} {look.state if look else None}"
        for run in status.runs
        for change in run.in_force
        for look in [run.looks.get((change.step, change.target))]
    ]


assert_type(stopgap.runs()[:1], list[stopgap.RunSummary])
print(stopgap.load_runbook("contain").steps[2].task, look())
'''


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the interpreter of an environment that holds the built wheel, and the libraries of this one."""
    top = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(top)],
        cwd=TOP,
        check=True,
        capture_output=True,
    )
    [wheel] = top.glob("stopgap-*.whl")
    venv.create(top / "env", with_pip=False)
    [site] = (top / "env" / "lib").glob("python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return top / "env" / "bin" / "python"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def test_a_program_that_uses_the_public_names_is_typed_strictly(python: Path, program: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), program.name],
        cwd=program.parent,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_a_wrong_use_of_a_public_name_is_a_type_error(python: Path, program: Path) -> None:
    program.write_text("import stopgap\n\nstopgap.undo(1)\nstopgap.status().runs.append\n")
    said = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), program.name],
        cwd=program.parent,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 1
    assert {line.rpartition("[")[2] for line in said.stdout.splitlines()[:-1]} == {"arg-type]", "attr-defined]"}


def test_the_program_runs_with_the_wheel_alone(python: Path, program: Path, tmp_path: Path) -> None:
    env = {**os.environ, "STOPGAP_HOME": str(tmp_path / "home"), "PYTHONPATH": ""}
    said = subprocess.run([python, program], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (0, "traffic.block []\n"), said.stderr
