"""Reading of a collection's tables for rules: one table at a time, with separate timeouts and failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from pydantic import BaseModel, ConfigDict

from stopgap.orchestrator.evidence.meter import Meter
from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.model import Sighting
from stopgap.orchestrator.findings.pattern import finder
from stopgap.orchestrator.findings.rule import Join, Meets, Rule, row_test
from stopgap.orchestrator.findings.table import MOST_KEYS, Place, Row, Value, tables
from stopgap.orchestrator.findings.tables.body import entries
from stopgap.orchestrator.findings.tables.moments import as_iso
from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.translatable import Translatable

SHOWN = 2000
"""Sightings of one finding that are kept, of each severity; all are counted."""
OVER = tr("the time for it was over; what had been read by then is judged")
INTERRUPTED = tr("interrupted; what had been read by then is judged")
_LONGEST_PATH = 4096
"""Characters of a path whose time of change is looked up."""
_LONGEST_MEMBER = 4096
"""Characters of the name of a file in an archive, as a finding gives it."""


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class GradeSeen(_Part):
    """The matches of one rule that have the same severity."""

    count: int = 0
    seen: tuple[Sighting, ...] = ()
    undated: dict[int, str] = {}
    """Place in `seen` of what has no time → the path of its file."""


class RuleSeen(_Part):
    """The matches of one rule in a table."""

    grades: dict[Severity, GradeSeen] = {}
    trouble: Translatable = ""
    """Why the rule was not held against every row."""

    @property
    def count(self) -> int:
        """Return the number of all matches."""
        return sum(grade.count for grade in self.grades.values())


class TableRead(_Part):
    """The result of reading one table."""

    rows: int = 0
    rules: dict[str, RuleSeen] = {}
    """By the rule's id."""
    trouble: Translatable = ""
    """Why it was not read, or not to its end."""
    left_out: tuple[Translatable, ...] = ()
    """What a bound kept from being read."""


class Changed(_Part):
    """When files were changed, in seconds since the epoch by the host's clock."""

    at: dict[str, float]
    """By path."""


class Reader(Protocol):
    """A reader of a collection's tables. No method raises an exception because of a host's data."""

    def join(self, table: str, rules: Sequence[str], seconds: float) -> TableRead:
        """Read a join table for the rules with these ids, and keep the keys."""

    def read(self, table: str, rules: Sequence[str], seconds: float) -> TableRead:
        """Match the rules with these ids against the rows of the rules' table."""

    def changed(self, paths: Sequence[str], seconds: float) -> dict[str, float]:
        """Return change times of files, in seconds since the epoch by the host's clock, if known."""


class _EndedError(Exception):
    """The reading ends before the table does; the message says why."""


@dataclass
class _Grade:
    count: int = 0
    seen: list[Sighting] = field(default_factory=list)
    undated: dict[int, str] = field(default_factory=dict)


@dataclass
class _Case:
    """A rule at work."""

    rule: Rule
    meets: Meets
    grade: Callable[[Mapping[str, Value]], Severity]
    grades: dict[Severity, _Grade] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    trouble: str = ""

    def take(self, row: Row, keys: dict[str, set[int]], collected: CollectionReader) -> None:
        """Hold the rule against a row."""
        if not self.meets(row.fields) or not _joined(self.rule, row, keys):
            return
        if self.rule.once:
            key = hash(tuple(row.fields[name] for name in self.rule.once))
            if key in self.seen:
                return
            if len(self.seen) < MOST_KEYS:
                self.seen.add(key)
        grade = self.grades.setdefault(self.grade(row.fields), _Grade())
        grade.count += 1
        if len(grade.seen) < SHOWN:
            grade.seen.append(_sighting(self.rule, row, collected))
            if not row.time and "path" in row.fields:
                grade.undated[len(grade.seen) - 1] = str(row.fields["path"])[:_LONGEST_PATH]

    def result(self) -> RuleSeen:
        """Give what the rule has seen."""
        grades = {
            severity: GradeSeen(count=grade.count, seen=tuple(grade.seen), undated=grade.undated)
            for severity, grade in self.grades.items()
        }
        return RuleSeen(grades=grades, trouble=self.trouble)


@dataclass(frozen=True)
class _Gate:
    """Rules that ask for patterns in the same field: where none of these is found, no rule of them meets the row."""

    field: str
    opens: Callable[[str], bool] | None
    cases: tuple[_Case, ...]


def _gates(cases: Sequence[_Case]) -> list[_Gate]:
    by_field: dict[str, list[_Case]] = {}
    for case in cases:
        field_ = next((name for name, condition in case.rule.when.items() if condition.matches), "")
        by_field.setdefault(field_, []).append(case)
    gates = []
    for name, of_field in by_field.items():
        patterns = [pattern for case in of_field if name for pattern in case.rule.when[name].matches]
        gates.append(_Gate(name, finder(patterns) if len(of_field) > 1 and patterns else None, tuple(of_field)))
    return gates


class TableReader:
    """A reader within this process."""

    def __init__(
        self,
        collected: CollectionReader,
        rules: Sequence[Rule],
        *,
        stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a collection and rules; `stop` is polled while reading."""
        self.collected, self._stop, self._clock = collected, stop, clock
        self._rules = {rule.id: rule for rule in rules}
        self._keys: dict[str, set[int]] = {}

    def join(self, table: str, rules: Sequence[str], seconds: float) -> TableRead:
        """Keep the hashed keys of the table's rows for each join of these rules; at most MOST_KEYS."""
        joins = {key_of(join): join for id_ in rules for join in self._rules[id_].joins() if join.table == table}
        wanted = []
        for key, join in joins.items():
            into = self._keys[key] = set()
            wanted.append((into, [other for _, other in sorted(join.on.items())], row_test(join.when)))
        with self._reading(seconds) as reading:
            for row in reading.rows(table):
                for into, on, meets in wanted:
                    if not meets(row.fields):
                        continue
                    if len(into) >= MOST_KEYS:
                        reading.meter.leave_out(
                            tr(
                                "{table}: more than {most_keys} rows to set against others",
                                table=table,
                                most_keys=MOST_KEYS,
                            )
                        )
                    else:
                        into.add(hash(tuple(row.fields[other] for other in on)))
        return _result(reading, {})

    def read(self, table: str, rules: Sequence[str], seconds: float) -> TableRead:
        """Match rules against the rows of the rules' table; a rule with a failure is skipped from then on."""
        cases = [_Case(rule, rule.meets(), rule.grade()) for rule in (self._rules[id_] for id_ in rules)]
        gates = _gates(cases)
        with self._reading(seconds) as reading:
            for row in reading.rows(table):
                for gate in gates:
                    if gate.opens is not None and not gate.opens(str(row.fields[gate.field])):
                        continue
                    for case in gate.cases:
                        if case.trouble:
                            continue
                        try:
                            case.take(row, self._keys, reading.collected)
                        except (_EndedError, MemoryError):
                            raise
                        except Exception as error:
                            case.trouble = _own(error)
        return _result(
            reading,
            {case.rule.id: case.result() for case in cases},
        )

    def changed(self, paths: Sequence[str], seconds: float) -> dict[str, float]:
        """Look up files in the body file; the last of several equal names counts."""
        wanted, found = set(paths), dict[str, float]()
        with self._reading(seconds) as reading:
            for entry in entries(reading.collected, "bodyfile"):
                if entry.name in wanted:
                    found[entry.name] = entry.changed
                if len(found) == len(wanted):
                    break
        return found

    def _reading(self, seconds: float) -> Reading:
        return Reading(self.collected, seconds, stop=self._stop, clock=self._clock)


class Reading:
    """A context for reading a collection, with a timeout in seconds.

    An exception in the block ends only the block, and is recorded as trouble, so other readings are unaffected.
    """

    def __init__(
        self,
        collected: CollectionReader,
        seconds: float,
        *,
        stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin now."""
        self._stop, self._clock, self._until = stop, clock, clock() + seconds
        self.meter = Meter(self.check)
        self.collected = collected.metered(self.meter)
        """The collection as the block has to read it."""
        self.count = 0
        """Rows so far."""
        self._ended = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, _EndedError):
            self._ended = str(error)
        elif isinstance(error, MemoryError):
            self._ended = tr("it takes more memory than there is for it")
        elif isinstance(error, Exception):
            self._ended = _own(error)
        return error is None or isinstance(error, Exception)

    @property
    def trouble(self) -> str:
        """Say why not everything was read, escaped: the reading ended, or something is damaged."""
        return self._ended or "; ".join(self.meter.damaged)

    def rows(self, table: str) -> Iterator[Row]:
        """Give the rows of a table."""
        for row in tables()[table].read(self.collected):
            self.check()
            self.count += 1
            yield row

    def check(self) -> None:
        """Raise an exception to end the block after the timeout, or on request."""
        if self._clock() > self._until:
            raise _EndedError(OVER)
        if self._stop():
            raise _EndedError(INTERRUPTED)


def _result(reading: Reading, rules: dict[str, RuleSeen]) -> TableRead:
    return TableRead(rows=reading.count, rules=rules, trouble=reading.trouble, left_out=reading.meter.left_out)


def key_of(join: Join) -> str:
    """Return the key of a join; rules with equal joins share the rows."""
    return join.model_dump_json()


def in_utc(time: float, collected: CollectionReader) -> str | None:
    """Return a time of the host's clock, in seconds since the epoch, by the controller's clock; None for 0."""
    if time <= 0:
        return None
    moment = as_iso(time - (collected.manifest.clock_skew or 0.0))
    return f"{moment[:19]}Z"


def _joined(rule: Rule, row: Row, keys: dict[str, set[int]]) -> bool:
    def present(join: Join) -> bool:
        key = hash(tuple(row.fields[mine] for mine, _ in sorted(join.on.items())))
        return key in keys[key_of(join)]

    if rule.absent_from and present(rule.absent_from):
        return False
    return not rule.present_in or present(rule.present_in)


def _sighting(rule: Rule, row: Row, collected: CollectionReader) -> Sighting:
    place: Place = row.place
    item = collected.item(place.artifact)
    return Sighting(
        what=rule.show(row.fields),
        file=(item.file if item else None) or place.artifact,
        member=place.member[:_LONGEST_MEMBER],
        line=place.line,
        offset=place.offset,
        pid=pid if isinstance(pid := row.fields.get("pid"), int) else None,
        about=_about(row)[:_LONGEST_PATH],
        leads=_leads(row)[:_LONGEST_PATH],
        at=in_utc(row.time, collected),
    )


def _about(row: Row) -> str:
    """Return the object of a row, by the fields that tables share."""
    fields = row.fields
    if isinstance(fields.get("pid"), int):
        return f"process {fields['pid']}"
    if path := fields.get("path"):
        return str(path)
    for name, kind in (("member", "account"), ("account", "account"), ("address", "address")):
        if fields.get(name):
            return f"{kind} {fields[name]}"
    if "shell" in fields and fields.get("name"):
        return f"account {fields['name']}"
    return row.place.member


def _leads(row: Row) -> str:
    """Return the file of no package that a row leads to: what a mechanism starts, what a process runs."""
    fields = row.fields
    if fields.get("program") in {"no", "absent"}:
        return str(fields.get("starts", ""))
    if fields.get("packaged") == "no" and "pid" in fields:
        return str(fields.get("script") or fields.get("program", ""))
    return ""


def _own(error: Exception) -> str:
    return tr("an error of its own: {name}: {error}", name=error.__class__.__name__, error=str(error)[:200])
