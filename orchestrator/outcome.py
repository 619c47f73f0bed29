"""The outcomes of a step and of a run, and the exit codes (DESIGN, Contract), with what hangs on them.

What may be tried again stands here alone: `RETRIED` of a step, `RESUMED` of a run.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import assert_never

from stopgap.orchestrator.text import tr


class Outcome(StrEnum):
    """How a step ended on a target. Each member equals the word in the journal, in events and in `--json`."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    FAILED = "failed"


class PlannedOutcome(StrEnum):
    """How a step would end on a target, by its plan: the words of a dry run."""

    WOULD_CHANGE = "would-change"
    UNCHANGED = "unchanged"
    WOULD_FAIL = "would-fail"
    UNREACHABLE = "unreachable"
    SKIPPED = "skipped"
    REFUSED = "refused"

    def as_ended(self) -> Outcome:
        """Return the outcome that the step is expected to end with."""
        match self:
            case PlannedOutcome.WOULD_CHANGE:
                return Outcome.CHANGED
            case PlannedOutcome.WOULD_FAIL:
                return Outcome.FAILED
            case PlannedOutcome.UNCHANGED:
                return Outcome.UNCHANGED
            case PlannedOutcome.UNREACHABLE:
                return Outcome.UNREACHABLE
            case PlannedOutcome.SKIPPED:
                return Outcome.SKIPPED
            case PlannedOutcome.REFUSED:
                return Outcome.REFUSED
            case _:
                assert_never(self)


FAILURES = frozenset({Outcome.FAILED, Outcome.UNKNOWN, Outcome.UNREACHABLE, Outcome.REFUSED})
"""The step was not done, or is not known to be done."""
RETRIED = FAILURES - {Outcome.REFUSED}
"""Another attempt may end otherwise; a guard refuses again."""
DONE = frozenset({Outcome.CHANGED, Outcome.UNCHANGED})
"""The step is done, or was done already."""
MAY_STAND = frozenset({Outcome.CHANGED, Outcome.UNKNOWN})
"""Something of the step is in force, or may be."""
EXPECTED = DONE | {Outcome.SKIPPED}
"""Nothing to look into."""
CARRIED_OUT = frozenset({PlannedOutcome.WOULD_CHANGE, PlannedOutcome.UNCHANGED})
"""The plan lets the step be carried out; its checks are made even where nothing is to be changed."""
WORST_FIRST = (
    *(Outcome.UNKNOWN, Outcome.FAILED, Outcome.REFUSED, Outcome.UNREACHABLE),
    *(Outcome.CHANGED, Outcome.UNCHANGED, Outcome.SKIPPED),
)
"""The order in which one outcome stands for several: of a loop, of several upstreams."""


class ExitCode(IntEnum):
    """The exit codes of the command `stopgap`."""

    OK = 0
    FAILED = 1
    """A step or a check failed, or something is not as recorded."""
    INVALID = 2
    """The input is invalid; nothing was contacted."""
    UNREACHABLE = 3
    REFUSED = 4
    """By a guard or a person, or the plan has drifted."""
    INTERRUPTED = 130
    """128 + SIGINT, as shells have it."""
    PIPE_CLOSED = 141
    """128 + SIGPIPE: nobody reads the output any more."""


class RunOutcome(StrEnum):
    """How a run ended, in a word."""

    OK = "ok"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"


RESUMED = frozenset({RunOutcome.FAILED, RunOutcome.UNREACHABLE, RunOutcome.REFUSED, RunOutcome.INTERRUPTED})
"""`stopgap resume` may bring the run further: a person may decide otherwise, a host may answer."""
_FIRST_COUNTS = (ExitCode.INTERRUPTED, ExitCode.REFUSED, ExitCode.FAILED, ExitCode.UNREACHABLE, ExitCode.OK)


def exit_code(
    outcomes: Iterable[Outcome | PlannedOutcome], *, interrupted: bool = False, unread: bool = False
) -> ExitCode:
    """Return the exit code, by precedence: interrupted, refused, failed, unreachable.

    `unread` marks evidence left unread and so unjudged; an otherwise successful run then counts as failed.

    >>> exit_code([Outcome.CHANGED, Outcome.FAILED])
    <ExitCode.FAILED: 1>
    """
    code = ExitCode.INTERRUPTED if interrupted else worst_of(map(_of_step, outcomes))
    return ExitCode.FAILED if unread and code == ExitCode.OK else code


def worst_of(codes: Iterable[int]) -> ExitCode:
    """Return the exit code that counts of several: interrupted, refused, failed, unreachable, in this order.

    >>> worst_of([3, 0, 1])
    <ExitCode.FAILED: 1>
    """
    return min(map(ExitCode, codes), key=_FIRST_COUNTS.index, default=ExitCode.OK)


def run_outcome(code: int) -> RunOutcome:
    """Return the outcome word of a run's exit code.

    >>> run_outcome(3)
    <RunOutcome.UNREACHABLE: 'unreachable'>
    """
    match ExitCode(code):
        case ExitCode.OK:
            return RunOutcome.OK
        case ExitCode.UNREACHABLE:
            return RunOutcome.UNREACHABLE
        case ExitCode.REFUSED:
            return RunOutcome.REFUSED
        case ExitCode.INTERRUPTED:
            return RunOutcome.INTERRUPTED
        case ExitCode.FAILED | ExitCode.INVALID | ExitCode.PIPE_CLOSED:
            return RunOutcome.FAILED
        case other:
            assert_never(other)


def _of_step(outcome: Outcome | PlannedOutcome) -> ExitCode:
    match outcome:
        case Outcome.REFUSED | PlannedOutcome.REFUSED:
            return ExitCode.REFUSED
        case Outcome.FAILED | Outcome.UNKNOWN | PlannedOutcome.WOULD_FAIL:
            return ExitCode.FAILED
        case Outcome.UNREACHABLE | PlannedOutcome.UNREACHABLE:
            return ExitCode.UNREACHABLE
        case (
            Outcome.CHANGED
            | Outcome.UNCHANGED
            | Outcome.SKIPPED
            | PlannedOutcome.WOULD_CHANGE
            | PlannedOutcome.UNCHANGED
            | PlannedOutcome.SKIPPED
        ):
            return ExitCode.OK
        case _:
            assert_never(outcome)


_WORDS = {
    "changed": tr("changed"),
    "unchanged": tr("unchanged"),
    "would-change": tr("would change"),
    "would-fail": tr("would fail"),
    "failed": tr("failed"),
    "unreachable": tr("unreachable"),
    "unknown": tr("unknown"),
    "skipped": tr("skipped"),
    "refused": tr("refused"),
    "running": tr("running"),
    "waiting": tr("waiting"),
    "interrupted": tr("interrupted"),
    "ok": tr("ok"),
    "done": tr("done"),
    "undone": tr("undone"),
    "drifted": tr("drifted"),
    "not-run": tr("not run"),
    "no-undo": tr("no undo"),
    "undo-failed": tr("undo failed"),
    "undo-drifted": tr("undo drifted"),
    "undo-unknown": tr("undo unknown"),
    "sent": tr("sent"),
    "contained": tr("contained"),
    "partly": tr("partly"),
    "unverified": tr("unverified"),
}


def word_of(word: str) -> str:
    """Return an outcome, a state or a verdict as the reader's language has it; any other word as it is.

    >>> word_of("would-change")
    'would change'
    """
    return _WORDS.get(word, word)
