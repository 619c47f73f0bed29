"""How processor time and memory grow: with targets, addresses, steps, hosts, records of the journal, lines of logs.

A curve is straight where ten times as much takes ten times as long, beyond what the start of a process costs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench_wire.inventories import own_inventory
from bench_wire.place import ROOT, Place
from bench_wire.plot import Curve, Point, plot
from bench_wire.table import Row

if TYPE_CHECKING:
    from stopgap.orchestrator.journal.records import AnyRecord

STOPGAP = str(ROOT / ".venv/bin/stopgap")
TARGETS = (1, 10, 100, 1_000)
ADDRESSES = (1, 10, 100, 1_000, 5_000)
STEPS = (1, 20, 200)
HOSTS = (10, 100, 1_000, 10_000, 50_000)
RECORDS = (100, 1_000, 10_000, 100_000, 1_000_000)
LINES = (1_000, 10_000, 100_000, 1_000_000)
_ONCE = 20.0
"""Seconds of processor time from which one attempt is enough."""


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float
    """Of processor time, its children's too."""
    mebibytes: float
    """Most memory of one process."""


def measure(place: Place) -> Iterator[Row]:
    """Yield a row for each size of each curve; at the end the plot of all, where one is asked for."""
    curves: list[Curve] = []
    for about, sizes, command, before in (
        ("dry run, targets", TARGETS, _targets, ()),
        ("dry run, addresses of a target", ADDRESSES, _addresses, ()),
        ("run, steps", STEPS, _steps, ()),
        ("check, hosts of the inventory", HOSTS, _hosts, ()),
        ("status, first, records of a run", RECORDS, _of_records("status", "--offline"), ()),
        ("status, again, records of a run", RECORDS, _of_records("status", "--offline"), ("status", "--offline")),
        ("show, records of a run", RECORDS, _of_records("show", "last"), ()),
        ("report, records of a run", RECORDS, _of_records("report", "last", "-o", "-"), ()),
        ("findings, lines of logs", LINES, _findings, ()),
    ):
        points: list[Point] = []
        for size in sizes:
            costs = _costs(place, size, command, before)
            seconds, memory = tuple(cost.seconds for cost in costs), max(cost.mebibytes for cost in costs)
            points.append(Point(size, median(seconds), memory))
            yield Row(f"{about} {size:,}", seconds, more=f"{memory:.0f} MiB")
        curves.append(Curve(about, tuple(points)))
    if place.plot:
        place.plot.write_text(plot(curves), encoding="utf-8")


def _costs(place: Place, size: int, command: Callable[[Path, int], list[str]], before: tuple[str, ...]) -> list[Cost]:
    """Return what a command took, several times; `before`: a command that is not measured, after its preparation."""
    found: list[Cost] = []
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        words = command(Path(folder), size)
        environment = {**place.environment, "STOPGAP_HOME": str(Path(folder) / "home")}
        if before:
            _cost([STOPGAP, *before], environment)
        while len(found) < place.attempts and not (found and found[0].seconds > _ONCE):
            if not before:
                (Path(folder) / "home" / "looked.sqlite").unlink(missing_ok=True)
            found.append(_cost(words, environment))
    return found


_METER = (
    "import json, os, resource, subprocess, sys\n"
    "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)\n"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
    "told = done.stderr.decode(errors='replace')[-300:]\n"
    "print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, told]))\n"
)


def _cost(words: list[str], environment: dict[str, str]) -> Cost:
    """Return what a command took; a finding is no failure. Raises RuntimeError where the command fails."""
    metered = [sys.executable, "-c", _METER, *words]
    done = subprocess.run(metered, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    status, seconds, mebibytes, told = json.loads(done.stdout)
    if status not in {0, 1}:
        raise RuntimeError(f"{words[:3]} ended with {status}: {told}")
    return Cost(seconds, mebibytes)


def _inventory(folder: Path, hosts: dict[str, dict[str, object]]) -> str:
    path = folder / "inventory.yaml"
    path.write_text(json.dumps({"hosts": hosts}))
    return str(path)


def _runbook(folder: Path, *steps: dict[str, object]) -> str:
    path = folder / "runbook.yaml"
    path.write_text(json.dumps({"name": "A curve", "steps": list(steps)}))
    return str(path)


def _targets(folder: Path, size: int) -> list[str]:
    hosts = {f"h{n}": {"address": f"127.0.{n >> 8}.{n & 255}", "connection": "local"} for n in range(1, size + 1)}
    steps = [{"task": "host.file", "with": {"path": f"{folder}/{name}", "content": "x"}} for name in "ab"]
    words = [STOPGAP, "run", _runbook(folder, *steps), "-i", _inventory(folder, dict(hosts)), "--dry-run"]
    return [*words, *(word for name in hosts for word in ("-t", name))]


def _addresses(folder: Path, size: int) -> list[str]:
    # Neighbours would be joined into networks, of which there are fewer.
    addresses = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1, 2 * size + 1, 2)]
    hosts: dict[str, dict[str, object]] = {
        "web": {"address": addresses[0], "addresses": addresses, "upstream": "edge"},
        "edge": {"address": "127.0.0.1", "connection": "local", "driver": "blackhole", "may_block": ["10.0.0.0/8"]},
    }
    runbook = _runbook(folder, {"task": "traffic.block"})
    return [STOPGAP, "run", runbook, "-i", _inventory(folder, hosts), "-t", "web", "--dry-run"]


def _steps(folder: Path, size: int) -> list[str]:
    steps = [
        {"id": f"s{n}", "task": "host.file", "with": {"path": f"{folder}/f{n}", "content": "x"}} for n in range(size)
    ]
    inventory = _inventory(folder, {"here": {"address": "127.0.0.1", "connection": "local"}})
    return [STOPGAP, "run", _runbook(folder, *steps), "-i", inventory, "-t", "here", "--yes"]


def _hosts(folder: Path, size: int) -> list[str]:
    return [STOPGAP, "check", "collect", "-i", own_inventory(folder, size), "-t", "all"]


def _of_records(*words: str) -> Callable[[Path, int], list[str]]:
    """Return a command on the last run of a journal; `-` among the words stands for a file."""

    def prepared(folder: Path, size: int) -> list[str]:
        _write_run(folder / "home", size)
        return [STOPGAP, *(f"{folder}/report.html" if word == "-" else word for word in words)]

    return prepared


def _write_run(home: Path, size: int) -> None:
    """Write a journal of one finished run with as many looks, as fast as SQLite takes them."""
    from stopgap.orchestrator.journal.chain import GENESIS, Row, canonical_record, link, timestamp  # noqa: PLC0415
    from stopgap.orchestrator.journal.local import LocalRecords  # noqa: PLC0415 - this part alone needs the engine
    from stopgap.orchestrator.journal.records import CheckJudged, RunFinished, RunStarted  # noqa: PLC0415

    text = dict.fromkeys(("version", "runbook_name", "runbook_path", "runbook_text", "inventory_path"), "x")
    started = RunStarted(**text, inventory_text="", hosts=(), targets=("web",), params={}, operator="me")
    look = {"step": "cut", "target": "web", "vantage": "isp", "holds": True, "seen": "no answer", "containment": True}
    ports = [CheckJudged(**look, about=f"port {n} is closed") for n in range(min(size, 1000))]
    finished = RunFinished(outcome="ok", exit_code=0, containment={"web": "contained"})

    def told(record: AnyRecord) -> tuple[str, str]:
        return record.kind, canonical_record(record)

    looks = [told(port) for port in ports]
    texts = [told(started), *(looks[n % len(looks)] for n in range(size)), told(finished)]
    begun, run, previous = datetime(2026, 11, 20, tzinfo=UTC), "20261120-0000-bnch", GENESIS
    store = LocalRecords(home)
    rows: list[Row] = []
    for seq, (_, record) in enumerate(texts):
        at = timestamp(begun + timedelta(milliseconds=seq))
        previous = link(previous, run, seq, at, record)
        rows.append(Row(seq, at, record, previous))
    store.add(run, rows, [kind for kind, _ in texts])
    store.close()
    (home / "runs" / run).mkdir(mode=0o700, parents=True)


def _findings(folder: Path, size: int) -> list[str]:
    from stopgap.testing.collections import collected  # noqa: PLC0415 - as above

    day = datetime(2026, 11, 20, tzinfo=UTC)
    lines = (
        f"{day:%Y-%m-%d}T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}+00:00 web sshd[{n % 30000 + 2}]: "
        f"Failed password for root from 198.51.100.{n % 250 + 1} port {n % 60000 + 1024} ssh2\n"
        for n in range(size)
    )
    found = collected(folder / "collection", {"logs": {"/var/log/auth.log": "".join(lines)}})
    return [STOPGAP, "evidence", "findings", str(found.folder)]
