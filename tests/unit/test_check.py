"""`stopgap check` says offline all that the files already show, and calls nothing valid that they show otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stopgap.orchestrator.cli import main

from .ssh_server import make_key

CONTAIN = ["contain", "-t", "web", "-p", "contact=noc@example.jp"]
INVENTORY = """\
defaults: {user: root, known_hosts: ./known_hosts, identity: ./id}
hosts:
  web: {address: 203.0.113.10, upstream: edge}
  outsider: {address: 198.51.100.10, upstream: edge}
  edge: {address: 10.9.0.1, driver: nftables, may_block: [203.0.113.0/24]}
  other: {address: 203.0.113.11, identity: ./gone}
"""
RUNBOOK = "name: Cut\nsteps:\n  - task: traffic.block\n"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIFxQd1uq2JwCCXLNP8dbJwNxZXFQ1cUU4jhR1h8p9Zzk"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_key(tmp_path / "id")
    hosts = ("203.0.113.10", "198.51.100.10", "10.9.0.1", "203.0.113.11")
    (tmp_path / "known_hosts").write_text("".join(f"{host} ssh-ed25519 {KEY}\n" for host in hosts))
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "cut.yaml").write_text(RUNBOOK)
    return tmp_path


def check(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(["check", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_sound_files_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(capsys, *CONTAIN, "-i", "inventory.yaml") == (
        0, "Contain a compromised web server: 8 steps on web, valid. Nothing was contacted.\n", "",
    )  # fmt: skip


def test_a_target_outside_of_may_block_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["contain", "-t", "outsider"], ["cut.yaml", "-t", "outsider"]):
        status, out, err = check(capsys, *words, "-i", "inventory.yaml")
        assert (status, "valid" in out) == (4, False)
        assert "198.51.100.10" in err
        assert "may_block" in err


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("{address: web.example.org, upstream: edge}", "has no `addresses`"),
        ("{address: 203.0.113.10, upstream: edge, addresses: [203.0.113.10, 192.0.2.9]}", "192.0.2.9"),
        ("{address: 203.0.113.10, upstream: edge, addresses: [127.0.0.9]}", "loopback"),
    ],
)
def test_what_the_guards_know_from_the_inventory_alone_is_refused(
    capsys: pytest.CaptureFixture[str], folder: Path, host: str, reason: str
) -> None:
    web = "{address: 203.0.113.10, upstream: edge}"
    (folder / "inventory.yaml").write_text(INVENTORY.replace(web, host))
    status, _, err = check(capsys, "cut.yaml", "-t", "web", "-i", "inventory.yaml")
    assert (status, reason in err) == (4, True), err


def test_a_required_parameter_is_no_fault_of_the_file_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = check(capsys, "contain", "-t", "web", "-i", "inventory.yaml")
    assert (status, "a run needs -p contact=…" in out) == (0, True)
    status, out, _ = check(capsys, "contain", "--format", "json")
    [runbook] = json.loads(out)["runbooks"]
    assert [need["param"] for need in runbook["needs"]] == ["contact"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("", "no private key"),
        ("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n", "ssh-keygen -t ed25519"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "puttygen"),
        ("-----BEGIN CERTIFICATE-----\n", "no private key"),
    ],
)
def test_a_key_that_cannot_serve_is_told_where_the_inventory_names_it(
    capsys: pytest.CaptureFixture[str], folder: Path, content: str | None, message: str
) -> None:
    (folder / "key2").unlink(missing_ok=True)
    if content is not None:
        (folder / "key2").write_text(content)
    (folder / "inventory.yaml").write_text(INVENTORY.replace("./id}", "./key2}"))
    status, out, err = check(capsys, *CONTAIN, "-i", "inventory.yaml")
    assert (status, out) == (2, "")
    assert err.startswith("inventory.yaml:1:")
    assert message in err


@pytest.mark.parametrize("kind", ["directory", "fifo", "loop"])
def test_what_is_no_file_is_not_opened(capsys: pytest.CaptureFixture[str], folder: Path, kind: str) -> None:

    path = folder / "known_hosts"
    path.unlink()
    {"directory": path.mkdir, "fifo": lambda: os.mkfifo(path), "loop": lambda: path.symlink_to(path)}[kind]()
    status, _, err = check(capsys, *CONTAIN, "-i", "inventory.yaml")
    assert (status, "the known_hosts file" in err) == (2, True)


def test_files_of_hosts_that_are_not_concerned_do_not_matter(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(capsys, *CONTAIN, "-i", "inventory.yaml")[0] == 0
    status, _, err = check(capsys, "contain", "-i", "inventory.yaml")
    assert (status, "inventory.yaml:6:44: the private key" in err) == (2, True)


def test_a_host_without_a_pinned_key_is_noted(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "known_hosts").write_text(f"203.0.113.10 ssh-ed25519 {KEY}\n")
    status, out, err = check(capsys, *CONTAIN, "-i", "inventory.yaml")
    assert (status, "valid" in out) == (0, True)
    assert "pins no key of 10.9.0.1" in err


@pytest.mark.parametrize(
    ("driver", "hint"), [("nftable", "did you mean nftables?"), ("Nftables", "did you mean nftables?"),
                         ("ｎｆｔａｂｌｅｓ", "nftables"), ("cisco-asa", "known: nftables")],
)  # fmt: skip
def test_an_unknown_driver_is_told_at_its_own_place(
    capsys: pytest.CaptureFixture[str], folder: Path, driver: str, hint: str
) -> None:
    (folder / "inventory.yaml").write_text(INVENTORY.replace("driver: nftables", f"driver: {driver}"))
    for words in ([], ["-t", "web"], ["-t", "other"]):
        status, out, err = check(capsys, "collect", *words, "-i", "inventory.yaml")
        assert (status, out) == (2, "")
        assert f"inventory.yaml:5:37: no driver is called '{driver}'" in err
        assert hint in err
    assert main(["run", *CONTAIN, "-i", "inventory.yaml", "--dry-run"]) == 2
    assert "inventory.yaml:5:37" in capsys.readouterr().err


PLAYBOOK = "- hosts: all\n  tasks:\n    - apt: {name: x}\n"
TASKS = "- name: Install\n  ansible.builtin.apt: {name: x}\n"
GROUPS = "web:\n  hosts:\n    web1: {ansible_host: 192.0.2.1}\n"
INI = "[web]\nweb1 ansible_host=192.0.2.1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PLAYBOOK, "this is a playbook of Ansible's"),
        ("- import_playbook: x.yaml\n", "this is a playbook of Ansible's"),
        (TASKS, "this is a list of Ansible's tasks"),
        (GROUPS, "this is an inventory of Ansible's"),
        (INI, "this is an inventory of Ansible's in INI"),
        (INVENTORY, "this is an inventory, and not a runbook"),
        ("{type: playbook, spec_version: cacao-2.0, id: x}\n", "this is a CACAO playbook"),
    ],
)
def test_another_kind_of_file_is_known_by_its_shape(
    capsys: pytest.CaptureFixture[str], folder: Path, text: str, message: str
) -> None:
    (folder / "given.yaml").write_text(text)
    status, out, err = check(capsys, "given.yaml", "-i", "inventory.yaml")
    assert (status, out) == (2, "")
    assert f"given.yaml:1:1: {message}" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [(PLAYBOOK, "this is a playbook of Ansible's"), (TASKS, "list of Ansible's tasks"),
     (RUNBOOK, "this is a runbook, and not an inventory")],
)  # fmt: skip
def test_what_is_no_inventory_is_known_by_its_shape(
    capsys: pytest.CaptureFixture[str], folder: Path, text: str, message: str
) -> None:
    (folder / "given.yaml").write_text(text)
    status, _, err = check(capsys, "cut.yaml", "-i", "given.yaml")
    assert (status, message in err) == (2, True)


@pytest.mark.parametrize(
    ("text", "place", "meant"),
    [
        ("name： Cut\nsteps:\n  - task: mta.stop\n", "1:5", ":"),
        ("name: Cut\nsteps：\n  - task: mta.stop\n", "2:6", ":"),
        ("name: Cut\nsteps:\n  - task： mta.stop\n", "3:9", ":"),
        ("name: Cut\nsteps:\n\u3000\u3000- task: mta.stop\n", "3:1", "space"),
        ("name:\u3000Cut\nsteps:\n  - task: mta.stop\n", "1:6", "space"),
        ("name: Cut\nsteps:\n  － task: mta.stop\n", "3:3", "-"),
        ("name: Cut\nsteps:\n  - {task： mta.stop}\n", "3:10", ":"),
        ("name: Cut\nsteps:\n  - ｛task: mta.stop｝\n", "3:5", "{"),
        ("name: Cut\nsteps:\n  - task: ｍta.stop\n", "3:11", "mta.stop"),
        ("name: Cut\nsteps:\n  - task: mta.stop\n    timeout: ３０ｓ\n", "4:14", "30s"),
        ("name: Cut\nsteps:\n  - task: mta.stop\n    retry: ３\n", "4:12", "3"),
        ("name: Cut\nsteps:\n  - task: mta.stop\n    on_failure: “stop”\n", "4:17", "stop"),
        ("name: Cut\nsteps:\n  - task: mta.stop\n    on：target\n", "4:7", ":"),
    ],
)
def test_characters_of_another_keyboard_are_pointed_at(
    capsys: pytest.CaptureFixture[str], folder: Path, text: str, place: str, meant: str
) -> None:
    (folder / "given.yaml").write_text(text)
    status, _, err = check(capsys, "given.yaml")
    assert status == 2
    told = [block for block in err.split("given.yaml:")[1:] if block.startswith(f"{place}:")]
    assert any(meant in block for block in told), err


def test_japanese_prose_is_sound(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    text = (
        "name: Cut\nname_ja: 遮断：試験　“一”\ndescription_ja: |\n  　手順：ＡＢＣ\n  － 一\n"
        "steps:\n  - task: mta.stop\n"
    )
    (folder / "given.yaml").write_text(text)
    assert check(capsys, "given.yaml")[0] == 0


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["-p", "contact＝noc@example.jp"], "contact=noc@example.jp"),
        (["-p", "contact=noc＠example.jp"], "noc@example.jp"),
        (["-t", "ｗｅｂ"], "did you mean web?"),
    ],
)
def test_they_are_told_on_the_command_line_too(
    capsys: pytest.CaptureFixture[str], words: list[str], meant: str
) -> None:
    status, _, err = check(capsys, "contain", "-i", "inventory.yaml", *words)
    assert (status, meant in err) == (2, True)


def test_several_runbooks_are_checked_at_once_with_an_inventory_or_without(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    status, out, _ = check(capsys, "contain", "collect", "cut.yaml")
    assert (status, out.count("valid")) == (0, 3)
    (folder / "bad.yaml").write_text("name: Bad\nsteps:\n  - task: mta.stpo\n")
    words = ["bad.yaml", "collect", "nothing", "-i", "inventory.yaml", "-t", "web"]
    status, out, err = check(capsys, *words)
    assert (status, out.count("valid")) == (2, 1)
    assert "bad.yaml:3:11" in err
    assert "nothing: there is no such file or runbook" in err
    assert check(capsys, "contain", "collect", "-p", "contact=noc@example.jp")[0] == 0
    assert check(capsys, "contain", "collect", "-p", "contct=noc@example.jp")[0] == 2
    assert check(capsys, "contain", "-t", "web")[0] == 2


@pytest.mark.parametrize("by", ["/nowhere/list.csv", "{{ params.list }}"])
def test_a_file_of_this_machine_that_a_step_names_and_that_is_not_there_is_noted(
    capsys: pytest.CaptureFixture[str], folder: Path, by: str
) -> None:
    letter = {
        "contact": "noc@example.org",
        "csv": by,
        "service": "Mail",
        "languages": ["en"],
        "via": {"kind": "file"},
    }
    step = {"task": "customers.notify", "with": letter}
    params = {"list": {"type": "path", "default": "/nowhere/list.csv"}}
    (folder / "tell.yaml").write_text(json.dumps({"name": "Tell", "params": params, "steps": [step]}))
    status, out, err = check(capsys, "tell.yaml")
    assert (status, "valid" in out) == (0, True)
    assert "/nowhere/list.csv: No such file" in err
    existing = ["-p", f"list={folder / 'cut.yaml'}"]
    assert ("No such file" in check(capsys, "tell.yaml", *existing)[2]) == (by == "/nowhere/list.csv")


def test_json_is_one_document_with_every_problem_at_its_place(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "bad.yaml").write_text("name: Bad\nsteps:\n  - task: mta.stpo\n")
    status, out, err = check(capsys, "bad.yaml", "cut.yaml", "-i", "inventory.yaml", "-t", "web", "--format", "json")
    told = json.loads(out)
    assert (status, err) == (2, "")
    assert (told["schema"], told["version"], told["valid"]) == ("stopgap.check", 1, False)
    assert [(book["path"], book["valid"]) for book in told["runbooks"]] == [("bad.yaml", False), ("cut.yaml", True)]
    [problem] = told["problems"]
    assert (problem["source"], problem["line"], problem["column"]) == ("bad.yaml", 3, 11)
    assert problem["hint"] == "did you mean mta.stop?"


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_an_option_that_cannot_be_read_is_told_in_the_same_form(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    status, out, err = check(capsys, "contain", "-p", "contact", "--format", form)
    assert (status, err) == (2, "")
    assert "-p contact" in json.dumps(json.loads(out))


def test_sarif_has_a_result_for_each_at_its_line(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "bad ü.yaml").write_text("name: Bad\nsteps:\n  - task: mta.stpo\n")
    words = ["bad ü.yaml", "contain", str(folder / "cut.yaml"), "-p", "x=1", "-i", "inventory.yaml", "-t", "outsider"]
    status, out, err = check(capsys, *words, "--format", "sarif")
    log = json.loads(out)
    assert (status, err, log["version"]) == (2, "", "2.1.0")
    [run] = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
    found = [
        (place["physicalLocation"]["artifactLocation"]["uri"], place["physicalLocation"]["region"]["startLine"])
        for result in run["results"]
        for place in result.get("locations", [])
    ]
    assert ("bad%20%C3%BC.yaml", 3) in found
    assert ((folder / "cut.yaml").as_uri(), 3) in found
    assert any("-p x" in result["message"]["text"] for result in run["results"])
    assert {"invalid", "refused", "needed"} <= {result["ruleId"] for result in run["results"]}


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_it_opens_no_socket_and_starts_no_program(folder: Path, form: str) -> None:
    program = """
import os, sys
forbidden = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "socket.__new__",
             "subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.system", "pty.spawn")
sys.addaudithook(lambda event, _: event in forbidden and os._exit(99))
from stopgap.orchestrator.cli import main
sys.exit(main(sys.argv[1:]))
"""
    (folder / "inventory.yaml").write_text(INVENTORY.replace("./id}", "./id, identity_passphrase: 'command:id'}"))
    words = ["check", "collect", *CONTAIN, "-i", "inventory.yaml", "--format", form]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_parameter_with_two_values_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("-p", "contact=a@example.org", "-p", "contact=b@example.org")
    assert main(["check", "contain", *words]) == 2
    assert "-p contact=b@example.org: contact has a value already" in capsys.readouterr().err
