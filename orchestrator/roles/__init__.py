"""Roles: who may view, answer, run, approve and undo, and how each person is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgap.orchestrator.loading import names_of

if TYPE_CHECKING:
    from stopgap.orchestrator.roles.acts import Act, ActRefused, signed_by
    from stopgap.orchestrator.roles.files import load_roles, roles_here
    from stopgap.orchestrator.roles.identity import Signer, signer_here
    from stopgap.orchestrator.roles.model import Action, Approvals, Person, Role, Roles
    from stopgap.orchestrator.roles.permission import Subject, may, people_needed, who_may
    from stopgap.orchestrator.roles.place import roles_file

_MODULES = {
    "Act": "acts",
    "ActRefused": "acts",
    "Action": "model",
    "Approvals": "model",
    "Person": "model",
    "Role": "model",
    "Roles": "model",
    "Signer": "identity",
    "Subject": "permission",
    "load_roles": "files",
    "may": "permission",
    "people_needed": "permission",
    "roles_file": "place",
    "roles_here": "files",
    "signed_by": "acts",
    "signer_here": "identity",
    "who_may": "permission",
}

__all__ = [
    "Act",
    "ActRefused",
    "Action",
    "Approvals",
    "Person",
    "Role",
    "Roles",
    "Signer",
    "Subject",
    "load_roles",
    "may",
    "people_needed",
    "roles_file",
    "roles_here",
    "signed_by",
    "signer_here",
    "who_may",
]

__getattr__ = names_of(__name__, _MODULES)
