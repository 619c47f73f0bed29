"""From the command to the first packet that no longer arrives, by each driver."""

from __future__ import annotations

from collections.abc import Iterator

from proof_packets.devices import DEVICES

from bench_wire.cut_off import DROP, EDGE, begin, cut, lift
from bench_wire.place import STOPGAP, Place, distance, ssh
from bench_wire.table import Row


def measure(place: Place) -> Iterator[Row]:
    """Cold, against a fresh `ssh edge nft -f -`, on a router that has rules already, without distance."""
    for device in DEVICES:
        with device.ready(), distance(min(place.round_trips)):
            inventory, runbook = device.inventory(place.folder), device.runbook(place.folder, "1h", persist=False)
            if device.cloud:
                place.stopgap("trust", str(inventory), "--yes")
            words = [*STOPGAP, "run", str(runbook), "-i", str(inventory), "-t", "web", "--yes"]
            ours, bare = [], []
            for _ in range(place.attempts):
                ours.append(cut(place, lambda w=words: begin(w, place), place.undo))
                bare.append(cut(place, lambda: begin(ssh(EDGE, "nft", "-f", "-"), place, DROP), lift))
            yield Row(f"cold, {device.name}, {min(place.round_trips):g} ms", tuple(ours), tuple(bare))
