"""Connections of the controller to untrusted peers: a deadline for each wait, a cap for each answer."""

from stopgap.orchestrator.wire.deadline import CancelledError, Deadline

__all__ = ["CancelledError", "Deadline"]
