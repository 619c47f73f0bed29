"""What `status` has seen becomes events: somebody else's change, in force again, a block that ends soon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stopgap.orchestrator.run.status import DeviceLook, Status
from stopgap.orchestrator.sinks.looks import Look, State, note

_STATES: dict[str, State] = {"in-force": "in-force", "changed": "changed", "gone": "gone"}


def note_status(home: Path, status: Status) -> list[dict[str, Any]]:
    """Write down what was not told before, and return these events."""
    return note(home, _looks(status))


def _looks(status: Status) -> Iterator[Look]:
    for run in status.runs:
        ends = {(each.step, each.target): each for each in run.endings}
        places = dict.fromkeys((*run.looks, *ends))
        for step, target in places:
            look, ending = run.looks.get((step, target)), ends.get((step, target))
            host = look.seen.host if look else ending.host if ending else target
            state = _STATES.get(look.state) if look else None
            yield Look(run.run, step, target, host, state, _reason(look), ending.at if ending else None)


def _reason(look: DeviceLook | None) -> str:
    if look is None:
        return ""
    difference = look.seen.standing.difference if look.seen.standing else ()
    return "; ".join((*look.seen.broken, *difference))[:500]
