"""Duties to notify of one incident: until when, what is known of each item, what a person decided, and the draft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from stopgap.orchestrator.duties import Detail, Due, Duty, Item, due, due_text, duties_in_force
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.incident_records import DutyDecided
from stopgap.orchestrator.journal.incidents import Incident
from stopgap.orchestrator.language import Language, rendered
from stopgap.orchestrator.report.build import cause_of
from stopgap.orchestrator.template import render_file
from stopgap.orchestrator.text import Text, date_text, joined, moment_text, tr, zoned_text

DutyState: TypeAlias = Literal["undecided", "owed", "not-owed", "sent"]
CountedFrom: TypeAlias = Literal["aware", "noticed", "opened"]


@dataclass(frozen=True)
class DutyStanding:
    """A duty, as it stands in an incident."""

    duty: Duty
    state: DutyState
    """`undecided`: nobody has said whether the notice is owed."""
    counted_from: datetime
    counted_by: CountedFrom
    """What `counted_from` is: the awareness that data are concerned, the noticing, or the incident's opening."""
    due: Due | None
    """None: without delay."""
    known: tuple[tuple[Item, str], ...]
    unknown: tuple[Item, ...]
    decided: DutyDecided | None = None

    def is_late(self, now: datetime) -> bool:
        """Return True for a deadline that is over, without a notice sent, unless no notice is owed."""
        return self.state in {"undecided", "owed"} and self.due is not None and now >= self.due.at


def duty_standings(
    incident: Incident, histories: Sequence[History], lang: Language = "en"
) -> tuple[DutyStanding, ...]:
    """Return the duties of an incident: those to be decided or sent first, by deadline.

    `histories` are the incident's runs; `lang` is for details that are given in both languages.
    """
    known = known_details(incident, histories, lang)
    decided = {word.duty: word for word in incident.duties}
    found = [_standing(duty, incident, known, decided.get(duty.id)) for duty in duties_in_force()]
    return tuple(sorted(found, key=_urgency))


def start_of(incident: Incident, counts_from: Literal["noticed", "aware"]) -> tuple[datetime, CountedFrom]:
    """Return the moment from which a deadline counts: of what is known the moment that fits, else an earlier one."""
    details = incident.details
    if counts_from == "aware" and details.aware_at:
        return details.aware_at, "aware"
    if details.seen_at:
        return details.seen_at, "noticed"
    return incident.opened.at, "opened"


def known_details(incident: Incident, histories: Sequence[History], lang: Language = "en") -> Mapping[Detail, str]:
    """Return what is known of an incident, by item; what is missing is unknown."""
    details = incident.details
    targets = dict.fromkeys(target for history in histories for target in history.started.targets)
    service = (details.service_ja if lang == "ja" else details.service) or ""
    host = details.hostnames or ", ".join(targets)
    found: dict[Detail, str] = {
        "summary": details.seen or "",
        "host": joined(", ", filter(None, (host, service))),
        "service": service,
        "reporter": joined(
            ", ", filter(None, (details.organisation, details.reporter, details.contact, details.phone))
        ),
        "seen_at": zoned_text(details.seen_at) if details.seen_at else "",
        "data": details.data or "",
        "people": details.people or "",
        "cause": _cause(histories),
        "harm": details.harm or "",
        "told": details.told or "",
        "measures": joined("; ", _measures(histories)),
        "publication": details.publication or "",
        "prevention": details.prevention or "",
    }
    return {name: text for name, text in found.items() if text}


def counted_text(standing: DutyStanding) -> Text:
    """Return in words what the deadline counts from."""
    at = zoned_text(standing.counted_from)
    match standing.counted_by:
        case "aware":
            return tr("counted from {at}, when it became known that personal data may be concerned", at=at)
        case "noticed":
            return tr("counted from {at}, when the incident was noticed", at=at)
        case "opened":
            return tr("counted from {at}, when the incident was opened here; when it was noticed is not known", at=at)


def state_text(standing: DutyStanding) -> Text:
    """Return in words what was decided or done."""
    word = standing.decided
    match standing.state:
        case "undecided":
            return tr("not decided")
        case "owed":
            return tr("to be sent")
        case "not-owed":
            return tr("not owed: {reason} ({by})", reason=word.reason if word else "", by=word.by if word else "")
        case "sent":
            at = zoned_text(datetime.fromisoformat(word.at)) if word else ""
            reference = word.reference if word else ""
            return tr("sent {at}, {reference}", at=at, reference=reference) if reference else tr("sent {at}", at=at)


def checked_text(duty: Duty, lang: Language) -> Text:
    """Return in words when the entry was compared with its source, and how far."""
    if duty.checked is None:
        return tr("not checked")
    if duty.read is None:
        return tr("checked on {day}", day=date_text(duty.checked))
    return tr("checked on {day}: {read}", day=date_text(duty.checked), read=duty.read.said(lang))


def draft(standing: DutyStanding, incident: Incident, lang: Language) -> str:
    """Return the draft of a notice; what is not known is left to be filled in. Nothing sends a draft."""
    duty = standing.duty

    def said(text: str) -> str:
        return rendered(text, lang)

    values = {
        "incident": incident.name,
        "name": duty.name.said(lang),
        "addressee": duty.addressee.said(lang),
        "basis": duty.basis.said(lang),
        "way": duty.way.said(lang),
        "due": said(due_text(standing.due)),
        "counted": said(counted_text(standing)),
        "checked": said(checked_text(duty, lang)),
        "items": [
            {"name": item.name.said(lang), "text": said(dict(standing.known).get(item, ""))} for item in duty.items
        ],
        "reporter": said(known_details(incident, (), lang).get("reporter", "")),
    }
    return render_file(f"letters/duty.{lang}.txt", values).lstrip()


def _standing(
    duty: Duty, incident: Incident, known: Mapping[Detail, str], decided: DutyDecided | None
) -> DutyStanding:
    start, counted_by = start_of(incident, duty.counts_from)
    answered = tuple((item, known[item.detail]) for item in duty.items if item.detail in known)  # type: ignore[index]
    return DutyStanding(
        duty=duty,
        state=decided.state if decided else "undecided",
        counted_from=start,
        counted_by=counted_by,
        due=due(duty.within, start) if duty.within else None,
        known=answered,
        unknown=tuple(item for item in duty.items if item.detail not in known),
        decided=decided,
    )


def _urgency(standing: DutyStanding) -> tuple[bool, bool, datetime]:
    """Sort what is to be done at once first, then by deadline, then what nobody has to do, then what is settled."""
    end = standing.due.at if standing.due else datetime.min.replace(tzinfo=UTC)
    return standing.state in {"not-owed", "sent"}, standing.duty.binding == "voluntary", end


def _cause(histories: Sequence[History]) -> str:
    causes = [cause for history in histories if (cause := cause_of(history))]
    return causes[-1].text if causes else ""


def _measures(histories: Sequence[History]) -> Iterator[Text]:
    for history in histories:
        for step in history.steps:
            if step.outcome == "changed" and step.finished:
                yield tr("{name} ({at})", name=step.name, at=moment_text(step.finished))
