"""Who acts at this terminal: the person of roles.yaml whose SSH key is here."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.errors import UsageError
from stopgap.orchestrator.roles.acts import Act, ActRefused, sign_act
from stopgap.orchestrator.roles.model import Roles
from stopgap.orchestrator.text import tr

_TIMEOUT = 20.0
"""Seconds for ssh-add and ssh-keygen."""


@dataclass(frozen=True)
class Signer:
    """A person with a key that is here."""

    person: str
    public: str
    """The public key, as a line of a .pub file."""
    key: Path | None = None
    """File of the private key; None: the agent has it."""

    def sign(self, act: Act) -> str:
        """Return the signature of an act. Raises ActRefused."""
        with _key_file(self) as key:
            return sign_act(act, key)


def signer_here(roles: Roles, environ: Mapping[str, str] | None = None) -> Signer:
    """Return who acts: the person of the key that `$STOPGAP_KEY` names, else the one person with keys in the agent.

    Raises ActRefused for a key of nobody, or where the keys say nothing; UsageError for a file that is no key.
    """
    chosen = (os.environ if environ is None else environ).get("STOPGAP_KEY")
    if chosen:
        path = Path(chosen).expanduser()
        public = _public(path)
        person = roles.person_of_key(public)
        if person is None:
            raise ActRefused(tr("{path}: this key is nobody's in {roles}", path=path, roles=roles.path))
        return Signer(person, public, None if path.suffix == ".pub" else path)
    known = {key: person for key in _in_agent() if (person := roles.person_of_key(key))}
    people = list(dict.fromkeys(known.values()))
    if len(people) == 1:
        return Signer(people[0], next(iter(known)))
    if people:
        raise ActRefused(
            tr("the agent has keys of {people}; name yours: STOPGAP_KEY=FILE.pub", people=", ".join(people))
        )
    raise ActRefused(
        tr(
            "who are you? {roles} knows people by their SSH keys: add yours to the agent, or name "
            "it: STOPGAP_KEY=FILE",
            roles=roles.path,
        )
    )


def _public(path: Path) -> str:
    beside = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    try:
        if not path.is_file():
            raise UsageError(tr("STOPGAP_KEY: {path}: there is no such key", path=path))
        if beside.is_file():
            return " ".join(beside.read_text().split()[:2])
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(tr("STOPGAP_KEY: {path}: {error}", path=beside, error=error)) from None
    lines = _lines("ssh-keygen", "-y", "-P", "", "-f", str(path))
    if not lines:
        raise UsageError(tr("STOPGAP_KEY: {path}: its public key cannot be read; name its .pub", path=path))
    return " ".join(lines[0].split()[:2])


def _in_agent() -> list[str]:
    return _lines("ssh-add", "-L") if os.environ.get("SSH_AUTH_SOCK") else []


def _lines(*words: str) -> list[str]:
    try:
        # A new POSIX session has no terminal to ask for a passphrase.
        done = subprocess.run(words, capture_output=True, timeout=_TIMEOUT, start_new_session=True, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.decode(errors="replace").splitlines() if not done.returncode else []


@contextmanager
def _key_file(signer: Signer) -> Iterator[Path]:
    """Give the file that ssh-keygen signs with; of a key in the agent, its public half."""
    if signer.key is not None:
        yield signer.key
        return
    with tempfile.TemporaryDirectory(prefix="stopgap-") as folder:
        path = Path(folder, "key.pub")
        path.write_text(f"{signer.public}\n")
        yield path
