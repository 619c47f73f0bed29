"""A host that is not there: gives the readers of a task's probe the answers that a test has for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from stopgap.orchestrator.facts import Reader
from stopgap.orchestrator.facts.reader import Output
from stopgap.orchestrator.host import CheckVantage, Scene
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.task import At, Facts, Parameters, Past, Task

P = TypeVar("P", bound=Parameters)
F = TypeVar("F", bound=Facts)


class NoAnswerError(LookupError):
    """The test has no answer for a reader; the message shows the reader.

    >>> from stopgap.orchestrator.facts import File
    >>> FakeHost({}).read(File("/etc/motd"))
    Traceback (most recent call last):
    ...
    stopgap.testing.hosts.NoAnswerError: the fake host has no answer for File(path='/etc/motd'...)
    """


@dataclass(frozen=True)
class Answer:
    """What a reader's script prints on the host.

    >>> Answer(stderr="not found", status=127).stdout
    ''
    """

    stdout: str = ""
    stderr: str = ""
    status: int = 0


@dataclass(frozen=True)
class FakeHost:
    """Answers readers from a mapping: reader → `Answer`, which the reader parses, or the fact itself.

    >>> from stopgap.orchestrator.facts import ReadOnly
    >>> uptime = ReadOnly(("uptime", "-s"), because="uptime(1)").asked()
    >>> FakeHost({uptime: Answer("2026-11-29 08:00:00")}).read(uptime).stdout
    '2026-11-29 08:00:00'
    """

    answers: Mapping[Reader[Any], object]

    def read(self, reader: Reader[Any]) -> object:
        """Give the fact; raises NoAnswerError, and UnreadableError where the reader makes no sense of the answer."""
        if reader not in self.answers:
            raise NoAnswerError(f"the fake host has no answer for {reader!r}")
        answer = self.answers[reader]
        if not isinstance(answer, Answer):
            return answer
        stdout, stderr = HostText(answer.stdout.encode()), HostText(answer.stderr.encode())
        return reader.parse(Output(stdout, stderr, answer.status))


def facts_of(
    task: Task[P, F],
    params: P,
    scene: Scene,
    host: FakeHost,
    others: Mapping[CheckVantage, FakeHost] | None = None,
) -> F:
    """Return the facts of a task's probe, as `plan` gets the facts.

    `host`: the host of the step. `others`: hosts at other vantages; without a host, a reader `At` the vantage gives
    None. Earlier runs are none. Raises NoAnswerError.

    >>> from stopgap.orchestrator.facts import ABSENT, File
    >>> from stopgap.orchestrator.registry import tasks
    >>> from stopgap.testing import scene_of
    >>> task = tasks()["host.command"]
    >>> params = task.Params(argv=("true",), creates="/etc/nologin")
    >>> facts_of(task, params, scene_of({}, "target"), FakeHost({File("/etc/nologin"): ABSENT})).created.kind
    'absent'
    """
    known = others or {}
    read: dict[str, object] = {}
    for name, wanted in task.probe(params, scene).items():
        if isinstance(wanted, At):
            there = known.get(wanted.vantage)
            read[name] = there.read(wanted.reader) if there else None
        elif isinstance(wanted, Past):
            read[name] = ()
        else:
            read[name] = host.read(wanted)
    return cast(F, task.Facts.model_validate(read))
