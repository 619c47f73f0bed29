"""letter.compose: letters to authorities, composed only: a person reads, completes and sends each letter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, model_validator

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.message import FileRoute, Message, ShortLine, message_key
from stopgap.orchestrator.task import AbsolutePath, Facts, Planned, Probe, Task
from stopgap.orchestrator.text import tr
from stopgap.tasks.people.correspondence import (
    Correspondence,
    LongText,
    common_values,
    fresh_for,
    incident_of,
    letter,
    moment,
    moment_ja,
    safe,
)
from stopgap.tasks.people.deadlines import Regime, deadlines


def _several(given: object) -> object:
    return (given,) if isinstance(given, str) else given


Regimes: TypeAlias = Annotated[tuple[Regime, ...], BeforeValidator(_several), Field(min_length=1)]
"""One law alone may stand without brackets."""


class LetterComposeParams(Correspondence):
    """The kind of letter, and the content."""

    kind: Literal["cert", "phishing", "personal-data"] = Field(
        description="`cert`: to a CERT such as JPCERT/CC. `phishing`: to the registry, or to the bank that a phishing"
        " page on the host imitates. `personal-data`: to the data-protection authority."
    )
    recipient: ShortLine = Field(description="Recipient of the letter.")
    known: LongText | None = Field(None, description="Known damage.")
    unknown: LongText | None = Field(None, description="Open questions on the damage.")
    measures: LongText | None = Field(None, description="Measures taken.")
    url: Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=2000)] | None = Field(
        None, description="URL of the phishing page; written defanged, so nobody opens the link by accident."
    )
    imitates: ShortLine | None = Field(None, description="The organisation imitated by the phishing page.")
    aware_at: AwareDatetime | None = Field(
        None,
        description="Time of awareness that personal data are affected; start of the deadlines.",
    )
    data: LongText | None = Field(None, description="Categories of personal data, and number of records.")
    people: ShortLine | None = Field(None, description="Number and categories of affected persons.")
    cause: LongText | None = Field(None, description="The way in, as far as known.")
    harm: LongText | None = Field(None, description="Secondary damage, or the fear of it.")
    told: LongText | None = Field(None, description="What was done for the persons concerned.")
    publication: LongText | None = Field(None, description="What was published, where and when.")
    prevention: LongText | None = Field(None, description="Measures against a recurrence.")
    regime: Regimes = Field(("appi",), description="Law, or several, for the deadlines: `gdpr` (EU), `appi` (Japan).")
    path: AbsolutePath | None = Field(
        None, description="Path of the letter; default: the folder `letters` of the run. No file is overwritten."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "phishing" and self.url is None:
            raise ValueError(tr("a letter about a phishing page needs its `url`"))
        if self.kind == "personal-data" and self.aware_at is None:
            raise ValueError(tr("a data-protection notice needs `aware_at`: its deadlines count from then"))
        return self


class LetterComposeFacts(Facts):
    """No facts."""


class LetterCompose(Task[LetterComposeParams, LetterComposeFacts]):
    """Write a letter to an authority into a file; it is never sent.

    A person reads, completes and sends the letter. The letter lists legal deadlines with their sources; a lawyer
    decides if a deadline applies.
    """

    name = "letter.compose"
    vantages = ("controller",)

    def probe(self, params: LetterComposeParams, scene: Scene) -> Probe:
        """Nothing."""
        return {}

    def plan(self, params: LetterComposeParams, facts: LetterComposeFacts, scene: Scene) -> Iterator[Planned]:
        """Give the letter, for a file."""
        texts = ("known", "unknown", "measures", "data", "cause", "harm", "told", "publication", "prevention")
        values = {
            **common_values(params, scene),
            **{name: safe(text) if (text := getattr(params, name)) else None for name in texts},
            "recipient": params.recipient,
            "url": params.url and defanged(params.url),
            "imitates": params.imitates,
            "people": params.people,
            "aware_at": params.aware_at and moment(params.aware_at),
            "aware_at_ja": params.aware_at and moment_ja(params.aware_at),
            "deadlines": deadlines(params.regime, params.aware_at) if params.aware_at else [],
        }
        text = letter(params.kind, params.languages, values)
        incident = incident_of(params, scene)
        yield Message(
            key=message_key(incident, params.recipient, params.kind, params.path or "", text.sameness),
            series=f"letter.compose {incident}",
            about=_about(params.kind, scene.target.name),
            to=params.recipient,
            reply_to=params.contact,
            subject=text.subject,
            text=text.text,
            route=FileRoute(path=params.path),
            fresh_for=fresh_for(params),
        )


def _about(kind: Literal["cert", "phishing", "personal-data"], target: str) -> str:
    match kind:
        case "cert":
            return tr("report on {target} for a CERT", target=target)
        case "phishing":
            return tr("report of a phishing page on {target}", target=target)
        case "personal-data":
            return tr("report on {target} for the data-protection authority", target=target)


def defanged(url: str) -> str:
    """Return a defanged URL, never turned into a link: scheme hxxp, and brackets around the dots of the host."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.replace('tt', 'xx')}://{host.replace('.', '[.]')}{slash}{path}"
