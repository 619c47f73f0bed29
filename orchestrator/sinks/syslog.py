"""Syslog messages, RFC 5424, over the machine's socket, UDP (RFC 5426), TCP (RFC 6587, octets counted), TLS.

The message has the event as JSON, and its first fields as structured data. A message that is too long loses the
fields that not every event has, then words; it stays JSON, and says `"truncated": true`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any

from stopgap.orchestrator.severity import Severity
from stopgap.orchestrator.sinks.config import FACILITIES, SyslogSink
from stopgap.orchestrator.sinks.receiver import PATIENCE
from stopgap.orchestrator.wire.deadline import Deadline
from stopgap.orchestrator.wire.peer import Peer, connect_peer

_LEVELS: dict[Severity, int] = {"critical": 2, "high": 3, "medium": 4, "low": 5, "info": 6}
"""Syslog's own severities: critical, error, warning, notice, informational (RFC 5424, table 2)."""
_DATA = ("id", "run", "host", "step", "target", "severity")
_BASE = ("schema", "version", "time", "id", "event", "run", "host", "step", "target", "severity", "summary")
_TAKEN = 4096
"""Bytes that a collector may say; none is expected."""


class Syslog:
    """A receiver for one socket or collector; a connection serves until it breaks."""

    def __init__(self, sink: SyslogSink) -> None:
        self._sink = sink
        self._host = socket.gethostname()
        self._peer: Peer | None = None
        self._local: socket.socket | None = None

    def send(self, event: Mapping[str, Any]) -> None:
        """Send one message. Raises OSError; the next message has a new connection then."""
        packet = message(event, self._sink, self._host, os.getpid())
        way, _, rest = self._sink.to.partition(":")
        try:
            if self._sink.to.startswith("/"):
                self._to_socket(packet)
            elif way == "udp":
                self._to_datagram(packet, rest)
            else:
                self._to_stream(packet, rest, secure=way == "tls")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        for each in (self._peer, self._local):
            if each is not None:
                each.close()
        self._peer = self._local = None

    def _to_socket(self, packet: bytes) -> None:
        if self._local is None:
            self._local = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._local.settimeout(PATIENCE)
            self._local.connect(self._sink.to)
        self._local.send(packet)

    def _to_datagram(self, packet: bytes, place: str) -> None:
        if self._local is None:
            host, port = _place(place)
            family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._local = socket.socket(family, socket.SOCK_DGRAM)
            self._local.settimeout(PATIENCE)
            self._local.connect(address)
        self._local.send(packet)

    def _to_stream(self, packet: bytes, place: str, *, secure: bool) -> None:
        deadline = Deadline(PATIENCE)
        if self._peer is not None and self._peer.has_ended():
            self.close()
        if self._peer is None:
            host, port = _place(place)
            self._peer = connect_peer(host, port, deadline, _TAKEN)
            if secure:
                self._peer.secure(ssl.create_default_context(cafile=self._sink.ca), host)
        self._peer.begin(deadline, _TAKEN)
        self._peer.sendall(str(len(packet)).encode() + b" " + packet)


def message(event: Mapping[str, Any], sink: SyslogSink, host: str, process: int) -> bytes:
    """Return the message of an event, of `limit` octets at most, in ASCII."""
    level = FACILITIES.index(sink.facility) * 8 + _LEVELS[event["severity"]]
    name = _printable(host, 255)
    head = f"<{level}>1 {event['time']} {name} stopgap {process} {_printable(event['event'], 32)} "
    data = _structured(event, sink.enterprise)
    left = sink.limit - len(head) - len(data) - 1
    return f"{head}{data} {_fitted(event, left)}".encode("ascii")


def _structured(event: Mapping[str, Any], enterprise: int) -> str:
    given = ((key, event.get(key)) for key in _DATA)
    words = "".join(f' {key}="{_escaped(str(value))}"' for key, value in given if value is not None)
    return f"[stopgap@{enterprise}{words}]"


def _escaped(value: str) -> str:
    """Escape as section 6.3.3 wants; what is no ASCII becomes a question mark, the JSON has it."""
    plain = value[:64].encode("ascii", "replace").decode()
    return re.sub(r'(["\\\]])', r"\\\1", plain)


def _printable(value: str, most: int) -> str:
    """Return a header's field: PRINTUSASCII, no space; `-` for none."""
    return re.sub(r"[^!-~]", "_", value)[:most] or "-"


def _fitted(event: Mapping[str, Any], left: int) -> str:
    whole = json.dumps(event, separators=(",", ":"))
    if len(whole) <= left:
        return whole
    base = {key: event[key] for key in _BASE if key in event} | {"truncated": True}
    summary = str(base.pop("summary", ""))
    made = _json(base, summary)
    while len(made) > left and summary:
        summary = summary[: max(0, len(summary) - max(1, (len(made) - left) // 6))]
        made = _json(base, f"{summary}…")
    return made if len(made) <= left else json.dumps({"id": event["id"], "truncated": True})[: max(0, left)]


def _json(base: Mapping[str, Any], summary: str) -> str:
    return json.dumps({**base, "summary": summary}, separators=(",", ":"))


def _place(place: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)
