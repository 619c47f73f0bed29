"""report: the report of a run or of an incident, and the manual for the next time."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.errors import Error, UsageError
from stopgap.orchestrator.journal import History, Journal, JournalError, state_home
from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.run.own_names import names_in
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.journal.incidents import Incident


@dataclass(frozen=True)
class ReportOptions:
    """A report of one run."""

    run: str
    lang: Language = "en"
    format: Literal["html", "md", "json"] = "html"
    output: Path | None = None
    """None: standard output."""
    zone: tzinfo | None = None
    """The time zone of all times but those of JSON; None: the incident's, else of `$TZ`, else UTC."""


@dataclass(frozen=True)
class IncidentReportOptions:
    """One report of all runs and notes of an incident."""

    incident: str
    lang: Language = "en"
    format: Literal["html", "md", "json"] = "html"
    output: Path | None = None
    """None: standard output."""
    zone: tzinfo | None = None
    """The time zone of all times but those of JSON; None: the incident's, else of `$TZ`, else UTC."""


@dataclass(frozen=True)
class ManualOptions:
    """A recovery manual for the next incident, from one run."""

    run: str
    lang: Language = "en"
    format: Literal["html", "md"] = "html"
    output: Path | None = None
    """None: standard output."""
    zone: tzinfo | None = None
    """The time zone of all times but those of JSON; None: the incident's, else of `$TZ`, else UTC."""


@dataclass(frozen=True)
class IncidentManualOptions:
    """One manual of all runs of an incident, for the next one."""

    incident: str
    lang: Language = "en"
    format: Literal["html", "md"] = "html"
    output: Path | None = None
    """None: standard output."""
    zone: tzinfo | None = None
    """The time zone of all times; None: the incident's, else of `$TZ`, else UTC."""


def report(options: ReportOptions) -> int:
    """Write the report of a run; return 1 for a damaged journal."""
    from stopgap.orchestrator.report import report as render

    history, damaged, zone = _history(options.run, options.zone)
    names = names_in([history], options.lang)
    put(options.output, render(history, lang=options.lang, format=options.format, zone=zone, names=names))
    return int(damaged)


def manual(options: ManualOptions) -> int:
    """Write the manual of a run; return 1 for a damaged journal."""
    history, damaged, zone = _history(options.run, options.zone)
    put(options.output, _manual(history, replace(options, zone=zone), names_in([history], options.lang)))
    return int(damaged)


def incident_report(options: IncidentReportOptions) -> int:
    """Write the report of an incident; return 1 for a damaged journal."""
    with Journal.open_to_read(state_home()) as journal:
        text, damaged = _incident(journal, options)
    put(options.output, text)
    return int(damaged)


def incident_manual(options: IncidentManualOptions) -> int:
    """Write the manual of an incident; return 1 for a damaged journal."""
    from stopgap.orchestrator.report.guide import guide_text
    from stopgap.orchestrator.run.standing import recovers

    with Journal.open_to_read(state_home()) as journal:
        incident, histories = _runs_of(journal, options.incident)
    zone = options.zone or _zone_of(incident) or time_zone(None)
    text = guide_text(
        incident,
        histories,
        [recovers(history) for history in histories],
        lang=options.lang,
        format=options.format,
        zone=zone,
        names=names_in(histories, options.lang),
    )
    put(options.output, text)
    return int(any(show_damage(screens.err(), each.run, each.damage) for each in histories))


def _runs_of(journal: Journal, name: str) -> tuple[Incident, list[History]]:
    """Return an incident with its runs, at least one. Raises UsageError, JournalError."""
    from stopgap.orchestrator.journal.incidents import find_incident

    incident = find_incident(journal, name)
    if not incident.runs:
        raise UsageError(
            tr("incident {incident} has no run yet: stopgap run … --incident {incident}", incident=incident.name)
        )
    return incident, [journal.history(run) for run in incident.runs]


def _history(run: str, zone: tzinfo | None) -> tuple[History, bool, tzinfo]:
    """Return the history of a run, whether the journal is damaged, and the time zone; damage is shown."""
    from stopgap.orchestrator.journal.incidents import find_incident

    with Journal.open_to_read(state_home()) as journal:
        history = journal.history(journal.resolve(run))
        if zone is None and history.started.incident:
            with suppress(JournalError):
                zone = _zone_of(find_incident(journal, history.started.incident))
        return history, show_damage(screens.err(), history.run, history.damage), zone or time_zone(None)


def _zone_of(incident: Incident) -> tzinfo | None:
    return ZoneInfo(incident.details.timezone) if incident.details.timezone else None


def put(output: Path | None, text: str) -> None:
    """Write a paper to a file or to standard output. Raises Error for a file that cannot be written."""
    if output is None:
        sys.stdout.write(text)
        return
    try:
        _write(output.resolve(), text.encode())
    except (OSError, JournalError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).rpartition(": ")[2]
        raise Error(tr("{output}: {why}; the report was not written", output=output, why=why)) from None
    screens.err().line(tr("Written: {output}", output=output))


def _write(path: Path, content: bytes) -> None:
    """Write a regular file atomically; a pipe or terminal directly."""
    if path.exists() and not path.is_file():
        path.write_bytes(content)
    else:
        write_at_once(path, content)


def _incident(journal: Journal, options: IncidentReportOptions) -> tuple[str, bool]:
    from stopgap.orchestrator.report import in_form, renamed
    from stopgap.orchestrator.report.decisions import duty_names
    from stopgap.orchestrator.report.incident import build_incident

    incident, histories = _runs_of(journal, options.incident)
    names = names_in(histories, options.lang)
    names |= duty_names(incident, histories) if options.lang == "ja" else {}
    built = renamed(build_incident(incident, histories), names)
    zone = options.zone or _zone_of(incident) or time_zone(None)
    text = in_form(built, lang=options.lang, format=options.format, zone=zone, names=names)
    return text, any(show_damage(screens.err(), each.run, each.damage) for each in histories)


def _manual(history: History, options: ManualOptions, names: Mapping[str, str]) -> str:
    from stopgap.orchestrator.report.manual import manual as render
    from stopgap.orchestrator.runbook import parse_runbook
    from stopgap.orchestrator.source import InvalidInput

    about, inputs = "", {}
    with suppress(InvalidInput):  # of another version: the manual goes without the runbook's own words
        runbook = parse_runbook(history.started.runbook_text, history.started.runbook_path)
        about = runbook.description
        inputs = {name: param.description for name, param in runbook.params.items()}
    return render(
        history,
        about=about,
        inputs=inputs,
        names=names,
        lang=options.lang,
        format=options.format,
        zone=options.zone or UTC,
    )


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
