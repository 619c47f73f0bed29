"""A TCP connection, made within a deadline and set up for short exchanges."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
from ipaddress import ip_address
from typing import Any, TypeAlias

from stopgap.orchestrator.remote.deadline import Deadline

_Candidate: TypeAlias = tuple[socket.AddressFamily, Any]


def connect_tcp(address: str, port: int, deadline: Deadline, silence: float) -> socket.socket:
    """Connect to the first of the address's endpoints that answers.

    Without Nagle's algorithm, and given up by the kernel when the peer acknowledges nothing for `silence` seconds.
    Raises OSError (gaierror for a name that does not resolve), TimeoutError, CancelledError.
    """
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "it has no address")
    for family, endpoint in _resolve(address, port, deadline):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(silence * 1000))
            _establish(connection, endpoint, deadline)
        except TimeoutError:
            connection.close()
            raise
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure


def _establish(connection: socket.socket, endpoint: Any, deadline: Deadline) -> None:  # noqa: ANN401
    connection.setblocking(False)
    status = connection.connect_ex(endpoint)
    if status == errno.EINPROGRESS:
        poll = select.poll()
        poll.register(connection, select.POLLOUT)
        while not poll.poll(deadline.slice() * 1000):
            pass
        status = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if status == errno.ETIMEDOUT:
        raise TimeoutError
    if status:
        raise OSError(status, os.strerror(status))


def _resolve(address: str, port: int, deadline: Deadline) -> list[_Candidate]:
    try:
        ip_address(address.partition("%")[0])
    except ValueError:
        return _resolve_name(address, port, deadline)
    return _candidates(address, port, socket.AI_NUMERICHOST)


def _resolve_name(name: str, port: int, deadline: Deadline) -> list[_Candidate]:
    """Ask the resolver on a thread of its own: getaddrinfo(3) knows no deadline."""
    answer: list[_Candidate] = []
    failure: list[OSError] = []
    done = threading.Event()

    def ask() -> None:
        try:
            answer.extend(_candidates(name, port, 0))
        except OSError as error:
            failure.append(error)
        except UnicodeError:
            failure.append(socket.gaierror(socket.EAI_NONAME, "no such name"))
        finally:
            done.set()

    threading.Thread(target=ask, name=f"resolve {name}", daemon=True).start()
    deadline.wait(done)
    if failure:
        raise failure[0]
    return answer


def _candidates(address: str, port: int, flags: int) -> list[_Candidate]:
    found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, endpoint) for family, _, _, _, endpoint in found]
