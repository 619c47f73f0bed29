"""The gate before every act of a run: roles permit the person, and others have approved where that is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from stopgap.orchestrator.journal import ChangeStatus, History, Journal
from stopgap.orchestrator.journal.approval_records import ApprovalAsked, Authorized
from stopgap.orchestrator.journal.plan_approvals import nonce_of, plan_approvals, use_approvals, used_approvals
from stopgap.orchestrator.journal.records import Answered
from stopgap.orchestrator.plan import Plan, PlannedStep
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.roles import Roles, Subject, may, roles_here, signer_here
from stopgap.orchestrator.run.authority import (
    Approved,
    act_here,
    act_on_page,
    approved,
    digest_of_order,
    digest_of_run,
    lacking,
    people_of_order,
    people_of_run,
    refuse_lost_roles,
    require,
    require_begun_lawfully,
    require_roles,
    require_undo_ordered,
    subject_of_order,
    subject_of_run,
    verified,
)
from stopgap.orchestrator.run.order import Order
from stopgap.orchestrator.run.person import Answer, Person, Waiting


@dataclass(frozen=True)
class Passage:
    """What a run goes past the gate with."""

    records: tuple[Authorized | ApprovalAsked, ...] = ()
    """For the run's journal."""
    digest: str | None = None
    """The plan has to have this digest: it is the one that was approved."""
    lacking: str = ""
    """Which approvals are missing, and who may give them; the run waits."""
    people: int = 1
    """More than one: the plan has to be made whole first, for the people to approve (`Gate.ask`)."""


@dataclass(frozen=True)
class Gate:
    """The roles that hold here; without roles everything is permitted, as long as no record says otherwise."""

    roles: Roles | None = None
    carrying: bool = False
    """A runner goes on with what a person has begun elsewhere: that person's signature counts, not the runner's."""

    def admit(self, order: Order, emergency: str = "") -> None:
        """Raise ActRefused if the person here may not begin the run; nothing is signed yet."""
        require_roles(order.runbook, self.roles)
        if self.roles is None:
            return
        subject, person = subject_of_order(order, self.roles), signer_here(self.roles).person
        require(self.roles, person, "run", subject)
        if any(tasks()[step.task].lifts for step in order.runbook.steps):
            require(self.roles, person, "undo", subject)
        if emergency:
            require(self.roles, person, "emergency", subject)

    def needs_whole_plan(self, order: Order, emergency: str = "") -> bool:
        """Return True for a run that another person approves before it goes: no step of the plan may be left open."""
        if self.roles is None or emergency:
            return False
        return people_of_order(self.roles, signer_here(self.roles).person, order) > 1

    def begin(self, journal: Journal, run: str, order: Order, plan: Plan, emergency: str = "") -> Passage:
        """Sign the beginning of a run, and look for its approvals among those of plans in files.

        Raises ActRefused.
        """
        if self.roles is None:
            return Passage()
        subject, digest = subject_of_order(order, self.roles), digest_of_order(order)
        begun = act_here(self.roles, "run", subject, run=run, plan=plan.digest, order=digest, about=emergency)
        people = people_of_order(self.roles, begun.person, order)
        if people <= 1:
            return Passage((begun,))
        asked = ApprovalAsked(
            person=begun.person,
            plan=plan.digest,
            order=digest,
            steps=plan.essence.decode("utf-8", "surrogatepass"),
            people=people,
            emergency=emergency,
        )
        given = _given_before(self.roles, journal, run, asked, subject)
        found = approved(
            self.roles, given, asked, subject, run=run, begun=_now(), used=dict.fromkeys(map(nonce_of, given), run)
        )
        left = "" if emergency else lacking(asked, found, self.roles, subject, run)
        return Passage((begun, asked, *given), lacking=left)

    def begin_elsewhere(self, run: str, order: Order, emergency: str = "") -> tuple[Authorized, ...]:
        """Sign a run that a runner at a site begins: its plan is made there. Raises ActRefused."""
        if self.roles is None:
            return ()
        subject = subject_of_order(order, self.roles)
        return (act_here(self.roles, "run", subject, run=run, order=digest_of_order(order), about=emergency),)

    def go_on(self, journal: Journal, history: History) -> Passage:
        """Let a run go on that was begun before, with the approvals that it has now. Raises ActRefused."""
        if self.roles is None:
            refuse_lost_roles(history)
            return Passage()
        subject = subject_of_run(history.started, self.roles)
        records: tuple[Authorized, ...] = ()
        if self.carrying:
            require_begun_lawfully(history, self.roles)
        else:
            records = (act_here(self.roles, "run", subject, run=history.run, resuming="yes"),)
        return replace(self._approvals(journal, history, subject), records=records)

    def _approvals(self, journal: Journal, history: History, subject: Subject) -> Passage:
        """Judge the approvals by what the person has signed who began the run; other records are but claims."""
        begun = next((each for each in history.authorized if each.action == "run"), None)
        if self.roles is None or begun is None or (history.steps and not self.carrying):
            return Passage()  # begun before there were roles, or past the gate already
        act = verified(self.roles, begun)
        people = people_of_run(self.roles, act.person, history.started)
        if people <= 1:
            return Passage()
        if act.about:
            require(self.roles, act.person, "emergency", subject)
            return Passage()
        plan = act.plan
        if not plan:  # begun elsewhere: the plan is made where the hosts are reached
            if history.approval is None:
                return Passage(people=people)
            plan = history.approval.plan
        asked = ApprovalAsked(
            person=act.person, plan=plan, order=digest_of_run(history.started), steps="", people=people
        )
        began = min((step.started for step in history.steps if step.started), default=None)
        found = approved(
            self.roles,
            history.authorized,
            asked,
            subject,
            run=history.run,
            begun=began or _now(),
            used=used_approvals(journal),
        )
        missing = lacking(asked, found, self.roles, subject, history.run)
        return Passage(digest=None if began else asked.plan, lacking=missing)

    def ask(self, history: History, plan: Plan, people: int) -> tuple[ApprovalAsked, str]:
        """Return the record that asks for the approval of a plan made at a site, and which approvals it lacks."""
        begun = next(each for each in history.authorized if each.action == "run")
        asked = ApprovalAsked(
            person=begun.person,
            plan=plan.digest,
            order=digest_of_run(history.started),
            steps=plan.essence.decode("utf-8", "surrogatepass"),
            people=people,
        )
        if self.roles is None:
            return asked, ""
        subject = subject_of_run(history.started, self.roles)
        return asked, lacking(asked, Approved(()), self.roles, subject, history.run)

    def undo(self, history: History, step: str | None, *, force: bool) -> tuple[Authorized, ...]:
        """Sign an undo; return the record for the run's journal. Raises ActRefused."""
        if self.roles is None:
            refuse_lost_roles(history)
            return ()
        about = json.dumps({"step": step, "force": force})
        subject = subject_of_run(history.started, self.roles)
        if self.carrying:
            require_undo_ordered(history, self.roles, about)
            return ()
        return (act_here(self.roles, "undo", subject, run=history.run, about=about),)

    def person(self, person: Person, order: Order) -> Person:
        """Return the person as the roles know the person: named in answers, and silent without `answer`."""
        if self.roles is None or self.carrying:
            return person
        name = signer_here(self.roles).person
        return _Known(person, name, may(self.roles, name, "answer", subject_of_order(order, self.roles)))


@dataclass(frozen=True)
class _Known:
    """A person at this terminal, by the name in roles.yaml."""

    person: Person
    name: str
    may_answer: bool

    def agrees(self, plan: Plan) -> bool | None:
        return self.person.agrees(plan)

    def agrees_to_undo(self, history: History, changes: Sequence[ChangeStatus]) -> bool | None:
        return self.person.agrees_to_undo(history, changes)

    def can_answer(self, question: Question) -> bool:
        return self.may_answer and self.person.can_answer(question)

    def answers(self, step: PlannedStep, question: Question, waiting: Waiting) -> Answer | None:
        if not self.may_answer:
            return waiting.heard()
        given = self.person.answers(step, question, waiting)
        if given is None or given == waiting.heard():
            return given
        return Answer(given.says, f"{self.name} ({given.by})")


def gate_here(*, carrying: bool = False) -> Gate:
    """Return the gate with the roles that hold here. Raises InvalidInput for a roles.yaml that is invalid."""
    return Gate(roles_here(), carrying)


def authorized_answers(journal: Journal, history: History, answers: Sequence[Answered]) -> list[Answered]:
    """Sign answers from this terminal, and record the signature; return the answers by the person's name.

    Without roles the answers are returned as they are. Raises ActRefused.
    """
    roles = roles_here()
    if roles is None:
        refuse_lost_roles(history)
        return list(answers)
    about = json.dumps([[each.step, each.target, each.question, each.answer] for each in answers])
    record = act_here(roles, "answer", subject_of_run(history.started, roles), run=history.run, about=about)
    journal.append(history.run, record)
    return [each.model_copy(update={"by": record.person}) for each in answers]


def answers_on_page(journal: Journal, history: History, answers: Sequence[Answered], name: str) -> list[Answered]:
    """Put an act on the page on record, by whom the proxy names; return the answers by that person's name.

    Without roles the answers are returned as they are. Raises ActRefused.
    """
    roles = roles_here()
    if roles is None:
        refuse_lost_roles(history)
        return list(answers)
    about = json.dumps([[each.step, each.target, each.question, each.answer] for each in answers])
    subject = subject_of_run(history.started, roles)
    record = act_on_page(roles, name, "answer", subject, run=history.run, about=about)
    journal.append(history.run, record)
    return [each.model_copy(update={"by": record.person}) for each in answers]


def _given_before(
    roles: Roles, journal: Journal, run: str, asked: ApprovalAsked, subject: Subject
) -> tuple[Authorized, ...]:
    """Take the unused approvals of this very plan for the run, one of each person, as many as it takes."""
    used = used_approvals(journal)
    chosen: dict[str, Authorized] = {}
    for record in plan_approvals(journal):
        nonce = nonce_of(record)
        if nonce and nonce not in used and record.person not in chosen:
            alone = approved(roles, [record], asked, subject, run=run, begun=_now(), used={nonce: run})
            chosen |= dict.fromkeys(alone.people, record)
    taken = tuple(chosen.values())[: asked.people - 1]
    if not taken or not use_approvals(journal, run, taken):
        return ()
    return taken


def _now() -> datetime:
    return datetime.now(UTC)
