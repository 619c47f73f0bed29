"""Conversion of a Sigma condition, parsed by pySigma, to a test of events; patterns take linear time (RE2).

Sigma specification 2, "Sigma Rules" and "Modifiers": comparisons ignore case; `*` and `?` are wildcards; a value
without a field is searched in the whole event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any, TypeAlias

import re2
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from stopgap.orchestrator.findings.pattern import automaton
from stopgap.orchestrator.findings.sigma.events import Event
from stopgap.orchestrator.hostnumber import parse_decimal

Test: TypeAlias = Callable[[Event], bool]
_Value: TypeAlias = Callable[[str, str], bool]
"""Tests a text, given as it is and in small letters."""
MEMORY = 8 << 20
"""Bytes that one pattern may take."""
_COMPARED: dict[CompareOperators, Callable[[float, float], bool]] = {
    CompareOperators.LT: lambda held, number: held < number,
    CompareOperators.LTE: lambda held, number: held <= number,
    CompareOperators.GT: lambda held, number: held > number,
    CompareOperators.GTE: lambda held, number: held >= number,
    CompareOperators.NEQ: lambda held, number: held != number,
}


class Unsupported(Exception):  # noqa: N818
    """A feature of a rule is not supported; the message names the feature."""


class _Linear(RegexEngine):
    """RE2 as regex engine of pySigma, without RE2's messages on standard error."""

    error = re2.error

    def compile(self, pattern: str, flags: int = 0) -> Any:  # noqa: ANN401
        return _compiled(pattern, {flag for flag, of in _FLAGS.items() if flags & of})


_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: re.IGNORECASE,
    SigmaRegularExpressionFlag.MULTILINE: re.MULTILINE,
    SigmaRegularExpressionFlag.DOTALL: re.DOTALL,
}
POLICY = SigmaPolicy(regex_engine=_Linear())


def test_of(node: Any) -> Test:  # noqa: ANN401
    """Make the test of a condition. Raises Unsupported."""
    if isinstance(node, ConditionNOT):
        (inner,) = map(test_of, node.args)
        return lambda event: not inner(event)
    if isinstance(node, ConditionAND | ConditionOR):
        tests = [test_of(arg) for arg in node.args]
        if isinstance(node, ConditionAND):
            return lambda event: all(test(event) for test in tests)
        return lambda event: any(test(event) for test in tests)
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return _field(node.field.lower(), node.value)
    if isinstance(node, ConditionValueExpression):
        keyword = _keyword(node.value)
        return lambda event: keyword(event.text, event.lower_text)
    raise Unsupported(f"a condition of kind {type(node).__name__}")


def fields_of(node: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the names of the fields used by a condition."""
    if isinstance(node, ConditionFieldEqualsValueExpression):
        yield node.field
    for arg in getattr(node, "args", ()):
        yield from fields_of(arg)


def _field(field: str, value: Any) -> Test:  # noqa: ANN401
    if isinstance(value, SigmaExists):
        wanted = bool(value)
        return lambda event: (event.fields.get(field, "") != "") == wanted
    if isinstance(value, SigmaNull):
        return lambda event: event.fields.get(field, "") == ""
    test = _value(value)
    return lambda event: field in event.fields and test(event.fields[field], event.lower[field])


def _value(value: Any) -> _Value:  # noqa: ANN401
    if isinstance(value, SigmaExpansion):
        tests = [_value(one) for one in value.values]
        return lambda held, lower: any(test(held, lower) for test in tests)
    if isinstance(value, SigmaString):
        return _string(value)
    if isinstance(value, SigmaRegularExpression):
        pattern = _compiled(str(value.regexp), value.flags)
        return lambda held, _: pattern.search(held) is not None
    if isinstance(value, SigmaCIDRExpression):
        return lambda held, _: _within(held, value.network)
    if isinstance(value, SigmaCompareExpression):
        compare, number = _COMPARED[value.op], float(value.number.number)
        return lambda held, _: (found := parse_decimal(held)) is not None and compare(found, number)
    if isinstance(value, SigmaNumber) and not isinstance(value, SigmaTimestampPart):
        wanted = float(value.number)
        return lambda held, _: parse_decimal(held) == wanted
    if isinstance(value, SigmaBool):
        word = str(bool(value.boolean)).lower()
        return lambda _, lower: lower == word
    raise Unsupported(_named(value))


def _keyword(value: Any) -> _Value:  # noqa: ANN401
    """Return a test of a keyword anywhere in an event: text as if between `*`, a number as text."""
    if isinstance(value, SigmaExpansion):
        tests = [_keyword(one) for one in value.values]
        return lambda held, lower: any(test(held, lower) for test in tests)
    if isinstance(value, SigmaNumber) and not isinstance(value, SigmaTimestampPart):
        digits = str(value.number)
        return lambda held, _: digits in held
    if isinstance(value, SigmaString):
        return _string(value, anywhere=True)
    if isinstance(value, SigmaRegularExpression):
        return _value(value)
    raise Unsupported(_named(value))


def _string(value: SigmaString, *, anywhere: bool = False) -> _Value:
    cased = isinstance(value, SigmaCasedString)
    parts = list(value.s)
    if any(not isinstance(part, str | SpecialChars) for part in parts):
        raise Unsupported("the modifier `expand`")
    many = SpecialChars.WILDCARD_MULTI
    before = anywhere or (bool(parts) and parts[0] is many)
    after = anywhere or (bool(parts) and parts[-1] is many)
    while parts and parts[0] is many:
        parts.pop(0)
    while parts and parts[-1] is many:
        parts.pop()
    if any(not isinstance(part, str) for part in parts):
        middle = "".join(re2.escape(p) if isinstance(p, str) else ".*" if p is many else "." for p in parts)
        flags = {SigmaRegularExpressionFlag.DOTALL} | (set() if cased else {SigmaRegularExpressionFlag.IGNORECASE})
        pattern = _compiled(f"{'' if before else '^'}{middle}{'' if after else '$'}", flags)
        return lambda held, _: pattern.search(held) is not None
    text = "".join(str(part) for part in parts)
    plain = _plain(text if cased else text.lower(), before=before, after=after)
    return (lambda held, _: plain(held)) if cased else (lambda _, lower: plain(lower))


def _plain(text: str, *, before: bool, after: bool) -> Callable[[str], bool]:
    if before and after:
        return lambda held: text in held
    if before:
        return lambda held: held.endswith(text)
    if after:
        return lambda held: held.startswith(text)
    return lambda held: held == text


def _compiled(pattern: str, flags: set[SigmaRegularExpressionFlag]) -> Any:  # noqa: ANN401
    letters = "".join(letter for flag, letter in zip(_FLAGS, "ims", strict=True) if flag in flags)
    return automaton(f"(?{letters}){pattern}" if letters else pattern, memory=MEMORY)


def _within(text: str, network: Any) -> bool:  # noqa: ANN401
    try:
        return ip_address(text) in network
    except ValueError:
        return False


def _named(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, SigmaFieldReference):
        return "the modifier `fieldref`"
    if isinstance(value, SigmaTimestampPart):
        return f"the modifier `{value.timestamp_part.name.lower()}`"
    return f"a value of kind {type(value).__name__}"
