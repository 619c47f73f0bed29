"""A rule: table, conditions, and the meaning of a match. Data only, no code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator

from stopgap.orchestrator.findings.model import Confidence
from stopgap.orchestrator.findings.pattern import check_pattern, finder
from stopgap.orchestrator.findings.table import Value
from stopgap.orchestrator.severity import SEVERITIES, Severity
from stopgap.orchestrator.technique import Technique

Meets: TypeAlias = Callable[[Mapping[str, Value]], bool]
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_Text: TypeAlias = Annotated[str, StringConstraints(pattern=r"\S")]
EARLIER_KEYS = {
    "sure": "confidence",
    "otherwise": "falsepositives",
    "next": "response",
    "finds": "tests: {matches}",
    "spares": "tests: {spares}",
    "known": "references",
}
"""Keys of rules in earlier versions → the keys that replace them."""
SHOWN = 300
"""Characters of one field in what a finding shows."""


class _Model(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True)


class Condition(_Model):
    """A condition on a field; all given tests must hold."""

    matches: tuple[str, ...] = ()
    """Regular expressions, one of which is found in it (`findings.pattern`)."""
    lacks: tuple[str, ...] = ()
    """Regular expressions, none of which is found in it."""
    under: tuple[str, ...] = ()
    """Directories: it is one of them, or below one."""
    one_of: tuple[Value, ...] = ()
    none_of: tuple[Value, ...] = ()
    at_least: float | None = None
    at_most: float | None = None

    @field_validator("matches", "lacks")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            check_pattern(pattern)
        return patterns

    def test(self) -> Callable[[Value], bool]:
        """Give the test of a value."""
        tests: list[Callable[[Value], bool]] = []
        if self.one_of:
            wanted = frozenset(self.one_of)
            tests.append(lambda value: value in wanted)
        if self.none_of:
            unwanted = frozenset(self.none_of)
            tests.append(lambda value: value not in unwanted)
        if (least := self.at_least) is not None:
            tests.append(lambda value: isinstance(value, int | float) and value >= least)
        if (most := self.at_most) is not None:
            tests.append(lambda value: isinstance(value, int | float) and value <= most)
        if self.under:
            folders, below = frozenset(self.under), tuple(f"{folder.rstrip('/')}/" for folder in self.under)
            tests.append(lambda value: isinstance(value, str) and (value in folders or value.startswith(below)))
        if self.matches:
            matching = finder(self.matches)
            tests.append(lambda value: matching(str(value)))
        if self.lacks:
            lacking = finder(self.lacks)
            tests.append(lambda value: not lacking(str(value)))
        if len(tests) == 1:
            return tests[0]
        return lambda value: all(test(value) for test in tests)


def _condition(value: Any) -> Any:  # noqa: ANN401
    """Normalise a condition: a single value means equality, a list means any of the values; lists become tuples."""
    if isinstance(value, dict):
        return {k: tuple(v) if isinstance(v, list) else (v,) if _takes_list(k, v) else v for k, v in value.items()}
    return {"one_of": tuple(value) if isinstance(value, list) else (value,)}


def _takes_list(key: str, value: object) -> bool:
    return key in {"matches", "lacks", "under", "one_of", "none_of"} and isinstance(value, str | int | float)


Where: TypeAlias = dict[str, Annotated[Condition, BeforeValidator(_condition)]]


class Join(_Model):
    """Rows of another table with equal values in the given fields."""

    table: str
    on: dict[str, str]
    """This rule's field → the other table's."""
    when: Where = {}


class RuleTests(_Model):
    """Collections by which a rule is tested: artifact → its text, or its archive's files → their text.

    `beside` holds those of another collection of the same run.
    """

    matches: tuple[dict[str, Any], ...] = Field(strict=False, min_length=1)
    """Collections in which the rule finds something."""
    spares: tuple[dict[str, Any], ...] = Field(strict=False, min_length=1)
    """Collections in which the rule finds nothing."""


class Rule(_Model):
    """A rule: conditions on rows, and the text of the finding."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: str
    """What was seen, as one short sentence."""
    title_ja: str = ""
    """The same in Japanese, for papers in that language."""
    severity: Severity
    table: str
    when: Where = {}
    unless: tuple[Where, ...] = Field((), strict=False)
    """Rows that meet one of these are left out."""
    worse: dict[Severity, Where] = {}
    """Severity → what rows meet that have it instead; the worst that a row meets counts."""
    absent_from: Join | None = None
    """Only rows that the other table lacks."""
    present_in: Join | None = None
    """Only rows that the other table has as well."""
    once: tuple[str, ...] = Field((), strict=False)
    """Fields by whose values rows are told apart: of equal rows the first is shown, and they count as one."""
    more_than: int = Field(0, ge=0)
    """It takes more rows than this."""
    shows: str
    """What a finding shows of a row: text with `{field}`."""
    why: str
    """Why that matters."""
    confidence: Confidence
    """How sure it is that a finding means an intruder."""
    falsepositives: tuple[_Text, ...] = Field(strict=False, min_length=1)
    """What else, harmless, would explain a finding; a text each."""
    response: str
    """What to do about a finding."""
    tags: tuple[Technique, ...] = Field((), strict=False)
    """Techniques of MITRE ATT&CK, such as `attack.t1053.003`."""
    references: tuple[_Text, ...] = Field((), strict=False)
    """Where the technique is written down: a URL, a manual, a standard."""
    tests: RuleTests

    @field_validator("unless", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, dict) else value

    def meets(self) -> Meets:
        """Give the test of a row, without the joins."""
        wanted = row_test(self.when)
        spared = [row_test(where) for where in self.unless]
        if not spared:
            return wanted
        return lambda row: wanted(row) and not any(test(row) for test in spared)

    def grade(self) -> Callable[[Mapping[str, Value]], Severity]:
        """Give the function from a row that the rule takes to its severity."""
        tests = [(severity, row_test(self.worse[severity])) for severity in SEVERITIES if severity in self.worse]
        return lambda row: next((severity for severity, test in tests if test(row)), self.severity)

    def show(self, row: Mapping[str, Value]) -> str:
        """Return a row's text in the finding, not yet escaped."""
        return _PLACEHOLDER.sub(lambda found: _cut(str(row[found[1]])), self.shows)

    def joins(self) -> tuple[Join, ...]:
        """Return the joins of the rule."""
        return tuple(join for join in (self.absent_from, self.present_in) if join)

    def fields(self) -> set[str]:
        """Return the fields of the rule's own table used by the rule."""
        named = {*self.when, *(field for where in (*self.unless, *self.worse.values()) for field in where)}
        named |= {*self.once, *(field for join in self.joins() for field in join.on)}
        return named | set(_PLACEHOLDER.findall(self.shows))


def row_test(where: Where) -> Meets:
    """Return a test of a row: every named field meets the condition."""
    tests = [(field, condition.test()) for field, condition in where.items()]
    if len(tests) == 1:
        [(only, test_of_it)] = tests
        return lambda row: test_of_it(row[only])

    def meets(row: Mapping[str, Value]) -> bool:
        # Called for every row of a table: `all` with a generator would take twice as long.
        for field, test in tests:  # noqa: SIM110
            if not test(row[field]):
                return False
        return True

    return meets


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
