"""Roles: who may view, answer, run, approve and undo, and how each person is known."""

from stopgap.orchestrator.roles.acts import Act, ActRefused, signed_by
from stopgap.orchestrator.roles.files import load_roles, roles_file, roles_here
from stopgap.orchestrator.roles.identity import Signer, signer_here
from stopgap.orchestrator.roles.model import Action, Approvals, Person, Role, Roles
from stopgap.orchestrator.roles.permission import Subject, may, people_needed, who_may

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
