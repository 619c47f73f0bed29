"""Every rule finds what its own examples plant, and nothing in those that it spares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.findings import Rule, judge, load_rules, shipped_rules
from stopgap.orchestrator.findings.table import tables
from stopgap.orchestrator.source import InvalidInput

from .collection import collected

RULES = shipped_rules()


def found(rule: Rule, artifacts: dict[str, Any], folder: Path) -> int:
    known = tables()
    needed = [artifact for name in (rule.table, *(j.table for j in rule.joins())) for artifact in known[name].reads]
    result = judge(collected(folder, artifacts, tuple(dict.fromkeys(needed))), [rule])
    assert not result.not_looked, result.not_looked
    return len(result.findings)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_finds_what_is_planted_and_spares_what_is_usual(rule: Rule, tmp_path: Path) -> None:
    for number, planted in enumerate(rule.finds):
        assert found(rule, planted, tmp_path / f"finds-{number}") == 1, planted
    for number, usual in enumerate(rule.spares):
        assert found(rule, usual, tmp_path / f"spares-{number}") == 0, usual


def test_every_rule_says_why_how_sure_what_else_and_what_next() -> None:
    for rule in RULES:
        assert all(text.strip() for text in (rule.title, rule.why, rule.otherwise, rule.next)), rule.id
        assert "clean" not in " ".join((rule.title, rule.why, rule.next)).split(), rule.id


def test_a_rule_of_ones_own_needs_a_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    (mine,) = load_rules([path])
    assert found(mine, {"histories": {"/root/.bash_history": "nethack\n"}}, tmp_path / "collection") == 1


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ("table: history-lines", "table: history-line", "no table `history-line`"),
        ("{text: {matches: nethack}}", "{txet: {matches: nethack}}", "no field `txet`"),
        ("{text: {matches: nethack}}", "{text: {matches: '('}}", "no regular expression"),
        ("severity: info", "severity: terrible", "severity"),
        ("shows: '{text}'", "shows: '{words}'", "no field `words`"),
        ("why: It is fun.", "", "`why` is missing"),
        ("spares: [{histories: {}}]", "spares: []", "at least 1"),
    ],
)
def test_a_mistake_in_a_rule_is_named_with_its_place(wrong: str, right: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE.replace(wrong, right))
    with pytest.raises(InvalidInput) as caught:
        load_rules([path])
    problems = [str(problem) for problem in caught.value.problems]
    assert any(says in problem and f"{path}:" in problem for problem in problems), problems


MINE = """\
rules:
  - id: games
    title: Somebody plays
    severity: info
    table: history-lines
    when: {text: {matches: nethack}}
    shows: '{text}'
    why: It is fun.
    sure: high
    otherwise: A test.
    next: Play along.
    finds: [{histories: {/root/.bash_history: "nethack"}}]
    spares: [{histories: {}}]
"""
