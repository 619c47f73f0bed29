"""What a task has planned, told apart by kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Never, NoReturn

from stopgap.orchestrator.change import (
    Activate,
    AnyChange,
    AttributesChange,
    DeviceChange,
    FreezeChange,
    PathChange,
    ProviderChange,
    RunCommands,
)
from stopgap.orchestrator.message import Message
from stopgap.orchestrator.question import Question
from stopgap.orchestrator.task import Collection, Gap, Note, Planned, UndoRequest, Unplannable
from stopgap.orchestrator.text import tr


@dataclass
class PlannedItems:
    """The items planned by one task for one host, each kind in the task's order."""

    changes: list[AnyChange] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    collections: list[Collection] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    undo_requests: list[UndoRequest] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


def told_apart(planned: Iterable[Planned]) -> PlannedItems:
    """Sort a task's planned items by kind.

    Args:
        planned: the items of `Task.plan`.

    Returns:
        The same items, a list for each kind.

    Raises:
        Unplannable: an item of a kind unknown to the engine, so that a dry run already reports the failure of the
    run.
    """
    items = PlannedItems()
    for item in planned:
        match item:
            case (
                PathChange()
                | RunCommands()
                | Activate()
                | DeviceChange()
                | AttributesChange()
                | FreezeChange()
                | ProviderChange()
            ) as change:
                items.changes.append(change)
            case Message() as message:
                items.messages.append(message)
            case Collection() as collection:
                items.collections.append(collection)
            case Question() as question:
                items.questions.append(question)
            case UndoRequest() as request:
                items.undo_requests.append(request)
            case Note() as note:
                items.notes.append(note)
            case Gap() as gap:
                items.gaps.append(gap)
            case _:
                _refuse(item)
    return items


def _refuse(item: Never) -> NoReturn:
    """Refuse an item of a task without type checks; mypy reports each kind without a case above."""
    raise Unplannable(
        tr("the task planned an object of the class {name}, which is no kind of change", name=type(item).__name__)
    )
