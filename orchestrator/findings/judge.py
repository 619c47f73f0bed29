"""Holds rules against a collection: each table is read once, a row at a time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from stopgap.orchestrator.evidence.manifest import MANIFEST, ManifestItem
from stopgap.orchestrator.evidence.shelf import Shelf
from stopgap.orchestrator.findings.model import Compared, Finding, Findings, NotLooked, Sighting
from stopgap.orchestrator.findings.rule import Join, Meets, Rule, row_test
from stopgap.orchestrator.findings.table import MOST_KEYS, Place, Row, Table, tables
from stopgap.orchestrator.findings.tables.body import entries
from stopgap.orchestrator.findings.tables.moments import as_iso
from stopgap.orchestrator.hosttext import escape
from stopgap.orchestrator.severity import SEVERITIES

SHOWN = 20
"""Sightings of one finding that are kept; all are counted."""
TOOL_MISSING = 127
"""Exit status of an artifact that lacks a tool, or whose command was not found (POSIX, 2.8.2)."""
BUDGET = 300.0
"""Seconds for one collection; tables that are left then count as not looked at."""


@dataclass
class _Case:
    """A rule at work."""

    rule: Rule
    meets: Meets
    count: int = 0
    seen: list[Sighting] = field(default_factory=list)
    undated: dict[int, str] = field(default_factory=dict)
    """Place in `seen` of what has no time → the path of its file."""


@dataclass
class _Watch:
    """Ends the reading when time is up or somebody asks."""

    stop: Callable[[], bool]
    clock: Callable[[], float]
    until: float
    over: bool = False

    def rows(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Give the rows until then."""
        for row in rows:
            if self.over or self.clock() > self.until or self.stop():
                self.over = True
                return
            yield row


def judge(
    shelf: Shelf,
    rules: Sequence[Rule],
    *,
    budget: float = BUDGET,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> Findings:
    """Give what the rules make of a collection, within `budget` seconds of `clock`, or until `stop` says so.

    A rule whose items the profile does not collect is passed over. Raises OSError where the manifest is gone.
    """
    known = tables()
    watch = _Watch(stop, clock, clock() + budget)
    reasons = {rule.id: _reason(shelf, rule) for rule in rules if _collected(shelf, rule)}
    able = [rule for rule in rules if reasons.get(rule.id) == ""]
    keys = _keys(shelf, [join for rule in able for join in rule.joins()], watch)
    counts: dict[str, int] = {}
    cases = [_Case(rule, rule.meets()) for rule in able]
    for name in dict.fromkeys(rule.table for rule in able):
        counts[name] = _read(shelf, known[name], [case for case in cases if case.rule.table == name], keys, watch)
    if watch.over:
        for rule in able:
            reasons[rule.id] = "the time for it was over; what had been read by then is judged"
    _date(cases, shelf, watch)
    findings = [_finding(case, shelf) for case in cases if case.count > case.rule.more_than]
    found = {finding.id for finding in findings}
    content = (shelf.folder / MANIFEST).read_bytes()
    manifest = shelf.manifest
    return Findings(
        run=escape(manifest.run),
        step=escape(manifest.step),
        target=escape(manifest.target),
        host=escape(manifest.host),
        profile=escape(manifest.profile),
        manifest_sha256=hashlib.sha256(content).hexdigest(),
        rules_sha256=hashlib.sha256("\n".join(rule.model_dump_json() for rule in rules).encode()).hexdigest(),
        findings=tuple(sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), finding.id))),
        no_discrepancy_seen=tuple(
            Compared(id=rule.id, title=rule.title, compared=_compared(rule, counts))
            for rule in able
            if rule.id not in found and not watch.over
        ),
        not_looked=tuple(
            NotLooked(id=rule.id, title=rule.title, reason=escape(_whole(shelf, rule, reasons[rule.id])))
            for rule in rules
            if rule.id in reasons and _whole(shelf, rule, reasons[rule.id])
        ),
    )


def _collected(shelf: Shelf, rule: Rule) -> bool:
    return all(shelf.item(artifact) for artifact in _reads(rule))


def _reads(rule: Rule) -> Iterator[str]:
    known = tables()
    for name in (rule.table, *(join.table for join in rule.joins())):
        yield from known[name].reads


def _reason(shelf: Shelf, rule: Rule) -> str:
    """Say why a rule cannot look at all; nothing where it can."""
    if reason := unread(shelf, _reads(rule)):
        return reason
    for artifact in tables()[rule.table].beside:
        if not any(_is_whole(item) for other in shelf.beside if (item := other.item(artifact))):
            return f"{artifact} of {shelf.manifest.target} was not collected in this run, or not whole"
    for join in rule.joins():
        for artifact in tables()[join.table].reads:
            item = shelf.item(artifact)
            # What is missing from a list that is not whole is not hidden.
            if item and not _is_whole(item):
                return f"{artifact} is not whole, so that nothing can be set against it"
    return ""


def unread(shelf: Shelf, artifacts: Iterable[str]) -> str:
    """Say why some artifacts cannot be read; nothing where they can."""
    for artifact in artifacts:
        item = shelf.item(artifact)
        if item is None or item.file is None or not item.ran:
            return f"{artifact} was not collected"
        if item.encrypted:
            return f"{artifact} is encrypted"
        if item.not_looked:
            return f"{artifact} could not be looked at: {item.not_looked}"
    return ""


def _is_whole(item: ManifestItem) -> bool:
    return not item.truncated and item.exit_status == 0 and bool(item.bytes) and not item.encrypted


def _whole(shelf: Shelf, rule: Rule, reason: str) -> str:
    """Say why a rule did not look, or not at everything."""
    if reason:
        return reason
    cut = [artifact for artifact in dict.fromkeys(_reads(rule)) if (item := shelf.item(artifact)) and item.truncated]
    if cut:
        return f"{', '.join(cut)} was cut off: looked at as far as it goes"
    part = [a for a in dict.fromkeys(_reads(rule)) if (item := shelf.item(a)) and item.exit_status == TOOL_MISSING]
    return f"{', '.join(part)}: a tool is missing; looked at as far as it goes" if part else ""


def _keys(shelf: Shelf, joins: Sequence[Join], watch: _Watch) -> dict[str, set[int]]:
    """Give, for each join, the keys of the other table's rows, as hashes; at most MOST_KEYS."""
    found: dict[str, set[int]] = {_key_of(join): set() for join in joins}
    by_table: dict[str, list[Join]] = {}
    for join in {_key_of(join): join for join in joins}.values():
        by_table.setdefault(join.table, []).append(join)
    for name, of_table in by_table.items():
        wanted = [(found[_key_of(join)], sorted(join.on.items()), row_test(join.when)) for join in of_table]
        for row in watch.rows(tables()[name].read(shelf)):
            for into, on, meets in wanted:
                if len(into) < MOST_KEYS and meets(row.fields):
                    into.add(hash(tuple(row.fields[other] for _, other in on)))
    return found


def _key_of(join: Join) -> str:
    return join.model_dump_json()


def _read(shelf: Shelf, of: Table, cases: Sequence[_Case], keys: dict[str, set[int]], watch: _Watch) -> int:
    count = 0
    for row in watch.rows(of.read(shelf)):
        count += 1
        for case in cases:
            if case.meets(row.fields) and _joined(case.rule, row, keys):
                case.count += 1
                if len(case.seen) < SHOWN:
                    if not row.time and "path" in row.fields:
                        case.undated[len(case.seen)] = str(row.fields["path"])
                    case.seen.append(_sighting(case.rule, row, shelf))
    return count


def _joined(rule: Rule, row: Row, keys: dict[str, set[int]]) -> bool:
    def present(join: Join) -> bool:
        key = hash(tuple(row.fields[mine] for mine, _ in sorted(join.on.items())))
        return key in keys[_key_of(join)]

    if rule.absent_from and present(rule.absent_from):
        return False
    return not rule.present_in or present(rule.present_in)


def _sighting(rule: Rule, row: Row, shelf: Shelf) -> Sighting:
    place: Place = row.place
    item = shelf.item(place.artifact)
    return Sighting(
        what=escape(rule.show(row.fields)),
        file=(item.file if item else None) or place.artifact,
        member=escape(place.member),
        line=place.line,
        offset=place.offset,
        pid=pid if isinstance(pid := row.fields.get("pid"), int) else None,
        at=in_utc(row.time, shelf),
    )


def _date(cases: Sequence[_Case], shelf: Shelf, watch: _Watch) -> None:
    """Give what was seen of a file, and has no time of its own, that at which the file was changed."""
    wanted = {path for case in cases for path in case.undated.values()}
    if not wanted or not shelf.item("bodyfile"):
        return
    changed: dict[str, float] = {}
    for entry in entries(shelf, "bodyfile"):
        if entry.name in wanted:
            changed[entry.name] = entry.changed
        if len(changed) == len(wanted) or watch.stop() or watch.clock() > watch.until:
            break
    for case in cases:
        for place, path in case.undated.items():
            case.seen[place] = case.seen[place].model_copy(update={"at": in_utc(changed.get(path, 0.0), shelf)})


def in_utc(time: float, shelf: Shelf) -> str | None:
    """Give a moment of the host's clock, in seconds since the epoch, by the controller's; None where it is 0."""
    if time <= 0:
        return None
    moment = as_iso(time - (shelf.manifest.clock_skew or 0.0))
    return f"{moment[:19]}Z"


def _finding(case: _Case, shelf: Shelf) -> Finding:
    rule = case.rule
    return Finding(
        id=rule.id,
        severity=rule.severity,
        title=rule.title,
        seen=tuple(case.seen),
        count=case.count,
        why=rule.why,
        sure=rule.sure,
        otherwise=rule.otherwise,
        next=rule.next,
    )


def _compared(rule: Rule, counts: dict[str, int]) -> str:
    against = "".join(f" against {join.table}" for join in rule.joins())
    return f"{counts.get(rule.table, 0)} rows of {rule.table}{against}"
