"""Consent to the commands of a runbook or an inventory on the controller: given before, or asked for now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from stopgap.orchestrator.journal.agreed import AgreedCommands
from stopgap.orchestrator.journal.home import state_home
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.secret.agreement import COMMAND, NamedCommand, Permit, agree, reference_of
from stopgap.orchestrator.source import InvalidInput, Located, parse

PROGRAM = "exec"
"""Key of an inventory for a provider's program, a list of words."""
Ask: TypeAlias = Callable[[Sequence[NamedCommand]], bool]
"""Shows commands to a person and asks for consent, now and for later runs."""


def agreed_before(commands: Sequence[NamedCommand]) -> None:
    """Allow only commands with consent on file; ask nobody."""
    if commands:
        record = AgreedCommands(state_home())
        agree(command.reference for command in commands if record.holds(command))


def asking(ask: Ask) -> Permit:
    """Allow commands with consent on file, and commands approved by the person asked; keep the consent."""

    def permit(commands: Sequence[NamedCommand]) -> None:
        record = AgreedCommands(state_home())
        unknown = [command for command in commands if not record.holds(command)]
        agree(command.reference for command in commands if command not in unknown)
        if unknown and ask(unknown):
            keep(unknown)

    return permit


def keep(commands: Iterable[NamedCommand]) -> None:
    """Keep the consent to these commands: a person has read and approved, or typed, each command."""
    known = list(commands)
    AgreedCommands(state_home()).add(known, operator())
    agree(command.reference for command in known)


def recall(path: str, text: str) -> None:
    """Allow the approved commands of a file used to start a recorded run."""
    if COMMAND in text or PROGRAM in text:
        try:
            agreed_before(list(named_in(parse(text, path))))
        except InvalidInput:
            return  # The reader of the file reports the error.


def named_in(document: Located) -> Iterator[NamedCommand]:
    """Yield every command of a file, with its position."""
    for loc, position in document.values.items():
        value = document.data
        for part in loc:
            value = value[part]
        reference = value if isinstance(value, str) and value.startswith(COMMAND) else ""
        if loc and loc[-1] == PROGRAM and isinstance(value, list):
            reference = reference_of(map(str, value))
        if reference:
            place = f"{document.path}:{position}"
            yield NamedCommand.of(reference, document.path, document.text, place)
