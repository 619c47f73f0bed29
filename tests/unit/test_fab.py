"""`fab`: what is typed reaches the task as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stopgap.orchestrator.cli.options import step_of_options
from stopgap.orchestrator.inventory import load_inventory
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.runbook import parse_runbook, render
from stopgap.orchestrator.source import InvalidInput

from .bench import Bench

LITERALS = [
    "{{ target.name }}",
    "a {% if x %}",
    "{# c #}",
    "it's {{ 'x' }} \\ \n {{",
    "",
    "{{ '\\' }}",
    "日本 {{ x }}",
    "{x}",
]


def fab(bench: Bench, *words: str, before: tuple[str, ...] = ()) -> tuple[int, str, str]:
    program = Path(sys.executable).parent / "fab"
    done = subprocess.run(
        [program, *before, *words],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("text", LITERALS)
def test_a_text_is_the_value_for_the_run_and_for_whoever_resumes_it(bench: Bench, text: str) -> None:
    document = step_of_options(tasks()["host.file"], {"path": "/x", "content": text}, None)

    inventory = load_inventory(bench.inventory)
    [step] = parse_runbook(document.text, document.path).steps
    params = render(step, {}, inventory.scene(inventory.hosts["a"], "target"), {})
    assert params.model_dump()["content"] == text


@pytest.mark.parametrize("text", ["{{ target.name }}", "it's\n\\ {% x", "a, b"])
def test_it_arrives_in_the_file(bench: Bench, text: str) -> None:
    path = bench.files / "x"
    words = ["--inventory", str(bench.inventory), "--target", "a", "--path", str(path), "--content", text, "--yes"]
    status, out, err = fab(bench, "host.file", *words)
    assert status == 0, out + err
    assert path.read_text() == text


def test_an_empty_text_is_a_value(bench: Bench) -> None:
    path = bench.files / "x"
    words = ["--inventory", str(bench.inventory), "--target", "a", "--path", str(path), "--content", "", "--yes"]
    status, out, err = fab(bench, "host.file", *words)
    assert status == 0, out + err
    assert path.read_text() == ""


def test_a_list_is_made_by_repetition_and_a_comma_is_a_character(bench: Bench) -> None:
    words = ["--inventory", str(bench.inventory), "--target", "a", "--yes", "--reads", "true"]
    status, out, err = fab(
        bench, "host.command", *words, "--argv", "test", "--argv", "a, b", "--argv", "=", "--argv", "a, b"
    )
    assert status == 0, out + err


def test_a_mapping_is_written_as_yaml_has_it(bench: Bench) -> None:
    given = {"contact": "noc@example.org", "via": "{kind: file}", "seen": "{{ x }}"}
    document = step_of_options(tasks()["provider.notify"], given, None)
    assert json.loads(document.text)["steps"][0]["with"]["via"] == {"kind": "file"}
    with pytest.raises(InvalidInput, match="--via"):
        step_of_options(tasks()["provider.notify"], {"via": "{kind: [}"}, None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--path", "relative", "--content", "x"], "--path: "),
        (["--path", "/x", "--content", "x", "--mode", "9999"], "--mode: "),
        (["--path", "/x", "--content", "x", "--on", "upstream"], "fab host.file: "),
    ],
)
def test_a_problem_names_its_option_and_no_file(bench: Bench, words: list[str], told: str) -> None:
    status, out, err = fab(bench, "host.file", "--inventory", str(bench.inventory), "--target", "a", *words, "--yes")
    assert status == 2, out + err
    assert told in err
    assert "/tmp" not in err.replace(str(bench.top), "")
    assert ".yaml:" not in err.replace(str(bench.inventory), "")


def test_a_duration_needs_its_unit_here_too(bench: Bench) -> None:
    words = ["--inventory", str(bench.inventory), "--target", "a", "--open", "22", "--every", "15", "--yes"]
    status, _, err = fab(bench, "service.watch", *words)
    assert (status, "--every: the duration 15 has no unit" in err) == (2, True), err


def test_the_host_that_fabric_is_given_is_the_target(bench: Bench) -> None:
    path = bench.files / "x"
    words = ["host.file", "--inventory", str(bench.inventory), "--path", str(path), "--content", "x", "--yes"]
    status, out, err = fab(bench, *words, before=("-H", "a"))
    assert status == 0, out + err
    assert path.read_text() == "x"


@pytest.mark.parametrize(("host", "more"), [("nobody", []), ("b", ["--target", "a"]), ("root@a:2222", [])])
def test_a_host_that_cannot_be_the_target_is_refused(bench: Bench, host: str, more: list[str]) -> None:
    path = bench.files / "x"
    words = ["host.file", "--inventory", str(bench.inventory), "--path", str(path), "--content", "x", "--yes", *more]
    status, out, err = fab(bench, *words, before=("-H", host))
    assert status == 2, out + err
    assert not path.exists()
