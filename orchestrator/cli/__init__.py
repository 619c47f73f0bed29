"""The command line: the only place with output."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from stopgap.orchestrator.cli.door.call import Call
    from stopgap.orchestrator.errors import Error

HELP = "help.txt"
"""The page of `stopgap --help`, as the parser writes it for 80 columns: kept, so that it is there at once."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command named on the command line; return the exit code."""
    words = sys.argv[1:] if argv is None else [*argv]
    if words in (["--help"], ["-h"]):
        with open(os.path.join(os.path.dirname(__file__), HELP), encoding="utf-8") as page:  # noqa: PTH118, PTH120, PTH123 - pathlib takes longer than all the rest
            sys.stdout.write(page.read())
        sys.exit(0)  # as argparse ends
    if argv is None and for_agent(words) and (code := _by_agent()) is not None:
        return code
    hurry()
    from stopgap.orchestrator.cli.arguments import parser
    from stopgap.orchestrator.language import reader_language, speaking

    args = parser().parse_args(words)

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


def for_agent(words: Sequence[str]) -> bool:
    """Return whether the agent may run a command: not one that serves, which systemd knows by its process number.

    >>> for_agent(["run", "contain"]), for_agent(["--lang", "ja", "serve"])
    (True, False)
    """
    return not {"agent", "serve", "runner"} & set(words)


def _by_agent() -> int | None:
    """Have the agent run the command, if one was started: see `stopgap.orchestrator.agent`."""
    from stopgap.orchestrator.agent.address import socket_of_agent

    path = socket_of_agent(os.environ)
    if path is None:
        return None
    from stopgap.orchestrator.agent.client import ask_agent

    return ask_agent(path, sys.argv)


def hurry() -> None:
    """Prepare the interpreter for a fast start: no pydantic plugins, and rare garbage collection, none at the end.

    The first collection comes after more objects than a start makes, which are excluded from all later ones: a tenth
    of the processor time of a start went to looking through them. A thread woken by the network runs within a
    millisecond, even during imports of other threads.
    """
    import atexit
    import gc

    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(600_000)
    if _started not in gc.callbacks:
        gc.callbacks.append(_started)
    sys.setswitchinterval(0.001)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


def _started(phase: str, _details: dict[str, int]) -> None:
    """Keep what the start made out of garbage collection, once the first collection has ended."""
    import gc

    if phase == "stop":
        gc.callbacks.remove(_started)
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)


def calm() -> None:
    """Prepare the interpreter for more hosts than one screen shows: threads that wait for it look up less often.

    Garbage is collected from now on, and not only once there is more of it than of what a start makes.
    """
    import gc

    sys.setswitchinterval(0.01)
    gc.collect(0)


def main_with(command: Callable[[], int]) -> int:
    """Run a command and return the exit code; exceptions become messages, never a traceback."""
    from stopgap.orchestrator.errors import Error
    from stopgap.orchestrator.outcome import ExitCode

    try:
        return command()
    except Error as error:
        return _tell(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.PIPE_CLOSED
    except KeyboardInterrupt:
        from stopgap.orchestrator.cli.screen import err

        err().line("Interrupted.", "warn")
        return ExitCode.INTERRUPTED
    except Exception as error:
        return _explain(error)
    finally:
        from stopgap.orchestrator.cli.written import tell_sinks

        tell_sinks()
        if "stopgap.orchestrator.plugins" in sys.modules:
            from stopgap.orchestrator.cli.plugins import tell_left_out
            from stopgap.orchestrator.cli.screen import err

            tell_left_out(err())


def _tell(error: Error) -> int:
    """Print an error of the input or of the state folder; return the exit code."""
    from stopgap.orchestrator.cli.screen import err
    from stopgap.orchestrator.source import InvalidInput
    from stopgap.orchestrator.text import tr, trn

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
    from stopgap.orchestrator.outcome import ExitCode
    from stopgap.orchestrator.text import tr

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
