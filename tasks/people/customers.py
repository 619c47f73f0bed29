"""customers.notify: one message for each customer, never two, after approval of the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from stopgap.orchestrator.facts import ABSENT, File, FileFact, Listing, ProgramFact
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.message import FileRoute, Message, Route, ShortLine, message_key
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.task import (
    AbsolutePath,
    Facts,
    Gap,
    Parameters,
    Planned,
    Probe,
    Task,
    Unlimited,
    Unplannable,
)
from stopgap.orchestrator.text import tr, trn
from stopgap.tasks.people.addressees import Addressee, addressees
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

Word = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$")]


class Words(Parameters):
    """The operator's own words."""

    en: LongText | None = Field(None, description="In the English part.")
    ja: LongText | None = Field(None, description="In the Japanese part.")


class CustomersNotifyParams(Correspondence):
    """The list of customers, and the text of the message."""

    csv: AbsolutePath | None = Field(
        None, description="A CSV file on the controller: a column `email`, and if wanted `name` and `language`."
    )
    command: tuple[Word, ...] | None = Field(
        None, min_length=1, description="Or a read-only command on the controller with such a CSV as output."
    )
    service: ShortLine = Field(description="The affected service, by the name known to customers.")
    service_ja: ShortLine | None = Field(None, description="The same in Japanese; needed for a Japanese text.")
    occasion: Literal["outage", "restored"] = Field(
        "outage", description="`outage`: the service does not work. `restored`: it works again."
    )
    message: Words = Field(Words(), description="The operator's own words, beside the standard text.")
    since: AwareDatetime | None = Field(None, description="Begin of the outage, with offset from UTC.")
    next_word: AwareDatetime | None = Field(None, description="Time of the next message.")
    per_minute: int = Field(30, ge=1, le=6000, description="How many messages a minute, at most.")
    via: Route = Field(description="Route of the messages.")
    resend_unknown: bool = Field(False, description="Send messages with an unknown delivery again.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.csv is None) == (self.command is None):
            raise ValueError(tr("give `csv` or `command`"))
        if isinstance(self.via, FileRoute) and self.via.path:
            raise ValueError(tr("each message needs a file of its own: leave out `path`"))
        return self

    @model_validator(mode="after")
    def _in_each_language(self) -> Self:
        if "ja" in self.languages and (lacking := self.lacks_in_japanese()):
            raise ValueError(tr("a Japanese text needs `{lacking}`; give it, or `languages: [en]`", lacking=lacking))
        if "en" in self.languages and self.message.ja and not self.message.en:
            raise ValueError(tr("an English text needs `message.en`; give it, or `languages: [ja]`"))
        return self

    def lacks_in_japanese(self) -> str:
        """Return the name of what a Japanese text lacks; empty if nothing."""
        if self.service_ja is None:
            return "service_ja"
        return "message.ja" if self.message.en and not self.message.ja else ""


class CustomersNotifyFacts(Facts):
    """The list."""

    csv: FileFact = ABSENT
    command: ProgramFact = ProgramFact(status=0)


class CustomersNotify(Task[CustomersNotifyParams, CustomersNotifyFacts]):
    """Tell the customers what does not work, and when they will hear more.

    One message for each customer, in the customer's language if the list names a language. A person approves the text
    first. After an interruption or a repeated run, no customer gets a second message; the run reports customers with
    an unknown delivery.
    """

    name = "customers.notify"
    controller_files = ("csv", "via.ca")
    vantages = ("controller",)
    may_ask = True

    def looks_by(self, params: CustomersNotifyParams) -> tuple[str, ...]:
        """Return the command to print the list of customers."""
        return params.command or ()

    def probe(self, params: CustomersNotifyParams, scene: Scene) -> Probe:
        """Read the list."""
        return {"csv": File(params.csv)} if params.csv else {"command": Listing(params.command or ())}

    def plan(self, params: CustomersNotifyParams, facts: CustomersNotifyFacts, scene: Scene) -> Iterator[Planned]:
        """Yield a gap for each faulty row, a message for each customer, and the question for approval of the text."""
        found, faults = addressees(_listed(params, facts))
        japanese = sum(each.language == "ja" for each in found)
        if japanese and (lacking := params.lacks_in_japanese()):
            raise Unplannable(
                trn(
                    "1 customer of the list reads Japanese, and `{lacking}` is missing",
                    "{count} customers of the list read Japanese, and `{lacking}` is missing",
                    japanese,
                    lacking=lacking,
                )
            )
        no_packet = Unlimited(why=tr("a customer who gets no letter lets no packet through"))
        yield from (
            Gap(text=tr("{csv}: {fault}", csv=params.csv or tr("the list"), fault=fault), at_best=no_packet)
            for fault in faults
        )
        messages = [_message(params, scene, addressee) for addressee in found]
        if messages:
            source = params.csv or join(params.command or ())
            samples: dict[Language | None, Message] = {}
            for addressee, message in zip(found, messages, strict=True):
                samples.setdefault(addressee.language, message)
            first = "\n\n".join("\n".join(message.preview()) for message in samples.values())
            yield Question(
                text=tr("Is this text right, and may it go to the customers of {source}?", source=source),
                reason=first,
            )
        yield from messages


def _listed(params: CustomersNotifyParams, facts: CustomersNotifyFacts) -> str:
    if params.csv:
        text = facts.csv.text()
        if text is None:
            raise Unplannable(tr("{csv}: no file that can be read, or one of more than 1 MiB", csv=params.csv))
        return text
    if facts.command.status != 0 or facts.command.cut:
        said = facts.command.stderr.strip().splitlines()[-1:] or [tr("it printed no complete list")]
        raise Unplannable(
            tr(
                "{command}: exit status {status}: {said}",
                command=(params.command or ("",))[0],
                status=facts.command.status,
                said=safe(said[0]),
            )
        )
    return facts.command.stdout


def _message(params: CustomersNotifyParams, scene: Scene, addressee: Addressee) -> Message:
    languages = (addressee.language,) if addressee.language else params.languages
    values = {
        **common_values(params, scene),
        "name": addressee.name,
        "occasion": params.occasion,
        "message": {lang: safe(getattr(params.message, lang) or "") for lang in ("en", "ja")},
        "since": params.since and moment(params.since),
        "next_word": params.next_word and moment(params.next_word),
        "since_ja": params.since and moment_ja(params.since),
        "next_word_ja": params.next_word and moment_ja(params.next_word),
    }
    text = letter("customers", languages, values)
    incident = incident_of(params, scene)
    return Message(
        key=message_key(incident, addressee.email, "customers", text.sameness),
        series=f"customers.notify {incident}",
        about="notice",
        to=addressee.email,
        reply_to=params.contact,
        subject=text.subject,
        text=text.text,
        route=params.via,
        automatic=True,
        pause=60 / params.per_minute,
        fresh_for=fresh_for(params),
        resend_unknown=params.resend_unknown,
    )
