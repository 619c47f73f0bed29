"""Where roles.yaml is, and whether there is one; asked before anything of a run is imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stopgap.orchestrator.journal.home import state_home

NAME = "roles.yaml"


def roles_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the roles: `$STOPGAP_ROLES`, else roles.yaml in the state folder."""
    chosen = (os.environ if environ is None else environ).get("STOPGAP_ROLES")
    return Path(chosen).expanduser().absolute() if chosen else state_home(environ) / NAME


def roles_hold_here(environ: Mapping[str, str] | None = None) -> bool:
    """Return True where there is a roles.yaml, a broken link too, or `$STOPGAP_ROLES` names one."""
    named = (os.environ if environ is None else environ).get("STOPGAP_ROLES")
    return bool(named) or os.path.lexists(roles_file(environ))
