"""Where the agent listens."""

from __future__ import annotations

import os
from collections.abc import Mapping

SOCKET = "agent.sock"
LONGEST = 107
"""Bytes of a socket's path (unix(7): sun_path has 108, with the zero at its end)."""


def address(environ: Mapping[str, str]) -> str:
    """Return the path of the agent's socket, in the state folder (`stopgap.orchestrator.journal.state_home`).

    Text alone, as pathlib takes longer to import than the agent takes to answer.

    >>> address({"STOPGAP_HOME": "/srv/stopgap"})
    '/srv/stopgap/agent.sock'
    >>> address({"XDG_STATE_HOME": "/var/state"})
    '/var/state/stopgap/agent.sock'
    """
    state = environ.get("XDG_STATE_HOME", "")
    home = os.path.join(state if os.path.isabs(state) else os.path.expanduser("~/.local/state"), "stopgap")  # noqa: PTH111, PTH117, PTH118
    if chosen := environ.get("STOPGAP_HOME"):
        home = os.path.abspath(os.path.expanduser(chosen))  # noqa: PTH100, PTH111
    return os.path.join(home, SOCKET)  # noqa: PTH118


def socket_of_agent(environ: Mapping[str, str]) -> str | None:
    """Return the path of the agent's socket if this account has made the socket, else None."""
    path = address(environ)
    try:
        return path if os.lstat(path).st_uid == os.geteuid() else None
    except OSError:
        return None
