"""Load rules from YAML files; report every mistake with file and line."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from stopgap.orchestrator.findings.rule import EARLIER_KEYS, Join, Rule
from stopgap.orchestrator.findings.table import tables
from stopgap.orchestrator.plugins import fail, files
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.source import InvalidInput, Loc, Located, Problem, did_you_mean, read, validate
from stopgap.orchestrator.text import tr


@cache
def shipped_rules() -> tuple[Rule, ...]:
    """Return the rules shipped with Stopgap."""
    return load_rules(sorted(folder("rules").glob("*.yaml")))


@cache
def rules_in_force() -> tuple[Rule, ...]:
    """Give the rules that take part in every run: the shipped ones, and those of plug-ins.

    A plug-in's file with a mistake is left out, and so is a rule whose id is taken; `plugins.failures` says why.
    """
    known = {rule.id: rule for rule in shipped_rules()}
    for file in files("rules"):
        plugin = file.plugin
        try:
            own = load_rules([file.path])
        except InvalidInput as error:
            fail("rules", plugin.name, plugin.origin, str(error.problems[0]).splitlines()[0])
            continue
        for rule in own:
            if rule.id in known:
                fail("rules", plugin.name, plugin.origin, tr("another rule is called {id}", id=rule.id))
            known.setdefault(rule.id, rule)
    return tuple(known.values())


def load_rules(paths: Iterable[Path]) -> tuple[Rule, ...]:
    """Load files of rules, each a list below `rules`. Raises InvalidInput with every problem found."""
    problems: list[Problem] = []
    rules: dict[str, Rule] = {}
    for path in paths:
        document = read(path)
        listed = document.data.get("rules") if isinstance(document.data, dict) else None
        if not isinstance(listed, list):
            problems.append(document.problem((), tr("no rules"), expected=tr("a list below `rules:`")))
            continue
        for number in range(len(listed)):
            at: Loc = ("rules", number)
            rule = validate(Rule, document, at, problems, EARLIER_KEYS)
            if rule is None:
                continue
            if rule.id in rules:
                problems.append(document.problem((*at, "id"), tr("a second rule `{id}`", id=rule.id)))
            problems += _unknown(rule, document, at)
            rules[rule.id] = rule
    if problems:
        raise InvalidInput(problems)
    return tuple(rules.values())


def _unknown(rule: Rule, document: Located, at: Loc) -> list[Problem]:
    """Return a problem for each unknown table and field."""
    known = tables()
    wanted: list[tuple[Loc, str, set[str]]] = [((*at, "table"), rule.table, rule.fields())]
    joins: list[tuple[str, Join | None]] = [("absent_from", rule.absent_from), ("present_in", rule.present_in)]
    for key, join in joins:
        if join:
            wanted.append(((*at, key, "table"), join.table, {*join.on.values(), *join.when}))
    problems = []
    for loc, name, fields in wanted:
        if name not in known:
            problems.append(document.problem(loc, tr("no table `{name}`", name=name), hint=did_you_mean(name, known)))
            continue
        for field in sorted(fields - set(known[name].fields)):
            expected = ", ".join(known[name].fields)
            problems.append(
                document.problem(
                    at, tr("table {name} has no field `{field}`", name=name, field=field), expected=expected
                )
            )
    return problems
