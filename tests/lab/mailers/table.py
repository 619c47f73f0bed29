"""Tries every mail server on a host of the lab, and prints the table: `scripts/mail_servers`."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..conftest import ROOT, Lab
from .arrangement import Arrangement
from .kinds import KINDS
from .programs import PROGRAMS
from .trial import Result, Trial

PAGE = ROOT / "docs" / "mail.md"
HEAD = (
    "server",
    "what would start it again",
    "found",
    "stopped",
    "stays stopped",
    "queue kept",
    "letter shown",
    "undo exact",
)
_TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- end of table -->)", re.DOTALL)


def arrangements(words: Sequence[str]) -> list[Arrangement]:
    """Return the arrangements of these names, or with one of the words in the name, or all; beside Postfix first."""
    every = (*PROGRAMS, *KINDS)
    named = [each for each in every if each.name in words]
    chosen = named or [each for each in every if not words or any(w.lower() in each.name.lower() for w in words)]
    return sorted(chosen, key=lambda each: not each.beside_postfix)


def row(result: Result) -> str:
    """Return a result as a line of the table."""
    cells = ["yes" if column == "" else "**no**" if column else "not tried" for column in result.columns]
    cells[3:5] = cells[3:5] if result.queues else ["no queue"] * 2
    return f"| {' | '.join([result.name, result.guard, *cells])} |"


def table(results: Sequence[Result], day: str) -> str:
    """Return the table, with the day on which the servers were tried."""
    lines = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}", *map(row, results)]
    return "\n".join([f"Tried on {day}, on Debian 12, by `scripts/mail_servers`:", "", *lines, ""])


def main() -> int:
    """Print the table; 1 if something was not as wanted."""
    parser = argparse.ArgumentParser(prog="scripts/mail_servers", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/mail.md")
    parser.add_argument("--show", action="store_true", help="print each preview too")
    parser.add_argument("word", nargs="*", help="try only the servers with one of the words in the name")
    given = parser.parse_args()
    lab, results = Lab(), []
    up = lab.run("up", timeout=900)
    if up.returncode:
        sys.stderr.write(up.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory() as home:
            trial = Trial(lab, Path(home))
            for each in arrangements(given.word):
                result = _tried(trial, each)
                results.append(result)
                sys.stderr.write(f"{'good' if result.good else 'BAD '} {result.name}\n")
                faults = zip(HEAD[2:], result.columns, strict=True)
                sys.stderr.writelines(f"     {name}: {fault}\n" for name, fault in faults if fault)
                if given.show or not result.good:
                    sys.stderr.write(result.said)
    finally:
        lab.run("down")
    text = table(results, f"{datetime.now(UTC):%Y-%m-%d}")
    print(text)
    if given.write:
        PAGE.write_text(_TABLE.sub(lambda found: f"{found[1]}{text}{found[2]}", PAGE.read_text()))
    return 0 if all(result.good for result in results) else 1


def _tried(trial: Trial, given: Arrangement) -> Result:
    try:
        return trial.of(given)
    except (AssertionError, RuntimeError) as error:
        return Result(given.name, given.guard, said=f"{error}\n")


if __name__ == "__main__":
    sys.exit(main())
