"""Acts: what a person does, in words that the person's SSH key signs, for this one act and for no other."""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from stopgap.orchestrator.errors import RefusedError
from stopgap.orchestrator.roles.model import Action, Roles
from stopgap.orchestrator.signature import SignatureError, check, sign
from stopgap.orchestrator.text import tr

NAMESPACE = "stopgap-act"
"""What the signature is for: a signature of a journal, of a request or of git's is none of an act."""
SKEW = timedelta(minutes=5)
"""By which another machine's clock may be ahead."""


class ActRefused(RefusedError):  # noqa: N818
    """An act is not permitted, or its signature does not hold; the message says why, and who may."""


class Act(BaseModel):
    """One act of one person."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    format: Literal["stopgap-act"] = "stopgap-act"
    version: Literal[1] = 1
    person: Annotated[str, Field(max_length=64)]
    action: Action | Literal["resume"]
    run: Annotated[str, Field(max_length=64)] = ""
    """The run's id; empty for a run that has not begun, and for an approval of a plan in a file."""
    plan: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Digest of the plan that is begun or approved."""
    order: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Digest of runbook, inventory, targets and parameters."""
    about: Annotated[str, Field(max_length=8192)] = ""
    """Of an answer: step, target, question and answer; of an undo: the step; of an emergency: the reason."""
    at: AwareDatetime
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] = Field(default_factory=lambda: secrets.token_hex(16))
    """Random: two acts are never the same."""

    def text(self) -> str:
        """Return the canonical text for the signature: JSON with sorted keys, no spaces."""
        fields = self.model_dump(mode="json")
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sign_act(act: Act, key: Path) -> str:
    """Return the signature of an act, by a private key, or by an agent with the public key. Raises ActRefused."""
    try:
        return sign(act.text().encode(), key, NAMESPACE).decode()
    except SignatureError as error:
        raise ActRefused(
            tr("nobody can tell that you are {person}: {error}", person=act.person, error=error)
        ) from None


def signed_by(roles: Roles, text: str, signature: str) -> Act:
    """Return the act that a person of the roles has signed.

    Raises ActRefused for a text that is no act, for a signature that does not hold, of a key that is nobody's, or of
    another person than the act names.
    """
    try:
        act = Act.model_validate_json(text)
    except ValidationError:
        raise ActRefused(tr("it is no act that Stopgap wrote")) from None
    with tempfile.TemporaryDirectory(prefix="stopgap-") as folder:
        file, signers = Path(folder, "signature"), Path(folder, "signers")
        file.write_text(signature)
        signers.write_text(allowed_signers(roles))
        try:
            person = check(text.encode(), file, signers, NAMESPACE)
        except SignatureError as error:
            said = str(error).replace(str(signers), roles.path)
            raise ActRefused(
                tr("the signature of {person} does not hold: {said}", person=act.person, said=said)
            ) from None
    if person != act.person:
        raise ActRefused(tr("{person} signed what {named} is said to do", person=person, named=act.person))
    return act


def allowed_signers(roles: Roles) -> str:
    """Return the keys of all people as a file of allowed signers (ssh-keygen(1)), good for acts alone."""
    return "".join(
        f'{name} namespaces="{NAMESPACE}" {key}\n' for name, person in roles.people.items() for key in person.keys
    )


def order_digest(runbook: str, inventory: str, targets: tuple[str, ...], params: Mapping[str, object]) -> str:
    """Return the digest of what a run is begun with: the texts of runbook and inventory, targets and parameters.

    `params`: in JSON form, secrets as references.
    """
    whole = json.dumps([runbook, inventory, list(targets), dict(params)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(whole.encode()).hexdigest()
