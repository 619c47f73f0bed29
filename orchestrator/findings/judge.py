"""Evaluation of rules on a collection: order and timeouts of the tables, and assembly of the results."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from stopgap.orchestrator.evidence.files import FolderFiles, read
from stopgap.orchestrator.evidence.manifest import MANIFEST, MANIFEST_CAP, ManifestItem
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.model import Compared, Finding, Findings, NotLooked, Unread
from stopgap.orchestrator.findings.reading import OVER, GradeSeen, Reader, RuleSeen, TableRead, TableReader, in_utc
from stopgap.orchestrator.findings.rule import Rule
from stopgap.orchestrator.findings.table import tables
from stopgap.orchestrator.severity import SEVERITIES, Severity
from stopgap.orchestrator.text import tr

TOOL_MISSING = 127
"""Exit status of an artifact that lacks a tool, or whose command was not found (POSIX, 2.8.2)."""
BUDGET = 300.0
"""Seconds for one collection; tables that are left then count as not looked at."""
_SHARE = 2.0
"""How many times its even part of the time that is left one table may take."""
_LEAST = 30.0
"""Seconds that a table may take all the same: a second's work takes as long on a machine that others use."""


@dataclass
class _Judging:
    """The evaluation of a collection, smaller tables first, so no table takes another table's time.

    Tables of rules without a join are spread over all readers; the first reader alone holds the keys of joins.
    """

    collected: CollectionReader
    readers: Sequence[Reader]
    clock: Callable[[], float]
    until: float
    joined: dict[str, TableRead] = field(default_factory=dict)
    read: dict[str, TableRead] = field(default_factory=dict)
    _to_come: int = 0
    """Tables not read yet."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, rules: Sequence[Rule]) -> None:
        """Read the tables of the rules' joins, then the rules' own tables."""
        joins = self._by_size(join.table for rule in rules for join in rule.joins())
        own = self._by_size(rule.table for rule in rules)
        joining = {rule.table for rule in rules if rule.joins()}
        self._to_come = len(joins) + len(own)
        first, *others = self.readers
        free = deque(name for name in own if name not in joining)
        with ThreadPoolExecutor(len(others) or 1, "tables") as workers:
            beside = [workers.submit(self._own, reader, free, rules) for reader in others]
            for name in joins:
                wanted = [rule.id for rule in rules if any(join.table == name for join in rule.joins())]
                self.joined[name] = self._one(first.join, name, wanted)
            self._own(first, deque(name for name in own if name in joining), rules)
            self._own(first, free, rules)
            for each in beside:
                each.result()

    def _own(self, reader: Reader, names: deque[str], rules: Sequence[Rule]) -> None:
        """Match rules against their own tables until no name is left."""
        while True:
            try:
                name = names.popleft()
            except IndexError:
                return
            # A row missing from an incompletely read table may still exist.
            able = [rule for rule in rules if rule.table == name and not self.against(rule)]
            self.read[name] = self._one(reader.read, name, [rule.id for rule in able])

    def against(self, rule: Rule) -> str:
        """Return the reason for an incomplete join table; empty if complete."""
        for join in rule.joins():
            read = self.joined[join.table]
            if reason := read.trouble or "; ".join(read.left_out):
                return tr("nothing can be set against {table}: {reason}", table=join.table, reason=reason)
        return ""

    def seen(self, rule: Rule) -> RuleSeen:
        """Return the matches of a rule."""
        return self.read[rule.table].rules.get(rule.id, RuleSeen())

    def missed(self, rule: Rule) -> str:
        """Return the reason for an incomplete evaluation of a rule; empty if complete."""
        table = self.read[rule.table]
        left_out = "; ".join(table.left_out)
        partly = tr("{left_out}: looked at as far as it goes", left_out=left_out) if left_out else ""
        return self.against(rule) or self.seen(rule).trouble or table.trouble or partly

    def unread(self) -> tuple[Unread, ...]:
        """Return the tables not fully read, except because of a limit."""
        found = {name: read.trouble for name, read in (*self.joined.items(), *self.read.items()) if read.trouble}
        rules = {
            tr("{name}, by {id}", name=name, id=id_): seen.trouble
            for name, read in self.read.items()
            for id_, seen in read.rules.items()
            if seen.trouble
        }
        return tuple(Unread(table=name, reason=reason) for name, reason in sorted((found | rules).items()))

    def dates(self, rules: Sequence[Rule]) -> dict[str, float]:
        """Return change times, in seconds since the epoch by the host's clock, of matched files without a time of
        their own.
        """
        wanted = dict.fromkeys(
            path for rule in rules for grade in self.seen(rule).grades.values() for path in grade.undated.values()
        )
        left = self.until - self.clock()
        if not wanted or left <= 0 or not self.collected.item("bodyfile"):
            return {}
        return self.readers[0].changed(list(wanted), left)

    def _one(
        self, ask: Callable[[str, Sequence[str], float], TableRead], name: str, rules: Sequence[str]
    ) -> TableRead:
        with self._lock:
            to_come, self._to_come = self._to_come, self._to_come - 1
        left = self.until - self.clock()
        if not rules:
            return TableRead()
        return (
            ask(name, rules, min(left, max(_LEAST, _SHARE * left / to_come))) if left > 0 else TableRead(trouble=OVER)
        )

    def _by_size(self, names: Iterable[str]) -> list[str]:
        known = tables()

        def size(name: str) -> int:
            artifacts = (*known[name].reads, *known[name].also)
            return sum(item.bytes for artifact in artifacts if (item := self.collected.item(artifact)))

        return sorted(dict.fromkeys(names), key=size)


def judge(
    collected: CollectionReader,
    rules: Sequence[Rule],
    *,
    budget: float = BUDGET,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    reader: Reader | None = None,
    others: Sequence[Reader] = (),
) -> Findings:
    """Return the findings of the rules in a collection, within `budget` seconds of `clock`, or until `stop` returns
    True.

    A failure of one table or rule affects no other. A rule on items outside the profile is skipped. `reader` reads
    the tables, by default this process; `others` read beside it.
    """
    reasons = {rule.id: _reason(collected, rule) for rule in rules if _collected(collected, rule)}
    able = [rule for rule in rules if reasons.get(rule.id) == ""]
    first = reader or TableReader(collected, rules, stop=stop, clock=clock)
    judging = _Judging(collected, [first, *others], clock, clock() + budget)
    judging.look(able)
    dates = judging.dates(able)
    reasons |= {rule.id: judging.missed(rule) for rule in able}
    found = [rule for rule in able if judging.seen(rule).count > rule.more_than and not judging.against(rule)]
    seen = {rule.id for rule in found}
    manifest = collected.manifest
    content = read(FolderFiles(collected.folder), MANIFEST, MANIFEST_CAP) or b""
    findings = [
        _finding(rule, severity, grade, dates, collected)
        for rule in found
        for severity, grade in judging.seen(rule).grades.items()
    ]
    return Findings(
        run=manifest.run,
        step=manifest.step,
        target=manifest.target,
        host=manifest.host,
        profile=manifest.profile,
        manifest_sha256=hashlib.sha256(content).hexdigest(),
        rules_sha256=hashlib.sha256("\n".join(rule.model_dump_json() for rule in rules).encode()).hexdigest(),
        findings=tuple(sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), finding.id))),
        no_discrepancy_seen=tuple(
            Compared(id=rule.id, title=rule.title, compared=_compared(rule, judging.read[rule.table].rows))
            for rule in able
            if rule.id not in seen and not reasons[rule.id]
        ),
        not_looked=tuple(
            NotLooked(id=rule.id, title=rule.title, reason=_whole(collected, rule, reasons[rule.id]))
            for rule in rules
            if rule.id in reasons and _whole(collected, rule, reasons[rule.id])
        ),
        unread=judging.unread(),
    )


def _collected(collected: CollectionReader, rule: Rule) -> bool:
    instead = tables()[rule.table].unless
    return all(map(collected.item, _reads(rule))) and not any(map(collected.item, instead))


def _reads(rule: Rule) -> Iterator[str]:
    known = tables()
    for name in (rule.table, *(join.table for join in rule.joins())):
        yield from known[name].reads


def _reason(collected: CollectionReader, rule: Rule) -> str:
    """Return the reason for a rule impossible to evaluate; empty otherwise."""
    if reason := unread(collected, _reads(rule)):
        return reason
    for artifact in tables()[rule.table].beside:
        if not any(_is_whole(item) for other in (collected, *collected.beside) if (item := other.item(artifact))):
            return tr(
                "{artifact} of {target} was not collected in this run, or not whole",
                artifact=artifact,
                target=collected.manifest.target,
            )
    for join in rule.joins():
        for artifact in tables()[join.table].reads:
            item = collected.item(artifact)
            # An entry missing from an incomplete list is not hidden.
            if item and not _is_whole(item):
                return tr("{artifact} is not whole, so that nothing can be set against it", artifact=artifact)
    return ""


def unread(collected: CollectionReader, artifacts: Iterable[str]) -> str:
    """Return the reason for unreadable artifacts; empty if all are readable."""
    for artifact in artifacts:
        item = collected.item(artifact)
        if item is None or item.file is None or not item.ran:
            return tr("{artifact} was not collected", artifact=artifact)
        if item.encrypted:
            return tr("{artifact} is encrypted", artifact=artifact)
        if item.not_looked:
            return tr(
                "{artifact} could not be looked at: {not_looked}", artifact=artifact, not_looked=item.not_looked
            )
    return ""


def _is_whole(item: ManifestItem) -> bool:
    return not item.truncated and item.exit_status == 0 and bool(item.bytes) and not item.encrypted


def _whole(collected: CollectionReader, rule: Rule, reason: str) -> str:
    """Say why a rule did not look, or not at everything."""
    if reason:
        return reason
    cut = [
        artifact for artifact in dict.fromkeys(_reads(rule)) if (item := collected.item(artifact)) and item.truncated
    ]
    if cut:
        return tr("{cut} was cut off: looked at as far as it goes", cut=", ".join(cut))
    part = [
        a for a in dict.fromkeys(_reads(rule)) if (item := collected.item(a)) and item.exit_status == TOOL_MISSING
    ]
    return tr("{part}: a tool is missing; looked at as far as it goes", part=", ".join(part)) if part else ""


def _finding(
    rule: Rule, severity: Severity, met: GradeSeen, dates: dict[str, float], collected: CollectionReader
) -> Finding:
    seen = list(met.seen)
    for place, path in met.undated.items():
        seen[place] = seen[place].model_copy(update={"at": in_utc(dates.get(path, 0.0), collected)})
    return Finding(
        id=rule.id,
        severity=severity,
        title=rule.title,
        seen=tuple(seen),
        count=met.count,
        why=rule.why,
        confidence=rule.confidence,
        falsepositives=rule.falsepositives,
        response=rule.response,
        tags=rule.tags,
        references=rule.references,
    )


def _compared(rule: Rule, rows: int) -> str:
    against = "".join(tr(" against {table}", table=join.table) for join in rule.joins())
    return tr("{rows} rows of {table}{against}", rows=rows, table=rule.table, against=against)
