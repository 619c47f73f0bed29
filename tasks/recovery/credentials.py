"""credentials.review: secrets exposed to an intruder with root, to be replaced before the host returns to service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.past_runs import PastCredential
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.task import Note, Past, Planned, Probe, Task
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.recovery.runs import RunsFacts, RunsParams


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
        listed = dict.fromkeys(_credential_text(each) for run in facts.past_runs for each in run.credentials)
        if not listed:
            yield Note(
                text=tr(
                    "no run ever logged in to {target}, and nothing is known of what lay there",
                    target=scene.target.name,
                )
            )
            return
        yield Question(
            text=tr(
                "Are all credentials of {target} that are listed above replaced or revoked?", target=scene.target.name
            ),
            reason=joined(
                "\n",
                [
                    tr("Replace them from another machine, not from the host:"),
                    *(tr("- {credential}", credential=text) for text in listed),
                ],
            ),
        )


def _credential_text(credential: PastCredential) -> str:
    match credential.kind:
        case "host-key":
            return tr("SSH host keys of {address}, and what others have pinned of them", address=credential.text)
        case "login":
            return tr("the login that was used: {login}, its password and its authorized keys", login=credential.text)
        case "stored":
            return tr("every TLS key, password in a configuration, token and private key that lay on it")
        case "found":
            return tr("found on it: {finding}", finding=credential.text)
        case _:
            assert_never(credential.kind)
