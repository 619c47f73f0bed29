"""Common parts of every letter: sender, subject, languages, and rendering of the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, Field, StringConstraints

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.language import Language, spoken
from stopgap.orchestrator.message import MailAddress, ShortLine
from stopgap.orchestrator.task import Parameters
from stopgap.orchestrator.template import render_file
from stopgap.orchestrator.text import zoned_text

LongText: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=8000)]

UNNAMED_FRESH_FOR = timedelta(days=14)
"""How long a message without the incident's own name counts as sent: the host may be broken into again."""


def reader_s_order() -> tuple[Language, ...]:
    """Return both languages, the terminal's language first."""
    return ("ja", "en") if spoken() == "ja" else ("en", "ja")


class Correspondence(Parameters):
    """Parameters of every letter: sender, incident and languages."""

    contact: MailAddress = Field(
        description="Mail address for answers; preferably without any part of the host in the delivery."
    )
    reporter: ShortLine | None = Field(None, description="Name of whoever writes.")
    organisation: ShortLine | None = Field(None, description="Organisation of the reporter.")
    phone: ShortLine | None = Field(None, description="Phone number of the reporter.")
    incident: ShortLine | None = Field(
        None,
        description="Name of the incident; stands in the subject. The same text goes to the same reader once an"
        " incident. Default: the target's name, for 14 days.",
    )
    hostnames: ShortLine | None = Field(None, description="Full names of the host, separated by commas.")
    service: ShortLine | None = Field(None, description="Purpose of the host, such as `the shop's web server`.")
    service_ja: ShortLine | None = Field(
        None, description="The same in Japanese; a Japanese text without it leaves the purpose out."
    )
    seen: LongText | None = Field(None, description="Observation, in the operator's own words.")
    seen_ja: LongText | None = Field(
        None, description="The same in Japanese; a Japanese text without it quotes `seen` as it stands."
    )
    seen_at: AwareDatetime | None = Field(None, description="Time of the observation, with offset from UTC.")
    languages: tuple[Language, ...] = Field(
        default_factory=reader_s_order,
        min_length=1,
        max_length=2,
        description="Languages of the text, the reader's first; the subject is in the first. Default: both, that"
        " of the terminal first.",
    )


@dataclass(frozen=True)
class Letter:
    """A letter's text."""

    subject: str
    text: str
    sameness: str
    """The subjects and texts by language, whatever the order: two letters are the same if these are equal."""


def common_values(params: Correspondence, scene: Scene) -> dict[str, object]:
    """Return the template variables common to every letter."""
    return {
        "host": scene.target.name,
        "addresses": [str(a) for a in scene.target.addresses or (scene.target.address,)],
        "incident": incident_of(params, scene),
        "contact": params.contact,
        "reporter": params.reporter,
        "organisation": params.organisation,
        "phone": params.phone,
        "hostnames": params.hostnames,
        "service": params.service,
        "service_ja": params.service_ja,
        "seen": params.seen and safe(params.seen),
        "seen_ja": (seen_ja := params.seen_ja or params.seen) and safe(seen_ja),
        "seen_at": params.seen_at and moment(params.seen_at),
        "seen_at_ja": params.seen_at and moment_ja(params.seen_at),
    }


def incident_of(params: Correspondence, scene: Scene) -> str:
    """Name the incident."""
    return params.incident or scene.target.name


def fresh_for(params: Correspondence) -> float | None:
    """Return for how many seconds a sent message of this incident prevents a second sending; None: for ever."""
    return None if params.incident else UNNAMED_FRESH_FOR.total_seconds()


def letter(name: str, languages: Sequence[Language], values: Mapping[str, object]) -> Letter:
    """Render `letters/NAME.LANGUAGE.txt` in each language; the first line of a template is the subject.

    The subject of the whole is that of the first language alone, so that a list of mails shows all of it.
    """
    parts = {language: _part(render_file(f"letters/{name}.{language}.txt", values)) for language in languages}
    return Letter(
        subject=parts[languages[0]][0],
        text="\n\n".join(_ruled([text for _, text in parts.values()])) + "\n",
        sameness="\n".join(f"{subject}\n{text}" for _, (subject, text) in sorted(parts.items())),
    )


def moment(at: datetime) -> str:
    """Return a point in time as an English reader writes it, in the operator's time zone.

    >>> moment(datetime.fromisoformat("2026-11-23T10:40+09:00"))
    'Mon 23 Nov 2026 10:40 JST'
    """
    return zoned_text(at)


def moment_ja(at: datetime) -> str:
    """Return a point in time as a Japanese reader writes it, in the operator's time zone.

    >>> moment_ja(datetime.fromisoformat("2026-11-23T10:40+09:00"))
    '2026年11月23日（月）10時40分（日本時間）'
    """
    zone = "日本時間" if at.utcoffset() == timedelta(hours=9) else f"UTC{at.isoformat()[-6:]}"
    return f"{at.year}年{at.month}月{at.day}日（{'月火水木金土日'[at.weekday()]}）{at.hour}時{at:%M}分（{zone}）"


def safe(text: str) -> str:
    """Return the operator's text, with Unix line ends; what else is not seen is escaped by the template."""
    return text.replace("\r\n", "\n").strip()


def _part(rendered: str) -> tuple[str, str]:
    """Return subject and text."""
    head, _, body = rendered.partition("\n")
    return head.removeprefix("Subject: ").strip(), body.strip("\n")


def _ruled(texts: Sequence[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        if place:
            yield "-" * 72
        yield text
