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
    """Place of the drop: the device, or the provider upstream; traffic across the device alone never reaches the
    provider.
    """
    directions: tuple[Way, ...] = ("from", "to")
    one_way: bool = False
    """True if the driver can drop a single direction."""
    ipv6: bool = True
    established: bool = True
    """Flows from before the block die too."""
    expiry: Literal["device", "scheduled", "none"] = "none"
    """Expiry of the block: by the device itself, by an undo scheduled on the device, or only by `undo`."""
    exception: bool = False
    """Addresses in `allow`, and the operator, still get through."""
    answers_alone: bool = False
    """Allowed addresses get answers from the blocked addresses, but no new connections."""
    local: bool = False
    """Packets between the device itself and the blocked addresses are dropped too."""
    cards: bool = False
    """Frames of the blocked host's network card are dropped too, for any IP address."""
    after_nat: bool = False
    """Packets leaving with a blocked source address are dropped after source NAT, from any host."""
    by_port: bool = False
    """All frames of the blocked host are dropped at the host's own port: any address, and neighbours on the segment.
    """
    bridged: bool = False
    """Packets forwarded by a bridge of the device meet the drops, if the kernel shows bridged packets to the IP
    rules.
    """
    divert: bool = False
    """Web traffic can go to a spare."""
    services: bool = False
    """Single services can stay open (`allow_services`), or single ports alone be blocked (`ports`)."""
    commit_confirm: bool = False
    """The device reverts the block unless a new connection confirms: by a commit timer, or by an undo scheduled
    first.
    """
    persist: bool = False
    """The block can be made to survive a reboot of the device."""
    log: bool = False
    """Dropped packets can be logged, at a limited rate."""
    trusted: bool = True
    """True if the device is not the compromised host."""
    less: str = ""
    """Limitations on a device without an optional program."""

    def describe(self) -> str:
        """Return the capabilities in one line."""
        has = {
            "IPv6": self.ipv6,
            "established flows": self.established,
            "allow": self.exception,
            "answers alone": self.answers_alone,
            "local traffic": self.local,
            "network card": self.cards,
            **({"own port": True, "neighbours": True} if self.by_port else {}),
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
