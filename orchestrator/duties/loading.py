"""Load duties from YAML files; report every mistake with file and line."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from stopgap.orchestrator.duties.model import Duty
from stopgap.orchestrator.plugins import fail, files
from stopgap.orchestrator.resources import folder
from stopgap.orchestrator.source import InvalidInput, Problem, read, validate
from stopgap.orchestrator.text import tr


@cache
def shipped_duties() -> tuple[Duty, ...]:
    """Return the duties shipped with Stopgap."""
    return load_duties(sorted(folder("duties").glob("*.yaml")))


@cache
def duties_in_force() -> tuple[Duty, ...]:
    """Return the shipped duties and those of plug-ins; a project's entry takes the place of one with the same id.

    A plug-in's file with a mistake is left out; `plugins.failures` says why. An entry with `never` is left out too.
    """
    known = {duty.id: duty for duty in shipped_duties()}
    for file in reversed(files("duties")):  # the project's file comes first there, and has the last word here
        try:
            known |= {duty.id: duty for duty in load_duties([file.path])}
        except InvalidInput as error:
            plugin = file.plugin
            fail("duties", plugin.name, plugin.origin, str(error.problems[0]).splitlines()[0])
    return tuple(duty for duty in known.values() if duty.never is None)


def load_duties(paths: Iterable[Path]) -> tuple[Duty, ...]:
    """Load files of duties, each a list below `duties`. Raises InvalidInput with every problem found."""
    problems: list[Problem] = []
    duties: dict[str, Duty] = {}
    for path in paths:
        document = read(path)
        listed = document.data.get("duties") if isinstance(document.data, dict) else None
        if not isinstance(listed, list):
            problems.append(document.problem((), tr("no duties"), expected=tr("a list below `duties:`")))
            continue
        for number in range(len(listed)):
            duty = validate(Duty, document, ("duties", number), problems)
            if duty is None:
                continue
            if duty.id in duties:
                problems.append(document.problem(("duties", number, "id"), tr("a second duty `{id}`", id=duty.id)))
            duties[duty.id] = duty
    if problems:
        raise InvalidInput(problems)
    return tuple(duties.values())
