"""resume: go on with a run that did not end."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.conclusion import show_result
from stopgap.orchestrator.cli.document import print_line
from stopgap.orchestrator.cli.run_options import RunOptions, live_view_of, runner_of
from stopgap.orchestrator.cli.words import own_name
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.text import tr

if TYPE_CHECKING:
    from stopgap.orchestrator.journal import History
    from stopgap.orchestrator.run.events import EventObserver
    from stopgap.orchestrator.run.recorder import Observer


@dataclass(frozen=True)
class ResumeCommand:
    """The options of `stopgap resume`."""

    run: str
    options: RunOptions
    again_from: str | None = None
    """Id of the step to go back to."""
    at_site: bool = False
    """By a runner at the run's site."""


def resume(command: ResumeCommand) -> int:
    """Resume an unfinished run."""
    from stopgap.orchestrator.cli.damage import damage_refused, show_damage
    from stopgap.orchestrator.cli.observers import Lines
    from stopgap.orchestrator.cli.terminal import Terminal, stoppable
    from stopgap.orchestrator.cli.trust import asked
    from stopgap.orchestrator.journal import DamagedRunError
    from stopgap.orchestrator.run.consent import asking
    from stopgap.orchestrator.run.events import EventObserver
    from stopgap.orchestrator.run.resume_run import resume_run
    from stopgap.orchestrator.run.sinks import SinkEvents
    from stopgap.reading import history as read_history

    options = command.options
    if command.again_from is not None:
        _go_back(command.run, command.again_from)
    if command.at_site:
        from stopgap.orchestrator.cli.runner import resume_elsewhere

        return resume_elsewhere(command.run, as_json=options.json)
    if options.detach:
        from stopgap.orchestrator.cli.detach import go_on_apart

        return go_on_apart(command.run, _detached_words(options))
    live_view = live_view_of(options)
    messages = live_view.messages if live_view else screens.err()
    person = Terminal(messages, yes=options.yes, wait=options.wait)
    events = EventObserver(print_line) if options.json else None
    try:
        history = read_history(command.run)
        doubts = (*history.damage, *history.unsigned)
        finished = history.finished is not None and history.finished.exit_code == ExitCode.OK
        if finished and not doubts:
            return _tell_finished(history, events)
        if options.anyway:
            show_damage(messages, history.run, doubts)
        lines = Lines(
            live_view.out if live_view else screens.out(),
            own_name(history),
            asks=person.asks,
        )
        observers: list[Observer] = [events] if events else [live_view, lines] if live_view else [lines]
        sinks = SinkEvents(lambda line: messages.line(line, "warn"))
        with (
            sinks,
            stoppable(person.interruption, messages),
            live_view.showing() if live_view else nullcontext(),
        ):
            result = resume_run(
                history.run,
                lambda connect: runner_of(person, [*observers, sinks], options, connect),
                anyway=options.anyway,
                permit=asking(asked(messages)),
            )
    except DamagedRunError as error:
        raise damage_refused(error, anyway=options.anyway) from None
    if finished:
        return _tell_finished(history, events)
    if events:
        events.finished(result)
    return show_result(result, options, messages)


def _go_back(name: str, step: str) -> None:
    from stopgap.orchestrator.cli.journals import open_journal
    from stopgap.orchestrator.cli.written import tell_sinks
    from stopgap.orchestrator.run.gate import gate_here
    from stopgap.orchestrator.run.person import operator
    from stopgap.orchestrator.run.step_back import step_back
    from stopgap.orchestrator.run.trust import trusted

    with open_journal() as journal:
        history = trusted(journal, journal.resolve(name))
        gate_here().go_on(journal, history)
        again = step_back(journal, history, step, operator())
    tell_sinks()  # before the run tells its own
    screens.err().line(tr("Again: {steps}.", steps=", ".join(again)))


def _detached_words(options: RunOptions) -> list[str]:
    """Return the options of a run that goes on in the background."""
    words = ["--yes" if options.yes else "--wait"]
    words += [word for word, given in (("--take-over", options.take_over), ("--anyway", options.anyway)) if given]
    words += ["--sign-key", str(options.sign_key)] if options.sign_key else []
    return words + [word for key in options.recipients for word in ("--age", key)]


def _tell_finished(history: History, events: EventObserver | None) -> int:
    if events:
        events.ended(history)
    else:
        screens.out().line(tr("Run {run} is finished; there is nothing to resume.", run=history.run))
    return ExitCode.OK
