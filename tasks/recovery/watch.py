"""service.watch: observation of a restored service over a period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from stopgap.orchestrator.check import Check, Page, Port
from stopgap.orchestrator.duration import Duration
from stopgap.orchestrator.host import CheckVantage, Scene
from stopgap.orchestrator.task import Facts, Gap, Parameters, Planned, Probe, Task, Unlimited
from stopgap.orchestrator.text import tr


class ServiceWatchParams(Parameters):
    """Ports and page to watch, and the duration."""

    open: tuple[int, ...] = Field((), description="TCP ports expected open.")
    closed: tuple[int, ...] = Field((), description="TCP ports expected closed.")
    page: str | None = Field(
        None, pattern=r"^/[!-~]*$", max_length=500, description="Path of a page to request, such as `/`."
    )
    status: int = Field(200, ge=100, le=599, description="Expected HTTP status.")
    contains: str | None = Field(
        None, min_length=1, max_length=200, description="Expected text, absent from the maintenance page."
    )
    duration: Duration = Field(
        timedelta(minutes=10),
        gt=timedelta(0),
        le=timedelta(days=30),
        description="Duration of the watch: all checks must hold.",
    )
    every: Duration = Field(timedelta(seconds=15), ge=timedelta(seconds=1), description="Time between two looks.")
    forgive: Duration = Field(
        timedelta(seconds=10),
        gt=timedelta(0),
        le=timedelta(hours=1),
        description="How long something may fail meanwhile: a lost packet, a restart.",
    )
    seen_from: Literal["outside", "controller"] | None = Field(
        None,
        description="Vantage of the watch. Default: every host marked as outside in the inventory, else the "
        "controller.",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.open or self.closed or self.page):
            raise ValueError(tr("name something to look at: `open`, `closed` or `page`"))
        return self


class ServiceWatchFacts(Facts):
    """No facts."""


class ServiceWatch(Task[ServiceWatchParams, ServiceWatchFacts]):
    """Look on from outside at what the target serves again, and at what it must not.

    Each look goes over the network to all addresses of the target, like a visitor's packets. A failure longer than
    the tolerated time ends the watch, and the step fails.
    """

    name = "service.watch"
    vantages = ("controller",)

    def probe(self, params: ServiceWatchParams, scene: Scene) -> Probe:
        """Nothing."""
        return {}

    def plan(self, params: ServiceWatchParams, facts: ServiceWatchFacts, scene: Scene) -> Iterator[Planned]:
        """Yield no change; yield a gap if only the controller can watch the target."""
        if _eye(params, scene) == "controller" and params.seen_from is None:
            yield Gap(
                text=tr(
                    "No host of the inventory looks at {target} from outside: the controller does",
                    target=scene.target.name,
                ),
                at_best=Unlimited(why=tr("a service that comes back is watched, not cut off")),
            )

    def checks(self, params: ServiceWatchParams, facts: ServiceWatchFacts, scene: Scene) -> Iterator[Check]:
        """Ask and knock at each address."""
        times = {
            "patience": params.forgive.total_seconds(),
            "steady": params.duration.total_seconds(),
            "every": params.every.total_seconds(),
        }
        vantage = _eye(params, scene)
        for address in scene.target.known_addresses:
            if params.page is not None:
                yield Page(
                    vantage=vantage,
                    address=address,
                    path=params.page,
                    status=params.status,
                    contains=params.contains,
                    **times,
                )
            for port in params.open:
                yield Port(vantage=vantage, address=address, port=port, expect="open", **times)
            for port in params.closed:
                yield Port(vantage=vantage, address=address, port=port, expect="closed", **times)


def _eye(params: ServiceWatchParams, scene: Scene) -> CheckVantage:
    return params.seen_from or ("outside" if scene.outside else "controller")
