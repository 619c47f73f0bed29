"""Sender of a datagram and the first packet of a connection to sockets of other hosts, run on the sending host.

Arguments: the token at the start of each datagram, the seconds to hold the connections open, for each socket `KIND
ADDRESS PORT` (KIND is udp4, udp6, tcp4 or tcp6), then `from` and the source addresses to use besides the kernel's
choice. Prints `sent KIND SOURCE` for each sent packet, as far as the host's kernel tells.
"""

import errno
import socket
import sys
import time
from contextlib import suppress

_AGAIN = 0.5
"""Seconds until a datagram is sent once more."""


def _socket(kind: str, source: str, address: str, port: int) -> socket.socket:
    """Return a socket for a destination; raises OSError."""
    family = socket.AF_INET6 if kind.endswith("6") else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM if kind.startswith("udp") else socket.SOCK_STREAM)
    made.setblocking(False)
    if source:
        made.bind((source, 0))
    failed = made.connect_ex((address, port))
    if failed not in (0, errno.EINPROGRESS):
        raise OSError(failed, "cannot send")
    return made


def main() -> None:
    """Send, hold the connections, and send each datagram once more."""
    token, hold, words = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    place = words.index("from")
    sockets = [(words[n], words[n + 1], int(words[n + 2])) for n in range(0, place, 3)]
    open_ones = []
    for kind, address, port in sockets:
        ours = [s for s in words[place + 1 :] if (":" in s) == kind.endswith("6")]
        for source in ["", *ours[:8]]:
            with suppress(OSError):
                made = _socket(kind, source, address, port)
                name = made.getsockname()[0]
                if kind.startswith("udp"):
                    made.send(f"{token} {name}".encode("ascii"))
                open_ones.append((kind, name, made))
                sys.stdout.write(f"sent {kind} {name}\n")
    sys.stdout.flush()
    if not open_ones:
        return
    time.sleep(min(hold, _AGAIN))
    for kind, name, made in open_ones:
        if kind.startswith("udp"):
            with suppress(OSError):
                made.send(f"{token} {name}".encode("ascii"))
    time.sleep(max(0.0, hold - _AGAIN))


if __name__ == "__main__":
    main()
