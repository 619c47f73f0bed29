"""The reports of a run and of an incident, read from a journal and put into a language and a time zone."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.journal import History, Journal, JournalError
from stopgap.orchestrator.journal.incidents import Incident, find_incident
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.report import in_form, renamed
from stopgap.orchestrator.report import report as run_paper
from stopgap.orchestrator.run.own_names import names_in
from stopgap.orchestrator.run.whole import whole_of
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class Paper:
    """A report, with the runs that it rests on."""

    text: str
    histories: tuple[History, ...]


def run_report(
    journal: Journal,
    run: str,
    *,
    lang: Language,
    format: Literal["html", "md", "json"],  # noqa: A002
    zone: tzinfo | None,
) -> Paper:
    """Return the report of a run, by its id, or of all runs of an order at several sites; `zone`: see `zone_of_run`.

    Raises UnknownRunError, DamagedRunError for unreadable records, JournalError.
    """
    whole = whole_of(journal, run)
    history = whole.runs[0]
    names = names_in(whole.runs, lang)
    where = zone or zone_of_run(journal, history)
    if len(whole.runs) > 1:
        from stopgap.orchestrator.run.whole_report import whole_report  # noqa: PLC0415 - few runs have it

        text = in_form(renamed(whole_report(whole), names), lang=lang, format=format, zone=where, names=names)
        return Paper(text, whole.runs)
    return Paper(run_paper(history, lang=lang, format=format, zone=where, names=names), (history,))


def incident_report(
    journal: Journal,
    name: str,
    *,
    lang: Language,
    format: Literal["html", "md", "json"],  # noqa: A002
    zone: tzinfo | None,
) -> Paper:
    """Return the report of all runs and notes of an incident; `zone`: see `zone_of_incident`.

    Raises UsageError for an incident without a run, DamagedRunError, JournalError.
    """
    from stopgap.orchestrator.report.decisions import duty_names  # noqa: PLC0415 - the report of a run needs neither
    from stopgap.orchestrator.report.incident import build_incident  # noqa: PLC0415

    incident, histories = runs_of_incident(journal, name)
    names = names_in(histories, lang)
    names |= duty_names(incident, histories) if lang == "ja" else {}
    built = renamed(build_incident(incident, histories), names)
    where = zone or zone_of_incident(incident)
    return Paper(in_form(built, lang=lang, format=format, zone=where, names=names), tuple(histories))


def runs_of_incident(journal: Journal, name: str) -> tuple[Incident, list[History]]:
    """Return an incident with its runs, at least one. Raises UsageError, JournalError."""
    incident = find_incident(journal, name)
    if not incident.runs:
        raise UsageError(
            tr("incident {incident} has no run yet: stopgap run … --incident {incident}", incident=incident.name)
        )
    return incident, [journal.history(run) for run in incident.runs]


def zone_of_run(journal: Journal, history: History) -> tzinfo:
    """Return the time zone of a run's papers: the incident's, else of `$TZ`, else UTC."""
    if history.started.incident:
        with suppress(JournalError):
            return zone_of_incident(find_incident(journal, history.started.incident))
    return time_zone(None)


def zone_of_incident(incident: Incident) -> tzinfo:
    """Return the time zone of an incident's papers: the incident's, else of `$TZ`, else UTC."""
    return ZoneInfo(incident.details.timezone) if incident.details.timezone else time_zone(None)


def time_zone(name: str | None) -> tzinfo:
    """Return the zone of a name of the IANA database, by default of `$TZ`, else UTC.

    Raises UsageError for a name that the database lacks; a `$TZ` that is no such name counts as UTC.

    >>> str(time_zone("Asia/Tokyo"))
    'Asia/Tokyo'
    """
    wanted = os.environ.get("TZ", "").lstrip(":") if name is None else name
    try:
        return ZoneInfo(wanted) if wanted else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if name is None:
            return UTC
        raise UsageError(
            tr("{name} is no time zone; expected a name such as Asia/Tokyo, Europe/Berlin or UTC", name=name)
        ) from None
