"""What is measured, a row each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One measurement: what it was, ours, the bare client's, and the ratio of the medians with its target."""

    what: str
    ours: tuple[float, ...]
    bare: tuple[float, ...] = ()
    unit: str = "s"
    target: str = ""
    more: str = ""

    def __str__(self) -> str:
        ratio = f"{median(self.ours) / median(self.bare):6.2f}" if self.bare else "      "
        cells = [f"{self.what:<44}", _amount(self.ours, self.unit), _amount(self.bare, self.unit), ratio]
        return " ".join([*cells, f"  {self.target:<8}", self.more]).rstrip()


def show(title: str, rows: Iterable[Row], *, bare: str = "bare") -> None:
    """Print a part of the table, each row as soon as it is there; `bare` is what it is measured against."""
    print(f"{title:<44} {'stopgap':>10} {bare:>10} {'ratio':>6}   target")
    for row in rows:
        print(row, flush=True)
    print()


def _amount(values: tuple[float, ...], unit: str) -> str:
    if not values:
        return " " * 10
    value = median(values)
    text = f"{value * 1000:.0f} ms" if unit == "s" and value < 1 else f"{value:.3g} {unit}"
    return f"{text:>10}"
