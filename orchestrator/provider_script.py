"""The dialogue with a provider's own program (`connection: exec`), as the text of one item: JSON in, JSON out.

`docs/drivers.md` specifies the protocol. A shell given such a text by mistake runs no command.
"""

from __future__ import annotations

import json
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from stopgap.orchestrator.hosttext import EscapedLine

PROTOCOL = 1
"""Version of the protocol; a program answers a request of another version with exit status 2."""
LONGEST = 1 << 20
"""Most bytes of an answer."""
_FIRST_LINE = "exit 69 # for a provider's program, not for a shell\n"

Operation: TypeAlias = Literal["probe", "plan", "apply", "status", "undo"]
Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class ProviderPort(_Part):
    """A service of the blocked addresses."""

    protocol: Literal["tcp", "udp"]
    port: int = Field(ge=1, le=65535)


class ProviderBlock(_Part):
    """The wanted block."""

    addresses: tuple[Network, ...] = Field(description="Addresses to drop the packets of.")
    allowed: tuple[Network, ...] = Field((), description="Networks that still reach the addresses.")
    directions: tuple[Literal["from", "to"], ...] = Field(
        ("from", "to"), description="Packets to drop, seen from the addresses."
    )
    services: tuple[ProviderPort, ...] = Field((), description="Services that stay open to everybody.")
    ports: tuple[ProviderPort, ...] = Field((), description="Drop at these ports alone; empty: all packets.")
    seconds: int = Field(ge=1, description="Time until the end of the block, for a provider that ends it itself.")


class ProviderTarget(_Part):
    """The host to block, by the inventory."""

    name: str
    addresses: tuple[Address, ...] = ()
    guest: str | None = Field(None, description="The host's `guest` in the inventory: its id at the provider.")


class ProviderRequest(_Part):
    """What a program reads on standard input: one JSON object, then the end."""

    stopgap: Literal[1] = Field(1, description="Version of the protocol.")
    op: Operation
    label: str = Field(description="Name of the block, `[a-z0-9_-]`: the same for all requests of one block.")
    deadline: int = Field(ge=1, description="Seconds until the program is killed, with its process group.")
    target: ProviderTarget
    block: ProviderBlock
    before: Any = Field(None, description="With apply and undo: the snapshot of plan.")
    wanted: Any = Field(None, description="With apply, status and undo: the snapshot that plan wants.")
    force: bool = Field(False, description="With undo: go back to `before` from any state, not from `wanted` alone.")

    def __hash__(self) -> int:
        """Return a hash of the whole request; snapshots are any JSON, and have none of their own."""
        return hash(self.model_dump_json())


class ProviderCapabilities(_Part):
    """What the provider can do; what is false lowers the verdict, or refuses what was asked."""

    directions: tuple[Literal["from", "to"], ...] = ("from", "to")
    one_way: bool = Field(False, description="A single direction can be dropped.")
    ipv6: bool = True
    established: bool = Field(False, description="Flows from before the block die too.")
    expiry: Literal["device", "none"] = Field("none", description="`device`: the provider itself ends the block.")
    exception: bool = Field(False, description="`allowed` still gets through.")
    answers_alone: bool = Field(
        False, description="`allowed` gets answers from the host, and the host opens no connection to `allowed`."
    )
    services: bool = Field(False, description="`services` and `ports` are known.")
    by_port: bool = Field(False, description="All frames of the host's own port are dropped, neighbours' too.")


class ProviderId(_Part):
    """What the block changes at the provider: an interface, a port, a server."""

    id: EscapedLine
    addresses: tuple[Address, ...] = Field((), description="Every address that goes by it.")
    owner: EscapedLine = Field("", description="Name of the server that it belongs to.")
    shared: bool = Field(False, description="Other servers go by it, too.")


class ProbeAnswer(_Part):
    """The answer to probe, which writes nothing."""

    driver: EscapedLine = Field(min_length=1, max_length=64)
    version: EscapedLine = Field("", max_length=64)
    capabilities: ProviderCapabilities = ProviderCapabilities()
    ids: tuple[ProviderId, ...] = Field(description="What the block would change; none: the host is not known.")


class ProviderGap(_Part):
    """What the block leaves open."""

    text: EscapedLine = Field(min_length=1, max_length=400)
    at_best: Literal["partly", "unverified"] | None = Field(description="The best verdict with it; null: any.")


class PlanAnswer(_Part):
    """The answer to plan, which writes nothing."""

    before: Any = Field(description="Snapshot of all that the block changes, the same each time that it is the same.")
    wanted: Any = Field(description="The same snapshot once the block is made.")
    diff: tuple[EscapedLine, ...] = Field((), max_length=2000, description="From before to wanted, for a person.")
    gaps: tuple[ProviderGap, ...] = Field((), max_length=50)
    notes: tuple[EscapedLine, ...] = Field((), max_length=50)


class StatusAnswer(_Part):
    """The answer to status, which writes nothing."""

    state: Any = Field(description="The snapshot as it is now.")
    pending: bool = Field(False, description="A change is accepted, and not in force everywhere yet.")
    until: datetime | None = Field(None, description="When the provider itself ends the block, with time zone.")
    dropped: int | None = Field(None, ge=0, description="Packets dropped so far, where the provider counts them.")


class DoneAnswer(_Part):
    """The answer to apply and to undo."""

    state: Any = Field(description="The snapshot as it is now.")
    pending: bool = False


def schema_driver() -> dict[str, Any]:
    """Return the JSON Schema of requests and answers: the names of `$defs` are those of docs/drivers.md."""
    from pydantic.json_schema import models_json_schema  # noqa: PLC0415

    parts: tuple[type[BaseModel], ...] = (ProviderRequest, ProbeAnswer, PlanAnswer, StatusAnswer, DoneAnswer)
    _, schema = models_json_schema(
        [(part, "validation") for part in parts], title="Stopgap driver protocol, version 1"
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


class Ask(_Part):
    """One request without effects: probe and plan together, or status."""

    kind: Literal["ask"] = "ask"
    operations: tuple[Literal["probe", "plan", "status"], ...]
    request: ProviderRequest


class Alter(_Part):
    """From the snapshot `before` to `wanted`, or back."""

    kind: Literal["alter"] = "alter"
    request: ProviderRequest
    sure: bool = True
    """With undo: what apply has made is known to be `wanted`; otherwise any other state is taken back."""
    force: bool = False
    """With undo: any other state is taken back, too."""


_DIALOGUE: TypeAdapter[Ask | Alter] = TypeAdapter(Ask | Alter, config=ConfigDict(defer_build=True))


def to_provider_text(dialogue: Ask | Alter) -> str:
    """Return the text of an item."""
    return _FIRST_LINE + dialogue.model_dump_json()


def from_provider_text(text: str) -> Ask | Alter | None:
    """Parse the text of an item; `None` for any other text."""
    if not text.startswith(_FIRST_LINE):
        return None
    try:
        return _DIALOGUE.validate_json(text.removeprefix(_FIRST_LINE))
    except ValidationError:
        return None


def canonical(snapshot: Any) -> str:  # noqa: ANN401
    """Return a snapshot as text, equal for equal snapshots whatever the order of keys.

    >>> canonical({"b": 1, "a": [2]}) == canonical({"a": [2], "b": 1})
    True
    """
    return json.dumps(snapshot, sort_keys=True, separators=(",", ":"))
