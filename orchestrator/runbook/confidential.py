"""Secrets in a runbook: the allowed positions, and the fetch of all secrets before any host is contacted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from pydantic import BaseModel

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.inventory import Inventory
from stopgap.orchestrator.registry import tasks
from stopgap.orchestrator.remote.identity.choice import ask_for_passphrases, chosen_keys
from stopgap.orchestrator.runbook.expression import references
from stopgap.orchestrator.runbook.rendering import NO_ITEM, applies, items, render, vantage_of
from stopgap.orchestrator.runbook.runbook import Param, Runbook, Step
from stopgap.orchestrator.secret import Secret, SecretError
from stopgap.orchestrator.secret.agreement import COMMAND, NamedCommand, Permit, is_agreed, reference_of
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.source import InvalidInput, Loc, Problem
from stopgap.orchestrator.task import Parameters, Task

_ALONE = re.compile(r"\s*\{\{-?\s*params(\.\w+|\[\s*(\"\w+\"|'\w+')\s*\])\s*-?\}\}\s*")


def secret_problems(step: Step, params: Mapping[str, Param]) -> Iterator[Problem]:
    """Yield a problem for each secret rendered into text, or passed to a parameter without secrets."""
    secrets = {name for name, param in params.items() if param.type_name == "secret"}
    for name in sorted(_names(step.foreach, expression=isinstance(step.foreach, str)) & secrets):
        yield _problem(step, (*step.loc, "foreach"), name, "`foreach`")
    fields = tasks()[step.task].Params.model_fields
    for key, value in step.with_.items():
        takes_one = key in fields and _takes_secret(fields[key].annotation)
        for loc, text in _texts(value, (*step.loc, "with", key)):
            for name in sorted(_names(text) & secrets):
                if not takes_one:
                    yield _problem(step, loc, name, f"`{key}` of {step.task}")
                elif not _ALONE.fullmatch(text):
                    expected = f"the secret alone: {{{{ params.{name} }}}}"
                    message = f"the secret params.{name} cannot be made into text"
                    yield step.document.problem(loc, message, expected=expected)


def reveal_secrets(
    runbook: Runbook, inventory: Inventory, targets: Sequence[Host], params: Mapping[str, Any], permit: Permit
) -> None:
    """Fetch every secret known to be needed by the run, for the hosts concerned only.

    A passphrase that no reference gives is asked for; without an answer the login of that host fails, and no other.
    `permit` decides on the controller commands of runbook and inventory; no other command runs. Raises InvalidInput
    with all secrets out of reach, and all commands without consent.
    """
    secrets, looks = _secrets(runbook, inventory, targets, params), _looks(runbook, inventory, targets, params)
    texts = {runbook.path: runbook.text, **{each.path: each.text for each in inventory.sources}}
    wanted = looks | {secret.reference: where for secret, where in secrets.items()}
    permit([_named(reference, where, texts) for reference, where in wanted.items() if not is_agreed(reference)])
    problems = list(_passwords_of_targets(inventory, targets))
    problems += [_refused(reference, where) for reference, where in wanted.items() if not is_agreed(reference)]
    for secret, where in secrets.items():
        if is_agreed(secret.reference):
            problems += _missing(secret, where)
    if not problems:
        ask_for_passphrases(chosen_keys(host) for host in inventory.concerned(targets))
    if problems:
        raise InvalidInput(problems)


def _passwords_of_targets(inventory: Inventory, targets: Sequence[Host]) -> Iterator[Problem]:
    """Yield a problem for each target with a password for sudo or su: the attacker on a target would read it."""
    for target in targets:
        if target.become_password is not None:
            message = "a target of this run gets no password: whoever broke in would read it"
            hint = f"let {target.user} run /bin/sh with NOPASSWD there (sudoers(5))"
            yield replace(inventory.problem(target.name, "become_password", message, hint), refused=True)


def _secrets(
    runbook: Runbook, inventory: Inventory, targets: Sequence[Host], params: Mapping[str, Any]
) -> dict[Secret, Problem]:
    wanted: dict[Secret, Problem] = {}
    for name, value in params.items():
        for secret in secrets_in(value):
            wanted.setdefault(secret, runbook.document.problem(("params", name), f"the parameter {name}"))
    for step in runbook.steps:
        if any(_takes_secret(field.annotation) for field in tasks()[step.task].Params.model_fields.values()):
            for given in _parameters(step, inventory, targets, params):
                for secret in secrets_in(given):
                    wanted.setdefault(secret, step.document.problem((*step.loc, "with"), f"a parameter of {step.id}"))
    for host in inventory.concerned(targets):
        for secret in secrets_in(host):
            source = inventory.source_of(host, "identity_passphrase")
            wanted.setdefault(secret, Problem(source.path, f"the host {host.name}"))
    return wanted


def passphrase_commands(inventory: Inventory, targets: Sequence[Host]) -> list[NamedCommand]:
    """Return the agreed commands of several inventories, as commands of the one text that a run records."""
    if len(inventory.sources) == 1:
        return []
    references = {s.reference for host in inventory.concerned(targets) for s in secrets_in(host)}
    references |= _programs(inventory, targets).keys()
    return [
        NamedCommand.of(reference, inventory.path, inventory.text, f"{inventory.path}: a passphrase")
        for reference in sorted(references)
        if reference.startswith(COMMAND) and is_agreed(reference)
    ]


def _looks(
    runbook: Runbook, inventory: Inventory, targets: Sequence[Host], params: Mapping[str, Any]
) -> dict[str, Problem]:
    """Return the commands run by tasks on the controller to read facts, in a dry run too."""
    wanted = _programs(inventory, targets)
    for step in runbook.steps:
        task = tasks()[step.task]
        if type(task).looks_by is not Task.looks_by:
            for given in _parameters(step, inventory, targets, params):
                if argv := task.looks_by(given):
                    where = step.document.problem((*step.loc, "with"), f"a command of {step.id}")
                    wanted.setdefault(reference_of(argv), where)
    return wanted


def _programs(inventory: Inventory, targets: Sequence[Host]) -> dict[str, Problem]:
    """Return the providers' programs of the hosts concerned (`connection: exec`), run in a dry run too."""
    wanted: dict[str, Problem] = {}
    for host in inventory.concerned(targets):
        if host.exec:
            source = inventory.source_of(host, "exec")
            wanted.setdefault(reference_of(host.exec), Problem(source.path, f"the program of {host.name}"))
    return wanted


def _named(reference: str, where: Problem, texts: Mapping[str, str]) -> NamedCommand:
    place = f"{where.source}:{where.position}" if where.position else where.source
    return NamedCommand.of(reference, where.source, texts[where.source], f"{place}: {where.message}")


def _refused(reference: str, where: Problem) -> Problem:
    message = f"{where.message}: {reference}: nobody has agreed to run this command here"
    hint = f"read what it does, then type: {join(['stopgap', 'trust', where.source])}"
    return Problem(where.source, message, where.position, hint=hint, refused=True)


def secrets_in(value: object) -> Iterator[Secret]:
    """Yield the secrets in a value, such as a task's parameters, at any depth."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        yield from secrets_in(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from secrets_in(item)


def _parameters(
    step: Step, inventory: Inventory, targets: Sequence[Host], params: Mapping[str, Any]
) -> Iterator[Parameters]:
    """Yield the task's parameters for each target and item, if independent of earlier steps' results."""
    if step.uses_results:
        return
    for target in targets:
        scene = inventory.scene(target, vantage_of(step, tasks()[step.task], target, inventory))
        repeated = items(step, params, scene, {})
        for item in [NO_ITEM] if repeated is None else repeated:
            if applies(step, params, scene, {}, item):
                yield render(step, params, scene, {}, item)


def _missing(secret: Secret, where: Problem) -> Iterator[Problem]:
    try:
        secret.reveal()
    except SecretError as error:
        yield Problem(where.source, f"{where.message}: {error}", where.position)


def _problem(step: Step, loc: Loc, name: str, place: str) -> Problem:
    message = f"the secret params.{name} cannot stand in {place}"
    fields = tasks()[step.task].Params.model_fields
    able = [f"`{field}`" for field, info in fields.items() if _takes_secret(info.annotation)]
    return step.document.problem(loc, message, expected=" or ".join(able) or "no secret: it might reach a host")


def _names(value: object, *, expression: bool = False) -> set[str]:
    """Return the parameters named by a value."""
    return {path[1] for path in references(value, expression=expression) if path[0] == "params" and len(path) > 1}


def _texts(value: object, loc: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, (list, Mapping)):
        for key, part in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _texts(part, (*loc, key))


def _takes_secret(annotation: Any) -> bool:  # noqa: ANN401
    if annotation is Secret:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any(_takes_secret(field.annotation) for field in annotation.model_fields.values())
    return any(map(_takes_secret, get_args(annotation)))
