"""What answers visitors by https: the page, another program, or nothing; and what they see without the page."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

from stopgap.orchestrator.check import caches_in
from stopgap.orchestrator.facts import ABSENT, HttpFact, HttpGet, PlacedProcess
from stopgap.orchestrator.host import Scene
from stopgap.orchestrator.task import At, Probe
from stopgap.orchestrator.text import tr
from stopgap.tasks.host.place import place_of
from stopgap.tasks.web import certificates
from stopgap.tasks.web.layout import OWN_FILES, Debian, Facts, layout_of
from stopgap.tasks.web.params import Params
from stopgap.tasks.web.replaced import Replaced
from stopgap.tasks.web.service import describe, owner_of_port_80, owners

By: TypeAlias = "Replaced | Literal['Apache', 'Stopgap']"
"""What shows the page."""


_PREPARED = re.compile(re.escape(certificates.FOLDER) + r"/[A-Za-z0-9.-]+\.pem(?!\.key)")


class Https(NamedTuple):
    """What answers on port 443 once the page is shown."""

    by: Literal["page", "other", "nothing"]
    owner: str = ""
    """Program of `other`; may be unknown."""


def look_at_site(params: Params, scene: Scene) -> Probe:
    """Return readers for the site as visitors have it now, from outside: for what they will see by https."""
    if params.certificate or not scene.target.known_addresses:
        return {}
    address, name = scene.target.known_addresses[0], next(iter(params.names), None)
    return {
        field: At("outside", HttpGet(address, "/", name, tls, timeout=2))
        for field, tls in (("site", True), ("plain_site", False))
    }


def with_prepared(by: By, params: Params, facts: Facts) -> tuple[Params, Facts]:
    """Return the parameters with a certificate that was prepared on the spare, where `by` can use it at once.

    One that the page has in use already stays, so that new words do not close https.
    """
    if params.certificate or params.mode != "strong":
        return params, facts
    configured = (facts.conf_available, facts.files.get(OWN_FILES[0], ABSENT), *facts.mains.values())
    texts = [text for file in configured if (text := file.text()) and "Written by stopgap" in text]
    in_use = next((match[0] for text in texts if (match := _PREPARED.search(text))), None)
    found = in_use or next((path for path, shown in facts.prepared.items() if certificates.is_one(shown)), None)
    ready = (by.at_once and not list(by.sites(params, facts.texts))) if isinstance(by, Replaced) else True
    if by == "Apache":
        apache = layout_of(facts)
        ready = isinstance(apache, Debian) or (apache is None and params.install)
    if found is None or not (ready or in_use):
        return params, facts
    given = params.model_copy(update={"certificate": found, "key": f"{found}.key"})
    return given, facts.model_copy(update={"certificate": facts.prepared.get(found, facts.certificate)})


def https(by: By, params: Params, facts: Facts) -> Https:
    """Return what will answer on port 443."""
    if params.certificate or (isinstance(by, Replaced) and list(by.sites(params, facts.texts))):
        return Https("page")
    owner = next(iter(owners(facts, 443)), None)
    listens = owner is not None or any(each.port == 443 for each in facts.listeners)
    if not listens:
        return Https("nothing")
    plain = owner_of_port_80(facts)
    if by == "Apache" and (owner is None or plain is None or _together(owner, plain, facts)):
        return Https("page")
    if owner and plain and _together(owner, plain, facts):
        return Https("nothing")
    return Https("other", describe(owner, facts) if owner else "")


def without_it(seen: HttpFact | None, plain: HttpFact | None) -> str:
    """Return what visitors see whose https gets no answer, by what the site said from outside before."""
    if seen and "strict-transport-security" in seen.headers:
        return tr(
            "The site asks for https alone (HSTS, {age}): a browser that has been there shows a connection error, "
            "for http addresses too, and offers no way past it",
            age=seen.headers["strict-transport-security"].partition(";")[0].strip()[:40],
        )
    if plain and plain.status in {301, 302, 307, 308} and plain.headers.get("location", "").startswith("https://"):
        return tr(
            "The site sends http on to https, so that links, bookmarks and many a browser's memory lead there: a "
            "connection error; who types a plain address sees the page"
        )
    if seen and seen.status:
        return tr(
            "The site answers by https: links and bookmarks to https end in a connection error, plain addresses show "
            "the page"
        )
    return tr("A browser that knows the site by https (HSTS) tries nothing else")


def cache_before(*seen: HttpFact | None) -> str:
    """Return the headers of a cache or delivery network with which the site answered; empty without any."""
    return next((said for fact in seen if fact and (said := caches_in(fact.headers))), "")


def _together(one: PlacedProcess, other: PlacedProcess, facts: Facts) -> bool:
    """Return True for two processes of one unit or container, or of one program without a known unit or container."""
    first, second = place_of(one, facts.placed), place_of(other, facts.placed)
    if first == second and (first.unit or first.container):
        return True
    return first == second and (one.exe, one.name) == (other.exe, other.name)
