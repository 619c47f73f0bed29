"""A server on loopback that answers as it is told up to a point, and from there drips, floods or falls silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ssl import PROTOCOL_TLS_SERVER, SSLContext

DRIP = 0.05
"""Seconds between two bytes that drip."""


@dataclass
class Unkind:
    """Where it listens, and whether its client has come as far as the point."""

    port: int
    ca: str = ""
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def unkind_server(
    *said: tuple[str, bytes],
    then: bytes = b"",
    drips: bool = False,
    certified: tuple[str, str] | None = None,
    tls_from: int | None = None,
) -> Iterator[Unkind]:
    """Serve; each of `said` is what to wait for (nothing: `""`) and what to say to it, then `then` without end.

    With `drips`, a byte at a time; without `then`, silence. `certified`: certificate and key, for TLS from the
    `tls_from`th of `said` on.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Unkind(listener.getsockname()[1], certified[0] if certified else "")
        answers = list(said)

        def one(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                for place, (awaited, answer) in enumerate(answers):
                    if certified and place == tls_from:
                        context = SSLContext(PROTOCOL_TLS_SERVER)
                        context.load_cert_chain(*certified)
                        connection = context.wrap_socket(connection, server_side=True)
                    heard = b""
                    while awaited.encode().lower() not in heard.lower():
                        portion = connection.recv(65536)
                        if not portion:
                            return
                        heard += portion
                    connection.sendall(answer)
                made.reached.set()
                while then and not (drips and made.over.wait(DRIP)):
                    connection.sendall(then)
                made.over.wait()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield made
        finally:
            made.over.set()
