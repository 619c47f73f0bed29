"""The table of all scenarios: what Stopgap says, and what stock fabric does against the same server.

Each client is a process of its own, bounded in time and memory; `scripts/hostile` prints the table and writes it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import paramiko

from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.remote import Limits

from .meet import PASSWORD
from .ours import limits_of
from .scenario import Scenario
from .scenarios import ORDER, all_scenarios
from .server import Field

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "hostile.md"
STOCK_SECONDS = 8.0
OUR_SECONDS = 60.0
MEMORY = 400 << 20
KEYSTROKES = b"keystrokes-of-the-operator\n"
_RAW = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
_TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- end of table -->)", re.DOTALL)
_SHOWN = 110


@dataclass(frozen=True)
class Seen:
    """What came of one client against one server."""

    said: str
    seconds: float
    mebibytes: float
    leaks: tuple[str, ...] = ()

    @property
    def cell(self) -> str:
        """Give it as a cell of the table."""
        said = escape(self.said)
        said = said[:_SHOWN] + "…" if len(said) > _SHOWN else said
        notes = (f"{self.seconds:.1f} s", f"{self.mebibytes:.0f} MiB", *(f"**{leak}**" for leak in self.leaks))
        return f"{said.replace('|', chr(92) + '|').replace('<', '&lt;')} ({', '.join(notes)})"


def meet(client: str, scenario: Scenario, identity: Path, key: paramiko.PKey) -> Seen:
    """Start the server, let the client meet it, and see what it let out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        field = Field(folder, identity, key, limits=Limits(connect=2, start=1, grace=0.5, killing=0.5))
        try:
            hosts = {key: host.model_dump(mode="json") for key, host in scenario.start(field).items()}
            spec = {
                "client": client,
                "scenario": scenario.name,
                "stock": scenario.stock,
                "hosts": hosts,
                "limits": asdict(limits_of(scenario.place, field.limits)),
                "folder": name,
                "result": str(folder / "result"),
            }
            said, output = _bounded(spec, folder)
            return Seen(*said, leaks=tuple(_leaks(field, output)))
        finally:
            field.close()


def _bounded(spec: dict[str, object], folder: Path) -> tuple[tuple[str, float, float], bytes]:
    seconds = OUR_SECONDS if spec["client"] == "ours" else STOCK_SECONDS
    begun, peak, ended = time.monotonic(), 0, ""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.meet", json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        )
        assert process.stdin is not None
        process.stdin.write(KEYSTROKES)
        process.stdin.flush()
        while process.poll() is None and not ended:
            time.sleep(0.05)
            peak = max(peak, _resident(process.pid))
            if time.monotonic() - begun > seconds:
                ended = "no end: killed"
            elif peak > MEMORY:
                ended = "memory without end: killed"
        if ended:
            process.kill()
        process.wait()
    passed = time.monotonic() - begun
    shown = (folder / "output").read_bytes()
    if ended or not (folder / "result").exists():
        return (ended or "crashed", passed, peak / (1 << 20)), shown
    result = json.loads((folder / "result").read_text())
    return (result["said"].replace(str(folder), "…"), result["seconds"], result["bytes"] / (1 << 20)), shown


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _leaks(field: Field, output: bytes) -> list[str]:
    given = "\n".join(field.given).encode() + field.heard
    found = {
        "keystrokes sent": KEYSTROKES.strip() in given,
        "password sent": PASSWORD.encode() in given,
        "escapes on the terminal": bool(_RAW.search(output)),
        "a pty asked for": b"pty" in given.split(b"\n"),
    }
    return [name for name, true in found.items() if true]


def rows(chosen: list[Scenario], identity: Path) -> list[tuple[Scenario, Seen, Seen | None]]:
    """Meet every server, some at a time, each twice."""
    key = paramiko.ECDSAKey.generate()

    def one(scenario: Scenario) -> tuple[Scenario, Seen, Seen | None]:
        mine = meet("ours", scenario, identity, key)
        other = meet("stock", scenario, identity, key) if scenario.stock else None
        print(f"{scenario.place:9}  {scenario.name}\n    ours   {mine.cell}", flush=True)
        print(f"    stock  {other.cell if other else '—'}", flush=True)
        return scenario, mine, other

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(one, chosen))


def written(table: list[tuple[Scenario, Seen, Seen | None]]) -> str:
    """Give the table in Markdown."""
    sure = sum(bool(re.search(scenario.expect, mine.said, re.DOTALL)) for scenario, mine, _ in table)
    lines = [
        f"{len(table)} scenarios, {sure} as expected; against fabric {version('fabric')} on paramiko"
        f" {version('paramiko')}, stopped each time after {STOCK_SECONDS:g} s or at {MEMORY >> 20} MiB.",
        "",
    ]
    for place in ORDER:
        lines += [f"### {place.capitalize()}", "", "| the host | Stopgap | stock fabric |", "|---|---|---|"]
        for scenario, mine, other in table:
            if scenario.place == place:
                lines.append(f"| {scenario.name} | {mine.cell} | {other.cell if other else '—'} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Print the table; with --write, put it into docs/hostile.md too."""
    parser = argparse.ArgumentParser(description="Meet every evil server with Stopgap and with stock fabric.")
    parser.add_argument("words", nargs="*", help="only scenarios whose place or name has one of these words")
    parser.add_argument("--write", action="store_true", help="write the table into docs/hostile.md")
    arguments = parser.parse_args()
    chosen = [
        scenario
        for scenario in all_scenarios()
        if (os.geteuid() == 0 or not scenario.needs_root)
        and (not arguments.words or any(word in f"{scenario.place} {scenario.name}" for word in arguments.words))
    ]
    with tempfile.TemporaryDirectory() as folder:
        identity = Path(folder) / "id"
        paramiko.ECDSAKey.generate().write_private_key_file(str(identity))
        table = rows(chosen, identity)
    wrong = [scenario.name for scenario, mine, _ in table if not re.search(scenario.expect, mine.said, re.DOTALL)]
    leaking = [scenario.name for scenario, mine, _ in table if mine.leaks]
    if arguments.write:
        PAGE.write_text(_TABLE.sub(lambda found: found[1] + written(table) + found[2], PAGE.read_text()))
    print(f"{len(table)} scenarios; not as expected: {wrong or 'none'}; let something out: {leaking or 'none'}")
    sys.exit(bool(wrong or leaking))


if __name__ == "__main__":
    main()
