"""What a login offers: the key of the inventory, or the agent's keys and the default keys, as ssh(1) has them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)
from paramiko import ECDSAKey, Ed25519Key, PKey, RSAKey
from paramiko.pkey import PublicBlob

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.remote.identity.agent import AgentFailedError, AgentSession, HeldKey
from stopgap.orchestrator.remote.identity.certificate import certificate_of, certified_key, out_of_date
from stopgap.orchestrator.remote.identity.choice import KeyChoice, asked_for, public_beside
from stopgap.orchestrator.remote.identity.key_file import LARGEST, KeyFile, fault, read
from stopgap.orchestrator.remote.known_hosts import key_type
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.secret import Secret, SecretError
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import tr

_CERTIFICATE = "-cert.pub"
_OPENED: dict[bytes, PKey] = {}
"""Keys that were loaded, by the SHA-256 of file and passphrase."""


@dataclass(frozen=True)
class Offer:
    """One key for a login request; the server sees the public half, and a signature."""

    key: PKey
    note: str = ""
    """What speaks against the key, for the message of a refusal: a certificate that has ended."""


@contextmanager
def offers_for(host: Host, keys: KeyChoice) -> Iterator[tuple[Offer, ...]]:
    """Give the keys that a login at the host offers, one after the other; the agent is at hand during the block.

    Raises Unreachable for a required key file that cannot be used, naming what the file is and what to do.
    """
    agent = _Agent(keys.agent)
    try:
        yield _required(host, keys, agent) if keys.required else _as_ssh_has_them(host, keys, agent)
    except AgentFailedError as error:
        raise Unreachable(host.name, str(error), "identity") from None
    finally:
        agent.close()


class _Agent:
    """The agent of the operator, connected at the first use."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self.lacking: str = tr("no agent is there (SSH_AUTH_SOCK)")
        """Why the agent has no key for a login."""
        self._session: AgentSession | None = None
        self._asked = False

    @property
    def session(self) -> AgentSession | None:
        """The connection; `None` without an agent that answers."""
        if not self._asked:
            self._asked = True
            try:
                self._session = AgentSession(self._address) if self._address else None
            except AgentFailedError as error:
                self.lacking = str(error)
        if self._session is not None:
            self.lacking = tr("the agent does not hold the key")
        return self._session

    def key(self, public: bytes | None) -> HeldKey | None:
        session = self.session if public is not None else None
        return session.key(public) if session is not None and public is not None else None

    def close(self) -> None:
        if self._session is not None:
            self._session.close()


def _offers_of_file(host: Host, path: Path, keys: KeyChoice, agent: _Agent) -> Iterator[Offer]:
    """Yield the key with each certificate beside it, then the key alone, as ssh(1) does."""
    found = _recognised(host, path)
    if found.kind == "certificate":
        certificate, path = path, Path(str(path).removesuffix(_CERTIFICATE))
        found = _recognised(host, path) if path.is_file() else _public_half(host, certificate)
    else:
        certificate = Path(str(path).removesuffix(".pub") + _CERTIFICATE)
    key = _key(host, path, found, keys, agent)
    for each in dict.fromkeys((certificate, *keys.certificates)):
        if each.is_file() and (offer := _certified(host, key, each)):
            yield offer
    yield Offer(key)


def _recognised(host: Host, path: Path) -> KeyFile:
    try:
        found = read(path)
    except OSError as error:
        reason = tr(
            "the private key {path} (`identity` in the inventory): {strerror}", path=path, strerror=error.strerror
        )
        raise Unreachable(host.name, reason, "identity") from None
    if wrong := fault(path, found):
        raise Unreachable(
            host.name, tr("{path}: {wrong}; {wrong2}", path=path, wrong=wrong[0], wrong2=wrong[1]), "identity"
        )
    return found


def _public_half(host: Host, certificate: Path) -> KeyFile:
    """Return the public key that a certificate certifies, for the agent."""
    parsed = certificate_of(certificate.read_bytes()[:LARGEST])
    if parsed is None:
        raise Unreachable(
            host.name, tr("{certificate}: no certificate that ssh-keygen signed", certificate=certificate), "identity"
        )
    public = certified_key(parsed)
    return KeyFile("public", key_type(public), public)


def _key(host: Host, path: Path, found: KeyFile, keys: KeyChoice, agent: _Agent) -> PKey:
    needs_agent = found.kind != "private" or found.is_fido
    if needs_agent or (found.encrypted and keys.passphrase is None):
        public = found.public or public_beside(path)
        if held := agent.key(public):
            return held
        if needs_agent:
            raise Unreachable(host.name, _not_held(path, found, agent), "identity")
    return _private(host, path, found, keys.passphrase)


def _required(host: Host, keys: KeyChoice, agent: _Agent) -> tuple[Offer, ...]:
    return tuple(offer for path in keys.files for offer in _offers_of_file(host, path, keys, agent))


def _as_ssh_has_them(host: Host, keys: KeyChoice, agent: _Agent) -> tuple[Offer, ...]:
    """Return the keys of the files, then the agent's other keys; default keys come after the agent's, as in ssh(1).

    A key file that cannot be used is left out: the key is an offer, and no demand of the operator.
    """
    named: list[Offer] = []
    locked: list[Path] = []
    publics: set[bytes | None] = set()
    for path in keys.files:
        with suppress(Unreachable):
            found = _recognised(host, path)
            public = found.public or public_beside(path)
            if found.encrypted and not keys.asks and agent.key(public) is None:
                locked.append(path)
                continue
            named += _offers_of_file(host, path, keys, agent)
            publics.add(public)
    others = agent.session.keys() if keys.others_of_agent and agent.session is not None else ()
    more = [Offer(key) for key in others if key.blob not in publics]
    offers = named + more if keys.asks else more + named
    for path in locked if not offers else ():
        offers += _offers_of_file(host, path, keys, agent)
    if not offers:
        reason = tr(
            "neither the inventory nor the agent nor ~/.ssh has a key for it; name a private key as its `identity`"
        )
        if not keys.files and not keys.others_of_agent:
            reason = tr("the inventory names no identity (private key) for it")
        raise Unreachable(host.name, reason, "identity")
    return tuple(offers)


def _not_held(path: Path, found: KeyFile, agent: _Agent) -> str:
    private = Path(str(path).removesuffix(".pub"))
    add = join(["ssh-add", str(private)])
    if found.is_fido:
        what = tr("{path}: a FIDO key, which signs in its device, by the agent alone", path=path)
        return tr("{what}; {lacking}: {add}, or set `transport: openssh`", what=what, lacking=agent.lacking, add=add)
    instead = tr(", or name {private} instead", private=private) if private != path and private.is_file() else ""
    return tr(
        "{path}: a public key, for which the agent signs; {lacking}: {add}{instead}",
        path=path,
        lacking=agent.lacking,
        add=add,
        instead=instead,
    )


def _private(host: Host, path: Path, found: KeyFile, reference: Secret | None) -> PKey:
    passphrase = None
    if found.encrypted:
        secret = reference or asked_for(path)
        try:
            passphrase = secret.reveal().encode()
        except SecretError as error:
            said = str(error).removeprefix(f"{secret.reference}: ")
            reason = tr("the passphrase of {path}: {error}", path=path, error=error)
            if reference is None:
                instead = tr("hold the key in the agent (ssh-add), or name its `identity_passphrase`")
                reason = tr(
                    "{path}: this private key is encrypted, and {said}; {instead}",
                    path=path,
                    said=said,
                    instead=instead,
                )
            raise Unreachable(host.name, reason, "identity") from None
    try:
        return _opened(path.read_bytes(), passphrase)
    except OSError as error:
        raise Unreachable(
            host.name, tr("{path}: {strerror}", path=path, strerror=error.strerror), "identity"
        ) from None
    except Exception:  # libraries raise many types for a broken key, with parts of the key in the messages
        reason = tr("{path}: no private key that can be used (Ed25519, ECDSA or RSA)", path=path)
        if found.encrypted:
            reason = tr(
                "{path}: {reference} does not open it", path=path, reference=reference or tr("what was typed")
            )
        raise Unreachable(host.name, reason, "identity") from None


def _opened(content: bytes, passphrase: bytes | None) -> PKey:
    """Return the key of a file, loaded once for all hosts: a passphrase's bcrypt alone takes a tenth of a second."""
    mark = hashlib.sha256(content + b"\0" + (passphrase or b"")).digest()
    if (key := _OPENED.get(mark)) is None:
        key = _OPENED[mark] = _loaded(content, passphrase)
    return key


def _loaded(content: bytes, passphrase: bytes | None) -> PKey:
    """Load a key of any format; paramiko alone reads neither PKCS#8 nor PEM with a modern cipher."""
    load = load_ssh_private_key if b"BEGIN OPENSSH" in content else load_pem_private_key
    key = load(content, passphrase)
    match key:
        case RSAPrivateKey():
            return RSAKey(key=key)
        case EllipticCurvePrivateKey():
            return ECDSAKey(vals=(key, key.public_key()))
        case Ed25519PrivateKey():
            plain = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
            return Ed25519Key(file_obj=io.StringIO(plain.decode()))
        case _:
            raise UnsupportedAlgorithm(tr("the type of the key"))


def _certified(host: Host, key: PKey, path: Path) -> Offer | None:
    """Return the key with a certificate; `None` for a certificate of another key."""
    content = path.read_bytes()[:LARGEST]
    parsed = certificate_of(content)
    if parsed is None:
        reason = tr("{path}: no certificate that ssh-keygen signed; renew it, or take it away", path=path)
        raise Unreachable(host.name, reason, "identity")
    if certified_key(parsed) != key.asbytes():
        return None
    ended = out_of_date(parsed)
    certified = CertifiedKey(key, PublicBlob.from_string(content.decode("ascii", "replace")))
    return Offer(certified, tr("the certificate {path} {ended}", path=path, ended=ended) if ended else "")


class CertifiedKey(PKey):  # type: ignore[misc]
    """A key, in a file or in the agent, that is offered by its certificate."""

    def __init__(self, key: PKey, certificate: PublicBlob) -> None:
        """Combine a private key with the certificate of its public half."""
        self.public_blob = certificate
        self._key = key

    def get_name(self) -> str:
        """Return the type of the key without the certificate."""
        return str(self._key.get_name())

    def asbytes(self) -> bytes:
        """Return the public half."""
        return bytes(self._key.asbytes())

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> Any:  # noqa: ANN401 - of paramiko
        """Sign with the private half."""
        return self._key.sign_ssh_data(data, algorithm)
