"""Proves what drivers do with packets, and prints one table."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab_hosts.state import ROOT

from proof_packets.course import CHOICES, Course
from proof_packets.devices import DEVICES
from proof_packets.eyes import Eyes
from proof_packets.inside import lab
from proof_packets.side_by_side import keep, measure
from proof_packets.table import lines

LAB = ROOT / "scripts" / "lab"


def main() -> int:
    """Give 0 where every driver does what it declares, and leaves nothing behind."""
    parser = argparse.ArgumentParser(prog="scripts/proof", description=__doc__)
    names = [device.name for device in DEVICES]
    parser.add_argument("--only", action="append", choices=names, help="this driver alone; repeatable")
    parser.add_argument("--phase", action="append", choices=CHOICES, help="this phase alone; repeatable")
    parser.add_argument("--labs", type=int, default=1, metavar="N", help="as many labs at once; default 1")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.labs > 1:
        asked = [name for name in names if not words.only or name in words.only]
        columns = measure(asked, words.phase or (), words.labs)
        print("\n".join(lines(columns)))
        return 1 if len(columns) < len(asked) or any(measured.against() for measured in columns) else 0
    found = subprocess.run([LAB, "status"], capture_output=True, check=False).returncode == 0
    lab("up")
    try:
        columns = []
        with Eyes() as vantages:
            for device in DEVICES:
                if words.only and device.name not in words.only:
                    continue
                began = time.monotonic()
                with tempfile.TemporaryDirectory(prefix="proof-") as folder, device.ready():
                    columns.append(Course(device, vantages, Path(folder), words.phase or CHOICES).run())
                for name in device.moved:
                    vantages.renew(name)
                print(f"{device.name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        if words.into:
            keep(columns[0], words.into)
        print("\n".join(lines(columns)))
        return 1 if any(measured.against() for measured in columns) else 0
    finally:
        if not found:
            lab("down")


if __name__ == "__main__":
    sys.exit(main())
