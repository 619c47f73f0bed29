"""Every pattern that Stopgap's own code holds against what a host wrote takes a time that grows as the text does.

Rules' patterns are searched by RE2, which cannot do otherwise. The code itself uses Python's `re`: here each of its
patterns is tried as the code calls it, on texts that are made to be slow for it. The processor time of one call tells
linear (milliseconds) from quadratic (seconds) on any machine.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

import pytest

from stopgap.orchestrator.findings import shipped_rules
from stopgap.orchestrator.findings.pattern import _linear
from stopgap.orchestrator.findings.rule import Rule, Where

ROOT = Path(__file__).parents[2]
READ_HOSTS = (
    "orchestrator/findings", "orchestrator/evidence", "orchestrator/facts", "orchestrator/remote/framing.py",
    "orchestrator/remote/gather.py", "orchestrator/remote/script.py", "tasks/mta", "tasks/web", "tasks/host",
    "tasks/evidence",
)  # fmt: skip
"""Where text of hosts is taken apart."""
LENGTH = 32768
SLOW = 0.2
"""Seconds of processor time for one call: many times what a linear one takes, a part of what a quadratic one does."""
METHODS = {"search", "match", "fullmatch", "finditer", "findall", "sub", "split"}
BACKTRACKING = 1
"""Shipped rules whose pattern RE2 cannot search."""


def sources() -> Iterator[Path]:
    for place in READ_HOSTS:
        yield from sorted((ROOT / place).rglob("*.py")) if (ROOT / place).is_dir() else [ROOT / place]


def text_of(node: ast.expr | None, known: dict[str, str]) -> str | None:
    """Give a pattern that stands as a literal, or is put together of literals and names of such."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return node.value if isinstance(node.value, str) else node.value.decode("latin-1")
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.JoinedStr):
        parts = [text_of(v.value if isinstance(v, ast.FormattedValue) else v, known) for v in node.values]
        return None if None in parts else "".join(part or "" for part in parts)
    return None


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """Give each pattern of a module with the method that it is called by."""
    tree = ast.parse(path.read_text())
    strings: dict[str, str] = {}
    compiled: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if (text := text_of(node.value, strings)) is not None:
                strings[name] = text
            found = [
                text
                for call in ast.walk(node.value)
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "re.compile"
                if (text := text_of(call.args[0], strings)) is not None
            ]
            if found:
                compiled[name] = found
    used: set[str] = set()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS):
            continue
        if ast.unparse(node.func.value) == "re" and (text := text_of(node.args[0], strings)) is not None:
            yield text, node.func.attr
        elif isinstance(node.func.value, ast.Name) and node.func.value.id in compiled:
            used.add(node.func.value.id)
            yield from ((text, node.func.attr) for text in compiled[node.func.value.id])
    for name in set(compiled) - used:  # handed on, or one of a table of patterns: it may be searched
        yield from ((text, "search") for text in compiled[name])


PATTERNS = sorted({(text, method, path.name) for path in sources() for text, method in calls(path)})


def slow_texts(pattern: str) -> Iterator[str]:
    """Give texts of repeated signs and words of a pattern, alone, behind one another, and broken off at the end."""
    words = sorted(set(re.findall(r"[A-Za-z0-9_/.:;|&$ =<>@-]{1,12}", pattern)), key=len, reverse=True)[:10]
    signs = [*" \t/a0.-_:;|&$=\"'()<>[]{}\\,+%@#!^A\n", *words]
    for sign in signs:
        yield sign * (LENGTH // len(sign))
    for word in words:
        for sign in " /a0.;'\"[":
            yield word + sign * (LENGTH - len(word))
            yield (word + sign) * (LENGTH // (len(word) + 1))


def least_time(call: Callable[[], object]) -> float:
    """Give the processor time of a call in seconds, the least of three where the first was slow."""
    taken = inf
    for _ in range(3):
        began = time.thread_time()
        call()
        taken = min(taken, time.thread_time() - began)
        if taken < SLOW:
            break
    return taken


def test_the_code_is_found_to_hold_patterns_against_hosts() -> None:
    assert len(PATTERNS) > 60


@pytest.mark.parametrize(("pattern", "method", "module"), PATTERNS)
def test_a_pattern_of_the_code_takes_linear_time(pattern: str, method: str, module: str) -> None:
    compiled = re.compile(pattern)
    call = {
        "finditer": lambda text: list(compiled.finditer(text)),
        "sub": lambda text: compiled.sub("", text),
    }.get(method, getattr(compiled, method))
    for text in slow_texts(pattern):
        taken = least_time(lambda text=text: call(text))
        assert taken < SLOW, f"{module}: {taken:.2f} s of processor time on {text[:40]!r}"


def conditions(rule: Rule) -> Iterator[str]:
    places: list[Where] = [rule.when, *rule.unless, *(join.when for join in rule.joins())]
    for where in places:
        for condition in where.values():
            yield from (*condition.matches, *condition.lacks)


def test_the_patterns_of_shipped_rules_are_searched_by_re2() -> None:
    others = {pattern for rule in shipped_rules() for pattern in conditions(rule) if not _linear(pattern)}
    assert len(others) <= BACKTRACKING, others
