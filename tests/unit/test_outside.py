"""Ports of the target that another host tries: what it says of them, and what is made of it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.cli import main
from stopgap.orchestrator.evidence.manifest import MANIFEST
from stopgap.orchestrator.evidence.reader import open_collection
from stopgap.orchestrator.findings import judge, shipped_rules
from stopgap.orchestrator.findings.keeping import keep_findings
from stopgap.orchestrator.host import Host, Scene
from stopgap.orchestrator.journal.records import EvidenceKept
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.task import Collection

from .collection import begin_custody, collected

LISTED = "/proc/self/net/tcp: 0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 99 1\n"
ANSWERED = "open 203.0.113.10 31338\n"


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def script(ports: str, *addresses: str) -> str:
    task = tasks()["evidence.outside"]
    target = Host.model_validate({"name": "web", "address": "web", "addresses": addresses})
    edge = Host(name="edge", address="10.9.0.1")
    params = task.Params.model_validate({"ports": ports, "patience": "500ms"})
    (made,) = task.plan(params, task.Facts(), Scene(target=target, on=edge, upstream=edge))
    assert isinstance(made, Collection)
    return made.artifacts[0].script


def said(ports: str, *addresses: str) -> list[str]:
    done = subprocess.run(["sh", "-c", script(ports, *addresses)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_what_answers_is_told_and_what_refuses_is_counted(port: int) -> None:
    assert said(f"{port},1-3", "127.0.0.1") == [
        f"open 127.0.0.1 {port}",
        "asked 127.0.0.1 4 ports: 4 tried, 1 open, 3 refused, 0 silent",
    ]


def test_an_address_that_cannot_be_reached_is_silent_and_is_left_soon(port: int) -> None:
    nowhere = "fe80::1"  # without an interface nothing leaves this machine
    assert said("1-65535", nowhere) == [f"asked {nowhere} 65535 ports: 1000 tried, 0 open, 0 refused, 1000 silent"]


@pytest.mark.parametrize("ports", ["", "0", "65536", "5-1", "22,", "22;id", "1-2-3", "²"])
def test_what_is_no_port_is_refused(ports: str) -> None:
    with pytest.raises(ValueError, match="no port"):
        tasks()["evidence.outside"].Params.model_validate({"ports": ports})


def test_the_target_s_own_lists_lie_in_another_collection_of_the_run(tmp_path: Path) -> None:
    folders = {"web": tmp_path / "evidence/web/volatile", "edge": tmp_path / "evidence/edge/outside"}
    collected(folders["web"], {"sockets": LISTED})
    collected(folders["edge"], {"outside-ports": ANSWERED})
    kept = EvidenceKept(
        step="outside", target="web", host="edge", profile="outside", folder="evidence/edge/outside", items=1, size=1,
        manifest_sha256="0" * 64,
    )  # fmt: skip
    beside = kept.model_copy(update={"host": "web", "folder": "evidence/web/volatile"})
    made = keep_findings(tmp_path, kept, shipped_rules, [beside])
    assert [noted.id for noted in made.findings] == ["hidden-port-outside"]
    assert json.loads((folders["edge"] / "findings.json").read_text())["target"] == "web"


def test_what_was_seen_from_outside_goes_into_the_target_s_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin_custody(collected(tmp_path / "web/volatile", {"sockets": LISTED}))
    seen = collected(tmp_path / "edge/outside", {"outside-ports": ANSWERED})
    at_edge = seen.manifest.model_copy(update={"host": "edge", "address": "10.9.0.1"})
    (seen.folder / MANIFEST).write_bytes(at_edge.canonical())
    begin_custody(open_collection(seen.folder))
    archive = tmp_path / "web.tar"
    assert main(["evidence", "export", str(tmp_path), "-o", str(archive)]) == 0
    assert "2 collections of web" in capsys.readouterr().out
    with tarfile.open(archive) as packed:
        names = packed.getnames()
    for item in ("edge/outside/000-outside-ports.txt", "web/volatile/000-sockets.txt"):
        assert any(name.endswith(item) for name in names), names
    assert main(["verify", str(archive)]) == 0


def test_a_router_without_python_has_not_looked_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    words = [shutil.which("sh") or "/bin/sh", "-c", script("22", "127.0.0.1")]
    done = subprocess.run(words, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (127, "")
    plain = collected(tmp_path / "c", {"outside-ports": "", "beside": {"sockets": LISTED}})
    failed = plain.manifest.items[0].model_copy(update={"exit_status": 127, "stderr": done.stderr})
    collection = replace(plain, manifest=plain.manifest.model_copy(update={"items": (failed,)}))
    judged = judge(collection, shipped_rules())
    assert judged.no_discrepancy_seen == ()
    assert "not installed: python3" in judged.not_looked[0].reason


@pytest.mark.parametrize("beside", [{}, {"sockets": ""}, {"modules": "x"}])
def test_without_such_a_list_nothing_is_called_hidden(beside: dict[str, Any], tmp_path: Path) -> None:
    collection = collected(tmp_path, {"outside-ports": ANSWERED} | ({"beside": beside} if beside else {}))
    judged = judge(collection, shipped_rules())
    assert judged.findings == ()
    reasons = {missed.id: missed.reason for missed in judged.not_looked}
    assert reasons["hidden-port-outside"] == "sockets of web was not collected in this run, or not whole"
    assert judge(open_collection(tmp_path), shipped_rules()).findings == ()
