"""evidence findings: the rules evaluated again, on the collections where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.custody import opened
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.cli.journals import open_journal_to_read
from stopgap.orchestrator.documents.evidence import findings_object
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.evidence.reader import CollectionReader, together
from stopgap.orchestrator.hostnumber import parse_moment
from stopgap.orchestrator.run.trust import trusted
from stopgap.orchestrator.severity import SEVERITIES, Severity
from stopgap.orchestrator.text import tr

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
    baseline: str | None = None
    """A list of checksums, a folder of evidence, or a host of the same run, whose content is right."""
    host: str | None = None
    """Only the collections of this host."""
    severity: Severity | None = None
    """Only findings that are at least so grave."""
    since: str | None = None
    """Only what came to be since this time, in ISO 8601; what has no time stays."""


def findings(options: FindingsOptions) -> int:
    """Evaluate a run's collections again, and show the findings."""
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
    since = _since(options.since)
    judged: dict[Path, Findings] = {}
    all_collected = together(list(opened(options.what, "findings")))
    with ReaderApart(rules, baselines=_baselines(all_collected, options)) as reader:
        for collected in _of_host(all_collected, options):
            found = judge(collected, rules, reader=reader.of(collected))
            for kind, path in (("yara", options.yara), ("sigma", options.sigma)):
                found = _added(found, reader, kind, path) if path else found
            judged[collected.folder] = found
            if options.json:
                print_line(findings_object(_narrowed(found, options.severity, since)))
    if not options.json:
        _show(list(judged.values()), options, since)
    code = int(any(found.unread for found in judged.values()))
    if (
        Path(options.what).exists()
        or options.rules
        or options.yara
        or options.sigma
        or options.host
        or options.baseline
    ):
        return code
    return _recorded(options.what, judged, code)


def _show(judged: list[Findings], options: FindingsOptions, since: str) -> None:
    """Show the worst cards first, in a screen, and then every finding of each collection."""
    from stopgap.orchestrator.cli.cards import show_cards
    from stopgap.orchestrator.cli.findings import show_findings

    screen = screens.out()
    least = options.severity or "low"
    show_cards(screen, judged, options.what, every=options.every, at_least=least, since=since)
    for found in judged:
        show_findings(screen, _narrowed(found, options.severity, since), every=options.every)


def _narrowed(found: Findings, at_least: Severity | None, since: str) -> Findings:
    """Return the findings that are at least so grave, with the sightings since a time; those without one stay."""
    if not at_least and not since:
        return found
    wanted = SEVERITIES[: SEVERITIES.index(at_least or "info") + 1]
    kept = []
    for finding in found.findings:
        seen = tuple(one for one in finding.seen if not since or not one.at or one.at >= since)
        if finding.severity in wanted and seen:
            count = finding.count - (len(finding.seen) - len(seen))
            kept.append(finding.model_copy(update={"seen": seen, "count": count}))
    return found.model_copy(update={"findings": tuple(kept)})


def _baselines(all_collected: list[CollectionReader], options: FindingsOptions) -> list[Path]:
    """Return the files or folders of the baseline. Raises UsageError where there are none, or it cannot be read."""
    from stopgap.orchestrator.evidence.reader import UnreadableEvidence
    from stopgap.orchestrator.findings.baseline import known_contents

    if options.baseline is None:
        return []
    given = Path(options.baseline)
    paths = [given] if given.exists() else [
        each.folder for each in all_collected if each.manifest.target == options.baseline
    ]  # fmt: skip
    try:
        if known_contents(paths):
            return paths
    except (OSError, UnreadableEvidence) as error:
        raise UsageError(tr("--baseline {baseline}: {error}", baseline=options.baseline, error=error)) from None
    known = ", ".join(sorted({each.manifest.target for each in all_collected}))
    raise UsageError(
        tr(
            "--baseline {baseline}: no checksums in it, and no host of this run; name a list as "
            "sha256sum writes it, a folder of evidence, or one of {known}",
            baseline=options.baseline,
            known=known,
        )
    )


def _of_host(all_collected: list[CollectionReader], options: FindingsOptions) -> list[CollectionReader]:
    """Return the collections that are about the host asked for. Raises UsageError where there are none."""
    if options.host is None:
        return all_collected
    about = [each for each in all_collected if each.manifest.target == options.host]
    if not about:
        known = ", ".join(sorted({each.manifest.target for each in all_collected}))
        raise UsageError(
            tr(
                "{what} holds no evidence of {host}; it does of {known}",
                what=options.what,
                host=options.host,
                known=known,
            )
        )
    return about


def _since(given: str | None) -> str:
    """Return a time as findings write it, in UTC; empty without one. Raises UsageError."""
    if given is None:
        return ""
    moment = parse_moment(given)
    if moment is None:
        raise UsageError(tr("--since {given}: no time; write it as 2026-11-29T02:00 or 2026-11-29", given=given))
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def _added(found: Findings, reader: ReaderApart, kind: str, path: Path) -> Findings:
    """Return the findings with matches of YARA or Sigma rules, or with the reason for the failure."""
    from stopgap.orchestrator.findings.judge import BUDGET
    from stopgap.orchestrator.findings.model import NotLooked, Unread

    added = reader.held_against(found, kind, str(path), BUDGET)
    if not isinstance(added, str):
        return added
    missed = NotLooked(id=kind, title={"yara": "YARA rules", "sigma": tr("Sigma rules")}[kind], reason=added)
    unread = Unread(table=tr("items, by {title}", title=missed.title), reason=added)
    return found.model_copy(
        update={"not_looked": (*found.not_looked, missed), "unread": (*found.unread, unread)},
    )


def _recorded(what: str, judged: Mapping[Path, Findings], code: int) -> int:
    """Write a run's findings beside the collections, to the journal and to the report; return the exit code."""
    from stopgap.orchestrator.cli.conclusion import tell_unwritten
    from stopgap.orchestrator.findings.keeping import no_findings, write_findings
    from stopgap.orchestrator.run.closing import write_report

    with open_journal_to_read() as journal:
        if not journal.writable:
            screens.err().line(
                tr("{home} cannot be written: these findings are not recorded", home=journal.home), "warn"
            )
            return code
        run = journal.resolve(what)
        with journal.hold(run):
            history, folder = trusted(journal, run), journal.run_folder(run)
            before = {record.folder: record for record in history.findings}
            for kept in history.evidence:
                if not (found := judged.get(folder / kept.folder)) and not (folder / kept.folder).exists():
                    continue  # another machine has it, or it is lost: what was found in it stays on record
                record = (
                    write_findings(folder, kept, found) if found else no_findings(kept, tr("its manifest is damaged"))
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
