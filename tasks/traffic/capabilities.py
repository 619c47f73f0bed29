"""Capabilities of a driver, stated as data."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

Way: TypeAlias = Literal["from", "to"]
"""A packet's direction, seen from the blocked address."""


class Capabilities(BaseModel):
    """Capabilities of a driver; each claim holds on the device."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    where: Literal["device", "provider"] = "device"
    """Who drops: the device, or the provider above it, whom what crosses the device alone never meets."""
    directions: tuple[Way, ...] = ("from", "to")
    one_way: bool = False
    """It can drop in one of its directions alone."""
    ipv6: bool = True
    established: bool = True
    """Flows from before the block die too."""
    expiry: Literal["device", "scheduled", "none"] = "none"
    """Who ends the block: the device's own clockwork, an undo scheduled on it, or nobody but `undo`."""
    exception: bool = False
    """Those in `allow`, and the operator, still get through."""
    answers_alone: bool = False
    """Who is let through gets answers from the blocked addresses, and is never connected to from there."""
    local: bool = False
    """What the device itself exchanges with the blocked addresses is dropped too."""
    cards: bool = False
    """What the blocked host's network card sends is dropped too, by whatever address."""
    after_nat: bool = False
    """What leaves the device as a blocked address is dropped after source NAT, whichever host has sent it."""
    bridged: bool = False
    """What a bridge of the device hands on meets the drops, where the kernel shows it to the IP rules."""
    divert: bool = False
    """Web traffic can go to a spare."""
    services: bool = False
    """Single services can stay open (`allow_services`), or single ports alone be blocked (`ports`)."""
    commit_confirm: bool = False
    """The device takes the block back by itself unless a fresh connection confirms it: by a commit of its own, or
    by an undo that is scheduled there first."""
    persist: bool = False
    """The block can be made to survive a reboot of the device."""
    log: bool = False
    """Dropped packets can be logged, at a limited rate."""
    trusted: bool = True
    """The device is not the broken-into host itself."""
    less: str = ""
    """What it cannot do where the device lacks something that is not always there."""

    def describe(self) -> str:
        """Return the capabilities in one line."""
        has = {
            "IPv6": self.ipv6,
            "established flows": self.established,
            "allow": self.exception,
            "answers alone": self.answers_alone,
            "local traffic": self.local,
            "network card": self.cards,
            "after NAT": self.after_nat,
            "divert": self.divert,
            "services": self.services,
            "commit-confirm": self.commit_confirm,
            "persist": self.persist,
            "log": self.log,
        }
        ways = "both ways" if len(self.directions) == 2 else f"packets {self.directions[0]} it alone"
        ways += ", at the provider" if self.where == "provider" else ""
        expiry = {"device": "expires in the device", "scheduled": "expires by a scheduled undo", "none": ""}
        lacks = [name for name, there in has.items() if not there] + (["expiry"] if self.expiry == "none" else [])
        parts = [ways, *(name for name, there in has.items() if there), expiry[self.expiry]]
        text = ", ".join(part for part in parts if part)
        text += f"; no {', no '.join(lacks)}" if lacks else ""
        text += f"; {self.less}" if self.less else ""
        return text if self.trusted else f"{text}; not to be trusted"
