"""Stopgap and two plug-ins as wheels in an environment of their own, used by `stopgap` and `fab` in a new folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PLUGINS = ("example", "second")


def built(source: Path, to: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(to)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the three wheels, installed by pip; the libraries are those of this environment."""
    top = tmp_path_factory.mktemp("installed")
    built(TOP, top / "wheels")
    for name in PLUGINS:
        ignored = shutil.ignore_patterns("__pycache__")
        built(shutil.copytree(TOP / "tests" / "plugins" / name, top / name, ignore=ignored), top / "wheels")
    venv.create(top / "env", with_pip=False)
    python = top / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, *map(str, (top / "wheels").glob("*.whl"))], check=True, capture_output=True)
    [site] = (top / "env" / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return top / "env"


@pytest.fixture
def project(environment: Path, tmp_path: Path) -> Path:
    """A folder that `stopgap init` has made, with an inventory of this machine."""
    made = stopgap(environment, tmp_path, "init")
    assert made.returncode == 0, made.stderr
    (tmp_path / "inventory.yaml").write_text("hosts: {here: {address: 127.0.0.1, connection: local}}\n")
    return tmp_path


def ran(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    names = {"STOPGAP_HOME": str(folder / "home"), "BRANCH_LOG": str(folder / "events"), "PYTHONPATH": ""}
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **names}, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def stopgap(environment: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return ran(folder, environment / "bin" / "stopgap", *words)


def fab(environment: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return ran(folder, environment / "bin" / "python", "-m", "fabric", *words)


def test_it_is_the_wheel_that_is_used(environment: Path, project: Path) -> None:
    where = "import stopgap.orchestrator; print(stopgap.orchestrator.__file__)"
    said = ran(project, environment / "bin" / "python", "-c", where)
    assert said.stdout.startswith(str(environment))


def test_the_tasks_of_both_plug_ins_are_listed_with_their_origin(environment: Path, project: Path) -> None:
    listed = stopgap(environment, project, "tasks").stdout
    assert (
        "acme.motd            Tell whoever logs in that the host is under investigation.  (acme-stopgap 1.2)"
        in listed
    )
    assert "branch.uptime        Note since when a host is up.  (branch-stopgap 0.3)" in listed
    document = json.loads(stopgap(environment, project, "tasks", "--json").stdout)
    origins = {task["name"]: task["origin"] for task in document["tasks"]}
    assert (origins["acme.motd"], origins["branch.uptime"]) == ("acme-stopgap 1.2", "branch-stopgap 0.3")
    assert origins["mta.stop"] is None
    assert (
        json.loads(stopgap(environment, project, "tasks", "acme.motd", "--json").stdout)["origin"]
        == "acme-stopgap 1.2"
    )


def test_fab_lists_every_task_and_previews_one(environment: Path, project: Path) -> None:
    listed = fab(environment, project, "--list")
    assert {"acme.motd", "branch.uptime", "mta.stop"} <= set(listed.stdout.split()), listed.stderr
    words = ["host.file", "--target", "here", "--path", str(project / "page"), "--content", "x", "--dry-run"]
    dry = fab(environment, project, *words)
    assert (dry.returncode, "would change" in dry.stdout) == (0, True), dry.stdout + dry.stderr
    assert not (project / "page").exists()


def test_fab_works_beside_tasks_of_invoke(environment: Path, project: Path) -> None:
    (project / "tasks.py").write_text("from invoke import task\n\n@task\ndef own(c):\n    print('of Invoke')\n")
    assert "mta.stop" in fab(environment, project, "--list").stdout
    assert stopgap(environment, project, "tasks", "mta.stop").returncode == 0
    assert ran(project, environment / "bin" / "python", "-m", "invoke", "own").stdout == "of Invoke\n"


def test_each_plug_in_runs_by_stopgap_and_by_fab(environment: Path, project: Path) -> None:
    motd = project / "motd"
    by_fab = fab(environment, project, "acme.motd", "--target", "here", "--path", str(motd), "--yes")
    assert (by_fab.returncode, motd.read_text()) == (0, "This host is under investigation.\n"), by_fab.stderr
    (project / "book.yaml").write_text('{"name": "Look", "steps": [{"task": "branch.uptime"}]}')
    done = stopgap(environment, project, "run", "book.yaml", "-i", "inventory.yaml", "-t", "here", "--yes")
    assert (done.returncode, "here is up since" in done.stdout) == (0, True), done.stdout + done.stderr
    events = [json.loads(line)["event"] for line in (project / "events").read_text().splitlines()]
    assert events.count("run-finished") == 2
