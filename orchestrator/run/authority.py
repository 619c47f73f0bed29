"""What roles permit to the person who acts here, and which approvals a run has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import assert_never

from pydantic import ValidationError

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import shortened
from stopgap.orchestrator.inventory import parse_inventory
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.journal.approval_records import ApprovalAsked, Authorized
from stopgap.orchestrator.journal.records import RunStarted
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.resources import runbooks
from stopgap.orchestrator.roles import (
    Act,
    Action,
    ActRefused,
    Roles,
    Subject,
    may,
    people_needed,
    signed_by,
    signer_here,
    who_may,
)
from stopgap.orchestrator.roles.acts import SKEW, order_digest
from stopgap.orchestrator.roles.files import CUT
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.runbook import Runbook, parse_runbook
from stopgap.orchestrator.text import joined, tr, trn

_PAGE = "web.maintenance"
"""What `stopgap cut` does beside the cut."""


@dataclass(frozen=True)
class Approved:
    """The approvals of a run that hold, and why others do not."""

    people: tuple[str, ...]
    rejected: tuple[str, ...] = ()


def require_roles(runbook: Runbook, roles: Roles | None) -> None:
    """Raise ActRefused for a runbook that takes several people where no roles say who people are."""
    if roles is None and runbook.approve > 1:
        raise ActRefused(
            tr(
                "{runbook} takes {count} people, and there is no roles.yaml that says who they are",
                runbook=runbook.name,
                count=runbook.approve,
            )
        )


def subject_of_order(order: Order, roles: Roles) -> Subject:
    """Return what an order is about, as roles know it."""
    return _subject(order.runbook, order.targets, roles)


def subject_of_run(started: RunStarted, roles: Roles) -> Subject:
    """Return what a run is about. Raises InvalidInput for a runbook that this version cannot read any more."""
    return subject_of_texts(
        started.runbook_text,
        started.runbook_path,
        started.inventory_text,
        started.inventory_path,
        started.targets,
        roles,
    )


def subject_of_texts(
    runbook: str, runbook_path: str, inventory: str, inventory_path: str, targets: Collection[str], roles: Roles
) -> Subject:
    """Return what a runbook would be about, of texts. Raises InvalidInput."""
    hosts = parse_inventory(inventory, inventory_path).hosts
    unknown = Host(name="unknown", address="127.0.0.1")
    found = [hosts.get(name, unknown.model_copy(update={"name": name})) for name in targets]
    return _subject(parse_runbook(runbook, runbook_path), found, roles)


def digest_of_order(order: Order) -> str:
    """Return the digest of what an order consists of."""
    names = tuple(target.name for target in order.targets)
    params = order.runbook.dump_params(order.params)
    return order_digest(order.runbook.text, order.inventory.text, names, params)


def digest_of_run(started: RunStarted) -> str:
    """Return the digest of what a run was begun with: the same as of its order."""
    return order_digest(started.runbook_text, started.inventory_text, started.targets, started.params)


def known_as(runbook: Runbook, roles: Roles) -> str:
    """Return the name of a runbook in roles: of the shipped one, or the one beside roles.yaml, with the same text.

    Empty for any other text, whatever its file is called: a copy with another step is another runbook.
    """
    own = {path.stem: path for path in (Path(roles.path).parent / "runbooks").glob("*.yaml")}
    for name, path in {**runbooks(), **own}.items():
        if path.read_text(encoding="utf-8") == runbook.text:
            return name
    return CUT if _only_cuts(runbook) else ""


def act_here(roles: Roles, action: Action, subject: Subject, **binding: str) -> Authorized:
    """Return the record of an act of the person at this terminal, permitted and signed.

    `binding`: what the signature is for, as fields of `Act`. Raises ActRefused with what is missing and who may.
    """
    signer = signer_here(roles)
    require(roles, signer.person, action, subject)
    done = "resume" if binding.pop("resuming", "") else action
    act = Act(person=signer.person, action=done, at=datetime.now().astimezone(), **binding)
    signature = signer.sign(act)
    signed_by(roles, act.text(), signature)  # a key that does not sign as it should is refused now, not later
    return _record(act, roles, signature, signer.public)


def act_on_page(roles: Roles, name: str, action: Action, subject: Subject, **binding: str) -> Authorized:
    """Return the record of an act on the page, permitted, by the person whom the proxy in front of the page names.

    `name`: as the proxy gives it; the caller sees to it that no browser can. `binding`: as for `act_here`. The record
    bears no signature: it is worth as much as the page, and holds for people with a `page` name alone. Raises
    ActRefused.
    """
    person = roles.person_on_page(name)
    if person is None:
        raise ActRefused(tr("{roles} knows nobody on the page by the name {name}", roles=roles.path, name=name))
    require(roles, person, action, subject)
    act = Act(person=person, action=action, at=datetime.now().astimezone(), **binding)
    return _record(act, roles)


def require(roles: Roles, person: str, action: Action, subject: Subject) -> None:
    """Raise ActRefused unless the roles permit the act; the message says who may."""
    if may(roles, person, action, subject):
        return
    others = who_may(roles, action, subject)
    who = tr("{people} may", people=", ".join(others)) if others else tr("nobody may")
    raise ActRefused(tr("{not_permitted}; {who}", not_permitted=_not_permitted(person, action, subject), who=who))


def _not_permitted(person: str, action: Action, subject: Subject) -> str:
    given = {
        "person": person,
        "runbook": subject.runbook or tr("a runbook that the roles do not know"),
        "targets": shortened([name if not site else f"{name} ({site})" for name, site in subject.targets]),
    }
    match action:
        case "view":
            return tr("{person} may not view {runbook} on {targets}", **given)
        case "answer":
            return tr("{person} may not answer for {runbook} on {targets}", **given)
        case "run":
            return tr("{person} may not run {runbook} on {targets}", **given)
        case "approve":
            return tr("{person} may not approve {runbook} on {targets}", **given)
        case "undo":
            return tr("{person} may not undo {runbook} on {targets}", **given)
        case "emergency":
            return tr("{person} may not begin {runbook} on {targets} before it is approved", **given)
        case _:
            assert_never(action)


def people_of_order(roles: Roles, person: str, order: Order) -> int:
    """Return how many people a run takes that the person begins: by the runbook, and by the roles."""
    return max(order.runbook.approve, people_needed(roles, person, subject_of_order(order, roles)))


def people_of_run(roles: Roles, person: str, started: RunStarted) -> int:
    """Return how many people a run takes that the person has begun."""
    runbook = parse_runbook(started.runbook_text, started.runbook_path)
    return max(runbook.approve, people_needed(roles, person, subject_of_run(started, roles)))


def verified(roles: Roles, record: Authorized) -> Act:
    """Return the act of a record whose signature holds now, or which the page took from a person it knows.

    Raises ActRefused.
    """
    if record.signature:
        act = signed_by(roles, record.act, record.signature)
    else:
        try:
            act = Act.model_validate_json(record.act)
        except ValidationError:
            raise ActRefused(tr("it is no act that Stopgap wrote")) from None
        person = roles.people.get(act.person)
        if person is None or person.page is None:
            raise ActRefused(tr("{person} is nobody on the page, and there is no signature", person=act.person))
    if (act.person, act.action) != (record.person, record.action):
        raise ActRefused(tr("it says another thing than was signed"))
    return act


def approved(
    roles: Roles,
    records: Collection[Authorized],
    asked: ApprovalAsked,
    subject: Subject,
    *,
    run: str,
    begun: datetime,
    used: Mapping[str, str],
) -> Approved:
    """Return who has approved a run with an approval that holds.

    `begun`: when the run goes, or went, past its approval. `used`: nonce of an approval of a plan → the run that was
    begun with it.
    """
    people: dict[str, None] = {}
    rejected: list[str] = []
    for record in records:
        if record.action != "approve":
            continue
        try:
            act = verified(roles, record)
            _fits(roles, act, asked, subject, run=run, begun=begun, used=used)
        except ActRefused as error:
            rejected.append(tr("the approval of {person} does not count: {error}", person=record.person, error=error))
        else:
            people[act.person] = None
    return Approved(tuple(people), tuple(rejected))


def _fits(
    roles: Roles,
    act: Act,
    asked: ApprovalAsked,
    subject: Subject,
    *,
    run: str,
    begun: datetime,
    used: Mapping[str, str],
) -> None:
    """Raise ActRefused unless an approval is for this plan, by another person who may, and not too old."""
    if act.person == asked.person:
        raise ActRefused(tr("{person} began the run; another person approves", person=act.person))
    if (act.plan, act.order) != (asked.plan, asked.order):
        raise ActRefused(tr("it is for another plan, {digest}", digest=act.plan[:8]))
    if act.run != run and not (act.run == "" and used.get(act.nonce) == run):
        other = act.run or used.get(act.nonce, "")
        raise ActRefused(tr("it is for run {run}", run=other) if other else tr("it is for no run yet"))
    require(roles, act.person, "approve", subject)
    if act.at > begun + SKEW:
        raise ActRefused(tr("it was made in the future: a clock is wrong"))
    if begun > act.at + roles.approvals_last:
        raise ActRefused(tr("it has expired"))


def lacking(asked: ApprovalAsked, found: Approved, roles: Roles, subject: Subject, run: str) -> str:
    """Return what a run lacks to go on, with who may approve and how; empty for a run with all its approvals."""
    missing = asked.people - 1 - len(found.people)
    if missing <= 0:
        return ""
    others = [each for each in who_may(roles, "approve", subject) if each not in {asked.person, *found.people}]
    who = tr("{people} may", people=", ".join(others)) if others else tr("nobody else may")
    waits = trn(
        "run {run} waits for the approval of another person ({who}): stopgap approve {run}",
        "run {run} waits for the approvals of {count} other people ({who}): stopgap approve {run}",
        missing,
        run=run,
        who=who,
    )
    return joined("; ", [*found.rejected, waits])


def require_begun_lawfully(history: History, roles: Roles | None) -> None:
    """Raise ActRefused for a run that roles permitted to a person, unless they hold here and still permit it."""
    begun = next((each for each in history.authorized if each.action == "run"), None)
    if roles is None:
        refuse_lost_roles(history)
        return
    if begun is None:
        raise ActRefused(tr("run {run} was begun by nobody whom the roles know", run=history.run))
    act = verified(roles, begun)
    if act.run != history.run or act.order != digest_of_run(history.started):
        raise ActRefused(tr("run {run} is not what {person} has begun", run=history.run, person=act.person))
    require(roles, act.person, "run", subject_of_run(history.started, roles))


def require_undo_ordered(history: History, roles: Roles, about: str) -> None:
    """Raise ActRefused unless somebody has signed for this undo of the run, and the roles still permit it."""
    ordered = next((each for each in reversed(history.authorized) if each.action == "undo"), None)
    if ordered is None:
        raise ActRefused(tr("the undo of run {run} was ordered by nobody whom the roles know", run=history.run))
    act = verified(roles, ordered)
    if (act.run, act.about) != (history.run, about):
        raise ActRefused(tr("the undo of run {run} is not what {person} ordered", run=history.run, person=act.person))
    require(roles, act.person, "undo", subject_of_run(history.started, roles))


def refuse_lost_roles(history: History) -> None:
    """Raise ActRefused for a run that was begun under roles, where there are none any more."""
    if history.authorized or history.approval:
        raise ActRefused(
            tr("run {run} was begun under roles, and there is no roles.yaml here any more", run=history.run)
        )


def _record(act: Act, roles: Roles, signature: str = "", key: str = "") -> Authorized:
    return Authorized.model_validate(
        {
            "person": act.person,
            "action": act.action,
            "act": act.text(),
            "signature": signature,
            "key": key,
            "roles": roles.sha256,
        }
    )


def _subject(runbook: Runbook, targets: Collection[Host], roles: Roles) -> Subject:
    return Subject(known_as(runbook, roles), tuple((target.name, target.site or "") for target in targets))


def _only_cuts(runbook: Runbook) -> bool:
    return all(tasks()[step.task].contains or (step.task == _PAGE and step.on == "spare") for step in runbook.steps)
