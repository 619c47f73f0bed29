"""What whoever had root may know, and that has to be replaced before the host comes back."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.task import Note, Past, Planned, Probe, Task
from stopgap.tasks.recovery.runs import RunsFacts, RunsParams

_KINDS = {
    "host-key": "SSH host keys of {}, and what others have pinned of them",
    "login": "the login that was used: {}, its password and its authorized keys",
    "stored": "every TLS key, password in a configuration, token and private key that lay on it",
    "found": "found on it: {}",
}


class CredentialsReviewParams(RunsParams):
    """Of which runs."""


class CredentialsReview(Task[CredentialsReviewParams, RunsFacts]):
    """Ask whether everything that the intruder may know has been replaced.

    The list names what earlier runs showed to the host, and the keys and files of passwords that their evidence shows
    on it, by name alone. A certificate whose key lay there has to be revoked: its key is to be taken as stolen.
    """

    name = "credentials.review"
    vantages = ("controller",)
    may_ask = True

    def probe(self, params: CredentialsReviewParams, scene: Scene) -> Probe:
        """Ask the journal."""
        return {"past_runs": Past(params.runs)}

    def plan(self, params: CredentialsReviewParams, facts: RunsFacts, scene: Scene) -> Iterator[Planned]:
        """Ask, with the list; where there is nothing to replace, say so."""
        listed = dict.fromkeys(
            _KINDS[each.kind].format(each.text) for run in facts.past_runs for each in run.credentials
        )
        if not listed:
            yield Note(text=f"no run ever logged in to {scene.target.name}, and nothing is known of what lay there")
            return
        yield Question(
            text=f"Has everything been replaced that the intruder of {scene.target.name} may know?",
            reason="\n".join(["From another machine, not from the host itself:", *(f"- {text}" for text in listed)]),
        )
