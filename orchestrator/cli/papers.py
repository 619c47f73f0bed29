"""report: the report of a run or of an incident, and the manual for the next time."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Literal

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage
from stopgap.orchestrator.cli.journals import open_journal_to_read
from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.journal import History, JournalError
from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.language import Language
from stopgap.orchestrator.run.own_names import names_in
from stopgap.orchestrator.run.papers import (
    Paper,
    run_report,
    runs_of_incident,
    zone_of_incident,
    zone_of_run,
)
from stopgap.orchestrator.run.papers import incident_report as of_incident
from stopgap.orchestrator.text import tr


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
    with open_journal_to_read() as journal:
        run = journal.resolve(options.run)
        paper = run_report(journal, run, lang=options.lang, format=options.format, zone=options.zone)
    return _put(options.output, paper)


def manual(options: ManualOptions) -> int:
    """Write the manual of a run; return 1 for a damaged journal."""
    with open_journal_to_read() as journal:
        history = journal.history(journal.resolve(options.run))
        zone = options.zone or zone_of_run(journal, history)
    text = _manual(history, replace(options, zone=zone), names_in([history], options.lang))
    return _put(options.output, Paper(text, (history,)))


def incident_report(options: IncidentReportOptions) -> int:
    """Write the report of an incident; return 1 for a damaged journal."""
    with open_journal_to_read() as journal:
        paper = of_incident(journal, options.incident, lang=options.lang, format=options.format, zone=options.zone)
    return _put(options.output, paper)


def incident_manual(options: IncidentManualOptions) -> int:
    """Write the manual of an incident; return 1 for a damaged journal."""
    from stopgap.orchestrator.report.guide import guide_text
    from stopgap.orchestrator.run.standing import recovers

    with open_journal_to_read() as journal:
        incident, histories = runs_of_incident(journal, options.incident)
    text = guide_text(
        incident,
        histories,
        [recovers(history) for history in histories],
        lang=options.lang,
        format=options.format,
        zone=options.zone or zone_of_incident(incident),
        names=names_in(histories, options.lang),
    )
    return _put(options.output, Paper(text, tuple(histories)))


def _put(output: Path | None, paper: Paper) -> int:
    """Write a paper after the damage of its journal; return 1 for damage."""
    damaged = [show_damage(screens.err(), each.run, each.damage) for each in paper.histories]
    put(output, paper.text)
    return int(any(damaged))


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
