"""web.maintenance: the maintenance page shown to visitors while a host is out of service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stopgap.orchestrator.change import (
    PathChange,
    RunCommands,
    command,
    make_directory,
    write_file,
)
from stopgap.orchestrator.check import Check, Page
from stopgap.orchestrator.facts import ABSENT, ProgramFact, Reader
from stopgap.orchestrator.host import Address, CheckVantage, Host, Scene
from stopgap.orchestrator.task import At, Past, Planned, Probe, Task, Unplannable
from stopgap.orchestrator.text import tr
from stopgap.tasks.host.units import ROOT_PROGRAMS
from stopgap.tasks.web import certificates, layout, own_server, taking_over
from stopgap.tasks.web.https import By, https, look_at_site, with_prepared
from stopgap.tasks.web.layout import Facts, Layout
from stopgap.tasks.web.page import FOLDER, Pages, configuration, pages
from stopgap.tasks.web.params import Params
from stopgap.tasks.web.remarks import on_spare, remarks, stays_off
from stopgap.tasks.web.replaced import REPLACED, Replaced
from stopgap.tasks.web.service import (
    describe_owner,
    drive,
    is_running,
    owner_of_port_80,
    runs_as,
    start,
    take_up,
)

PACKAGES = ("apache2", "apache2-bin", "apache2-data", "apache2-utils")
"""Debian's: the one to install, and those that it brings for itself alone."""
_APACHES = {"apache2", "httpd"}
"""Programs of Apache, up to the `-` before the kind of its processes."""


class WebMaintenance(Task[Params, Facts]):
    """Show visitors a maintenance page, instead of what the host would answer or an error of their browser's.

    On the spare by default, out of the intruder's reach; on the target with `on: target`. The server that listens on
    port 80 shows the page: Apache 2.4.19 or newer in the layout of Debian or Red Hat, nginx, lighttpd,
    Caddy, HAProxy or Varnish; with systemd, or any init system with service(8). Apache gets a file of its own; the
    main file of any other server is replaced, and put back by the undo. The configuration is tested before each
    reload; after a failed test, the previous configuration is restored. With `install`, a spare without a web server
    gets Apache first, within the step's `timeout`; where nothing can be installed, a small server of Stopgap's own,
    under systemd, shows the page.
    """

    name = "web.maintenance"
    vantages = ("spare", "target")

    def root_programs(self) -> frozenset[str]:
        """Return the programs for services."""
        return ROOT_PROGRAMS

    def probe(self, params: Params, scene: Scene) -> Probe:
        """Return readers for the files of each server, the service, and Apache's configuration test."""
        probe: dict[str, Reader[Any] | At | Past] = {**layout.probe(), **look_at_site(params, scene)}
        if params.certificate:
            probe["certificate"] = certificates.reader(params.certificate)
        elif on_spare(scene) and params.mode == "strong":
            found = certificates.prepared(params.names)
            probe |= {f"prepared.{path}": reader for path, reader in found.items()}
        return probe

    def plan(self, params: Params, facts: Facts, scene: Scene) -> Iterator[Planned]:
        """Yield changes for pages and configuration, then the reload; start the server if stopped."""
        by = _shown_by(params, facts, scene)
        params, facts = with_prepared(by, params, facts)
        match by:
            case "Stopgap":
                yield from _by_own(params, facts, scene)
            case "Apache":
                yield from _by_apache(params, facts, scene)
            case server:
                yield from _replace(server, params, facts, scene)

    def checks(self, params: Params, facts: Facts, scene: Scene) -> Iterator[Check]:
        """Yield requests at the visitors' addresses from outside; on the spare, from the controller too.

        Asked for are `/`, a page that nobody has, and a static file, and each name of `names`; by https where the
        server speaks it.
        """
        revision = pages(params).revision
        asks: list[tuple[str, str | None]] = [("/", None), (f"/nothing-is-here-{revision[:4]}", None)]
        asks += [("/favicon.ico", None), *(("/", name) for name in params.names)]
        status, contains = 503, revision
        if params.mode == "letter":
            asks, status = [("/nothing-is-here", name) for name in (None, *params.names)], 404
        if params.error_document_url is not None:
            status, contains = 302, params.error_document_url
        by = _shown_by(params, facts, scene)
        tls = https(by, *with_prepared(by, params, facts)).by != "nothing"
        own = scene.on.known_addresses
        looks: list[tuple[CheckVantage, tuple[Address, ...]]] = []
        if scene.outside and params.visitors != "none":
            looks.append(("outside", own if params.visitors == "own" else scene.target.known_addresses))
        if on_spare(scene) or not looks:
            looks.append(("controller", own))
        for vantage, addresses in looks:
            for address in addresses:
                for secure in (False, True) if tls else (False,):
                    for path, host in asks:
                        yield Page(
                            vantage=vantage,
                            address=address,
                            path=path,
                            host=host,
                            tls=secure,
                            status=status,
                            contains=contains,
                            patience=10.0,
                        )


class ApacheMaintenance(WebMaintenance):
    """Show visitors a maintenance page: the name of `web.maintenance` in runbooks written before 0.2."""

    name = "apache.maintenance"


def _shown_by(params: Params, facts: Facts, scene: Scene) -> By:
    if server := _replaced(facts):
        return server
    return "Stopgap" if _is_foreign(facts) or _needs_own(params, facts, scene) else "Apache"


def _replaced(facts: Facts) -> Replaced | None:
    """Return the server whose main file is to be replaced: the owner of port 80, or one that is installed.

    An owner elsewhere than its package puts it, or in a container, reads another file: it is none of these.
    """
    owner = owner_of_port_80(facts)
    program = (owner.exe.rpartition("/")[2] or owner.name) if owner else ""
    if owner:
        named = next((server for server in REPLACED if server.program == program), None)
        there = named and facts.mains.get(named.name, ABSENT).kind != "absent"
        return named if named and there and runs_as(named.service, owner, facts) else None
    taken = any(each.port == 80 for each in facts.listeners)
    if layout.layout_of(facts) is not None or taken or taking_over.others(facts, 80):
        return None
    return next((server for server in REPLACED if server.program in facts.system.programs), None)


def _is_foreign(facts: Facts) -> bool:
    """Return True if a program that Stopgap gives no page to has port 80, or Stopgap's own server has it already."""
    owner = owner_of_port_80(facts)
    apache = layout.layout_of(facts)
    if apache and owner and runs_as(apache.service, owner, facts):
        return (owner.exe.rpartition("/")[2] or owner.name).split("-")[0] not in _APACHES
    return owner is not None or taking_over.others(facts, 80)


def _by_own(params: Params, facts: Facts, scene: Scene) -> Iterator[Planned]:
    if params.mode != "strong":
        raise Unplannable(
            tr(
                "`mode: letter` is Apache's, and {host} has {server}",
                host=scene.on.name,
                server=describe_owner(facts) or tr("no Apache"),
            )
        )
    if not own_server.possible(facts):
        raise Unplannable(
            tr(
                "port 80 of {host} is taken by {owner}, which Stopgap gives no page to, and its own server needs "
                "systemd and Python 3 there: stop it, or name another spare",
                host=scene.on.name,
                owner=describe_owner(facts) or taking_over.describe_others(facts, 80) or tr("something else"),
            )
        )
    yield from _write(pages(params), facts)
    yield from taking_over.take_over(facts, scene.on, (80, 443) if params.certificate else (80,))
    owner = "" if own_server.runs(facts) else describe_owner(facts) or taking_over.describe_others(facts, 80)
    yield from own_server.serve(params, facts, owner)
    yield from remarks("Stopgap", params, facts, scene)


def _replace(server: Replaced, params: Params, facts: Facts, scene: Scene) -> Iterator[Planned]:
    if params.mode != "strong":
        raise Unplannable(
            tr("`mode: letter` is Apache's, and {host} has {server}", host=scene.on.name, server=server.name)
        )
    running = is_running(server, facts, scene.on)
    before = facts.mains.get(server.name, ABSENT)
    written = [*_write(pages(params), facts), *filter(None, server.links(params, facts.links))]
    yield from written
    change = server.change(server.configuration(params, before, facts.texts), before)
    if change:
        yield change
    if not running:
        yield from start(server, facts)
    elif change or (written and not server.rereads):
        yield take_up(server, facts, afresh=not on_spare(scene))
    yield from remarks(server, params, facts, scene)


def _needs_own(params: Params, facts: Facts, scene: Scene) -> bool:
    """Return True if no web server is there, none can be installed, and Stopgap's own can run."""
    installs = params.install and "apt-get" in facts.system.programs
    taken = any(listener.port == 80 for listener in facts.listeners)
    return (
        on_spare(scene)
        and layout.layout_of(facts) is None
        and own_server.possible(facts)
        and not installs
        and (not taken or own_server.runs(facts))
    )


def _by_apache(params: Params, facts: Facts, scene: Scene) -> Iterator[Planned]:
    installs = params.install and on_spare(scene) and layout.layout_of(facts) is None
    if installs:
        yield _install(facts, scene.on)
        facts = layout.freshly_installed(facts)
    apache = _apache(facts, scene.on)
    running = is_running(apache, facts, scene.on)
    if params.error_document_url is None:
        yield from _write(pages(params), facts)
    tls = params.certificate is not None
    configured = [change for change in apache.configure(configuration(params, apache.load), facts, tls=tls) if change]
    yield from configured
    if installs:
        yield RunCommands(
            about=tr("have {service} take up the page", service=apache.service),
            do=(command(*apache.test), drive(apache, facts, "reload-or-restart")),
            undo=(),
            undo_about=tr("nothing: its packages go"),
        )
    elif not running:
        yield from start(apache, facts)
    elif configured:
        yield take_up(apache, facts, afresh=not on_spare(scene))
    yield from stays_off(apache, facts, scene, running=running)
    yield from remarks("Apache", params, facts, scene)


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


def _write(wanted: Pages, facts: Facts) -> Iterator[PathChange]:
    changes = [
        make_directory(FOLDER.rpartition("/")[0], facts.www) if facts.www.kind == "absent" else None,
        make_directory(FOLDER, facts.folder),
        *(write_file(path, content, facts.page_at(path)) for path, content in wanted.files.items()),
    ]
    yield from (change for change in changes if change)
