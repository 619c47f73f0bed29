"""Evidence from a host to disk, hashed on the way, against `ssh … tar` with the same cipher.

Random bytes, which nothing makes shorter, and files of the host's own, both as a collection sends them: compressed
there where the connection is slow.
"""

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
CONTENTS = {
    "random": f"head -c {SIZE << 20} /dev/urandom",
    "of its files": f"tar cf - /usr 2>/dev/null | head -c {SIZE << 20}",
}
CIPHER = ("-o", "Ciphers=aes128-gcm@openssh.com")
COLLECT = """\
import sys, time
from pathlib import Path
from stopgap.orchestrator.cli import hurry
from stopgap.orchestrator.evidence.store import EvidenceStore, Origin, Quota
from stopgap.orchestrator.inventory import load_inventory
from stopgap.orchestrator.remote import connect
from stopgap.orchestrator.run.evidence_stream import Arrival, is_worth_compressing, items_of
from stopgap.orchestrator.task import Artifact, Collection
hurry()
hosts = load_inventory(Path("inventories/lab.yaml")).hosts
session = connect(hosts["web"], hosts)
artifact = Artifact(id="stream", about="", script="tar cf - FILE", cap=1 << 30, deadline=300)
collection = Collection(profile="bench", artifacts=(artifact,), compress="auto")
origin = Origin("run", sys.argv[2], "web", hosts["web"], session.fingerprint, "bench")
store = EvidenceStore(Path(sys.argv[1]), origin, collection, Quota())
begun = time.monotonic()
compressed = is_worth_compressing(collection, session)
arrival = Arrival(store, collection, compressed=compressed)
session.exchange(items_of(collection, compressed=compressed), sink=arrival)
print(time.monotonic() - begun, store.close().size)
""".replace("FILE", FILE)


def measure(place: Place) -> Iterator[Row]:
    """MB a second of what arrives, connecting not counted; the sample that decides on compression is counted."""
    for what, made in CONTENTS.items():
        timed(ssh(WEB, f"{made} >{FILE}"))
        for round_trip in place.round_trips:
            with distance(round_trip):
                pairs = [_pair(place, f"{round_trip:g}-{number}") for number in range(place.attempts)]
            ours, bare = zip(*pairs, strict=True)
            target = {0: "≥ 1.2", 50: "≥ 1.5", 200: "≥ 2"}.get(round_trip, "")
            yield Row(f"{SIZE} MiB {what}, {round_trip:g} ms", ours, bare, "MB/s", target)
    timed(ssh(WEB, "rm", "-f", FILE))


def _pair(place: Place, name: str) -> tuple[float, float]:
    """Give MB a second of Stopgap and of the bare client."""
    folder = place.folder / f"evidence-{name}"
    folder.mkdir()
    command = [*OPERATOR, sys.executable, "-c", COLLECT, folder, "step"]
    done = subprocess.run(command, cwd=ROOT, env=place.environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, size = done.stdout.split()
    hand_shake = timed(ssh(WEB, "true", options=CIPHER))
    words = ssh(WEB, "tar", "cf", "-", FILE, options=CIPHER)
    line = f'"$@" >{place.folder}/bare && sync {place.folder}/bare && sha256sum {place.folder}/bare'
    took = timed(["sh", "-c", line, "sh", *words]) - hand_shake
    subprocess.run(["rm", "-rf", folder, place.folder / "bare"], check=True)
    return int(size) / 1e6 / float(seconds), int(size) / 1e6 / took
