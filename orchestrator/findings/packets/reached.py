"""Whom a host reached for, in the shape of an attack: scans, tries of logins, floods, mail in quantity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stopgap.orchestrator.findings.packets.frames import TCP, UDP
from stopgap.orchestrator.findings.packets.traffic import Contact, ContactKey, Traffic, is_group

SWEEP = 15
"""Addresses tried at the same port, most without an answer."""
PORTS = 20
"""Ports tried at the same address, most without an answer."""
TRIES = 10
"""Connections to a port for logins of one address."""
TRIES_PER_MINUTE = 6.0
FLOOD = 1000
"""Packets a second to one port of an address, on average, while they go out."""
FLOOD_LEAST = 5000
MAIL = 10
"""Mail servers reached."""
_UNANSWERED = 0.7
_LOGINS = {21: "FTP", 22: "SSH", 23: "Telnet", 2222: "SSH", 2323: "Telnet", 110: "POP3", 143: "IMAP", 445: "SMB",
           465: "SMTP", 587: "SMTP", 993: "IMAP", 995: "POP3", 1433: "SQL Server", 3306: "MySQL", 3389: "RDP",
           5432: "PostgreSQL", 5900: "VNC", 6379: "Redis", 8291: "RouterOS", 25: "SMTP"}  # fmt: skip
_SMTP = 25


class Victim(NamedTuple):
    """An address that was attacked from the host."""

    how: str
    """`sweep`, `ports`, `logins`, `flood`, `mail`."""
    remote: bytes
    protocol: int
    port: int
    """0: many."""
    tries: int
    """Connections tried, ports for `ports`, packets for `flood`."""
    answered: int
    first: float
    last: float
    of: int
    """How many addresses share the attack."""
    service: str


def victims(traffic: Traffic) -> Iterator[Victim]:
    """Yield each attacked address for each kind of attack, those of a sweep in order of time."""
    by_port: dict[tuple[int, int], list[tuple[ContactKey, Contact]]] = {}
    by_remote: dict[tuple[int, bytes], list[tuple[ContactKey, Contact]]] = {}
    for key, contact in traffic.contacts.items():
        if key.protocol in {TCP, UDP} and not is_group(key.remote):
            by_port.setdefault((key.protocol, key.remote_port), []).append((key, contact))
            by_remote.setdefault((key.protocol, key.remote), []).append((key, contact))
    cut_off = not any(contact.answered for contact in traffic.contacts.values())
    for (protocol, port), reached in by_port.items():
        silent = sum(not contact.answered for _, contact in reached)
        usual = port in (_ASKED if protocol == UDP else _VISITED if cut_off else ())
        if len(reached) >= SWEEP and silent >= _UNANSWERED * len(reached) and not usual:
            yield from (_victim("sweep", key, contact, len(reached)) for key, contact in reached)
        elif protocol == TCP and port == _SMTP and len(reached) >= MAIL:
            yield from (_victim("mail", key, contact, len(reached)) for key, contact in reached)
    for contacts in by_remote.values():
        yield from _of_one(contacts)


_ASKED = frozenset({53, 123, 443})
"""UDP ports at which many addresses are asked in passing: names, time, QUIC."""
_VISITED = frozenset({25, 53, 80, 443})
"""TCP ports that a host reaches at many addresses in its work: of a host that is cut off, no answer means nothing."""
_OFTEN_TRIED = frozenset({22, 23, 2222, 2323, 3389, 5900})
"""Ports for logins at which many connections mean tries also where none is answered."""


def _of_one(contacts: list[tuple[ContactKey, Contact]]) -> Iterator[Victim]:
    silent = sum(not contact.answered for _, contact in contacts)
    if len(contacts) >= PORTS and silent >= _UNANSWERED * len(contacts):
        key, _ = contacts[0]
        yield Victim(
            how="ports",
            remote=key.remote,
            protocol=key.protocol,
            port=0,
            tries=len(contacts),
            answered=len(contacts) - silent,
            first=min(contact.first for _, contact in contacts),
            last=max(contact.last for _, contact in contacts),
            of=1,
            service="",
        )
    for key, contact in contacts:
        seconds = max(1.0, contact.last - contact.first)
        if contact.packets >= FLOOD_LEAST and contact.packets / seconds >= FLOOD and not contact.answered:
            yield _victim("flood", key, contact, 1)._replace(tries=contact.packets)
        elif (
            key.protocol == TCP
            and key.remote_port in (_LOGINS if contact.answered else _OFTEN_TRIED)
            and contact.flows >= TRIES
            and contact.flows * 60 / max(60.0, seconds) >= TRIES_PER_MINUTE
        ):
            yield _victim("logins", key, contact, 1)


def _victim(how: str, key: ContactKey, contact: Contact, of: int) -> Victim:
    return Victim(
        how=how,
        remote=key.remote,
        protocol=key.protocol,
        port=key.remote_port,
        tries=contact.flows,
        answered=contact.answered,
        first=contact.first,
        last=contact.last,
        of=of,
        service=_LOGINS.get(key.remote_port, "") if key.protocol == TCP else "",
    )
