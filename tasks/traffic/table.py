"""The block's table on the router: a script loads and removes the table, and records the owner."""

from __future__ import annotations

from stopgap.orchestrator.change import MARK, Command
from stopgap.tasks.traffic.driver import Block
from stopgap.tasks.traffic.ruleset import table_of
from stopgap.tasks.traffic.shell import run


def look(block: Block, family: str = "inet") -> Command:
    """Return the command to print the change recorded in the table, with `changed` before for a foreign edit, or
    `none`.
    """
    return run("table", "look", family, table_of(block.label), block.owner)


def load(block: Block, rules: str, replaced: str, family: str = "inet") -> Command:
    """Return the command to load the table for the block's time, in place of the table of the change `replaced`.

    Another owner's table stays, and the command ends with DRIFTED.
    """
    lasts = str(int(block.expires.total_seconds()))
    loads = run("table", "load", family, table_of(block.label), block.owner, MARK, replaced, lasts, rules=rules)
    return loads.model_copy(update={"shown": "nft -f - <<"})


def put_back(block: Block, rules: str, replaced: str, family: str = "inet") -> Command:
    """Return the command to remove the table, and to load the earlier table for the time left; empty: no earlier
    table.
    """
    return run("table", "unload", family, table_of(block.label), block.owner, MARK, replaced, rules=rules)
