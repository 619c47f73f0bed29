"""Every JSON file below this folder is a case of the task its folder names: facts in, changes, checks and undo out.

A case holds `about`, and optionally `params`, `scene` (what differs from the usual one), `facts`; then what is
expected: `changes` (each with `do`, `preview` and `undo`, of which those given are compared), `notes`, `gaps`,
`questions`, `reasons` (of the questions), `undo_requests`, `messages` (with `to`, `way`, `preview`),
`checks` (one line each: `VANTAGE: description`; compared if given), or `refused` / `unplannable` (a part of the
message).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from stopgap.orchestrator.change import CHANGE, Change
from stopgap.orchestrator.host import CONTROLLER, Scene
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.task import Collection, Gap, Note, Refused, UndoRequest, Unplannable

ROOT = Path(__file__).parent
CASES = sorted(ROOT.glob("*/*.json"))

WEB = {
    "name": "web",
    "address": "203.0.113.10",
    "addresses": ["203.0.113.10", "2001:db8:113::10"],
    "upstream": "edge",
    "spare": "spare",
}
SPARE = {"name": "spare", "address": "203.0.113.20", "addresses": ["203.0.113.20", "2001:db8:113::20"]}
EDGE = {
    "name": "edge",
    "address": "10.9.0.1",
    "driver": "nftables",
    "may_block": ["203.0.113.0/24", "2001:db8:113::/64"],
    "never_block": ["203.0.113.1/32"],
}
USUAL = {"target": WEB, "upstream": EDGE, "spare": SPARE}


def scene_of(case: dict[str, Any], vantage: str) -> Scene:
    hosts = {**USUAL, **case.get("scene", {})}
    on = hosts.pop("on", None) or (
        CONTROLLER.model_dump(mode="json") if vantage == "controller" else hosts.get(vantage)
    )
    return Scene.model_validate_json(
        json.dumps({**hosts, "on": on if isinstance(on, dict) else hosts[on or "target"]})
    )


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_case(path: Path) -> None:
    case = json.loads(path.read_text())
    task = tasks()[path.parent.name]
    params = task.Params.model_validate_json(json.dumps(case.get("params", {})))
    facts = task.Facts.model_validate_json(json.dumps(case.get("facts", {})))
    scene = scene_of(case, task.vantages[0])
    assert {name.partition(".")[0] for name in task.probe(params, scene)} <= set(task.Facts.model_fields)
    for error, kind in (("refused", Refused), ("unplannable", Unplannable)):
        if error in case:
            with pytest.raises(kind) as caught:
                list(task.plan(params, facts, scene))
            assert case[error] in str(caught.value)
            return
    planned = list(task.plan(params, facts, scene))
    changes = [p for p in planned if isinstance(p, Change)]
    for change in changes:
        assert CHANGE.validate_json(change.model_dump_json()) == change
    wanted = case.get("changes", [])
    got = [{"do": c.describe(), "preview": c.preview(), "undo": c.describe_undo()} for c in changes]
    assert [{k: g[k] for k in w} for g, w in zip(got, wanted, strict=False)] == wanted, got
    assert len(got) == len(wanted), got
    for key, kind in (("notes", Note), ("gaps", Gap), ("questions", Question)):
        assert [p.text for p in planned if isinstance(p, kind)] == case.get(key, [])
    if "reasons" in case:
        assert [p.reason for p in planned if isinstance(p, Question)] == case["reasons"]
    lifted = [p for p in planned if isinstance(p, UndoRequest)]
    shown = [f"{p.run} {p.step}: {'; '.join(f'{c.host}: {c.undo}' for c in p.undo)}" for p in lifted]
    assert shown == case.get("liftings", [])
    messages = [p for p in planned if isinstance(p, Message)]
    sent = [{"to": m.to, "way": m.route.describe(), "preview": m.preview()} for m in messages]
    expected = case.get("messages", [])
    assert [{k: s[k] for k in w} for s, w in zip(sent, expected, strict=False)] == expected, sent
    assert len(sent) == len(expected), sent
    if "artifacts" in case:
        collections = [p for p in planned if isinstance(p, Collection)]
        assert [a.id for c in collections for a in c.artifacts] == case["artifacts"]
    checks = [f"{c.vantage}: {c.describe()}" for c in task.checks(params, facts, scene)]
    if "checks" in case:
        assert checks == case["checks"], checks


def test_every_task_has_cases() -> None:
    assert {path.parent.name for path in CASES} == set(tasks())
