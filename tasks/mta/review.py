"""mta.review: review of the mail queue before the mail server starts again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field, field_validator

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.past_runs import PastRun
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.task import Facts, Note, Parameters, Past, Planned, Probe, Task
from stopgap.orchestrator.text import joined, tr, trn
from stopgap.tasks.mta.server import Letter
from stopgap.tasks.mta.servers import servers
from stopgap.tasks.recovery.runs import RunName

_SENDERS = 10
"""Maximum of senders listed, most messages first."""
_RECIPIENTS = 3


class ReviewQueueParams(Parameters):
    """Runs with mail deadlines to show."""

    runs: tuple[RunName, ...] = Field((), description="Ids of runs with mail deadlines to show.")


class ReviewQueueFacts(Facts):
    """The queues, and the deadlines."""

    mail: Mapping[str, Any] = {}
    """Key of a mail server → the mail in the queue."""
    past_runs: tuple[PastRun, ...] = ()

    @field_validator("mail", mode="before")
    @classmethod
    def _typed(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {s.key: s.Mail.model_validate(given[s.key]) for s in servers() if s.key in given}


class ReviewQueue(Task[ReviewQueueParams, ReviewQueueFacts]):
    """Show the mail that waits in the queue, and ask whether it may go, before the mail server starts.

    Messages are grouped by sender, with counts of messages and recipients: mail queued by the intruder leaves as soon
    as the server starts. The step deletes no mail; a note gives the command to delete messages.
    """

    name = "mta.review"
    may_ask = True

    def probe(self, params: ReviewQueueParams, scene: Scene) -> Probe:
        """Read the queues."""
        mail = {f"mail.{server.key}": server.mail for server in servers()}
        return {**mail, "past_runs": Past(params.runs)} if params.runs else mail

    def plan(self, params: ReviewQueueParams, facts: ReviewQueueFacts, scene: Scene) -> Iterator[Planned]:
        """Yield a question for each queue with mail."""
        for text, _ in sorted({d for run in facts.past_runs for d in run.deadlines}, key=lambda each: each[1]):
            yield Note(text=text)
        present = False
        for server in servers():
            letters = server.letters(facts.mail[server.key]) if server.key in facts.mail else None
            if letters is None:
                continue
            present = True
            if not letters:
                yield Note(text=tr("{server}: nothing waits in the queue", server=server.name))
                continue
            yield Question(
                text=tr(
                    "{server}: may the {count} messages in the queue be sent?", server=server.name, count=len(letters)
                ),
                reason=joined(
                    "\n",
                    [
                        *_by_sender(letters),
                        tr("Take the intruder's out first: {delete_queued}", delete_queued=server.delete_queued),
                    ],
                ),
            )
        if not present:
            shown = " or ".join(dict.fromkeys(server.show_queue for server in servers() if server.queues))
            yield Question(
                text=tr("No queue could be read: may what waits there be sent all the same?"),
                reason=tr("Look at it on {target}: {shown}", target=scene.target.name, shown=shown),
            )


def _by_sender(letters: list[Letter]) -> Iterator[str]:
    counted = Counter(letter.sender for letter in letters)
    for sender, count in counted.most_common(_SENDERS):
        to = list(dict.fromkeys(r for letter in letters if letter.sender == sender for r in letter.recipients))
        some = ", ".join(recipient[:80] for recipient in to[:_RECIPIENTS])
        counts = [letter.count for letter in letters if letter.sender == sender]
        all_of_them = max(len(to), *(number or 0 for number in counts))
        more = tr(" and {count} more", count=all_of_them - _RECIPIENTS) if all_of_them > _RECIPIENTS else ""
        messages = trn("{count} message", "{count} messages", count)
        none = tr("recipients that are not told here") if None in counts else tr("nobody")
        to_whom = some or tr("{count} recipients", count=all_of_them) if all_of_them else none
        yield tr(
            "- {sender}: {messages} to {to_whom}{rest}",
            sender=sender[:80] or tr("no sender (bounces)"),
            messages=messages,
            to_whom=to_whom,
            rest=more if some else "",
        )
    if len(counted) > _SENDERS:
        yield tr("- and {count} senders more", count=len(counted) - _SENDERS)
