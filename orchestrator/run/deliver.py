"""Send the messages of one step: journal records before and after each message, and no message twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from stopgap.orchestrator.journal.records import MessageIntended, MessagePosted
from stopgap.orchestrator.loading import load
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.outcome import Outcome
from stopgap.orchestrator.plan import PlannedStep, outstanding
from stopgap.orchestrator.post import Posted, postman
from stopgap.orchestrator.run.interruption import Interruption
from stopgap.orchestrator.run.late import post_module
from stopgap.orchestrator.run.recorder import Recorder
from stopgap.orchestrator.text import tr

LETTERS = "letters"
"""Folder below the run's own for messages written to a file."""


def sends_alone(step: PlannedStep) -> bool:
    """Return True if a planned step only sends messages to servers.

    A message to a file of the controller causes no wait, and does not count.
    """
    does_more = step.changes or step.collections or step.undo_requests or step.questions or step.checks
    return bool(step.messages) and not does_more and any(m.route.kind != "file" for m in step.messages)


@dataclass(frozen=True)
class Delivered:
    """The outcome of a step's messages, with a note for the operator."""

    outcome: Outcome
    said: str


def deliver(step: PlannedStep, record: Recorder, run_folder: Path, interruption: Interruption) -> Delivered:
    """Send a planned step's messages in order.

    The call waits for another process with messages of the same series, and skips messages sent by the other process.
    A failed message does not stop later messages. Raises JournalError; the current message then stays unknown.
    """
    asked = interruption.requested
    posted: list[tuple[Message, Posted]] = []
    for series, messages in groupby(step.messages, key=lambda m: m.series):
        with record.posting(series, give_up=asked.is_set) as mine:
            if mine:
                wanted = tuple(messages)
                known = record.deliveries({message.key for message in wanted})
                left = outstanding(wanted, known, datetime.now(UTC)).messages
                posted += _post(step, left, record, run_folder, interruption)
    return _summed_up(posted, stopped=asked.is_set() and len(posted) < len(step.messages))


def _post(
    step: PlannedStep, messages: Sequence[Message], record: Recorder, run_folder: Path, interruption: Interruption
) -> list[tuple[Message, Posted]]:
    posted: list[tuple[Message, Posted]] = []
    place = {"step": step.key, "target": step.target.name}
    for route, several in groupby(messages, key=lambda m: m.route):
        load((post_module(route),))
        with postman(route, run_folder / LETTERS, interruption.requested) as by:
            for message in several:
                if interruption.requested.is_set():
                    return posted
                if posted and (pause := posted[-1][0].pause) and interruption.requested.wait(pause):
                    return posted
                record.settle()
                record(
                    MessageIntended(
                        **place,
                        key=message.key,
                        about=message.about,
                        to=message.to,
                        way=route.describe(),
                        subject=message.subject,
                        text=message.text,
                    )
                )
                record.assure()
                came = by.post(message)
                record(
                    MessagePosted(**place, key=message.key, to=message.to, outcome=came.outcome, detail=came.detail)
                )
                posted.append((message, came))
    return posted


def _summed_up(posted: Sequence[tuple[Message, Posted]], *, stopped: bool) -> Delivered:
    sent = sum(came.outcome == "sent" for _, came in posted)
    bad = [(message, came) for message, came in posted if came.outcome != "sent"]
    if bad:
        message, came = bad[0]
        fields = {"about": message.about, "to": message.to, "detail": came.detail}
        if came.outcome == "unknown":
            first = tr("{about} to {to} may not have been sent: {detail}", **fields)
        else:
            first = tr("{about} to {to} was not sent: {detail}", **fields)
        if len(posted) > 1:
            first = tr(
                "{sent} sent, {count} not or perhaps not; first: {first}", sent=sent, count=len(bad), first=first
            )
        outcome = Outcome.FAILED if any(came.outcome == "failed" for _, came in bad) else Outcome.UNKNOWN
        return Delivered(outcome, first)
    if stopped:
        return Delivered(
            Outcome.FAILED, tr("{sent} sent, then stopped; the others wait for `stopgap resume`", sent=sent)
        )
    if not posted:
        return Delivered(Outcome.UNCHANGED, tr("sent already by another run"))
    return Delivered(Outcome.CHANGED, posted[0][1].detail if len(posted) == 1 else tr("{count} sent", count=sent))
