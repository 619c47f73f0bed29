"""provider.notify: tell the provider the observations, the measures taken, and the requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal, Self, TypeAlias

from pydantic import AwareDatetime, Field, model_validator

from stopgap.orchestrator.facts import ABSENT, File, FileFact
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.message import (
    Attachment,
    FileRoute,
    MailAddress,
    Message,
    Route,
    ShortLine,
    SmtpRoute,
    message_key,
)
from stopgap.orchestrator.task import AbsolutePath, Facts, Parameters, Planned, Probe, Task, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.people.correspondence import (
    Correspondence,
    common_values,
    fresh_for,
    incident_of,
    letter,
    moment,
    moment_ja,
)

FactRequest: TypeAlias = Literal["drop", "unplug", "spare", "page", "console", "image", "charges"]


class Done(Parameters):
    """A measure taken, with the outcome."""

    what: ShortLine = Field(description="The measure, in words.")
    what_ja: ShortLine | None = Field(None, description="The same in Japanese.")
    outcome: Literal["changed", "unchanged", "failed", "unreachable", "unknown", "skipped", "refused"] = Field(
        description="Outcome of the measure: `{{ steps.ID.outcome }}`."
    )


class ProviderNotifyParams(Correspondence):
    """The provider, the requests, and the measures taken."""

    provider: MailAddress | None = Field(
        None, description="Mail address of the provider; required for `via: {kind: smtp}`."
    )
    provider_name: ShortLine | None = Field(None, description="Name of the provider, for the salutation.")
    customer: ShortLine | None = Field(None, description="Number of the contract for the host.")
    ask: tuple[FactRequest, ...] = Field(
        ("drop", "console", "image", "charges"),
        min_length=1,
        description="What is asked, in this order: `drop` its packets at the router above, `unplug` its cable or shut"
        " its port, a `spare` server, a holding `page`, access to its `console`, an `image` of its disk, what will"
        " be charged (`charges`).",
    )
    until: AwareDatetime | None = Field(None, description="End of the requested drop; default: until further notice.")
    stage: Literal["first", "update"] = Field(
        "first", description="`first`: the first word. `update`: what has been done since."
    )
    cutting: bool = Field(
        False, description="In the first word: whoever writes drops the packets at a router of their own meanwhile."
    )
    done: tuple[Done, ...] = Field((), description="Measures taken so far. A change here does not make a new letter.")
    block_request: AbsolutePath | None = Field(
        None, description="A file on the controller to attach, such as a block request."
    )
    attacked: AbsolutePath | None = Field(
        None,
        description="A file on the controller to attach, with addresses that were attacked from the host, as "
        "`stopgap evidence wire RUN --attacked` prints them: the provider can warn whoever has them.",
    )
    via: Route = Field(FileRoute(), description="Route of the message; default: a file in the run's folder.")
    resend_unknown: bool = Field(False, description="Send a message with an unknown delivery again.")

    @model_validator(mode="after")
    def _addressed(self) -> Self:
        if isinstance(self.via, SmtpRoute) and self.provider is None:
            raise ValueError(tr("a mail needs `provider`, the address that it goes to"))
        return self


class ProviderNotifyFacts(Facts):
    """Facts of the attached files."""

    block_request: FileFact = ABSENT
    attacked: FileFact = ABSENT


class ProviderNotify(Task[ProviderNotifyParams, ProviderNotifyFacts]):
    """Tell the provider what happened, and what is asked of them.

    The message goes by mail or by webhook, or into a file to paste or to read out on the telephone. One message for
    each incident, even if the runbook runs several times. No undo exists.
    """

    name = "provider.notify"
    controller_files = ("block_request", "attacked", "via.ca")
    vantages = ("controller",)

    def probe(self, params: ProviderNotifyParams, scene: Scene) -> Probe:
        """Return readers for the attached files."""
        asked = {"block_request": params.block_request, "attacked": params.attacked}
        return {name: File(path) for name, path in asked.items() if path}

    def plan(self, params: ProviderNotifyParams, facts: ProviderNotifyFacts, scene: Scene) -> Iterator[Planned]:
        """Give the letter."""
        attachments = _attached(params, facts)
        values = {
            **common_values(params, scene),
            "provider": params.provider_name,
            "customer": params.customer,
            "ask": params.ask,
            "stage": params.stage,
            "cutting": params.cutting,
            "until": params.until and moment(params.until),
            "until_ja": params.until and moment_ja(params.until),
            "attacked": params.attacked and PurePosixPath(params.attacked).name,
            "attached": [a.name for a in attachments],
        }
        lasting = letter("provider", params.languages, {**values, "done": [], "attached": []})
        whole = letter("provider", params.languages, {**values, "done": [d.model_dump() for d in params.done]})
        to = params.provider or params.provider_name or tr("the provider")
        incident = incident_of(params, scene)
        yield Message(
            key=message_key(incident, to, params.via.kind, params.stage, lasting.sameness),
            series=f"provider.notify {incident}",
            about=tr("report on {target}", target=scene.target.name),
            to=to,
            reply_to=params.contact,
            subject=whole.subject,
            text=whole.text,
            route=params.via,
            attachments=attachments,
            fresh_for=fresh_for(params),
            resend_unknown=params.resend_unknown,
        )


def _attached(params: ProviderNotifyParams, facts: ProviderNotifyFacts) -> tuple[Attachment, ...]:
    """Return the files that go along. Raises Unplannable for a file that is not there."""
    asked = ((params.block_request, facts.block_request), (params.attacked, facts.attacked))
    return tuple(_attachment(path, fact) for path, fact in asked if path is not None)


def _attachment(path: str, fact: FileFact) -> Attachment:
    if fact.content is None:
        raise Unplannable(tr("{path}: no file that could go along", path=path))
    return Attachment(name=PurePosixPath(path).name, content=fact.content)
