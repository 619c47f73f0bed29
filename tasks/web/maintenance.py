"""apache.maintenance: the maintenance page shown to visitors while a host is out of service."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.change import (
    Activate,
    Command,
    PathChange,
    RunCommands,
    command,
    make_directory,
    write_file,
)
from stopgap.orchestrator.check import Check, Page, Port
from stopgap.orchestrator.facts import ProgramFact
from stopgap.orchestrator.host import Address, CheckVantage, Host, Scene
from stopgap.orchestrator.task import Gap, Note, Planned, Probe, Task, Unlimited, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.host import units
from stopgap.tasks.host.units import ROOT_PROGRAMS
from stopgap.tasks.web import layout
from stopgap.tasks.web.layout import Facts, Layout
from stopgap.tasks.web.page import FOLDER, Pages, configuration, pages
from stopgap.tasks.web.params import Params

PACKAGES = ("apache2", "apache2-bin", "apache2-data", "apache2-utils")
"""Debian's: the one to install, and those that it brings for itself alone."""
_PAGE_ALONE = Unlimited(why=tr("which page visitors see changes nothing of what the block drops"))


class ApacheMaintenance(Task[Params, Facts]):
    """Show visitors a maintenance page, instead of what the host would answer or an error of their browser's.

    On the spare by default, out of the intruder's reach; on the target with `on: target`. Needs Apache 2.4.19 or
    newer in Debian's or Red Hat's layout, stopped or running; systemd, or any init system with service(8). The
    configuration is tested before Apache reloads; after a failed test, the previous configuration is restored. A
    changed page with an unchanged configuration needs no reload. With `install`, a spare without Apache gets the
    package first, within the step's `timeout`.
    """

    name = "apache.maintenance"
    vantages = ("spare", "target")

    def root_programs(self) -> frozenset[str]:
        """Return the programs for services."""
        return ROOT_PROGRAMS

    def probe(self, params: Params, scene: Scene) -> Probe:
        """Return readers for the files of each layout, the service, and the configuration test."""
        return layout.probe()

    def plan(self, params: Params, facts: Facts, scene: Scene) -> Iterator[Planned]:
        """Yield changes for pages and configuration, then the reload; start Apache if stopped."""
        installs = params.install and _on_spare(scene) and layout.layout_of(facts) is None
        if installs:
            yield _install(facts, scene.on)
            facts = layout.freshly_installed(facts)
        apache = _apache(facts, scene.on)
        running = _running(apache, facts, scene.on)
        if params.error_document_url is None:
            yield from _write(pages(params), facts)
        configured = [
            c for c in apache.configure(configuration(params), facts, tls=params.certificate is not None) if c
        ]
        yield from configured
        if installs:
            yield RunCommands(
                about=tr("have {service} take up the page", service=apache.service),
                do=(command(*apache.test), _service(apache, facts, "reload-or-restart")),
                undo=(),
                undo_about=tr("nothing: its packages go"),
            )
        elif not running:
            yield from _start(apache, facts)
        elif configured:
            yield _take_up(apache, facts, scene)
        yield from _words(params, apache, facts, scene, running=running)

    def checks(self, params: Params, facts: Facts, scene: Scene) -> Iterator[Check]:
        """Yield requests for the page at the visitors' addresses from outside; on the spare, from the controller
        too.
        """
        revision = pages(params).revision
        path, status, contains = "/", 503, revision
        if params.mode == "letter":
            path, status = "/nothing-is-here", 404
        if params.error_document_url is not None:
            status, contains = 302, params.error_document_url
        own = scene.on.known_addresses
        looks: list[tuple[CheckVantage, tuple[Address, ...]]] = []
        if scene.outside and params.visitors != "none":
            looks.append(("outside", own if params.visitors == "own" else scene.target.known_addresses))
        if _on_spare(scene) or not looks:
            looks.append(("controller", own))
        for vantage, addresses in looks:
            for address in addresses:
                yield Page(
                    vantage=vantage, address=address, path=path, status=status, contains=contains, patience=10.0
                )
                if params.certificate:
                    yield Port(vantage=vantage, address=address, port=443, expect="open", patience=10.0)


def _install(facts: Facts, on: Host) -> RunCommands:
    """Return the change to install Apache; raises Unplannable if no known way exists."""
    if "apt-get" not in facts.system.programs:
        raise Unplannable(
            tr("{host} has no Apache, and no apt-get to install it with: install it there by hand", host=on.name)
        )
    if any(listener.port == 80 for listener in facts.listeners):
        raise Unplannable(
            tr("port 80 of {host} is taken by something else than Apache: stop that first", host=on.name)
        )
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120")
    return RunCommands(
        about=tr("install Apache"),
        do=(command(*apt, "update", ok=(0, 100)), command(*apt, "install", "--no-install-recommends", PACKAGES[0])),
        undo=(command(*apt, "purge", *PACKAGES),),
    )


def _apache(facts: Facts, on: Host) -> Layout:
    found = layout.layout_of(facts)
    if found is None:
        raise Unplannable(
            tr(
                "{host} has no Apache (neither apache2ctl nor httpd): install it there, with apt-get install "
                "apache2 or dnf install httpd, or name another spare in the inventory",
                host=on.name,
            )
        )
    if found.tested(facts).status != 0:
        raise Unplannable(
            tr(
                "Apache's configuration on {host} is broken already and was left alone; {test} says: {tested}",
                host=on.name,
                test=" ".join(found.test),
                tested=_complaint(found.tested(facts)),
            )
        )
    return found


def _complaint(tested: ProgramFact) -> str:
    """Return the error of Apache's configuration test, without the remark on the server name (AH00558)."""
    lines = [" ".join(line.split()) for line in (tested.stderr + tested.stdout).splitlines()]
    return " ".join([line for line in lines if line and not line.startswith("AH00558")][:2]) or "nothing"


def _running(apache: Layout, facts: Facts, on: Host) -> bool:
    """Return True if the service runs; raises Unplannable if a start is impossible."""
    taken = any(listener.port == 80 for listener in facts.listeners)
    if facts.system.init != "systemd":
        return taken
    name = f"{apache.service}.service"
    unit = next((unit for unit in facts.units if unit.name == name), None)
    if unit is None or unit.load == "not-found":
        raise Unplannable(
            tr(
                "{host} has {test}, but no {name} that could be told to take up a page",
                host=on.name,
                test=apache.test[0],
                name=name,
            )
        )
    if unit.active in {"active", "reloading", "activating"}:
        return True
    if unit.load == "masked":
        raise Unplannable(
            tr("{name} on {host} is stopped and masked: systemctl unmask {name} first", name=name, host=on.name)
        )
    if taken:
        raise Unplannable(
            tr("port 80 of {host} is taken by something else than {name}: stop that first", host=on.name, name=name)
        )
    return False


def _write(wanted: Pages, facts: Facts) -> Iterator[PathChange]:
    changes = [
        make_directory(FOLDER.rpartition("/")[0], facts.www) if facts.www.kind == "absent" else None,
        make_directory(FOLDER, facts.folder),
        *(write_file(path, content, facts.page_at(path)) for path, content in wanted.files.items()),
    ]
    yield from (change for change in changes if change)


def _start(apache: Layout, facts: Facts) -> Iterator[Planned]:
    """Yield the start of Apache. The undo stops the service before files are restored, so no reload is needed."""
    known = [unit for unit in facts.units if unit.name == f"{apache.service}.service"]
    yield RunCommands(
        about=tr("start {service}", service=apache.service),
        do=(command(*apache.test), _service(apache, facts, "start")),
        undo=(_service(apache, facts, "stop"),),
        expects=units.expectation(known, {}, now="running") if known else None,
    )
    yield Activate(
        about=tr("test the configuration of {service}", service=apache.service),
        test=(command(*apache.test),),
        take=(),
    )


def _take_up(apache: Layout, facts: Facts, scene: Scene) -> Activate:
    verb, about = "reload", tr("reload {service}", service=apache.service)
    if not _on_spare(scene):
        verb = "restart"
        about = tr(
            "restart {service}, since a reload would keep what the intruder left in its memory",
            service=apache.service,
        )
    return Activate(
        about=about,
        test=(command(*apache.test),),
        take=(_service(apache, facts, verb),),
    )


def _service(apache: Layout, facts: Facts, verb: str) -> Command:
    if facts.system.init == "systemd":
        return command("systemctl", verb, f"{apache.service}.service")
    return command("service", apache.service, verb)


def _words(params: Params, apache: Layout, facts: Facts, scene: Scene, *, running: bool) -> Iterator[Planned]:
    on, target = scene.on.name, scene.target.name
    if params.error_document_url is not None:
        yield Note(
            text=tr(
                "Apache answers what is missing with 302 to {error_document_url}: the status 404 is lost, "
                "and a browser goes in circles where that page is itself missing and on the same host",
                error_document_url=params.error_document_url,
            )
        )
    name = f"{apache.service}.service"
    enabled = next((unit.enabled for unit in facts.units if unit.name == name), "")
    if not running and enabled not in {"enabled", "static", ""}:
        yield Note(
            text=tr(
                "{name} on {host} is {enabled}: after a restart of {host} nobody sees the page",
                name=name,
                host=on,
                enabled=enabled,
            )
        )
    if params.mode == "letter":
        yield Gap(
            text=tr(
                "What still exists on {host} is served as before, with 200, pages that the intruder changed "
                "among it; what Apache passes to a proxy keeps the proxy's own answer",
                host=on,
            ),
            at_best=_PAGE_ALONE,
        )
    if not _on_spare(scene):
        yield Gap(
            text=tr(
                "The page comes from {host}'s own Apache, whose modules and memory the intruder may have changed",
                host=on,
            ),
            at_best=_PAGE_ALONE,
        )
    elif params.certificate:
        yield Note(text=tr("no certificate whose key lay on {target}: take that key as stolen", target=target))
    elif not any(listener.port == 443 for listener in facts.listeners):
        yield Gap(
            text=tr(
                "Visitors by https see no page: nothing on {host} answers on port 443. The key that lay on "
                "{target} is to be taken as stolen; with a certificate for a new key, give `certificate` and "
                "`key`",
                host=on,
                target=target,
            ),
            at_best=_PAGE_ALONE,
        )
    if not scene.outside and params.visitors == "target" and _on_spare(scene):
        shown = ", ".join(map(str, scene.target.known_addresses))
        yield Gap(
            text=tr(
                "No host of the inventory looks from outside, so nobody has seen the page at {target}'s {shown}",
                target=target,
                shown=shown,
            ),
            at_best=_PAGE_ALONE,
        )


def _on_spare(scene: Scene) -> bool:
    return scene.on.name != scene.target.name
