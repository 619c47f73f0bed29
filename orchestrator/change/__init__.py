"""The kinds of change: each knows how to describe, do and undo itself, and goes to disk before it is made."""

from typing import Annotated, TypeAlias

from pydantic import Field, TypeAdapter

from orchestrator.change.attributes import AttributesChange
from orchestrator.change.base import DRIFTED, REJECTED, Change
from orchestrator.change.command import Activate, Command, RunCommands, command
from orchestrator.change.device import DeviceChange, Entry
from orchestrator.change.freeze import FreezeChange, Frozen
from orchestrator.change.lifeline import LOST, TAKEN_BACK, TAKING_BACK_FAILED, armed, forget, lifeline_name, settle
from orchestrator.change.path import PathChange, make_directory, make_link, remove_path, write_file
from orchestrator.dialogue import Words

AnyChange: TypeAlias = Annotated[
    PathChange | RunCommands | Activate | DeviceChange | AttributesChange | FreezeChange, Field(discriminator="kind")
]
CHANGE: TypeAdapter[AnyChange] = TypeAdapter(AnyChange)
"""Reads a change back from the JSON that `model_dump_json` gave."""

__all__ = [
    "CHANGE",
    "DRIFTED",
    "LOST",
    "REJECTED",
    "TAKEN_BACK",
    "TAKING_BACK_FAILED",
    "Activate",
    "AnyChange",
    "AttributesChange",
    "Change",
    "Command",
    "DeviceChange",
    "Entry",
    "FreezeChange",
    "Frozen",
    "PathChange",
    "RunCommands",
    "Words",
    "armed",
    "command",
    "forget",
    "lifeline_name",
    "make_directory",
    "make_link",
    "remove_path",
    "settle",
    "write_file",
]
