"""What the preview says of the page beside its changes: what visitors will not see, and why."""

from __future__ import annotations

from collections.abc import Iterator

from stopgap.orchestrator.duration import format_duration
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import Gap, Note, Planned, Unlimited
from stopgap.orchestrator.text import joined, tr
from stopgap.tasks.web import certificates
from stopgap.tasks.web.https import By, Https, cache_before, https, without_it
from stopgap.tasks.web.layout import Facts, Layout
from stopgap.tasks.web.params import Params
from stopgap.tasks.web.replaced import Replaced

_PAGE_ALONE = Unlimited(why=tr("which page visitors see changes nothing of what the block drops"))


def remarks(by: By, params: Params, facts: Facts, scene: Scene) -> Iterator[Planned]:
    """Yield what visitors will not see, and what the operator should know of the page."""
    on, target = scene.on.name, scene.target.name
    if params.error_document_url is not None:
        yield Note(
            text=tr(
                "Apache answers what is missing with 302 to {error_document_url}: the status 404 is lost, "
                "and a browser goes in circles where that page is itself missing and on the same host",
                error_document_url=params.error_document_url,
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
    if not on_spare(scene):
        server = by.name if isinstance(by, Replaced) else by
        yield Gap(
            text=tr(
                "The page comes from {host}'s own {server}, whose modules and memory the intruder may have changed",
                host=on,
                server=server,
            ),
            at_best=_PAGE_ALONE,
        )
    speaks = any(each.port == 443 for each in facts.listeners)
    if params.certificate:
        if faults := list(certificates.faults(params.certificate, facts.certificate, params.names, scene.on)):
            yield Gap(
                text=tr(
                    "Browsers warn before they show the page by https, and where they know HSTS refuse it: "
                    "{certificate} is not trusted ({faults})",
                    certificate=params.certificate,
                    faults=joined("; ", faults),
                ),
                at_best=_PAGE_ALONE,
            )
        path = params.certificate
        if path.startswith(f"{certificates.FOLDER}/"):
            yield Note(text=tr("by https with the certificate that was prepared: {path}", path=path))
        yield Note(text=tr("no certificate whose key lay on {target}: take that key as stolen", target=target))
    elif params.error_document_url is None and (speaks or on_spare(scene)):
        yield from _by_https(https(by, params, facts), facts, scene)
    if cache := cache_before(facts.site, facts.plain_site):
        yield Note(
            text=tr(
                "{target} answers through a cache or delivery network ({cache}): empty its cache there, and see that "
                "it passes 503 on",
                target=target,
                cache=cache,
            )
        )
    if params.updates and params.next_word is None:
        yield Note(
            text=tr(
                "the page promises new words every {time}: stopgap run update-page",
                time=format_duration(params.updates),
            )
        )
    if not scene.outside and params.visitors == "target" and on_spare(scene):
        shown = ", ".join(map(str, scene.target.known_addresses))
        yield Gap(
            text=tr(
                "No host of the inventory looks from outside, so nobody has seen the page at {target}'s {shown}",
                target=target,
                shown=shown,
            ),
            at_best=_PAGE_ALONE,
        )


def _by_https(after: Https, facts: Facts, scene: Scene) -> Iterator[Planned]:
    on, target = scene.on.name, scene.target.name
    if after.by == "nothing":
        yield Gap(
            text=tr(
                "Visitors by https see no page: nothing on {host} answers on port 443 then. {sees}. The key that lay "
                "on {target} is to be taken as stolen: make a new one on the spare (stopgap run spare-certificate), "
                "and give `certificate` and `key`",
                host=on,
                sees=without_it(facts.site, facts.plain_site),
                target=target,
            ),
            at_best=_PAGE_ALONE,
        )
    elif after.by == "other":
        yield Note(
            text=tr(
                "port 443 of {host} is answered by {owner}: visitors by https see the page only if it passes their "
                "requests on to port 80, which is looked at",
                host=on,
                owner=after.owner or tr("something else"),
            )
        )


def on_spare(scene: Scene) -> bool:
    """Return True if another host than the target shows the page."""
    return scene.on.name != scene.target.name


def stays_off(apache: Layout, facts: Facts, scene: Scene, *, running: bool) -> Iterator[Note]:
    """Yield a note if Apache is not started at boot."""
    name = f"{apache.service}.service"
    enabled = next((unit.enabled for unit in facts.units if unit.name == name), "")
    if not running and enabled not in {"enabled", "static", ""}:
        yield Note(
            text=tr(
                "{name} on {host} is {enabled}: after a restart of {host} nobody sees the page",
                name=name,
                host=scene.on.name,
                enabled=enabled,
            )
        )
