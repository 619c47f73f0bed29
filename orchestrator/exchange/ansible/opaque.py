"""A playbook of Ansible's as one opaque step of a runbook: Ansible runs it, Stopgap knows nothing of what it does."""

from __future__ import annotations

from pathlib import Path

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.exchange.imported import Imported, line, literal
from stopgap.orchestrator.exchange.runbook_text import runbook_yaml
from stopgap.orchestrator.text import tr

TASK = "ansible.playbook"
CONFIRM = "Run this playbook by Ansible? Stopgap knows neither what it does nor how to undo it."


def opaque(path: Path) -> Imported:
    """Return the runbook of one step that runs a playbook, asked about first. Raises UsageError without the file.

    The playbook is not read here: the dry run shows it.
    """
    if not path.is_file():
        raise UsageError(tr("{path}: there is no such file", path=path))
    step = {
        "id": "playbook",
        "name": line(f"Playbook {path.stem}", "Playbook"),
        "task": TASK,
        "with": {"playbook": literal(str(path.absolute()))},
        "confirm": CONFIRM,
    }
    text = runbook_yaml({"name": line(f"Playbook {path.stem}", "Playbook"), "steps": [step]})
    warning = tr("Stopgap neither predicts, checks nor undoes what the playbook does: keep evidence before it")
    return Imported(text, 1, (), (warning,))
