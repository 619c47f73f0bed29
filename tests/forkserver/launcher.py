"""Hands its arguments, environment and files to the server, passes signals on, and ends as the fork ends."""

import _signal
import _socket
import os
import sys

connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
connection.connect(sys.argv[0].removesuffix("stopgap") + "socket")
mask = os.umask(0)
os.umask(mask)
words = [str(len(sys.argv)).encode(), str(mask).encode(), *map(os.fsencode, sys.argv)]
words += [name + b"=" + value for name, value in os.environb.items()]
connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, 1 << 20)
files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
connection.sendmsg([b"\0".join(words)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
for number in (1, 2, 15):
    _signal.signal(number, lambda number, _frame: connection.send(bytes([number])))
status = int(connection.recv(16) or b"70")
if status < 0:
    _signal.signal(-status, _signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
