"""What Japanese readers get in Japanese: runbooks, questions, findings, and what the program says of its own acts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from stopgap.orchestrator.change import Change
from stopgap.orchestrator.findings import shipped_rules
from stopgap.orchestrator.language import rendered
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.runbook import parse_runbook
from stopgap.orchestrator.task import Gap, Note, Planned, Refused, Unplannable
from stopgap.testing.cases import scene_of

ROOT = Path(__file__).parent
CASES = sorted(ROOT.glob("*/*.json"))
RUNBOOKS = sorted(folder("runbooks").glob("*.yaml"))
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
COMMAND = re.compile(
    r"(?:systemctl|docker|podman|supervisorctl|whmapi1|su|update-rc\.d|chkconfig|rc-update|rc-service|service|postfix|rm|env|ufw|firewall-cmd|usermod|run-parts|kill|smtpd|sh|/)\b.*"
)
"""An undo that is a command line is shown as it is typed."""
OWN = {"checkpoint", "host.command"}
"""Tasks that say the words of a runbook, which has them in Japanese itself."""


def said_of(planned: Planned) -> Iterator[str]:
    match planned:
        case Change():
            yield from (planned.describe(), planned.describe_undo())
        case Note() | Gap():
            yield planned.text
        case Question():
            yield planned.text


def sayings(path: Path) -> Iterator[str]:
    """What a task says in a case: of its changes, notes, gaps, questions and checks, or why it has no plan."""
    case, task = json.loads(path.read_text()), tasks()[path.parent.name]
    params = task.Params.model_validate_json(json.dumps(case.get("params", {})))
    facts = task.Facts.model_validate_json(json.dumps(case.get("facts", {})))
    scene = scene_of(case, task.vantages[0])
    past = facts.model_dump_json()
    try:
        for planned in task.plan(params, facts, scene):
            yield from (text for text in said_of(planned) if text not in past)
        yield from (check.describe() for check in task.checks(params, facts, scene))
    except (Refused, Unplannable) as why:
        yield str(why)


@pytest.mark.parametrize("task", sorted({path.parent.name for path in CASES} - OWN))
def test_what_a_task_says_has_japanese_words(task: str) -> None:
    said = {text for path in CASES if path.parent.name == task for text in sayings(path)}
    english = {text for text in said if not JAPANESE.search(rendered(text, "ja")) and not COMMAND.match(text)}
    assert not english, "a sentence of these is no text: see `tr` in stopgap.orchestrator.text"


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
