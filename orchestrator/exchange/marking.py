"""The words of options: levels of the Traffic Light Protocol 2.0 (FIRST), and forms of events."""

from typing import Literal, TypeAlias

Tlp: TypeAlias = Literal["clear", "green", "amber", "amber+strict", "red"]
Form: TypeAlias = Literal["ocsf", "ecs", "cloudevents"]
