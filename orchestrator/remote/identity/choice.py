"""Which keys a login offers, and the passphrases that a person is asked for. Nothing here imports paramiko."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.identity.key_file import read
from stopgap.orchestrator.secret import Secret, SecretError

_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


@dataclass(frozen=True)
class KeyChoice:
    """The keys of one login, in order."""

    files: tuple[Path, ...] = ()
    required: bool = False
    """The inventory names the key: a key that cannot be used ends the login."""
    asks: bool = False
    """A person is asked for the passphrase of an encrypted key; else only where no other key is there."""
    others_of_agent: bool = False
    """Further keys of the agent are offered too."""
    agent: str | None = None
    """Address of the agent's Unix socket; `None` without an agent."""
    certificates: tuple[Path, ...] = ()
    """Certificates beyond those beside the keys."""
    passphrase: Secret | None = None


def chosen_keys(host: Host) -> KeyChoice:
    """Return the keys as the inventory has them: one named key, the default keys, or none."""
    agent = os.environ.get("SSH_AUTH_SOCK") or None
    if host.identity is not None:
        return KeyChoice((host.identity,), required=True, asks=True, agent=agent, passphrase=host.identity_passphrase)
    if host.default_identities:
        return KeyChoice(default_identities(), others_of_agent=True, agent=agent)
    return KeyChoice()


def default_identities() -> tuple[Path, ...]:
    """Return the private keys that ssh(1) offers without `IdentityFile`, as far as the files exist."""
    folder = Path("~/.ssh").expanduser()
    return tuple(path for name in _NAMES if (path := folder / name).is_file())


def asked_for(path: Path) -> Secret:
    """Return the passphrase of an encrypted key as a secret that is asked for once, on the terminal."""
    shown = "".join(character if character.isprintable() else "?" for character in str(path))
    return Secret(f"ask:passphrase of {shown}")


def ask_for_passphrases(choices: Iterable[KeyChoice]) -> None:
    """Ask for the passphrase of each named key that is encrypted, has no reference, and is not in the agent.

    Called before a connection begins: a person types for longer than a login may take. Without an answer the login
    tells what is missing.
    """
    asking = (choice for choice in choices if choice.asks and choice.passphrase is None)
    for path, agent in dict.fromkeys((path, choice.agent) for choice in asking for path in choice.files):
        if is_locked(path, agent):
            with suppress(SecretError):
                asked_for(path).reveal()


def is_locked(path: Path, agent: str | None) -> bool:
    """Return True for an encrypted key file whose key the agent does not hold."""
    try:
        found = read(path)
    except OSError:
        return False
    if found.kind != "private" or not found.encrypted or found.is_fido:
        return False
    if agent is None:
        return True
    from stopgap.orchestrator.remote.identity.agent import AgentFailedError, AgentSession  # noqa: PLC0415 - paramiko

    try:
        session = AgentSession(agent)
    except AgentFailedError:
        return True
    try:
        public = found.public or public_beside(path)
        return public is None or session.key(public) is None
    finally:
        session.close()


def public_beside(path: Path) -> bytes | None:
    """Return the public key of KEY.pub: an encrypted PEM file does not show the public half."""
    try:
        found = read(Path(f"{path}.pub"))
    except OSError:
        return None
    return found.public if found.kind == "public" else None
