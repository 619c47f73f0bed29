"""The sinks of this operator: `sinks.yaml` of the state folder and of the project, and the plug-ins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopgap.orchestrator.plugins import code, guarded
from stopgap.orchestrator.plugins.model import Code
from stopgap.orchestrator.plugins.project import project
from stopgap.orchestrator.plugins.project_code import DistrustedError, checked_bytes
from stopgap.orchestrator.sinks.config import (
    AnySink,
    AppriseSink,
    FileSink,
    PrometheusSink,
    SinkFile,
    SyslogSink,
    WebhookSink,
)
from stopgap.orchestrator.sinks.receiver import Receiver
from stopgap.orchestrator.source import InvalidInput, Problem, parse, validate
from stopgap.orchestrator.text import tr

FILE = "sinks.yaml"


@dataclass(frozen=True)
class Configured:
    """A sink: the name, the filter of events, and the receiver of the filtered events."""

    name: str
    takes: Callable[[Mapping[str, Any]], bool]
    open: Callable[[], Receiver]
    """Makes the receiver, in the thread that uses the receiver; may raise whatever the sink's library raises."""


def configured(home: Path) -> tuple[Configured, ...]:
    """Return every sink. Raises InvalidInput with every problem of the files.

    A plug-in that cannot be used is left out (`plugins.failures`); so is a project's file where the folder is no
    project of this user (docs/plugins.md).
    """
    problems: list[Problem] = []
    sinks: dict[str, Configured] = {}
    for path, text in _files(home):
        document = parse(text, str(path))
        read = validate(SinkFile, document, (), problems)
        for name, sink in read.sinks.items() if read else ():
            if name in sinks:
                message = tr("a second sink `{name}`", name=name)
                problems.append(document.problem(("sinks", name), message, at_key=True))
            sinks[name] = Configured(name, sink.takes, _opener(sink, home))
    if problems:
        raise InvalidInput(problems)
    for found in code("sinks"):
        with guarded("sinks", found.plugin.name, found.plugin.origin):
            emit = _emit(found)
            name = re.sub(r"[^A-Za-z0-9_-]", "-", found.plugin.name)
            name = f"plug-in-{name}" if name in sinks else name
            sinks.setdefault(name, Configured(name, lambda _: True, lambda emit=emit: _Plugin(emit)))  # type: ignore[misc]
    return tuple(sinks.values())


def _files(home: Path) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    try:
        found.append((home / FILE, (home / FILE).read_text("utf-8")))
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise InvalidInput([Problem(str(home / FILE), str(getattr(error, "strerror", None) or error))]) from None
    folder = project().folder
    if folder is not None and (folder / FILE).is_file():
        try:
            found.append((Path(FILE), checked_bytes(folder, folder / FILE).decode("utf-8")))
        except (DistrustedError, OSError, ValueError) as error:
            raise InvalidInput([Problem(FILE, str(error))]) from None
    return found


def _opener(sink: AnySink, home: Path) -> Callable[[], Receiver]:
    def opened() -> Receiver:
        match sink:
            case SyslogSink():
                from stopgap.orchestrator.sinks.syslog import Syslog  # noqa: PLC0415

                return Syslog(sink)
            case FileSink():
                from stopgap.orchestrator.sinks.jsonlines import JsonLines  # noqa: PLC0415

                return JsonLines(sink)
            case WebhookSink():
                from stopgap.orchestrator.sinks.webhook import Webhook  # noqa: PLC0415

                return Webhook(sink)
            case AppriseSink():
                from stopgap.orchestrator.sinks.chat import Chat  # noqa: PLC0415

                return Chat(sink)
            case PrometheusSink():
                from stopgap.orchestrator.sinks.textfile import Textfile  # noqa: PLC0415

                return Textfile(sink, home)

    return opened


class _Plugin:
    """A plug-in's `emit`; whatever it raises counts as not delivered, and an OSError is tried again."""

    def __init__(self, emit: Callable[[Mapping[str, Any]], None]) -> None:
        self._emit = emit

    def send(self, event: Mapping[str, Any]) -> None:
        self._emit(event)

    def close(self) -> None:
        pass


def _emit(found: Code) -> Callable[[Mapping[str, Any]], None]:
    value = found.value() if isinstance(found.value, type) else found.value
    emit = getattr(value, "emit", None)
    if not callable(emit):
        raise TypeError(tr("it has no function `emit(event)`"))
    return emit  # type: ignore[no-any-return]
