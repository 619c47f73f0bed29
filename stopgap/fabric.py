"""Every task of Stopgap as a fabric task, for a `fabfile.py`: `fab --list` names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke.collection import Collection


def namespace() -> Collection:
    """Give fabric's collection of all tasks, those of plug-ins too: `traffic.block` is `block` in `traffic`.

    >>> "mta.stop" in namespace().task_names
    True
    """
    from stopgap.orchestrator.cli.fabric_tasks import namespace as made  # noqa: PLC0415 (imports fabric)

    return made()
