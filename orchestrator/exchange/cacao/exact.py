"""A saved plan as a CACAO playbook: the commands of each change, with their input, for named hosts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stopgap.orchestrator.change import AnyChange, DeviceChange, ProviderChange
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.exchange.cacao import visible
from stopgap.orchestrator.exchange.cacao.identity import EXTENSION
from stopgap.orchestrator.exchange.cacao.playbook import Workflow, assembled
from stopgap.orchestrator.outcome import PlannedOutcome
from stopgap.orchestrator.plan.saved import SavedPlan, SavedStep
from stopgap.orchestrator.runbook import Runbook, Step
from stopgap.orchestrator.text import Text, tr

PLAN_FIELD, CHANGE_FIELD = "stopgap_plan", "stopgap_change"
_HIDDEN = "‹secret"
"""How a saved plan shows the value of a secret."""
_LONGEST_LINE = 400


@dataclass(frozen=True)
class Exact:
    """A playbook of a plan, and what of the plan the playbook cannot carry out."""

    playbook: dict[str, Any]
    losses: tuple[Text, ...]


@dataclass(frozen=True)
class _Act:
    """One action of the playbook, before it is linked: a change, or a step without changes."""

    step: Step
    planned: SavedStep
    index: int
    change: AnyChange | None

    @property
    def place(self) -> tuple[str, str]:
        return self.planned.target, self.planned.key


def exact(runbook: Runbook, saved: SavedPlan, addresses: Mapping[str, Sequence[str]]) -> Exact:
    """Return the playbook of a plan; the same plan gives the same playbook.

    Args:
        runbook: the runbook that was planned.
        saved: the plan.
        addresses: of the hosts, by name; a host without addresses is named by its name.

    Raises:
        UsageError: the plan is not of this runbook.
    """
    steps = {step.id: step for step in runbook.steps}
    if unknown := [planned.id for planned in saved.steps if planned.id not in steps]:
        raise UsageError(tr("the plan has a step {step} that {path} lacks", step=unknown[0], path=runbook.path))
    acts = [act for planned in saved.steps for act in _acts(steps[planned.id], planned)]
    if not acts:
        raise UsageError(tr("the plan changes nothing: there is nothing to export"))
    flow = Workflow(saved.digest)
    done, failed = flow.end("done"), flow.end("failed")
    losses = [_left_out(step) for step in saved.steps if not step.changes and not _is_by_hand(step)]
    ids = [flow.id("action", str(place)) for place in range(len(acts))]
    undone = {place: flow.id("action", str(place), "undo") for place, act in enumerate(acts) if _undoable(act)}
    for place, act in enumerate(acts):
        following = ids[place + 1] if place + 1 < len(acts) else done
        ways = _ways(place, acts, ids, undone, following, failed)
        flow.steps[ids[place]] = _action(flow, act, addresses) | ways
        losses += _losses(act)
    if any(act.step.on_failure == "undo" for act in acts):
        _add_undo(flow, acts, undone, addresses, failed)
    head = visible.head(runbook.document.data)
    head = {
        **head,
        "name": f"{head['name']}: {', '.join(saved.targets)}",
        "description": f"A plan of Stopgap for {', '.join(saved.targets)}, digest {saved.digest}.\n\n"
        f"{head['description']}",
        "playbook_variables": {},
    }
    extension = {EXTENSION: {PLAN_FIELD: {"plan_digest": saved.digest, "targets": list(saved.targets)}}}
    made = assembled(flow, flow.start(ids[0]), head, {"playbook_extensions": extension})
    used = {way for step in flow.steps.values() for key, way in step.items() if key.startswith("on_")}
    if failed not in used:
        del flow.steps[failed]
    return Exact(made, tuple(dict.fromkeys(losses)))


def _acts(step: Step, planned: SavedStep) -> list[_Act]:
    if planned.changes:
        return [_Act(step, planned, index, change) for index, change in enumerate(planned.changes)]
    return [_Act(step, planned, 0, None)] if _is_by_hand(planned) else []


def _is_by_hand(planned: SavedStep) -> bool:
    """Tell a step without changes in the plan that does something all the same: evidence, letters, questions."""
    return planned.outcome in {PlannedOutcome.WOULD_CHANGE, PlannedOutcome.UNCHANGED}


def _left_out(planned: SavedStep) -> Text:
    return tr(
        "{step} on {target} was {outcome} in the plan, and is left out",
        step=planned.key,
        target=planned.target,
        outcome=planned.outcome,
    )


def _undoable(act: _Act) -> bool:
    return act.change is not None and act.change.has_undo and not act.change.only_reads


def _ways(
    place: int,
    acts: Sequence[_Act],
    ids: Sequence[str],
    undone: Mapping[int, str],
    following: str,
    failed: str,
) -> dict[str, str]:
    act = acts[place]
    later = range(place + 1, len(acts))
    next_step = next((ids[n] for n in later if acts[n].place != act.place), None)
    next_target = next((ids[n] for n in later if acts[n].planned.target != act.planned.target), failed)
    match act.step.on_failure:
        case "continue":
            on_failure = next_step or following
        case "undo":
            on_failure = next(
                (
                    undone[n]
                    for n in range(place, -1, -1)
                    if n in undone and acts[n].planned.target == act.planned.target
                ),
                next_target,
            )
        case _:
            on_failure = next_target
    if on_failure == following:
        return {"on_completion": following}
    return {"on_success": following, "on_failure": on_failure}


def _add_undo(
    flow: Workflow,
    acts: Sequence[_Act],
    undone: Mapping[int, str],
    addresses: Mapping[str, Sequence[str]],
    failed: str,
) -> None:
    """Add the undo of each target's changes, the last one first; it goes on whether one fails or not."""
    reached: set[str] = set()
    for place in range(len(acts) - 1, -1, -1):
        act = acts[place]
        target = act.planned.target
        if act.step.on_failure == "undo":
            reached.add(target)
        if act.change is None or place not in undone or target not in reached:
            continue
        before = next((n for n in range(place - 1, -1, -1) if n in undone and acts[n].planned.target == target), None)
        others = (n for n in range(place, len(acts)) if acts[n].planned.target != target)
        after = next((flow.id("action", str(n)) for n in others), failed)
        flow.steps[undone[place]] = _undo_action(flow, act, act.change, addresses) | {
            "on_completion": after if before is None else undone[before]
        }


def _action(flow: Workflow, act: _Act, addresses: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    entry = act.step.document.at(act.step.loc)
    if act.change is None or act.planned.host is None:
        made = visible.action(entry) | {"name": f"{act.step.name}: {act.planned.target}"}  # type: ignore[arg-type]
        return {"type": "action", **made, "commands": [visible.manual(_by_stopgap(act))], "agent": flow.person()}
    change = act.change.named(_name(flow, act))
    lines = [f"{act.step.name}: {change.describe()}", *(line[:_LONGEST_LINE] for line in change.preview())]
    lines.append(f"undo: {change.describe_undo() if change.has_undo else 'none known'}")
    undo = _script(change, undo=True) if _undoable(act) else None
    extension = {CHANGE_FIELD: {"change": change.model_dump(mode="json"), "undo_script": undo}}
    return {
        "type": "action",
        "name": f"{act.step.name}: {change.describe()}",
        "description": "\n".join(lines),
        **_commands(flow, act, change, addresses, undo=False),
        "step_extensions": {EXTENSION: extension},
    }


def _undo_action(
    flow: Workflow, act: _Act, change: AnyChange, addresses: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    change = change.named(_name(flow, act))
    return {
        "type": "action",
        "name": f"Undo: {change.describe_undo()}",
        **_commands(flow, act, change, addresses, undo=True),
    }


def _commands(
    flow: Workflow, act: _Act, change: AnyChange, addresses: Mapping[str, Sequence[str]], *, undo: bool
) -> dict[str, Any]:
    script = _script(change, undo=undo)
    if script is None or act.planned.host is None:
        words = change.describe_undo() if undo else "\n".join([change.describe(), *change.preview()])
        text = f"On {act.planned.host}, by hand or with Stopgap: {words}"
        return {"commands": [visible.manual(text)], "agent": flow.person()}
    known = addresses.get(act.planned.host, ())
    address = {
        kind: found
        for kind, found in (
            ("ipv4", [a for a in known if "." in a and ":" not in a]),
            ("ipv6", [a for a in known if ":" in a]),
        )
        if found
    }
    target = flow.target(act.planned.host, address or {"dname": [act.planned.host]})
    return {"commands": [_ssh(script)], "agent": flow.machine(), "targets": [target]}


def _script(change: AnyChange, *, undo: bool) -> str | None:
    """Return the POSIX script of a change; `None` where no shell carries the change out, or a secret is hidden."""
    if isinstance(change, (DeviceChange, ProviderChange)):
        return None
    script = change.undo_script() if undo else change.do_script()
    return None if _HIDDEN in script or "\0" in script else script


def _ssh(script: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "ssh", "playbook_activity": visible.ACTIVITY}
    if script.isprintable():
        return made | {"command": script}
    return made | {"command_b64": base64.b64encode(script.encode("utf-8", "surrogateescape")).decode("ascii")}


def _name(flow: Workflow, act: _Act) -> str:
    """Return the name of a change's objects on the host: of the plan in place of the run."""
    return f"stopgap-{flow.key[:12]}-{flow.id('action', act.planned.key, act.planned.target, str(act.index))[8:16]}"


def _by_stopgap(act: _Act) -> str:
    return f"Let Stopgap carry out the task {act.step.task} for {act.planned.target}; the plan has no commands of it"


def _losses(act: _Act) -> list[Text]:
    step, target = act.planned.key, act.planned.target
    if act.change is None:
        return [tr("{step} on {target}: has no commands in the plan; a person has it done", step=step, target=target)]
    losses = []
    if act.change.rollback_timer is not None:
        losses.append(tr("{step} on {target}: no rollback timer is set", step=step, target=target))
    if _script(act.change, undo=False) is None:
        by_hand = tr(
            "{step} on {target}: no shell carries it out, or it holds a secret; a person does it",
            step=step,
            target=target,
        )
        losses.append(by_hand)
    return losses
