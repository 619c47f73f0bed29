"""From a socket to an authenticated transport: key exchange, pinned host key, login with the operator's key."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from paramiko import SSHException
from paramiko.ssh_exception import (
    AuthenticationException,
    BadAuthenticationType,
    IncompatiblePeer,
    PartialAuthentication,
)

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.hosttext import HostText
from stopgap.orchestrator.remote.host_certificate import certificate_fault, is_certificate
from stopgap.orchestrator.remote.identity.agent import AgentFailedError
from stopgap.orchestrator.remote.identity.offers import Offer
from stopgap.orchestrator.remote.known_hosts import Pinned, fingerprint, host_names, key_type, pinned_keys
from stopgap.orchestrator.remote.login_settings import Login
from stopgap.orchestrator.remote.session import Unreachable
from stopgap.orchestrator.remote.transport import HardenedTransport
from stopgap.orchestrator.shell import join
from stopgap.orchestrator.text import joined, tr, trn
from stopgap.orchestrator.wire.deadline import Deadline

_BANNER = 160
"""Characters shown of a banner."""


class HungUpError(Exception):
    """The server closed before its banner, most often because of MaxStartups in sshd_config(5)."""


def read_pinned(login: Login) -> Pinned:
    """Read the keys pinned for the host by the known_hosts files of its login; raises Unreachable."""
    host = login.host
    if not login.known_hosts:
        raise Unreachable(host.name, tr("the inventory names no known_hosts file for it"), "host-key")
    found = Pinned()
    for file in login.known_hosts:
        try:
            found += pinned_keys(file, names_of(login))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Unreachable(
                host.name, tr("{file}: {strerror}", file=file, strerror=error.strerror), "host-key"
            ) from None
    return found


def names_of(login: Login) -> tuple[str, ...]:
    """Return the names of the host in known_hosts files, the usual name first."""
    return (login.known_as.lower(),) if login.known_as else host_names(login.host.address, login.host.port)


def negotiate(transport: HardenedTransport, login: Login, pinned: Pinned, deadline: Deadline) -> str:
    """Exchange keys, compare the server's host key with the pinned keys, return the fingerprint.

    Before the return the server receives no byte about the login name.

    Raises Unreachable, HungUpError, TimeoutError, CancelledError.
    """
    key = exchange_keys(transport, login.host, deadline)
    _verify(login, pinned, key, transport.shown_key)
    return fingerprint(key)


def exchange_keys(transport: HardenedTransport, host: Host, deadline: Deadline) -> bytes:
    """Exchange keys, and return the host key that the server proves to hold, in wire format.

    Raises Unreachable, HungUpError, TimeoutError, CancelledError.
    """
    done = threading.Event()
    transport.start_client(event=done)
    deadline.wait(done)
    failure = transport.get_exception()
    if not transport.is_active() or failure is not None:
        raise _failed_negotiation(transport, host, failure)
    return bytes(transport.get_remote_server_key().asbytes())


def authenticate(transport: HardenedTransport, host: Host, offers: Sequence[Offer], deadline: Deadline) -> None:
    """Log in with the keys only, one after the other. Raises Unreachable, TimeoutError, CancelledError."""
    failure: Exception | None = None
    for offer in offers:
        answered = threading.Event()
        try:
            transport.log_in(host.user, offer.key, answered)
            deadline.wait(answered)
        except AgentFailedError as error:
            failure = error
            continue
        except (SSHException, EOFError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            failure = transport.get_exception() or EOFError()
            break
        if transport.is_active() and transport.is_authenticated():
            return
        failure = transport.get_exception()
        if not transport.is_active() or type(failure) not in {AuthenticationException, type(None)}:
            break
    raise _refused_login(transport, host, offers, failure)


def _verify(login: Login, pinned: Pinned, key: bytes, shown_key: bytes) -> None:
    host, file = login.host, login.known_hosts[0]
    if is_certificate(shown_key):
        names = (login.known_as or host.address,)
        if fault := certificate_fault(shown_key, pinned, [name.lower() for name in names]):
            reason = tr(
                "its host certificate, of the key {key}, {fault}; known_hosts is {file}",
                key=fingerprint(key),
                fault=fault,
                file=file,
            )
            raise Unreachable(host.name, reason, "host-key")
        return
    shown = f"{fingerprint(key)} ({key_type(key)})"
    if key in pinned.revoked:
        raise Unreachable(
            host.name, tr("its host key {shown} is revoked in {file}", shown=shown, file=file), "host-key"
        )
    if key in pinned.keys:
        return
    if not pinned.keys:
        if pinned.authorities:
            reason = tr(
                "it shows the host key {shown} without a certificate of the authority that {file} names",
                shown=shown,
                file=file,
            )
            raise Unreachable(host.name, reason, "host-key")
        scan = join(["ssh-keyscan", "-p", str(host.port), host.address])
        reason = tr(
            "unknown host key {shown}; compare it with the host's own (ssh-keygen -lf on its console), "
            "then pin it: {scan} >> {file}",
            shown=shown,
            scan=scan,
            file=file,
        )
        raise Unreachable(host.name, reason, "host-key")
    known = ", ".join(f"{fingerprint(each)} ({key_type(each)})" for each in pinned.keys)
    name = names_of(login)[0]
    reason = tr(
        "HOST KEY CHANGED: it shows {shown}, but {file} pins {known} for {name}; somebody may sit in "
        "between, or the host was set up anew. Nothing was sent",
        shown=shown,
        file=file,
        known=known,
        name=name,
    )
    raise Unreachable(host.name, reason, "host-key")


def _failed_negotiation(transport: HardenedTransport, host: Host, failure: Exception | None) -> Exception:
    if not transport.remote_version and _is_hang_up(failure):
        return HungUpError()
    if isinstance(failure, IncompatiblePeer):
        return Unreachable(host.name, _nothing_in_common(transport, failure), "protocol")
    said = str(failure) if failure is not None and str(failure) else tr("the server hung up during key exchange")
    return Unreachable(host.name, tr("it does not speak SSH as it should: {said}", said=said[:200]), "protocol")


def _nothing_in_common(transport: HardenedTransport, failure: IncompatiblePeer) -> str:
    if not transport.offered:
        return tr("no algorithm in common: {failure}", failure=failure)
    kind, theirs = transport.lacking
    instead = tr("`transport: openssh` may know one, and old ones by your ssh_config(5)")
    return tr(
        "no algorithm in common: no {kind} of its offer ({theirs}) is taken here; {instead}",
        kind=kind,
        theirs=", ".join(theirs)[:300],
        instead=instead,
    )


def _is_hang_up(failure: Exception | None) -> bool:
    if failure is None or isinstance(failure, EOFError | ConnectionError):
        return True
    text = str(failure)
    return text == "Error reading SSH protocol banner" or (
        text.startswith("Error reading SSH protocol banner") and "Errno" in text
    )


def _refused_login(
    transport: HardenedTransport, host: Host, offers: Sequence[Offer], failure: Exception | None
) -> Unreachable:
    if isinstance(failure, AgentFailedError):
        return Unreachable(host.name, str(failure), "identity")
    if isinstance(failure, BadAuthenticationType | PartialAuthentication):
        methods = ", ".join(failure.allowed_types)
        return Unreachable(
            host.name,
            tr("a key alone does not open it; it asks {user} for {methods}", user=host.user, methods=methods[:100]),
            "auth",
        )
    said = _banner(transport)
    if isinstance(failure, AuthenticationException) or failure is None:
        if not transport.is_active():
            return Unreachable(host.name, tr("the server hung up during authentication{said}", said=said), "auth")
        return Unreachable(
            host.name,
            tr("it does not let {user} in with {offers}{said}", user=host.user, offers=_shown(offers), said=said),
            "auth",
        )
    if isinstance(failure, EOFError):
        return Unreachable(host.name, tr("the server hung up during authentication{said}", said=said), "auth")
    return Unreachable(host.name, tr("authentication broke off: {failure}", failure=str(failure)[:200]), "auth")


def _shown(offers: Sequence[Offer]) -> str:
    keys = list(dict.fromkeys(fingerprint(offer.key.asbytes()) for offer in offers))
    notes = joined("", (tr("; {note}", note=offer.note) for offer in offers if offer.note))
    return trn("the key {keys}{notes}", "the keys {keys}{notes}", len(keys), keys=", ".join(keys), notes=notes)


def _banner(transport: HardenedTransport) -> str:
    """Return the last line that the server said before the refusal (RFC 4252, 5.4), such as an expired account."""
    banner = getattr(transport.auth_handler, "banner", None)  # `get_banner` gives none of a closed connection
    said = HostText(banner).last_line()[:_BANNER] if isinstance(banner, bytes) else ""
    return tr("; it says: {said}", said=said) if said else ""
