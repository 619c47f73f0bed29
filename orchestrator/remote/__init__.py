"""Connections to hosts: framed exchanges over hardened SSH, or with a shell on this machine."""

from orchestrator.remote.ahead import ConnectAhead
from orchestrator.remote.connect import connect
from orchestrator.remote.handshakes import Handshakes
from orchestrator.remote.limits import Limits
from orchestrator.remote.session import Item, Session, Sink, Unreachable

__all__ = ["ConnectAhead", "Handshakes", "Item", "Limits", "Session", "Sink", "Unreachable", "connect"]
