"""What roles permit. Pure functions: the command line, a runner at a site and the page ask the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from stopgap.orchestrator.roles.model import Action, Role, Roles


@dataclass(frozen=True)
class Subject:
    """What an act is about: a runbook, and targets with their sites."""

    runbook: str
    """Name of the runbook as roles know it; empty for one that is none of theirs."""
    targets: tuple[tuple[str, str], ...]
    """Name and site of each target; the site is empty where the inventory names none."""


def may(roles: Roles, person: str, action: Action, subject: Subject) -> bool:
    """Return True if the roles permit the act on every target of the subject.

    >>> from stopgap.orchestrator.roles.files import parse_roles
    >>> roles = parse_roles(
    ...     "{people: {kei: {page: kei}}, roles: {shift: {people: [kei], may: [view], hosts: [web*]}}}", "roles.yaml"
    ... )
    >>> may(roles, "kei", "view", Subject("contain", (("web1", ""),)))
    True
    >>> may(roles, "kei", "run", Subject("contain", (("web1", ""),)))
    False
    """
    return all(any(_granting(roles, person, action, subject.runbook, target)) for target in _targets(subject))


def who_may(roles: Roles, action: Action, subject: Subject) -> list[str]:
    """Return the people whom the roles permit the act, in the order of the file."""
    return [person for person in roles.people if may(roles, person, action, subject)]


def people_needed(roles: Roles, person: str, subject: Subject) -> int:
    """Return how many people a run that the person begins takes, the person included, by the roles alone.

    Of several roles that permit the run on a target, the least demanding counts; of several targets the most
    demanding.
    """
    return max(
        min((role.approve for role in _granting(roles, person, "run", subject.runbook, target)), default=1)
        for target in _targets(subject)
    )


def _granting(roles: Roles, person: str, action: Action, runbook: str, target: tuple[str, str]) -> Iterator[Role]:
    host, site = target
    for role in roles.roles.values():
        if person in role.people and action in role.may:
            fits = _fits(role.runbooks, runbook) and _fits(role.sites, site) and _fits(role.hosts, host)
            if fits:
                yield role


def _fits(patterns: tuple[str, ...], name: str) -> bool:
    return not patterns or (bool(name) and any(fnmatchcase(name, pattern) for pattern in patterns))


def _targets(subject: Subject) -> tuple[tuple[str, str], ...]:
    return subject.targets or (("", ""),)
