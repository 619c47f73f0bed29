"""A requirement of a containment, with the state found tonight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Subject: TypeAlias = Literal["login", "key", "clock", "router", "cut", "vantage", "page", "port", "mail", "room"]
State: TypeAlias = Literal["ready", "told", "lacks"]
"""`told`: a containment goes on without it, and says so; nothing that somebody has to do tonight."""


@dataclass(frozen=True)
class Item:
    """One line of `stopgap ready`."""

    host: str
    """The host that the line is about, or `controller`."""
    subject: Subject
    state: State
    text: str
    """What is there, or what is lacking and what to do."""
