"""Plans that wait for another person's approval, as the page shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.journal import History
from stopgap.orchestrator.roles import Roles
from stopgap.orchestrator.run.approval import ToApprove, run_to_approve
from stopgap.orchestrator.runbook import Step
from stopgap.orchestrator.serve.run_view import steps_of_text


@dataclass(frozen=True)
class Lacks:
    """A run without all approvals, and the plan of the run."""

    history: History
    plan: ToApprove | None
    """None: the plan cannot be shown, and nobody can approve it here."""
    trouble: str = ""
    """Why the plan cannot be shown."""
    approver: str = ""
    """The person who may approve the run on this page; empty for a person without the permission."""
    own: bool = False
    """The person here began the run."""

    @property
    def hosts(self) -> list[tuple[str, str]]:
        """Return the hosts that the steps name, each with its address."""
        if self.plan is None:
            return []
        names = dict.fromkeys(name for step in self.plan.steps for name in (step.target, step.host) if name)
        return [(name, self.plan.addresses[name]) for name in names if name in self.plan.addresses]

    def named(self, key: str) -> Step | None:
        """Return the step of the runbook that a step of the plan has its name from; None for a name with a value."""
        steps = steps_of_text(self.history.started.runbook_text)
        return next((step for step in steps if step.id == key and "{" not in step.name), None)


def lacks_approval(history: History) -> bool:
    """Return True for a run that waits for approvals, or that went first and was not approved yet."""
    asked = history.approval
    return (
        asked is not None and history.approvals_lacking > 0 and (bool(asked.emergency) or history.state == "waiting")
    )


def lacking(
    histories: Sequence[History], roles: Roles | None, person: str, may: Callable[[History], bool]
) -> Iterator[Lacks]:
    """Yield the runs that lack approvals; without roles nobody can approve, and the plan is not shown.

    `person`: who looks, as the roles know people; empty for nobody whom they know. `may` tells whether the person may
    approve a run.
    """
    for history in histories:
        if not lacks_approval(history):
            continue
        if roles is None:
            yield Lacks(history, None)
            continue
        try:
            plan = run_to_approve(history, roles)
        except Error as error:
            yield Lacks(history, None, str(error))
            continue
        own = person in {plan.begun_by, history.requester}
        yield Lacks(history, plan, "", person if may(history) and not own else "", own)
