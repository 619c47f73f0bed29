"""agent start, stop, status: a resident process that runs commands without the time that imports take."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from stopgap.orchestrator.agent.address import address
from stopgap.orchestrator.agent.loaded import currency
from stopgap.orchestrator.agent.server import answers, listen, process_of, serve
from stopgap.orchestrator.agent.worker import take_place
from stopgap.orchestrator.cli import screen as screens
from stopgap.orchestrator.cli.document import print_document
from stopgap.orchestrator.documents.envelope import envelope
from stopgap.orchestrator.errors import Error
from stopgap.orchestrator.journal import state_home
from stopgap.orchestrator.journal.home import private_folder
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.text import tr

_PAUSE = 0.02
_STOPPING = 30.0
"""Seconds for the agent to stop listening."""
MODULES = (
    "encodings.idna",
    "encodings.utf_8_sig",
    "fabric",
    "jinja2.sandbox",
    "stopgap.orchestrator.cli.arguments",
    "stopgap.orchestrator.cli.cut",
    "stopgap.orchestrator.cli.limit_file",
    "stopgap.orchestrator.cli.live_view",
    "stopgap.orchestrator.cli.observers",
    "stopgap.orchestrator.cli.pairs",
    "stopgap.orchestrator.cli.plugins",
    "stopgap.orchestrator.cli.resume",
    "stopgap.orchestrator.cli.run",
    "stopgap.orchestrator.cli.status",
    "stopgap.orchestrator.cli.trust",
    "stopgap.orchestrator.cli.undo",
    "stopgap.orchestrator.cli.verdicts",
    "stopgap.orchestrator.remote.channel",
    "stopgap.orchestrator.remote.identity.offers",
    "stopgap.orchestrator.remote.login",
    "stopgap.orchestrator.report.render",
    "stopgap.orchestrator.run.here",
    "stopgap.orchestrator.run.own_names",
    "stopgap.orchestrator.run.undo_run",
)
"""What acting commands import, some of it late; each imports the rest."""


@dataclass(frozen=True)
class StartOptions:
    """The options of `stopgap agent start`."""

    idle: timedelta
    foreground: bool = False
    json: bool = False


@dataclass(frozen=True)
class AgentOptions:
    """The options of `stopgap agent stop` and `status`."""

    json: bool = False


def start(options: StartOptions) -> int:
    """Start the agent; return once it listens, or with --foreground once it has ended.

    Raises Error where one listens already, or none can.
    """
    if not hasattr(os, "pidfd_open"):
        raise Error(tr("an agent needs Linux (pidfd_open(2))"))
    path = Path(address(os.environ))
    private_folder(state_home())
    if answers(path):
        raise Error(tr("an agent is there already: {path}", path=path))
    if options.foreground:
        return _serve(path, options.idle)
    ready, begun = os.pipe()
    if os.fork() == 0:
        os.close(ready)
        return _apart(path, options.idle, begun)
    os.close(begun)
    with os.fdopen(ready, "rb") as said:
        reason = said.read().decode()
    if reason != _LISTENS:
        raise Error(reason or tr("the agent ended before it listened; `stopgap agent start --foreground` says why"))
    return status(AgentOptions(json=options.json))


def stop(options: AgentOptions) -> int:
    """Stop the agent; commands that the agent runs go on. Raises Error without an agent, or for one that goes on."""
    path = Path(address(os.environ))
    number = process_of(path)
    if number is None:
        raise Error(tr("no agent listens at {path}", path=path))
    os.kill(number, signal.SIGTERM)
    end = time.monotonic() + _STOPPING
    while answers(path):
        if time.monotonic() > end:
            raise Error(tr("process {pid} still listens at {path}", pid=number, path=path))
        time.sleep(_PAUSE)
    return status(options)


def status(options: AgentOptions) -> int:
    """Say whether an agent listens, and where."""
    path = Path(address(os.environ))
    number = process_of(path)
    if options.json:
        print_document({**envelope("agent"), "process": number, "socket": str(path)})
        return 0
    if number is None:
        screens.out().line(tr("No agent. Each command starts by itself; `stopgap agent start` starts one."))
    else:
        screens.out().line(tr("Agent: process {pid}, at {path}.", pid=number, path=path))
    return 0


_LISTENS = "listens"


def _apart(path: Path, idle: timedelta, begun: int) -> int:
    """Be the agent, in a session of its own and without a terminal; tell the parent once it listens, or why not."""
    os.setsid()
    os.chdir("/")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - what the caller left open, such as a pipe that it reads
        with suppress(OSError):
            if int(name) > 2 and os.get_inheritable(int(name)):
                os.close(int(name))

    def tell(word: str) -> None:
        with suppress(OSError):
            os.write(begun, word.encode())
            os.close(begun)

    try:
        return _serve(path, idle, lambda: tell(_LISTENS))
    except Error as error:
        tell(str(error))
        return error.exit_code


def _serve(path: Path, idle: timedelta, listens: Callable[[], None] = lambda: None) -> int:
    """Import, listen, and run what clients ask for, each command in a process of its own; return its exit code."""
    _prepare()
    if threading.active_count() > 1:
        raise Error(tr("an import has started a thread, which a forked process would lack"))
    gc.collect()
    gc.freeze()
    listener = listen(path)
    listens()
    connection = serve(listener, idle.total_seconds(), currency())
    if connection is None:
        return 0
    words = take_place(connection)
    if words is None:
        os._exit(0)
    from stopgap.orchestrator.cli import main

    sys.argv = words
    return main(words[1:])


def _prepare() -> None:
    """Import what commands import, and build the models, which are built when they are first used otherwise."""
    for module in MODULES:
        importlib.import_module(module)
    list(tasks().values())  # imports each task
    waiting = BaseModel.__subclasses__()
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        if not model.__pydantic_complete__:
            model.model_rebuild(raise_errors=False)
