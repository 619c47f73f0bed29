"""runs, show, verify, report: commands on the journal."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.damage import show_damage, show_strays
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.cli.findings import show_findings_made
from stopgap.orchestrator.cli.screen import columns
from stopgap.orchestrator.cli.steps import counted, moment, reason_word, show_gaps, show_proof
from stopgap.orchestrator.cli.verdicts import show_past_verdicts
from stopgap.orchestrator.documents.run import run_document, runs_document, verification_document
from stopgap.orchestrator.errors import Error, UsageError
from stopgap.orchestrator.journal import History, Journal, JournalError, state_home
from stopgap.orchestrator.journal.disk import write_at_once
from stopgap.orchestrator.journal.records import Asked
from stopgap.orchestrator.outcome import FAILURES
from stopgap.reading import history as read_history
from stopgap.reading import verify as verified


def runs(args: Namespace) -> int:
    """List the runs, the latest first."""
    with Journal.open_to_read(state_home()) as journal:
        listed, strays = journal.runs(), journal.strays()
        damage = {run.id: problems for run in listed if (problems := journal.verify(run.id))}
    if args.json:
        print_document(runs_document(str(journal.home), listed, damage, strays))
        return int(bool(damage or strays))
    screen = screens.out()
    for run, problems in damage.items():
        show_damage(screen, run, problems)
    show_strays(screen, strays)
    for each in listed:
        code = "" if each.exit_code is None else f" ({each.exit_code})"
        code += ", damaged" if each.id in damage and each.state != "damaged" else ""
        screen.line(
            f"{each.id}  {_when(each.started)}  {each.state}{code}  {', '.join(each.targets)}: {each.runbook}"
        )
    if not listed:
        screen.line(f"No run yet below {journal.home}.")
    return int(bool(damage or strays))


def show(args: Namespace) -> int:
    """Show a run, step by step."""
    history = read_history(args.run)
    if args.json:
        print_document(run_document(history))
        return int(bool(history.damage or history.unsigned))
    screen = screens.out()
    damaged = show_damage(screen, history.run, (*history.damage, *history.unsigned))
    screen.line(columns(history.started.runbook_name, history.state, widths=(len(history.state),)), "title")
    screen.line(f"run {history.run}  by {history.started.operator}  from {moment(history.started_at)}")
    if history.plan:
        screen.line(f"plan {history.plan.digest[:8]}: {history.plan.changes} changes on {history.plan.hosts} hosts")
    for plugin in history.started.plugins:
        screen.line(f"plug-in  {plugin.kind} {plugin.name} ({plugin.origin})  sha256 {plugin.sha256[:12]}", "quiet")
    screen.line()
    for step in history.steps:
        seconds = f"  {step.seconds:.1f} s" if step.seconds >= 0.05 else ""
        outcome = step.outcome or ("running" if history.state == "running" else "interrupted")
        style = "bad" if outcome in FAILURES | {"interrupted"} else ""
        screen.line(columns(f"{step.name} ({step.target})", step.host, f"{outcome}{seconds}"), style)
        for change in history.changes:
            if (change.step, change.target) == (step.step, step.target):
                why = f": {change.reason}" if change.reason else ""
                screen.line(f"     {change.state:<12} {change.change.describe()}{why}")
        show_proof(screen, [c for c in history.checks if (c.step, c.target) == (step.step, step.target)])
        for message in history.messages:
            if (message.step, message.target) == (step.step, step.target):
                mark = "bad" if message.state != "sent" else ""
                screen.line(f"     {message.state:<12} {message.about} to {message.to}: {message.detail}", mark)
        if step.reason:
            screen.line(f"     {reason_word(outcome)} {step.reason}", style)
    for asked in history.waiting if history.state == "running" else ():
        screen.line(f"asks      {asked.question.text}: stopgap answer {history.run} {asked.step} VALUE", "warn")
    for kept in history.evidence:
        screen.line(f"evidence  {kept.host}: {kept.items} items, {kept.size / 1e6:.1f} MB in {kept.folder}")
    show_findings_made(screen, history.findings_now(), history.run)
    screen.line()
    show_gaps(screen, [gap for step in history.steps for gap in step.gaps])
    show_past_verdicts(screen, history.containment, history.state)
    _say_what_to_do(screen, history)
    return int(damaged)


def verify(args: Namespace) -> int:
    """Check a run's journal and evidence, or a folder or an archive of evidence alone."""
    found = verified(args.what, signers=args.signers, tsa_ca=args.tsa_ca)
    if args.json:
        print_document(verification_document(found.what, found.run, found.problems))
        return found.exit_code
    screen = screens.out()
    for problem in found.problems:
        screen.line(problem, "bad")
    if count := len(found.problems):
        screen.line(f"{found.what}: {count} problem{'' if count == 1 else 's'}.", "bad")
    else:
        screen.line(f"{found.what}: as it was recorded.", "good")
    return found.exit_code


def report(args: Namespace) -> int:
    """Write the report of a run or of an incident, or the manual for the next time."""
    from stopgap.orchestrator.report import report as render

    if (args.run is None) == (args.incident is None):
        raise UsageError("of what? Give a run, or --incident NAME")
    if args.manual and args.incident:
        raise UsageError("a manual is of one run: stopgap report RUN --manual")
    if args.manual and args.format == "json":
        raise UsageError("--manual is for people: --format html or md")
    damaged = False
    with Journal.open_to_read(state_home()) as journal:
        if args.incident:
            text = _incident(journal, args)
        else:
            history = journal.history(journal.resolve(args.run))
            damaged = show_damage(screens.err(), history.run, history.damage)
            names = _names([history], args.lang)
            text = (
                _manual(history, args, names)
                if args.manual
                else render(history, lang=args.lang, format=args.format, names=names)
            )
    if args.output is None:
        sys.stdout.write(text)
        return int(damaged)
    try:
        _write(Path(args.output).resolve(), text.encode())
    except (OSError, JournalError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).rpartition(": ")[2]
        raise Error(f"{args.output}: {why}; the report was not written") from None
    screens.err().line(f"Written: {args.output}")
    return int(damaged)


def _write(path: Path, content: bytes) -> None:
    """Write a regular file atomically; a pipe or terminal directly."""
    if path.exists() and not path.is_file():
        path.write_bytes(content)
    else:
        write_at_once(path, content)


def _incident(journal: Journal, args: Namespace) -> str:
    from stopgap.orchestrator.journal.incidents import find_incident
    from stopgap.orchestrator.report import in_form, renamed
    from stopgap.orchestrator.report.incident import build_incident

    incident = find_incident(journal, args.incident)
    if not incident.runs:
        raise UsageError(f"incident {incident.name} has no run yet: stopgap run … --incident {incident.name}")
    histories = [journal.history(run) for run in incident.runs]
    names = _names(histories, args.lang)
    built = renamed(build_incident(incident, histories), names)
    return in_form(built, lang=args.lang, format=args.format, names=names)


def _names(histories: Sequence[History], lang: str) -> dict[str, str]:
    """Return the translations of names of runbooks, questions and rules, if readable."""
    from stopgap.orchestrator.findings import rules_in_force
    from stopgap.orchestrator.runbook import parse_runbook
    from stopgap.orchestrator.source import InvalidInput

    names: dict[str, str] = {}
    if lang != "ja":
        return names
    for history in histories:
        with suppress(InvalidInput):
            names |= parse_runbook(history.started.runbook_text, history.started.runbook_path).japanese
        for entry in history.entries:
            if isinstance(asked := entry.record, Asked) and asked.question.text_ja:
                names[asked.question.text] = asked.question.text_ja
    return names | {rule.title: rule.title_ja for rule in rules_in_force() if rule.title_ja}


def _manual(history: History, args: Namespace, names: Mapping[str, str]) -> str:
    from stopgap.orchestrator.report.manual import manual
    from stopgap.orchestrator.runbook import parse_runbook
    from stopgap.orchestrator.source import InvalidInput

    about, inputs = "", {}
    with suppress(InvalidInput):  # of another version: the manual goes without the runbook's own words
        runbook = parse_runbook(history.started.runbook_text, history.started.runbook_path)
        about = runbook.description
        inputs = {name: param.description for name, param in runbook.params.items()}
    return manual(history, about=about, inputs=inputs, names=names, lang=args.lang, format=args.format)


def _when(at: datetime | None) -> str:
    return moment(at) if at else "?"


def _say_what_to_do(screen: screens.Screen, history: History) -> None:
    standing = history.in_force()
    if history.state == "interrupted":
        screen.line(f"It did not finish. Go on: stopgap resume {history.run}")
    elif history.state in {"failed", "unreachable"}:
        screen.line(f"Not everything was done. Try the rest again: stopgap resume {history.run}")
    if standing:
        screen.line(f"{counted(standing)} in force. Undo: stopgap undo {history.run}")
    else:
        screen.line("Nothing of it is in force.")
