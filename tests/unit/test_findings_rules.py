"""Every rule finds what its own examples plant, and nothing in those that it spares."""

from __future__ import annotations

from pathlib import Path

import pytest

from stopgap.orchestrator.findings import Rule, load_rules, shipped_rules
from stopgap.orchestrator.source import InvalidInput
from stopgap.testing import rule_faults

RULES = shipped_rules()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_finds_what_is_planted_and_spares_what_is_usual(rule: Rule, tmp_path: Path) -> None:
    assert rule_faults(rule, tmp_path) == []


def test_every_rule_says_why_how_sure_what_else_and_what_next() -> None:
    for rule in RULES:
        assert all(text.strip() for text in (rule.title, rule.why, *rule.falsepositives, rule.response)), rule.id
        assert "clean" not in " ".join((rule.title, rule.why, rule.response)).split(), rule.id


def test_every_rule_names_its_techniques_but_where_no_technique_is_meant() -> None:
    # What cannot be reached from outside is no trace of anything that an intruder does.
    assert [rule.id for rule in RULES if not rule.tags] == ["outside-silent"]


def test_keys_of_an_earlier_version_are_refused_each_once_with_its_place_and_its_name_of_today(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE[: MINE.index("    confidence")] + EARLIER)
    with pytest.raises(InvalidInput) as caught:
        load_rules([path])
    says = "is a key of an earlier version\n  hint: it is called"
    assert [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems] == [
        f"9:5: 'sure' {says} `confidence` now",
        f"10:5: 'otherwise' {says} `falsepositives` now",
        f"11:5: 'next' {says} `response` now",
        f"12:5: 'known' {says} `references` now",
        f"13:5: 'finds' {says} `tests: {{matches}}` now",
        f"14:5: 'spares' {says} `tests: {{spares}}` now",
    ]


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("attack.T1053.003", "did you mean attack.t1053.003?"),
        ("T1014", "did you mean attack.t1014?"),
        ("attack.t1053/003", "did you mean attack.t1053.003?"),
        ("attack.persistence", "a tag such as attack.t1053.003"),
        ("attack.t1053.3", "a tag such as attack.t1053.003"),
        ("attack.t1053.003x", "a tag such as attack.t1053.003"),
        (r'"attack.t1053\n"', "did you mean attack.t1053?"),
    ],
)
def test_a_tag_is_a_technique_in_sigmas_form(tag: str, hint: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE.replace("[attack.t1496]", f"[attack.t1496, {tag}]"))
    with pytest.raises(InvalidInput) as caught:
        load_rules([path])
    (problem,) = map(str, caught.value.problems)
    assert f"{path}:12:26: " in problem
    assert hint in problem


def test_a_rule_of_ones_own_needs_a_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    (mine,) = load_rules([path])
    assert rule_faults(mine, tmp_path) == []


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('"nethack"}}]', '"ls"}}]', "matches[0]: nothing was found"),
        (
            "spares: [{histories: {}}]",
            "spares: [{histories: {/root/.bash_history: nethack}}]",
            "spares[0]: something",
        ),
    ],
)
def test_an_example_that_a_rule_does_not_keep_is_named(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE.replace(right, wrong))
    [fault] = rule_faults(load_rules([path])[0], tmp_path)
    assert said in fault


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
        ("falsepositives: [A test.]", "falsepositives: A test.", "expected a list"),
        ("falsepositives: [A test.]", "falsepositives: []", "at least 1"),
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
    confidence: high
    falsepositives: [A test.]
    response: Play along.
    tags: [attack.t1496]
    tests:
      matches: [{histories: {/root/.bash_history: "nethack"}}]
      spares: [{histories: {}}]
"""

EARLIER = """\
    sure: high
    otherwise: A test.
    next: Play along.
    known: Games, 2006
    finds: [{histories: {/root/.bash_history: "nethack"}}]
    spares: [{histories: {}}]
"""
