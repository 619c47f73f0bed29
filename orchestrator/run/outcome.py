"""Exit codes and the outcome of a run, from the outcomes of the steps (DESIGN, Contract)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

OK, FAILED, INVALID, UNREACHABLE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 4, 130

RunOutcome = Literal["ok", "failed", "unreachable", "refused", "interrupted"]


def exit_code(outcomes: Iterable[str], *, interrupted: bool = False, unread: bool = False) -> int:
    """Return the exit code, by precedence: interrupted, refused, failed, unreachable.

    `unread` marks evidence left unread and so unjudged; an otherwise successful run then counts as failed.

    >>> exit_code(["changed", "failed"])
    1
    """
    found = set(outcomes)
    if interrupted:
        return INTERRUPTED
    if "refused" in found:
        return REFUSED
    if found & {"failed", "would-fail", "unknown"}:
        return FAILED
    if "unreachable" in found:
        return UNREACHABLE
    return FAILED if unread else OK


def run_outcome(code: int) -> RunOutcome:
    """Return the outcome word of a run's exit code.

    >>> run_outcome(3)
    'unreachable'
    """
    names: dict[int, RunOutcome] = {
        OK: "ok",
        UNREACHABLE: "unreachable",
        REFUSED: "refused",
        INTERRUPTED: "interrupted",
    }
    return names.get(code, "failed")
