"""The one table: ways of traffic down, drivers across, a letter for each phase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proof_packets.course import PHASES, STANDING, Flow, Measured, Phase
from proof_packets.declared import asked
from proof_packets.missed import MISSED
from proof_packets.ways import WAYS

LEGEND = """\
A cell: before the block, under it, after undo, after expiry, after a reboot of the device, and of one with `persist`.
A line without an IP version holds for both. `It` is the blocked host. The last lines are of what the inventory does
not tell: a letter for each way under the block, those out before those in, and what the run, or `status`, says then.

+  passes, as it should                               -  is dropped, as it should be
s  goes to the spare, which sees whence it comes      !  is otherwise than the driver declares
o  passes: the driver cannot drop it, and says so     x  is cut: the driver cannot spare it, and says so
.  the driver cannot do that, and refuses it
"""
LABEL, CELL = 32, 12


def lines(columns: Sequence[Measured]) -> Iterator[str]:
    """Give the table, its legend after it, then whatever is not as it has to be."""
    yield "".join([" " * LABEL, *(f"{m.device.name:<{CELL}}" for m in columns)]).rstrip()
    for way in WAYS:
        rows = {version: [cell(m, (way, version)) for m in columns] for version in (4, 6)}
        if rows[4] == rows[6]:
            yield _row(way.name, rows[4])
        else:
            yield from (_row(f"{way.name}, v{version}", cells) for version, cells in rows.items())
    yield _row("verdict of the run", [m.verdict for m in columns])
    for missed in MISSED:
        if any(missed.name in m.missed for m in columns):
            yield _row(missed.name, [_open(m, missed.name) for m in columns])
            yield _row(
                "  its verdict", [m.missed[missed.name][0] if missed.name in m.missed else "" for m in columns]
            )
    yield _row("packets in stop after, s", [_seconds(m.stops) for m in columns])
    yield _row("  by ssh ROUTER nft -f -", [_seconds(m.bare) for m in columns])
    yield _row("as declared, and as before", ["no" if m.against() else "yes" for m in columns])
    yield ""
    yield from LEGEND.splitlines()
    for m in columns:
        yield from (f"{m.device.name}: {fault}" for fault in m.against())


def _open(measured: Measured, name: str) -> str:
    """Give a letter for each way of what the inventory does not tell."""
    return "".join("o" if outcome == "passes" else "-" for outcome in measured.missed.get(name, ("", []))[1])


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.2f}"


def cell(measured: Measured, flow: Flow) -> str:
    """Give a letter for each phase."""
    return "".join(_letter(measured, phase, flow) for phase in PHASES)


def _letter(measured: Measured, phase: Phase, flow: Flow) -> str:
    outcome = measured.outcomes.get((phase, flow))
    if outcome is None:
        can = measured.device.can
        cannot = {"persisted": not can.persist, "lapsed": can.expiry == "none"}
        return "." if cannot.get(phase) else " "
    if outcome != measured.expected(phase, flow):
        return "!"
    if phase in STANDING and outcome != asked(flow[0], measured.device.can):
        return "o" if outcome == "passes" else "x"
    return {"passes": "+", "dropped": "-", "spare": "s"}[outcome]


def _row(label: str, cells: Sequence[str]) -> str:
    return "".join([f"{label:<{LABEL}}", *(f"{c:<{CELL}}" for c in cells)]).rstrip()
