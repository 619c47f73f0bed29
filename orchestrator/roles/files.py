"""Reading roles.yaml, with every problem at its place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from stopgap.orchestrator.journal.ownership import refuse_writable_by_others
from stopgap.orchestrator.resources import runbooks
from stopgap.orchestrator.roles.model import Roles, RolesFile
from stopgap.orchestrator.roles.place import roles_file, roles_hold_here
from stopgap.orchestrator.source import InvalidInput, Located, Problem, did_you_mean, parse, quoted, validate
from stopgap.orchestrator.text import tr

CUT = "cut"
"""The name of `stopgap cut` among runbooks."""
_CAP = 1 << 20
"""Bytes of the file."""


def roles_here(environ: Mapping[str, str] | None = None) -> Roles | None:
    """Return the roles that hold here; None where there is no roles.yaml, and `$STOPGAP_ROLES` names none.

    Raises InvalidInput for a file that cannot be read or is invalid: a broken file is not no file.
    """
    return load_roles(roles_file(environ)) if roles_hold_here(environ) else None


def load_roles(path: Path) -> Roles:
    """Read a file of roles; raises InvalidInput with every problem, SharedHomeError where others may write to it."""
    try:
        with path.open("rb") as file:
            content = file.read(_CAP + 1)
    except OSError as error:
        raise InvalidInput([Problem(str(path), error.strerror or tr("cannot be read"))]) from None
    if len(content) > _CAP:
        raise InvalidInput([Problem(str(path), tr("is larger than {cap} bytes", cap=_CAP))])
    refuse_writable_by_others(path)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise InvalidInput([Problem(str(path), tr("is not UTF-8"))]) from None
    return parse_roles(text, str(path))


def parse_roles(text: str, path: str) -> Roles:
    """Return the roles of a text; raises InvalidInput with every problem. `path`: names the text in problems."""
    document = parse(text, path)
    problems: list[Problem] = []
    file = validate(RolesFile, document, (), problems)
    if file:
        problems += _problems(file, document, Path(path).parent / "runbooks")
    if problems or file is None:
        raise InvalidInput(problems)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Roles(file.people, file.roles, file.approvals.last, path, sha256)


def _problems(roles: RolesFile, document: Located, own_runbooks: Path) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name, person in roles.people.items():
        for number, key in enumerate(person.keys):
            if (first := owners.setdefault(key, name)) != name:
                yield document.problem(
                    ("people", name, "keys", number),
                    tr("this is a key of {first} too: a key belongs to one person", first=first),
                )
        if person.page is not None and (first := owners.setdefault(f"page {person.page}", name)) != name:
            yield document.problem(("people", name, "page"), tr("{first} has this name on the page too", first=first))
        if not person.keys and person.page is None:
            yield document.problem(
                ("people", name),
                tr("nobody can tell that somebody is {name}", name=name),
                expected=tr("`keys`, `page`, or both"),
            )
    known = {CUT, *runbooks(), *(file.stem for file in own_runbooks.glob("*.yaml"))}
    for name, role in roles.roles.items():
        for number, member in enumerate(role.people):
            if member not in roles.people:
                yield document.problem(
                    ("roles", name, "people", number),
                    tr("there is no person {member}", member=quoted(member)),
                    hint=did_you_mean(member, roles.people),
                )
        for number, runbook in enumerate(role.runbooks):
            if runbook not in known and not set(runbook) & set("*?["):
                yield document.problem(
                    ("roles", name, "runbooks", number),
                    tr("there is no runbook {runbook}, shipped or in runbooks/ beside this file", runbook=runbook),
                    hint=did_you_mean(runbook, known),
                )
