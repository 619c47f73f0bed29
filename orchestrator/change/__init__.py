"""The kinds of change: each knows how to describe, do and undo itself, and goes to disk before it is made."""

from typing import Annotated, TypeAlias

from pydantic import Field, TypeAdapter

from orchestrator.change.base import DRIFTED, REJECTED, Change
from orchestrator.change.command import Activate, Command, RunCommands, command
from orchestrator.change.path import PathChange, make_directory, make_link, remove_path, write_file

AnyChange: TypeAlias = Annotated[PathChange | RunCommands | Activate, Field(discriminator="kind")]
CHANGE: TypeAdapter[PathChange | RunCommands | Activate] = TypeAdapter(AnyChange)
"""Reads a change back from the JSON that `model_dump_json` gave."""

__all__ = [
    "CHANGE",
    "DRIFTED",
    "REJECTED",
    "Activate",
    "AnyChange",
    "Change",
    "Command",
    "PathChange",
    "RunCommands",
    "command",
    "make_directory",
    "make_link",
    "remove_path",
    "write_file",
]
