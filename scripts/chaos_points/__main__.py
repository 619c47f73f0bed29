"""Strikes at point after point, and ends with one table."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from chaos_points import world
from chaos_points.runs import ALWAYS, DENSITY, MEANINGS, Point, boundaries, name_processes, strike
from chaos_points.scenarios import Scenario, left_out, scenarios

GOLDEN = 0.6180339887498949
"""Its multiples, modulo one, are spread evenly at any time."""

LEAD = 4
"""Boundaries before the one that is named: their number varies by a few from run to run."""


def main() -> int:
    """Give 0 where nothing was lost and all converged."""
    faults = "\n".join(f"  {name:<7} {meaning}" for name, meaning in MEANINGS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description=__doc__,
        epilog=f"faults:\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--points", type=int, default=400, help="at most so many (default: 400)")
    parser.add_argument("--minutes", type=float, default=90, help="begin none after so long (default: 90)")
    parser.add_argument("--log", type=Path, help="keep results there, and leave out points that are there already")
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="a runbook or a fault; repeatable"
    )
    words = parser.parse_args()
    end = time.monotonic() + 60 * words.minutes
    log = _Log(words.log)
    baseline = world.snapshot()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        known = scenarios(Path(folder))
        for name in left_out(known):
            print(f"{name}: is not struck at")
        chosen = [known[name] for name in known if name in words.only] or list(known.values())
        if any(scenario.names_processes for scenario in chosen):
            name_processes(Path(folder))
        plan = list(_plan(chosen, baseline, words.only, log))
        ways: Counter[tuple[str, str]] = Counter()
        for number, (scenario, at, do) in enumerate(plan[: words.points], 1):
            way = ("resume", "undo")[ways[scenario.name, do] // 2 % 2]
            ways[scenario.name, do] += 1
            if log.has(scenario.name, at, do):
                continue
            if time.monotonic() > end:
                print(f"The time is over: {len(plan[: words.points]) - number + 1} points are left.", flush=True)
                break
            started = time.monotonic()
            point = strike(scenario, at, do, way, baseline)
            point.seconds = round(time.monotonic() - started, 1)
            log.keep(point)
            _tell(number, point)
            if point.stuck and (left := world.differing(baseline)):
                print(f"Not to be brought back: {', '.join(sorted(left))}. Boot the lab anew, and go on.")
                break
    return _table(log.points)


class _Log:
    """Points that were struck, and the boundaries that each runbook has: in a file, so that another call goes on."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.points: list[Point] = []
        self.boundaries: dict[str, list[str]] = {}
        for line in path.read_text().splitlines() if path and path.exists() else ():
            held = json.loads(line)
            if "boundaries" in held:
                self.boundaries[held["scenario"]] = held["boundaries"]
            else:
                self.points.append(Point(**held))

    def has(self, scenario: str, at: int, do: str) -> bool:
        return any((p.scenario, p.at, p.do) == (scenario, at, do) for p in self.points)

    def keep(self, point: Point) -> None:
        self.points.append(point)
        self._write(point.as_json())

    def reached(self, scenario: Scenario, baseline: dict[str, str]) -> list[str]:
        if scenario.name not in self.boundaries:
            self.boundaries[scenario.name] = boundaries(scenario, baseline)
            self._write({"scenario": scenario.name, "boundaries": self.boundaries[scenario.name]})
        return self.boundaries[scenario.name]

    def _write(self, held: dict[str, Any]) -> None:
        if self._path:
            with self._path.open("a") as file:
                file.write(json.dumps(held) + "\n")


def _plan(
    chosen: list[Scenario], baseline: dict[str, str], only: list[str], log: _Log
) -> Iterator[tuple[Scenario, int, str]]:
    """Give every point: what is always struck at, then such an order of all others that any beginning is spread."""
    faults = [do for do in DENSITY if do in only] or list(DENSITY)
    first: list[tuple[Scenario, int, str]] = []
    found: list[tuple[Scenario, int, str]] = []
    for scenario in chosen:
        reached = log.reached(scenario, baseline)
        print(f"{scenario.name}: {len(reached)} boundaries", flush=True)
        for do in faults:
            places = [at for at, name in enumerate(reached) if do != "cut" or "exchange" in name or "script" in name]
            named = [reached.index(name) for fault, name in ALWAYS if fault == do and name in reached]
            always = [max(0, at - LEAD) if do == "full" else at for at in named]
            first += [(scenario, at, do) for at in always]
            found += [(scenario, at, do) for at in places[:: DENSITY[do] * scenario.sparse] if at not in always]
    yield from first
    yield from (found[n] for n in sorted(range(len(found)), key=lambda n: n * GOLDEN % 1))


def _tell(number: int, point: Point) -> None:
    faults = [*(f"LOST {host}" for host in point.lost), *point.refused, *point.stuck]
    what = f"{number:>4}  {point.scenario:<14} {point.do:<6} {point.at:>3} {point.boundary or 'not reached':<24}"
    print(f"{what} {point.way:<7}{point.seconds:5.1f} s  {'; '.join(faults) or 'ok'}", flush=True)


def _table(points: Iterable[Point]) -> int:
    count: dict[tuple[str, str], Counter[str]] = {}
    for point in points:
        counted = count.setdefault((point.scenario, point.do), Counter())
        counted["points"] += point.struck
        counted["not reached"] += not point.struck
        counted["lost"] += bool(point.lost)
        counted["refused"] += bool(point.refused)
        counted[point.way] += not point.stuck
        counted["stuck"] += bool(point.stuck)
        counted["seconds"] += round(point.seconds)
    columns = ("points", "not reached", "lost", "refused", "resume", "undo", "stuck")
    print(f"\n{'runbook':<16}{'fault':<7}{''.join(f'{c:>12}' for c in columns)}")
    total: Counter[str] = Counter()
    for (name, do), counted in sorted(count.items()):
        print(f"{name:<16}{do:<7}{''.join(f'{counted[c]:>12}' for c in columns)}")
        total.update(counted)
    print(f"{'all':<23}{''.join(f'{total[c]:>12}' for c in columns)}   in {total['seconds'] / 60:.0f} min")
    return 1 if total["lost"] or total["refused"] or total["stuck"] else 0


if __name__ == "__main__":
    sys.exit(main())
