"""The spare as seen by visitors: open ports, and the certificate shown on port 443."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from cryptography.x509 import load_der_x509_certificate

from stopgap.orchestrator.host import Host
from stopgap.orchestrator.ready.item import Item
from stopgap.orchestrator.text import tr
from stopgap.orchestrator.wire.deadline import Deadline
from stopgap.orchestrator.wire.peer import Peer
from stopgap.orchestrator.wire.tcp import connect_tcp

SOON = timedelta(days=14)
"""A certificate that ends within this time is named."""
_SECONDS = 5.0
_SILENCE = 5.0
_MOST = 1 << 20


def look_at_spares(spares: Sequence[Host]) -> Iterator[Item]:
    """Yield the ports of all spares, 80 and 443, and the end of the certificate; no request is sent."""
    if not spares:
        return
    with ThreadPoolExecutor(min(len(spares), 16), "spare") as workers:
        for items in workers.map(lambda spare: list(_ports(spare)), spares):
            yield from items


def _ports(spare: Host) -> Iterator[Item]:
    try:
        connect_tcp(spare.address, 80, Deadline(_SECONDS), _SILENCE).close()
        yield Item(spare.name, "port", "ready", "port 80 answers")
    except OSError as error:
        yield Item(
            spare.name, "port", "lacks", tr("port 80: {error}; visitors would see nothing", error=_said(error))
        )
    try:
        end = certificate_end(spare.address)
    except (OSError, ValueError) as error:
        text = tr(
            "port 443: {error}; visitors by https would see no page, unless a certificate is prepared: "
            "stopgap run spare-certificate",
            error=_said(error),
        )
        yield Item(spare.name, "port", "told", text)
        return
    left = end - datetime.now(UTC)
    state = tr("its certificate ends at {end} UTC", end=f"{end:%Y-%m-%d %H:%M}")
    yield Item(spare.name, "port", "lacks" if left < SOON else "ready", f"port 443: {state}")


def certificate_end(address: str, port: int = 443) -> datetime:
    """Return the end of the certificate that the server shows, whoever has signed it.

    Raises OSError (ssl.SSLError, PeerError), and ValueError without a certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    deadline = Deadline(_SECONDS)
    with Peer(connect_tcp(address, port, deadline, _SILENCE), deadline, _MOST) as peer:
        peer.secure(context, address)
        shown = peer.certificate()
    if shown is None:
        raise ValueError(tr("it shows no certificate"))
    return load_der_x509_certificate(shown).not_valid_after_utc


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return tr("no answer within {seconds} s", seconds=f"{_SECONDS:g}")
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
