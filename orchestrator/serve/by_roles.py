"""What roles.yaml permits to people on the page; without one, what `--allow` names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from stopgap.orchestrator.roles import Roles, Subject, may, roles_file, roles_here
from stopgap.orchestrator.run.authority import subject_of_run
from stopgap.orchestrator.serve.permission import About, Action, Allowed
from stopgap.orchestrator.source import InvalidInput


class _Kept:
    """Roles and subjects that were read before: a list of runs asks for each of them."""

    def __init__(self) -> None:
        self._stamp: tuple[Path, int, int] | None = None
        self._roles: Roles | None = None
        self._subjects: dict[tuple[str, str], Subject] = {}

    def roles(self) -> Roles | None:
        path = roles_file()
        try:
            found = path.stat()
        except OSError:
            self._stamp, self._roles = None, roles_here()
            return self._roles
        stamp = (path, found.st_mtime_ns, found.st_size)
        if stamp != self._stamp:
            self._roles = roles_here()
            self._stamp = stamp
        return self._roles

    def subject(self, roles: Roles, about: About) -> Subject:
        if not about.run:
            return Subject("", ())
        key = (about.run, roles.sha256)
        if key not in self._subjects:
            started = about.started()
            self._subjects[key] = (
                subject_of_run(started, roles) if started else Subject("", tuple((t, "") for t in about.targets))
            )
        return self._subjects[key]


@dataclass(frozen=True)
class ByRoles:
    """Asks the roles that hold now; a file that cannot be read permits nothing."""

    without: Allowed
    """Decides where there is no roles.yaml."""
    signer: str | None = None
    """The person of roles.yaml who has the token; None: people are known by the names that the proxy gives."""
    _kept: _Kept = field(default_factory=_Kept)

    def __call__(self, person: str, action: Action, about: About, /) -> bool:
        """Return True if the roles permit the act to the person, by the name on the page."""
        try:
            roles = self._kept.roles()
            if roles is None:
                return self.without(person, action, about)
            known = self.signer or roles.person_on_page(person)
            return known is not None and may(roles, known, action, self._kept.subject(roles, about))
        except InvalidInput:
            return False
