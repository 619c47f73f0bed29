"""evidence findings: the rules evaluated again, on the collections where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.custody import opened
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.documents.evidence import findings_object
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.evidence.reader import together
from stopgap.orchestrator.journal import Journal, state_home
from stopgap.orchestrator.run.trust import trusted

if TYPE_CHECKING:
    from stopgap.orchestrator.findings import Findings
    from stopgap.orchestrator.findings.apart import ReaderApart


@dataclass(frozen=True)
class FindingsOptions:
    """The options of `stopgap evidence findings`."""

    what: str
    every: bool = False
    """Also rules without a match."""
    rules: Path | None = None
    """One's own rules, a file or a folder, beside those in force."""
    yara: Path | None = None
    sigma: Path | None = None
    json: bool = False


def findings(options: FindingsOptions) -> int:
    """Evaluate a run's collections again, and show the findings."""
    from stopgap.orchestrator.cli.findings import show_findings
    from stopgap.orchestrator.findings import judge, load_rules, rules_in_force
    from stopgap.orchestrator.findings.apart import ReaderApart

    rules = rules_in_force()
    if options.rules:
        own = options.rules
        named = load_rules(sorted(own.glob("*.yaml")) if own.is_dir() else [own])
        ids = {rule.id for rule in named}
        rules = (*(rule for rule in rules if rule.id not in ids), *named)
    _check_yara(options.yara)
    _check_sigma(options.sigma)
    screen = screens.out()
    judged: dict[Path, Findings] = {}
    with ReaderApart(rules) as reader:
        for collected in together(list(opened(options.what, "findings"))):
            found = judge(collected, rules, reader=reader.of(collected))
            for kind, path in (("yara", options.yara), ("sigma", options.sigma)):
                found = _added(found, reader, kind, path) if path else found
            judged[collected.folder] = found
            if options.json:
                print_line(findings_object(found))
            else:
                show_findings(screen, found, every=options.every)
    code = int(any(found.unread for found in judged.values()))
    if Path(options.what).exists() or options.rules or options.yara or options.sigma:
        return code
    return _recorded(options.what, judged, code)


def _added(found: Findings, reader: ReaderApart, kind: str, path: Path) -> Findings:
    """Return the findings with matches of YARA or Sigma rules, or with the reason for the failure."""
    from stopgap.orchestrator.findings.judge import BUDGET
    from stopgap.orchestrator.findings.model import NotLooked, Unread

    added = reader.held_against(found, kind, str(path), BUDGET)
    if not isinstance(added, str):
        return added
    missed = NotLooked(id=kind, title={"yara": "YARA rules", "sigma": "Sigma rules"}[kind], reason=added)
    unread = Unread(table=f"items, by {missed.title}", reason=added)
    return found.model_copy(
        update={"not_looked": (*found.not_looked, missed), "unread": (*found.unread, unread)},
    )


def _recorded(what: str, judged: Mapping[Path, Findings], code: int) -> int:
    """Write a run's findings beside the collections, to the journal and to the report; return the exit code."""
    from stopgap.orchestrator.cli.run import tell_unwritten
    from stopgap.orchestrator.findings.keeping import no_findings, write_findings
    from stopgap.orchestrator.run.runner import write_report

    with Journal.open_to_read(state_home()) as journal:
        if not journal.writable:
            screens.err().line(f"{journal.home} cannot be written: these findings are not recorded", "warn")
            return code
        run = journal.resolve(what)
        with journal.hold(run):
            history, folder = trusted(journal, run), journal.run_folder(run)
            before = {record.folder: record for record in history.findings}
            for kept in history.evidence:
                found = judged.get(folder / kept.folder)
                record = (
                    write_findings(folder, kept, found) if found else no_findings(kept, "its manifest is damaged")
                )
                code = code or int(bool(record.trouble))
                if record != before.get(kept.folder):
                    journal.append(run, record)
            _, unreported = write_report(journal, run)
            tell_unwritten(unreported, "")
            return code or int(bool(unreported))


def _check_yara(path: Path | None) -> None:
    from stopgap.orchestrator.findings.yara import YaraError, load_yara

    try:
        if path:
            load_yara(path)
    except YaraError as error:
        raise UsageError(str(error)) from None


def _check_sigma(path: Path | None) -> None:
    from stopgap.orchestrator.findings.sigma import SigmaError, load_sigma

    try:
        if path:
            load_sigma(path)
    except SigmaError as error:
        raise UsageError(str(error)) from None
