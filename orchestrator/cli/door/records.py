"""Commands over what was done: runs, status, report, journal, incident."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from stopgap.orchestrator.cli.door.call import Call, duration_of, path_of
from stopgap.orchestrator.text import tr


def runs(args: Namespace) -> Call[Any]:
    """Read `stopgap runs`."""
    from stopgap.orchestrator.cli.runs import RunsOptions, runs

    return Call(runs, RunsOptions(pruned=args.pruned, json=args.json))


def prune(args: Namespace) -> Call[Any]:
    """Read `stopgap prune`. Raises InvalidInput for a duration that is none."""
    from stopgap.orchestrator.cli.prune import PruneOptions, prune

    older = duration_of("--older", args.older)
    options = PruneOptions(
        older=older, keep_evidence=args.keep_evidence, dry_run=args.dry_run, yes=args.yes, json=args.json
    )
    return Call(prune, options)


def show(args: Namespace) -> Call[Any]:
    """Read `stopgap show`."""
    from stopgap.orchestrator.cli.history import ShowOptions, show

    return Call(show, ShowOptions(run=args.run, json=args.json))


def status(args: Namespace) -> Call[Any]:
    """Read `stopgap status`."""
    from stopgap.orchestrator.cli.status import StatusOptions, status

    return Call(status, StatusOptions(offline=args.offline, json=args.json))


def events(args: Namespace) -> Call[Any]:
    """Read `stopgap events`. Raises InvalidInput for a time that is none."""
    from stopgap.orchestrator.cli.events import EventsOptions, events
    from stopgap.orchestrator.run.stream import moment_of
    from stopgap.orchestrator.source import InvalidInput, Problem, Unfit

    try:
        since = moment_of(args.since) if args.since else None
    except Unfit as error:
        option = f"--since {args.since}"
        raise InvalidInput([Problem(option, error.message, expected=error.expected, hint=error.hint)]) from None
    return Call(events, EventsOptions(tuple(args.runs), follow=args.follow, since=since, json=args.json))


def verify(args: Namespace) -> Call[Any]:
    """Read `stopgap verify`."""
    from stopgap.orchestrator.cli.history import VerifyOptions, verify

    return Call(
        verify,
        VerifyOptions(what=args.what, signers=path_of(args.signers), tsa_ca=path_of(args.tsa_ca), json=args.json),
    )


def report(args: Namespace) -> Call[Any]:
    """Read `stopgap report`: of a run, of an incident, or the manual of either. Raises UsageError for two at once."""
    from stopgap.orchestrator.cli import papers
    from stopgap.orchestrator.errors import UsageError
    from stopgap.orchestrator.run.papers import time_zone

    if (args.run is None) == (args.incident is None):
        raise UsageError(tr("of what? Give a run, or --incident NAME"))
    if args.manual and args.format == "json":
        raise UsageError(tr("--manual is for people: --format html or md"))
    output = path_of(args.output)
    zone = time_zone(args.timezone) if args.timezone else None
    if args.incident and args.manual:
        of_both = papers.IncidentManualOptions(args.incident, args.lang, args.format, output, zone)
        return Call(papers.incident_manual, of_both)
    if args.incident:
        of_incident = papers.IncidentReportOptions(args.incident, args.lang, args.format, output, zone)
        return Call(papers.incident_report, of_incident)
    if args.manual:
        return Call(papers.manual, papers.ManualOptions(args.run, args.lang, args.format, output, zone))
    return Call(papers.report, papers.ReportOptions(args.run, args.lang, args.format, output, zone))


def journal_import(args: Namespace) -> Call[Any]:
    """Read `stopgap journal import`."""
    from stopgap.orchestrator.cli.bringing_back import ImportOptions, bring_in

    folder = Path(args.folder) if args.folder else None
    return Call(bring_in, ImportOptions(folder, signers=path_of(args.signers), json=args.json))


def journal_install(args: Namespace) -> Call[Any]:
    """Read `stopgap journal install`."""
    from stopgap.orchestrator.cli.team import InstallOptions, install_journal

    return Call(install_journal, InstallOptions(json=args.json))


def incident_open(args: Namespace) -> Call[Any]:
    """Read `stopgap incident open`. Raises InvalidInput for a detail that is no KEY=VALUE."""
    from stopgap.orchestrator.cli.incident import OpenOptions, opening
    from stopgap.orchestrator.cli.pairs import pairs

    given = pairs(args.set, "--set")
    return Call(opening, OpenOptions(name=args.name, file=path_of(args.file), details=given, json=args.json))


def incident_describe(args: Namespace) -> Call[Any]:
    """Read `stopgap incident describe`. Raises InvalidInput for a detail that is no KEY=VALUE."""
    from stopgap.orchestrator.cli.incident import DescribeOptions, describing
    from stopgap.orchestrator.cli.pairs import pairs

    given = pairs(args.set, "--set")
    options = DescribeOptions(incident=args.incident, file=path_of(args.file), details=given, json=args.json)
    return Call(describing, options)


def incident_note(args: Namespace) -> Call[Any]:
    """Read `stopgap incident note`."""
    from stopgap.orchestrator.cli.incident import NoteOptions, noting

    return Call(noting, NoteOptions(args.text, args.incident, went_well=args.went_well, json=args.json))


def action_add(args: Namespace) -> Call[Any]:
    """Read `stopgap incident action add`. Raises UsageError for a due day that is none."""
    from stopgap.orchestrator.cli.incident_actions import AddOptions, adding, due_day

    options = AddOptions(
        text=args.text,
        owner=args.owner,
        due=due_day(args.due),
        decision=args.decision,
        incident=args.incident,
        json=args.json,
    )
    return Call(adding, options)


def action_done(args: Namespace) -> Call[Any]:
    """Read `stopgap incident action done`."""
    from stopgap.orchestrator.cli.incident_actions import DoneOptions, finishing

    return Call(finishing, DoneOptions(args.number, args.result, incident=args.incident, json=args.json))


def incident_close(args: Namespace) -> Call[Any]:
    """Read `stopgap incident close`."""
    from stopgap.orchestrator.cli.incident import IncidentOptions, closing

    return Call(closing, IncidentOptions(incident=args.incident, json=args.json))


def incident_show(args: Namespace) -> Call[Any]:
    """Read `stopgap incident show`."""
    from stopgap.orchestrator.cli.incident import IncidentOptions, show

    return Call(show, IncidentOptions(incident=args.incident, json=args.json))


def incident_duties(args: Namespace) -> Call[Any]:
    """Read `stopgap incident duties`."""
    from stopgap.orchestrator.cli.duties import DutiesOptions, duties

    return Call(duties, DutiesOptions(incident=args.incident, json=args.json))


def incident_duty(args: Namespace) -> Call[Any]:
    """Read `stopgap incident duty`. Raises UsageError for two decisions at once, or for a time without an offset."""
    from stopgap.orchestrator.cli.duties import DutyOptions, duty
    from stopgap.orchestrator.cli.duty_decision import decision_of

    decision = decision_of(owed=args.owed, not_owed=args.not_owed, sent=args.sent, draft=args.draft)
    return Call(
        duty,
        DutyOptions(
            duty=args.duty,
            incident=args.incident,
            decision=decision.state,
            at=decision.at,
            reference=args.reference or "",
            reason=decision.reason,
            draft=args.draft,
            output=path_of(args.output),
            json=args.json,
        ),
    )
