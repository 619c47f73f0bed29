"""Ownership of blocks: every controller keeps a separate block, and undoes only the own block.

Two controllers with blocks on one host must not replace each other's block, since expiry times differ. A block
therefore records the owner. If another controller's block has the usual label, a controller adds a second block under
the own name; packets are dropped while any block is in force.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stopgap.orchestrator.change import MARK, Command, Expectation
from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.text import tr
from stopgap.tasks.traffic.driver import BESIDE, DeviceFacts, Driver

_MADE = re.compile(r"\bby (\S*) in (\S+)")
NOTHING = "none"
"""What a look prints where there is no block."""
ANOTHERS = tr("another owner's")
"""What it prints where the block is another controller's, which never replaces this one's: nothing of it is left."""


def reads_beside(driver: Driver, label: str, scene: Scene, *, persist: bool) -> Mapping[str, Reader[Any]]:
    """Return readers for the controller's own block, under a second label if another controller has the usual
    label.
    """
    if not scene.controller:
        return {}
    usual, own = (
        {**driver.reads(each), **(driver.reads_to_persist(each) if persist else {})}
        for each in (label, _beside(label, scene))
    )
    return {f"{BESIDE}{field}": reader for field, reader in own.items() if reader != usual[field]}


def own_place(driver: Driver, label: str, facts: DeviceFacts, scene: Scene) -> tuple[str, DeviceFacts]:
    """Return label and facts of the controller's own block: the usual label, or a label beside another
    controller's.
    """
    if not scene.controller:
        return label, facts
    beside, theirs = _beside(label, scene), facts.beside()
    if driver.owner(beside, theirs) is not None or driver.owner(label, facts) not in {None, scene.controller}:
        return beside, theirs
    return label, facts


def _beside(label: str, scene: Scene) -> str:
    return f"{label}-{scene.controller}"


def maker(text: str) -> tuple[str, str] | None:
    """Return controller and change recorded in a block's text; None if unrecorded."""
    found = _MADE.search(text)
    return (found[1], found[2]) if found else None


def change_of(text: str) -> str:
    """Return the change recorded in a block's text; empty if unrecorded."""
    made = maker(text)
    return made[1] if made else ""


def expectation(look: Command, replaced: str) -> Expectation:
    """Return the expectation of this change's block, or of an undone change: no block, or the replaced block."""
    before = (replaced, f"changed {replaced}") if replaced else ()
    return Expectation(look=look, left=(MARK, NOTHING, ANOTHERS, *before))
