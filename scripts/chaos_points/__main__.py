"""Strikes at point after point, and ends with one table."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from chaos_points import world
from chaos_points.runs import Point, Scenario, boundaries, scenarios, strike

SPARSE = {"term": 5, "int": 5, "hup": 5, "full": 4, "cut": 3, "ahead": 9, "back": 9}
"""How many boundaries lie between two points of a fault; kill strikes at each."""
GOLDEN = 0.6180339887498949
"""Its multiples, modulo one, are spread evenly at any time."""
COSTLY = {"contain": 20, "collect": 20}
"""Every so many-th boundary of a runbook that takes long."""


def main() -> int:
    """Give 0 where nothing was lost and all converged."""
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--points", type=int, default=400, help="at most so many (default: 400)")
    parser.add_argument("--minutes", type=float, default=90, help="begin none after so long (default: 90)")
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="a runbook or a fault; repeatable"
    )
    words = parser.parse_args()
    end = time.monotonic() + 60 * words.minutes
    began = time.monotonic()
    count: dict[tuple[str, str], Counter[str]] = {}
    baseline = world.snapshot()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        plan = list(_plan(scenarios(Path(folder)), baseline, words.only))
        for number, (scenario, at, do) in enumerate(plan[: words.points], 1):
            if time.monotonic() > end:
                print(f"The time is over: {len(plan) - number + 1} points are left.", flush=True)
                break
            started = time.monotonic()
            counted = count.setdefault((scenario.name, do), Counter())
            way = ("resume", "undo")[counted.total() // 2 % 2]
            point = strike(scenario, at, do, way, baseline)
            _tally(counted, point)
            _tell(number, scenario, at, do, point, time.monotonic() - started)
    return _table(count, time.monotonic() - began)


def _plan(
    known: dict[str, Scenario], baseline: dict[str, str], only: list[str]
) -> Iterator[tuple[Scenario, int, str]]:
    """Give every point, in an order of which any beginning is spread over all runbooks, faults and boundaries."""
    found: list[tuple[Scenario, int, str]] = []
    for scenario in known.values():
        faults = [do for do in ("kill", *SPARSE) if not {scenario.name, do}.isdisjoint(only) or not only]
        if only and not faults:
            continue
        reached = boundaries(scenario, baseline)
        print(f"{scenario.name}: {len(reached)} boundaries", flush=True)
        for do in faults:
            places = [at for at, name in enumerate(reached) if do != "cut" or "exchange" in name or "script" in name]
            places = places[:: SPARSE.get(do, 1) * COSTLY.get(scenario.name, 1)]
            found += [(scenario, at, do) for at in places]
    yield from (found[n] for n in sorted(range(len(found)), key=lambda n: n * GOLDEN % 1))


def _tally(count: Counter[str], point: Point) -> None:
    count["points"] += point.struck
    count["not reached"] += not point.struck
    count["lost"] += bool(point.lost)
    count["refused"] += bool(point.refused)
    count[point.way] += not point.stuck
    count["stuck"] += bool(point.stuck)


def _tell(number: int, scenario: Scenario, at: int, do: str, point: Point, seconds: float) -> None:
    faults = [*(f"LOST {h}" for h in point.lost), *point.refused, *point.stuck]
    what = f"{number:>4}  {scenario.name:<14} {do:<5} {at:>3} {point.boundary or 'not reached':<24}"
    print(f"{what} {point.way:<7}{seconds:5.1f} s  {'; '.join(faults) or 'ok'}", flush=True)


def _table(count: dict[tuple[str, str], Counter[str]], seconds: float) -> int:
    columns = ("points", "not reached", "lost", "refused", "resume", "undo", "stuck")
    print(f"\n{'runbook':<16}{'fault':<7}{''.join(f'{c:>12}' for c in columns)}")
    total: Counter[str] = Counter()
    for (name, do), counted in sorted(count.items()):
        print(f"{name:<16}{do:<7}{''.join(f'{counted[c]:>12}' for c in columns)}")
        total.update(counted)
    print(f"{'all':<23}{''.join(f'{total[c]:>12}' for c in columns)}   in {seconds / 60:.1f} min")
    return 1 if total["lost"] or total["refused"] or total["stuck"] else 0


if __name__ == "__main__":
    sys.exit(main())
