"""Stopping the mail server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from stopgap.orchestrator.check import Check, NoListener, Port
from stopgap.orchestrator.duration import Duration, format_duration
from stopgap.orchestrator.facts import MAIL_PORTS
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Gap, Note, Parameters, Planned, Probe, Service, Standing, Task
from stopgap.orchestrator.text import tr, trn
from stopgap.tasks.host.units import ROOT_PROGRAMS
from stopgap.tasks.mta import contained, dovecot, holding, inetd, revivers
from stopgap.tasks.mta.host_facts import StopMtaFacts, probe
from stopgap.tasks.mta.located import FORWARDERS, SUPER_SERVERS, Located, holders, located, mail_ports
from stopgap.tasks.mta.no_process import NoProcess
from stopgap.tasks.mta.outgoing import outgoing
from stopgap.tasks.mta.server import ROUTER_DROPS, MailServer, Queue
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
    and stops each where it runs: by its unit or init script, its container's runtime or control group, or in the
    settings of its super-server; and keeps each from starting. A program that Stopgap does not know is stopped by the
    unit that owns its socket, or named. Dovecot's submission is closed alone: readers keep IMAP. The queue stays
    unchanged: no flush, no deletion. A server neither running nor started at boot is left alone.
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
        return ROOT_PROGRAMS.union({"pkill"}, *(server.root_programs for server in servers()))

    def probe(self, params: StopMtaParams, scene: Scene) -> Probe:
        """Read services, processes, sockets, containers and queues."""
        return probe(ask_runtimes=params.containers == "stop")

    def plan(self, params: StopMtaParams, facts: StopMtaFacts, scene: Scene) -> Iterator[Planned]:
        """Yield a change for each running or enabled mail server, and a note on the queue."""
        running = located(facts.placed)
        own = [each for each in running if not each.place.container]
        present = [server for server in servers() if holding.is_present(server, _of(server, own), facts)]
        closed = [
            *contained.stop_contained([each for each in running if each.place.container], facts, params.containers),
            *inetd.take_out(list(holders(facts.placed, SUPER_SERVERS)), facts.files),
            *dovecot.close_submission(list(holders(facts.placed, dovecot.NAMES)), facts.files),
        ]
        held = {unit.name for server in present for unit in holding.units_of(server, _of(server, own), facts)}
        others = [
            *(found for each in own if not each.server for found in holding.stop_unknown(each, facts, held)),
            *holding.stop_sockets(facts, held),
        ]
        back = revivers.revivers(_words(present, own), held, facts)
        if not present and not running and not closed and not others:
            yield Note(
                text=tr("no mail server here, as far as Stopgap knows mail servers (`stopgap tasks mta.stop`)")
            )
        yield from revivers.hold(back)
        if back:
            again = format_duration(params.look_again)
            yield Note(text=tr("looked at again {time} after the stop: the run ends no sooner", time=again))
        stopping = any(not isinstance(each, Note | Gap) for each in (*closed, *others))
        yield from closed
        for server in present:
            if stop := holding.stop_known(server, _of(server, own), facts):
                stopping = True
                yield stop
            yield from server.silence(facts.files)
            yield from _found(_of(server, own))
            yield from _queue(server, facts, stopping=stop is not None)
            yield from (Gap(text=text, at_best=ROUTER_DROPS) for text in server.uncovered)
        yield from others
        yield from outgoing(facts.placed, scene)
        if present and facts.system.init == "sysvinit":
            yield Gap(
                text=tr("no service can be masked without systemd: whoever starts the mail server by hand succeeds"),
                at_best=ROUTER_DROPS,
            )
        if stopping:
            yield Note(
                text=tr("senders keep mail back and try again; the first give up from {at}", at="{at}"),
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
        running = located(facts.placed)
        frozen = contained.frozen_groups([each for each in running if each.place.container], facts, params.containers)
        open_still = {port for ports in frozen.values() for port in ports}
        if frozen:
            open_still |= {port for each in holders(facts.placed, FORWARDERS) for port in mail_ports(each)}
        found = {port for each in running if each.server and not each.place.container for port in each.ports}
        ports = tuple(sorted({*MAIL_PORTS, *found} - open_still))
        present = [server for server in servers() if holding.is_present(server, _of(server, running), facts)]
        again = params.look_again.total_seconds() if revivers.revivers(_words(present, running), (), facts) else 0.0
        yield NoListener(ports=ports, patience=PATIENCE, lasting=True, again_after=again)
        yield NoProcess(
            whose=tr("a mail server"),
            programs=tuple(program for server in servers() for program in server.programs),
            commands=tuple(name for server in servers() for name in server.commands),
            spared=tuple(sorted(frozen)),
            patience=PATIENCE,
            lasting=True,
            again_after=again,
        )
        seen = {port for process in facts.placed.processes for port in mail_ports(process)}
        for port in sorted({25, *seen} - open_still):
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


def _of(server: MailServer[Any, Any], running: Sequence[Located]) -> list[Located]:
    return [each for each in running if each.server is server]


def _words(present: Sequence[MailServer[Any, Any]], running: Sequence[Located]) -> set[str]:
    """Return the names by which settings mention the mail servers here."""
    words = {name for server in present for name in (server.key, *server.scripts, *server.commands, *server.binaries)}
    words |= {each.place.unit.removesuffix(".service") for each in running if each.place.unit and not each.server}
    return words - {"master", "pickup", "qmgr", ""}


def _found(running: Sequence[Located]) -> Iterator[Note]:
    """Yield a note on each running mail server: role, program and unit."""
    for each in running:
        if each.ports or each.place.unit:
            first = each.processes[0]
            where = tr(", in {unit}", unit=each.place.unit) if each.place.unit else ""
            yield Note(
                text=tr(
                    "found: {server}, {role} ({exe}{where})",
                    server=each.name,
                    role=each.role,
                    exe=first.exe or first.name,
                    where=where,
                )
            )


def _queue(server: MailServer[Any, Any], facts: StopMtaFacts, *, stopping: bool) -> Iterator[Note]:
    if not server.queues:
        return
    queue: Queue | None = server.queued(facts.queues[server.key]) if server.key in facts.queues else None
    if queue is None:
        yield Note(text=tr("{server}'s queue could not be listed; it is left as it lies", server=server.name))
        return
    least = "" if queue.whole else tr("at least ")
    oldest = tr(", the oldest {oldest}", oldest=queue.oldest) if queue.oldest else ""
    messages = trn("1 message stays", "{count} messages stay", queue.messages)
    yield Note(
        text=tr(
            "{server}: {least}{messages} queued{oldest}",
            server=server.name,
            least=least,
            messages=messages,
            oldest=oldest,
        ),
        figure=("messages-held", queue.messages),
    )
    if stopping and queue.messages:
        yield Note(
            text=tr(
                "before an undo, look at the queue for the intruder's mail: {show_queue}",
                show_queue=server.show_queue,
            )
        )
