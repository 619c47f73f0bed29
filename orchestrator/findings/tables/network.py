"""Open ports in two views; mounts and interfaces belong to the kernel's tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stopgap.orchestrator.evidence.reader import CollectionReader
from stopgap.orchestrator.findings.table import Fields, Place, Row, table
from stopgap.orchestrator.hostnumber import parse_int

_LISTENS = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
"""State of a socket that waits for anybody (include/net/tcp_states.h): TCP_LISTEN, and for UDP TCP_CLOSE."""
_USER = re.compile(r'\("((?:[^"\\]|\\.)*)",pid=(\d{1,9}),')
_OWN = "00000000000000000000000001000000"
"""::1, as /proc/net/tcp6 writes it on little-endian machines."""
_ASKED = re.compile(
    r"asked ([0-9a-f.:]{2,45}) ([0-9]{1,9}) ports: ([0-9]{1,9}) tried, ([0-9]{1,9}) open, ([0-9]{1,9}) refused, "
    r"([0-9]{1,9}) silent"
)
_FIELDS = {"protocol": "`tcp` or `udp`", "port": "the port"}


@table(
    "listening",
    reads="sockets",
    also="socket-list",
    fields=_FIELDS
    | {
        "uid": "whose socket it is",
        "inode": "the socket's number",
        "address": "in hexadecimal",
        "lasting": "the port is open before and after ss looks, where the kernel's tables were read twice",
    },
)
def listening(collected: CollectionReader) -> Iterator[Row]:
    """Listening ports, by the kernel's tables, before or after ss was asked."""
    first, second = list(_listed(collected, "sockets")), list(_listed(collected, "socket-list"))
    before, after = ({_port(row) for row in rows} for rows in (first, second))
    for row in first:
        yield Row({**row.fields, "lasting": not second or _port(row) in after}, row.place)
    for row in second:
        if _port(row) not in before:
            yield Row({**row.fields, "lasting": False}, row.place)


def _port(row: Row) -> tuple[object, object]:
    return row.fields["protocol"], row.fields["port"]


def _listed(collected: CollectionReader, item: str) -> Iterator[Row]:
    """Yield the listening ports of the kernel's tables in an item."""
    for number, text in collected.lines(item):
        path, _, rest = text.partition(":")
        family = path.removeprefix("/proc/self/net/")
        fields = rest.split()
        if _LISTENS.get(family) is None or len(fields) < 10 or fields[3] != _LISTENS[family]:
            continue
        address, _, port = fields[1].rpartition(":")
        here, uid = parse_int(port, 4, base=16), parse_int(fields[7], 11)
        if here is None or uid is None or not fields[2].endswith(":0000"):
            continue
        if not collected.meter.hold("ports", text):
            return
        row: Fields = {"protocol": family[:3], "port": here, "uid": uid, "inode": fields[9]}
        yield Row(row | {"address": address}, Place(item, number))


@table(
    "listening-shown",
    reads="socket-list",
    fields=_FIELDS | {"process": "who has it, by the tool", "address": "as the tool writes it"},
)
def listening_shown(collected: CollectionReader) -> Iterator[Row]:
    """Listening ports, by ss or netstat."""
    for number, text in collected.lines("socket-list"):
        fields = text.split()
        if len(fields) < 5 or fields[0] not in _LISTENS:
            continue
        protocol, netstat = fields[0][:3], parse_int(fields[1]) is not None
        local, remote = (fields[3], fields[4]) if netstat else (fields[4], fields[5] if len(fields) > 5 else "")
        state = (fields[5] if len(fields) > 5 else "") if netstat else fields[1]
        address, _, port = local.rpartition(":")
        here = parse_int(port, 5)
        if here is not None and remote.endswith(":*") and (protocol == "udp" or state == "LISTEN"):
            process = ", ".join(f"{name} ({pid})" for name, pid in _USER.findall(text))
            row: Fields = {"protocol": protocol, "port": here, "process": process or fields[-1]}
            yield Row(row | {"address": address}, Place("socket-list", number))


@table("taken-ports", reads="hidden-ports", fields=_FIELDS)
def taken_ports(collected: CollectionReader) -> Iterator[Row]:
    """Ports in use, by two failed binds within a second, but absent from the kernel's tables meanwhile."""
    for number, text in collected.lines("hidden-ports"):
        match = re.fullmatch(r"hidden: (tcp|udp) ([0-9]{1,5})", text)
        if match and (port := parse_int(match[2], 5)) is not None:
            yield Row({"protocol": match[1], "port": port}, Place("hidden-ports", number))


@table(
    "outside-open",
    reads="outside-ports",
    beside="sockets",
    fields={
        "address": "the target's",
        "port": "the port",
        "listed": "the target's own tables, or its ss, have it on an address that others reach",
    },
)
def outside_open(collected: CollectionReader) -> Iterator[Row]:
    """TCP ports of the target open to another host, compared with the target's own lists."""
    listed = {int(row.fields["port"]) for other in collected.beside for row in _reachable(other)}
    for number, text in collected.lines("outside-ports"):
        found = re.fullmatch(r"open ([0-9a-f.:]{2,45}) ([0-9]{1,5})", text)
        if found and (port := parse_int(found[2], 5)) is not None:
            row: Fields = {"address": found[1], "port": port, "listed": port in listed}
            yield Row(row, Place("outside-ports", number))


def _reachable(collected: CollectionReader) -> Iterator[Row]:
    for row in listening(collected):
        address = str(row.fields["address"])
        if row.fields["protocol"] == "tcp" and not (address.endswith("7F") and len(address) == 8) and address != _OWN:
            yield row
    for row in listening_shown(collected):
        if row.fields["protocol"] == "tcp" and not str(row.fields["address"]).startswith(("127.", "[::1]", "::1")):
            yield row


@table(
    "outside-asked",
    reads="outside-ports",
    fields={
        "address": "the target's",
        "ports": "how many were asked for",
        "tried": "how many were tried",
        "open": "how many answered",
        "refused": "how many refused",
        "silent": "how many gave no answer",
    },
)
def outside_asked(collected: CollectionReader) -> Iterator[Row]:
    """Addresses of the target, as seen by another host."""
    for number, text in collected.lines("outside-ports"):
        found = _ASKED.fullmatch(text)
        if found:
            names = ("ports", "tried", "open", "refused", "silent")
            counts = {name: parse_int(word, 9) or 0 for name, word in zip(names, found.groups()[1:], strict=True)}
            yield Row({"address": found[1], **counts}, Place("outside-ports", number))


@table(
    "connections",
    reads="socket-list",
    fields={
        "protocol": "`tcp` or `udp`",
        "state": "`ESTAB`, `SYN-SENT` …",
        "local": "address and port here",
        "remote": "address and port there",
        "process": "who has it, by the tool",
    },
)
def connections(collected: CollectionReader) -> Iterator[Row]:
    """Connections to elsewhere, by ss."""
    for number, text in collected.lines("socket-list"):
        fields = text.split()
        if len(fields) < 6 or fields[0] not in {"tcp", "udp"} or not fields[1].isupper():
            continue
        local, remote = fields[4], fields[5]
        if remote.endswith(":*") or remote.startswith(("127.", "[::1]")):
            continue
        process = ", ".join(f"{name} ({pid})" for name, pid in _USER.findall(text))
        row: Fields = {
            "protocol": fields[0],
            "state": fields[1],
            "local": local,
            "remote": remote,
            "process": process,
        }
        yield Row(row, Place("socket-list", number))


@table("interfaces", reads="interfaces", fields={"name": "the interface", "promiscuous": "it hears all"})
def interfaces(collected: CollectionReader) -> Iterator[Row]:
    """Network interfaces with flags, by the kernel."""
    for number, text in collected.lines("interfaces"):
        match = re.fullmatch(r"/sys/class/net/([^/]+)/flags:0x([0-9a-f]{1,8})", text)
        if match and (flags := parse_int(match[2], 8, base=16)) is not None:
            row: Fields = {"name": match[1], "promiscuous": bool(flags & 0x100)}
            yield Row(row, Place("interfaces", number))
