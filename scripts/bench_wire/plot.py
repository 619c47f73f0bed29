"""The curves as one picture: a panel each, both axes logarithmic, processor time and memory against the size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jinja2 import Environment

COLUMNS = 3
WIDTH, HEIGHT = 300, 210
"""Of a panel, in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 46, 46, 30, 34


@dataclass(frozen=True)
class Point:
    """One measurement."""

    size: int
    seconds: float
    mebibytes: float


@dataclass(frozen=True)
class Curve:
    """What was measured, from the smallest size to the largest."""

    about: str
    points: tuple[Point, ...]


_PAGE = Environment(autoescape=True).from_string(
    """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ width }} {{ height }}" width="{{ width }}" \
height="{{ height }}" font-family="sans-serif" font-size="10">
<title>Processor time and memory by size</title>
<rect width="{{ width }}" height="{{ height }}" fill="#fff"/>
{% for panel in panels %}<g transform="translate({{ panel.x }} {{ panel.y }})">
<text x="{{ left }}" y="16" font-size="12" font-weight="bold" fill="#222">{{ panel.about }}</text>
{% for tick in panel.across %}<line x1="{{ tick.at }}" y1="{{ top }}" x2="{{ tick.at }}" y2="{{ floor }}" \
stroke="#ddd"/><text x="{{ tick.at }}" y="{{ floor + 14 }}" text-anchor="middle" fill="#555">{{ tick.text }}</text>
{% endfor %}{% for tick in panel.seconds %}<line x1="{{ left }}" y1="{{ tick.at }}" x2="{{ wall }}" \
y2="{{ tick.at }}" stroke="#ddd"/><text x="{{ left - 5 }}" y="{{ tick.at + 3 }}" text-anchor="end" \
fill="#0b5cad">{{ tick.text }}</text>
{% endfor %}{% for tick in panel.mebibytes %}<text x="{{ wall + 5 }}" y="{{ tick.at + 3 }}" \
fill="#b3541e">{{ tick.text }}</text>
{% endfor %}<polyline points="{{ panel.straight }}" fill="none" stroke="#999" stroke-dasharray="3 3"/>
<polyline points="{{ panel.memory }}" fill="none" stroke="#b3541e" stroke-width="1.5"/>
<polyline points="{{ panel.time }}" fill="none" stroke="#0b5cad" stroke-width="2"/>
{% for x, y in panel.dots %}<circle cx="{{ x }}" cy="{{ y }}" r="3" fill="#0b5cad"/>
{% endfor %}</g>
{% endfor %}<text x="{{ left }}" y="{{ height - 8 }}" fill="#222">blue, left: seconds of processor time; \
brown, right: MiB of memory; dashed: the largest size's time in proportion to the size</text>
</svg>
"""
)


def plot(curves: Sequence[Curve]) -> str:
    """Return the picture, as SVG."""
    rows = -(-len(curves) // COLUMNS)
    panels = [
        _panel(curve, number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT) for number, curve in enumerate(curves)
    ]
    height = rows * HEIGHT + 24
    inner = {"left": LEFT, "top": TOP, "floor": HEIGHT - BOTTOM, "wall": WIDTH - RIGHT}
    return _PAGE.render(panels=panels, width=COLUMNS * WIDTH, height=height, **inner)


def _panel(curve: Curve, x: int, y: int) -> dict[str, object]:
    sizes = _Axis([point.size for point in curve.points], LEFT, WIDTH - RIGHT)
    times = _Axis([point.seconds for point in curve.points], HEIGHT - BOTTOM, TOP)
    memory = _Axis([point.mebibytes for point in curve.points], HEIGHT - BOTTOM, TOP)
    last = curve.points[-1]
    begin = max(curve.points[0].size, last.size * times.least / last.seconds)
    straight = [(sizes.at(size), times.at(last.seconds * size / last.size)) for size in (begin, last.size)]
    dots = [(sizes.at(point.size), times.at(point.seconds)) for point in curve.points]
    return {
        "about": curve.about,
        "x": x,
        "y": y,
        "across": sizes.ticks(),
        "seconds": times.ticks(),
        "mebibytes": memory.ticks(),
        "straight": _line(straight),
        "time": _line(dots),
        "memory": _line((sizes.at(point.size), memory.at(point.mebibytes)) for point in curve.points),
        "dots": dots,
    }


class _Axis:
    """A logarithmic axis over whole powers of ten, at least one, from one pixel to another."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self._low = math.floor(math.log10(min(values)) + 1e-9)
        self._high = max(math.ceil(math.log10(max(values)) - 1e-9), self._low + 1)
        self._begin, self._end = begin, end
        self.least = 10.0**self._low

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        part = (math.log10(value) - self._low) / (self._high - self._low)
        return round(self._begin + (self._end - self._begin) * part, 1)

    def ticks(self) -> list[dict[str, object]]:
        """Return place and text of each power of ten."""
        return [{"at": self.at(10.0**power), "text": _power(power)} for power in range(self._low, self._high + 1)]


def _power(power: int) -> str:
    return f"{10**power:,}" if 0 <= power < 6 else "1 million" if power == 6 else f"{10.0**power:g}"


def _line(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
