"""credentials.review: secrets exposed to an intruder with root, to be replaced before the host returns to service."""

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
    """Runs to review."""


class CredentialsReview(Task[CredentialsReviewParams, RunsFacts]):
    """Ask whether everything that the intruder may know has been replaced.

    The list names credentials shown to the host by earlier runs, and keys and password files found in the evidence of
    those runs, by name only. A certificate with a key on the host must be revoked: treat the key as stolen.
    """

    name = "credentials.review"
    vantages = ("controller",)
    may_ask = True

    def probe(self, params: CredentialsReviewParams, scene: Scene) -> Probe:
        """Ask the journal."""
        return {"past_runs": Past(params.runs)}

    def plan(self, params: CredentialsReviewParams, facts: RunsFacts, scene: Scene) -> Iterator[Planned]:
        """Yield the question with the list of credentials; a note if the list is empty."""
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
