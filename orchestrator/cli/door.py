"""What was typed becomes a typed value: the one file that knows what argparse has parsed.

One function a command. Each imports the command's module, and gives the command with its options, ready to be called;
every option has its type from here on.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from stopgap.orchestrator.text import tr

Options = TypeVar("Options")


class Call(NamedTuple, Generic[Options]):
    """A command and the options that it is called with."""

    command: Callable[[Options], int]
    options: Options

    def __call__(self) -> int:
        """Run the command; return the exit code."""
        return self.command(self.options)


Read: TypeAlias = Callable[[Namespace], Call[Any]]


def check(args: Namespace) -> Call[Any]:
    """Read `stopgap check`."""
    from stopgap.orchestrator.cli.check import CheckOptions, check

    return Call(
        check,
        CheckOptions(
            runbooks=tuple(args.runbook),
            inventories=tuple(args.inventory),
            targets=tuple(args.target),
            limit=_limit(args.limit_file),
            params=tuple(args.param),
            format=args.format,
        ),
    )


def run(args: Namespace) -> Call[Any]:
    """Read `stopgap run`. Raises InvalidInput for a parameter that is no KEY=VALUE, UsageError for a key."""
    from stopgap.orchestrator.cli.pairs import pairs
    from stopgap.orchestrator.cli.run import RunCommand, run
    from stopgap.orchestrator.cli.run_options import RunOptions, RunRequested, recipients, sign_key

    given = pairs(args.param)
    requested = RunRequested(
        runbook=args.runbook,
        inventories=tuple(args.inventory),
        targets=tuple(args.target),
        limit=_limit(args.limit_file),
        params=given,
        typed=given,
        dry_run=args.dry_run,
        incident=args.incident,
        save_plan=_path(args.save_plan),
        plan=_path(args.plan),
        request=_path(args.request),
        customers=_path(args.customers),
    )
    options = RunOptions(
        yes=args.yes,
        wait=args.wait,
        json=args.json,
        watch=args.watch,
        full=args.full,
        take_over=args.take_over,
        sign_key=sign_key(args.sign_key),
        recipients=recipients(args.age),
    )
    return Call(run, RunCommand(requested, options))


def cut(args: Namespace) -> Call[Any]:
    """Read `stopgap cut`. Raises UsageError for a key."""
    from stopgap.orchestrator.cli.cut import CutCommand, cut
    from stopgap.orchestrator.cli.run_options import RunOptions, sign_key
    from stopgap.orchestrator.cut.draft import CutAsked

    asked = CutAsked(
        hosts=tuple(args.host),
        at=tuple(args.at),
        expires=args.expires,
        spare=args.spare,
        contact=args.contact,
        outside=tuple(args.outside),
        allow=tuple(args.allow),
    )
    options = RunOptions(
        yes=args.yes,
        wait=args.wait,
        json=args.json,
        watch=args.watch,
        full=args.full,
        take_over=args.take_over,
        sign_key=sign_key(args.sign_key),
    )
    return Call(cut, CutCommand(asked, options, dry_run=args.dry_run, save=_path(args.save)))


def resume(args: Namespace) -> Call[Any]:
    """Read `stopgap resume`. Raises UsageError for a key."""
    from stopgap.orchestrator.cli.run import ResumeCommand, resume
    from stopgap.orchestrator.cli.run_options import RunOptions, recipients, sign_key

    options = RunOptions(
        yes=args.yes,
        wait=args.wait,
        json=args.json,
        watch=args.watch,
        detach=args.detach,
        anyway=args.anyway,
        take_over=args.take_over,
        sign_key=sign_key(args.sign_key),
        recipients=recipients(args.age),
    )
    return Call(resume, ResumeCommand(args.run, options, args.again_from))


def recover(args: Namespace) -> Call[Any]:
    """Read `stopgap recover`."""
    from stopgap.orchestrator.cli.recover import RecoverOptions, recover

    return Call(recover, RecoverOptions(incident=args.incident, json=args.json))


def answer(args: Namespace) -> Call[Any]:
    """Read `stopgap answer`."""
    from stopgap.orchestrator.cli.answer import AnswerOptions, answer

    return Call(
        answer,
        AnswerOptions(run=args.run, step=args.step, value=args.value, target=args.target, json=args.json),
    )


def undo(args: Namespace) -> Call[Any]:
    """Read `stopgap undo`. Raises UsageError for a key."""
    from stopgap.orchestrator.cli.run_options import sign_key
    from stopgap.orchestrator.cli.undo import UndoOptions, undo

    return Call(
        undo,
        UndoOptions(
            run=args.run,
            step=args.step,
            yes=args.yes,
            force=args.force,
            anyway=args.anyway,
            take_over=args.take_over,
            sign_key=sign_key(args.sign_key),
            json=args.json,
        ),
    )


def request(args: Namespace) -> Call[Any]:
    """Read `stopgap request`."""
    from stopgap.orchestrator.cli.request import RequestOptions, request

    return Call(
        request,
        RequestOptions(
            inventories=tuple(args.inventory),
            targets=tuple(args.target),
            limit=_limit(args.limit_file),
            addresses=tuple(args.address),
            reason=args.reason,
            contact=args.contact,
            expires=args.expires,
            run=args.run,
            sign_key=Path(args.sign_key),
            output=Path(args.output),
            json=args.json,
        ),
    )


def runs(args: Namespace) -> Call[Any]:
    """Read `stopgap runs`."""
    from stopgap.orchestrator.cli.history import RunsOptions, runs

    return Call(runs, RunsOptions(pruned=args.pruned, json=args.json))


def prune(args: Namespace) -> Call[Any]:
    """Read `stopgap prune`. Raises InvalidInput for a duration that is none."""
    from stopgap.orchestrator.cli.prune import PruneOptions, prune
    from stopgap.orchestrator.duration import parse_duration
    from stopgap.orchestrator.source import InvalidInput, Problem, Unfit

    try:
        older = parse_duration(args.older)
    except Unfit as error:
        option = f"--older {args.older}"
        raise InvalidInput([Problem(option, error.message, expected=error.expected, hint=error.hint)]) from None
    options = PruneOptions(
        older=older, keep_evidence=args.keep_evidence, dry_run=args.dry_run, yes=args.yes, json=args.json
    )
    return Call(prune, options)


def show(args: Namespace) -> Call[Any]:
    """Read `stopgap show`."""
    from stopgap.orchestrator.cli.history import ShowOptions, show

    return Call(show, ShowOptions(run=args.run, json=args.json))


def ready(args: Namespace) -> Call[Any]:
    """Read `stopgap ready`."""
    from stopgap.orchestrator.cli.ready import ReadyOptions, ready

    options = ReadyOptions(
        inventories=tuple(args.inventory),
        targets=tuple(args.target),
        limit=_limit(args.limit_file),
        sudoers=args.sudoers,
        json=args.json,
    )
    return Call(ready, options)


def status(args: Namespace) -> Call[Any]:
    """Read `stopgap status`."""
    from stopgap.orchestrator.cli.status import StatusOptions, status

    return Call(status, StatusOptions(offline=args.offline, json=args.json))


def verify(args: Namespace) -> Call[Any]:
    """Read `stopgap verify`."""
    from stopgap.orchestrator.cli.history import VerifyOptions, verify

    return Call(
        verify,
        VerifyOptions(what=args.what, signers=_path(args.signers), tsa_ca=_path(args.tsa_ca), json=args.json),
    )


def watch(args: Namespace) -> Call[Any]:
    """Read `stopgap watch`."""
    from stopgap.orchestrator.cli.watch import WatchOptions, watch

    return Call(watch, WatchOptions(run=args.run, json=args.json))


def report(args: Namespace) -> Call[Any]:
    """Read `stopgap report`: of a run, of an incident, or the manual of either. Raises UsageError for two at once."""
    from stopgap.orchestrator.cli import papers
    from stopgap.orchestrator.errors import UsageError

    if (args.run is None) == (args.incident is None):
        raise UsageError(tr("of what? Give a run, or --incident NAME"))
    if args.manual and args.format == "json":
        raise UsageError(tr("--manual is for people: --format html or md"))
    output = _path(args.output)
    zone = papers.time_zone(args.timezone) if args.timezone else None
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

    return Call(bring_in, ImportOptions(Path(args.folder), signers=_path(args.signers), json=args.json))


def incident_open(args: Namespace) -> Call[Any]:
    """Read `stopgap incident open`. Raises InvalidInput for a detail that is no KEY=VALUE."""
    from stopgap.orchestrator.cli.incident import OpenOptions, opening
    from stopgap.orchestrator.cli.pairs import pairs

    given = pairs(args.set, "--set")
    return Call(opening, OpenOptions(name=args.name, file=_path(args.file), details=given, json=args.json))


def incident_describe(args: Namespace) -> Call[Any]:
    """Read `stopgap incident describe`. Raises InvalidInput for a detail that is no KEY=VALUE."""
    from stopgap.orchestrator.cli.incident import DescribeOptions, describing
    from stopgap.orchestrator.cli.pairs import pairs

    given = pairs(args.set, "--set")
    options = DescribeOptions(incident=args.incident, file=_path(args.file), details=given, json=args.json)
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
            output=_path(args.output),
            json=args.json,
        ),
    )


def evidence_ls(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence ls`."""
    from stopgap.orchestrator.cli.evidence import LsOptions, ls

    return Call(ls, LsOptions(what=args.what, item=args.item, json=args.json))


def evidence_cat(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence cat`."""
    from stopgap.orchestrator.cli.evidence import CatOptions, cat

    return Call(cat, CatOptions(what=args.what, item=args.item, member=args.member, raw=args.raw))


def evidence_grep(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence grep`."""
    from stopgap.orchestrator.cli.evidence import GrepOptions, grep

    return Call(
        grep,
        GrepOptions(
            what=args.what,
            pattern=args.pattern,
            ignore_case=args.ignore_case,
            fixed=args.fixed,
            json=args.json,
        ),
    )


def evidence_timeline(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence timeline`."""
    from stopgap.orchestrator.cli.evidence import TimelineOptions, timeline

    return Call(
        timeline,
        TimelineOptions(what=args.what, output=_path(args.output), since=args.since, until=args.until),
    )


def evidence_findings(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence findings`."""
    from stopgap.orchestrator.cli.evidence_findings import FindingsOptions, findings

    return Call(
        findings,
        FindingsOptions(
            what=args.what,
            every=args.all,
            rules=_path(args.rules),
            yara=_path(args.yara),
            sigma=_path(args.sigma),
            json=args.json,
            baseline=args.baseline,
            host=args.host,
            severity=args.severity,
            since=args.since,
        ),
    )


def evidence_wire(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence wire`."""
    from stopgap.orchestrator.cli.evidence_wire import WireOptions, wire

    return Call(wire, WireOptions(what=args.what, attacked=args.attacked, json=args.json))


def evidence_custody(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence custody`."""
    from stopgap.orchestrator.cli.custody import CustodyOptions, custody

    return Call(custody, CustodyOptions(what=args.what, json=args.json))


def evidence_export(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence export`. Raises UsageError for a key."""
    from stopgap.orchestrator.cli.custody import ExportOptions, export
    from stopgap.orchestrator.cli.exchange import ExportRunOptions, export_run
    from stopgap.orchestrator.cli.run_options import sign_key
    from stopgap.orchestrator.errors import UsageError

    if args.format in {"stix", "misp"}:
        if args.target or args.age or args.tsa:
            raise UsageError(tr("-t, --age and --tsa are for archives (--format tar)"))
        return Call(export_run, ExportRunOptions(args.what, Path(args.output), args.format, args.tlp, args.json))
    return Call(
        export,
        ExportOptions(
            what=args.what,
            target=args.target,
            output=Path(args.output),
            recipients=tuple(args.age),
            tsa=args.tsa,
            sign_key=sign_key(args.sign_key),
            json=args.json,
        ),
    )


def evidence_decrypt(args: Namespace) -> Call[Any]:
    """Read `stopgap evidence decrypt`."""
    from stopgap.orchestrator.cli.custody import DecryptOptions, decrypted

    return Call(
        decrypted,
        DecryptOptions(
            what=args.what,
            identity=Path(args.identity).expanduser(),
            output=Path(args.output),
            json=args.json,
        ),
    )


def export_cacao(args: Namespace) -> Call[Any]:
    """Read `stopgap export cacao`. Raises UsageError for a key."""
    from stopgap.orchestrator.cli.exchange import ExportCacaoOptions, export_cacao
    from stopgap.orchestrator.cli.run_options import sign_key

    return Call(
        export_cacao,
        ExportCacaoOptions(
            runbook=args.runbook,
            output=Path(args.output),
            plan=_path(args.plan),
            inventories=tuple(args.inventory),
            reader=args.reader,
            sign_key=sign_key(args.sign_key),
            json=args.json,
        ),
    )


def export_stix(args: Namespace) -> Call[Any]:
    """Read `stopgap export stix`."""
    from stopgap.orchestrator.cli.exchange import ExportRunOptions, export_run

    return Call(export_run, ExportRunOptions(args.run, Path(args.output), "stix", args.tlp, args.json))


def export_misp(args: Namespace) -> Call[Any]:
    """Read `stopgap export misp`."""
    from stopgap.orchestrator.cli.exchange import ExportRunOptions, export_run

    return Call(export_run, ExportRunOptions(args.run, Path(args.output), "misp", args.tlp, args.json))


def export_events(args: Namespace) -> Call[Any]:
    """Read `stopgap export events`."""
    from stopgap.orchestrator.cli.exchange import ExportEventsOptions, export_events

    return Call(export_events, ExportEventsOptions(args.run, args.format))


def import_cacao(args: Namespace) -> Call[Any]:
    """Read `stopgap import cacao`."""
    from stopgap.orchestrator.cli.exchange import ImportCacaoOptions, import_cacao

    options = ImportCacaoOptions(
        file=Path(args.file), output=Path(args.output), inventories=tuple(args.inventory), json=args.json
    )
    return Call(import_cacao, options)


def import_ansible(args: Namespace) -> Call[Any]:
    """Read `stopgap import ansible`."""
    from stopgap.orchestrator.cli.exchange import ImportAnsibleOptions, import_ansible

    options = ImportAnsibleOptions(
        file=Path(args.file), output=Path(args.output), files=_path(args.files), json=args.json
    )
    return Call(import_ansible, options)


def driver_check(args: Namespace) -> Call[Any]:
    """Read `stopgap driver-check`."""
    from stopgap.orchestrator.cli.driver_check import DriverCheckOptions, driver_check

    return Call(
        driver_check,
        DriverCheckOptions(
            program=tuple(args.program),
            addresses=tuple(args.address),
            guest=args.guest,
            allow=tuple(args.allow),
            env=tuple(args.env),
            timeout=args.timeout,
            yes=args.yes,
            json=args.json,
        ),
    )


def trust(args: Namespace) -> Call[Any]:
    """Read `stopgap trust`."""
    from stopgap.orchestrator.cli.trust import TrustOptions, trust

    return Call(trust, TrustOptions(files=tuple(args.file), yes=args.yes, json=args.json))


def tasks(args: Namespace) -> Call[Any]:
    """Read `stopgap tasks`."""
    from stopgap.orchestrator.cli.catalogue import TasksOptions, tasks

    return Call(tasks, TasksOptions(name=args.name, json=args.json))


def inventory(args: Namespace) -> Call[Any]:
    """Read `stopgap inventory`."""
    from stopgap.orchestrator.cli.inventory import InventoryOptions, inventory

    options = InventoryOptions(inventories=tuple(args.inventory), write=_path(args.write), json=args.json)
    return Call(inventory, options)


def docs(args: Namespace) -> Call[Any]:
    """Read `stopgap docs`."""
    from stopgap.orchestrator.cli.docs import DocsOptions, docs

    return Call(docs, DocsOptions(page=args.page, json=args.json))


def completion(args: Namespace) -> Call[Any]:
    """Read `stopgap completion`."""
    from stopgap.orchestrator.cli.completion import CompletionOptions, completion

    return Call(completion, CompletionOptions(shell=args.shell, parser=args.parser))


def schema(args: Namespace) -> Call[Any]:
    """Read `stopgap schema`."""
    from stopgap.orchestrator.cli.catalogue import SchemaOptions, schema

    return Call(schema, SchemaOptions(what=args.what))


def init(args: Namespace) -> Call[Any]:
    """Read `stopgap init`."""
    from stopgap.orchestrator.cli.init import InitOptions, init

    return Call(init, InitOptions(folder=Path(args.folder), json=args.json))


def _path(typed: str | None) -> Path | None:
    return Path(typed) if typed else None


def _limit(typed: str | None) -> tuple[str, ...] | None:
    from stopgap.orchestrator.cli.limit_file import limit_file

    return limit_file(Path(typed)) if typed else None
