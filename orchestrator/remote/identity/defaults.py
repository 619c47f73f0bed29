"""The default keys of ssh(1), and the passphrases that a person is asked for. Nothing here imports paramiko."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.identity.key_file import read
from stopgap.orchestrator.secret import Secret, SecretError

_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


def default_identities() -> tuple[Path, ...]:
    """Return the private keys that ssh(1) offers without `IdentityFile`, as far as the files exist.

    A login of a host with `default_identities` offers the keys of the agent before these (ssh_config(5)).
    """
    folder = Path("~/.ssh").expanduser()
    return tuple(path for name in _NAMES if (path := folder / name).is_file())


def asked_for(path: Path) -> Secret:
    """Return the passphrase of an encrypted key as a secret that is asked for once, on the terminal."""
    shown = "".join(character if character.isprintable() else "?" for character in str(path))
    return Secret(f"ask:passphrase of {shown}")


def ask_for_passphrases(hosts: Iterable[Host]) -> None:
    """Ask for the passphrase of each named key that is encrypted, has no reference, and is not in the agent.

    Called before a connection begins: a person types for longer than a login may take. Without an answer the login
    tells what is missing.
    """
    locked = (host for host in hosts if host.connection != "local" and host.identity_passphrase is None)
    for path in dict.fromkeys(host.identity for host in locked):
        if path is not None and _asks(path):
            with suppress(SecretError):
                asked_for(path).reveal()


def _asks(path: Path) -> bool:
    try:
        found = read(path)
    except OSError:
        return False
    if found.kind != "private" or not found.encrypted or found.is_fido:
        return False
    from stopgap.orchestrator.remote.identity.agent import AgentFailedError, AgentSession  # noqa: PLC0415 - paramiko

    try:
        session = AgentSession.of_environment()
    except AgentFailedError:
        return True
    if session is None:
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
