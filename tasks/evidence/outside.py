"""Port probes from outside: another host connects to the target's own addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import AfterValidator, Field

from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.host import Address, Scene
from stopgap.orchestrator.shell import quote
from stopgap.orchestrator.source import Unfit, quoted
from stopgap.orchestrator.task import Artifact, Collection, Facts, Gap, Parameters, Planned, Probe, Task, Unlimited
from stopgap.orchestrator.text import tr

NONE = "none"
ABOARD = 400
"""Maximum of parallel connections."""
SILENT = 1000
"""Number of silent ports, from the first port on, before an address counts as unreachable."""
_SLACK = 30.0
"""Seconds in addition to the time of the connections."""
_NEEDS = "command -v python3 >/dev/null || { echo 'not installed: python3' >&2; exit 127; }\n"
_RANGE = re.compile(r"([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?")


def _sound(ports: str) -> str:
    for word in ports.split(",") if ports != NONE else ():
        found = _RANGE.fullmatch(word)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 0 < first <= last <= 65535:
            raise Unfit(
                tr("{word} is no port, and no range of ports", word=quoted(word)),
                tr("such as 22 or 1-1024, of 1 to 65535"),
            )
    return ports


class OutsideParams(Parameters):
    """Ports to probe, and the rate of probes."""

    ports: Annotated[str, Field(max_length=2000), AfterValidator(_sound)] = Field(
        "1-65535",
        description="TCP ports and ranges of ports, separated by commas; `none`: no port.",
        examples=["1-1024,8080,31337"],
    )
    rate: int = Field(5000, ge=1, le=20000, description="Connections a second at most.")
    patience: Duration = Field(
        timedelta(seconds=1),
        ge=timedelta(milliseconds=100),
        le=timedelta(seconds=10),
        description="Timeout of a connection to a port.",
    )


class OutsideFacts(Facts):
    """Nothing has to be known before."""


class Outside(Task[OutsideParams, OutsideFacts]):
    """Try the target's TCP ports from another host, so that one which it hides shows.

    Probes connect only to the target's addresses in the inventory. A successful connection carries no data and is
    closed at once. Probes come from the upstream router, or with `on: controller` from the controller. An open port
    missing from the target's own list of listeners (evidence.collect, profile `volatile`, same run) becomes the
    finding `hidden-port-outside`.

    A port without an answer is `silent`, never `closed`: a firewall on the target or on a router between, such as
    `traffic.block`, may drop the probe. If the first 1000 ports are silent, the address counts as unreachable, and
    the probe stops. Services on the target log the connections. UDP is not probed. The probing host needs python3.
    The probe pauses while the host's connection table (nf_conntrack) is more than half full.
    """

    name = "evidence.outside"
    collects = True
    vantages = ("upstream", "controller")

    def probe(self, params: OutsideParams, scene: Scene) -> Probe:
        """Read nothing."""
        return {}

    def plan(self, params: OutsideParams, facts: OutsideFacts, scene: Scene) -> Iterator[Planned]:
        """Yield one artifact; yield a gap if no host can probe the target."""
        target, on = scene.target, scene.on
        addresses = tuple(dict.fromkeys(target.known_addresses))
        if params.ports == NONE:
            return
        if on.cli is not None:
            yield _untried(tr("{host} has no shell; `on: controller` tries from here.", host=on.name))
        elif not addresses:
            yield _untried(tr("the inventory gives no `addresses` of {target}.", target=target.name))
        elif target.connection == "local" and on.connection == "local":
            yield _untried(tr("{target} is this machine itself.", target=target.name))
        else:
            artifact = _artifact(params, addresses)
            yield Collection(profile="outside", artifacts=(artifact,), deadline=artifact.deadline + _SLACK)


def _untried(why: str) -> Gap:
    return Gap(
        text=tr("Ports not tried from outside: {why}", why=why),
        at_best=Unlimited(why=tr("the block knocks by itself")),
    )


@cache
def _program() -> str:
    return (files("stopgap.tasks.evidence") / "port_probe.py").read_text("utf-8")


def _artifact(params: OutsideParams, addresses: tuple[Address, ...]) -> Artifact:
    spans = (word.partition("-") for word in params.ports.split(","))
    count = sum(int(last or first) - int(first) + 1 for first, _, last in spans) * len(addresses)
    numbers = f"{params.rate} {params.patience.total_seconds():g} {ABOARD} {SILENT}"
    program = f"python3 -B -I -S -c {quote(_program())} {numbers} {quote(params.ports)}"
    return Artifact(
        id="outside-ports",
        about="TCP ports of the target that answer another host.",
        script=f"{_NEEDS}exec {program} {' '.join(quote(str(address)) for address in addresses)}",
        deadline=count / min(params.rate, ABOARD / params.patience.total_seconds()) + _SLACK,
        cap=4 << 20,
    )
