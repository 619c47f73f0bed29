"""The Traffic Light Protocol, version 2.0 (FIRST): with whom a file may be shared."""

from typing import Literal, TypeAlias

Tlp: TypeAlias = Literal["clear", "green", "amber", "amber+strict", "red"]
