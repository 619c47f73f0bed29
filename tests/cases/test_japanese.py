"""What Japanese readers get in Japanese: runbooks, questions, findings, and what the program says of its own acts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.findings import shipped_rules
from stopgap.orchestrator.report.phrases import Phrases, sentences
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.runbook import parse_runbook

ROOT = Path(__file__).parent
RUNBOOKS = sorted(folder("runbooks").glob("*.yaml"))
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
COMMAND = re.compile(
    r"(?:systemctl|docker|podman|update-rc\.d|chkconfig|service|postfix|rm|env|ufw|firewall-cmd|usermod|run-parts|kill|smtpd|/)\b.*"
)
"""An undo that is a command line is shown as it is typed."""


def sayings() -> Iterator[tuple[str, str]]:
    """What tasks say in their cases, with the case."""
    for path in sorted(ROOT.glob("*/*.json")):
        case = json.loads(path.read_text())
        said = [text for key in ("notes", "gaps", "questions") for text in case.get(key, ())]
        said += [check.partition(": ")[2] for check in case.get("checks", ())]
        said += [change[key] for change in case.get("changes", ()) for key in ("do", "undo") if change.get(key)]
        yield from ((text, f"{path.parent.name}/{path.stem}") for text in said)


def test_what_tasks_say_of_changes_checks_notes_gaps_and_questions_has_japanese_words() -> None:
    japanese = Phrases("ja", {rule.title: rule.title_ja for rule in shipped_rules()})
    own = {"checkpoint", "host.command"}  # Words of a runbook, which has them in Japanese itself.
    english = {
        text: case
        for text, case in sayings()
        if case.partition("/")[0] not in own and not COMMAND.match(text) and not JAPANESE.search(japanese.say(text))
    }
    assert not english, "templates/report/phrases.ja.yaml has no words for these"


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_shipped_runbook_has_japanese_words_for_all_that_papers_show_of_it(path: Path) -> None:
    runbook = parse_runbook(path.read_text(), str(path))
    words = {"name": runbook.name_ja, "description": runbook.description_ja}
    words |= {f"step {step.id}": step.name_ja for step in runbook.steps}
    words |= {f"parameter {param.name}": param.description_ja for param in runbook.params.values()}
    for step in runbook.steps:
        if step.task == "checkpoint":
            words |= {f"{step.id} {key}": str(step.with_.get(key, "")) for key in ("ask_ja", "reason_ja")}
    assert {what for what, text in words.items() if not JAPANESE.search(text)} == set()


def test_every_rule_has_a_japanese_title_of_its_own() -> None:
    titles = [rule.title_ja for rule in shipped_rules()]
    assert all(JAPANESE.search(title) for title in titles)
    assert len(set(titles)) == len(titles)


def test_every_sentence_uses_its_gaps_and_no_others() -> None:
    for each in (each for known in sentences("ja").values() for each in known):
        assert set(re.findall(r"\{(\w+)\}", each.other)) == set(each.names), each


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("203.0.113.10:22 is silent", "203.0.113.10:22 が応答しないこと"),
        (
            "have mail accepted again, here or elsewhere, before Sun 29 Nov 00:24 UTC",
            "11 月 29 日（日）00:24 UTC までに、ここか別の場所でメールの受信を再開してください",
        ),
        (
            "table inet stopgap_web: drop 203.0.113.10 both ways, allow 10.9.0.2, web to 203.0.113.20",
            "nftables のテーブル stopgap_web：203.0.113.10 の送受信を双方向に破棄"
            "（許可 10.9.0.2、Web は 203.0.113.20 へ転送）",
        ),
        ("a host's own words, of no sentence", "a host's own words, of no sentence"),
        ("{place} is silent {0} %s", "{place} is silent {0} %s"),
        ("{severity} is silent", "{severity} が応答しないこと"),
        ("x" * 2000 + " is silent", "x" * 2000 + " is silent"),
    ],
)
def test_a_sentence_is_said_with_what_stands_in_it_and_anything_else_stays(english: str, japanese: str) -> None:
    assert Phrases("ja", {}).say(english) == japanese
