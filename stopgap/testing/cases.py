"""Plays a case of a task: parameters and facts in; changes, checks and undo out. No host takes part.

A case is a JSON object that holds `about`, and optionally `params`, `scene` (what differs from the usual one) and
`facts`; then what is expected: `changes` (each with `do`, `preview` and `undo`, of which those given are compared),
`notes`, `gaps`, `questions`, `reasons` (of the questions), `liftings`, `messages` (with `to`, `way`, `preview`),
`artifacts`, `checks` (one line each: `VANTAGE: description`; compared if given), or `refused` / `unplannable` (a part
of the message).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stopgap.orchestrator.change import CHANGE, Change
from stopgap.orchestrator.host import CONTROLLER, Scene
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.task import Collection, Gap, Note, Planned, Refused, Task, UndoRequest, Unplannable

USUAL: Mapping[str, Mapping[str, Any]] = {
    "target": {
        "name": "web",
        "address": "203.0.113.10",
        "addresses": ["203.0.113.10", "2001:db8:113::10"],
        "upstream": "edge",
        "spare": "spare",
    },
    "upstream": {
        "name": "edge",
        "address": "10.9.0.1",
        "driver": "nftables",
        "may_block": ["203.0.113.0/24", "2001:db8:113::/64"],
        "never_block": ["203.0.113.1/32"],
    },
    "spare": {"name": "spare", "address": "203.0.113.20", "addresses": ["203.0.113.20", "2001:db8:113::20"]},
}
"""The hosts of a case that names no others."""


def scene_of(case: Mapping[str, Any], vantage: str) -> Scene:
    """Return the scene of a case: the usual hosts, replaced by the hosts of the case's `scene`.

    `vantage`: the host of the step, unless `on` in the case's `scene` names another host.

    >>> scene = scene_of({"scene": {"target": {"name": "mail", "address": "192.0.2.25"}}}, "target")
    >>> scene.on.name, scene.spare.name
    ('mail', 'spare')
    """
    hosts: dict[str, Any] = {**USUAL, **case.get("scene", {})}
    on = hosts.pop("on", None) or (
        CONTROLLER.model_dump(mode="json") if vantage == "controller" else hosts.get(vantage)
    )
    return Scene.model_validate_json(
        json.dumps({**hosts, "on": on if isinstance(on, dict) else hosts[on or "target"]})
    )


def case_faults(task: Task[Any, Any], case: Mapping[str, Any]) -> list[str]:
    """Play a case, and return each difference between the task and the case's expectations as one line.

    Raises pydantic.ValidationError for parameters or facts unknown to the task.

    >>> from stopgap.orchestrator.registry import tasks
    >>> case = {"params": {"argv": ["true"]}, "changes": [{"preview": ["$ false"]}]}
    >>> case_faults(tasks()["host.command"], case)
    ['changes[0]: expected {"preview": ["$ false"]}, got {"preview": ["$ true"]}']
    """
    params = task.Params.model_validate_json(json.dumps(case.get("params", {})))
    facts = task.Facts.model_validate_json(json.dumps(case.get("facts", {})))
    scene = scene_of(case, task.vantages[0])
    faults = [f"probe: no field of Facts is called {name}" for name in _unknown_fields(task, params, scene)]
    try:
        planned = list(task.plan(params, facts, scene))
    except (Refused, Unplannable) as error:
        return faults + _unexpected(case, error)
    for key in ("refused", "unplannable"):
        if key in case:
            return [*faults, f"{key}: expected {case[key]!r}, but it was planned"]
    faults += _differences("changes", _changes(planned), case.get("changes", []))
    faults += [f"changes: {change.describe()} is not the same after the journal" for change in _of(planned, Change)
               if CHANGE.validate_json(change.model_dump_json()) != change]  # fmt: skip
    for key, given in _texts(planned, case):
        faults += _differences(key, given, case.get(key, []))
    messages = [{"to": m.to, "way": m.route.describe(), "preview": m.preview()} for m in _of(planned, Message)]
    faults += _differences("messages", messages, case.get("messages", []))
    if "checks" not in case:
        return faults
    checks = [f"{check.vantage}: {check.describe()}" for check in task.checks(params, facts, scene)]
    return faults + _differences("checks", checks, case["checks"])


def _unknown_fields(task: Task[Any, Any], params: Any, scene: Scene) -> list[str]:  # noqa: ANN401
    return sorted({name.partition(".")[0] for name in task.probe(params, scene)} - set(task.Facts.model_fields))


def _unexpected(case: Mapping[str, Any], error: Exception) -> list[str]:
    key = "refused" if isinstance(error, Refused) else "unplannable"
    if key not in case:
        return [f"{key}, which the case does not expect: {error}"]
    return [] if case[key] in str(error) else [f"{key}: expected {case[key]!r} in {str(error)!r}"]


def _changes(planned: Sequence[Planned]) -> list[object]:
    return [
        {"do": change.describe(), "preview": change.preview(), "undo": change.describe_undo()}
        for change in _of(planned, Change)
    ]


def _texts(planned: Sequence[Planned], case: Mapping[str, Any]) -> Iterator[tuple[str, list[object]]]:
    yield "notes", [note.text for note in _of(planned, Note)]
    yield "gaps", [gap.text for gap in _of(planned, Gap)]
    yield "questions", [question.text for question in _of(planned, Question)]
    yield (
        "liftings",
        [f"{r.run} {r.step}: {'; '.join(f'{c.host}: {c.undo}' for c in r.undo)}" for r in _of(planned, UndoRequest)],
    )
    if "reasons" in case:
        yield "reasons", [question.reason for question in _of(planned, Question)]
    if "artifacts" in case:
        yield "artifacts", [artifact.id for c in _of(planned, Collection) for artifact in c.artifacts]


def _of(planned: Sequence[Planned], kind: type[Any]) -> list[Any]:
    return [item for item in planned if isinstance(item, kind)]


def _differences(key: str, got: Sequence[object], wanted: Sequence[object]) -> list[str]:
    """Compare item by item; of a mapping, only what the case names."""
    faults = [f"{key}: expected {len(wanted)}, got {len(got)}"] if len(got) != len(wanted) else []
    faults += [f"{key}: not expected: {json.dumps(more, ensure_ascii=False)}" for more in got[len(wanted) :]]
    faults += [f"{key}: missing: {json.dumps(less, ensure_ascii=False)}" for less in wanted[len(got) :]]
    for number, (given, expected) in enumerate(zip(got, wanted, strict=False)):
        shown = (
            {k: given.get(k) for k in expected} if isinstance(given, dict) and isinstance(expected, dict) else given
        )
        plain = json.loads(json.dumps(shown))
        if plain != expected:
            faults.append(
                f"{key}[{number}]: expected {json.dumps(expected, ensure_ascii=False)}, "
                f"got {json.dumps(plain, ensure_ascii=False)}"
            )
    return faults
