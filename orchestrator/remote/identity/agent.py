"""The operator's agent (ssh-agent(1)): lists the public keys of the agent, and has one of the keys sign.

The agent stays on this machine: no host gets a channel to the agent.
"""

from __future__ import annotations

import socket
from typing import Any

from paramiko import SSHException
from paramiko.agent import AgentKey, AgentSSH

from stopgap.orchestrator.text import tr

SECONDS = 30.0
"""Timeout of one answer: a person may have to touch a key, or to confirm on a desktop."""


class AgentFailedError(SSHException):  # type: ignore[misc]
    """The agent does not answer, or does not sign. The message is for the operator."""


class AgentSession(AgentSSH):  # type: ignore[misc]
    """A connection to the agent, for one login; a context manager."""

    def __init__(self, address: str) -> None:
        """Connect to the Unix socket and list the keys; raises AgentFailedError."""
        super().__init__()
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(SECONDS)
        try:
            connection.connect(address)
            self._connect(connection)
        except (OSError, SSHException) as error:
            connection.close()
            raise AgentFailedError(
                tr("the agent at {address}: {error}", address=address, error=_said(error))
            ) from None

    def keys(self) -> tuple[HeldKey, ...]:
        """Return the keys of the agent, in the agent's order, certificates too."""
        return tuple(HeldKey(self, key.blob, key.comment) for key in self.get_keys())

    def key(self, public: bytes) -> HeldKey | None:
        """Return the key with this public half in wire format; `None` for a key that the agent lacks."""
        return next((key for key in self.keys() if key.blob == public), None)

    def close(self) -> None:
        """Close the connection."""
        self._close()


class HeldKey(AgentKey):  # type: ignore[misc]
    """A key whose private half is in the agent."""

    def __init__(self, agent: AgentSession, blob: bytes, comment: str) -> None:
        """Describe a key of the agent; `blob` is the public half, or a certificate of the public half."""
        super().__init__(agent, blob, comment)
        self.public_blob = getattr(self.inner_key, "public_blob", None)

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> Any:  # noqa: ANN401 - of paramiko
        """Have the agent sign; raises AgentFailedError."""
        try:
            return super().sign_ssh_data(data, algorithm)
        except (OSError, SSHException) as error:
            raise AgentFailedError(
                tr(
                    "the agent does not sign with {comment}: {error}",
                    comment=self.comment or self.get_name(),
                    error=_said(error),
                )
            ) from None


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return tr("no answer within {seconds} s", seconds=f"{SECONDS:g}")
    if isinstance(error, OSError):
        return error.strerror or tr("the connection broke")
    return (
        tr("refused, or the key needs a touch or a confirmation that did not come")
        if "signing" in str(error)
        else str(error)
    )
