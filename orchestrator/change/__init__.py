"""The kinds of change: each describes, applies and undoes itself, and is recorded before execution."""

from typing import Annotated, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter

from stopgap.orchestrator.change.attributes import AttributesChange
from stopgap.orchestrator.change.base import Change, Phase
from stopgap.orchestrator.change.command import Activate, RunCommands
from stopgap.orchestrator.change.device import DeviceChange, Entry
from stopgap.orchestrator.change.expectation import Expectation
from stopgap.orchestrator.change.freeze import FreezeChange, Frozen
from stopgap.orchestrator.change.invocation import MARK, Command, command, in_order
from stopgap.orchestrator.change.path import PathChange, make_directory, make_link, remove_path, write_file
from stopgap.orchestrator.change.provider import ProviderChange
from stopgap.orchestrator.change.rollback_timer import (
    armed,
    forget,
    rollback_timer_name,
    settle,
)
from stopgap.orchestrator.change.status import DRIFTED, LOST, REJECTED, TAKEN_BACK, TAKING_BACK_FAILED, UNCERTAIN
from stopgap.orchestrator.device_script import Pending, Witness, Words

AnyChange: TypeAlias = Annotated[
    PathChange | RunCommands | Activate | DeviceChange | AttributesChange | FreezeChange | ProviderChange,
    Field(discriminator="kind"),
]
"""The closed set of changes: a task yields a member, and the journal keeps the member. Code with a case for each kind
matches the whole set, so that mypy names each place without a case for a new kind.
"""
CHANGE: TypeAdapter[AnyChange] = TypeAdapter(AnyChange, config=ConfigDict(defer_build=True))
"""Parses a change from the JSON of `model_dump_json`."""

__all__ = [
    "CHANGE",
    "DRIFTED",
    "LOST",
    "MARK",
    "REJECTED",
    "TAKEN_BACK",
    "TAKING_BACK_FAILED",
    "UNCERTAIN",
    "Activate",
    "AnyChange",
    "AttributesChange",
    "Change",
    "Command",
    "DeviceChange",
    "Entry",
    "Expectation",
    "FreezeChange",
    "Frozen",
    "PathChange",
    "Pending",
    "Phase",
    "ProviderChange",
    "RunCommands",
    "Witness",
    "Words",
    "armed",
    "command",
    "forget",
    "in_order",
    "make_directory",
    "make_link",
    "remove_path",
    "rollback_timer_name",
    "settle",
    "write_file",
]
