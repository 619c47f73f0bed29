"""Whether the commands that a runbook or inventory names may run on the controller: agreed before, or asked now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from stopgap.orchestrator.journal.agreed import AgreedCommands
from stopgap.orchestrator.journal.home import state_home
from stopgap.orchestrator.run.person import operator
from stopgap.orchestrator.secret.agreement import COMMAND, NamedCommand, Permit, agree
from stopgap.orchestrator.source import InvalidInput, Located, parse

Ask: TypeAlias = Callable[[Sequence[NamedCommand]], bool]
"""Shows commands to a person and asks whether they may run, now and later."""


def agreed_before(commands: Sequence[NamedCommand]) -> None:
    """Let those run that somebody has agreed to; nobody is asked."""
    if commands:
        record = AgreedCommands(state_home())
        agree(command.reference for command in commands if record.holds(command))


def asking(ask: Ask) -> Permit:
    """Let those run that somebody has agreed to, and those that the person who is asked agrees to, which is kept."""

    def permit(commands: Sequence[NamedCommand]) -> None:
        record = AgreedCommands(state_home())
        unknown = [command for command in commands if not record.holds(command)]
        agree(command.reference for command in commands if command not in unknown)
        if unknown and ask(unknown):
            keep(unknown)

    return permit


def keep(commands: Iterable[NamedCommand]) -> None:
    """Let these commands run, now and later: a person has seen and agreed, or has typed them."""
    known = list(commands)
    AgreedCommands(state_home()).add(known, operator())
    agree(command.reference for command in known)


def recall(path: str, text: str) -> None:
    """Let those commands run that somebody has agreed to, of a file that a run of the journal was started with."""
    if COMMAND in text:
        try:
            agreed_before(list(named_in(parse(text, path))))
        except InvalidInput:
            return  # Whoever needs the file reports it.


def named_in(document: Located) -> Iterator[NamedCommand]:
    """Give every command that a file names, at its place."""
    for loc, position in document.values.items():
        value = document.data
        for part in loc:
            value = value[part]
        if isinstance(value, str) and value.startswith(COMMAND):
            place = f"{document.path}:{position}"
            yield NamedCommand.of(value, document.path, document.text, place)
