"""Evidence from a host to disk, hashed on the way, against `ssh … tar` with the same cipher."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from bench_wire.place import OPERATOR, ROOT, Place, distance, ssh, timed
from bench_wire.table import Row

WEB = "203.0.113.10"
SIZE = 128
"""MiB."""
FILE = "/var/tmp/bench-stream"
CIPHER = ("-o", "Ciphers=aes128-gcm@openssh.com")
COLLECT = """\
import sys, time
from pathlib import Path
from stopgap.orchestrator.cli import hurry
from stopgap.orchestrator.evidence.store import EvidenceStore, Origin, Quota
from stopgap.orchestrator.inventory import load_inventory
from stopgap.orchestrator.remote import Item, connect
from stopgap.orchestrator.task import Artifact, Collection
hurry()
hosts = load_inventory(Path("inventories/lab.yaml")).hosts
session = connect(hosts["web"], hosts)
artifact = Artifact(id="stream", about="", script="tar cf - FILE", cap=1 << 30)
origin = Origin("run", sys.argv[2], "web", hosts["web"], session.fingerprint, "bench")
store = EvidenceStore(Path(sys.argv[1]), origin, Collection(profile="bench", artifacts=(artifact,)), Quota())
begun = time.monotonic()
session.exchange([Item(artifact.script, 300, artifact.cap)], sink=store)
print(time.monotonic() - begun, store.close().size)
""".replace("FILE", FILE)


def measure(place: Place) -> Iterator[Row]:
    """MB a second, connecting not counted."""
    timed(ssh(WEB, f"head -c {SIZE << 20} /dev/urandom >{FILE}"))
    for round_trip in place.round_trips:
        with distance(round_trip):
            ours, bare = [], []
            for number in range(place.attempts):
                folder = place.folder / f"evidence-{round_trip:g}-{number}"
                folder.mkdir()
                done = subprocess.run(
                    [*OPERATOR, sys.executable, "-c", COLLECT, folder, "step"],
                    cwd=ROOT,
                    env=place.environment,
                    capture_output=True,
                    text=True,
                )
                if done.returncode:
                    raise SystemExit(done.stderr)
                seconds, size = done.stdout.split()
                ours.append(int(size) / 1e6 / float(seconds))
                hand_shake = timed(ssh(WEB, "true", options=CIPHER))
                words = ssh(WEB, "tar", "cf", "-", FILE, options=CIPHER)
                line = f'"$@" >{place.folder}/bare && sync {place.folder}/bare && sha256sum {place.folder}/bare'
                took = timed(["sh", "-c", line, "sh", *words]) - hand_shake
                bare.append(int(size) / 1e6 / took)
                subprocess.run(["rm", "-rf", folder, place.folder / "bare"], check=True)
            yield Row(f"{SIZE} MiB, {round_trip:g} ms", tuple(ours), tuple(bare), "MB/s", "≥ 0.9")
    timed(ssh(WEB, "rm", "-f", FILE))
