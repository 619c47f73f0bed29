"""Connections of this machine to peers that nobody vouches for: each wait has a deadline, each answer a cap."""

from stopgap.orchestrator.wire.deadline import CancelledError, Deadline

__all__ = ["CancelledError", "Deadline"]
