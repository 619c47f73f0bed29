"""A plan in a file: what --save-plan writes, and the digest that --plan holds a later plan against."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stopgap.orchestrator.change import CHANGE, AnyChange
from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.plan.model import Plan
from stopgap.orchestrator.secret import redact_tree
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class Origin:
    """What a plan was made of; texts with the paths that they were read from."""

    runbook_text: str
    runbook_path: str
    inventory_text: str
    inventory_path: str
    params: Mapping[str, Any]
    """In JSON form."""


def save_plan(path: Path, plan: Plan, runbook: str, targets: Sequence[str], origin: Origin | None = None) -> None:
    """Write a plan to a file of mode 0600, secrets redacted; raises UsageError.

    `runbook` and `targets` are names. `origin`: for a plan that another person approves.
    """
    saved: dict[str, Any] = {
        "plan_digest": plan.digest,
        "runbook": runbook,
        "targets": list(targets),
        "steps": [
            {
                "step": step.key,
                "target": step.target.name,
                "host": step.on.name if step.on else None,
                "outcome": step.outcome,
                "changes": [change.model_dump(mode="json") for change in step.ordered()],
            }
            for step in plan.steps
        ],
    }
    if origin:
        saved["approve"] = {**asdict(origin), "steps": plan.essence.decode("utf-8", "surrogatepass")}
    try:
        path.write_text(json.dumps(redact_tree(saved), indent=1) + "\n", encoding="utf-8")
        path.chmod(0o600)
    except OSError as error:
        raise UsageError(
            tr("{path}: {strerror}; the plan was not saved", path=path, strerror=error.strerror)
        ) from None


def saved_digest(path: Path) -> str:
    """Return the digest of a saved plan. Raises UsageError for another file."""
    try:
        digest = json.loads(path.read_text(encoding="utf-8"))["plan_digest"]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(tr("{path}: not a plan that --save-plan wrote", path=path)) from None
    return str(digest)


@dataclass(frozen=True)
class ApprovablePlan(Origin):
    """A plan as another person approves it: what its digest is made of, and what it was made of."""

    digest: str
    runbook: str
    targets: tuple[str, ...]
    steps: str
    """As `Plan.essence`; the reader compares its digest."""


def read_approvable(path: Path) -> ApprovablePlan:
    """Read what another person approves from a file that `save_plan` wrote. Raises UsageError for another file."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        of = saved["approve"]
        return ApprovablePlan(
            runbook_text=str(of["runbook_text"]),
            runbook_path=str(of["runbook_path"]),
            inventory_text=str(of["inventory_text"]),
            inventory_path=str(of["inventory_path"]),
            steps=str(of["steps"]),
            params=dict(of["params"]),
            digest=str(saved["plan_digest"]),
            runbook=str(saved["runbook"]),
            targets=tuple(map(str, saved["targets"])),
        )
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(tr("{path}: not a plan that --save-plan wrote", path=path)) from None


@dataclass(frozen=True)
class SavedStep:
    """One step of a saved plan on one host."""

    key: str
    """As `PlannedStep.key`."""
    target: str
    host: str | None
    """Name of the host that the step acts on."""
    outcome: str
    changes: tuple[AnyChange, ...]
    """In order of execution. A value of a secret is replaced by its reference."""

    @property
    def id(self) -> str:
        """The id of the runbook's step."""
        return self.key.partition("[")[0].partition("@")[0]


@dataclass(frozen=True)
class SavedPlan:
    """A plan as read from a file."""

    digest: str
    runbook: str
    targets: tuple[str, ...]
    steps: tuple[SavedStep, ...]


def read_plan(path: Path) -> SavedPlan:
    """Read what `save_plan` wrote. Raises UsageError for another file."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        steps = tuple(
            SavedStep(
                key=str(step["step"]),
                target=str(step["target"]),
                host=step["host"] and str(step["host"]),
                outcome=str(step["outcome"]),
                changes=tuple(CHANGE.validate_json(json.dumps(change)) for change in step["changes"]),
            )
            for step in saved["steps"]
        )
        return SavedPlan(str(saved["plan_digest"]), str(saved["runbook"]), tuple(map(str, saved["targets"])), steps)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(tr("{path}: not a plan that --save-plan wrote", path=path)) from None
