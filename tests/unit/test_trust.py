"""A command that a file names runs on the controller only after a person has seen and agreed to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.secret import Secret, SecretError
from stopgap.orchestrator.secret.agreement import agree, withdraw

from .at_terminal import AtTerminal
from .bench import Bench


@pytest.fixture(autouse=True)
def nothing_agreed_to() -> None:
    withdraw()


@pytest.fixture
def witness(bench: Bench) -> Path:
    """A file that a stranger's command makes."""
    return bench.top / "witness"


@pytest.fixture
def stranger(bench: Bench, witness: Path) -> list[str]:
    """The words of a run whose inventory has a passphrase by command."""
    data = json.loads(bench.inventory.read_text())
    data["hosts"]["a"]["identity_passphrase"] = f"command:touch {witness}"
    bench.inventory.write_text(json.dumps(data))
    return ["run", bench.runbook(step(bench)), "-i", str(bench.inventory), "-t", "a"]


def step(bench: Bench) -> dict[str, Any]:
    return {"id": "x", "task": "host.file", "with": {"path": str(bench.files / "x"), "content": "x"}}


@pytest.mark.parametrize("more", [["--dry-run"], ["--yes"], ["--dry-run", "--yes"], ["--yes", "--json"]])
def test_nobody_there_means_refused_and_the_message_says_what_to_type(
    bench: Bench, stranger: list[str], witness: Path, more: list[str]
) -> None:
    status, out, err = bench.stopgap(*stranger, *more)
    assert (status, witness.exists()) == (4, False)
    assert f"the host a: command:touch {witness}: nobody has agreed" in err
    assert f"stopgap trust {bench.inventory}" in err
    assert not list(bench.files.iterdir()), out


def test_what_was_agreed_to_runs_until_the_command_changes(bench: Bench, stranger: list[str], witness: Path) -> None:
    status, out, _ = bench.stopgap("trust", str(bench.inventory), "--yes")
    assert (status, f"$ touch {witness}" in out) == (0, True)
    withdraw()
    _, _, err = bench.stopgap(*stranger, "--dry-run")
    assert witness.exists(), err
    bench.inventory.write_text(bench.inventory.read_text().replace("touch", "touch -a"))
    withdraw()
    assert bench.stopgap(*stranger, "--dry-run")[0] == 4


def test_another_change_to_the_file_asks_nobody_again(bench: Bench, stranger: list[str], witness: Path) -> None:
    bench.stopgap("trust", str(bench.inventory), "--yes")
    withdraw()
    data = json.loads(bench.inventory.read_text())
    data["hosts"]["new"] = {"address": "127.0.0.9", "connection": "local"}
    bench.inventory.write_text(json.dumps(data))
    bench.stopgap(*stranger, "--dry-run")
    assert witness.exists()


def test_another_file_with_the_same_command_is_asked_about(bench: Bench, stranger: list[str], witness: Path) -> None:
    bench.stopgap("trust", str(bench.inventory), "--yes")
    withdraw()
    other = bench.top / "other.yaml"
    other.write_text(bench.inventory.read_text() + "\n")
    assert bench.stopgap(*stranger[:3], str(other), "-t", "a", "--dry-run")[0] == 4
    assert not witness.exists()


def test_trust_without_a_terminal_or_yes_agrees_to_nothing(bench: Bench, stranger: list[str], witness: Path) -> None:
    status, out, err = bench.stopgap("trust", str(bench.inventory))
    assert (status, "add --yes" in err) == (4, True)
    assert str(witness) in out
    assert bench.stopgap(*stranger, "--dry-run")[0] == 4


def test_a_person_at_a_terminal_sees_the_command_and_is_asked_in_a_dry_run_too(
    bench: Bench, stranger: list[str], witness: Path
) -> None:
    for said, there in (("no", False), ("yes", True)):
        person = AtTerminal(*stranger, "--dry-run")
        person.until("[yes/no]")
        person.type(f"{said}\n")
        person.end()
        shown = person.shown.decode().replace("\r\n", "\n")
        assert f"$ touch {witness}" in shown
        assert witness.exists() == there, shown


@pytest.mark.parametrize("where", ["default", "with"])
def test_a_command_of_a_runbook_is_asked_about_too(bench: Bench, witness: Path, where: str) -> None:
    reference = f"command:touch {witness}"
    via = {"kind": "webhook", "url": "https://127.0.0.1:1/", "secret": "{{ params.token }}"}
    params: dict[str, Any] = {"token": {"type": "secret", "default": reference}}
    if where == "with":
        via["secret"], params = reference, {}
    letter = {"contact": "noc@example.org", "via": via}
    runbook = bench.runbook({"id": "x", "task": "provider.notify", "with": letter}, params=params)
    status, _, err = bench.stopgap("run", runbook, "-i", str(bench.inventory), "-t", "a", "--dry-run")
    assert (status, witness.exists()) == (4, False), err
    assert "nobody has agreed" in err
    assert bench.stopgap("trust", runbook, "--yes")[0] == 0


def test_what_is_typed_is_agreed_to_and_resumed(bench: Bench, witness: Path) -> None:
    runbook = bench.runbook(step(bench), params={"token": {"type": "secret"}})
    words = ["run", runbook, "-i", str(bench.inventory), "-t", "gone", "-p", f"token=command:touch {witness}"]
    bench.stopgap(*words, "--yes")
    assert witness.exists()
    witness.unlink()
    withdraw()
    status, _, err = bench.stopgap("resume", "last", "--yes")
    assert "nobody has agreed" not in err, (status, err)


@pytest.mark.parametrize("more", [["--dry-run"], ["--yes"]])
def test_a_list_that_a_task_reads_by_a_command_is_asked_about_too(
    bench: Bench, witness: Path, more: list[str]
) -> None:
    letter = {
        "contact": "noc@example.org",
        "command": ["touch", str(witness)],
        "service": "Mail",
        "languages": ["en"],
        "via": {"kind": "file"},
    }
    runbook = bench.runbook({"id": "x", "task": "customers.notify", "with": letter})
    words = ["run", runbook, "-i", str(bench.inventory), "-t", "a", *more]
    status, _, err = bench.stopgap(*words)
    assert (status, witness.exists()) == (4, False), err
    assert bench.stopgap("trust", runbook, "--yes")[0] == 0
    bench.stopgap(*words)
    assert witness.exists()


def test_a_damaged_record_is_told_and_agrees_to_nothing(bench: Bench, stranger: list[str], witness: Path) -> None:
    bench.stopgap("trust", str(bench.inventory), "--yes")
    record = bench.top / "home" / "agreed-commands.json"
    assert record.stat().st_mode & 0o777 == 0o600
    record.write_text(record.read_text()[:-20])
    withdraw()
    status, _, err = bench.stopgap(*stranger, "--dry-run")
    assert (status, witness.exists()) == (1, False)
    assert "agreed-commands.json: damaged" in err


def test_no_command_runs_in_a_process_that_nobody_has_agreed_in(tmp_path: Path) -> None:
    secret = Secret(f"command:touch {tmp_path}/x")
    with pytest.raises(SecretError, match="nobody has agreed"):
        secret.reveal()
    assert not (tmp_path / "x").exists()
    agree([secret.reference])
    with pytest.raises(SecretError, match="empty"):
        secret.reveal()


INVENTORY = parse_inventory(
    """\
hosts:
  web: {address: 203.0.113.10, upstream: [edge, edge2], spare: spare}
  other: {address: 203.0.113.11, upstream: edge3, jump: jump3}
  spare: {address: 203.0.113.20, jump: inner}
  edge: {address: 10.9.0.1}
  edge2: {address: 10.9.0.2, jump: jump}
  edge3: {address: 10.9.0.3}
  jump: {address: 192.0.2.1}
  inner: {address: 192.0.2.2, jump: jump}
  jump3: {address: 192.0.2.3}
  probe: {address: 198.51.100.2, vantage: outside, jump: jump4}
  jump4: {address: 192.0.2.4}
""",
    "inventory.yaml",
)


def test_a_run_concerns_targets_upstreams_spares_vantages_and_the_jump_hosts_on_the_way() -> None:
    concerned = {host.name for host in INVENTORY.concerned([INVENTORY.hosts["web"]])}
    assert concerned == {"web", "edge", "edge2", "spare", "jump", "inner", "probe", "jump4"}


@pytest.mark.parametrize("host", ["gone", "b"])
def test_the_passphrase_of_a_host_that_is_not_concerned_stops_no_run(bench: Bench, host: str) -> None:
    data = json.loads(bench.inventory.read_text())
    data["hosts"][host]["identity_passphrase"] = "env:NOT_SET_AT_ALL"
    bench.inventory.write_text(json.dumps(data))
    status, _, err = bench.stopgap("run", bench.runbook(step(bench)), "-i", str(bench.inventory), "-t", "a", "--yes")
    assert status == 0, err
