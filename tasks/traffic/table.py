"""The table of a block on the router: loaded and taken away by a script that tells whose it is."""

from __future__ import annotations

from stopgap.orchestrator.change import MARK, Command
from stopgap.tasks.traffic.driver import Block
from stopgap.tasks.traffic.ruleset import table_of
from stopgap.tasks.traffic.shell import run


def look(block: Block) -> Command:
    """Print the change that made the table, `changed` before it where another hand was there since, or `none`."""
    return run("table", "look", table_of(block.label), block.owner)


def load(block: Block, rules: str, replaced: str) -> Command:
    """Load the table for the block's time, in place of the one that the change `replaced` made, if any.

    A table of anybody else's is left, and the command ends with DRIFTED.
    """
    lasts = str(int(block.expires.total_seconds()))
    loads = run("table", "load", table_of(block.label), block.owner, MARK, replaced, lasts, rules=rules)
    return loads.model_copy(update={"shown": "nft -f - <<"})


def put_back(block: Block, rules: str, replaced: str) -> Command:
    """Take the table away, and load the one before it for what is left of that one's time; empty: there was none."""
    return run("table", "unload", table_of(block.label), block.owner, MARK, replaced, rules=rules)
