"""Common parts of every letter: sender, subject, languages, and rendering of the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, Field, StringConstraints

from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.message import Line, MailAddress
from stopgap.orchestrator.task import Parameters
from stopgap.orchestrator.template import render_file

Language: TypeAlias = Literal["en", "ja"]
ShortLine: TypeAlias = Annotated[Line, StringConstraints(min_length=1, max_length=200)]
LongText: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=8000)]
AbsolutePath: TypeAlias = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f]*[^/\x00-\x1f]$")]

UNNAMED_FRESH_FOR = timedelta(days=14)
"""How long a message without the incident's own name counts as sent: the host may be broken into again."""


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
    seen_at: AwareDatetime | None = Field(None, description="Time of the observation, with offset from UTC.")
    languages: tuple[Language, ...] = Field(
        ("en", "ja"), min_length=1, max_length=2, description="Languages of the text, in order."
    )


@dataclass(frozen=True)
class Letter:
    """A letter's text."""

    subject: str
    text: str


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
    """Render `letters/NAME.LANGUAGE.txt` in each language; the first line of a template is the subject."""
    parts = [_part(render_file(f"letters/{name}.{language}.txt", values)) for language in languages]
    subject = " / ".join(part.subject for part in parts)
    return Letter(subject, "\n\n".join(_ruled([part.text for part in parts])) + "\n")


def moment(at: datetime) -> str:
    """Return a point in time in the operator's time zone and in UTC."""
    there = f"{at:%Y-%m-%d %H:%M} (UTC{at.isoformat()[-6:]})"
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return utc if not at.utcoffset() else f"{there} = {utc}"


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


def _part(rendered: str) -> Letter:
    head, _, body = rendered.partition("\n")
    return Letter(head.removeprefix("Subject: ").strip(), body.strip("\n"))


def _ruled(texts: Sequence[str]) -> Iterator[str]:
    for place, text in enumerate(texts):
        if place:
            yield "-" * 72
        yield text
