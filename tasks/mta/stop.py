"""Stopping the mail server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import Field

from stopgap.orchestrator.check import Check, NoListener, Port
from stopgap.orchestrator.duration import Duration, format_duration
from stopgap.orchestrator.facts import MAIL_PORTS
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Gap, Note, Parameters, Planned, Probe, Service, Standing, Task
from stopgap.orchestrator.text import tr
from stopgap.tasks.host import openrc
from stopgap.tasks.host.carriers import FORWARDERS
from stopgap.tasks.host.freeze import Stopped
from stopgap.tasks.host.units import ROOT_PROGRAMS
from stopgap.tasks.mta import contained, dovecot, found, frozen, holding, inetd, revivers
from stopgap.tasks.mta.host_facts import StopMtaFacts, probe
from stopgap.tasks.mta.located import at_place, holders, mail_ports, super_servers
from stopgap.tasks.mta.no_process import NoProcess
from stopgap.tasks.mta.outgoing import outgoing
from stopgap.tasks.mta.seen import seen
from stopgap.tasks.mta.server import ROUTER_DROPS
from stopgap.tasks.mta.servers import servers

SENDERS_GIVE_UP = timedelta(days=4)
"""RFC 5321 section 4.5.4.1: a sender should go on trying for 4 to 5 days."""
ACT_BEFORE = timedelta(hours=72)
"""A day before the first sender gives up."""
PATIENCE = 10.0
"""Seconds; a port can stay open for a moment after the service manager has said that it is stopped."""


class StopMtaParams(Parameters):
    """How mail servers in containers are stopped; every mail server found is."""

    containers: Literal["stop", "freeze"] = Field(
        "stop",
        description="A mail server in a container of docker or podman: `stop` has the runtime stop the container;"
        " `freeze` freezes its control group and asks no runtime, for a runtime that is not to be trusted. Containers"
        " of other runtimes are always frozen.",
    )
    look_again: Duration = Field(
        timedelta(seconds=90),
        ge=timedelta(0),
        le=timedelta(minutes=30),
        description="Where something is found that would start a mail server again: the time until the run looks a"
        " second time, beside the steps that follow; the run ends no sooner. cron looks each minute, a panel each 5.",
    )


class StopMta(Task[StopMtaParams, StopMtaFacts]):
    """Stop the mail server, so that senders queue and retry instead of bouncing.

    The step finds mail servers by the sockets on 25, 465, 587 and 2525, by processes, units, init scripts and queues,
    and stops each where it runs: by its unit, init script or supervisor, its container's runtime or control group, or
    in the settings of its super-server; and keeps each from starting. A program that Stopgap does not know is stopped
    by the unit that owns its socket, or frozen. Of Dovecot, submission alone is closed: readers
    keep IMAP. The queue stays unchanged: no flush, no deletion. A server neither running nor started at boot is left
    alone.
    """

    name = "mta.stop"
    outage = True

    def services_out(self, params: StopMtaParams) -> tuple[Service, ...]:
        """Return mail."""
        return ("mail",)

    def appendix(self) -> Iterator[str]:
        """Yield the names of the mail servers known."""
        yield f"Mail servers: {', '.join(server.name for server in servers())}"

    def root_programs(self) -> frozenset[str]:
        """Return the programs for services, and those of the mail servers."""
        return ROOT_PROGRAMS.union({"pkill"}, openrc.PROGRAMS, *(server.root_programs for server in servers()))

    def probe(self, params: StopMtaParams, scene: Scene) -> Probe:
        """Read services, processes, sockets, containers and queues."""
        return probe(ask_runtimes=params.containers == "stop")

    def plan(self, params: StopMtaParams, facts: StopMtaFacts, scene: Scene) -> Iterator[Planned]:
        """Yield a change for each running or enabled mail server, and a note on the queue."""
        here = seen(facts)
        readers = list(holders(facts.placed, dovecot.NAMES))
        closed = [
            *contained.stop_contained(here.contained, facts, params.containers),
            *inetd.take_out(list(super_servers(facts.placed)), facts.texts.files),
            *(found.note(at_place(process, facts.placed), facts.owners) for process in readers[:1]),
            *dovecot.close_submission(readers, facts.files),
        ]
        held = {unit.name for server in here.present for unit in holding.units_of(server, here.of(server), facts)}
        others = [
            *(found.note(each, facts.owners) for each in here.own if not each.server),
            *(p for each in here.loose if not each.server for p in holding.stop_unknown(each, facts, held)),
            *holding.stop_sockets(facts, held),
        ]
        back = revivers.revivers(here.words(), held, facts, here.kept.values())
        if not (here.present or here.own or here.contained or closed or others):
            yield Note(
                text=tr("no mail server here, as far as Stopgap knows mail servers (`stopgap tasks mta.stop`)")
            )
        yield from revivers.hold(back)
        if back:
            again = format_duration(params.look_again)
            yield Note(text=tr("looked at again {time} after the stop: the run ends no sooner", time=again))
        told_to_stop = any(each.changes for each in here.kept.values())
        stopping = told_to_stop or any(not isinstance(each, Note | Gap) for each in (*closed, *others))
        yield from closed
        for server in here.present:
            mine = here.of(server)
            loose, used = any(each.server is server for each in here.loose), here.in_use(server)
            if stop := holding.stop_known(server, mine, facts, loose=loose, in_use=used):
                stopping = True
                yield stop
            if delivering := frozen.freeze(list(frozen.deliveries(mine)), facts.placed):
                yield delivering
            yield from server.silence(facts.files)
            yield from found.found(server, mine, facts.owners)
            yield from found.queue(server, facts.queues, stopping=told_to_stop or stop is not None)
            yield from (Gap(text=text, at_best=ROUTER_DROPS) for text in server.uncovered)
        yield from others
        yield from outgoing(facts.placed, scene)
        if here.present and facts.system.init in {"sysvinit", "openrc"}:
            yield Gap(
                text=tr("no service can be masked without systemd: whoever starts the mail server by hand succeeds"),
                at_best=ROUTER_DROPS,
            )
        if stopping:
            yield Note(
                text=tr("senders keep mail back and try again; first bounces from {at}", at="{at}"),
                after=SENDERS_GIVE_UP,
            )
            yield Note(
                text=tr("have mail accepted again, here or elsewhere, before {at}", at="{at}"), after=ACT_BEFORE
            )

    def standing(self, params: StopMtaParams, facts: StopMtaFacts, scene: Scene) -> Standing:
        """Return the name of the effect: whether it still is in force is told by the lasting checks."""
        return Standing(key=tr("mail servers stopped"), state="in-force")

    def checks(self, params: StopMtaParams, facts: StopMtaFacts, scene: Scene) -> Iterator[Check]:
        """Look for listeners and processes on the host, and knock from elsewhere.

        Each look is made again at the end of the run, after 90 seconds where something would start a server again.
        """
        here = seen(facts)
        groups = contained.frozen_groups(here.contained, facts, params.containers)
        still = here.stay_frozen(facts)
        open_still = {port for ports in groups.values() for port in ports}
        open_still |= {listener.port for process in still for listener in process.listens}
        if groups:
            open_still |= {port for each in holders(facts.placed, FORWARDERS) for port in mail_ports(each)}
        known = {port for each in here.own if each.server for port in each.ports}
        ports = tuple(sorted({*MAIL_PORTS, *known} - open_still))
        back = revivers.revivers(here.words(), (), facts, here.kept.values())
        again = params.look_again.total_seconds() if back else 0.0
        yield NoListener(ports=ports, patience=PATIENCE, lasting=True, again_after=again)
        yield NoProcess(
            whose=tr("a mail server"),
            programs=tuple(program for server in servers() for program in server.programs),
            commands=tuple(name for server in servers() for name in server.commands),
            spared=tuple(sorted(groups)),
            patience=PATIENCE,
            lasting=True,
            again_after=again,
        )
        if still:
            yield Stopped(
                vantage="target",
                processes=tuple(map(frozen.named, still)),
                patience=PATIENCE,
                lasting=True,
                again_after=again,
            )
        open_before = {port for process in facts.placed.processes for port in mail_ports(process)}
        for port in sorted({25, *open_before} - open_still):
            for address in scene.target.addresses:
                for vantage in ("controller", "outside") if scene.outside else ("controller",):
                    yield Port(
                        vantage=vantage,
                        address=address,
                        port=port,
                        expect="closed",
                        patience=PATIENCE,
                        lasting=True,
                        again_after=again,
                    )
