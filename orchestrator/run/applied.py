"""What became of a change, by the output of its script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stopgap.orchestrator.change import DRIFTED, REJECTED, UNCERTAIN
from stopgap.orchestrator.facts import Output
from stopgap.orchestrator.text import tr

_DRIFT = tr("it is not as it was when it was looked at; somebody else was there")
Made = Literal["done", "failed", "drifted", "unknown", "not-run"]


@dataclass(frozen=True)
class Applied:
    """The outcome of a change, or of all changes of a step: the worst outcome decides and gives the reason."""

    outcome: Made
    reason: str = ""
    """Of `done`: the output of the follow-up script."""
    rejected: bool = False
    """The test of an activation failed, before the daemon was reloaded."""


def outcome_of(output: Output, trouble: str | None) -> Applied:
    """Return what became of a change; `trouble` is that of the session."""
    if not output.ran:
        return Applied("not-run")
    if output.status is None:
        return Applied(
            "unknown",
            tr("{trouble}; what it started may still run there", trouble=trouble or tr("it did not end in time")),
        )
    if output.status == 0:
        return Applied("done")
    if output.status == DRIFTED:
        why = output.stderr.last_line()
        return Applied("drifted", tr("{drift}: {why}", drift=_DRIFT, why=why) if why else _DRIFT)
    said = output.stderr.last_line() or output.stdout.last_line() or tr("it said nothing")
    if output.status == REJECTED:
        return Applied("failed", tr("the test failed: {said}", said=said), rejected=True)
    if output.status == UNCERTAIN:
        return Applied("unknown", said)
    return Applied("failed", tr("exit status {status}: {said}", status=output.status, said=said))
