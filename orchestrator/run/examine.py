"""Offline validation of runbooks, an inventory and the options of a run, before any host is contacted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory, load_inventory
from stopgap.orchestrator.outcome import ExitCode
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.remote.offline import file_problems, login_notes, unreadable
from stopgap.orchestrator.runbook.binding import known_values, missing_values
from stopgap.orchestrator.runbook.checking import problems_in, stand_ins
from stopgap.orchestrator.runbook.drivers import driver_problems
from stopgap.orchestrator.runbook.expression import ExpressionError, View, render_value
from stopgap.orchestrator.runbook.finding import runbook_file
from stopgap.orchestrator.runbook.loading import draft
from stopgap.orchestrator.runbook.runbook import Runbook
from stopgap.orchestrator.source import InvalidInput, Problem, read, wrapped_quotes
from stopgap.orchestrator.text import tr


@dataclass(frozen=True)
class Need:
    """A parameter required by a run, to be given with `-p`."""

    name: str
    type: str
    about: Problem


@dataclass(frozen=True)
class Examined:
    """One validated runbook; `problems` covers the runbook's file and the steps on the targets."""

    path: str
    name: str
    steps: int
    tried_on: tuple[str, ...]
    """Targets, or without `-t` the best-suited host; empty without an inventory."""
    needs: tuple[Need, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Examination:
    """All validated runbooks."""

    runbooks: tuple[Examined, ...]
    shared: tuple[Problem, ...]
    """Problems of the inventory, the targets, and the files for logins."""
    notes: tuple[Problem, ...]
    """Notes without an effect on validity."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, without duplicates, in the order of their files."""
        every = [*self.shared, *(problem for runbook in self.runbooks for problem in runbook.problems)]
        return InvalidInput(every).problems if every else ()

    @property
    def exit_code(self) -> ExitCode:
        """Exit code: 0 valid, 2 invalid, 4 valid but refused by a guard. A missing parameter is not a fault."""
        if not self.problems:
            return ExitCode.OK
        return ExitCode.REFUSED if all(problem.refused for problem in self.problems) else ExitCode.INVALID


def examine(
    runbooks: Sequence[str],
    inventories: Sequence[str] = (),
    targets: Sequence[str] = (),
    given: Mapping[str, str] | None = None,
    limit: Sequence[str] | None = None,
) -> Examination:
    """Validate runbooks, each a path or a name, against optional inventories; open no socket.

    `given` holds parameter values; of several runbooks, each takes the declared parameters.
    `limit`: names and patterns; of the targets, only the hosts that these match.
    """
    shared: list[Problem] = []
    hosts: Inventory | None = None
    selected: tuple[Host, ...] = ()
    if inventories:
        try:
            hosts = load_inventory(inventories)
            selected = hosts.select(targets, limit)
        except InvalidInput as error:
            shared += error.problems
    elif targets or limit:
        shared.append(Problem("-t", tr("a target is a host of an inventory"), hint=tr("name the inventory with -i")))
    drafts = [_draft(name) for name in runbooks]
    declared = {name for runbook, _ in drafts if runbook for name in runbook.params}
    examined = []
    for number, (runbook, problems) in enumerate(drafts):
        values = {
            name: value
            for name, value in (given or {}).items()
            if runbook and (name in runbook.params or (number == 0 and name not in declared))
        }
        examined.append(_examined(runbooks[number], runbook, problems, hosts, selected, values))
    notes = [note for runbook, _ in drafts if runbook for note in wrapped_quotes(runbook.document)]
    notes += [note for runbook, _ in drafts if runbook for note in _file_notes(runbook, given or {})]
    if hosts is not None:
        concerned = hosts.concerned(selected) if selected else tuple(hosts.hosts.values())
        shared += [*driver_problems(hosts, hosts.hosts.values()), *file_problems(hosts, concerned)]
        notes += [*_inventory_notes(hosts, concerned)]
    return Examination(tuple(examined), tuple(shared), tuple(dict.fromkeys(notes)))


def _draft(name: str) -> tuple[Runbook | None, list[Problem]]:
    try:
        return draft(read(runbook_file(name)))
    except InvalidInput as error:
        return None, list(error.problems)


def _examined(
    name: str,
    runbook: Runbook | None,
    problems: list[Problem],
    hosts: Inventory | None,
    selected: tuple[Host, ...],
    given: Mapping[str, str],
) -> Examined:
    if runbook is None:
        return Examined(name, name, 0, (), (), tuple(problems))
    flawed = frozenset(problem.position for problem in problems)
    found = [*problems, *problems_in(runbook, hosts, selected, given, flawed)]
    needs = tuple(_needs(runbook, given))
    tried = selected or (stand_ins(runbook, hosts) if hosts else ())
    return Examined(runbook.path, runbook.name, len(runbook.steps), tuple(h.name for h in tried), needs, tuple(found))


def _file_notes(runbook: Runbook, given: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a note for each unreadable file of the controller named by a step."""
    values, _ = known_values(runbook, None, {name: text for name, text in given.items() if name in runbook.params})
    for step in runbook.steps:
        for name in tasks()[step.task].controller_files:
            value: object = dict(step.with_)
            for part in name.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            try:
                path = render_value(value, {"params": View(values)})
            except ExpressionError:
                continue
            if isinstance(path, str) and path.startswith("/") and (reason := unreadable(Path(path))):
                yield step.document.problem(
                    (*step.loc, "with", *name.split(".")), tr("{path}: {reason}", path=path, reason=reason)
                )


def _needs(runbook: Runbook, given: Mapping[str, str]) -> Iterator[Need]:
    names = [name for name, param in runbook.params.items() if param.required and name not in given]
    for name, about in zip(names, missing_values(runbook, given), strict=True):
        yield Need(name, runbook.params[name].type_name, about)


def _inventory_notes(inventory: Inventory, concerned: Iterable[Host]) -> Iterator[Problem]:
    yield from login_notes(inventory, concerned)
    if inventory.document is not None:
        yield from wrapped_quotes(inventory.document)
    for name, reason in inventory.left_out.items():
        yield Problem(f"-i {inventory.path}", tr("{name} is left out: {reason}", name=name, reason=reason))
    for note in inventory.notes:
        yield Problem(f"-i {inventory.path}", note)
