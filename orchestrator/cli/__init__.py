"""The command line: the only place with output."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stopgap.orchestrator.cli.arguments import parser
from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.language import reader_language, speaking
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.text import tr, trn

if TYPE_CHECKING:
    from stopgap.orchestrator.cli.door.call import Call


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command named on the command line; return the exit code."""
    hurry()
    args = parser().parse_args(argv)

    def call() -> int:
        args.lang = reader_language()
        command: Call[Any] = args.command(args)
        verbose, debug = getattr(args, "verbose", 0), getattr(args, "debug", None)
        if not verbose and debug is None:
            return command()
        from stopgap.orchestrator.cli.logs import logging_to

        with logging_to(verbose, debug):
            return command()

    with speaking(args.lang):
        return main_with(call)


def hurry() -> None:
    """Prepare the interpreter for a fast start: no pydantic plugins, and rare garbage collection.

    A thread woken by the network runs within a millisecond, even during imports of other threads.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(50_000, 20, 50)
    sys.setswitchinterval(0.001)


def main_with(command: Callable[[], int]) -> int:
    """Run a command and return the exit code; exceptions become messages, never a traceback."""
    from stopgap.orchestrator.cli.plugins import tell_left_out
    from stopgap.orchestrator.cli.screen import err
    from stopgap.orchestrator.cli.written import tell_sinks

    try:
        return command()
    except Error as error:
        return _tell(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.PIPE_CLOSED
    except KeyboardInterrupt:
        err().line("Interrupted.", "warn")
        return ExitCode.INTERRUPTED
    except Exception as error:
        return _explain(error)
    finally:
        tell_sinks()
        tell_left_out(err())


def _tell(error: Error) -> int:
    """Print an error of the input or of the state folder; return the exit code."""
    from stopgap.orchestrator.cli.screen import err
    from stopgap.orchestrator.source import InvalidInput

    screen = err()
    if not isinstance(error, InvalidInput):
        screen.line(tr("stopgap: {error}", error=error), "bad")
        return error.exit_code
    for problem in error.problems:
        for number, line in enumerate(problem.lines):
            screen.line(line, "bad" if number == 0 else "")
    count = len(error.problems)
    screen.line(trn("{count} problem. Nothing was contacted.", "{count} problems. Nothing was contacted.", count))
    return error.exit_code


def _explain(error: Exception) -> int:
    """Print an error of Stopgap itself, and write its details to a file; return the exit code."""
    from stopgap.orchestrator.cli.screen import err
    from stopgap.orchestrator.journal.error_files import keep_details

    screen = err()
    screen.line(
        tr("stopgap: an error of its own: {name}: {error}", name=error.__class__.__name__, error=error), "bad"
    )
    kept = keep_details(error)
    where = (
        tr("The details are in {kept}", kept=kept)
        if kept
        else tr("The details could not be kept in the state folder")
    )
    screen.line(tr("{where}; `stopgap status` lists what is in force.", where=where))
    return ExitCode.FAILED
