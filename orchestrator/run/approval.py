"""Approving: what another person looks at, signs, and puts on record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stopgap.orchestrator.change import CHANGE, AnyChange
from stopgap.orchestrator.errors import RefusedError, UsageError
from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.journal import History, Journal
from stopgap.orchestrator.journal.approval_records import Authorized
from stopgap.orchestrator.journal.plan_approvals import approve_plan, nonce_of, plan_approvals, used_approvals
from stopgap.orchestrator.plan.saved import ApprovablePlan, read_approvable
from stopgap.orchestrator.roles import ActRefused, Roles, Subject, roles_here, signer_here
from stopgap.orchestrator.roles.acts import order_digest
from stopgap.orchestrator.run.authority import (
    act_here,
    act_on_page,
    digest_of_run,
    subject_of_run,
    subject_of_texts,
    verified,
)
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class StepToApprove:
    """A step of a plan, in the form that the digest of the plan covers."""

    key: str
    target: str
    host: str | None
    outcome: str
    changes: tuple[AnyChange, ...]
    collected: int
    """How many items would be read."""
    undone: int
    """How many changes of earlier runs would be taken back."""
    asked: tuple[str, ...]
    sent: tuple[str, ...]
    """Recipients of messages."""


@dataclass(frozen=True)
class ToApprove:
    """A plan that waits for the approval of another person."""

    run: str
    """Empty for a plan in a file."""
    runbook: str
    digest: str
    order: str
    subject: Subject
    addresses: Mapping[str, str]
    """Host → address, of every host that a step acts on."""
    steps: tuple[StepToApprove, ...]
    begun_by: str = ""
    emergency: str = ""
    """Why the run went first."""


def run_to_approve(history: History, roles: Roles) -> ToApprove:
    """Return what a run does, for the person who approves.

    Raises RefusedError for a run that waits for nobody's approval, ActRefused for steps that are not those of the
    digest.
    """
    asked = history.approval
    if asked is None:
        raise RefusedError(tr("run {run} takes nobody's approval", run=history.run))
    started = history.started
    return ToApprove(
        history.run,
        started.runbook_name,
        asked.plan,
        digest_of_run(started),
        subject_of_run(started, roles),
        {host.name: host.address for host in started.hosts},
        steps_of(asked.steps, asked.plan),
        asked.person,
        asked.emergency,
    )


def plan_to_approve(path: Path, roles: Roles) -> ToApprove:
    """Return what a plan in a file does. Raises UsageError for another file, ActRefused as `run_to_approve`."""
    plan: ApprovablePlan = read_approvable(path)
    subject = subject_of_texts(
        plan.runbook_text, plan.runbook_path, plan.inventory_text, plan.inventory_path, plan.targets, roles
    )
    hosts = parse_inventory(plan.inventory_text, plan.inventory_path).hosts
    order = order_digest(plan.runbook_text, plan.inventory_text, plan.targets, plan.params)
    return ToApprove(
        "",
        plan.runbook,
        plan.digest,
        order,
        subject,
        {host.name: host.address for host in hosts.values()},
        steps_of(plan.steps, plan.digest),
    )


def approve(
    journal: Journal, wanted: ToApprove, history: History | None, roles: Roles, *, on_page: str | None = None
) -> Authorized:
    """Sign the approval as the person at this terminal, and record it; return the record.

    `history`: of the run; None for a plan in a file. `on_page`: the person's name by the proxy in front of the page;
    such an approval bears no signature. Raises ActRefused for the person who began the run, for one who
    approved before, and where roles do not permit it.
    """
    person = signer_here(roles).person if on_page is None else roles.person_on_page(on_page)
    if history is not None and person in {wanted.begun_by, history.requester}:
        raise ActRefused(tr("{person} began the run; another person approves", person=person))
    given = history.authorized if history else _unused(journal)
    if any(_same(each, person, wanted, roles) for each in given):
        raise RefusedError(tr("{person} has approved it already", person=person))
    binding = {"run": wanted.run, "plan": wanted.digest, "order": wanted.order}
    if on_page is not None:
        record = act_on_page(roles, on_page, "approve", wanted.subject, **binding)
    else:
        record = act_here(roles, "approve", wanted.subject, **binding)
    if history is None:
        approve_plan(journal, record)
    else:
        journal.append(history.run, record)
    return record


def steps_of(text: str, digest: str) -> tuple[StepToApprove, ...]:
    """Return the steps that a digest stands for. Raises ActRefused where the text has another digest."""
    if hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() != digest:
        raise ActRefused(tr("the steps that it shows are not those of its digest, {digest}", digest=digest[:8]))
    try:
        return tuple(_step(each) for each in json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        raise UsageError(tr("this version of Stopgap cannot read the plan's steps")) from None


def needed_roles() -> Roles:
    """Return the roles that hold here; raises UsageError without any."""
    roles = roles_here()
    if roles is None:
        raise UsageError(tr("there is no roles.yaml that says who may approve; see `stopgap docs roles`"))
    return roles


def _step(step: Mapping[str, Any]) -> StepToApprove:
    return StepToApprove(
        key=str(step["step"]),
        target=str(step["target"]),
        host=step["on"] and str(step["on"]),
        outcome=str(step["outcome"]),
        changes=tuple(CHANGE.validate_json(json.dumps(change)) for change in step["changes"]),
        collected=len(step["collect"]),
        undone=sum(len(each.get("undo", ())) for each in step["lift"]),
        asked=tuple(str(each["text"]) for each in step["ask"]),
        sent=tuple(str(each["to"]) for each in step["send"]),
    )


def _unused(journal: Journal) -> Collection[Authorized]:
    used = used_approvals(journal)
    return [each for each in plan_approvals(journal) if nonce_of(each) not in used]


def _same(record: Authorized, person: str | None, wanted: ToApprove, roles: Roles) -> bool:
    if record.action != "approve" or record.person != person:
        return False
    try:
        act = verified(roles, record)
    except ActRefused:
        return False
    return (act.plan, act.order) == (wanted.digest, wanted.order)
