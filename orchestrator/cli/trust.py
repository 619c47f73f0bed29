"""trust: approval of commands named in files; also asked before a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.run.consent import Ask, keep, named_in
from stopgap.orchestrator.runbook import Runbook
from stopgap.orchestrator.runbook.expression import is_template
from stopgap.orchestrator.runbook.finding import runbook_file
from stopgap.orchestrator.runbook.loading import draft
from stopgap.orchestrator.secret.agreement import COMMAND, NamedCommand, reference_of
from stopgap.orchestrator.source import read
from stopgap.orchestrator.task import Task
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class TrustOptions:
    """The options of `stopgap trust`."""

    files: tuple[str, ...]
    yes: bool = False
    json: bool = False


def trust(options: TrustOptions) -> int:
    """Show the commands of each file; record the approval by a person, or with --yes."""
    commands = [command for name in options.files for command in _of_file(name)]
    screen = screens.err() if options.json else screens.out()
    if not commands:
        screen.line(tr("No command is named there."))
    else:
        _show(screen, commands)
        if not options.yes:
            _agree(screens.err(), tr("Let these commands run on this machine, now and later?"))
        keep(commands)
        screen.line(tr("Agreed. A command that changes is asked about again."), "good")
    if options.json:
        from stopgap.orchestrator.documents.catalogue import trust_document

        print_document(trust_document(commands, agreed=True))
    return 0


def asked(screen: screens.Screen) -> Ask:
    """Return a function to ask a person about commands; --yes is no approval of unseen commands."""

    def ask(commands: Sequence[NamedCommand]) -> bool:
        from stopgap.orchestrator.cli.terminal import Terminal

        person = Terminal(screen, yes=False)
        if not person.asks:
            return False
        _show(screen, commands)
        return bool(person.confirms(tr("Let these commands run on this machine, now and later?")))

    return ask


def typed(runbook: Runbook, given: Mapping[str, str]) -> list[NamedCommand]:
    """Return the commands typed as options by the operator."""
    return [
        NamedCommand.of(value, runbook.path, runbook.text, f"-p {name}")
        for name, value in given.items()
        if value.startswith(COMMAND) and name in runbook.params and runbook.params[name].type_name == "secret"
    ]


def _of_file(name: str) -> Iterator[NamedCommand]:
    document = read(runbook_file(name))
    yield from named_in(document)
    if isinstance(document.data, dict) and "steps" in document.data:
        yield from _looks(draft(document)[0])


def _looks(runbook: Runbook) -> Iterator[NamedCommand]:
    """Yield the commands run by tasks while reading facts, if literal in the runbook."""
    for step in runbook.steps:
        task = tasks()[step.task]
        if type(task).looks_by is Task.looks_by:
            continue
        argv = task.looks_by(task.Params.model_construct(**step.with_))
        if argv and not is_template(list(argv)) and all(isinstance(word, str) for word in argv):
            place = f"{runbook.path}:{step.document.value((*step.loc, 'with'))}"
            yield NamedCommand.of(reference_of(argv), runbook.path, runbook.text, place)


def _show(screen: screens.Screen, commands: Sequence[NamedCommand]) -> None:
    screen.line(tr("Commands that would run on this machine, as you:"))
    for command in commands:
        screen.line(f"  {command.place}", "quiet")
        screen.line(f"     $ {command.words}")


def _agree(screen: screens.Screen, question: str) -> None:
    from stopgap.orchestrator.cli.terminal import Terminal

    agreed = Terminal(screen, yes=False).confirms(question)
    if not agreed:
        raise RefusedError(tr("nobody is there to ask; add --yes") if agreed is None else tr("nothing was agreed to"))
