"""Connections to hosts: framed exchanges over hardened SSH, or with a shell on the controller."""

from stopgap.orchestrator.remote.ahead import ConnectAhead
from stopgap.orchestrator.remote.connect import connect, recognise_command_line, spoken_to_by
from stopgap.orchestrator.remote.handshakes import Handshakes
from stopgap.orchestrator.remote.limits import Limits
from stopgap.orchestrator.remote.session import Item, Session, Sink, Unreachable

__all__ = [
    "ConnectAhead",
    "Handshakes",
    "Item",
    "Limits",
    "Session",
    "Sink",
    "Unreachable",
    "connect",
    "recognise_command_line",
    "spoken_to_by",
]
