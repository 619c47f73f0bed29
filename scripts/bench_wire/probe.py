"""Packets from the internet to the target every 5 ms, and which of them was the first not to arrive."""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import Self

from lab_hosts import namespaces
from lab_hosts.topology import BY_NAME

EVERY = 0.005
SETTLED = 0.25
"""Seconds without a packet after which it is the cut, and no hiccup."""
PORT = 47011


class Probe:
    """Sends while it is open."""

    def __enter__(self) -> Self:
        with namespaces.entered(BY_NAME["web"]):
            self._in = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._in.bind(("0.0.0.0", PORT))
        self._in.settimeout(EVERY)
        with namespaces.entered(BY_NAME["internet"]):
            self._out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._out.connect((BY_NAME["web"].addresses[0], PORT))
        self._sent: list[float] = []
        self._last = -1
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._receive)]
        for thread in self._threads:
            thread.start()
        while self._last < 0:
            time.sleep(EVERY)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._in.close()
        self._out.close()

    def first_lost(self, until: float) -> float:
        """Wait for the cut; give when the first packet was sent that did not arrive. Raises TimeoutError."""
        while time.monotonic() < until:
            last, sent = self._last, len(self._sent)
            if last + 1 < sent and time.monotonic() - self._sent[last + 1] > SETTLED:
                return self._sent[last + 1]
            time.sleep(EVERY)
        raise TimeoutError

    def _send(self) -> None:
        while not self._over.wait(EVERY):
            self._sent.append(time.monotonic())
            try:
                self._out.send(struct.pack("!I", len(self._sent) - 1))
            except OSError:  # an answer of the router's: it counts as lost
                continue

    def _receive(self) -> None:
        while not self._over.is_set():
            try:
                self._last = struct.unpack("!I", self._in.recv(64))[0]
            except TimeoutError:
                continue
