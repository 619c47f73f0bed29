"""The sink of syslog: each message reaches a real collector whole, and a stranger gets none."""

from __future__ import annotations

import itertools
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest

from stopgap.orchestrator.sinks.config import SyslogSink
from stopgap.orchestrator.sinks.syslog import message
from tests.unit.letterbox import certificate
from tests.unit.story import FOUND, hostile_records

from .sink_stories import PATIENCE, deliver, left, stream, told

SYSLOG = re.compile(
    r"<(\d+)>1 (\S+) (\S+) stopgap (\d+) (\S+) (\[stopgap@32473(?: [a-z]+=\"(?:[^\"\\\]]|\\.)*\")*\]) (.*)"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir(mode=0o700)
    return tmp_path / "home"


@pytest.mark.parametrize("way", ["tcp", "udp", "socket", "tls"])
def test_a_syslog_message_reaches_the_collector_whole(home: Path, tmp_path: Path, way: str) -> None:
    kind = socket.SOCK_STREAM if way in {"tcp", "tls"} else socket.SOCK_DGRAM
    with socket.socket(socket.AF_UNIX if way == "socket" else socket.AF_INET, kind) as server:
        server.settimeout(PATIENCE)
        server.bind(str(tmp_path / "log") if way == "socket" else ("127.0.0.1", 0))
        to = str(tmp_path / "log") if way == "socket" else f"{way}:127.0.0.1:{server.getsockname()[1]}"
        run = told(home, FOUND)
        if way in {"tcp", "tls"}:
            server.listen()
            ca, context = collector_of(tmp_path) if way == "tls" else ("", None)
            with ThreadPoolExecutor(1) as reader:
                reading = reader.submit(frames, server, context)
                sink = f"kind: syslog, to: '{to}', facility: local4" + (f", ca: '{ca}'" if ca else "")
                assert deliver(home, run, f"{{siem: {{{sink}}}}}") == []
                packets = reading.result()
        else:
            assert deliver(home, run, f"{{siem: {{kind: syslog, to: '{to}', facility: local4}}}}") == []
            packets = [server.recv(65536).decode() for _ in stream(home)]
    read = [SYSLOG.fullmatch(packet) for packet in packets]
    assert all(read)
    assert [json.loads(each[7]) for each in read if each] == stream(home)
    levels = [int(each[1]) - 20 * 8 for each in read if each]
    assert levels == [6, 2, 5, 2]


def test_a_collector_that_no_known_authority_vouches_for_gets_nothing(home: Path, tmp_path: Path) -> None:
    run = told(home, FOUND)
    _, context = collector_of(tmp_path)
    (tmp_path / "other").mkdir()
    stranger, _ = certificate(tmp_path / "other")
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as reader:
        server.settimeout(PATIENCE)
        reading = reader.submit(refused, server, context)
        to = f"tls:127.0.0.1:{server.getsockname()[1]}"
        (said,) = deliver(home, run, f"{{siem: {{kind: syslog, to: '{to}', ca: '{stranger}'}}}}")
        server.shutdown(socket.SHUT_RDWR)
        assert reading.result() >= 1
    assert "certificate verify failed" in said
    assert left(home) != []


def refused(server: socket.socket, context: SSLContext) -> int:
    """Count the senders that end the handshake, until the server is shut; one tries again before it gives up."""
    for count in itertools.count():
        try:
            connection, _ = server.accept()
        except OSError:
            return count
        connection.settimeout(PATIENCE)
        with connection, pytest.raises(OSError):
            context.wrap_socket(connection, server_side=True)
    raise AssertionError


def collector_of(folder: Path) -> tuple[str, SSLContext]:
    """Return the certificate of a collector on 127.0.0.1, which vouches for itself, and its side of TLS."""
    cert, key = certificate(folder)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def frames(server: socket.socket, context: SSLContext | None = None) -> list[str]:
    """Read the frames of one connection, octets counted (RFC 6587, 3.4.1), in TLS (RFC 5425) with a context."""
    connection, _ = server.accept()
    connection.settimeout(PATIENCE)
    if context:
        connection = context.wrap_socket(connection, server_side=True)
    with connection, connection.makefile("rb") as incoming:
        found = []
        while length := b"".join(iter(lambda: incoming.read(1).strip(), b"")):
            found.append(incoming.read(int(length)).decode())
    return found


def test_a_syslog_message_that_is_too_long_stays_json_within_the_limit(home: Path) -> None:
    first, hostile = hostile_records('\x1b[31m"]\\ 日本語' * 200)
    told(home, *hostile, first=first)
    sink = SyslogSink(kind="syslog", limit=480)
    for event in stream(home):
        packet = message({**event, "host": 'a"]\\\n日' * 20}, sink, "n o", 7)
        assert len(packet) <= 480
        read = SYSLOG.fullmatch(packet.decode("ascii"))
        assert read
        assert json.loads(read[7])["id"] == event["id"]
