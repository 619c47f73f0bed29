"""Whose block a router has: every controller has its own, and takes back its own alone.

Two controllers that block one host must not replace each other's blocks: each would last as long as the other asked.
A block therefore says by whom it was made. Where the usual place is taken by another controller's, a controller puts
its own beside, under its own name; packets are dropped as long as either stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stopgap.orchestrator.change import MARK, Command, Expectation
from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.host import Scene
from stopgap.tasks.traffic.driver import BESIDE, DeviceFacts, Driver

_MADE = re.compile(r"\bby (\S*) in (\S+)")
NOTHING = "none"
"""What a look prints where there is no block."""
ANOTHERS = "another owner's"
"""What it prints where the block is another controller's, which never replaces this one's: nothing of it is left."""


def reads_beside(driver: Driver, label: str, scene: Scene, *, persist: bool) -> Mapping[str, Reader[Any]]:
    """Say how to read the controller's own block, where another controller's may bear the usual label."""
    if not scene.controller:
        return {}
    usual, own = (
        {**driver.reads(each), **(driver.reads_to_persist(each) if persist else {})}
        for each in (label, _beside(label, scene))
    )
    return {f"{BESIDE}{field}": reader for field, reader in own.items() if reader != usual[field]}


def own_place(driver: Driver, label: str, facts: DeviceFacts, scene: Scene) -> tuple[str, DeviceFacts]:
    """Give the label of the controller's own block and what was read there: the usual, or one beside another's."""
    if not scene.controller:
        return label, facts
    beside, theirs = _beside(label, scene), facts.beside()
    if driver.owner(beside, theirs) is not None or driver.owner(label, facts) not in {None, scene.controller}:
        return beside, theirs
    return label, facts


def _beside(label: str, scene: Scene) -> str:
    return f"{label}-{scene.controller}"


def maker(text: str) -> tuple[str, str] | None:
    """Give controller and change that made a block, by what it says of itself; None where it says nothing."""
    found = _MADE.search(text)
    return (found[1], found[2]) if found else None


def change_of(text: str) -> str:
    """Name the change that made a block, by what it says of itself; empty where it says nothing."""
    made = maker(text)
    return made[1] if made else ""


def expectation(look: Command, replaced: str) -> Expectation:
    """Expect this change's own block, or that it is taken back already: nothing is there, or what it replaced."""
    before = (replaced, f"changed {replaced}") if replaced else ()
    return Expectation(look=look, left=(MARK, NOTHING, ANOTHERS, *before))
