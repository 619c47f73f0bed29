"""Watches, from one namespace, what reaches it and what answers it. Commands on standard input, JSON on its output.

`counts`: datagrams and bytes that came since the last such command, by protocol and IP version.
`open NAME ADDRESS PORT`: open a TCP connection, keep it, say whether it came about.
`poke NAME`: send a line on it and say whether anything but an end comes back within two seconds.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections import Counter

DATAGRAMS, STREAM = 4444, 5555

came: Counter[str] = Counter()
kept: dict[str, socket.socket] = {}


def datagrams(family: socket.AddressFamily, name: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as here:
        _bind(here, family, DATAGRAMS)
        while True:
            here.recv(4096)
            came[f"udp{name}"] += 1


def streams(family: socket.AddressFamily, name: str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as here:
        _bind(here, family, STREAM)
        here.listen()
        while True:
            threading.Thread(target=count, args=(here.accept()[0], name), daemon=True).start()


def count(stream: socket.socket, name: str) -> None:
    while data := stream.recv(4096):
        came[f"tcp{name}"] += len(data)


def _bind(here: socket.socket, family: socket.AddressFamily, port: int) -> None:
    here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        here.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    here.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))


def connect(name: str, address: str, port: str) -> bool:
    try:
        kept[name] = socket.create_connection((address, int(port)), 2)
        kept[name].recv(4096)
    except OSError:
        return False
    return True


def poke(name: str) -> bool:
    stream = kept[name]
    try:
        stream.settimeout(2)
        stream.sendall(b"SSH-2.0-observer\r\n")
        return bool(stream.recv(4096))
    except OSError:
        return False


for watch in (datagrams, streams):
    for family, name in ((socket.AF_INET, "4"), (socket.AF_INET6, "6")):
        threading.Thread(target=watch, args=(family, name), daemon=True).start()
time.sleep(0.1)
for line in sys.stdin:
    match line.split():
        case ["counts"]:
            answer: object = dict(came)
            came.clear()
        case ["open", name, address, port]:
            answer = connect(name, address, port)
        case ["poke", name]:
            answer = poke(name)
        case _:
            answer = None
    print(json.dumps(answer), flush=True)
